"""Write an activity's options as the fields of its Task state."""

from __future__ import annotations

from typing import Any

import pytest

from partita import Retry, activity
from partita.compile.tree import Call
from partita.stepfunctions.emitter.tasks import task


def _state(**options: Any) -> dict[str, Any]:
    @activity(name="charge", **options)
    def charge(n: int) -> int:
        return n

    return task(Call(1, charge, {}, None))


def _retry(**options: Any) -> dict[str, Any]:
    last: dict[str, Any] = _state(retry=Retry(**options))["Retry"][-1]
    return last


def test_transient_errors_are_retried_unless_the_activity_has_one_attempt() -> None:
    assert [one["ErrorEquals"][0][:7] for one in _state()["Retry"]] == ["Lambda."]
    assert [len(one["ErrorEquals"]) for one in _state(retry=3)["Retry"]] == [4, 1]
    assert _state(retry=1)["Retry"] == []


@pytest.mark.parametrize(
    ("interval", "longest", "fields"),
    [
        (2, 60, {"IntervalSeconds": 2, "BackoffRate": 3.0, "MaxDelaySeconds": 60}),
        (10, 5, {"IntervalSeconds": 5, "BackoffRate": 1.0}),
        (10, 10, {"IntervalSeconds": 10, "BackoffRate": 1.0}),
        (1.5, 2.5, {"IntervalSeconds": 2, "BackoffRate": 3.0, "MaxDelaySeconds": 3}),
    ],
)
def test_the_longest_interval(interval: float, longest: float, fields: dict[str, Any]) -> None:
    found = _retry(max_attempts=4, initial_interval=interval, backoff=3, max_interval=longest)
    assert found == {"ErrorEquals": ["States.ALL"], "MaxAttempts": 3, **fields}


def test_errors_that_are_final() -> None:
    retries = _state(retry=Retry(non_retryable=(LookupError, "Odd")))["Retry"]
    assert {"IndexError", "KeyError", "LookupError", "Odd"} <= set(retries[1]["ErrorEquals"])
    assert retries[1]["MaxAttempts"] == 0


def test_times() -> None:
    state = _state(start_to_close=1.2, heartbeat=1)
    assert (state["TimeoutSeconds"], state["HeartbeatSeconds"]) == (2, 1)
    assert _state(schedule_to_close=9)["TimeoutSeconds"] == 9
