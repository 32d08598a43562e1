"""Check the rules of a Choice state."""

from __future__ import annotations

from typing import Any

from partita.asl.check import values
from partita.asl.check.diagnostics import Report
from partita.asl.check.fields import (
    JSONATA,
    check_at_most_one,
    check_language,
    check_names,
    check_required,
)

_ORDERS = ("Equals", "LessThan", "GreaterThan", "LessThanEquals", "GreaterThanEquals")
_ORDERED = {"String": values.string, "Numeric": values.number(), "Timestamp": values.timestamp}
_COMPARISONS: dict[str, values.Check] = {
    **{f"{kind}{order}": check for kind, check in _ORDERED.items() for order in _ORDERS},
    "BooleanEquals": values.boolean,
    "StringMatches": values.string,
    **dict.fromkeys(
        ("IsNull", "IsPresent", "IsNumeric", "IsString", "IsBoolean", "IsTimestamp"),
        values.boolean,
    ),
    **{f"{kind}{order}Path": values.variable for kind in _ORDERED for order in _ORDERS},
    "BooleanEqualsPath": values.variable,
}
_SELECTORS = ("And", "Or", "Not", "Variable", "Condition")
_NESTED = frozenset({*_COMPARISONS, *_SELECTORS, "Comment"})
_RULE = _NESTED | {"Next", "Assign", "Output"}


def check_choices(report: Report, value: Any, location: str, language: str) -> None:
    """Check the field Choices."""
    if not values.filled(values.array)(report, value, location):
        return
    for number, rule in enumerate(value):
        place = f"{location}[{number}]"
        if values.json_object(report, rule, place):
            _check_languages(report, rule, place, language)
            check_names(report, rule, _RULE, place)
            check_required(report, rule, ("Next",), place)
            if "Next" in rule:
                values.string(report, rule["Next"], f"{place}/Next")
            _check_test(report, rule, place)


def _check_languages(report: Report, rule: dict[str, Any], location: str, language: str) -> None:
    paths = ("And", "Or", "Not", "Variable")
    check_language(report, rule, language, location, *(paths if language == JSONATA else ()))
    if language != JSONATA:
        check_language(report, {"Condition": 0} if "Condition" in rule else {}, language, location)


def _check_test(report: Report, rule: dict[str, Any], location: str) -> None:
    found = [name for name in _SELECTORS if name in rule]
    if len(found) != 1:
        report.schema(
            f"The object must have only one of the following fields, [{', '.join(_SELECTORS)}]",
            location,
        )
        return
    match found[0]:
        case "And" | "Or" as name:
            _check_nested(report, rule[name], f"{location}/{name}")
        case "Not":
            _check_inner(report, rule["Not"], f"{location}/Not")
        case "Variable":
            _check_comparison(report, rule, location)
        case "Condition" if not isinstance(rule["Condition"], bool):
            values.string(report, rule["Condition"], f"{location}/Condition")


def _check_nested(report: Report, value: Any, location: str) -> None:
    if values.filled(values.array)(report, value, location):
        for number, rule in enumerate(value):
            _check_inner(report, rule, f"{location}[{number}]")


def _check_inner(report: Report, rule: Any, location: str) -> None:
    if values.json_object(report, rule, location):
        check_names(report, rule, _NESTED, location)
        _check_test(report, rule, location)


def _check_comparison(report: Report, rule: dict[str, Any], location: str) -> None:
    values.variable(report, rule["Variable"], f"{location}/Variable")
    found = tuple(name for name in _COMPARISONS if name in rule)
    check_at_most_one(report, rule, found, location)
    if not found:
        report.schema(
            "This object should have only one of the following fields: "
            f"[{', '.join(_COMPARISONS)}]",
            location,
        )
    for name in found:
        _COMPARISONS[name](report, rule[name], f"{location}/{name}")
