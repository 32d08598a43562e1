"""Check one state: its fields, their values, its expressions and templates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from partita.asl.check import values
from partita.asl.check.choices import check_choices
from partita.asl.check.diagnostics import Report
from partita.asl.check.expressions import check_expressions
from partita.asl.check.fields import (
    AT_MOST_ONE,
    JSONATA,
    JSONPATH,
    LANGUAGES,
    ONE_OF,
    REQUIRED,
    STATES,
    check_at_most_one,
    check_language,
    check_names,
    check_one_of,
    check_required,
)
from partita.asl.check.maps import check_map
from partita.asl.check.retries import check_catch, check_retry
from partita.asl.check.tasks import check_task
from partita.asl.check.templates import (
    check_template,
    looks_dynamic,
    variables_of,
    variables_of_path,
)

_SECONDS = values.integer(1, values.MAX_SECONDS)
_VALUES: dict[str, values.Check] = {
    "Comment": values.string,
    "Next": values.string,
    "Default": values.string,
    "End": values.boolean,
    "InputPath": values.path,
    "OutputPath": values.path,
    "ResultPath": values.reference_path,
    "ItemsPath": values.path,
    "ResultSelector": values.json_object,
    "Assign": values.json_object,
    "TimeoutSeconds": _SECONDS,
    "HeartbeatSeconds": _SECONDS,
    "Seconds": values.integer(0, values.MAX_SECONDS),
    "Timestamp": values.timestamp,
    "Error": values.string,
    "Cause": values.string,
    "MaxConcurrency": values.integer(0),
    "ToleratedFailurePercentage": values.number(0, 100),
    "ToleratedFailureCount": values.integer(0),
    "TimeoutSecondsPath": values.path,
    "HeartbeatSecondsPath": values.path,
    "SecondsPath": values.path,
    "TimestampPath": values.path,
    "MaxConcurrencyPath": values.reference_path,
    "ToleratedFailurePercentagePath": values.path,
    "ToleratedFailureCountPath": values.path,
    "ErrorPath": values.path,
    "CausePath": values.path,
}
_TEMPLATES = ("Parameters", "ResultSelector", "ItemSelector", "Assign", "Credentials")
_EXPRESSIONS = (
    *("Arguments", "Assign", "Output", "Seconds", "Timestamp", "Error", "Cause", "Items"),
    *("MaxConcurrency", "ToleratedFailurePercentage", "ToleratedFailureCount", "ItemSelector"),
    *("ItemBatcher", "ResultWriter", "TimeoutSeconds", "HeartbeatSeconds", "Credentials"),
)
_READER_EXPRESSIONS = (("ItemReader", "Arguments"), ("ItemReader", "ReaderConfig", "MaxItems"))
_INNER_TEMPLATES = (
    ("ItemReader", "Parameters"),
    ("ItemBatcher", "BatchInput"),
    ("ResultWriter", "Parameters"),
)
_AFTER = ("Assign", "Output")  # evaluated when there is a result
_WITH_RESULT = ("Task", "Parallel", "Map")
_RULES = {"Choices": frozenset[str](), "Catch": frozenset({"errorOutput"})}


@dataclass(frozen=True, slots=True)
class Setting:
    """Where a state is: in a machine of a language and a kind."""

    language: str  # of the machine
    kind: str  # STANDARD or EXPRESS


def language_of(value: dict[str, Any], inherited: str) -> str:
    """Return the language of a machine or state: what is not exactly JSONPath is JSONata."""
    if "QueryLanguage" not in value:
        return inherited
    return JSONPATH if value["QueryLanguage"] == JSONPATH else JSONATA


def check_query_language(report: Report, value: dict[str, Any], location: str) -> None:
    """Check the value of the field QueryLanguage."""
    if "QueryLanguage" in value:
        values.one_of(*LANGUAGES)(report, value["QueryLanguage"], f"{location}/QueryLanguage")


def check_state(
    report: Report, state: dict[str, Any], location: str, setting: Setting
) -> list[tuple[str, str]]:
    """Check a state, without the flows within it.

    Returns the variables that it reads, each with its location.
    """
    kind = state.get("Type")
    language = language_of(state, setting.language)
    if setting.language == JSONATA and language == JSONPATH:
        report.schema(
            "'QueryLanguage' can not be 'JSONPath' if set to 'JSONata' for whole state machine",
            location,
        )
    else:
        check_language(report, state, language, location)
    check_query_language(report, state, location)
    if not check_required(report, state, ("Type",), location):
        return []
    if not values.one_of(*STATES)(report, kind, f"{location}/Type"):
        return []
    _check_structure(report, state, location, str(kind))
    _check_values(report, state, location, language)
    _check_parts(report, state, location, language, setting.kind)
    if language == JSONATA:
        return _check_jsonata(report, state, location, str(kind))
    return _check_jsonpath(report, state, location)


def _check_structure(report: Report, state: dict[str, Any], location: str, kind: str) -> None:
    check_names(report, state, STATES[kind], location)
    check_required(report, state, REQUIRED.get(kind, ()), location)
    for names in ONE_OF.get(kind, ()):
        check_one_of(report, state, names, location)
    for names in AT_MOST_ONE:
        if STATES[kind] & set(names):
            check_at_most_one(report, state, names, location)


def _check_values(report: Report, state: dict[str, Any], location: str, language: str) -> None:
    known = STATES[state["Type"]]
    for name, check in _VALUES.items():
        if name not in state or name not in known:
            continue
        is_computed = language == JSONATA and isinstance(state[name], str)
        if is_computed and state[name].startswith("{%"):
            continue
        check(report, state[name], f"{location}/{name}")


def _check_parts(
    report: Report, state: dict[str, Any], location: str, language: str, machine: str
) -> None:
    if "Retry" in state and "Retry" in STATES[state["Type"]]:
        check_retry(report, state["Retry"], f"{location}/Retry")
    if "Catch" in state and "Catch" in STATES[state["Type"]]:
        check_catch(report, state["Catch"], f"{location}/Catch", language)
    match state["Type"]:
        case "Choice" if "Choices" in state:
            check_choices(report, state["Choices"], f"{location}/Choices", language)
        case "Task":
            check_task(report, state, location, machine)
        case "Map":
            check_map(report, state, location, language)


def _check_jsonata(
    report: Report, state: dict[str, Any], location: str, kind: str
) -> list[tuple[str, str]]:
    """Check the expressions of a state; return the variables that they read."""
    result = frozenset({"result"}) if kind in _WITH_RESULT else frozenset()
    read = []
    for name in _EXPRESSIONS:
        if name in state:
            given = result if name in _AFTER else frozenset[str]()
            read += check_expressions(report, state[name], f"{location}/{name}", given)
    for path in _READER_EXPRESSIONS:
        value, place = _within(state, location, *path)
        read += check_expressions(report, value, place, frozenset())
    for name, given in _RULES.items():
        for rule, place in _rules(state, name, location):
            fields = {field: rule.get(field) for field in ("Condition", "Assign", "Output")}
            read += check_expressions(report, fields, place, given)
    return read


def _check_jsonpath(report: Report, state: dict[str, Any], location: str) -> list[tuple[str, str]]:
    """Check the templates of a state; return the variables that it reads."""
    read = []
    for name in _TEMPLATES:
        if name in state:
            check_template(report, state[name], f"{location}/{name}")
            read += variables_of(state[name], f"{location}/{name}")
    for path in _INNER_TEMPLATES:
        value, place = _within(state, location, *path)
        check_template(report, value, place)
        read += variables_of(value, place)
    for name in state:
        if name.endswith("Path") and isinstance(state[name], str):
            read += variables_of_path(state[name], f"{location}/{name}")
    if "Result" in state:
        _check_result(report, state["Result"], location)
    for name in _RULES:
        for rule, place in _rules(state, name, location):
            check_template(report, rule.get("Assign"), f"{place}/Assign")
            read += variables_of(rule.get("Assign"), f"{place}/Assign")
    return read


def _within(state: dict[str, Any], location: str, *names: str) -> tuple[Any, str]:
    """Return the value of a field within fields, None if there is none, and its location."""
    value: Any = state
    for name in names:
        value = value.get(name) if isinstance(value, dict) else None
    return value, "/".join((location, *names))


def _check_result(report: Report, value: Any, location: str) -> None:
    """Warn of paths in the Result of a Pass, which AWS takes as they are."""
    if looks_dynamic(value):
        report.warning(
            "PASS_RESULT_IS_STATIC",
            "The field 'Result' is static: paths and intrinsic functions in it are not evaluated.",
            f"{location}/Result",
        )


def _rules(state: dict[str, Any], name: str, location: str) -> list[tuple[dict[str, Any], str]]:
    rules = state.get(name)
    return [
        (rule, f"{location}/{name}[{number}]")
        for number, rule in enumerate(rules if isinstance(rules, list) else [])
        if isinstance(rule, dict)
    ]
