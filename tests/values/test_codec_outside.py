"""Data that was not written here: from outside, by earlier versions, or by an attacker."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Literal
from uuid import UUID

import msgspec
import pytest

from partita.codec import ANY, Converter, carry, decoder, form_of, same
from partita.codec.payloads import read_untyped
from partita.errors import InvalidInputError, SerializationError
from tests.values.kinds import (
    ALL,
    Account,
    Card,
    Cash,
    Cat,
    Colour,
    Counted,
    Dog,
    Name,
    Other,
    Point,
    Price,
    Right,
    Seeded,
    Tagged,
    Twice,
    User,
)

MADE: list[str] = []


@dataclass
class Trap:
    name: str

    def __post_init__(self) -> None:
        MADE.append(self.name)


@dataclass
class Parcel:
    code: str
    weight: float = 1.5
    tags: list[str] = field(default_factory=list)


@dataclass
class Default:
    a: int = 1
    b: list[int] = field(default_factory=lambda: [7])


OUTSIDE: list[tuple[str, Any, Any]] = [
    ('{"x": 1}', Point, Point(1, 0.0)),
    ('{"x": 1, "more": 2}', Point, Point(1, 0.0)),
    ("{}", Default, Default(1, [7])),
    ('{"cents": 5}', Price, Price(5)),  # the constructor's rules hold: 500
    ('{"seed": 4, "name": "n"}', Seeded, Seeded(4, "n")),
    ('{"number": "1"}', Card | Cash, Card("1")),
    ('{"cents": 1}', Card | Cash, Cash(1)),
    ('[{"cents": 1}]', list[Card | Cash], [Cash(1)]),
    ('"2026-01-01T00:00:00"', str | datetime, "2026-01-01T00:00:00"),
    ('"2026-01-01"', date | UUID, date(2026, 1, 1)),
    ('"00000000-0000-0000-0000-000000000003"', date | UUID, UUID(int=3)),
    ("[1, 2]", list[int] | set[int], [1, 2]),
    ("[1, 2]", set[int] | frozenset[int], {1, 2}),
    ("[1, 2]", Sequence[int], [1, 2]),
    ("3", Right, Right.READ | Right.WRITE),
    ('"red"', Literal[Colour.RED], Colour.RED),
    ('"red"', Colour | None, Colour.RED),
    ('"n"', Name, Name("n")),
    ('{"type": "Other", "a": 3}', Tagged | Other, Other(3)),
    (
        '{"userId": 7, "password": "abc"}',
        User,
        User.model_validate({"userId": 7, "password": "abc"}),
    ),
    ('{"kind": "dog"}', Cat | Dog, Dog()),
    ('{"owner": "o", "_secret": "x", "tags": ["t"]}', Account, Account("o", "x", labels=["t"])),
    ('{"n": 4}', Twice, Twice(4)),
    ("1", float, 1.0),
    ('{"2026-01-01": 1}', dict[date, int], {date(2026, 1, 1): 1}),
    ('{"1": 2}', dict[int, int], {1: 2}),
]


@pytest.mark.parametrize(("text", "hint", "value"), OUTSIDE)
def test_plain_json_from_outside_is_read(text: str, hint: Any, value: Any) -> None:
    found = Converter().load(text, decoder(hint))
    assert found == value
    assert type(found) is type(value)


UNFIT: list[tuple[str, Any, str]] = [
    ('{"y": 1}', Point, "missing required field `x`"),
    ('{"x": "1"}', Point, r"Expected `int`, got `str` - at `\$.x`"),
    ('[{"x": 1}, {"x": null}]', list[Point], r"`\$\[1\].x`"),
    ('{"dollars": 5}', Card | Cash, r"Expected `.*Card \| .*Cash`"),
    ('"x"', Card | Cash, "got `string`"),
    ("5", str | datetime, "got `integer`"),
    ('"maybe"', Colour, "Invalid enum value"),
    ('{"userId": "x"}', User, "userId"),
    ("true", int, "got `bool`"),
    ('{"a": [{"on": 1}]}', dict[str, list[Price]], r"missing required field `cents`"),
    ('{"$partita": "tuple", "value": [1]}', list[str], r"Expected `str`, got `int`"),
    ('{"$partita": "nothing", "value": 1}', Any, "names no type that is known: 'nothing'"),
    ('{"$partita": "os:system", "value": "true"}', Any, "os:system is not loaded here"),
    ('{"$partita": "nowhere:X", "value": {}}', Any, "nowhere:X is not loaded here"),
    ('{"$partita": "subprocess:Popen", "value": ["true"]}', Any, "Popen"),
    ('{"$partita": "builtins:list", "value": []}', Any, "no class of values"),
    ('{"$partita": "builtins:eval", "value": "1"}', Any, "not loaded here"),
    ('{"$partita": 1, "value": 1}', Any, "needs a type's name"),
    ('{"$partita": "tuple"}', Any, "needs a type's name"),
    ('{"$partita": "tuple", "value": [], "x": 1}', Any, "needs a type's name"),
    ('{"$partita": "tuple", "value": 5}', Any, "Invalid tuple"),
    ('{"$partita": "datetime", "value": [1, 2]}', Any, "Invalid datetime"),
    ('{"$partita": "datetime", "value": ["2026-01-01", "../../etc/passwd", 0]}', Any, "Invalid"),
    ('{"$partita": "datetime", "value": ["2026-01-01", "No/Where", 0]}', datetime, "Invalid"),
    ('{"$partita": "Pattern", "value": ["(", 0]}', Any, "Invalid Pattern"),
    ('{"$partita": "defaultdict", "value": [{}, "os:system"]}', Any, "Invalid defaultdict"),
    ('{"$partita": "dict", "value": [[{}, 1]]}', Any, "Invalid dict"),
    ('{"$partita": "set", "value": [[1]]}', Any, "Invalid set"),
    ('{"$partita": "bytes", "value": "a"}', bytes, "Invalid bytes"),
    ('{"$partita": "tests.values.kinds:Card", "value": {"number": "1"}}', Cash, "Expected `Cash`"),
    ('{"$partita": "tests.values.kinds:Card", "value": {"number": 1}}', Any, "Expected `str`"),
    ('{"$partita": "tests.values.kinds:Card", "value": {"number": "1"}}', int, "Expected `int`"),
    ('{"$partita": "tests.values.kinds:User", "value": {}}', User, "Expected"),
    ('{"$partita": "tests.values.kinds:User", "value": {"fields": 1, "set": []}}', User, "Invalid"),
]


@pytest.mark.parametrize(("text", "hint", "says"), UNFIT, ids=lambda one: str(one)[:50])
def test_what_does_not_fit_is_refused_in_one_line(text: str, hint: Any, says: str) -> None:
    with pytest.raises(InvalidInputError, match=says) as caught:
        Converter().load(text, decoder(hint), "it")
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith("it does not fit: ")


def test_reading_a_tagged_class_runs_none_of_its_code() -> None:
    text = Converter().dump(Trap("once"), "it", ANY)
    MADE.clear()
    for hint in (Any, Trap, object):
        assert Converter().load(text, decoder(hint)).name == "once"
    assert MADE == []
    assert Converter().load('{"name": "outside"}', decoder(Trap)).name == "outside"
    assert MADE == ["outside"]


def test_a_reader_without_the_code_gets_fields() -> None:
    text = '{"$partita": "nowhere:X", "value": {"a": {"$partita": "tuple", "value": [1]}}}'
    assert read_untyped(text) == {"a": [1]}
    assert read_untyped('{"$partita": "tuple", "value": [1]}') == (1,)


def test_the_same_class_under_another_modules_name() -> None:
    text = '{"$partita": "elsewhere:Card", "value": {"number": "1"}}'
    assert Converter().load(text, decoder(Card)) == Card("1")
    assert Converter().load(text, decoder(Card | Cash)) == Card("1")


@pytest.mark.parametrize(("value", "hint"), ALL, ids=lambda one: repr(one)[:40])
def test_payloads_are_json_and_stable(value: Any, hint: Any) -> None:
    for form, read in ((form_of(hint), decoder(hint)), (ANY, decoder(Any))):
        text = Converter().dump(value, "it", form)
        msgspec.json.decode(text)
        again = Converter().dump(Converter().load(text, read), "it", form)
        assert same(text, again) or isinstance(value, (set, frozenset, Counted))


OLDER: list[tuple[Any, str]] = [
    ((1, (2, 3)), "[1,[2,3]]"),
    (Point(1, 2.0), '{"x":1,"y":2.0}'),
    ([Price(5)], '[{"cents":500}]'),
    ({1: (2,)}, '{"1":[2]}'),
    (date(2026, 1, 1), '"2026-01-01"'),
    (b"ab", '"YWI="'),
    ({"a": Colour.RED}, '{"a":"red"}'),
]


@pytest.mark.parametrize(("value", "text"), OLDER)
def test_what_an_earlier_version_wrote_is_the_same(value: Any, text: str) -> None:
    assert same(Converter().dump(value, "it", ANY), text)
    assert same(text, Converter().dump(value, "it", ANY))
    assert not same(Converter().dump(value, "it", ANY), '"other"')


LOST: list[Any] = [
    object(),
    lambda: 1,
    len,
    int,
    sys,
    (one for one in [1]),
    iter([]),
    Exception("x"),
    open,
    memoryview(b"a"),
    [1, {"a": object()}],
    "\ud800",
]


@pytest.mark.parametrize("value", LOST, ids=lambda one: type(one).__name__)
def test_what_cannot_be_written_is_refused_in_one_line(value: Any) -> None:
    for hint in (Any, int, list[int], Point | None):
        with pytest.raises(SerializationError, match="it cannot be stored: ") as caught:
            carry(value, hint, "it")
        assert "\n" not in str(caught.value)


def test_values_that_do_not_fit_are_refused_not_changed() -> None:
    unfit: list[tuple[Any, Any]] = [
        ("1", int),
        (date(2026, 1, 1), str),
        (UUID(int=1), str),
        (5, str),
        ({1: 2}, dict[str, int]),
        ({"a": 1}, Point),
        (Card("1"), Cash),
        ({1}, list[int]),
        (1.5, int),
        ((1, 2), tuple[int]),
        (Colour.RED, Right),
        (b"x", str),
    ]
    for value, hint in unfit:
        with pytest.raises(InvalidInputError):
            carry(value, hint)


def test_importing_the_package_loads_none_of_what_values_may_need() -> None:
    program = (
        "import sys, partita; "
        "print([m for m in ('pydantic', 'attr', 'dateutil')"
        " if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"


@pytest.mark.parametrize("hint", [Parcel, list[Parcel], Any], ids=str)
def test_defaults_that_were_not_given_are_written(hint: Any) -> None:
    read = decoder(list[Parcel])('[{"code": "a"}]')
    value = read[0] if hint is Parcel else read
    text = Converter().dump(value, form=form_of(hint))
    assert '"weight":1.5,"tags":[]' in text
