"""What a client gets that knows no hint: answers as they are, and results as JSON for people."""

from __future__ import annotations

import json
from collections import OrderedDict, defaultdict, deque
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from typing import Any, NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec
import pydantic
import pytest

from partita import query, sleep, update, workflow
from partita.authoring.signature import Signature
from partita.cli.output import print_answer
from partita.codec import ANY, Converter, form_of, plain_data, read_untyped
from partita.codec.form import tagged
from partita.errors import InvalidInputError
from tests.language.conftest import Stage
from tests.values.test_types import identity


@dataclass
class Point:
    x: int
    at: set[int]


class Pair(NamedTuple):
    a: int
    b: set[int]


class Colour(Enum):
    RED = 1
    BLUE = "b"


class Model(pydantic.BaseModel):
    x: int
    y: tuple[int, ...] = ()


ANSWERS: list[tuple[Any, Any]] = [
    ((1, {3}), tuple[int, set[int]]),
    ({(1, 2): {3}}, dict[tuple[int, int], set[int]]),
    ({1: Point(1, {2})}, dict[int, Point]),
    ([date(2026, 1, 1)], list[date]),
    (Decimal("1.5"), Decimal),
    (Pair(1, {2}), Pair),
    (Colour.RED, Colour),
    (OrderedDict(a=(1,)), OrderedDict[str, tuple[int]]),
    (Model(x=1, y=(2,)), Model | None),
    (2.0, float),
    ("x", str),
]


def answered(value: Any, hint: Any) -> Any:
    def handler() -> Any: ...

    handler.__annotations__["return"] = hint
    return read_untyped(Signature(handler).dump_answer(Converter(), value, "the answer"))


@pytest.mark.parametrize(("value", "hint"), ANSWERS, ids=lambda one: repr(one)[:40])
def test_an_answer_is_the_same_with_a_hint_and_without(value: Any, hint: Any) -> None:
    assert identity(answered(value, hint)) == identity(value)
    assert identity(answered(value, Any)) == identity(value)


def test_an_answer_is_read_by_its_hint_first() -> None:
    assert identity(answered(2, float)) == identity(2.0)
    assert answered([1, 2], tuple[int, ...]) == (1, 2)
    with pytest.raises(InvalidInputError, match="the answer does not fit: Expected `int`"):
        answered("2", int)


def test_an_answer_of_a_class_inside_a_function_is_a_dictionary() -> None:
    @dataclass
    class Inner:
        x: int

    assert answered([Inner(1)], list[Inner]) == [{"x": 1}]


def test_a_class_that_is_not_loaded_leaves_the_rest_as_it_is() -> None:
    gone = {"$partita": "gone:Away", "value": {"x": {"$partita": "tuple", "value": [1]}}}
    data = [gone, tagged("set", [1]), {"a": gone}]
    text = msgspec.json.encode(data).decode()
    assert read_untyped(text) == [{"x": [1]}, {1}, {"a": {"x": [1]}}]
    in_a_set = msgspec.json.encode(tagged("set", [gone])).decode()
    assert read_untyped(in_a_set) == [{"x": [1]}]


@workflow
def answering() -> None:
    @query
    def asked() -> dict[tuple[int, int], set[int]]:
        return {(1, 2): {3}}

    @update
    def told() -> tuple[Point, float]:
        return Point(1, {2}), 2

    sleep(20)


def test_queries_and_updates_keep_the_types_of_their_answers(stage: Stage) -> None:
    handle = stage.start(answering)
    assert identity(handle.update("told", timeout=20)) == identity((Point(1, {2}), 2.0))
    assert handle.query("asked") == {(1, 2): {3}}
    handle.terminate()


NAN = tagged("float", "nan")
BERLIN = datetime(2026, 6, 1, 12, tzinfo=ZoneInfo("Europe/Berlin"))
PRINTED: list[tuple[Any, Any, Any]] = [
    (float("nan"), float, NAN),
    ([1.0, float("nan"), {"a": (float("nan"),)}], list, [1.0, NAN, {"a": [NAN]}]),
    ({(1, 2): "x"}, dict[tuple[int, int], str], tagged("dict", [[[1, 2], "x"]])),
    ({None: 1}, dict, tagged("dict", [[None, 1]])),
    ({1: "a", "b": {2}}, dict, {"1": "a", "b": [2]}),
    ({1: "a", "1": "b"}, dict, tagged("dict", [[1, "a"], ["1", "b"]])),
    ({True: 1}, dict, tagged("dict", [[True, 1]])),
    ({Colour.RED: 1}, dict, {"RED": 1}),
    ({date(2026, 1, 1): 1}, dict[date, int], {"2026-01-01": 1}),
    ({UUID(int=1): 1}, dict, {str(UUID(int=1)): 1}),
    ([1j, range(3)], list, [tagged("complex", [0.0, 1.0]), tagged("range", [0, 3, 1])]),
    ((Point(1, {2}), Pair(1, {2})), tuple[Point, Pair], [{"x": 1, "at": [2]}, [1, [2]]]),
    (Model(x=1, y=(2,)), Model, {"x": 1, "y": [2]}),
    (deque([(1,)], 3), deque, [[1]]),
    (defaultdict(set, a={1}), dict, {"a": [1]}),
    ([b"a", Decimal(1), BERLIN], list, ["YQ==", "1", "2026-06-01T12:00:00+02:00"]),
    ({"$partita": 1}, dict, tagged("dict", [["$partita", 1]])),
]


@pytest.mark.parametrize(("value", "hint", "data"), PRINTED, ids=lambda one: repr(one)[:40])
def test_results_are_printed_as_json(
    value: Any, hint: Any, data: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    print_answer(value)
    assert json.loads(capsys.readouterr().out) == data
    for form in (ANY, form_of(hint)):
        assert plain_data(Converter().dump(value, "the result", form)) == data
