"""Write blocks of the tree as states that lead to one another.

A block is written from its end, so that each state knows the next one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from partita.compile.activity_calls import children_of
from partita.compile.tree import (
    Branch,
    Break,
    Call,
    Check,
    Continue,
    Handler,
    If,
    Inlined,
    Let,
    Loop,
    Map,
    Node,
    Parallel,
    Raise,
    Return,
    SignalWait,
    Sleep,
    Try,
    Value,
)
from partita.compile.types import ERROR, INT, MOMENT
from partita.stepfunctions.emitter import states as s
from partita.stepfunctions.emitter import tasks as t
from partita.stepfunctions.emitter.groups import grouped
from partita.stepfunctions.emitter.guards import GUARD, caught, checked, hoisted, is_guarded
from partita.stepfunctions.emitter.guards import failed as guard_state
from partita.stepfunctions.emitter.maps import failure, given, label, map_state, replaced


@dataclass(frozen=True)
class Ways:
    """Where a block is left to, other than at its end."""

    on_error: tuple[str, Callable[[], str]] | None = None  # the error's variable, and the state
    on_return: tuple[str, Callable[[], str]] | None = None  # the result's variable, and the state
    on_break: Callable[[], str | None] | None = None
    on_continue: Callable[[], str | None] | None = None
    is_outcome: bool = False  # a result is the member `value` of what the block gives


@dataclass
class Blocks:
    """Write blocks into the states of a machine."""

    states: s.States
    ways: Ways = field(default_factory=Ways)

    def within(self, **ways: Any) -> Blocks:
        """Return what writes blocks that are left in other ways."""
        is_outcome = "on_return" not in ways and self.ways.is_outcome
        return Blocks(self.states, replace(self.ways, **{"is_outcome": is_outcome, **ways}))

    def block(self, nodes: Sequence[Node], next: str | None) -> str | None:
        """Write nodes; return the first state's name, or `next` if there is none."""
        safe = [one for node in nodes for one in hoisted(node, self.states)]
        for group in reversed(grouped(safe)):
            next = self._group(group, next)
        return next

    def _group(self, group: list[Node], next: str | None) -> str | None:
        first = group[0]
        if isinstance(first, Check):
            return self._checks(group, next)
        match first:
            case Let():
                return self._let(group, next)
            case Call():
                return self._call(first, next)
            case Parallel():
                return self._parallel(first, next)
            case Map():
                return self._map(first, next)
            case If():
                return self._choice([], first, next)
            case Loop():
                return self._loop(first, next)
            case Try():
                return self._try(first, next)
            case Raise():
                return self._raise(first.row, first.error)
            case Return():
                return self._return(first)
            case Inlined():
                return self._inlined(first, next)
            case Sleep():
                return self._add("sleep", first.row, _wait(first), next)
            case Break():
                assert self.ways.on_break is not None
                return self.ways.on_break()
            case Continue():
                assert self.ways.on_continue is not None
                return self.ways.on_continue()

    def _add(self, what: str, row: int, state: dict[str, Any], next: str | None) -> str:
        ends = {"End": True} if next is None else {"Next": next}
        return self.states.add(self.states.name(what, row), row, {**state, **ends})

    # -- values

    def _let(self, group: Sequence[Any], next: str | None) -> str:
        values = {name: value for one in group for name, value in one.values.items()}
        what = ", ".join(values) if len(values) < 4 else f"{next_name(values)}, ..."
        row = group[0].row
        if any(map(is_guarded, values.values())):
            return self._guarded(what, row, values, next)
        assigned = {name: s.field(value) for name, value in values.items()}
        return self._add(what, row, {"Type": "Pass", "Assign": assigned}, next)

    def _guarded(self, what: str, row: int, values: dict[str, Value], next: str | None) -> str:
        """Write the state that assigns guarded values."""
        guard = guard_state(self.states, row)
        choice = checked(values, guard)
        if choice is None:
            state = caught(values, row, guard, self.states)
            return self._add(what, row, state, next)
        after = next if next is not None else self._add("end", row, {"Type": "Pass"}, None)
        return self.states.add(self.states.name(what, row), row, {**choice, "Default": after})

    def _return(self, node: Return) -> str:
        if self.ways.on_return is None:
            name = self.states.name("return", node.row)
            output: Any = s.expression(node.value.text)
            output = {"value": output} if self.ways.is_outcome else output
            state = {"Type": "Succeed", "Output": output}
            return self.states.add(name, node.row, state)
        variable, state_of = self.ways.on_return
        value = s.field(node.value)
        value = {"value": value} if self.ways.is_outcome else value
        assign = {"Type": "Pass", "Assign": {variable: value}}
        return self._add("return", node.row, assign, state_of())

    # -- calls

    def _call(self, node: Call, next: str | None) -> str:
        state = t.task(node)
        if node.variable is not None:
            state["Assign"] = {node.variable: s.expression(t.result(node))}
        if self.ways.on_error is not None:
            variable, state_of = self.ways.on_error
            state["Catch"] = [_catcher({variable: s.expression(t.error(node))}, state_of())]
        elif isinstance(node.activity, SignalWait):
            variable = self.states.variable("error")
            late = self._fail(node.row, Value(f"${variable}", ERROR))
            state["Catch"] = [_catcher({variable: s.expression(t.error(node))}, late)]
        return self._add(node.name, node.row, state, next)

    # -- branches

    def _parallel(self, node: Parallel, next: str | None) -> str | None:
        if len(node.branches) == 1:
            return self._alone(node.branches[0], next)
        state: dict[str, Any] = {
            "Type": "Parallel",
            "Branches": [self._branch(one, []) for one in node.branches],
            "Assign": {
                one.variable: s.expression(f"$states.result[{number}]")
                for number, one in enumerate(node.branches)
            },
        }
        return self._add("parallel", node.row, state, next)

    def _alone(self, node: Branch, next: str | None) -> str | None:
        """Write a branch that has no other beside it."""
        after = next if next is not None else self._add("end", node.row, {"Type": "Pass"}, None)
        call = node.call
        if call is None:
            error = {"error": s.expression(f"${node.error}")}
            inner = self.within(
                on_error=(node.error, self._assigns(node, error, after)),
                on_return=(node.variable, lambda: after),
                is_outcome=True,
            )
            return inner.block(node.body, after)
        state = t.task(call)
        state["Assign"] = {node.variable: {"value": s.expression(t.result(call))}}
        failed = {node.variable: {"error": s.expression(t.error(call))}}
        state |= {"Catch": [_catcher(failed, after)], "Next": after}
        return self.states.add(self.states.name(node.name, node.row), node.row, state)

    def _assigns(self, node: Branch, value: Any, next: str) -> Callable[[], str]:
        """Return what gives the state that assigns a branch's outcome."""
        made: list[str] = []

        def state_of() -> str:
            if not made:
                state = {"Type": "Pass", "Assign": {node.variable: value}}
                made.append(self._add(f"{node.name} failed", node.row, state, next))
            return made[0]

        return state_of

    def _branch(self, node: Branch, first: list[Node]) -> dict[str, Any]:
        """Return the states of a branch, whose output is its outcome."""
        states = self.states.inner()
        made: list[str] = []

        def failed() -> str:
            if not made:
                output = {"error": s.expression(f"${node.error}")}
                name = states.name(f"{node.name} failed", node.row)
                state = {"Type": "Succeed", "Output": output}
                made.append(states.add(name, node.row, state))
            return made[0]

        inner = Blocks(states, Ways(on_error=(node.error, failed), is_outcome=True))
        call = node.call if not first else None
        start = inner._outcome(call) if call else inner.block([*first, *node.body], None)
        assert start is not None
        return {"StartAt": start, "States": states.in_order(start)}

    def _plain_branch(self, node: Branch, first: list[Node]) -> dict[str, Any]:
        """Return the states of a branch, whose output is its result."""
        states = self.states.inner()
        if node.call and not first:
            state = {**t.task(node.call), "Output": s.expression(t.result(node.call)), "End": True}
            start = states.add(states.name(node.call.name, node.row), node.row, state)
        else:
            found = Blocks(states, Ways()).block([*first, *node.body], None)
            assert found is not None
            start = found
        return {"StartAt": start, "States": states.in_order(start)}

    def _outcome(self, call: Call) -> str:
        """Write a call whose output is its outcome."""
        name = call.name
        failed = self.states.add(
            self.states.name(f"{name} failed", call.row), call.row, {"Type": "Pass", "End": True}
        )
        output = {"error": s.expression(t.error(call))}
        state = {
            **t.task(call),
            "Output": {"value": s.expression(t.result(call))},
            "Catch": [{"ErrorEquals": ["States.ALL"], "Output": output, "Next": failed}],
            "End": True,
        }
        return self.states.add(self.states.name(name, call.row), call.row, state)

    def _map(self, node: Map, next: str | None) -> str:
        state = self._mapped(node)
        call = node.branch.call
        if node.is_sequential and call is not None and self.ways.on_error is not None:
            variable, state_of = self.ways.on_error
            state["Catch"] = [_catcher({variable: s.expression(t.error(call))}, state_of())]
        fails = failure(node)
        if fails is not None:
            assign, after = self._failed_map(node.row, fails[1])
            state["Catch"] = [{"ErrorEquals": fails[0], "Assign": assign, "Next": after}]
        name = self.states.name("map", node.row)
        if node.is_distributed:
            state["Label"] = label(name)
        ends = {"End": True} if next is None else {"Next": next}
        return self.states.add(name, node.row, {**state, **ends})

    def _failed_map(self, row: int, error: Value) -> tuple[dict[str, Any], str]:
        """Return what keeps the error of a Map state, and what comes then."""
        if self.ways.on_error is not None:
            variable, state_of = self.ways.on_error
            return {variable: s.expression(error.text)}, state_of()
        variable = self.states.variable("error")
        failed = self._fail(row, Value(f"${variable}", ERROR))
        return {variable: s.expression(error.text)}, failed

    def _mapped(self, node: Map) -> dict[str, Any]:
        """Return the Map state of a branch for each item."""
        item = given(node)
        first = [] if node.branch.call else [Let(node.row, {node.item: item})]
        is_plain = node.is_sequential or node.files is not None
        write = self._plain_branch if is_plain else self._branch
        processor = write(node.branch, list(first))
        if node.branch.call:
            for state in processor["States"].values():
                if "Arguments" in state:
                    state["Arguments"] = replaced(state["Arguments"], node.item, item.text)
        result = "$states.result" if node.files is None else "$states.result.ResultWriterDetails"
        assigned = {node.branch.variable: s.expression(result)}
        return {**map_state(node, processor), "Assign": assigned}

    # -- choices

    def _checks(self, group: list[Any], next: str | None) -> str:
        node = group[-1] if isinstance(group[-1], If) else None
        rules = [self._check(one) for one in group if isinstance(one, Check)]
        if node is not None:
            return self._choice(rules, node, next)
        return self._add_choice("check", group[0].row, rules, next)

    def _check(self, node: Check) -> dict[str, Any]:
        rule: dict[str, Any] = {"Condition": s.expression(f"$not({node.condition.text})")}
        if node.first:
            return {**rule, "Next": self.block([*node.first, Raise(node.row, node.error)], None)}
        if self.ways.on_error is None:
            return {**rule, "Next": self._fail(node.row, node.error)}
        variable, state_of = self.ways.on_error
        return {**rule, "Assign": {variable: s.field(node.error)}, "Next": state_of()}

    def _choice(self, rules: list[dict[str, Any]], node: If, next: str | None) -> str:
        other = self.block(node.orelse, next)
        then = self.block(node.body, next)
        rules = [*rules, {"Condition": s.expression(node.test.text), "Next": then}]
        return self._add_choice("if", node.row, rules, other)

    def _add_choice(
        self, what: str, row: int, rules: list[dict[str, Any]], default: str | None
    ) -> str:
        state: dict[str, Any] = {"Type": "Choice", "Choices": rules}
        if default is not None:
            state["Default"] = default
        return self.states.add(self.states.name(what, row), row, state)

    def _loop(self, node: Loop, next: str | None) -> str | None:
        choice = self.states.name("loop", node.row)
        after = self.block(node.orelse, next)
        begin = self.block(node.head, choice)
        inner = self.within(on_break=lambda: next, on_continue=lambda: begin)
        body = inner.block(node.body, begin)
        rules = [{"Condition": s.expression(node.test.text), "Next": body}]
        state: dict[str, Any] = {"Type": "Choice", "Choices": rules}
        if after is not None:
            state["Default"] = after
        self.states.add(choice, node.row, state)
        return begin

    def _inlined(self, node: Inlined, next: str | None) -> str | None:
        after = next if next is not None else self._add("end", node.row, {"Type": "Pass"}, None)
        ways = {"on_return": (node.variable, lambda: after)}
        return self.within(**ways, on_break=None, on_continue=None).block(node.body, after)

    # -- errors

    def _raise(self, row: int, error: Value) -> str:
        if self.ways.on_error is None:
            return self._fail(row, error)
        variable, state_of = self.ways.on_error
        assign = {"Type": "Pass", "Assign": {variable: s.field(error)}}
        return self._add("raise", row, assign, state_of())

    def _fail(self, row: int, error: Value) -> str:
        kind, _ = error.constant or (f"{error.text}.type", "")
        state = {"Type": "Fail", "Error": s.expression(kind), "Cause": s.expression(t.cause(error))}
        return self.states.add(self.states.name("raise", row), row, state)

    def _try(self, node: Try, next: str | None) -> str | None:
        if not node.final:
            return self._handled(node, next)
        dispatch = self.states.name("finally", node.row)
        final = self.block(node.final, dispatch)
        exits = _Exits(self, node, final or dispatch)
        inner = self.within(
            on_error=(node.variable, exits.to("error")),
            on_return=(node.returned, exits.to("return")),
            on_break=exits.to("break") if self.ways.on_break else None,
            on_continue=exits.to("continue") if self.ways.on_continue else None,
        )
        begin = inner._handled(node, exits.to("end")())
        self.states.add(dispatch, node.row, self._dispatch(node, exits.used, next))
        return begin

    def _dispatch(self, node: Try, used: dict[str, str], next: str | None) -> dict[str, Any]:
        """Return the state after a finally block, which goes on with what was under way."""
        rules = []
        ways: dict[str, Callable[[], str | None]] = {
            "error": lambda: self._raise(node.row, Value(f"${node.variable}", INT)),
            "return": lambda: self._return(Return(node.row, Value(f"${node.returned}", INT))),
            "break": lambda: self.ways.on_break() if self.ways.on_break else None,
            "continue": lambda: self.ways.on_continue() if self.ways.on_continue else None,
        }
        for exit, way in ways.items():
            if exit in used:
                test = s.expression(f'${node.exit} = "{exit}"')
                rules.append({"Condition": test, "Next": way()})
        if not rules:
            return {"Type": "Pass", **({"End": True} if next is None else {"Next": next})}
        state: dict[str, Any] = {"Type": "Choice", "Choices": rules}
        return state if next is None else {**state, "Default": next}

    def _handled(self, node: Try, next: str | None) -> str | None:
        """Write a try statement's body with its handlers."""
        orelse = self.block(node.orelse, next)
        if not node.handlers:
            return self.block(node.body, orelse)
        made: list[str] = []
        choice = self.states.name("except", node.handlers[0].row)

        def state_of() -> str:
            made.append(choice)
            return choice

        inner = self.within(on_error=(node.variable, state_of))
        begin = inner.block(node.body, orelse)
        if made:
            self._handlers(node, choice, next)
        return begin

    def _handlers(self, node: Try, choice: str, next: str | None) -> None:
        rules = self._uncaught(node)
        default: str | None = None
        for handler in node.handlers:
            body = self.block(handler.body, next)
            if handler.names is None:
                default = body
                break
            rules.append({"Condition": s.expression(_named(node, handler)), "Next": body})
        else:
            default = self._raise(node.row, Value(f"${node.variable}", INT))
        row = node.handlers[0].row
        if not rules:
            state: dict[str, Any] = {"Type": "Pass"}
            self.states.add(choice, row, {**state, "Next": default} if default else state)
            return
        self.states.add(choice, row, {"Type": "Choice", "Choices": rules, "Default": default})

    def _uncaught(self, node: Try) -> list[dict[str, Any]]:
        """Return the rule that leads past handlers: no handler catches a child's guard."""
        if not children_of(self.states.program):
            return []
        error = f"${node.variable}"
        condition = s.expression(f'{error}.type = "{GUARD}"')
        output = s.expression(f"{error}.message")
        guard = guard_state(self.states, node.row)
        return [{"Condition": condition, "Output": output, "Next": guard}]


