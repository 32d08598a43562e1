"""Write JSON values as AWS does, and measure them."""

from __future__ import annotations

from typing import Any

import msgspec

from partita.codec.nesting import check_depth
from partita.errors import PayloadTooDeepError

PAYLOAD_LIMIT = 262_144
"""Bytes of JSON text that an input, an output or a result may have."""

_encode = msgspec.json.Encoder().encode
_SMALL = (bool, int, float, type(None))


def json_text(value: Any) -> str:
    """Return compact JSON text."""
    return _encode(value).decode()


def is_too_large(value: Any) -> bool:
    """Return whether a value's JSON text is over the limit of payloads."""
    if isinstance(value, _SMALL):
        return False
    try:
        return len(_encode(value)) > PAYLOAD_LIMIT
    except RecursionError:
        return False  # it is too deep


def is_too_deep(value: Any) -> bool:
    """Return whether a value is nested more deeply than an execution can record."""
    if isinstance(value, (*_SMALL, str)):
        return False
    try:
        check_depth(_encode(value))
    except (PayloadTooDeepError, RecursionError):
        return True
    return False


def type_name(value: Any) -> str:
    """Return the name of a value's JSON type."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, (int, float)):
        return "number"
    if isinstance(value, str):
        return "string"
    return "array" if isinstance(value, list) else "object"


def is_number(value: Any) -> bool:
    """Return whether a value is a JSON number."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def is_integer(value: Any) -> bool:
    """Return whether a value is a JSON number without a fraction."""
    return isinstance(value, int) and not isinstance(value, bool)


def same_json(one: Any, other: Any) -> bool:
    """Return whether two JSON values are equal; booleans are no numbers."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same_json(one[k], other[k]) for k in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same_json, one, other))
    return bool(one == other)
