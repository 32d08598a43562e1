"""A member of a union comes back as itself, whichever members stand beside it."""

from __future__ import annotations

import enum
from collections import Counter, OrderedDict, deque
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal, NamedTuple, TypedDict, Union

import attrs
import msgspec
import pytest

from partita.codec import carry
from partita.errors import InvalidInputError
from tests.values.test_types import identity


@dataclass
class Plain:
    x: int


@dataclass
class Other:
    x: int
    y: int = 0


@attrs.define
class Attrs:
    x: int


class Tagged(msgspec.Struct, tag=True):
    x: int


class Typed(TypedDict):
    x: int


class Named(NamedTuple):
    x: int


class Word(enum.StrEnum):
    A = "a"


MEMBERS: list[tuple[Any, Any]] = [
    (Plain, Plain(1)),
    (Attrs, Attrs(1)),
    (Tagged, Tagged(1)),
    (Typed, {"x": 1}),
    (Named, Named(1)),
    (Word, Word.A),
    (dict[str, float], {"x": 1.0}),
    (dict[tuple[int, int], int], {(1, 1): 1}),
    (Mapping[str, int], {"x": 1}),
    (OrderedDict[str, int], OrderedDict(x=1)),
    (Counter[str], Counter(x=1)),
    (list[float], [1.0]),
    (tuple[int], (1,)),
    (tuple[int, ...], (1, 1)),
    (set[int], {1}),
    (frozenset[int], frozenset([1])),
    (deque[int], deque([1])),
    (str, "a"),
    (Literal["b"], "b"),
    (date, date(2026, 1, 1)),
    (bytes, b"a"),
]


@pytest.mark.parametrize(("hint", "value"), MEMBERS, ids=lambda one: repr(one)[:30])
def test_a_value_is_of_its_member_beside_any_other(hint: Any, value: Any) -> None:
    for other, _ in MEMBERS:
        for union in (Union[hint, other], Union[other, hint]):  # noqa: UP007
            assert identity(carry(value, union)) == identity(value), union


DICTIONARIES: list[tuple[Any, Any]] = [
    (Plain | dict[str, float], {"x": 1.0}),
    (Plain | Other | dict[str, float] | None, {"x": 1.0}),
    (Union[Attrs, Mapping[str, float]], {"x": 1.0}),  # noqa: UP007
    (Plain | dict, {"x": 1}),
]


@pytest.mark.parametrize(("hint", "read"), DICTIONARIES, ids=repr)
def test_a_dictionary_beside_a_class_stays_one(hint: Any, read: Any) -> None:
    assert identity(carry({"x": 1}, hint)) == identity(read)


def test_a_dictionary_that_is_none_of_the_union_is_refused() -> None:
    with pytest.raises(InvalidInputError):
        carry({"x": 1}, Plain | dict[str, set[int]])
    assert carry({"x": 1}, Plain | None) == Plain(1)
