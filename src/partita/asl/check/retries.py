"""Check the retriers and catchers of a state."""

from __future__ import annotations

from typing import Any

from partita.asl.check import values
from partita.asl.check.diagnostics import Report
from partita.asl.check.fields import check_language, check_names, check_required

_RETRIER = {
    "ErrorEquals": values.filled(values.array),
    "IntervalSeconds": values.integer(0, values.MAX_SECONDS),
    "MaxAttempts": values.integer(0, values.MAX_SECONDS),
    "BackoffRate": values.number(1),
    "MaxDelaySeconds": values.integer(1, 31_622_400),
    "JitterStrategy": values.one_of("NONE", "FULL"),
    "Comment": values.string,
}
_CATCHER = {
    "ErrorEquals": values.filled(values.array),
    "Next": values.string,
    "ResultPath": values.reference_path,
    "Assign": values.json_object,
    "Output": values.anything,
    "Comment": values.string,
}
_ALL = "States.ALL"


def check_retry(report: Report, value: Any, location: str) -> None:
    """Check the field Retry."""
    if values.array(report, value, location):
        for number, retrier in enumerate(value):
            _check(report, retrier, f"{location}[{number}]", _RETRIER, number == len(value) - 1)


def check_catch(report: Report, value: Any, location: str, language: str) -> None:
    """Check the field Catch."""
    if not values.array(report, value, location):
        return
    for number, catcher in enumerate(value):
        place = f"{location}[{number}]"
        if isinstance(catcher, dict):
            check_language(report, catcher, language, place)
        if _check(report, catcher, place, _CATCHER, number == len(value) - 1):
            check_required(report, catcher, ("Next",), place)


def _check(
    report: Report, rule: Any, location: str, checks: dict[str, values.Check], is_last: bool
) -> bool:
    """Check a retrier or catcher; return whether it is an object."""
    if not values.json_object(report, rule, location):
        return False
    check_names(report, rule, frozenset(checks), location)
    check_required(report, rule, ("ErrorEquals",), location)
    fits = {
        name: check(report, rule[name], f"{location}/{name}")
        for name, check in checks.items()
        if name in rule
    }
    if fits.get("ErrorEquals"):
        _check_errors(report, rule["ErrorEquals"], f"{location}/ErrorEquals", is_last)
    return True


def _check_errors(report: Report, errors: list[Any], location: str, is_last: bool) -> None:
    for number, error in enumerate(errors):
        values.string(report, error, f"{location}[{number}]")
    if _ALL in errors and (len(errors) > 1 or not is_last):
        report.schema("States.ALL must appear alone and at end of list", location)
