"""Compare values in Choice rules: strings, numbers, booleans, timestamps, types.

A value of another type than the operator's never fulfils it.

Source: Amazon States Language, "Data-test expression".
"""

from __future__ import annotations

import functools
import operator
import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from partita.asl.json_text import is_number

Compare = Callable[[Any, Any], bool]

_INSTANT = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?Z")
_OFFSET_DATE_TIME = re.compile(
    r"(\d{4}-\d{2}-\d{2})[Tt](\d{2}:\d{2})(?::(\d{2})(?:\.(\d{1,9}))?)?([Zz]|[+-]\d{2}:\d{2})"
)


def parse_instant(text: Any) -> datetime | None:
    """Return the moment that a timestamp of a Choice rule stands for; it must end in Z."""
    is_instant = isinstance(text, str) and _INSTANT.fullmatch(text)
    return parse_timestamp(text) if is_instant else None


def parse_timestamp(text: Any) -> datetime | None:
    """Return the moment that an ISO 8601 text with T and an offset stands for, None if it is none.

    Digits below microseconds are dropped.
    """
    found = _OFFSET_DATE_TIME.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        return None
    day, minute, second, fraction, offset = found.groups()
    digits = (fraction or "")[:6].ljust(6, "0")
    zone = "+00:00" if offset in "Zz" else offset
    try:
        moment = datetime.fromisoformat(f"{day}T{minute}:{second or '00'}.{digits}{zone}")
        return moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _utf16(text: str) -> bytes:
    """Return what orders strings as Java does."""
    return text.encode("utf-16-be", "surrogatepass")


def _strings(compare: Callable[[Any, Any], bool]) -> Compare:
    def test(value: Any, other: Any) -> bool:
        are_strings = isinstance(value, str) and isinstance(other, str)
        return are_strings and compare(_utf16(value), _utf16(other))

    return test


def _numbers(compare: Callable[[Any, Any], bool]) -> Compare:
    return lambda value, other: is_number(value) and is_number(other) and compare(value, other)


def _timestamps(compare: Callable[[Any, Any], bool]) -> Compare:
    def test(value: Any, other: Any) -> bool:
        one, two = parse_instant(value), parse_instant(other)
        return one is not None and two is not None and compare(one, two)

    return test


def _same_boolean(value: Any, other: Any) -> bool:
    return isinstance(value, bool) and value is other


def _wildcards(value: Any, pattern: Any) -> bool:
    """Return whether `*` of the pattern stand for any texts; the time is linear in each of them."""
    if not (isinstance(value, str) and isinstance(pattern, str)):
        return False
    first, *rest = _literals(pattern)
    if not rest:
        return value == first
    position, end = len(first), len(value) - len(rest[-1])
    if position > end or not (value.startswith(first) and value.endswith(rest[-1])):
        return False
    for literal in rest[:-1]:
        found = value.find(literal, position, end)
        if found < 0:
            return False
        position = found + len(literal)
    return True


@functools.lru_cache(maxsize=256)
def _literals(pattern: str) -> tuple[str, ...]:
    """Return the texts between the wildcards of a pattern."""
    literals = [""]
    for part in re.split(r"(\\[*\\]|\*)", pattern):
        if part == "*":
            literals.append("")
        else:
            literals[-1] += _unescaped(part)
    return tuple(literals)


def _unescaped(part: str) -> str:
    return part[1:] if part in ("\\*", "\\\\") else part


def _is(test: Callable[[Any], bool]) -> Compare:
    return lambda value, wanted: test(value) is wanted


_ORDERS = {
    "Equals": operator.eq,
    "LessThan": operator.lt,
    "GreaterThan": operator.gt,
    "LessThanEquals": operator.le,
    "GreaterThanEquals": operator.ge,
}

WITH_PATH: dict[str, Compare] = {
    **{f"String{name}": _strings(compare) for name, compare in _ORDERS.items()},
    **{f"Numeric{name}": _numbers(compare) for name, compare in _ORDERS.items()},
    **{f"Timestamp{name}": _timestamps(compare) for name, compare in _ORDERS.items()},
    "BooleanEquals": _same_boolean,
}
"""The operators that have a form ending in `Path`."""

OPERATORS: dict[str, Compare] = {
    **WITH_PATH,
    "StringMatches": _wildcards,
    "IsNull": _is(lambda value: value is None),
    "IsNumeric": _is(is_number),
    "IsString": _is(lambda value: isinstance(value, str)),
    "IsBoolean": _is(lambda value: isinstance(value, bool)),
    "IsTimestamp": _is(lambda value: parse_instant(value) is not None),
}
"""The operators that compare the variable's value with a constant."""
