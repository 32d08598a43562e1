"""Evaluate the fields that are numbers: times, limits, tolerances.

Each is a constant, a path (in the field that ends in `Path`) or a JSONata expression.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from partita.asl.expressions import Fields
from partita.asl.failures import QUERY_EVALUATION, EvaluationFault
from partita.asl.frame import Frame
from partita.asl.json_text import is_integer, is_number, json_text
from partita.asl.queries import Query, found

MAX_SECONDS = 99_999_999

Number = Callable[[Frame], float]
Check = Callable[[float], str | None]
"""Returns what is wrong with a number, None if nothing is."""


def constant(value: float) -> Number:
    """Return the number of a field with a constant."""
    return lambda _frame: value


def referenced(field: str, query: Query, check: Check, *, is_integral: bool = True) -> Number:
    """Return the number of a field with a path; a string with a number is one, too."""

    def number(frame: Frame) -> float:
        value = found(query, frame)
        parsed = _parsed(value, is_integral=is_integral)
        if parsed is None:
            kind = "integer" if is_integral else "float"
            raise EvaluationFault(
                f'The {field} field refers to value "{_shown(value)}" which is not a valid {kind}: '
                f"{query.text}"
            )
        problem = check(parsed)
        if problem is not None:
            raise EvaluationFault(problem)
        return parsed

    return number


def expressed(fields: Fields, check: Check, *, is_integral: bool = True) -> Number:
    """Return the number of a field of a JSONata state."""

    def number(frame: Frame) -> float:
        value: float = fields.typed(frame, "integer" if is_integral else "number")
        problem = check(value)
        if problem is not None:
            raise EvaluationFault(problem, QUERY_EVALUATION, location=fields.location)
        return value

    return number


def _parsed(value: Any, *, is_integral: bool) -> float | None:
    if isinstance(value, str):
        try:
            return int(value) if is_integral else float(value)
        except ValueError:
            return None
    is_fitting = is_integer(value) if is_integral else is_number(value)
    return value if is_fitting else None


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else json_text(value)


def not_negative(field: str) -> Check:
    """Return the check of a field that must not be negative."""
    return lambda value: f"{field} cannot be negative." if value < 0 else None


def percentage(field: str) -> Check:
    """Return the check of a field that is a percentage."""
    return lambda value: None if 0 <= value <= 100 else f"{field} must be between 0 and 100."


def duration(field: str) -> Check:
    """Return the check of a field with seconds, which AWS gives eight digits."""

    def check(value: float) -> str | None:
        if value > MAX_SECONDS:
            return f"{field} cannot exceed {MAX_SECONDS}."
        return positive(field)(value)

    return check


def positive(field: str) -> Check:
    """Return the check of a field that must be positive."""
    return lambda value: f"{field} must be a positive integer." if value <= 0 else None
