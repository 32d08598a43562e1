"""Merge states of a compiled machine, to save transitions: each costs time and money on AWS.

A Pass that only assigns variables is folded into each state, rule or catcher that leads to it; a
Choice that only one Choice leads to by default becomes part of that one, and so does a small one. A
state before a Succeed ends the execution itself.
Expressions get the values that the variables would have had. Names and comments of states stay.
"""

from __future__ import annotations

import copy
import functools
import json
import operator
import re
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from partita.stepfunctions.emitter.absorption import absorb
from partita.stepfunctions.emitter.constants import constants_after, constants_at
from partita.stepfunctions.emitter.dead_variables import drop_dead_variables
from partita.stepfunctions.emitter.result_checks import absorb_result_checks
from partita.stepfunctions.emitter.selection import select
from partita.stepfunctions.emitter.shared_ends import share_ends
from partita.stepfunctions.emitter.substitution import evaluated_after, reads, substituted
from partita.stepfunctions.emitter.ways import (
    State,
    Way,
    drop_unreached,
    incoming_ways,
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
        _repeat(scope, _folded, _threaded, _joined, _ended, _caught, _threaded_by_constants)
        share_ends(scope, made)
    drop_dead_variables(made)
    for scope in scopes(made):
        _repeat(scope, _folded, select, _ended)
        _repeat(scope, lambda one: absorb(one, made), _ended)
        _repeat(scope, absorb_result_checks)
    drop_dead_variables(made)
    return made


def _repeat(scope: State, *steps: Callable[[State], bool]) -> None:
    """Take the first step that changes anything, until none does."""
    while any(step(scope) for step in steps):
        drop_unreached(scope)


# -- passes


def _folded(scope: State) -> bool:
    """Fold Passes into what leads to them; return whether that was possible."""
    states, changed = scope["States"], False
    incoming = incoming_ways(states)
    for name, state in list(states.items()):
        if not _is_plain_pass(state) or state["Next"] == name:
            continue
        for way in list(incoming[name]):
            if way.holder is not state and _fold(state, way):
                incoming[name].remove(way)
                incoming[state["Next"]].append(way)
                changed = True
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
    states, changed = scope["States"], False
    counts = Counter(target for target, _ in ways(states))
    counts[scope["StartAt"]] += 1
    for name, state in list(states.items()):
        while name in states and (target := _joinable(state, states, counts)) is not None:
            if not _join(state, states[target]):
                break
            changed = True
            counts[target] -= 1
            if not counts[target]:
                del states[target]
            else:
                counts.update(one for one, _ in ways_from(states[target]))
    return changed


def _joinable(state: State, states: Mapping[str, State], counts: Counter[str]) -> str | None:
    """Return the Choice that a Choice may do the work of; None: there is none."""
    target = state.get("Default", "")
    after = states.get(target)
    if state["Type"] != "Choice" or after is None or after is state or after["Type"] != "Choice":
        return None
    return target if counts[target] == 1 or len(after["Choices"]) <= _MOST_RULES else None


def _threaded(scope: State) -> bool:
    """Skip Choices that a way's own assignments decide; return whether any could be skipped."""
    states, changed = scope["States"], False
    for target, way in list(ways(states)):
        if states[target]["Type"] == "Choice" and way.holder is not states[target]:
            changed |= _thread(way, states[target], way.holder.get("Assign", {}))
    return changed


def _threaded_by_constants(scope: State) -> bool:
    """Skip Choices that constants decide; return whether any could be skipped."""
    states, changed = scope["States"], False
    constants = constants_at(scope)
    for name in constants:
        for target, way in list(ways_from(states[name])):
            if states[target]["Type"] == "Choice" and target != name:
                known = constants_after(constants[name], way)
                changed |= _thread(way, states[target], {**known, **way.holder.get("Assign", {})})
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
        condition = rule["Condition"]
        known = None
        if _names_in(condition) <= before.keys():
            known = _decided(substituted(condition, before))
        if known is None:
            return None
        if known:
            return rule, "Next"
    return choice, "Default"


@functools.cache
def _names_in(condition: str) -> frozenset[str]:
    return frozenset(reads(condition))


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
