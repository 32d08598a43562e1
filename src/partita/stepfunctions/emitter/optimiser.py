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
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from partita.stepfunctions.emitter.absorption import absorb
from partita.stepfunctions.emitter.constants import constants_after, constants_at
from partita.stepfunctions.emitter.dead_variables import drop_dead_variables
from partita.stepfunctions.emitter.result_checks import absorb_result_checks
from partita.stepfunctions.emitter.selection import select
from partita.stepfunctions.emitter.shared_ends import share_ends
from partita.stepfunctions.emitter.substitution import evaluated_after, substituted
from partita.stepfunctions.emitter.ways import (
    State,
    Way,
    drop_unreached,
    scopes,
    ways,
    ways_from,
)

_MOST_RULES = 3  # of a Choice that is copied
_MOST_JOINED = 12  # rules of a Choice that others are joined to
_ENDING = ("Task", "Parallel", "Map", "Pass", "Wait")
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
_CONSTANTS = {"{% true %}": True, "{% false %}": False}
_HANDLER = re.compile(
    r'\{% \$(\w+)\.type in \[((?:"[\w.]+",? ?)+)\]( or "\w+" in \$\1\.bases)* %\}\Z'
)
_ERROR_NAME = "{% ($name := $states.errorOutput.Error; "
_TIMEOUT = re.compile(r'States\.Timeout" \? (?:\{"type": )?"(\w+)"')
"""How the value of an error says which class a timeout is."""


def optimised(machine: State) -> State:
    """Return the same machine with fewer transitions."""
    made = copy.deepcopy(machine)
    for scope in scopes(made):
        _repeat(scope, (_folded, _threaded, _joined, _ended, _caught))
        share_ends(scope, made)
    drop_dead_variables(made)
    for scope in scopes(made):
        _repeat(scope, (_folded, select, _ended))
        _repeat(scope, (lambda one: absorb(one, made), _ended))
        _repeat(scope, (absorb_result_checks,))
    drop_dead_variables(made)
    return made


def _repeat(scope: State, steps: Sequence[Callable[[State], bool]]) -> None:
    """Take steps until none changes anything."""
    while any(step(scope) for step in steps):
        drop_unreached(scope)


# -- passes


def _folded(scope: State) -> bool:
    """Fold Passes into what leads to them; return whether that was possible."""
    states, changed = scope["States"], False
    for name, state in list(states.items()):
        if not _is_plain_pass(state) or state["Next"] == name:
            continue
        for target, way in list(ways(states)):
            if target == name and way.holder is not state:
                changed |= _fold(state, way)
        if scope["StartAt"] == name and not state.get("Assign"):
            scope["StartAt"], changed = state["Next"], True
    return changed


def _is_plain_pass(state: State) -> bool:
    is_pass = state["Type"] == "Pass" and "Next" in state
    is_plain = is_pass and set(state) <= {"Type", "Comment", "Assign", "Next"}
    return is_plain and not _reads_state(state)


def _reads_state(part: State) -> bool:
    """Return whether expressions read what another state would have otherwise."""
    return "$states." in json.dumps(part)


def _fold(state: State, way: Way) -> bool:
    """Move the assignments of a Pass to a transition that leads to it, which then skips it."""
    before = way.holder.get("Assign", {})
    found = evaluated_after(state.get("Assign", {}), before)
    if found is None:
        return False
    assigned = {**before, **found}
    if assigned:
        way.holder["Assign"] = assigned
    way.holder[way.field] = state["Next"]
    return True


# -- ends


def _ended(scope: State) -> bool:
    """Make states before a Succeed end the execution; return whether any could."""
    states, changed = scope["States"], False
    for state in states.values():
        after = states.get(state.get("Next", ""), {})
        if after.get("Type") == "Succeed" and state["Type"] in _ENDING:
            changed |= _end(state, after)
    return changed


def _end(state: State, after: State) -> bool:
    """Give a state the output of the Succeed after it."""
    found: State | None = {}
    if "Output" in after:
        is_own = "Output" in state or _reads_state({"Output": after["Output"]})
        output = {"Output": after["Output"]}
        found = None if is_own else evaluated_after(output, state.get("Assign", {}))
    if found is None:
        return False
    state.pop("Next")
    state.pop("Assign", None)
    state.update(found, End=True)
    return True


# -- errors


def _caught(scope: State) -> bool:
    """Catch errors by the names that handlers have; return whether that was possible."""
    states, changed = scope["States"], False
    for state in states.values():
        catchers = state.get("Catch", [])
        if len(catchers) == 1 and catchers[0]["ErrorEquals"] == ["States.ALL"]:
            has_heartbeat = "HeartbeatSeconds" in state  # whose end may have another name
            named = _by_name(catchers[0], states[catchers[0]["Next"]], has_heartbeat)
            state["Catch"] = [*named, *catchers]
            changed |= bool(named)
    return changed


