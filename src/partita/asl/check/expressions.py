"""Check the JSONata expressions of a state, wherever AWS evaluates them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from partita.asl.check.diagnostics import Report
from partita.asl.check.values import is_expression
from partita.asl.jsonata import Expression, JsonataError
from partita.asl.jsonata.references import context_references, free_variables, states_fields

INVALID = "INVALID_JSONATA_EXPRESSION"
UNSUPPORTED = "UNSUPPORTED_JSONATA_EXPRESSION"
_ROOT = "$$"


def expressions(value: Any, location: str) -> Iterator[tuple[str, str]]:
    """Yield each text that begins like an expression, and its location, of a field's value."""
    if isinstance(value, str) and value.startswith("{%"):
        yield value, location
    elif isinstance(value, dict):
        for name, member in value.items():
            yield from expressions(member, f"{location}/{name}")
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from expressions(item, f"{location}[{number}]")


def check_expressions(
    report: Report, value: Any, location: str, given: frozenset[str]
) -> list[tuple[str, str]]:
    """Check the expressions of a field; `given` are the fields that `$states` has there.

    Returns the variables that they read, each with its location.
    """
    read = []
    for text, place in expressions(value, location):
        if not is_expression(text):
            report.schema("JSONata string must start with {% and end with %}", place)
        else:
            read += [(name, place) for name in _check(report, text[2:-2].strip(), place, given)]
    return read


def _check(report: Report, text: str, location: str, given: frozenset[str]) -> list[str]:
    """Check an expression; return the variables that it reads."""
    try:
        tree = Expression(text).tree
    except JsonataError as error:
        if error.code is None:
            report.warning(UNSUPPORTED, error.message, location)
        else:
            report.error(INVALID, error.message, location)
        return []
    for name in context_references(tree):
        where = "" if name == _ROOT else " at the top level"
        report.error(UNSUPPORTED, f"Reference to '{name}'{where} is not supported.", location)
    for name in states_fields(tree):
        if name in ("result", "errorOutput") and name not in given:
            report.error(UNSUPPORTED, f"Field '$states.{name}' does not exist.", location)
    variables = free_variables(tree)
    if "eval" in variables:
        report.warning(UNSUPPORTED, "AWS has no function '$eval'; use '$parse'.", location)
    return variables
