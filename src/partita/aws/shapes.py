"""Hold requests to the shapes of SWF's service model, before anybody looks at what they ask.

Types, required members, lengths, ranges and enumerations come from `model.json` (see
`derive`); the few constraints that Amazon states in words only stand here. It knows no store:
whether a domain exists is not its question.

Source: Amazon SWF API Reference (2012-01-25); botocore's service model of it.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Iterator, Mapping
from importlib.resources import files
from typing import Any

import msgspec

from partita.aws.faults import SerializationFault, UnknownOperationFault, ValidationFault
from partita.aws.names import NONE

YEAR = 366 * 24 * 3600
"""Seconds that an execution may last, at most."""

RETENTION = 90
"""Days that closed executions may be kept, at most."""

FAR = 1e12
"""Seconds from the epoch within which a timestamp must lie."""


@functools.cache
def model() -> Mapping[str, Any]:
    """Return the table of operations and shapes."""
    text = files("partita.swf").joinpath("model.json").read_text("utf-8")
    found: dict[str, Any] = json.loads(text)
    return found


def operations() -> list[str]:
    """Return the names of SWF's operations."""
    return list(model()["operations"])


def checked(operation: str, body: bytes) -> dict[str, Any]:
    """Return a request's members, if they are as the model says.

    Raises:
        UnknownOperationFault: SWF has no such operation.
        SerializationFault: not JSON, not an object, or a value of the wrong type.
        ValidationFault: a constraint is broken.
    """
    known = model()["operations"].get(operation)
    if known is None:
        raise UnknownOperationFault(f"SWF has no operation {operation[:80]!r}")
    try:
        given = msgspec.json.decode(body or b"{}")
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise SerializationFault(f"the body is not JSON: {error}") from error
    if not isinstance(given, dict):
        raise SerializationFault("the body must be a JSON object")
    given = _typed(known["input"], given, "")
    broken = list(_broken(known["input"], given, ""))
    if broken:
        plural = "s" if len(broken) > 1 else ""
        raise ValidationFault(
            f"{len(broken)} validation error{plural} detected: {'; '.join(broken[:5])}"
        )
    return dict(given)


_TYPES: dict[str, tuple[type, ...]] = {
    "boolean": (bool,),
    "integer": (int,),
    "list": (list,),
    "long": (int,),
    "string": (str,),
    "structure": (dict,),
    "timestamp": (int, float),
}


def _typed(name: str, value: Any, path: str) -> Any:
    """Return a value without its nulls and unknown members; refuse wrong types."""
    shape = model()["shapes"][name]
    kind = shape["type"]
    fits = isinstance(value, _TYPES[kind])
    if not fits or (isinstance(value, bool) and kind != "boolean"):
        raise SerializationFault(f"{path or 'the body'} must be a {kind}")
    if kind == "structure":
        return {
            key: _typed(inner, value[key], f"{path}.{key}" if path else key)
            for key, inner in shape["members"].items()
            if value.get(key) is not None
        }
    if kind == "list":
        inner = shape["member"]
        return [_typed(inner, one, f"{path}.{place}") for place, one in enumerate(value, 1)]
    if kind == "timestamp" and not abs(value) < FAR:
        raise SerializationFault(f"{path} must be seconds since the epoch")
    return value


def _broken(name: str, value: Any, path: str) -> Iterator[str]:
    """Yield a sentence for each constraint that a value of the right type breaks."""
    shape = model()["shapes"][name]
    match shape["type"]:
        case "structure":
            for key in shape.get("required", ()):
                if key not in value:
                    yield _sentence(None, _below(path, key), "Member must not be null")
            for key, one in value.items():
                yield from _broken(shape["members"][key], one, _below(path, key))
        case "list":
            if len(value) > shape.get("max", len(value)):
                limit = f"Member must have length less than or equal to {shape['max']}"
                yield _sentence(value, path, limit)
            for place, one in enumerate(value, 1):
                yield from _broken(shape["member"], one, _below(path, f"{place}.member"))
        case "string":
            yield from _broken_text(name, shape, value, path)
        case "integer" | "long":
            if not shape.get("min", -(2**63)) <= value <= shape.get("max", 2**63 - 1):
                yield _sentence(value, path, f"Member must be at most {shape.get('max')}")


def _broken_text(name: str, shape: Mapping[str, Any], value: str, path: str) -> Iterator[str]:
    if len(value) < shape.get("min", 0):
        limit = f"Member must have length greater than or equal to {shape['min']}"
        yield _sentence(value, path, limit)
    elif len(value) > shape.get("max", len(value)):
        limit = f"Member must have length less than or equal to {shape['max']}"
        yield _sentence(value, path, limit)
    elif value not in shape.get("enum", (value,)):
        choice = f"Member must satisfy enum value set: [{', '.join(shape['enum'])}]"
        yield _sentence(value, path, choice)
    elif name in _IN_WORDS:
        fault = _IN_WORDS[name](value)
        if fault is None and path.lower().endswith("executionstarttoclosetimeout"):
            fault = _within_a_year(value)
        if fault is not None:
            yield _sentence(value, path, fault)


def _below(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key


def _sentence(value: Any, path: str, constraint: str) -> str:
    shown = "null" if value is None else f"'{str(value)[:80]}'"
    return f"Value {shown} at '{path}' failed to satisfy constraint: {constraint}"


# -- what the API reference says in words --------------------------------------------------


def _name(value: str) -> str | None:
    if any(one in ":/|" or ord(one) < 32 or 127 <= ord(one) < 160 for one in value):
        return "Member must not contain ':', '/', '|' or control characters"
    if value == "arn":
        return "Member must not be the literal string arn"
    if value != value.strip():
        return "Member must not start or end with whitespace"
    return None


def _is_number(value: str) -> bool:
    return value.isascii() and value.isdigit()


def _seconds(value: str) -> str | None:
    return None if _is_number(value) else "Member must be an integer of seconds, 0 or more"


def _optional_seconds(value: str) -> str | None:
    if value == NONE:
        return None
    return None if _is_number(value) else "Member must be an integer of seconds, or NONE"


def _within_a_year(value: str) -> str | None:
    if value != NONE and int(value) <= YEAR:
        return None
    return f"Member must be a number of seconds up to one year ({YEAR})"


def _days(value: str) -> str | None:
    if value == NONE or (_is_number(value) and int(value) <= RETENTION):
        return None
    return f"Member must be a number of days from 0 to {RETENTION}, or NONE"


def _priority(value: str) -> str | None:
    digits = value[1:] if value[:1] == "-" else value
    if _is_number(digits) and len(digits) <= 10 and -(2**31) <= int(value) < 2**31:
        return None
    return "Member must be an integer from -2147483648 to 2147483647"


_IN_WORDS: dict[str, Callable[[str], str | None]] = {
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
"""Shapes whose constraints are not in the model."""
