"""Each hint is resolved for itself; one that cannot be carried is refused where it is defined."""

from __future__ import annotations

import asyncio
import io
import sys
import threading
from collections.abc import AsyncIterator, Callable, Generator, Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Annotated, Any, NamedTuple, TypedDict, TypeVar

import pytest

from partita import Signal, Workflow, activity, query, signals, update, workflow
from partita.authoring.signature import Signature
from partita.codec import carry, decoder
from partita.errors import UnsupportedHintError
from tests.values import type_checking
from tests.values.checked_only import Parcel
from tests.values.signatures import carried, carried_result
from tests.values.type_checking import FUNCTIONS, Late, Order

PARCEL = Parcel(1.5, "x")
CALLS: list[tuple[str, tuple[Any, ...], Any]] = [
    ("one", (1, PARCEL, date(2026, 1, 1)), [PARCEL]),
    ("modules", (PARCEL, PARCEL, Decimal("1.5")), {"a": Decimal(2)}),
    ("by_field", (Order(PARCEL, date(2026, 1, 1)),), Order(None, date(2026, 1, 1))),
    ("alias", ({"a": 1},), None),
    ("forward", (Late(1, Late(2)), [None, Late(3)]), {"a": Late(1)}),
]


@pytest.mark.parametrize(("name", "args", "result"), CALLS)
def test_names_for_type_checkers_are_found(name: str, args: tuple[Any, ...], result: Any) -> None:
    signature = Signature(FUNCTIONS[name])
    signature.check()
    assert carried(signature, *args) == (args, {})
    assert carried_result(signature, result) == result


def test_without_their_tags_such_hints_still_make_objects() -> None:
    read = Signature(FUNCTIONS["one"])
    assert read.decode_result('[{"weight": 1}]') == [Parcel(1.0)]


def test_one_name_that_is_unknown_leaves_the_others_alone() -> None:
    signature = Signature(FUNCTIONS["ghost"])
    signature.check()  # the import may be possible when a value comes
    with pytest.raises(UnsupportedHintError, match=r"parameter 'unknown' of ghost.* Ghost"):
        carried(signature, Late(1), 2)
    lenient = Signature(FUNCTIONS["ghost"])
    assert carried(lenient, Late(1), 2) == ((Late(1), 2), {})


def test_a_name_that_nothing_defines_is_refused_at_the_definition() -> None:
    with pytest.raises(UnsupportedHintError) as caught:

        @activity
        def lost(a: int, b: list[Nowhere]) -> None: ...  # type: ignore[name-defined]  # noqa: F821

    assert "parameter 'b' of " in str(caught.value)
    assert "lost: the hint list[Nowhere] names Nowhere" in str(caught.value)
    assert caught.value.code == "UNSUPPORTED_HINT"


def test_a_field_whose_type_is_unknown_is_refused_and_named() -> None:
    @dataclass
    class Odd:
        a: Missing  # type: ignore[name-defined]  # noqa: F821

    with pytest.raises(UnsupportedHintError, match=r"parameter 'odd' of .*names Missing"):

        @workflow
        def flow(odd: Odd) -> None: ...


def test_classes_that_are_local_to_a_function() -> None:
    @dataclass
    class Item:
        on: date

    @dataclass
    class Basket:
        items: list[Item]
        best: Item | None = None

    class Pair(NamedTuple):
        a: Item
        b: date

    class Row(TypedDict):
        item: Item

    @activity
    def pack(basket: Basket, pair: Pair, row: Row) -> dict[str, Item]:
        return {"a": basket.items[0]}

    item = Item(date(2026, 1, 1))
    args = (Basket([item], item), Pair(item, date(2026, 1, 2)), {"item": item})
    assert carried(pack.signature, *args) == (args, {})
    assert carried_result(pack.signature, {"a": item}) == {"a": item}


def test_local_classes_in_unions_and_with_their_own_constructors() -> None:
    @dataclass
    class Card:
        number: str

    @dataclass
    class Cash:
        cents: int

        def __post_init__(self) -> None:
            self.cents *= 100

    def pay(by: Card | Cash, each: list[Card | Cash]) -> Cash: ...  # type: ignore[empty-body]

    signature = Signature(pay)
    args = (Cash(1), [Card("1"), Cash(2)])
    assert carried(signature, *args) == (args, {})
    assert carried_result(signature, Cash(3)) == Cash(3)


def in_a_closure() -> Callable[..., Any]:
    @dataclass
    class Inner:
        x: int

    def outer() -> Callable[..., Any]:
        def use(inner: Inner) -> Inner:
            return Inner(inner.x)

        return use

    return outer()


def test_a_class_in_the_closure() -> None:
    use = in_a_closure()
    made = use(type("X", (), {"x": 3}))
    signature = Signature(use)
    assert carried(signature, made) == ((made,), {})


class Connection:
    def __init__(self) -> None:
        self.socket = object()


class Special(dict[str, int]):
    pass


@dataclass
class Holder:
    name: str
    lock: threading.Lock


S = TypeVar("S", bound=Connection)

REFUSED: list[tuple[Any, str]] = [
    (Connection, "Connection has no JSON form"),
    (list[Connection], "Connection has no JSON form"),
    (Connection | None, "Connection has no JSON form"),
    (dict[str, tuple[int, Connection]], "Connection has no JSON form"),
    (Annotated[Connection, "note"], "Connection has no JSON form"),
    (S, "Connection has no JSON form"),
    (Holder, "field 'lock' of Holder"),
    (Special, "Special is a subclass of dict"),
    (Callable[[int], str], "is of functions, which cannot be stored"),
    (Iterator[int], "is of a stream of values, which"),
    (Generator[int, None, None], "is of a stream of values, which"),
    (AsyncIterator[int], "is of a stream of values, which"),
    (type[int], "is of classes, which cannot be stored"),
    (ValueError, "is an exception"),
    (io.StringIO, "StringIO has no JSON form"),
    (asyncio.Queue, "has no JSON form"),
    (memoryview, "memoryview has no JSON form"),
    (7, "is no type of values"),
]


@pytest.mark.parametrize(("hint", "says"), REFUSED, ids=str)
def test_a_hint_that_cannot_be_carried_is_refused(hint: Any, says: str) -> None:
    def function(a: int, b: Any) -> None: ...

    function.__annotations__["b"] = hint
    for define in (activity, workflow):
        with pytest.raises(UnsupportedHintError, match="parameter 'b' of") as caught:
            define(function)
        assert says in str(caught.value)
        assert "\n" not in str(caught.value)
    function.__annotations__ = {"return": hint}
    with pytest.raises(UnsupportedHintError, match="the result of"):
        activity(function)
    for use in (decoder, lambda hint: Signal("x", hint), lambda hint: signals("x", hint)):
        with pytest.raises(UnsupportedHintError):
            use(hint)
    with pytest.raises(UnsupportedHintError):
        carry(1, hint)


def test_handlers_are_refused_where_they_are_defined() -> None:
    def function(a: Connection) -> None: ...

    for mark in (query, update, query(name="x"), update(name="x")):
        with pytest.raises(UnsupportedHintError, match="parameter 'a' of"):
            mark(function)


def test_a_workflow_class_is_refused() -> None:
    with pytest.raises(UnsupportedHintError, match="parameter 'a' of"):

        class Flow(Workflow):
            def run(self, a: Connection) -> None: ...


def test_what_is_imported_for_type_checkers_is_imported_late() -> None:
    name = "tests.values.checked_only"
    kept = sys.modules.pop(name)
    try:
        Signature(type_checking.one).check()
        assert name not in sys.modules
    finally:
        sys.modules[name] = kept
