"""Compute with numbers outside the range of doubles, which AWS writes as texts.

`1/0` is `"Infinity"`. A comparison knows such a text as its number; arithmetic refuses it.

Source: what AWS's TestState answers, as published by those who measured it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from partita.asl.jsonata.failures import JsonataError

_NAMES = {"Infinity": math.inf, "-Infinity": -math.inf, "NaN": math.nan}

_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "<": lambda left, right: left < right,
    "<=": lambda left, right: left <= right,
    ">": lambda left, right: left > right,
    ">=": lambda left, right: left >= right,
}


def compute(operator: str, left: Any = None, right: Any = None) -> Any:
    """Return what an operator gives, as a text if it is not finite; None for nothing.

    Raises:
        JsonataError: an operand is of the wrong type, or is itself not finite.
    """
    if operator in _COMPARISONS:
        return _compared(operator, left, right)
    _check_operand(left, operator, "T2001", "left")
    _check_operand(right, operator, "T2002", "right")
    if left is None or right is None:
        return None
    return _json_form(_calculated(operator, float(left), float(right)))


def _compared(operator: str, left: Any, right: Any) -> Any:
    if left is None or right is None:
        return None
    left, right = _number(left), _number(right)
    comparable = (_is_number(left) and _is_number(right)) or _are_strings(left, right)
    if not comparable:
        raise JsonataError(
            "T2010",
            f'The expressions either side of operator "{operator}" must evaluate to numeric or '
            "string values",
        )
    return _COMPARISONS[operator](left, right)


def _calculated(operator: str, left: float, right: float) -> float:
    match operator:
        case "+":
            return left + right
        case "-":
            return left - right
        case "*":
            return left * right
        case "/":
            return left / right if right else _divided_by_zero(left, right)
    return math.fmod(left, right) if right else math.nan


def _divided_by_zero(left: float, right: float) -> float:
    if left == 0:
        return math.nan
    return math.copysign(math.inf, left) * math.copysign(1.0, right)


def _json_form(number: float) -> Any:
    if math.isfinite(number):
        return int(number) if number.is_integer() else number
    return next(name for name, value in _NAMES.items() if str(value) == str(number))


def _check_operand(value: Any, operator: str, code: str, side: str) -> None:
    if value in _NAMES if isinstance(value, str) else False:
        raise JsonataError("D1001", "Number out of range: null")
    if value is not None and not _is_number(value):
        raise JsonataError(
            code, f'The {side} side of the "{operator}" operator must evaluate to a number'
        )


def _number(value: Any) -> Any:
    return _NAMES.get(value, value) if isinstance(value, str) else value


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _are_strings(left: Any, right: Any) -> bool:
    return isinstance(left, str) and isinstance(right, str)
