"""Compare the forms of bundles with those of the engine, value for value."""

from __future__ import annotations

import collections
import dataclasses
import datetime as dt
import enum
import fractions
import ipaddress
import json
import pathlib
import re
import typing
import uuid
import zoneinfo
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import pydantic
import pytest

from partita.codec import ANY, Converter, form_of, reader_of
from partita.errors import InvalidInputError
from partita.stepfunctions.bundle.stand_in import forms
from partita.stepfunctions.bundle.stand_in.tags import FormError


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 2


class Mixed(enum.Enum):
    ONE = 1
    TWO = "two"


class Rights(enum.Flag):
    READ = 1
    WRITE = 2


class Point(typing.NamedTuple):
    x: int
    y: float = 0.5


class Person(typing.TypedDict):
    name: str
    born: typing.NotRequired[dt.date]


@dataclasses.dataclass
class Plain:
    name: str
    count: int = 3
    tags: list[str] = dataclasses.field(default_factory=list)


@dataclasses.dataclass(frozen=True)
class Frozen:
    at: dt.datetime
    price: Decimal
    colour: Colour
    next: Frozen | None = None


@dataclasses.dataclass
class Checked:
    low: int
    high: int
    factor: dataclasses.InitVar[int] = 2

    def __post_init__(self, factor: int) -> None:
        self.high *= factor


@dataclasses.dataclass(slots=True)
class Slotted:
    value: bytes


class Card(pydantic.BaseModel):
    number: str
    limit: int = 5


@dataclasses.dataclass
class Cash:
    amount: int


@dataclasses.dataclass
class Cheque:
    amount: int
    bank: str


UTC = dt.UTC
BERLIN = zoneinfo.ZoneInfo("Europe/Berlin")
WHEN = dt.datetime(2026, 1, 31, 12, 30, 0, 250_000)
VALUES: list[tuple[Any, Any]] = [
    (Any, None),
    (Any, [1, 2.5, "x", True, {"a": [None]}]),
    (Any, (1, (2, "x"))),
    (Any, {1, 2}),
    (Any, frozenset({1})),
    (Any, {1: "a", (1, 2): "b"}),
    (Any, {"$partita": 1}),
    (Any, float("inf")),
    (Any, Colour.RED),
    (Any, Level.HIGH),
    (Any, Mixed.TWO),
    (Any, Plain("n")),
    (Any, Frozen(WHEN, Decimal("1.10"), Colour.BLUE)),
    (Any, Checked(1, 2)),
    (Any, Point(1)),
    (Any, collections.OrderedDict(a=1)),
    (Any, collections.Counter("aab")),
    (Any, collections.defaultdict(int, a=1)),
    (Any, collections.defaultdict(list, {"a": [1, (2,)]})),
    (Any, collections.defaultdict(None, a=1)),
    (Any, collections.deque([1, 2], 5)),
    (Any, WHEN),
    (Any, [dt.date(2026, 1, 31), dt.time(1, 2, 3), dt.timedelta(days=1, seconds=5)]),
    (Any, [uuid.UUID(int=5), Decimal("NaN"), b"\x00\xff", bytearray(b"x"), 3 + 4j, range(1, 9, 2)]),
    (Any, [re.compile("a+", re.IGNORECASE), re.compile(b"a")]),
    (Any, [pathlib.Path("/tmp/x"), pathlib.PurePosixPath("a"), fractions.Fraction(1, 3)]),
    (Any, [ipaddress.ip_address("::1"), ipaddress.ip_network("10.0.0.0/8"), BERLIN]),
    (int, 5),
    (float, 5),
    (float, 5.5),
    (float, float("-inf")),
    (str, "text"),
    (str, 5),
    (bool, True),
    (None, None),
    (int | None, None),
    (int | None, 4),
    (list[int], [1, 2]),
    (list[int], (1, 2)),
    (list[float], [1, 2.5]),
    (tuple[int, str], (1, "x")),
    (tuple[int, ...], (1, 2, 3)),
    (tuple[()], ()),
    (set[str], {"a"}),
    (frozenset[int], frozenset({1})),
    (Sequence[int], (1, 2)),
    (Sequence[int], [1, 2]),
    (dict[str, int], {"a": 1}),
    (dict[str, Any], {"a": (1, 2)}),
    (dict[int, str], {1: "a"}),
    (dict[Colour, int], {Colour.RED: 1}),
    (dict[dt.date, int], {dt.date(2026, 1, 31): 1}),
    (dict[tuple[int, int], str], {(1, 2): "a"}),
    (Mapping[str, int], {"a": 1}),
    (Colour, Colour.RED),
    (Level, Level.LOW),
    (Mixed, Mixed.ONE),
    (Rights, Rights.READ | Rights.WRITE),
    (Point, Point(1, 2.5)),
    (Person, {"name": "n"}),
    (Person, {"name": "n", "born": dt.date(2026, 1, 31)}),
    (Person, {"name": "n", "more": 1}),
    (Plain, Plain("n", 4, ["a"])),
    (Frozen, Frozen(WHEN.replace(tzinfo=UTC), Decimal("0.1"), Colour.RED)),
    (Frozen, Frozen(WHEN, Decimal(1), Colour.RED, Frozen(WHEN, Decimal(2), Colour.BLUE))),
    (Checked, Checked(1, 2, 3)),
    (Slotted, Slotted(b"abc")),
    (dt.datetime, WHEN.replace(tzinfo=UTC)),
    (dt.datetime, WHEN.replace(tzinfo=dt.timezone(dt.timedelta(hours=-3)))),
    (dt.datetime, WHEN.replace(tzinfo=BERLIN, fold=1)),
    (dt.time, dt.time(1, 2, 3, 5000)),
    (dt.date, dt.date(2026, 1, 31)),
    (dt.timedelta, -dt.timedelta(days=1, microseconds=5)),
    (dt.timedelta, dt.timedelta(0)),
    (Decimal, Decimal("1E+5")),
    (uuid.UUID, uuid.UUID(int=5)),
    (bytes, b"\x00\x01"),
    (pathlib.Path, pathlib.Path("a/b")),
    (str | dt.datetime, WHEN),
    (str | dt.datetime, "text"),
    (Cash | Cheque, Cash(5)),
    (Cash | Cheque, Cheque(5, "b")),
    (Cash | None, Cash(5)),
    (int | float, 2.5),
    (int | str | None, 5),
    (list[int] | dict[str, int], {"a": 1}),
    (dict[str, int] | Cash, Cash(1)),
    (dict[str, int] | Cash, {"amount": 1}),
    (tuple[int, int] | list[int], (1, 2)),
    (typing.Literal["a", 1], 1),
    (typing.Annotated[int, "x"], 1),
]


