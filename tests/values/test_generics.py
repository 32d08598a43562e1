"""Generic classes and aliases keep their arguments, and may contain themselves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Generic, NamedTuple, NotRequired, TypeVar

import attrs
import msgspec
import pytest
import typing_extensions
from typing_extensions import TypeAliasType, TypedDict, TypeVarTuple

from partita import activity
from partita.codec import carry
from partita.errors import UnsupportedHintError
from tests.values.test_types import identity

T = TypeVar("T")
U = TypeVar("U")
Ts = TypeVarTuple("Ts")


@dataclass
class Node(Generic[T]):
    value: T
    next: Node[T] | None = None


@attrs.define
class Attrs(Generic[T]):
    value: T
    next: Attrs[T] | None = None


class Structure(msgspec.Struct, Generic[T]):
    value: T
    next: Structure[T] | None = None


class Named(NamedTuple, Generic[T]):
    value: T
    next: Named[T] | None = None


class Typed(TypedDict, Generic[T]):
    value: T
    next: NotRequired[Typed[T]]


@dataclass
class Tree(Generic[T]):
    value: T
    same: list[Tree[T]]
    ints: list[Tree[int]] | None = None
    lists: Tree[list[int]] | None = None
    unions: Tree[int | None] | None = None
    nested: dict[str, Tree[list[Tree[int]]]] | None = None
    bare: Tree | None = None  # type: ignore[type-arg]


@dataclass
class Swapped(Generic[T, U]):
    value: T
    next: Swapped[U, T] | None = None


@dataclass
class Comparable(Generic[T]):
    other: T | None


@dataclass
class Own(Comparable["Own"]):
    x: int = 1


@dataclass
class Inherited(Node[set[int]]):
    more: int = 0


class NamedMore(Named[set[int]]):
    pass


@dataclass
class Variadic(Generic[*Ts, T]):
    last: T


Pair = TypeAliasType("Pair", tuple[T, T], type_params=(T,))
Nested = TypeAliasType("Nested", "dict[str, Nested[T]] | T", type_params=(T,))


@dataclass
class Pairs(Generic[T]):
    pair: Pair[T]


class ReadOnly(TypedDict):
    a: typing_extensions.ReadOnly[set[int]]


class Partial(ReadOnly, total=False):
    b: tuple[int, int]


RECURSIVE: list[Any] = [Node, Attrs, Structure, Named]
SETS: list[tuple[Any, Any]] = [
    *((one({1}, one({2})), one) for one in RECURSIVE),
    ({"value": {1}, "next": {"value": {2}}}, Typed),
]
TREE = Tree(
    {1},
    same=[Tree({2}, [])],
    ints=[Tree(1, [])],
    lists=Tree([1], []),
    unions=Tree(None, []),
    nested={"a": Tree([Tree(1, [])], [])},
    bare=Tree((1, 2), []),
)
VALUES: list[tuple[Any, Any]] = [
    *SETS,
    *((value, hint[set[int]]) for value, hint in SETS),
    (TREE, Tree[set[int]]),
    (Swapped({1}, Swapped((1, 2), Swapped({3}))), Swapped[set[int], tuple[int, int]]),
    (Own(Own(None, 2)), Own),
    (Inherited({1}, Node({2})), Inherited),
    (NamedMore({1}), NamedMore),
    (Variadic({1}), Variadic[int, str, set[int]]),
    (({1}, {2}), Pair[set[int]]),
    (({1}, {2}), Pair),
    ((Pairs(({1}, {2})), Pairs((1, 2))), tuple[Pairs[set[int]], Pairs[int]]),
    ({"a": {"b": {1}}}, Nested[set[int]]),
    ({"a": {1}}, Partial),
    ({"a": {1}, "b": (1, 2)}, Partial),
    ({"a": {1}, "c": (1, 2)}, Partial),
]


@pytest.mark.parametrize(("value", "hint"), VALUES, ids=lambda one: repr(one)[:40])
def test_come_back_by_their_hints(value: Any, hint: Any) -> None:
    assert identity(carry(value, hint)) == identity(value)
    assert identity(carry([value], list[hint])) == identity([value])


def test_an_activity_takes_a_recursive_generic_class() -> None:
    @activity
    def last(node: Node[int]) -> int:
        return node.value if node.next is None else last(node.next)

    assert last(Node(1, Node(2))) == 2


@dataclass
class Deeper(Generic[T]):
    value: T
    next: Deeper[tuple[T, T]] | None = None


@dataclass
class Wrapped(Generic[T]):
    value: T
    next: Wrapped[Wrapped[T]] | None = None


@pytest.mark.parametrize("generic", [Deeper, Wrapped])
def test_a_class_that_leads_to_ever_other_types_is_refused(generic: Any) -> None:
    with pytest.raises(UnsupportedHintError, match=r"field 'next' of .* at each level; give it"):

        @activity
        def use(value: generic[int]) -> None: ...
