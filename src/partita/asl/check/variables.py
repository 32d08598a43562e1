"""Check variables: their names, their scopes, and that they are assigned before they are read.

Parallel and Map open a scope. A scope reads the variables around it and must not assign them;
the scope of a distributed Map reads none of them.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from partita.asl.check.diagnostics import Report
from partita.asl.check.transitions import targets

MAX_NAME = 80
_START = frozenset({"Lu", "Ll", "Lt", "Lm", "Lo", "Nl"})
_CONTINUED = _START | {"Mn", "Mc", "Nd", "Pc"}
_FUNCTION_NAMES = (
    "abs append assert average base64decode base64encode boolean ceil clone contains count "
    "decodeUrl decodeUrlComponent distinct each encodeUrl encodeUrlComponent error eval exists "
    "filter floor formatBase formatInteger formatNumber fromMillis hash join keys length lookup "
    "lowercase map match max merge millis min not now number pad parse parseInteger partition "
    "power random range reduce replace reverse round shuffle sift single sort split spread sqrt "
    "states string substring substringAfter substringBefore sum toMillis trim type uppercase "
    "uuid zip"
)
_FUNCTIONS = frozenset(_FUNCTION_NAMES.split())


@dataclass(slots=True)
class Scope:
    """The variables of a flow, and of the flows around it."""

    outer: frozenset[str] = frozenset()  # that the flow can read
    around: frozenset[str] = frozenset()  # that the flow must not assign
    reads: dict[str, list[tuple[str, str]]] = field(default_factory=dict)  # by state

    def inner(self, assigned: frozenset[str], *, is_distributed: bool) -> Scope:
        """Return the scope of a flow within a state, where `assigned` are set before it."""
        if is_distributed:
            return Scope()
        return Scope(self.outer | assigned, self.around | assigned)


def assignments(state: dict[str, Any], location: str) -> Iterator[tuple[str, str]]:
    """Yield the names that a state may assign, each with its location."""
    yield from _assigned(state, location)
    for name in ("Choices", "Catch"):
        rules = state.get(name)
        for number, rule in enumerate(rules if isinstance(rules, list) else []):
            if isinstance(rule, dict):
                yield from _assigned(rule, f"{location}/{name}[{number}]")


def assigned_before(flow: dict[str, Any]) -> dict[str, frozenset[str]]:
    """Return for each state of a flow what may be assigned when it is entered."""
    states = flow["States"]
    before: dict[str, frozenset[str]] = {flow["StartAt"]: frozenset()}
    waiting = [flow["StartAt"]]
    while waiting:
        name = waiting.pop()
        if name not in states:
            continue
        after = before[name] | {found for found, _ in assignments(states[name], "")}
        for target, _ in targets(states[name], ""):
            if target not in before or not after <= before[target]:
                before[target] = before.get(target, frozenset()) | after
                waiting.append(target)
    return before


def check_variables(
    report: Report, flow: dict[str, Any], location: str, scope: Scope
) -> dict[str, frozenset[str]]:
    """Check what the states of a flow assign and read; return what is assigned before each."""
    before = assigned_before(flow)
    for name, state in flow["States"].items():
        for variable, place in assignments(state, f"{location}/States/{name}"):
            _check_name(report, variable, place, scope)
        known = before.get(name, frozenset()) | scope.outer | _FUNCTIONS
        for variable, place in dict.fromkeys(scope.reads.get(name, [])):
            if variable not in known:
                report.warning(
                    "POSSIBLY_UNDEFINED_VARIABLE",
                    f"Variable '{variable}' is possibly not defined.",
                    place,
                )
    return before


def _assigned(rule: dict[str, Any], location: str) -> Iterator[tuple[str, str]]:
    assign = rule.get("Assign")
    for name in assign if isinstance(assign, dict) else ():
        yield name.removesuffix(".$"), f"{location}/Assign/{name}"


def _check_name(report: Report, name: str, location: str, scope: Scope) -> None:
    if name == "states":
        report.error(
            "RESERVED_VARIABLE_NAME", "Cannot assign to reserved variable '$states'.", location
        )
    elif len(name) > MAX_NAME:
        report.error(
            "INVALID_VARIABLE_NAME",
            f"Invalid variable name '{name}': the variable name exceeds the {MAX_NAME}-character "
            "limit.",
            location,
        )
    elif not _is_identifier(name):
        report.error(
            "INVALID_VARIABLE_NAME",
            f"Invalid variable name '{name}': the variable name contains invalid characters.",
            location,
        )
    elif name in scope.around:
        report.error(
            "DUPLICATE_VARIABLE_NAME",
            f"The variable name '{name}' was already defined in a parent scope.",
            location,
        )


def _is_identifier(name: str) -> bool:
    categories = [unicodedata.category(character) for character in name]
    return bool(name) and categories[0] in _START and set(categories) <= _CONTINUED
