"""Merge states of a compiled machine, to save transitions: each costs time and money on AWS.

A Pass that only assigns variables is folded into each state, rule or catcher that leads to it; a
Choice that only one Choice leads to by default becomes part of that one, and so does a small one. A
state before a Succeed ends the execution itself.
Expressions get the values that the variables would have had. Names and comments of states stay.
"""

from __future__ import annotations

import copy
import json
import operator
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from partita.compile.jsonata import text_of
from partita.stepfunctions.emitter.states import expression, scopes_in

_LONGEST = 1_000  # characters of a merged expression
_DEEPEST = 16  # parentheses in it
_MOST_RULES = 3  # of a Choice that is copied
_MOST_JOINED = 12  # rules of a Choice that others are joined to
_CHANGING = re.compile(r"\$(?:random|uuid|now|millis|shuffle)\(")  # never evaluated twice
_ENDING = ("Task", "Parallel", "Map", "Pass", "Wait")
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|\$[A-Za-z]\w*')
_CONSTANT = r'\(*(-?\d+|"[^"\\]*")\)*'
_COMPARISON = re.compile(rf"\{{% {_CONSTANT} (!?=|[<>]=?) {_CONSTANT} %\}}\Z")
_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    ">": operator.gt,
    "<=": operator.le,
    ">=": operator.ge,
}
_HANDLER = re.compile(r'\{% \$(\w+)\.type in \[((?:"\w+",? ?)+)\]( or "\w+" in \$\1\.bases)* %\}\Z')
_ERROR_NAME = "{% ($name := $states.errorOutput.Error; $cause"
_State = dict[str, Any]


class _Way(NamedTuple):
    """A way out of a state: the object with the target, and where its variables are assigned."""

    holder: _State
    field: str


def optimised(machine: _State) -> _State:
    """Return the same machine with fewer transitions."""
    made = copy.deepcopy(machine)
    for scope in _scopes(made):
        while any(step(scope) for step in (_folded, _threaded, _joined, _ended, _caught)):
            _drop_unreached(scope)
    return made


def _scopes(scope: _State) -> Iterator[_State]:
    for state in scope["States"].values():
        for inner in scopes_in(state):
            yield from _scopes(inner)
    yield scope


def _ways(states: Mapping[str, _State]) -> Iterator[tuple[str, _Way]]:
    """Yield all ways between states, with their targets."""
    for state in states.values():
        for field in ("Next", "Default"):
            if field in state:
                yield state[field], _Way(state, field)
        for rule in (*state.get("Choices", ()), *state.get("Catch", ())):
            yield rule["Next"], _Way(rule, "Next")


# -- passes


def _folded(scope: _State) -> bool:
    """Fold Passes into what leads to them; return whether that was possible."""
    states, changed = scope["States"], False
    for name, state in list(states.items()):
        if not _is_plain_pass(state) or state["Next"] == name:
            continue
        for target, way in list(_ways(states)):
            if target == name and way.holder is not state:
                changed |= _fold(state, way)
        if scope["StartAt"] == name and not state.get("Assign"):
            scope["StartAt"], changed = state["Next"], True
    return changed


def _is_plain_pass(state: _State) -> bool:
    is_pass = state["Type"] == "Pass" and "Next" in state
    is_plain = is_pass and set(state) <= {"Type", "Comment", "Assign", "Next"}
    return is_plain and not _reads_state(state)


def _reads_state(part: _State) -> bool:
    """Return whether expressions read what another state would have otherwise."""
    return "$states." in json.dumps(part)


def _fold(state: _State, way: _Way) -> bool:
    """Move the assignments of a Pass to a transition that leads to it, which then skips it."""
    before = way.holder.get("Assign", {})
    found = _after(state.get("Assign", {}), before)
    if found is None:
        return False
    assigned = {**before, **found}
    if assigned:
        way.holder["Assign"] = assigned
    way.holder[way.field] = state["Next"]
    return True


# -- ends


def _ended(scope: _State) -> bool:
    """Make states before a Succeed end the execution; return whether any could."""
    states, changed = scope["States"], False
    for state in states.values():
        after = states.get(state.get("Next", ""), {})
        if after.get("Type") == "Succeed" and state["Type"] in _ENDING:
            changed |= _end(state, after)
    return changed


def _end(state: _State, after: _State) -> bool:
    """Give a state the output of the Succeed after it."""
    found = _after({"Output": after.get("Output", "{% $states.input %}")}, state.get("Assign", {}))
    if (
        found is None
        or "Output" in state
        or "$states." in json.dumps(after.get("Output", "$states."))
    ):
        return False
    state.pop("Next")
    state.pop("Assign", None)
    state.update(found, End=True)
    return True


# -- errors


def _caught(scope: _State) -> bool:
    """Catch errors by the names that handlers have; return whether that was possible."""
    states, changed = scope["States"], False
    for state in states.values():
        catchers = state.get("Catch", [])
        if len(catchers) == 1 and catchers[0]["ErrorEquals"] == ["States.ALL"]:
            named = _by_name(catchers[0], states[catchers[0]["Next"]])
            state["Catch"] = [*named, *catchers]
            changed |= bool(named)
    return changed


def _by_name(catcher: _State, choice: _State) -> list[_State]:
    """Return catchers for the handlers that a Choice leads to, by the names of errors."""
    found = []
    assigned = catcher.get("Assign", {})
    for rule in choice["Choices"] if choice["Type"] == "Choice" else ():
        handler = _HANDLER.match(rule["Condition"])
        if handler is None or not str(assigned.get(handler[1], "")).startswith(_ERROR_NAME):
            break
        more = _after(rule.get("Assign", {}), assigned)
        if more is None or _reads_state(rule.get("Assign", {})):
            break
        names = json.loads(f"[{handler[2]}]")
        after = {"Assign": {**assigned, **more}, "Next": rule["Next"]}
        found.append({"ErrorEquals": names, **after})
    return found


