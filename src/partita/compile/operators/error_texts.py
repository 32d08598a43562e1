"""Ask Python for the texts of its own errors, which differ between its versions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from partita.compile.tree import Value
from partita.compile.types import FLOAT


def text_of_error(act: Callable[[], Any]) -> str:
    """Return the text of the error that a function raises."""
    try:
        act()
    except Exception as error:
        return str(error)
    raise AssertionError("it raises no error")


_ONE: dict[bool, Any] = {False: 1, True: 1.0}
_BY_ZERO = {
    (sign, is_float): text_of_error(act)
    for is_float, one in _ONE.items()
    for sign, act in {
        "/": lambda one=one: one / 0,
        "//": lambda one=one: one // 0,
        "%": lambda one=one: one % 0,
        "divmod": lambda one=one: divmod(one, 0),
    }.items()
}
EMPTY = {
    "min": text_of_error(lambda: min([])),
    "max": text_of_error(lambda: max([])),
}


def division_by_zero(sign: str, left: Value, right: Value) -> str:
    """Return the text of a division by zero."""
    return _BY_ZERO[sign, FLOAT in (left.type, right.type)]
