"""Merge states of a compiled machine, to save transitions: each costs time and money on AWS.

A Pass that only assigns variables is folded into each state, rule or catcher that leads to it; a
Choice that only one Choice leads to by default becomes part of that one, and so does a small one.
Expressions get the values that the variables would have had. Names and comments of states stay.
"""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from partita.compile.jsonata import text_of
from partita.stepfunctions.emitter.states import expression

_LONGEST = 1_000  # characters of a merged expression
_DEEPEST = 16  # parentheses in it
_MOST_RULES = 3  # of a Choice that is copied
_MOST_JOINED = 12  # rules of a Choice that others are joined to
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|\$[A-Za-z]\w*')
_State = dict[str, Any]


class _Way(NamedTuple):
    """A way out of a state: the object with the target, and where its variables are assigned."""

    holder: _State
    field: str


def optimised(machine: _State) -> _State:
    """Return the same machine with fewer transitions."""
    made = copy.deepcopy(machine)
    for scope in _scopes(made):
        while _folded(scope) or _joined(scope):
            _drop_unreached(scope)
    return made


def _scopes(scope: _State) -> Iterator[_State]:
    for state in scope["States"].values():
        inner = [*state.get("Branches", ()), *filter(None, [state.get("ItemProcessor")])]
        for one in inner:
            yield from _scopes(one)
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
    return is_plain and "$states." not in json.dumps(state.get("Assign", {}))


def _fold(state: _State, way: _Way) -> bool:
    """Let a way assign what a Pass assigns, and lead to where it leads."""
    before = way.holder.get("Assign", {})
    found = _after(state.get("Assign", {}), before)
    if found is None:
        return False
    assigned = {**before, **found}
    if assigned:
        way.holder["Assign"] = assigned
    way.holder[way.field] = state["Next"]
    return True


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


def _join(state: _State, after: _State) -> bool:
    """Make a Choice do what the next one does, too, unless that leads back to it."""
    before = state.get("Assign", {})
    rules = []
    for rule in after["Choices"]:
        condition = _substituted(rule["Condition"], before)
        assigned = _after(rule.get("Assign", {}), before)
        output = _after({"Output": rule["Output"]} if "Output" in rule else {}, before)
        if condition is None or assigned is None or output is None:
            return False
        made = {**rule, "Condition": condition, **output, "Assign": {**before, **assigned}}
        rules.append(made if made["Assign"] else {k: v for k, v in made.items() if k != "Assign"})
    assigned = _after(after.get("Assign", {}), before)
    if assigned is None or len(state["Choices"]) + len(rules) > _MOST_JOINED:
        return False
    state["Choices"] = [*state["Choices"], *rules]
    if {**before, **assigned}:
        state["Assign"] = {**before, **assigned}
    state.pop("Default")
    if "Default" in after:
        state["Default"] = after["Default"]
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
