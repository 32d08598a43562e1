"""Carrying gives what writing and reading would give."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from partita.authoring.signature import Signature
from partita.codec import carry
from partita.errors import InvalidInputError, SerializationError
from tests.values.signatures import carried, carried_result


@dataclass
class Point:
    x: int


@pytest.mark.parametrize("value", ["text", 5, True, None, 2**70])
def test_an_immutable_scalar_is_the_very_same(value: Any) -> None:
    assert carry(value, type(value)) is value
    assert carry(value) is value


@pytest.mark.parametrize(
    ("value", "hint"),
    [([1, [2]], Any), ({"a": {"b": 1}}, Any), ([1], list[int]), (Point(1), Point)],
)
def test_what_can_change_is_copied(value: Any, hint: Any) -> None:
    copied = carry(value, hint)
    assert copied == value
    assert copied is not value


def test_an_int_under_a_float_hint_is_a_float() -> None:
    assert type(carry(2, float)) is float


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="the count does not fit"):
        carry("x", int, "the count")
    with pytest.raises(SerializationError, match="the thing cannot be stored"):
        carry(object(), what="the thing")


def call(point: Point, *more: float, **named: Point) -> Point: ...  # type: ignore[empty-body]


def test_a_call_is_carried_by_its_hints() -> None:
    point = Point(1)
    args, kwargs = carried(Signature(call), point, 2, a=point)
    assert (args, kwargs) == ((point, 2.0), {"a": point})
    assert args[0] is not point
    assert type(args[1]) is float
    assert carried_result(Signature(call), point) == point
    with pytest.raises(InvalidInputError):
        carried_result(Signature(call), "no point")
