"""Find the ways between the states of a compiled machine."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from partita.stepfunctions.emitter.states import scopes_in

State = dict[str, Any]
"""A state as its definition has it, or a scope of states, a rule or a catcher."""


class Way(NamedTuple):
    """A way out of a state: the object with the target, and where its variables are assigned."""

    holder: State
    field: str


def scopes(scope: State) -> Iterator[State]:
    """Yield the scopes of states in a machine, inner ones first."""
    for state in scope["States"].values():
        for one in scopes_in(state):
            yield from scopes(one)
    yield scope


def ways(states: Mapping[str, State]) -> Iterator[tuple[str, Way]]:
    """Yield all ways between states, with their targets."""
    for state in states.values():
        yield from ways_from(state)


def ways_from(state: State) -> Iterator[tuple[str, Way]]:
    """Yield the ways out of a state, with their targets."""
    for field in ("Next", "Default"):
        if field in state:
            yield state[field], Way(state, field)
    for rule in (*state.get("Choices", ()), *state.get("Catch", ())):
        yield rule["Next"], Way(rule, "Next")


def incoming_ways(states: Mapping[str, State]) -> dict[str, list[Way]]:
    """Return the ways to each state, by its name."""
    found: dict[str, list[Way]] = {name: [] for name in states}
    for target, way in ways(states):
        found[target].append(way)
    return found


def ways_to(target: str, states: Mapping[str, State]) -> list[Way]:
    """Return all ways that lead to a state."""
    return [way for name, way in ways(states) if name == target]


def drop_unreached(scope: State) -> None:
    """Remove the states that no way leads to."""
    states = scope["States"]
    reached, pending = {scope["StartAt"]}, [scope["StartAt"]]
    while pending:
        for target, _ in ways_from(states[pending.pop()]):
            if target not in reached:
                reached.add(target)
                pending.append(target)
    scope["States"] = {name: state for name, state in states.items() if name in reached}
