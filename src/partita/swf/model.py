"""SWF's service model, and the constraints that Amazon states in words only.

`model.json` is derived from botocore's model; see `partita.aws.derive`.

Source: Amazon SWF API Reference (2012-01-25); botocore's service model of it.
"""

from __future__ import annotations

import functools
import json
from importlib.resources import files

from partita.aws.shapes import Constraint, ServiceModel
from partita.swf.wire_format import NONE

EXECUTION_LIMIT = 366 * 24 * 3600
"""Seconds that an execution may last, at most."""

RETENTION_LIMIT = 90
"""Days that closed executions may be kept, at most."""


@functools.cache
def swf_model() -> ServiceModel:
    """Return SWF's model."""
    table = json.loads(files("partita.swf").joinpath("model.json").read_text("utf-8"))
    return ServiceModel("SWF", table, _CONSTRAINTS)


def _name(value: str, _: str) -> str | None:
    if any(one in ":/|" or ord(one) < 32 or 127 <= ord(one) < 160 for one in value):
        return "Member must not contain ':', '/', '|' or control characters"
    if value == "arn":
        return "Member must not be the literal string arn"
    if value != value.strip():
        return "Member must not start or end with whitespace"
    return None


def _is_number(value: str) -> bool:
    return value.isascii() and value.isdigit()


def _seconds(value: str, path: str) -> str | None:
    if not _is_number(value):
        return "Member must be an integer of seconds, 0 or more"
    return _within_a_year(value, path)


def _optional_seconds(value: str, path: str) -> str | None:
    if value != NONE and not _is_number(value):
        return "Member must be an integer of seconds, or NONE"
    return _within_a_year(value, path)


def _within_a_year(value: str, path: str) -> str | None:
    is_limited = path.lower().endswith("executionstarttoclosetimeout")
    if not is_limited or (value != NONE and int(value) <= EXECUTION_LIMIT):
        return None
    return f"Member must be a number of seconds up to one year ({EXECUTION_LIMIT})"


def _days(value: str, _: str) -> str | None:
    if value == NONE or (_is_number(value) and int(value) <= RETENTION_LIMIT):
        return None
    return f"Member must be a number of days from 0 to {RETENTION_LIMIT}, or NONE"


def _priority(value: str, _: str) -> str | None:
    digits = value[1:] if value[:1] == "-" else value
    if _is_number(digits) and len(digits) <= 10 and -(2**31) <= int(value) < 2**31:
        return None
    return "Member must be an integer from -2147483648 to 2147483647"


_CONSTRAINTS: dict[str, Constraint] = {
    "ActivityId": _name,
    "DomainName": _name,
    "DurationInDays": _days,
    "DurationInSeconds": _seconds,
    "DurationInSecondsOptional": _optional_seconds,
    "FunctionId": _name,
    "Name": _name,
    "TaskPriority": _priority,
    "TimerId": _name,
    "Version": _name,
    "WorkflowId": _name,
}
