"""Write the state machine of a file of pyawssfn: one Task state for a call, in JSONata mode.

Each call goes to one Lambda function, whose event says which function of the module is meant:
`call_descr` has its name and those of its arguments, `locals` the variables by their names.
A result that is returned at once ends the machine without another state.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from partita.compile.jsonata import literal, text_of
from partita.compile.tree import Call, Check, Program, Raise, Return, Try
from partita.stepfunctions.emitter.machine import INVALID_INPUT
from partita.stepfunctions.emitter.states import States, expression
from partita.stepfunctions.emitter.states import field as field_of
from partita.stepfunctions.pysfn.calls import Branches, Callee, Choices

_RESULT = expression("$states.result")

After = str | Return
"""What comes after a block: a state, or the end of the machine or branch."""


def machine(program: Program, lambda_arn: str) -> dict[str, Any]:
    """Return the definition of a program's machine."""
    states = States(program)
    writer = _Writer(states, lambda_arn)
    body = writer.state(writer.block(program.body, _end(program.row)))
    start = _input_check(program, states, body)
    comment = (program.document or "").strip().partition("\n")[0]
    return {
        "Comment": f"{program.name}: {comment}" if comment else program.name,
        "QueryLanguage": "JSONata",
        "StartAt": start,
        "States": states.in_order(start),
    }


def _end(row: int) -> Return:
    none = literal(None)
    assert none is not None
    return Return(row, none)


def _input_check(program: Program, states: States, next: str) -> str:
    """Assign the parameters from the input's `locals`; fail if one is missing."""
    if not program.parameters:
        return next
    row = program.row
    required = [one.name for one in program.parameters if one.default is None]
    cause = f'The input must be {{"locals": {{...}}}} with the members {json.dumps(required)}.'
    fail = {"Type": "Fail", "Error": INVALID_INPUT, "Cause": cause}
    rule = {
        "Condition": expression(f"$not({_valid_input(required)})"),
        "Next": states.add(states.name("invalid input", row), row, fail),
    }
    assigned = {}
    for one in program.parameters:
        given = f"$lookup($states.input.locals, {text_of(one.name)})"
        if one.default is not None:
            given = f"$exists({given}) ? {given} : {one.default.text}"
        assigned[one.variable] = expression(given)
    state = {"Type": "Choice", "Choices": [rule], "Default": next, "Assign": assigned}
    return states.add(states.name("input", row), row, state)


def _valid_input(required: list[str]) -> str:
    test = "true"
    for name in reversed(required):
        test = f"$exists($lookup($states.input.locals, {text_of(name)})) ? ({test}) : false"
    test = f'$type($lookup($states.input, "locals")) = "object" ? ({test}) : false'
    return f'$type($states.input) = "object" ? ({test}) : false'


@dataclass
class _Writer:
    """Writes blocks from their ends, so that each state knows the next one."""

    states: States
    lambda_arn: str
    _named: dict[tuple[Any, ...], str] = field(default_factory=dict)  # states that may be shared

    def block(self, nodes: list[Any], after: After) -> After:
        """Write nodes; return what a block before them goes on with."""
        for node in reversed(nodes):
            after = self._node(node, after)
        return after

    def _node(self, node: Any, after: After) -> After:
        match node:
            case Return():
                return node
            case Raise():
                name, cause = (str(one) for one in node.error.constant)
                return self._fail(node.row, _field(name), _field(cause))
            case Choices():
                return self._choice(node, after)
            case Call():
                return self._call(node, after, [])
            case Branches():
                return self._parallel(node, after)
            case Try():
                return self._try(node, after)
        raise AssertionError(f"no such node: {node}")

    def state(self, after: After) -> str:
        """Return the name of the state that comes after; an end becomes one."""
        if isinstance(after, str):
            return after
        succeed = {"Type": "Succeed", "Output": field_of(after.value)}
        return self._shared(("return", after.row, after.value.text), after.row, succeed)

    def _shared(self, key: tuple[Any, ...], row: int, state: dict[str, Any]) -> str:
        if key not in self._named:
            self._named[key] = self.states.add(self.states.name(str(key[0]), row), row, state)
        return self._named[key]

    def _fail(self, row: int, error: str, cause: str) -> str:
        state = {"Type": "Fail", "Error": error, "Cause": cause}
        return self._shared(("raise", error, cause), row, state)

    # -- calls

    def _call(self, node: Call, after: After, catchers: list[dict[str, Any]]) -> str:
        callee: Callee = node.activity
        state: dict[str, Any] = {
            "Type": "Task",
            "Resource": self.lambda_arn,
            "Arguments": {
                "call_descr": {"function": callee.name, "arg_names": list(callee.argument_names)},
                "locals": {name: field_of(value) for name, value in node.arguments.items()},
            },
        }
        if callee.retries:
            state["Retry"] = list(callee.retries)
        if catchers:
            state["Catch"] = catchers
        return self._assigning(callee.name, node.row, state, str(node.variable), after)

    def _assigning(
        self, what: str, row: int, state: dict[str, Any], variable: str, after: After
    ) -> str:
        """Add a state whose result a variable gets, or which ends with that."""
        if isinstance(after, Return) and after.value.text == f"${variable}":
            state |= {"Output": _RESULT, "End": True}
        else:
            state |= {"Assign": {variable: _RESULT}, "Next": self.state(after)}
        return self.states.add(self.states.name(what, row), row, state)

    def _parallel(self, node: Branches, after: After) -> str:
        if not node.bodies:
            state: dict[str, Any] = {"Type": "Pass", "Assign": {node.variable: []}}
            state["Next"] = self.state(after)
            return self.states.add(self.states.name("parallel", node.row), node.row, state)
        state = {"Type": "Parallel", "Branches": [self._branch(one, node) for one in node.bodies]}
        return self._assigning("parallel", node.row, state, node.variable, after)

    def _branch(self, nodes: list[Any], parent: Branches) -> dict[str, Any]:
        states = self.states.inner()
        inner = _Writer(states, self.lambda_arn)
        start = inner.state(inner.block(nodes, _end(parent.row)))
        return {"StartAt": start, "States": states.in_order(start)}

    # -- choices and errors

    def _choice(self, node: Choices, after: After) -> str:
        rules: list[dict[str, Any]] = []
        for one in node.rules:
            body = self.state(self.block(one.body, after))
            rules += [self._check(check) for check in one.checks]
            rules.append({"Condition": expression(one.test), "Next": body})
        default = self.state(self.block(node.orelse, after))
        state = {"Type": "Choice", "Choices": rules, "Default": default}
        return self.states.add(self.states.name("if", node.row), node.row, state)

    def _check(self, node: Check) -> dict[str, Any]:
        error, cause = (expression(one) for one in node.error.constant)
        condition = expression(f"$not({node.condition.text})")
        return {"Condition": condition, "Next": self._fail(node.row, error, cause)}

    def _try(self, node: Try, after: After) -> str:
        catchers = [
            {
                "ErrorEquals": list(one.names or ()),
                "Next": self.state(self.block(one.body, after)),
            }
            for one in node.handlers
        ]
        call = node.body[0]
        assert isinstance(call, Call)
        return self._call(call, after, catchers)


def _field(text: str) -> Any:
    value = literal(text)
    assert value is not None
    return field_of(value)
