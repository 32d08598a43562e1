"""Merge the Fail states of a scope into one, and its Succeed states, which saves states.

What a state would have failed with, or put out, becomes the output of each way that leads to it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from partita.stepfunctions.emitter.states import expression
from partita.stepfunctions.emitter.substitution import (
    inner,
    object_text,
    reads,
    substituted,
    with_names,
)
from partita.stepfunctions.emitter.ways import State, Way, drop_unreached, scopes, ways_to

_LONGEST = 6_000  # characters of an output
_WORTH_A_NAME = 60  # characters of a value that is read several times
_FAIL_STATE = {
    "Type": "Fail",
    "Comment": "fail with the error that this is given",
    "Error": "{% $states.input.Error %}",
    "Cause": "{% $states.input.Cause %}",
}
_INPUT = "{% $states.input %}"
_RETURN_STATE = {"Type": "Succeed", "Comment": "return the value that this is given"}


def share_ends(scope: State, machine: State) -> None:
    """Merge the Fail states of a scope, and its Succeed states, if there are several of a kind."""
    for shared in (_FAIL_STATE, _RETURN_STATE):
        kind = shared["Type"]
        ends = [one for one, state in scope["States"].items() if state["Type"] == kind]
        if len(ends) > 1:
            _share(scope, ends, shared, machine)


def share_fail(scope: State, name: str, machine: State) -> str:
    """Lead the ways to a Fail state to the shared one; return that one's name."""
    if not is_shared(scope["States"][name]):
        return _share(scope, [name], _FAIL_STATE, machine)
    return name


def is_shared(state: State) -> bool:
    """Return whether a state is a shared Fail state."""
    return all(state.get(field) == value for field, value in _FAIL_STATE.items())


def _share(scope: State, ends: list[str], shared: State, machine: State) -> str:
    """Lead the ways to some states to a shared one; return its name."""
    states = scope["States"]
    name = next((one for one, state in states.items() if state == shared), None)
    if name is None:
        name = _free_state_name("fail" if shared is _FAIL_STATE else "return", machine)
        states[name] = dict(shared)
    for one in ends:
        if one != name:
            _lead_to_shared(states, one, name)
    drop_unreached(scope)
    return name


def _free_state_name(stem: str, machine: State) -> str:
    taken = {name for scope in scopes(machine) for name in scope["States"]}
    names = (stem, *(f"{stem} {number}" for number in range(2, len(taken) + 3)))
    return next(name for name in names if name not in taken)


def _lead_to_shared(states: Mapping[str, State], name: str, shared: str) -> None:
    """Lead the ways to a state to the one that ends with their outputs, where possible."""
    found = [(way, _output(states[name], way)) for way in ways_to(name, states)]
    if all(output is not None for _, output in found):
        for way, output in found:
            if way.field == "Default":
                _keep_outputs(way.holder)
            way.holder["Output"] = output
            way.holder[way.field] = shared


def _keep_outputs(choice: State) -> None:
    """Give the rules of a Choice the output that they have, which the state's could replace."""
    for rule in choice["Choices"]:
        rule.setdefault("Output", _INPUT)


def _output(end: State, way: Way) -> Any:
    """Return the output of a way by which another state ends as this one; None: there is none."""
    if end["Type"] == "Fail":
        wanted: Any = {field: end.get(field, "") for field in ("Error", "Cause")}
    elif "Output" in end:
        wanted = end["Output"]
    else:
        return None
    wanted = _given(wanted, way.holder.get("Output"))
    if wanted is None or "$states." in json.dumps(wanted):
        return None
    before = way.holder.get("Assign", {})
    made = substituted(wanted, before, _LONGEST)
    return made if _is_short(made) else named(wanted, before)


def _given(wanted: Any, output: Any) -> Any:
    """Return what a state is to put out, with its input in place."""
    if not isinstance(wanted, dict) or _INPUT not in wanted.values():
        return wanted
    given = {name: output if one == _INPUT else one for name, one in wanted.items()}
    return None if output is None else given


def _is_short(made: Any) -> bool:
    return made is not None and len(json.dumps(made)) <= 1_000


def named(wanted: Any, before: Mapping[str, Any]) -> Any:
    """Return a value that is evaluated after assignments, with long ones evaluated once."""
    text = object_text(wanted)
    if text is None:
        return None
    taken = reads(expression(text)).union(*map(reads, before.values()))
    locals: dict[str, str] = {}
    begin = ""
    for name, value in before.items():
        assigned = object_text(value) if name in taken else None
        if assigned is not None and len(assigned) >= _WORTH_A_NAME:
            locals[name] = _free_name(taken | set(locals.values()))
            begin += f"${locals[name]} := {assigned}; "
    made = substituted(expression(with_names(text, locals)), before, _LONGEST)
    if made is None:
        return None
    return expression(f"({begin}{inner(made)})") if begin else made


def _free_name(taken: set[str]) -> str:
    number = 1
    while f"known{number}" in taken:
        number += 1
    return f"known{number}"