# -- choices


def _joined(scope: _State) -> bool:
    """Join Choices with those that they lead to by default; return whether that was possible."""
    states = scope["States"]
    targets = [target for target, _ in _ways(states)]
    for state in states.values():
        after = states.get(state.get("Default", ""))
        if (
            state["Type"] != "Choice"
            or after is None
            or after is state
            or after["Type"] != "Choice"
        ):
            continue
        is_only = targets.count(state["Default"]) == 1 and scope["StartAt"] != state["Default"]
        if (is_only or len(after["Choices"]) <= _MOST_RULES) and _join(state, after):
            return True
    return False


def _threaded(scope: _State) -> bool:
    """Skip Choices between numbers that are known; return whether any could be skipped."""
    states, changed = scope["States"], False
    for target, way in list(_ways(states)):
        choice = states[target]
        before = way.holder.get("Assign", {})
        chosen = _chosen(choice, before) if choice["Type"] == "Choice" else None
        if chosen is None or way.holder is choice:
            continue
        holder, field = chosen
        assigned = _after(holder.get("Assign", {}), before)
        is_same = "Output" not in holder and not _reads_state(holder.get("Assign", {}))
        if field in holder and assigned is not None and is_same:
            way.holder[way.field] = holder[field]
            if {**before, **assigned}:
                way.holder["Assign"] = {**before, **assigned}
            changed = True
    return changed


def _chosen(choice: _State, before: Mapping[str, Any]) -> tuple[_State, str] | None:
    """Return where a Choice leads to after assignments, and the field; None: that is not known."""
    for rule in choice["Choices"]:
        known = _decided(_substituted(rule["Condition"], before))
        if known is None:
            return None
        if known:
            return rule, "Next"
    return choice, "Default"


def _decided(condition: str | None) -> bool | None:
    """Return whether a condition between constants holds; None: that is not known."""
    found = _COMPARISON.match(condition or "")
    if found is None:
        return None
    first, second = json.loads(found[1]), json.loads(found[3])
    is_same = type(first) is type(second)
    return _COMPARE[found[2]](first, second) if is_same else None


def _join(state: _State, after: _State) -> bool:
    """Make a Choice do what the next one does, too, unless that leads back to it."""
    before = state.get("Assign", {})
    rules = []
    default = after
    if _reads_state(after):
        return False
    for rule in after["Choices"]:
        condition = _substituted(rule["Condition"], before)
        known = _decided(condition)
        if known is False:
            continue
        if known:
            default = {"Default": rule["Next"], "Assign": rule.get("Assign", {})}
            break
        assigned = _after(rule.get("Assign", {}), before)
        output = _after({"Output": rule["Output"]} if "Output" in rule else {}, before)
        if condition is None or assigned is None or output is None:
            return False
        made = {**rule, "Condition": condition, **output, "Assign": {**before, **assigned}}
        rules.append(made if made["Assign"] else {k: v for k, v in made.items() if k != "Assign"})
    assigned = _after(default.get("Assign", {}), before)
    if assigned is None or len(state["Choices"]) + len(rules) > _MOST_JOINED:
        return False
    state["Choices"] = [*state["Choices"], *rules]
    if {**before, **assigned}:
        state["Assign"] = {**before, **assigned}
    state.pop("Default")
    if "Default" in default:
        state["Default"] = default["Default"]
    return True


def _drop_unreached(scope: _State) -> None:
    states = scope["States"]
    reached, pending = {scope["StartAt"]}, [scope["StartAt"]]
    while pending:
        for target, _ in _ways({"": states[pending.pop()]}):
            if target not in reached:
                reached.add(target)
                pending.append(target)
    scope["States"] = {name: state for name, state in states.items() if name in reached}


# -- expressions


def _after(assigned: Mapping[str, Any], before: Mapping[str, Any]) -> _State | None:
    """Return what is assigned after other assignments, by the values before both.

    None: they are too long.
    """
    found = {name: _substituted(value, before) for name, value in assigned.items()}
    missing = any(value is None and assigned[name] is not None for name, value in found.items())
    return None if missing else found


def _substituted(value: Any, before: Mapping[str, Any]) -> Any:
    """Return a field's value with the values of variables in their place; None: it is too long."""
    if isinstance(value, dict):
        return _after(value, before)
    if not isinstance(value, str) or not value.startswith("{%"):
        return value if not isinstance(value, list) else _list(value, before)
    is_long = False

    def replaced(token: re.Match[str]) -> str:
        nonlocal is_long
        name = token[0][1:]
        if token[0].startswith('"') or name not in before:
            return token[0]
        text = _operand(before[name])
        is_long = is_long or text is None
        return text or ""

    text = _TOKEN.sub(replaced, value[2:-2].strip())
    if is_long or len(text) > _LONGEST or _depth(text) > _DEEPEST:
        return None
    return expression(text)


def _list(value: list[Any], before: Mapping[str, Any]) -> Any:
    """Return a list as it is; one with expressions is not merged."""
    return value if "{%" not in json.dumps(value) else None


def _operand(value: Any) -> str | None:
    """Return a field's value as an operand of an expression; None: it cannot be one."""
    if isinstance(value, str):
        is_expression = value.startswith("{%")
        if is_expression and _CHANGING.search(value):
            return None
        return f"({value[2:-2].strip()})" if is_expression else text_of(value)
    if value is None or isinstance(value, bool | int | float):
        return f"({json.dumps(value)})"
    return None


def _depth(text: str) -> int:
    deepest = depth = 0
    for one in text:
        depth += (one in "([{") - (one in ")]}")
        deepest = max(deepest, depth)
    return deepest
