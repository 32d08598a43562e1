"""JSONata expressions, as the interpreter evaluates them."""

from __future__ import annotations

import random
import uuid
from typing import Any

import pytest

from partita.asl.jsonata import UNDEFINED, UNSUPPORTED, JsonataError, compile_expression

NOW = 1_500_000_000_000


def value(text: str, seconds: float = 1.0, **bindings: Any) -> Any:
    return compile_expression(text).evaluate(
        bindings,
        now=NOW,
        random=random.Random(1).random,
        uuid=lambda: str(uuid.UUID(int=7)),
        seconds=seconds,
    )


def failure(text: str, seconds: float = 1.0, **bindings: Any) -> JsonataError:
    with pytest.raises(JsonataError) as caught:
        value(text, seconds, **bindings)
    return caught.value


def test_variables_are_bound_by_name() -> None:
    assert value("$states.input.a & $b", states={"input": {"a": "x"}}, b="$c") == "x$c"


def test_null_is_a_value_and_nothing_is_not() -> None:
    assert value("null") is None
    assert value("$missing") is UNDEFINED
    assert value("$sum") is UNSUPPORTED


def test_time_and_chance_come_from_the_caller() -> None:
    assert value("$now()") == "2017-07-14T02:40:00.000Z"
    assert value("$millis()") == NOW
    assert value("$random()") == random.Random(1).random()
    assert value("$uuid()") == str(uuid.UUID(int=7))


def test_a_seeded_number_is_javas() -> None:
    assert value("$random(42)") == 0.7275636800328681


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("$partition([1,2,3,4], 2)", [[1, 2], [3, 4]]),
        ("$partition([1,2,3], 1.5)", [[1], [2], [3]]),
        ("$partition([], 2)", UNDEFINED),
        ("$partition([1], 0)", UNDEFINED),
        ("$range(0, 6, 2)", [0, 2, 4, 6]),
        ("$range(0, 5, 2)", [0, 2, 4]),
        ("$range(3, 3, 1)", 3),
        ("$range(3, 0, 1)", UNDEFINED),
        ("$range(3, 0, -1)", [3, 2, 1, 0]),
        ('$hash("input", "SHA-1")', "140f86aae51ab9e1cda9b4254fe98a74eb54c1a1"),
        ('$parse("{\\"a\\":1}").a', 1),
    ],
)
def test_functions_of_aws(text: str, expected: Any) -> None:
    assert value(text) == expected


def test_an_error_has_the_code_and_message_of_jsonata() -> None:
    error = failure("$randomSeeded(1)")
    assert error.clause == ". T1006: Attempted to invoke a non-function"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[1..9e9]", "memory limit"),
        ("[1..873783] ~> $count()", "memory limit"),
        ("($f := function($x) { 1 + $f($x + 1) }; $f(1))", "Stack overflow"),
        ("($f := function($x) { $f($x + 1) }; $f(1))", "timeout"),
        (f'$match("{"a" * 40}!", /(a+)+$/)', "timeout"),
    ],
)
def test_bounds_end_an_expression_without_a_code(text: str, says: str) -> None:
    error = failure(text, seconds=0.05)
    assert error.code is None
    assert says in error.clause
    assert error.clause.startswith(": ")
