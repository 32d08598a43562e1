"""Compiling and evaluating expressions: variables, time, chance, bounds."""

from __future__ import annotations

import pytest

from partita.asl.jsonata import UNDEFINED, UNSUPPORTED, JsonataError, compile_expression
from tests.asl.jsonata_values import NOW, RANDOM, UUID, failure, value


def test_variables_are_bound_by_name_and_never_pasted() -> None:
    assert value("$states.input.a & $b", states={"input": {"a": "x"}}, b="$c") == "x$c"


def test_null_is_a_value_and_nothing_is_not() -> None:
    assert value("null") is None
    assert value("$missing") is UNDEFINED


@pytest.mark.parametrize("text", ["$sum", "$f := function($x) { $x }", "/a/", "$sum /* end */"])
def test_a_function_is_no_json_value(text: str) -> None:
    assert value(text) is UNSUPPORTED


def test_time_and_chance_come_from_the_caller() -> None:
    assert value("$now()") == "2017-07-14T02:40:00.000Z"
    assert value("$millis()") == NOW
    assert value("[$random(), $uuid()]") == [RANDOM, UUID]


def test_a_seed_gives_the_number_of_java() -> None:
    assert value("$random(42)") == 0.7275636800328681


def test_a_variable_hides_the_function_of_its_name() -> None:
    assert value("$uuid & $hash", uuid="a", hash="b") == "ab"
    assert failure("$count([1])", count=5).code == "T1006"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("$states.input.n", 3),
        ("$states.input.items[price > 1].price", 2),
        ("$count($states.input.*)", 3),
        ("$lookup($states.input, 'n')", 3),
        ("($all := $states; $all.input.n)", 3),
        ("$keys($states.input)", ["n", "items"]),
        ("$states.**.qty", [5, 6]),
        ("$map($states.input.items, function($one) { $one.qty })", [5, 6]),
        ("$string($states)", '{"input":{"n":3,"items":[{"price":1,"qty":5},{"price":2,"qty":6}]}}'),
        ("$states ~> |input|{'n': 4}|", None),
    ],
)
def test_what_is_left_out_of_variables_is_never_read(text: str, expected: object) -> None:
    items = [{"price": 1, "qty": 5}, {"price": 2, "qty": 6}]
    states = {"input": {"n": 3, "items": items}}
    if expected is None:
        expected = {"input": {"n": 4, "items": items}}
    assert value(text, states=states) == expected


def test_an_expression_is_evaluated_any_number_of_times() -> None:
    expression = compile_expression("$n + 1")
    results = [
        expression.evaluate({"n": n}, now=NOW, random=lambda: 0.0, uuid=str) for n in range(3)
    ]
    assert results == [1, 2, 3]


def test_a_syntax_error_has_its_code_and_place() -> None:
    with pytest.raises(JsonataError) as caught:
        compile_expression("$a + ")
    assert (caught.value.code, caught.value.message) == ("S0207", "Unexpected end of expression")
    assert caught.value.position == 5


def test_an_error_continues_the_sentence_of_its_cause() -> None:
    assert failure("$randomSeeded(1)").clause == ". T1006: Attempted to invoke a non-function"
    assert failure("[1..9e9]").clause == (
        ": Expression evaluation memory limit exceeded: Check for excessive memory usage"
    )


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[1..9e9]", "memory limit"),
        ("[1..873783] ~> $count()", "memory limit"),
        ("$range(1, 9e9, 1)", "memory limit"),
        ("$length($pad('', 8388608))", "memory limit"),
        ("($f := function($x) { 1 + $f($x + 1) }; $f(1))", "Stack overflow"),
        ("+".join(["1"] * 101), "Stack overflow"),
        ("(" * 100 + "1" + ")" * 100, "Stack overflow"),
        ("(" * 5_000 + "1" + ")" * 5_000, "Stack overflow"),
        ("$parse('1') + " * 900 + "1", "Stack overflow"),
        ("($f := function($n) { $n = 0 ? 0 : 1 + $f($n - 1) }; $f(32))", "Stack overflow"),
    ],
)
def test_bounds_of_memory_and_depth_end_an_expression(text: str, says: str) -> None:
    error = failure(text)
    assert error.code is None
    assert says in error.message


@pytest.mark.parametrize(
    "text",
    ["($f := function($x) { $f($x + 1) }; $f(1))", f'$match("{"a" * 40}!", /(a+)+$/)'],
)
def test_the_bound_of_time_ends_an_expression(text: str) -> None:
    error = failure(text, seconds=0.05)
    assert error.clause == ": Expression evaluation timeout: Check for infinite loop"


@pytest.mark.parametrize(
    "text",
    [
        "[1..873782] ~> $count()",
        "$length($pad('', 4194304))",
        "+".join(["1"] * 100),
        "(" * 99 + "1" + ")" * 99,
        "($f := function($n) { $n = 0 ? 0 : 1 + $f($n - 1) }; $f(31))",
    ],
)
def test_what_is_just_within_the_bounds_is_evaluated(text: str) -> None:
    assert value(text) is not UNDEFINED


def test_a_value_nested_too_deeply_is_refused() -> None:
    nested: list[object] = []
    for _ in range(5000):
        nested = [nested]
    assert "Stack overflow" in failure("$x", x=nested).message


def test_half_a_character_does_no_harm() -> None:
    assert value("$x", x={"a": ["\ud800"]}) == {"a": ["\ufffd"]}
    assert value("'\ud800'") == "\ufffd"
