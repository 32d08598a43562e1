"""Retries, catchers and timeouts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from partita.errors import TaskFailedError, WorkflowTimedOutError
from partita.testing import Environment
from tests.asl.running import failure, lambdas, of, run, task


def failing(times: int, error: Exception | None = None) -> Callable[[Any], Any]:
    """Return a function that fails so many times, and then returns how often it was called."""
    calls = 0

    def function(event: Any) -> int:
        nonlocal calls
        calls += 1
        if calls <= times:
            raise error or TaskFailedError("Busy", "try later")
        return calls

    return function


def seconds_of(state: dict[str, Any], handler: Callable[[Any], Any]) -> tuple[Any, float]:
    made = of({"A": state})
    with lambdas(f=handler), Environment(workflows=[made], activities=[], start=0.0) as env:
        return env.run(made, {}), env.clock()


@pytest.mark.parametrize(
    ("retrier", "times", "seconds"),
    [
        ({}, 3, 1 + 2 + 4),
        ({"IntervalSeconds": 10, "BackoffRate": 1}, 3, 30),
        ({"IntervalSeconds": 10, "MaxDelaySeconds": 15}, 3, 10 + 15 + 15),
        ({"MaxAttempts": 5, "BackoffRate": 1.5}, 2, 1 + 1.5),
        ({"IntervalSeconds": 0}, 3, 0),
    ],
)
def test_a_retry_waits(retrier: dict[str, Any], times: int, seconds: float) -> None:
    state = task("f", Retry=[{"ErrorEquals": ["Busy"], **retrier}])
    calls, waited = seconds_of(state, failing(times))
    assert calls == times + 1
    assert waited == pytest.approx(seconds)


def test_jitter_is_between_nothing_and_the_delay() -> None:
    retrier = {"ErrorEquals": ["States.ALL"], "IntervalSeconds": 100, "JitterStrategy": "FULL"}
    _, seconds = seconds_of(task("f", Retry=[retrier]), failing(1))
    assert 0 < seconds < 100


def test_retries_are_used_up() -> None:
    state = task("f", Retry=[{"ErrorEquals": ["Busy"], "MaxAttempts": 2}])
    assert failure(of({"A": state}), f=failing(3)) == ("Busy", "try later")


def test_each_retrier_counts_for_itself() -> None:
    calls: list[str] = []

    def alternating(event: Any) -> str:
        calls.append("ab"[len(calls) % 2])
        if len(calls) < 5:
            raise TaskFailedError(calls[-1])
        return "done"

    retriers = [{"ErrorEquals": [name], "MaxAttempts": 2} for name in ("a", "b")]
    assert run(of({"A": task("f", Retry=retriers)}), f=alternating) == "done"


@pytest.mark.parametrize(
    ("names", "error", "caught"),
    [
        (["Busy"], "Busy", True),
        (["Other"], "Busy", False),
        (["States.ALL"], "Busy", True),
        (["States.TaskFailed"], "Busy", True),
        (["Other", "Busy"], "Busy", True),
        (["States.TaskFailed"], "States.Timeout", False),
        (["States.ALL"], "States.Timeout", True),
    ],
)
def test_a_catcher_matches(names: list[str], error: str, caught: bool) -> None:
    states = {
        "A": task("f", Catch=[{"ErrorEquals": names, "Next": "B"}]),
        "B": {"Type": "Pass", "End": True},
    }
    made = of(states)
    handler = failing(1, TaskFailedError(error, "why"))
    if caught:
        assert run(made, f=handler) == {"Error": error, "Cause": "why"}
    else:
        assert failure(made, f=handler) == (error, "why")


def test_nothing_catches_a_runtime_error() -> None:
    everything = {"ErrorEquals": ["States.ALL", "States.Runtime"], "Next": "B"}
    states = {
        "A": task("f", Parameters={"x.$": "$.nope"}, Catch=[everything], Retry=[everything]),
        "B": {"Type": "Succeed"},
    }
    error, _ = failure(of(states), f=lambda event: 1)
    assert error == "States.Runtime"


def test_a_runtime_error_in_a_branch_ends_the_execution() -> None:
    bad = {"Type": "Pass", "Parameters": {"x.$": "$.nope"}, "End": True}
    everything = {"ErrorEquals": ["States.ALL"], "Next": "B"}
    branch = {"StartAt": "P", "States": {"P": bad}}
    states = {
        "A": {"Type": "Parallel", "Branches": [branch], "Catch": [everything], "End": True},
        "B": {"Type": "Succeed"},
    }
    error, cause = failure(of(states))
    assert error == "States.Runtime"
    assert cause is not None
    assert cause.startswith(
        "An error occurred while executing the state 'P' (entered at the event id #4). "
    )


def test_a_catcher_in_jsonata_has_an_output_and_assigns() -> None:
    catcher = {
        "ErrorEquals": ["States.ALL"],
        "Output": {"e": "{% $states.errorOutput.Error %}", "in": "{% $states.input.n %}"},
        "Assign": {"cause": "{% $states.errorOutput.Cause %}"},
        "Next": "B",
    }
    states = {
        "A": task("f", Catch=[catcher]),
        "B": {"Type": "Pass", "Output": ["{% $states.input %}", "{% $cause %}"], "End": True},
    }
    made = of(states, jsonata=True)
    assert run(made, {"n": 1}, f=failing(1)) == [{"e": "Busy", "in": 1}, "try later"]


def test_the_context_counts_retries() -> None:
    state = task(
        "f",
        Parameters={"count.$": "$$.State.RetryCount"},
        Retry=[{"ErrorEquals": ["Busy"]}],
    )

    def third(event: dict[str, int]) -> int:
        if event["count"] < 2:
            raise TaskFailedError("Busy")
        return event["count"]

    assert run(of({"A": state}), f=third) == 2


def test_a_machine_has_a_time_limit() -> None:
    made = of({"A": {"Type": "Wait", "Seconds": 100, "End": True}}, TimeoutSeconds=60)
    with Environment(workflows=[made], activities=[], start=0.0) as env:
        with pytest.raises(WorkflowTimedOutError):
            env.run(made, {})
        assert env.clock() == pytest.approx(60)


def test_an_exception_has_the_name_of_its_class_and_a_cause_in_json() -> None:
    states = {
        "A": task("f", Catch=[{"ErrorEquals": ["ZeroDivisionError"], "Next": "B"}]),
        "B": {
            "Type": "Pass",
            "Parameters": {"cause.$": "States.StringToJson($.Cause)"},
            "OutputPath": "$.cause",
            "End": True,
        },
    }
    cause = run(of(states), f=lambda event: 1 / 0)
    assert cause["errorType"] == "ZeroDivisionError"
    assert cause["errorMessage"] == "division by zero"
    assert len(cause["stackTrace"]) == 1
