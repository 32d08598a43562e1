"""Generated types and values: the same in plain Python, in memory and on SQLite, typed or not."""

from __future__ import annotations

from collections import OrderedDict, deque
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import PurePosixPath
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from partita import activity, workflow
from partita.codec import carry
from tests.language.conftest import Stage
from tests.values.kinds import Box, Card, Cash, Colour, Deep, Level, Place, Point, Price, Right
from tests.values.test_types import identity

Pair = tuple[Any, Any]
"""A hint, and a value of that type."""

ZONES = [None, UTC, ZoneInfo("Europe/Berlin"), ZoneInfo("America/New_York")]
FLOATS = st.floats(allow_nan=True, allow_infinity=True)
TEXTS = st.text(st.characters(codec="utf-8"), max_size=8)
TEXTS_WITH_TAGS = st.one_of(TEXTS, st.sampled_from(["$partita", "value", "tuple", "$codec"]))


def priced(cents: int) -> Price:
    return Price(cents)


SCALARS: dict[Any, st.SearchStrategy[Any]] = {
    None: st.none(),
    bool: st.booleans(),
    int: st.integers(),
    float: FLOATS,
    str: TEXTS_WITH_TAGS,
    bytes: st.binary(max_size=8),
    Decimal: st.decimals().filter(lambda made: not made.is_snan()),
    Fraction: st.fractions(),
    UUID: st.uuids(),
    complex: st.complex_numbers(),
    date: st.dates(),
    timedelta: st.timedeltas(),
    datetime: st.builds(
        lambda at, zone, fold: at.replace(tzinfo=zone, fold=fold),
        st.datetimes(),
        st.sampled_from(ZONES),
        st.sampled_from([0, 1]),
    ),
    time: st.times(),
    PurePosixPath: TEXTS.map(PurePosixPath),
    Colour: st.sampled_from(Colour),
    Level: st.sampled_from(Level),
    Right: st.sampled_from([Right(0), Right.READ, Right.READ | Right.WRITE]),
    Card: st.builds(Card, TEXTS),
    Cash: st.builds(Cash, st.integers()),
    Price: st.builds(priced, st.integers()),
    Point: st.one_of(
        st.builds(Point, st.integers(), FLOATS),
        st.builds(Deep, st.integers(), FLOATS, st.integers()),
    ),
    Place: st.builds(Place, FLOATS, TEXTS),
}
KEYS = [str, int, float, bool, bytes, Decimal, UUID, date, datetime, Colour, Level, Fraction]


def several(hint: Any, values: st.SearchStrategy[Any]) -> st.SearchStrategy[Pair]:
    """Return pairs of a container of one type and a value of that."""
    lists = st.lists(values, max_size=4)
    return st.one_of(
        lists.map(lambda made: (list[hint], made)),
        lists.map(lambda made: (tuple[hint, ...], tuple(made))),
        lists.map(lambda made: (deque[hint], deque(made))),
        st.dictionaries(TEXTS_WITH_TAGS, values, max_size=3).map(
            lambda made: (dict[str, hint], made)
        ),
        st.dictionaries(TEXTS, values, max_size=3).map(
            lambda made: (OrderedDict[str, hint], OrderedDict(made))
        ),
        st.one_of(values, st.none()).map(lambda made: (hint | None if hint else None, made)),
        values.map(lambda made: (Box[hint], Box(made))),
        values.map(lambda made: (hint | str | Card, made) if hint else (hint, made)),
        st.tuples(values, st.integers()).map(lambda made: (tuple[hint, int], made)),
    )


def keyed(key: Any) -> st.SearchStrategy[Pair]:
    return st.one_of(
        st.dictionaries(SCALARS[key], st.integers(), max_size=3).map(
            lambda made: (dict[key, int], made)
        ),
        st.sets(SCALARS[key], max_size=3).map(lambda made: (set[key], made)),
        st.frozensets(SCALARS[key], max_size=3).map(lambda made: (frozenset[key], made)),
    )


@st.composite
def pairs(draw: st.DrawFn) -> Pair:
    """Draw a type of up to three levels, and a value of it."""
    hint = draw(st.sampled_from(list(SCALARS)))
    if draw(st.integers(0, 4)) == 0:
        hint, value = draw(keyed(draw(st.sampled_from(KEYS))))
    else:
        value = draw(SCALARS[hint])
    for _ in range(draw(st.integers(0, 2))):
        hint, value = draw(several(hint, st.just(value)))
    return hint, value


GENERATED = settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True
)


@GENERATED
@given(pairs())
def test_a_value_comes_back(pair: Pair) -> None:
    hint, value = pair
    assert identity(carry(value, hint)) == identity(value)
    assert identity(carry(value)) == identity(value)
    assert identity(carry(carry(value, hint), hint)) == identity(value)


@activity
def act(value):  # type: ignore[no-untyped-def]
    return value


@workflow
def flow(value):  # type: ignore[no-untyped-def]
    return [identity(act(value)) == identity(value), act(value)]


@pytest.mark.parametrize("examples", [15])
def test_a_value_is_the_same_on_an_engine(examples: int, stage: Stage) -> None:
    @settings(
        max_examples=examples,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(st.lists(pairs(), min_size=3, max_size=6))
    def check(found: list[Pair]) -> None:
        values = [value for _, value in found]
        is_same, back = stage.run(flow, values)
        assert is_same
        assert identity(back) == identity(values) == identity(flow(values)[1])

    check()
