"""A value of each kind is the same in plain Python and on every backend: typed and unhinted."""

from __future__ import annotations

import math
from collections import OrderedDict
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from partita import activity, side_effect, signals, workflow
from tests.language.conftest import Stage
from tests.values.kinds import (
    BERLIN,
    Account,
    Admin,
    Box,
    Card,
    Cash,
    Colour,
    Deep,
    Point,
    Price,
    Seeded,
    Tree,
    User,
    admin,
    at,
    user,
)
from tests.values.test_types import identity


@activity
def untyped(value):  # type: ignore[no-untyped-def]
    return value


@activity
def paid(by: Card | Cash) -> Card | Cash:
    return by


@activity
def when(at: str | datetime, id: str | UUID, raw: str | bytes) -> list[str | datetime | None]:
    return [at, None]


@activity
def many(items: list[int] | set[int]) -> list[int] | set[int]:
    return items


@activity
def point(given: Point) -> Point:
    return given


@activity
def price(given: Price) -> Price:
    return given


@activity
def seeded(given: Seeded) -> Seeded:
    return given


@activity
def tree(given: Tree) -> Tree | None:
    return given


@activity
def box(given: Box[date]) -> Box[date]:
    return given


@activity
def account(given: Account) -> Account:
    return given


@activity
def model(given: User) -> User:
    return given


@activity
def moment(given: datetime) -> datetime:
    return given


@activity
def ratio(given: float) -> float:
    return given


@activity
def table(given: dict[tuple[int, int], Decimal]) -> dict[tuple[int, int], Decimal]:
    return given


KINDS: dict[str, tuple[Any, list[Any]]] = {
    "two dataclasses": (paid, [Card("1"), Cash(2)]),
    "union in containers": (untyped, [[Card("1"), Cash(2)], {"a": Cash(1)}]),
    "list or set": (many, [[1, 2], {3}]),
    "subclass under its base": (point, [Deep(1, 2.0, 3), Point(1, 2.5)]),
    "post-init": (price, [Price(5)]),
    "init=False": (seeded, [Seeded(4, "x")]),
    "recursive": (tree, [Tree("a", [Tree("b")], Tree("p"))]),
    "generic": (box, [Box(date(2026, 1, 1))]),
    "attrs": (account, [Account("o", "hidden", labels=["x"])]),
    "pydantic": (model, [user(), admin()]),
    "zone": (moment, [at(2, BERLIN), at(2, BERLIN, 1), at(2)]),
    "float": (ratio, [math.nan, math.inf, 1.5]),
    "pairs": (table, [{(1, 2): Decimal("1.10")}]),
    "unhinted": (
        untyped,
        [
            (1, (2, 3)),
            {1, 2},
            {1: "a", "1": "b"},
            at(2, BERLIN),
            Decimal("1.10"),
            UUID(int=7),
            b"\x00\xff",
            Path("a/b"),
            Colour.RED,
            Point(1),
            Price(5),
            user(),
            OrderedDict(a=1),
            math.nan,
            [[Seeded(1, "x")]],
        ],
    ),
}


@workflow
def passes(kind: str) -> list[bool]:
    """Compare inside the workflow, before a value crosses again."""
    call, values = KINDS[kind]
    return [identity(call(value)) == identity(value) for value in values]


@workflow
def effects() -> list[bool]:
    values = KINDS["unhinted"][1]
    return [identity(side_effect(lambda value=value: value)) == identity(value) for value in values]  # type: ignore[misc]


@workflow
def returns(value):  # type: ignore[no-untyped-def]
    return value


@workflow
def passes_children() -> list[bool]:
    values = KINDS["unhinted"][1]
    return [identity(returns.submit(value).result()) == identity(value) for value in values]


@workflow
def widens() -> list[str]:
    return [repr(ratio(2)), repr(ratio.submit(2).result())]


@workflow
def unions_apart() -> list[str]:
    found = when(at(2, BERLIN), UUID(int=3), b"x")
    return [type(one).__name__ for one in found]


@pytest.mark.parametrize("kind", KINDS)
def test_arguments_and_results(kind: str, stage: Stage) -> None:
    assert passes(kind) == stage.run(passes, kind)
    assert all(passes(kind)), kind


def test_side_effects(stage: Stage) -> None:
    assert all(effects())
    assert all(stage.run(effects))


def test_children(stage: Stage) -> None:
    assert all(passes_children())
    assert all(stage.run(passes_children))


def test_an_int_under_a_float_hint_is_a_float_everywhere(stage: Stage) -> None:
    assert widens() == stage.run(widens) == ["2.0", "2.0"]


def test_members_of_unions_keep_apart(stage: Stage) -> None:
    assert unions_apart() == stage.run(unions_apart) == ["datetime", "NoneType"]


@workflow
def receives() -> list[bool]:
    values = KINDS["unhinted"][1]
    got = signals("value")
    return [identity(got.get()) == identity(value) for value in values]


@workflow
def receives_users() -> list[str]:
    got = signals("user", User)
    return [f"{type(one).__name__} {one.password.get_secret_value()}" for one in (got.get(),)]


def test_signals(stage: Stage) -> None:
    handle = stage.start(receives)
    for value in KINDS["unhinted"][1]:
        stage.client.signal(handle.workflow_id, "value", value)
    assert all(handle.result(timeout=30))
    other = stage.start(receives_users)
    stage.client.signal(other.workflow_id, "user", user())
    assert other.result(timeout=30) == ["User abc"]


def test_the_client_gets_what_the_workflow_returned(stage: Stage) -> None:
    for value in KINDS["unhinted"][1]:
        handle = stage.start(returns, value)
        assert identity(handle.result(timeout=30)) == identity(value)
        assert identity(stage.client.result(handle.workflow_id)) == identity(value)


def test_a_subclass_stays_one() -> None:
    assert type(model(admin())) is Admin
