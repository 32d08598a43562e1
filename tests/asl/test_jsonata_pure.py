"""The fallback in pure Python evaluates under the same dialect; it is less exact."""

from __future__ import annotations

from typing import Any

import pytest

from partita.asl.jsonata import UNDEFINED, UNSUPPORTED, JsonataError, engine, pure_engine
from tests.asl.jsonata_values import NOW, RANDOM, UUID, failure, value
from tests.asl.test_jsonata_dialect import FAILURES, VALUES
from tests.asl.test_jsonata_suite import cases, passes


@pytest.fixture(autouse=True)
def _pure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "compile_by_library", pure_engine.compile_text)


def test_values_nulls_and_nothing() -> None:
    assert value("$states.input.a & $b", states={"input": {"a": "x"}}, b="$c") == "x$c"
    assert value("[$x, null]", x={"a": [None, 1.5, True]}) == [{"a": [None, 1.5, True]}, None]
    assert value("null") is None
    assert value("$missing") is UNDEFINED
    assert value("$sum") is UNSUPPORTED
    assert value("function($x) { $x }") is UNSUPPORTED


def test_time_and_chance_come_from_the_caller() -> None:
    assert value("[$now(), $millis()]") == ["2017-07-14T02:40:00.000Z", NOW]
    assert value("$now('[Y0001]')") == "2017"
    assert value("[$random(), $uuid(), $random(42)]") == [RANDOM, UUID, 0.7275636800328681]


def test_bounds_end_an_expression() -> None:
    assert "Stack overflow" in failure("($f := function($x) { 1 + $f($x + 1) }; $f(1))").message
    assert "timeout" in failure("($f := function($x) { $f($x) }; $f(1))", seconds=0.05).message
    assert "memory" in failure("[1..9e9]").message


def test_it_gives_most_of_what_was_measured_on_aws() -> None:
    bindings: dict[str, Any] = {"xs": [1, 2], "o": {"n": None}, "größe": 1}
    right = sum(_gives(text, expected, bindings) for text, expected in VALUES)
    assert right >= 0.93 * len(VALUES)
    assert sum(_fails(text, code) for text, code, _ in FAILURES) >= 0.7 * len(FAILURES)


def _gives(text: str, expected: Any, bindings: dict[str, Any]) -> bool:
    try:
        return bool(value(text, **bindings) == expected)
    except JsonataError:
        return False


def _fails(text: str, code: str) -> bool:
    try:
        value(text)
    except JsonataError as error:
        return error.code == code
    return False


def test_it_passes_most_of_a_sample_of_the_suite() -> None:
    sample = [case for case in cases() if len(case["expr"]) < 60 and ".." not in case["expr"]][::7]
    right = sum(passes(case) for case in sample)
    assert right >= 0.93 * len(sample)
