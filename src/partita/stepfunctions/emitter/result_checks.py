"""Move the checks of a result into the Task, Map or Parallel state that it is of.

A check that fails makes what the state assigns or puts out fail, with a text that says which check
it was; the state's first catcher knows by the text what to put out. Catchers do not see the result,
so the errors that are told must not depend on it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from partita.stepfunctions.emitter.absorption import EVALUATION, FIELDS, MOST, retries_of
from partita.stepfunctions.emitter.shared_ends import is_shared
from partita.stepfunctions.emitter.states import expression
from partita.stepfunctions.emitter.substitution import (
    evaluated_after,
    inner,
    object_text,
    substituted,
)
from partita.stepfunctions.emitter.ways import State

_OTHER = "$states.errorOutput"
_FAILED = "a check of the result failed: "
"""What the cause says before the number of the check. A cause also has the whole expression that
failed, in which the number is apart."""


def absorb_result_checks(scope: State) -> bool:
    """Move checks into the states before them; return whether any could."""
    states, changed = scope["States"], False
    for name, state in list(states.items()):
        choice = states.get(state.get("Next", ""), {})
        if _is_absorbable(state, choice, states):
            made = _absorbed(state, choice, states[choice["Default"]])
            if made is not None:
                states[name], changed = made, True
    return changed


def _is_absorbable(state: State, choice: State, states: Mapping[str, State]) -> bool:
    """Return whether the state after another one only checks, and may be part of it."""
    if state["Type"] not in FIELDS or choice.get("Type") != "Choice" or "Output" in state:
        return False
    rules = choice["Choices"]
    is_failing = all(is_shared(states[one["Next"]]) and "Output" in one for one in rules)
    if not is_failing or "Default" not in choice or len(rules) > MOST:
        return False
    text = json.dumps(state)
    return "Partita.Guard" not in text and _FAILED not in text


def _absorbed(state: State, choice: State, after: State) -> State | None:
    """Return a state that does the checks after it; None: it cannot."""
    before = state.get("Assign", {})
    assigned = evaluated_after(choice.get("Assign", {}), before)
    checks = [evaluated_after(_told(rule), before) for rule in choice["Choices"]]
    if assigned is None or any(one is None or _reads_result(one["Output"]) for one in checks):
        return None
    made = {**state, "Next": choice["Default"], "Assign": {**before, **assigned}}
    end = after.get("Output", choice.get("Output")) if after["Type"] == "Succeed" else None
    output = substituted(end, {**before, **assigned})
    if output is not None:
        made = {**state, "Output": output, "End": True}
        del made["Next"]
        made.pop("Assign", None)
    elif "Output" in choice:
        return None
    found = _with_tests(made, checks)
    return None if found is None else _with_catcher(found, checks, choice["Choices"][0]["Next"])


def _told(rule: State) -> State:
    return {"Condition": rule["Condition"], "Output": rule["Output"]}


def _reads_result(output: Any) -> bool:
    return "$states." in json.dumps(output)


def _with_tests(state: State, checks: list[Any]) -> State | None:
    """Return a state of which one value fails if a check does; None: it has no values."""
    if "Output" in state:
        text = object_text(state["Output"])
        return None if text is None else {**state, "Output": _tested(text, checks)}
    for name, one in state.get("Assign", {}).items():
        text = object_text(one)
        if text is not None:
            return {**state, "Assign": {**state["Assign"], name: _tested(text, checks)}}
    return None


def _tested(text: str, checks: list[Any]) -> str:
    for number, one in reversed(list(enumerate(checks, 1))):
        text = f'({inner(one["Condition"])}) ? $error("{_FAILED}" & "{number}") : {text}'
    return expression(text)


def _with_catcher(state: State, checks: list[Any], end: str) -> State | None:
    """Return a state that tells which check failed, before all other errors."""
    catchers: list[State] = state.get("Catch", [])
    known = _OTHER
    if catchers and catchers[0]["ErrorEquals"] == [EVALUATION]:
        known, catchers = inner(catchers[0]["Output"]), catchers[1:]
    told = _OTHER
    for number, one in reversed(list(enumerate(checks, 1))):
        text = object_text(one["Output"])
        if text is None:
            return None
        told = f'$contains({_OTHER}.Cause, "{_FAILED}{number}") ? {text} : {told}'
    output = expression(f"{known.removesuffix(_OTHER)}{told}")
    first = {"ErrorEquals": [EVALUATION], "Output": output, "Next": end}
    made = {**state, "Catch": [first, *catchers]}
    retries = retries_of(state)
    return {**made, "Retry": retries} if retries else made