def by_engine(hint: Any, value: Any) -> Any:
    return json.loads(Converter().dump(value, form=form_of(hint)))


@pytest.mark.parametrize(("hint", "value"), VALUES, ids=lambda one: str(one)[:40])
def test_values_have_the_form_of_the_engine(hint: Any, value: Any) -> None:
    data = json.loads(json.dumps(forms.form_of(hint).encode(value)))
    assert data == by_engine(hint, value)
    found = json.dumps(data)
    expected = reader(hint)(found)
    if isinstance(expected, InvalidInputError):
        with pytest.raises(FormError):
            forms.form_of(hint).decode(data)
        return
    assert same(forms.form_of(hint).decode(data), expected)


def reader(hint: Any) -> Any:
    def read(text: str) -> Any:
        try:
            return Converter().load(text, reader_of(form_of(hint) if hint is not Any else ANY))
        except InvalidInputError as error:
            return error

    return read


def same(one: Any, other: Any) -> bool:
    return type(one) is type(other) and (one == other or repr(one) == repr(other))


FROM_OUTSIDE: list[tuple[Any, str]] = [
    (Plain, '{"name": "n", "unknown": 1}'),
    (Plain, '{"count": 1}'),
    (Plain, '{"name": 1}'),
    (Plain, "[]"),
    (Checked, '{"low": 1, "high": 2}'),
    (Checked, '{"low": 1, "high": 2, "factor": 5}'),
    (Card, '{"number": 5}'),
    (Card, '{"number": "5"}'),
    (Frozen, '{"at": "2026-01-31T12:00:00Z", "price": "1.5", "colour": "red"}'),
    (Frozen, '{"at": "2026-01-31", "price": "1.5", "colour": "red"}'),
    (Frozen, '{"at": "2026-01-31T12:00:00Z", "price": "x", "colour": "red"}'),
    (Frozen, '{"at": "2026-01-31T12:00:00Z", "price": "1", "colour": "green"}'),
    (Decimal, "1.5"),
    (Decimal, "null"),
    (int, "true"),
    (int, '"1"'),
    (float, "1"),
    (bool, "1"),
    (str, "null"),
    (list[int], '{"a": 1}'),
    (list[int], '[1, "2"]'),
    (tuple[int, str], "[1]"),
    (dict[int, str], '{"1": "a"}'),
    (dict[int, str], '{"x": "a"}'),
    (dict[str, int], "[]"),
    (Colour, '"red"'),
    (Colour, '"RED"'),
    (Mixed, '"ONE"'),
    (Level, "2"),
    (Level, "9"),
    (Point, "[1]"),
    (Point, "[]"),
    (Person, '{"born": "2026-01-31"}'),
    (Person, '{"name": "n", "born": "31.1.2026"}'),
    (bytes, '"AAE="'),
    (bytes, '"?"'),
    (dt.timedelta, '"PT1H"'),
    (dt.timedelta, '"soon"'),
    (uuid.UUID, '"x"'),
    (Cash | Cheque, '{"amount": 1}'),
    (Cash | Cheque, '{"amount": 1, "bank": "b"}'),
    (int | str, "1.5"),
    (Any, '{"$partita": "nobody:Class", "value": 1}'),
    (Any, '{"$partita": 5}'),
    (Any, '{"$partita": "tests.bundle.test_forms:Plain", "value": {"name": "n"}}'),
    (Cash, '{"$partita": "tests.bundle.test_forms:Plain", "value": {"name": "n"}}'),
]


@pytest.mark.parametrize(("hint", "text"), FROM_OUTSIDE, ids=lambda one: str(one)[:50])
def test_data_from_outside_are_read_as_by_the_engine(hint: Any, text: str) -> None:
    expected = reader(hint)(text)
    try:
        found = forms.form_of(hint).decode(json.loads(text))
    except FormError:
        found = None
        assert isinstance(expected, InvalidInputError)
        return
    assert same(found, expected)


@pytest.mark.parametrize("hint", [type, collections.abc.Iterator, object(), int.__add__])
def test_hints_of_what_cannot_be_carried_are_refused(hint: Any) -> None:
    with pytest.raises(FormError):
        forms.form_of(hint)
