"""Find which variables have the same constant value whenever a state is entered."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from partita.stepfunctions.emitter.ways import State, Way, ways_from

Constants = dict[str, Any]
"""Constant values by the names of variables."""


def constants_at(scope: State) -> dict[str, Constants]:
    """Return the constants at each state that is reached, by its name."""
    states = scope["States"]
    found: dict[str, Constants] = {scope["StartAt"]: {}}
    pending = {scope["StartAt"]: None}  # in order, each once
    while pending:
        name = next(iter(pending))
        del pending[name]
        for target, way in ways_from(states[name]):
            constants = constants_after(found[name], way)
            if target in found:
                constants = _common(found[target], constants)
            if found.get(target) != constants:
                found[target] = constants
                pending[target] = None
    return found


def constants_after(before: Constants, way: Way) -> Constants:
    """Return the constants after a way that began with others."""
    assigned: Mapping[str, Any] = way.holder.get("Assign", {})
    kept = {name: value for name, value in before.items() if name not in assigned}
    return {**kept, **{name: one for name, one in assigned.items() if _is_constant(one)}}


def _is_constant(value: Any) -> bool:
    is_expression = isinstance(value, str) and value.startswith("{%")
    return isinstance(value, str | int | float | None) and not is_expression


def _common(first: Constants, second: Constants) -> Constants:
    return {
        name: value
        for name, value in first.items()
        if name in second and second[name] == value and type(second[name]) is type(value)
    }
