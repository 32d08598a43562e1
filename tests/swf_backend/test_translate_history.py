"""The translation of histories: however one is fed, the same comes out."""

from __future__ import annotations

import random
from typing import Any

import pytest

from partita import Retry, activity, side_effect, signals, sleep, workflow
from partita import history as h
from partita.client import Client, Handle
from partita.errors import CancelledError, WorkflowFailedError
from partita.swf.backend.service import SwfService
from partita.swf.backend.translate_history import TranslatedHistory
from partita.testing.conformance import sound
from tests.conftest import until
from tests.swf_backend.conftest import worker

DONE: list[str] = []
BROKEN: set[str] = set()


@activity(retry=Retry(max_attempts=5, initial_interval=0))
def step(name: str) -> str:
    DONE.append(name)
    if DONE.count(name) < 2:
        raise ValueError(name)
    return name.upper()


@activity
def last(name: str) -> str:
    DONE.append(name)
    if name in BROKEN:
        raise ValueError(name)
    return name


@activity(retry=Retry(max_attempts=0, initial_interval=3600))
def hopeless() -> None:
    raise ValueError("never")


@workflow
def translated_pipeline(n: int) -> list[Any]:
    said: list[Any] = step.map([f"s{i}" for i in range(n)]).result()
    said.append(side_effect(lambda: 7))
    sleep(1)
    said.append(signals("s").poll("nothing"))
    said.append(last("end"))
    return said


@workflow
def gives_up() -> str:
    future = hopeless.submit()
    signals("give up").get()
    future.cancel()
    try:
        future.result()
    except CancelledError:
        return "given up"
    return "never"


@pytest.fixture(autouse=True)
def _clean() -> None:
    DONE.clear()
    BROKEN.clear()


def wire_events(service: SwfService, handle: Handle[Any]) -> list[h.AnyEvent]:
    """Return an execution's events as SWF has them."""
    exact = h.WorkflowExecution(handle.workflow_id, handle.run_id)
    histories = service._histories
    return [histories.event(raw) for raw in histories.raw("tests", exact)]


def holds_however_it_is_fed(service: SwfService, handle: Handle[Any]) -> list[h.AnyEvent]:
    events = wire_events(service, handle)
    whole = service._new_history("tests").feed(events)
    sound(whole)
    chance = random.Random(len(events))
    for _ in range(20):
        history = service._new_history("tests")
        found: list[h.AnyEvent] = []
        rest = list(events)
        while rest:
            cut = chance.randint(1, 5)
            found += history.feed(rest[:cut])
            rest = rest[max(1, cut - 1) :]  # and some of them twice
        assert found == whole
    return whole


def test_retries_timers_and_markers(service: SwfService, client: Client) -> None:
    with worker(service, translated_pipeline, step, last):
        handle = client.start(translated_pipeline, 3)
        assert handle.result(timeout=30) == ["S0", "S1", "S2", 7, "nothing", "end"]
    whole = holds_however_it_is_fed(service, handle)
    assert sum(isinstance(one, h.ActivityTaskRescheduled) for one in whole) == 3
    assert sum(isinstance(one, h.ActivityTaskScheduled) for one in whole) == 4
    ids = [one.activity_id for one in whole if isinstance(one, h.ActivityTaskScheduled)]
    assert ids == ["1", "2", "3", "7"]


def test_an_activity_that_waits_for_its_next_attempt_is_cancelled(
    service: SwfService, client: Client
) -> None:
    with worker(service, gives_up, hopeless):
        handle = client.start(gives_up)
        until(lambda: any(isinstance(one, h.TimerStarted) for one in wire_events(service, handle)))
        handle.signal("give up")
        assert handle.result(timeout=30) == "given up"
    whole = holds_however_it_is_fed(service, handle)
    assert sum(isinstance(one, h.ActivityTaskCanceled) for one in whole) == 1
    assert not any(isinstance(one, h.TimerStarted) for one in whole)


def test_a_run_that_reuses_steps(service: SwfService, client: Client) -> None:
    BROKEN.add("end")
    with worker(service, translated_pipeline, step, last):
        handle = client.start_with(translated_pipeline, [4], workflow_id="p")
        with pytest.raises(WorkflowFailedError):
            handle.result(timeout=30)
        before = len(DONE)
        BROKEN.clear()
        again = client.rerun("p")
        assert again.result(timeout=30)[:5] == ["S0", "S1", "S2", "S3", 7]
    assert DONE[before:] == ["end"]
    holds_however_it_is_fed(service, again)
    told = [one.event_type for one in wire_events(service, again)]
    assert told.count("ActivityTaskScheduled") == 1
    assert "TimerStarted" not in told


def test_nothing_fed_is_nothing_translated() -> None:
    history = TranslatedHistory()
    assert history.feed([]) == []
    assert (history.last_event_id, history.last_swf_id) == (0, 0)
