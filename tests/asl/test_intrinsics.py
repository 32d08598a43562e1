"""Intrinsic functions, as AWS's developer guide describes them."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from partita.asl.failures import INTRINSIC_FAILURE, RUNTIME, EvaluationFault
from partita.asl.path_reader import PathSyntaxError
from partita.asl.queries import parse_query


@dataclass
class Fixed:
    """A view with fixed values."""

    data: Any
    context: Mapping[str, Any] = field(default_factory=dict)
    variables: Mapping[str, Any] = field(default_factory=dict)

    def random(self) -> random.Random:
        return random.Random(1)

    def with_data(self, data: Any) -> Fixed:
        return replace(self, data=data)


VIEW = Fixed(
    {"name": "Ada", "n": [1, 2, 2, 3], "o": {"a": 1}, "null": None, "t": "a,b;c"},
    {"State": {"Name": "S"}},
    {"greeting": "Hello {}"},
)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("States.Format('{} is {}, {}, {}', $.name, 3, true, null)", "Ada is 3, true, null"),
        (r"States.Format('\{\} it\'s {}', $.name)", "{} it's Ada"),
        ("States.Format($greeting, $$.State.Name)", "Hello S"),
        ("States.Array(1, 'two', $.o, null)", [1, "two", {"a": 1}, None]),
        ("States.Array()", []),
        ("States.ArrayPartition($.n, 3)", [[1, 2, 2], [3]]),
        ("States.ArrayContains($.n, 2)", True),
        ("States.ArrayContains($.n, true)", False),
        ("States.ArrayRange(1, 9, 2)", [1, 3, 5, 7, 9]),
        ("States.ArrayRange(5, 1, -2)", [5, 3, 1]),
        ("States.ArrayGetItem($.n, 3)", 3),
        ("States.ArrayLength($.n)", 4),
        ("States.ArrayUnique($.n)", [1, 2, 3]),
        ("States.Base64Encode('Data to encode')", "RGF0YSB0byBlbmNvZGU="),
        ("States.Base64Decode('RGF0YSB0byBlbmNvZGU=')", "Data to encode"),
        ("States.Hash('input data', 'SHA-1')", "aaff4a450a104cd177d28d18d74485e8cae074b7"),
        ("States.JsonMerge($.o, States.StringToJson('{\"b\":2}'), false)", {"a": 1, "b": 2}),
        ("States.JsonToString($.o)", '{"a":1}'),
        ("States.MathAdd(111, -1)", 110),
        ("States.MathAdd(1.5, 0)", 2),
        ("States.StringSplit($.t, ',;')", ["a", "b", "c"]),
        ("States.ArrayLength($.n[?(@ == 2)])", 2),
    ],
)
def test_a_call_gives(text: str, value: Any) -> None:
    assert parse_query(text).evaluate(VIEW) == value


def test_chance_comes_from_the_view() -> None:
    call = parse_query("States.UUID()")
    assert call.evaluate(VIEW) == call.evaluate(VIEW)
    assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", call.evaluate(VIEW))
    assert 1 <= parse_query("States.MathRandom(1, 5)").evaluate(VIEW) < 5
    seeded = parse_query("States.MathRandom(1, 999, 7)")
    assert seeded.evaluate(VIEW) == seeded.evaluate(VIEW)


@pytest.mark.parametrize(
    "text",
    [
        "States.ArrayGetItem($.n, 4)",
        "States.ArrayPartition($.n, 0)",
        "States.ArrayRange(1, 5000, 1)",
        "States.StringToJson('{')",
        "States.Base64Decode('?')",
        "States.Hash('x', 'CRC')",
        "States.JsonMerge($.o, $.o, true)",
        "States.MathAdd('1', 2)",
        "States.Format('{} {}', 1)",
        "States.Format('{}', $.o)",
    ],
)
def test_what_a_function_cannot_take_can_be_caught(text: str) -> None:
    with pytest.raises(EvaluationFault) as raised:
        parse_query(text).evaluate(VIEW)
    assert raised.value.error == INTRINSIC_FAILURE
    assert str(raised.value.cause).startswith(f"The function '{text}' had the following error: ")


def test_an_argument_that_is_not_there_is_a_runtime_error() -> None:
    text = "States.Format('{}', States.Format('{}', $.nope))"
    with pytest.raises(EvaluationFault) as raised:
        parse_query(text).evaluate(Fixed({"other": 1}))
    assert raised.value.error == RUNTIME
    assert raised.value.cause == (
        f"The function '{text}' had the following error: The JsonPath argument for the field "
        "'$.nope' could not be found in the input '{\"other\":1}'"
    )


@pytest.mark.parametrize(
    "text",
    [
        "States.Nothing()",
        "States.Array(1",
        "States.Array(1,)",
        "States.Array('a)",
        "States.UUID(1)",
        "States.Array(1) x",
        "Format('x')",
        "States.Array(" * 11 + ")" * 11,
    ],
)
def test_what_is_no_call_is_refused(text: str) -> None:
    with pytest.raises((PathSyntaxError, ValueError)):
        parse_query(text)
