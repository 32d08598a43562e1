"""Values become JSON and come back by their types; what cannot, says why."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec
import pytest

from partita.codec import Converter, ZlibCodec, decoder, same
from partita.errors import InvalidInputError, PayloadTooLargeError, SerializationError


class Colour(enum.Enum):
    RED = "red"


@dataclass
class Point:
    x: int
    y: int | None = None


class Line(msgspec.Struct):
    points: list[Point]


class Card(msgspec.Struct, tag=True):
    number: str


class Cash(msgspec.Struct, tag=True):
    cents: int


class Level(enum.IntEnum):
    HIGH = 3


class Model:
    """Speak as a pydantic model does."""

    def __init__(self, size: int) -> None:
        self.size = size

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Model) and other.size == self.size

    __hash__ = None  # type: ignore[assignment]

    def model_dump(self, *, mode: str) -> dict[str, Any]:
        return {"size": self.size, "mode": mode}

    @classmethod
    def model_validate(cls, value: dict[str, Any]) -> Model:
        if value.get("mode") != "json":
            raise ValueError("not written as JSON")
        return cls(value["size"])


class Locked:
    name = "locked"

    def encode(self, data: bytes) -> bytes:
        return data

    def decode(self, data: bytes) -> bytes:
        raise LookupError("no key")


class Reverse:
    name = "reverse"

    def encode(self, data: bytes) -> bytes:
        return data[::-1]

    def decode(self, data: bytes) -> bytes:
        return data[::-1]


VALUES: list[tuple[Any, Any]] = [
    (1, int),
    ("é", str),
    (None, type(None)),
    ([1.5], list[float]),
    ({"a": [1]}, dict[str, list[int]]),
    ((1, "a"), tuple[int, str]),
    ({1, 2}, set[int]),
    (Point(1), Point),
    (Line([Point(1, 2)]), Line),
    (Colour.RED, Colour),
    (datetime(2026, 1, 2, tzinfo=UTC), datetime),
    (UUID(int=7), UUID),
    (Decimal("1.10"), Decimal),
    (b"\x00\xff", bytes),
    (3, int | str),
    ("x", int | str),
    (None, Point | None),
    (Point(1), Point | None),
    (Cash(5), Card | Cash),
    ([Card("1"), Cash(2)], list[Card | Cash]),
    (Level.HIGH, Level),
    (frozenset({"a"}), frozenset[str]),
    (timedelta(hours=1.5), timedelta),
    (date(2026, 2, 1), date),
    (2**70, int),
    ({1: "a"}, dict[int, str]),
    (Model(3), Model),
    ({"a": [None, 1.5]}, Any),
    ({"$codec": ["zlib"], "data": "eA=="}, Any),
    ({"$codec": 1}, dict[str, int]),
]


@pytest.mark.parametrize("converter", [Converter(), Converter([ZlibCodec(), Reverse()])])
@pytest.mark.parametrize(("value", "hint"), VALUES)
def test_values_come_back_by_their_types(converter: Converter, value: Any, hint: Any) -> None:
    assert converter.load(converter.dump(value), decoder(hint)) == value


def test_without_codecs_a_payload_is_plain_json() -> None:
    assert Converter().dump({"a": [1, "x"]}) == '{"a":[1,"x"]}'


def test_a_codec_that_is_not_configured_is_named() -> None:
    payload = Converter([ZlibCodec()]).dump(1)
    with pytest.raises(InvalidInputError, match="'zlib'"):
        Converter().load(payload, decoder(int))


def test_a_value_that_looks_like_an_envelope_is_wrapped_as_one() -> None:
    assert Converter().dump({"$codec": 1}).startswith('{"$codec":[],"data":')


ENDLESS: list[Any] = []
ENDLESS.append(ENDLESS)


@pytest.mark.parametrize(
    "payload",
    [
        '{"$codec":1}',
        '{"$codec":["zlib"]',
        '{"$codec":["zlib"],"data":"A"}',
        '{"$codec":["zlib"],"data":"AAAA"}',
        '{"$codec":["locked"],"data":"AAAA"}',
        '{"$codec":[],"data":"/w=="}',
    ],
)
def test_a_damaged_envelope_is_refused(payload: str) -> None:
    converter = Converter([ZlibCodec(), Locked()])
    with pytest.raises(InvalidInputError, match="a payload's codecs cannot be undone") as error:
        converter.load(payload, decoder(Any))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("value", [float("nan"), {"a": [None, float("inf")]}, Point(float("-inf"))])  # type: ignore[arg-type]
def test_a_number_that_json_would_lose_is_refused(value: Any) -> None:
    with pytest.raises(SerializationError, match="the rate cannot be stored"):
        Converter().dump(value, "the rate")


@pytest.mark.parametrize(
    "value", [object(), lambda: 1, {(1, 2): object()}, 1j, "\ud800", ENDLESS, [Converter()]]
)
def test_what_has_no_json_form_is_refused(value: Any) -> None:
    with pytest.raises(SerializationError, match="the thing cannot be stored") as error:
        Converter().dump(value, "the thing")
    assert "\n" not in str(error.value)


def test_what_is_too_large_is_refused() -> None:
    with pytest.raises(PayloadTooLargeError, match="102 bytes of JSON, over the limit of 100"):
        Converter(limit=100).dump("x" * 100)
    assert Converter(limit=102).dump("x" * 100)
    with pytest.raises(PayloadTooLargeError, match="the result is"):  # though it would compress
        Converter([ZlibCodec()], limit=100).dump("x" * 100, "the result")


def test_what_does_not_fit_its_type_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="Expected `int`, got `str`"):
        Converter().load('"one"', decoder(int), "the count")
    with pytest.raises(InvalidInputError, match="the count does not fit"):
        Converter().load("[1", decoder(int), "the count")
    with pytest.raises(InvalidInputError, match=r"the payment does not fit: .*'Cheque'"):
        Converter().load('{"type":"Cheque"}', decoder(Card | Cash), "the payment")
    with pytest.raises(InvalidInputError, match="not written as JSON"):
        Converter().load("{}", decoder(Model))
    assert Converter().load(None, decoder(int)) is None


def test_payloads_are_the_same_but_for_the_order_of_keys() -> None:
    assert same('{"a":[2,1],"b":1}', '{"b":1,"a":[2,1]}')
    assert not same("[1,2]", "[2,1]")
    assert same(None, None)
    assert not same(None, "1")
    assert not same("nonsense", "1")
