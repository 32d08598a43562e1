"""A task list that is shared with other code: who cannot decide a task lets others have it."""

from __future__ import annotations

import http.client
import math
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from partita import workflow
from partita.client import Client
from partita.history import DecisionTaskStarted, DecisionTaskTimedOut
from partita.ports.service import DecisionTask
from partita.swf.backend import backoff
from partita.swf.backend.backoff import RETURNS, Backoff
from partita.swf.backend.timing import DEFAULT_TIMING, Timing
from tests.conftest import until
from tests.swf_backend.conftest import Connect, worker

LEAD, TAIL = DEFAULT_TIMING.backoff_lead, DEFAULT_TIMING.backoff_tail


class Clock:
    """A clock that stands until it is set."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def away(clock: Clock) -> Backoff:
    return Backoff(clock=clock)


def test_nobody_stays_away_without_a_reason(away: Backoff) -> None:
    assert (away.pause(), away.until()) == (0, math.inf)


def test_the_moment_of_the_return_is_left_to_others(away: Backoff, clock: Clock) -> None:
    away.meet("r", 60)
    assert (away.pause(), away.until()) == (0, 1060 - LEAD)
    clock.now = 1060 - LEAD
    assert away.pause() == LEAD + TAIL
    clock.now = 1060
    assert (away.pause(), away.until()) == (TAIL, 1060)
    clock.now = 1060 + TAIL
    assert (away.pause(), away.until()) == (0, math.inf)


def test_who_meets_it_again_stays_away_for_longer(away: Backoff, clock: Clock) -> None:
    for _ in range(RETURNS + 2):
        away.meet("r", 60)
    paused = []
    for number in range(RETURNS + 2):
        clock.now = 1060 + 60.0 * number
        paused.append(away.pause() > 0)
    assert paused == [True] * RETURNS + [False, False]


def test_a_task_that_was_met_long_ago_is_new(away: Backoff, clock: Clock) -> None:
    away.meet("r", 60)
    clock.now += 1000
    away.meet("r", 60)
    clock.now += 120
    assert away.pause() == 0


def test_at_most_half_of_the_time_is_spent_away(away: Backoff, clock: Clock) -> None:
    there = 0
    for second in range(1200):
        clock.now = 1000.0 + second
        if second % 60 < 30:
            away.meet(f"r{second}", 60)
        there += not away.pause()
    assert there >= 600


def test_only_so_many_tasks_are_kept_in_mind(
    away: Backoff, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backoff, "MEMORY_LIMIT", 2)
    for number, run in enumerate("abc"):
        away.meet(run, 60.0 * (number + 1))
    assert away.until() == 1120 - LEAD


@pytest.fixture
def silent() -> Iterator[socket.socket]:
    """Listen, and answer nobody."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening


def test_a_poll_that_waits_is_given_up_when_its_time_is_cut(
    silent: socket.socket, connect: Connect
) -> None:
    service = connect(Timing(poll_check=0.01, poll_linger=0.01))
    ends = [math.inf]
    connection = http.client.HTTPConnection(*silent.getsockname())
    connection.connect()
    service.call.polls.wait(None)
    answers: list[bool] = []

    def wait() -> None:
        service.call.polls.until(lambda: ends[0])
        answers.append(service.call.polls._answers(connection.sock))

    waiting = threading.Thread(target=wait)
    waiting.start()
    ends[0] = 0.0
    waiting.join(20)
    connection.close()
    assert answers == [False]


@workflow
def ours() -> None: ...


@workflow(task_start_to_close=1)
def theirs() -> str:
    return "decided"


def test_another_worker_gets_the_task_at_its_first_return(
    connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    timing = Timing(backoff_lead=30.0, backoff_tail=30.0)
    failed: list[DecisionTask] = []

    def note(task: DecisionTask, error: Any) -> None:
        failed.append(task)

    here, there = (connect(timing, pollers=1, sticky=0) for _ in range(2))
    client = Client(there)
    with worker(here, ours, on_decision_failed=note):
        handle = client.start(theirs)
        until(lambda: bool(failed))
        with worker(there, theirs):
            assert handle.result(timeout=30) == "decided"
    kinds = [type(event) for event in handle.history()]
    assert kinds.count(DecisionTaskTimedOut) == len(failed) == 1
    assert kinds.count(DecisionTaskStarted) == 2
    assert "task list 'default' is shared with other code" in caplog.text