def _by_name(catcher: State, choice: State, has_heartbeat: bool) -> list[State]:
    """Return catchers for the handlers that a Choice leads to, by the names of errors."""
    found = []
    assigned = catcher.get("Assign", {})
    for rule in choice["Choices"] if choice["Type"] == "Choice" else ():
        handler = _HANDLER.match(rule["Condition"])
        error = str(assigned.get(handler[1], "")) if handler else ""
        if handler is None or not _is_known_by_name(error):
            break
        more = evaluated_after(rule.get("Assign", {}), assigned)
        if more is None or _reads_state(rule.get("Assign", {})):
            break
        names = json.loads(f"[{handler[2]}]")
        names = names if has_heartbeat else _names(names, error)
        after = {"Assign": {**assigned, **more}, "Next": rule["Next"]}
        found.append({"ErrorEquals": names, **after})
    return found


def _is_known_by_name(error: str) -> bool:
    """Return whether an error's class is its name for Step Functions, or a timeout's."""
    late = '{% ($states.errorOutput.Error = "States.Timeout" ? {'
    return error.startswith((_ERROR_NAME, late)) and "$failed" not in error


def _names(names: list[str], error: str) -> list[str]:
    """Return the names that Step Functions has for errors of some classes."""
    timeout = _TIMEOUT.search(error)
    is_timeout = timeout is not None and timeout[1] in names
    return [*names, "States.Timeout"] if is_timeout else names


# -- choices


def _joined(scope: State) -> bool:
    """Join Choices with those that they lead to by default; return whether that was possible."""
    states = scope["States"]
    targets = [target for target, _ in ways(states)]
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


def _threaded(scope: State) -> bool:
    """Skip Choices between numbers that are known; return whether any could be skipped."""
    states, changed = scope["States"], False
    constants = constants_at(scope)
    for name, state in states.items():
        for target, way in list(ways_from(state)) if name in constants else ():
            choice = states[target]
            if choice["Type"] == "Choice" and choice is not state:
                known = constants_after(constants[name], way)
                changed |= _thread(way, choice, {**known, **way.holder.get("Assign", {})})
    return changed


def _thread(way: Way, choice: State, known: Mapping[str, Any]) -> bool:
    """Lead a way past a Choice whose outcome is known; return whether it is."""
    before = way.holder.get("Assign", {})
    chosen = _chosen(choice, known)
    if chosen is None or chosen[1] not in chosen[0]:
        return False
    holder, field = chosen
    assigned = evaluated_after(holder.get("Assign", {}), before)
    if assigned is None or "Output" in holder or _reads_state(holder.get("Assign", {})):
        return False
    way.holder[way.field] = holder[field]
    if {**before, **assigned}:
        way.holder["Assign"] = {**before, **assigned}
    return True


def _chosen(choice: State, before: Mapping[str, Any]) -> tuple[State, str] | None:
    """Return where a Choice leads to after assignments, and the field; None: that is not known."""
    for rule in choice["Choices"]:
        known = _decided(substituted(rule["Condition"], before))
        if known is None:
            return None
        if known:
            return rule, "Next"
    return choice, "Default"


def _decided(condition: str | None) -> bool | None:
    """Return whether a condition between constants holds; None: that is not known."""
    if condition in _CONSTANTS:
        return _CONSTANTS[condition]
    found = _COMPARISON.match(condition or "")
    if found is None:
        return None
    first, second = json.loads(found[1]), json.loads(found[3])
    is_same = type(first) is type(second)
    return _COMPARE[found[2]](first, second) if is_same else None


def _join(state: State, after: State) -> bool:
    """Make a Choice do what the next one does, too, unless that leads back to it."""
    before = state.get("Assign", {})
    rules = []
    default = after
    if _reads_state(after) or "Output" in after:
        return False
    for rule in after["Choices"]:
        condition = substituted(rule["Condition"], before)
        known = _decided(condition)
        if known is False:
            continue
        if known:
            default = {"Default": rule["Next"], "Assign": rule.get("Assign", {})}
            break
        assigned = evaluated_after(rule.get("Assign", {}), before)
        output = evaluated_after({"Output": rule["Output"]} if "Output" in rule else {}, before)
        if condition is None or assigned is None or output is None:
            return False
        made = {**rule, "Condition": condition, **output, "Assign": {**before, **assigned}}
        rules.append(made if made["Assign"] else {k: v for k, v in made.items() if k != "Assign"})
    assigned = evaluated_after(default.get("Assign", {}), before)
    if assigned is None or len(state["Choices"]) + len(rules) > _MOST_JOINED:
        return False
    state["Choices"] = [*state["Choices"], *rules]
    if {**before, **assigned}:
        state["Assign"] = {**before, **assigned}
    state.pop("Default")
    if "Default" in default:
        state["Default"] = default["Default"]
    return True
