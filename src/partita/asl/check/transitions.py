"""Check how the states of a flow follow each other: targets, reachability, an end."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from partita.asl.check.diagnostics import Report

MISSING_TARGET = "MISSING_TRANSITION_TARGET"


def targets(state: dict[str, Any], location: str) -> Iterator[tuple[str, str]]:
    """Yield the names that a state may lead to, each with the location of its field."""
    for name in ("Next", "Default"):
        if isinstance(state.get(name), str):
            yield state[name], f"{location}/{name}"
    for name in ("Choices", "Catch"):
        rules = state.get(name)
        for number, rule in enumerate(rules if isinstance(rules, list) else []):
            if isinstance(rule, dict) and isinstance(rule.get("Next"), str):
                yield rule["Next"], f"{location}/{name}[{number}]/Next"


def check_transitions(
    report: Report, flow: dict[str, Any], location: str, *, is_machine: bool
) -> None:
    """Check the transitions of a machine, a branch or a processor, whose states are objects."""
    start, states = flow["StartAt"], flow["States"]
    if start not in states:
        _missing(report, start, f"{location}/StartAt")
    for name, state in states.items():
        for target, place in targets(state, f"{location}/States/{name}"):
            if target not in states:
                _missing(report, target, place)
    if is_machine and not any(map(_is_terminal, states.values())):
        report.error("MISSING_END_STATE", "Workflow has no terminal state", None)
        return
    reached = _reachable(start, states)
    for name in states:
        if name not in reached:
            report.error(
                MISSING_TARGET, f'State "{name}" is not reachable.', f"{location}/States/{name}"
            )


def _missing(report: Report, target: str, location: str) -> None:
    report.error(MISSING_TARGET, f"Missing 'Next' target: {target}", location)


def _is_terminal(state: dict[str, Any]) -> bool:
    return state.get("End") is True or state.get("Type") in ("Succeed", "Fail")


def _reachable(start: str, states: dict[str, Any]) -> set[str]:
    reached: set[str] = set()
    waiting = [start]
    while waiting:
        name = waiting.pop()
        if name in states and name not in reached:
            reached.add(name)
            waiting += [target for target, _ in targets(states[name], "")]
    return reached