class _Exits:
    """The states that note why a try statement is left, and lead to its finally block."""

    def __init__(self, blocks: Blocks, node: Try, final: str) -> None:
        self.blocks = blocks
        self.node = node
        self.final = final
        self.used: dict[str, str] = {}

    def to(self, exit: str) -> Callable[[], str]:
        """Return what gives the state of an exit."""

        def state_of() -> str:
            if exit not in self.used:
                states, row = self.blocks.states, self.node.row
                state = {"Type": "Pass", "Assign": {self.node.exit: exit}, "Next": self.final}
                self.used[exit] = states.add(states.name(f"finally after {exit}", row), row, state)
            return self.used[exit]

        return state_of


def next_name(names: dict[str, Any]) -> str:
    """Return the first of several names."""
    return next(iter(names))


def _catcher(assign: dict[str, Any], next: str) -> dict[str, Any]:
    return {"ErrorEquals": ["States.ALL"], "Assign": assign, "Next": next}


def _named(node: Try, handler: Handler) -> str:
    assert handler.names is not None
    names = ", ".join(f'"{name}"' for name in handler.names)
    bases = [f'"{name}" in ${node.variable}.bases' for name in handler.classes]
    return " or ".join([f"${node.variable}.type in [{names}]", *bases])


def _wait(node: Sleep) -> dict[str, Any]:
    seconds = node.seconds
    if seconds.type is MOMENT:
        return {"Type": "Wait", "Timestamp": s.expression(f"$fromMillis({seconds.text})")}
    if seconds.is_constant and float(seconds.constant).is_integer():
        return {"Type": "Wait", "Seconds": int(seconds.constant)}
    if seconds.type is INT:
        return {"Type": "Wait", "Seconds": s.expression(seconds.text)}
    entered = "$toMillis($states.context.State.EnteredTime)"
    text = f"$fromMillis({entered} + $round({seconds.atom} * 1000))"
    return {"Type": "Wait", "Timestamp": s.expression(text)}
