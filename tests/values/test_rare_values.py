"""Huge ints, lone surrogates, attributes of Structs, factories, and dictionaries from outside."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
import pytest

from partita.authoring.signature import Signature
from partita.codec import ANY, Converter, carry, plain_data
from partita.codec.form import tagged
from partita.errors import InvalidInputError, SerializationError

HUGE = 10**4400
LONE = "é\U0001f600\ud800"


@dataclass
class Point:
    x: int | str = 0


class Open(msgspec.Struct, dict=True):
    x: int


class OpenTagged(msgspec.Struct, dict=True, tag=True):
    x: int


class OpenArray(msgspec.Struct, dict=True, array_like=True):
    x: int


class OpenChecked(msgspec.Struct, dict=True):
    x: int

    def __post_init__(self) -> None:
        self.seen = 1


INTS: list[tuple[Any, Any]] = [
    (HUGE, int),
    (-HUGE, int | str),
    ([HUGE], list[int]),
    ({"a": {HUGE}}, dict[str, set[int]]),
    (Point(HUGE), Point),
    (("a", HUGE), tuple[str, int]),
]


@pytest.mark.parametrize(("value", "hint"), INTS, ids=range(len(INTS)))
def test_ints_of_any_size_come_back(value: Any, hint: Any) -> None:
    for under in (hint, Any):
        carried = carry(value, under)
        assert type(carried) is type(value)
        assert (carried == value) is True


def test_a_large_int_is_tagged_when_printed_and_refused_as_plain_json() -> None:
    assert plain_data(Converter().dump(HUGE, "it", ANY)) == tagged("int", hex(HUGE))
    with pytest.raises(SerializationError, match=r"an int has too many digits .* give it as a hex"):
        Converter().dump([HUGE])


@pytest.mark.parametrize("hint", [Any, str, list[str], Point])
def test_what_is_said_of_a_lone_surrogate(hint: Any) -> None:
    value = {list[str]: [LONE], Point: Point(LONE)}.get(hint, LONE)
    with pytest.raises(SerializationError) as caught:
        carry(value, hint, "it")
    told = r"it cannot be stored: a string has the lone surrogate '\ud800', which is no character"
    assert str(caught.value) == f"{told}; replace it"


@pytest.mark.parametrize("cls", [Open, OpenTagged, OpenChecked])
def test_a_struct_keeps_attributes_beside_its_fields(cls: Any) -> None:
    value = cls(1)
    value.extra = (1, {2})
    for hint in (cls, Any, cls | None):
        carried = carry(value, hint)
        assert carried == value
        assert vars(carried) == vars(value)
    assert vars(carry(Open(1), Open)) == {}


def test_a_struct_that_is_an_array_has_no_place_for_them() -> None:
    value: Any = OpenArray(1)
    assert carry(value, OpenArray) == value
    value.extra = 1
    with pytest.raises(SerializationError, match="has attributes beside its fields"):
        carry(value, OpenArray)


@pytest.mark.parametrize("hint", [defaultdict[str, Point], Any, Mapping[str, Point]])
def test_a_class_of_values_may_be_a_default_factory(hint: Any) -> None:
    value = defaultdict(Point, a=Point(1))
    carried = carry(value, hint)
    assert carried == value
    assert carried.default_factory is Point


class Opened:
    """No class of values: calling it may do anything."""


def test_other_factories_are_refused() -> None:
    for factory in (Opened, lambda: 0):
        with pytest.raises(SerializationError, match="has a default_factory that is neither"):
            carry(defaultdict(factory))
    for path in (f"{__name__}:Opened", "subprocess:Popen", "nowhere:Away"):
        text = f'{{"$partita": "defaultdict", "value": [{{}}, "{path}"]}}'
        with pytest.raises(
            msgspec.ValidationError, match=r"default_factory .* is no class of values"
        ):
            ANY.decode(msgspec.json.decode(text))


def keyed(x: dict[tuple[int, int], str]) -> None: ...


def test_dictionaries_with_any_keys_can_be_given_from_outside() -> None:
    signature = Signature(keyed)
    pairs = '[[[1, 2], "x"]]'
    for text in (f"[{pairs}]", f'[{{"$partita": "dict", "value": {pairs}}}]'):
        assert signature.load(Converter(), text) == ([{(1, 2): "x"}], {})
    for text in ("[[1]]", "[[[1, 2]]]", '[{"a": 1}]', "[[[[1, 2]]]]"):
        with pytest.raises(InvalidInputError):
            signature.load(Converter(), text)


CALLS: list[tuple[tuple[Any, ...], dict[str, Any]]] = [
    ((), {}),
    ((1,), {}),
    ((1, 2, 3), {}),
    ((1, 2), {"z": 3}),
    ((1,), {"x": 3}),
]


@pytest.mark.parametrize(("args", "kwargs"), CALLS)
def test_a_call_that_does_not_fit_says_what_python_says(
    args: tuple[Any, ...], kwargs: dict[str, Any]
) -> None:
    def add(x: int, y: int) -> int:
        return x + y

    with pytest.raises(TypeError) as own:
        add(*args, **kwargs)
    with pytest.raises(TypeError) as caught:
        Signature(add).bind(args, kwargs)
    assert str(caught.value) == str(own.value)
    assert "add() " in str(caught.value)
