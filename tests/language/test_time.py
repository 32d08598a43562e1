"""Timers from milliseconds to years, deadlines on every wait, and blocks that may take a time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from partita import (
    WaitTimeoutError,
    activity,
    now,
    shield,
    sleep,
    start_timer,
    timeout,
    wait,
    workflow,
)
from partita.errors import InvalidOptionError, WorkflowFailedError
from partita.history import TimerCanceled, TimerFired, TimerStarted
from tests.language.conftest import ClockedStage, Gate, Stage

GATE = Gate()
YEAR = 365 * 86400.0


@activity
def blocked() -> int:
    GATE.wait()
    return 1


@activity
def quick(x: int) -> int:
    return x


@workflow
def naps() -> str:
    sleep(0.001)
    sleep(timedelta(milliseconds=1))
    timer = start_timer(0.3)
    assert not timer.done()
    timer.result()
    return "rested"


def test_sleeps_and_timers(stage: Stage) -> None:
    assert stage.run(naps) == naps() == "rested"


@workflow
def century() -> float:
    begun = now()
    sleep(99 * YEAR)
    return (now() - begun).total_seconds()


def test_a_timer_may_run_for_years(clocked: ClockedStage) -> None:
    handle = clocked.start(century)
    clocked.settled(handle)
    clocked.advance(99 * YEAR - 1)
    assert clocked.find(handle, TimerFired) == []
    clocked.advance(1)
    assert handle.result(timeout=20) == 99 * YEAR


@workflow
def impatient() -> list[str]:
    """Give up waiting in each of the three ways; the work goes on."""
    said = []
    future = blocked.submit()
    try:
        future.result(timeout=0.01)
    except WaitTimeoutError:
        said.append("result")
    if wait([future], timeout=0.01).not_done:
        said.append("wait")
    try:
        with timeout(0.01):
            future.result()
    except WaitTimeoutError:
        said.append("timeout")
    return said


def test_every_wait_has_a_deadline(stage: Stage) -> None:
    GATE.close()
    try:
        assert stage.run(impatient) == impatient() == ["result", "wait", "timeout"]
    finally:
        GATE.open()


@workflow
def within() -> int:
    with timeout(60):
        value = quick(1) + quick(2)
    with timeout(60):
        pass
    sleep(0.001)
    return value


def test_a_block_that_is_done_in_time_leaves_no_timer(stage: Stage) -> None:
    handle = stage.start(within)
    assert handle.result(timeout=20) == within() == 3
    started, canceled = stage.find(handle, TimerStarted), stage.find(handle, TimerCanceled)
    assert [event.start_to_fire for event in started] == [60.0, 0.001]
    assert len(canceled) == 1


@workflow
def nested() -> str:
    try:
        with timeout(60):
            try:
                with timeout(0.01):
                    sleep(30)
            except WaitTimeoutError:
                return "inner"
    except WaitTimeoutError:
        return "outer"
    return "none"


def test_the_inner_block_ends_first(stage: Stage) -> None:
    assert stage.run(nested) == nested() == "inner"


@workflow
def stopped() -> bool:
    timer = start_timer(60)
    timer.cancel()
    return timer.cancelled()


def test_a_timer_is_stopped(stage: Stage) -> None:
    handle = stage.start(stopped)
    assert handle.result(timeout=20) is stopped() is True
    assert len(stage.find(handle, TimerCanceled)) == 1


@workflow
def until_a_moment(seconds: float) -> float:
    begun = now()
    start_timer(begun + timedelta(seconds=seconds)).result()
    return (now() - begun).total_seconds()


def test_a_moment_is_a_deadline_too(clocked: ClockedStage) -> None:
    handle = clocked.start(until_a_moment, 3600.0)
    clocked.settled(handle)
    clocked.advance(3600)
    assert handle.result(timeout=20) == 3600.0


@workflow
def misuse(what: str) -> str:
    """Ask for a time that cannot be; nothing is begun by that."""
    past = datetime(2001, 1, 1, tzinfo=UTC)
    attempts: dict[str, Any] = {
        "negative sleep": lambda: sleep(-1),
        "negative timer": lambda: start_timer(-0.1),
        "past timer": lambda: start_timer(past),
        "no number": lambda: sleep(float("nan")),
        "too long": lambda: sleep(101 * YEAR),
        "text": lambda: sleep("1"),  # type: ignore[arg-type]
        "negative result": lambda: quick.submit(1).result(timeout=-1),
        "past wait": lambda: wait([quick.submit(1)], timeout=past),
        "past block": lambda: timeout(past),
        "truth": lambda: timeout(True),
    }
    try:
        attempts[what]()
    except InvalidOptionError as error:
        return error.code
    return "accepted"


MISUSES = ["negative sleep", "negative timer", "past timer", "no number", "too long", "text"]
MISUSES += ["negative result", "past wait", "past block", "truth"]


@pytest.mark.parametrize("what", MISUSES)
def test_a_time_that_cannot_be_is_an_error_where_it_is_written(what: str, stage: Stage) -> None:
    handle = stage.start(misuse, what)
    assert handle.result(timeout=20) == misuse(what) == "INVALID_OPTION"
    assert stage.find(handle, TimerStarted) == []


@workflow
def careless() -> None:
    sleep(-1)


def test_uncaught_it_fails_the_workflow_with_its_code(stage: Stage) -> None:
    with pytest.raises(WorkflowFailedError) as caught:
        stage.run(careless)
    assert isinstance(caught.value.__cause__, InvalidOptionError)


@workflow
def zero() -> list[bool]:
    future = quick.submit(1)
    early = future.done()
    with shield():
        sleep(0)
    future.result()
    return [early, bool(wait([future], timeout=0).done)]


def test_no_time_at_all_is_a_time(stage: Stage) -> None:
    assert stage.run(zero) == [False, True]
