"""Data and definitions that would hang an interpreter, or break it, end with an error of AWS's."""

from __future__ import annotations

import json
from typing import Any

import pytest

from partita.asl import machine, program
from partita.asl.check import check_text
from partita.asl.comparisons import OPERATORS
from partita.asl.machines import compiled_text
from partita.errors import InvalidDefinitionError, WaitTimeoutError
from partita.testing import Environment, endless_runs
from tests.asl.running import Machine, failure, lambdas, of, run, task

END = {"Type": "Pass", "End": True}


def test_many_wildcards_take_linear_time() -> None:
    matches = OPERATORS["StringMatches"]
    assert not matches("a" * 100_000, "*a" * 50 + "*b")
    assert matches("a" * 100_000 + "b", "*a" * 50 + "*b")


@pytest.mark.parametrize(
    ("pattern", "value", "is_match"),
    [
        *(("a*", "a", True), ("*", "", True), ("a*a", "a", False), ("a*a", "aa", True)),
        *(("*b*b", "ab", False), ("*b*b", "abxb", True), ("a**c", "ac", True), ("", "", True)),
        *(("a\\*", "a*", True), ("a\\*", "ab", False), ("*ab*ba*", "aba", False)),
        ("*\\*", "a\nb*", True),
    ],
)
def test_wildcards_stand_for_any_text(pattern: str, value: str, is_match: bool) -> None:
    assert OPERATORS["StringMatches"](value, pattern) is is_match


def calculation(call: str) -> Machine:
    return of({"A": {"Type": "Pass", "Parameters": {"x.$": call}, "End": True}})


@pytest.mark.parametrize(
    ("call", "input", "error"),
    [
        ("States.Base64Decode($)", "\u00e9", "States.IntrinsicFailure"),
        ("States.StringToJson($)", "[" * 100_000, "States.IntrinsicFailure"),
        ("States.MathAdd($, $)", int("9" * 4300), "States.Runtime"),
    ],
)
def test_an_argument_that_cannot_be_computed_with(call: str, input: Any, error: str) -> None:
    assert failure(calculation(call), input)[0] == error


def test_a_number_that_no_expression_can_hold() -> None:
    made = of({"A": {**END, "Output": "{% $states.input %}"}}, jsonata=True)
    error, cause = failure(made, 10**400)
    assert error == "States.QueryEvaluationError"
    assert str(cause).endswith("Number out of range")


def test_a_request_to_lambda_without_a_function() -> None:
    made = of({"A": {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "End": True}})
    for input in ([1, 2], "x", {"Payload": 1}):
        error, cause = failure(made, input)
        assert error == "States.Runtime"
        assert "could not be used to start the Task" in str(cause)


def nested(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


def layered(inner: Any) -> Any:
    """Return a value inside 50 objects."""
    for _ in range(50):
        inner = {"a": inner}
    return inner


LAYERS = layered({"a.$": "$"})
WRAP = {
    "Wrap": {"Type": "Pass", "Parameters": LAYERS, "Next": "Last"},
    "Last": {"Type": "Pass", "End": True},
}


def test_an_output_that_is_too_deep_to_be_recorded_fails_the_machine() -> None:
    error, cause = failure(of(WRAP), nested(450))
    assert error == "States.DataLimitExceeded"
    assert cause == "The state/task 'Wrap' returned a result nested more than 500 levels deep."
    assert run(of(WRAP), nested(440)) == layered({"a": nested(440)})


def test_arguments_that_are_too_deep_to_be_recorded_fail_the_task() -> None:
    caught = {"ErrorEquals": ["States.DataLimitExceeded"], "Next": "Caught"}
    call = task("echo", Parameters=LAYERS, Catch=[caught])
    made = of({"A": call, "Caught": {**END, "Result": "caught"}})
    assert run(made, nested(450), echo=lambda event: event) == "caught"


@pytest.mark.parametrize(
    "field",
    [
        {"Parameters": nested(700)},
        {"InputPath": f"$[?({'!' * 100_000}@.a)]"},
        {"InputPath": f"$[?{'(' * 100_000}@.a{')' * 100_000}]"},
        {"Parameters": {"a.$": "States.Array(" * 5000 + ")" * 5000}},
    ],
    ids=["value", "not", "parentheses", "calls"],
)
def test_a_definition_that_is_too_deep_is_refused(field: dict[str, Any]) -> None:
    text = json.dumps({"StartAt": "A", "States": {"A": {**END, **field}}})
    with pytest.raises(InvalidDefinitionError):
        compiled_text(text)
    assert check_text(text)


@pytest.mark.parametrize("name", ["TimeoutSeconds", "HeartbeatSeconds"])
def test_a_time_limit_has_at_most_eight_digits(name: str) -> None:
    at_path = of({"A": task("echo", **{f"{name}Path": "$.seconds"})})
    error, cause = failure(at_path, {"seconds": 10**30}, echo=lambda event: event)
    assert (error, str(cause).rpartition(". ")[2]) == (
        "States.Runtime",
        f"{name} cannot exceed 99999999.",
    )
    for seconds in (0, 10**30):
        with pytest.raises(InvalidDefinitionError, match=name):
            of({"A": task("echo", **{name: seconds})})


def test_the_time_limit_of_a_machine_has_at_most_eight_digits() -> None:
    with pytest.raises(InvalidDefinitionError, match="TimeoutSeconds cannot exceed 99999999"):
        of({"A": END}, TimeoutSeconds=10**30)


@pytest.mark.parametrize(
    ("limit", "state"),
    [
        ("ENDLESS_SECONDS", {"Type": "Pass", "Next": "A"}),
        ("STANDSTILL_SECONDS", task("f", Next="A")),
    ],
    ids=["states", "tasks"],
)
def test_a_test_does_not_hang_on_an_endless_machine(
    monkeypatch: pytest.MonkeyPatch, limit: str, state: dict[str, Any]
) -> None:
    monkeypatch.setattr(program, "TURN_SECONDS", 0.0)
    monkeypatch.setattr(endless_runs, limit, 0.05)
    endless = of({"A": state})
    with (
        lambdas(f=lambda event: event),
        Environment(workflows=[endless], activities=[]) as env,
        pytest.raises(WaitTimeoutError, match="of real time without a wait"),
    ):
        env.run(endless, {})


def test_a_test_can_wait_for_another_execution_beside_an_endless_one() -> None:
    states = {"A": {"Type": "Pass", "Next": "A"}}
    endless = machine({"StartAt": "A", "States": states}, "endless", is_express=True)
    other = of({"A": END})
    with Environment(workflows=[endless, other], activities=[]) as env:
        handle = env.start(endless, {})
        assert env.run(other, 5) == 5
        handle.terminate()
