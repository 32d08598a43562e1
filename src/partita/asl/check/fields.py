"""List the fields of machines and states: who has them, in which query language.

Source: AWS Step Functions Developer Guide, by state type; what AWS's
ValidateStateMachineDefinition accepts.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from partita.asl.check.diagnostics import Report

JSONPATH, JSONATA = "JSONPath", "JSONata"
LANGUAGES = (JSONPATH, JSONATA)

MACHINE = frozenset({"Comment", "QueryLanguage", "StartAt", "States", "TimeoutSeconds", "Version"})
BRANCH = frozenset({"Comment", "StartAt", "States"})
PROCESSOR = BRANCH | {"ProcessorConfig"}
PROCESSOR_CONFIG = frozenset({"Mode", "ExecutionType"})

_EVERY = frozenset({"Type", "Comment", "QueryLanguage"})
_PATHS = frozenset({"InputPath", "OutputPath"})
_FLOW = _EVERY | _PATHS | {"Output", "Assign", "Next", "End"}
_FALLIBLE = _FLOW | {"ResultPath", "Parameters", "ResultSelector", "Retry", "Catch"}

STATES: dict[str, frozenset[str]] = {
    "Pass": _FLOW | {"Result", "ResultPath", "Parameters"},
    "Task": _FALLIBLE
    | {"Arguments", "Resource", "Credentials"}
    | {"TimeoutSeconds", "TimeoutSecondsPath", "HeartbeatSeconds", "HeartbeatSecondsPath"},
    "Choice": _EVERY | _PATHS | {"Output", "Assign", "Choices", "Default"},
    "Wait": _FLOW | {"Seconds", "SecondsPath", "Timestamp", "TimestampPath"},
    "Succeed": _EVERY | _PATHS | {"Output"},
    "Fail": _EVERY | {"Error", "ErrorPath", "Cause", "CausePath"},
    "Parallel": _FALLIBLE | {"Arguments", "Branches"},
    "Map": _FALLIBLE
    | {"ItemProcessor", "Iterator", "Items", "ItemsPath", "ItemSelector", "ItemReader"}
    | {"ItemBatcher", "ResultWriter", "Label", "MaxConcurrency", "MaxConcurrencyPath"}
    | {"ToleratedFailurePercentage", "ToleratedFailurePercentagePath"}
    | {"ToleratedFailureCount", "ToleratedFailureCountPath"},
}

REQUIRED: dict[str, tuple[str, ...]] = {
    "Task": ("Resource",),
    "Choice": ("Choices",),
    "Parallel": ("Branches",),
}

ONE_OF: dict[str, tuple[tuple[str, ...], ...]] = {  # exactly one of these
    **dict.fromkeys(("Pass", "Task", "Parallel"), (("Next", "End"),)),
    "Map": (("Next", "End"), ("ItemProcessor", "Iterator")),
    "Wait": (("Next", "End"), ("SecondsPath", "Seconds", "TimestampPath", "Timestamp")),
}

AT_MOST_ONE = (
    ("TimeoutSeconds", "TimeoutSecondsPath"),
    ("HeartbeatSeconds", "HeartbeatSecondsPath"),
    ("MaxConcurrency", "MaxConcurrencyPath"),
    ("ToleratedFailurePercentage", "ToleratedFailurePercentagePath"),
    ("ToleratedFailureCount", "ToleratedFailureCountPath"),
    ("Error", "ErrorPath"),
    ("Cause", "CausePath"),
)

JSONATA_ONLY = ("Output", "Arguments", "Items")
JSONPATH_ONLY = (
    *("InputPath", "OutputPath", "ResultPath", "Parameters", "ResultSelector", "Result"),
    *("ItemsPath", "TimeoutSecondsPath", "HeartbeatSecondsPath", "SecondsPath", "TimestampPath"),
    *("MaxConcurrencyPath", "ToleratedFailurePercentagePath", "ToleratedFailureCountPath"),
    *("ErrorPath", "CausePath"),
)


def check_names(
    report: Report, value: dict[str, Any], known: frozenset[str], location: str
) -> None:
    """Report the fields that an object does not have."""
    for name in value:
        if name not in known:
            report.schema(f"Field '{name}' is not supported", location)


def check_required(
    report: Report, value: dict[str, Any], required: Iterable[str], location: str
) -> bool:
    """Report the fields that are missing; return whether there are none."""
    missing = [name for name in required if name not in value]
    if missing:
        report.schema(f"These fields are required: [{', '.join(missing)}]", location)
    return not missing


def check_one_of(
    report: Report, value: dict[str, Any], names: tuple[str, ...], location: str
) -> None:
    """Report unless an object has exactly one of some fields."""
    count = sum(name in value for name in names)
    if count > 1:
        report.schema(_only_one(names), location)
    if not count:
        report.schema(
            f"This object should have only one of the following fields: [{', '.join(names)}]",
            location,
        )


def check_at_most_one(
    report: Report, value: dict[str, Any], names: tuple[str, ...], location: str
) -> None:
    """Report if an object has several of some fields."""
    if sum(name in value for name in names) > 1:
        report.schema(_only_one(names), location)


def check_language(
    report: Report, value: dict[str, Any], language: str, location: str, *more: str
) -> None:
    """Report the fields of the other query language; `more` are such fields, too."""
    other = JSONPATH if language == JSONATA else JSONATA
    names = (*(JSONPATH_ONLY if language == JSONATA else JSONATA_ONLY), *more)
    for name in names:
        if name in value:
            report.schema(
                f"The QueryLanguage is set to '{language}', but field '{name}' is only supported "
                f"for the '{other}' QueryLanguage",
                location,
            )


def _only_one(names: tuple[str, ...]) -> str:
    return f"There should only be one of the following fields: [{', '.join(names)}]"
