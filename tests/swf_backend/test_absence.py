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
from partita.swf.backend import backoff as absence
from partita.swf.backend import polls
from partita.swf.backend.backoff import LEAD, RETURNS, TAIL, Absence
from tests.conftest import until
from tests.swf_backend.conftest import Connect, worker


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
def away(clock: Clock) -> Absence:
    return Absence(clock)


def test_nobody_stays_away_without_a_reason(away: Absence) -> None:
    assert (away.pause(), away.until()) == (0, math.inf)


def test_the_moment_of_the_return_is_left_to_others(away: Absence, clock: Clock) -> None:
    away.meet("r", 60)
    assert (away.pause(), away.until()) == (0, 1060 - LEAD)
    clock.now = 1060 - LEAD
    assert away.pause() == LEAD + TAIL
    clock.now = 1060
    assert (away.pause(), away.until()) == (TAIL, 1060)
    clock.now = 1060 + TAIL
    assert (away.pause(), away.until()) == (0, math.inf)


def test_who_meets_it_again_stays_away_for_longer(away: Absence, clock: Clock) -> None:
    for _ in range(RETURNS + 2):
        away.meet("r", 60)
    paused = []
    for number in range(RETURNS + 2):
        clock.now = 1060 + 60.0 * number
        paused.append(away.pause() > 0)
    assert paused == [True] * RETURNS + [False, False]


def test_a_task_that_was_met_long_ago_is_new(away: Absence, clock: Clock) -> None:
    away.meet("r", 60)
    clock.now += 1000
    away.meet("r", 60)
    clock.now += 120
    assert away.pause() == 0


def test_at_most_half_of_the_time_is_spent_away(away: Absence, clock: Clock) -> None:
    there = 0
    for second in range(1200):
        clock.now = 1000.0 + second
        if second % 60 < 30:
            away.meet(f"r{second}", 60)
        there += not away.pause()
    assert there >= 600


def test_only_so_many_tasks_are_kept_in_mind(
    away: Absence, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(absence, "KEPT", 2)
    for number, run in enumerate("abc"):
        away.meet(run, 60.0 * (number + 1))
    assert away.until() == 1120 - LEAD


@pytest.fixture
def silent() -> Iterator[socket.socket]:
    """Listen, and answer nobody."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening


def test_a_poll_that_waits_is_given_up_when_its_time_is_cut(
    silent: socket.socket, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(polls, "LOOK", 0.01)
    monkeypatch.setattr(polls, "LINGER", 0.01)
    service = connect()
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
    connect: Connect, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(absence, "LEAD", 30.0)
    monkeypatch.setattr(absence, "TAIL", 30.0)
    failed: list[DecisionTask] = []

    def note(task: DecisionTask, error: Any) -> None:
        failed.append(task)

    here, there = connect(pollers=1, sticky=0), connect(pollers=1, sticky=0)
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
