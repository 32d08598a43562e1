"""Check the values of single fields: their types, ranges, paths, times.

A check takes the report, the value and its location, and tells whether the value fits.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from typing import Any

from partita.asl.check.diagnostics import Report
from partita.asl.failures import EvaluationFault
from partita.asl.path_reader import PathSyntaxError
from partita.asl.queries import parse_query

Check = Callable[[Report, Any, str], bool]

MAX_SECONDS = 99_999_999
_TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")
_WILDCARDS = re.compile(r"[*?@]|\.\.|\[[^\]'\"]*[:,]")
_TYPES: dict[str, type | tuple[type, ...]] = {
    "STRING": str,
    "OBJECT": dict,
    "ARRAY": list,
    "BOOLEAN": bool,
}


def is_expression(value: Any) -> bool:
    """Return whether a value is a string with a JSONata expression."""
    return isinstance(value, str) and value.startswith("{%") and value.endswith("%}")


def of_type(name: str) -> Check:
    """Return the check of a JSON type: STRING, OBJECT, ARRAY or BOOLEAN."""

    def check(report: Report, value: Any, location: str) -> bool:
        if isinstance(value, _TYPES[name]):
            return True
        report.schema(f"Expected value of type [{name}]", location)
        return False

    return check


string, json_object, array, boolean = map(of_type, ("STRING", "OBJECT", "ARRAY", "BOOLEAN"))


def anything(_report: Report, _value: Any, _location: str) -> bool:
    """Take every value."""
    return True


def filled(check: Check) -> Check:
    """Return the check that a value fits and is not empty."""

    def check_filled(report: Report, value: Any, location: str) -> bool:
        if not check(report, value, location):
            return False
        if not value:
            report.schema("Value cannot be empty", location)
        return bool(value)

    return check_filled


def one_of(*choices: str) -> Check:
    """Return the check that a value is one of some texts."""

    def check(report: Report, value: Any, location: str) -> bool:
        if not string(report, value, location):
            return False
        if value not in choices:
            report.schema(f"Value should be one of the following: [{', '.join(choices)}]", location)
        return value in choices

    return check


def integer(least: int | None = None, most: int | None = None) -> Check:
    """Return the check of a whole number within bounds."""

    def check(report: Report, value: Any, location: str) -> bool:
        if isinstance(value, bool) or not isinstance(value, int):
            report.schema("Expected value of type Integer", location)
            return False
        return _within(report, value, location, least, most)

    return check


def number(least: float | None = None, most: float | None = None) -> Check:
    """Return the check of a number within bounds."""

    def check(report: Report, value: Any, location: str) -> bool:
        if isinstance(value, bool) or not isinstance(value, int | float):
            report.schema("Expected value of type [NUMBER]", location)
            return False
        return _within(report, value, location, least, most)

    return check


def is_query(value: Any) -> bool:
    """Return whether a value is a JSONPath, or a call of an intrinsic function."""
    if not isinstance(value, str) or not value.startswith(("$", "States.")):
        return False
    try:
        parse_query(value)
    except (PathSyntaxError, EvaluationFault):
        return False
    return True


def path(report: Report, value: Any, location: str) -> bool:
    """Check a JSONPath, or an intrinsic function where AWS takes one."""
    if value is None or is_query(value):
        return True
    if string(report, value, location):
        report.schema("Value must be a valid JSONPath.", location)
    return False


def reference_path(report: Report, value: Any, location: str) -> bool:
    """Check a path to a single place: without wildcards, filters and descents."""
    if value is None:
        return True
    if not variable(report, value, location):
        return False
    if _WILDCARDS.search(value):
        report.schema("Value is not a Reference Path", location)
        return False
    return True


def variable(report: Report, value: Any, location: str) -> bool:
    """Check the `Variable` of a rule, which is a path that has to begin with `$`."""
    if not string(report, value, location):
        return False
    if value.startswith("$"):
        return path(report, value, location)
    report.schema("Value is not a Reference Path: Reference path didn't start with '$'", location)
    return False


def timestamp(report: Report, value: Any, location: str) -> bool:
    """Check a time as RFC 3339 has it, with `T` and a zone."""
    if not string(report, value, location):
        return False
    if not _is_timestamp(value):
        report.schema("String does not match RFC3339 timestamp", location)
        return False
    return True


def _is_timestamp(text: str) -> bool:
    if not _TIMESTAMP.fullmatch(text):
        return False
    try:
        datetime.fromisoformat(text[:19])
    except ValueError:
        return False
    return True


def _within(
    report: Report, value: float, location: str, least: float | None, most: float | None
) -> bool:
    if least is not None and value < least:
        report.schema(f"Minimum value is {least}", location)
        return False
    if most is not None and value > most:
        report.schema(f"Maximum value is {most}", location)
        return False
    return True
