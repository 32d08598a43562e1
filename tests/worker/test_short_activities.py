"""A short activity runs on the engine's own thread; one that overstays there holds nobody up."""

from __future__ import annotations

import math
import os
import threading
import time
from typing import Any

import pytest
from msgspec.structs import replace

from partita import activity, heartbeat, sleep, workflow
from partita.authoring.definition import ActivityDefinition
from partita.authoring.workflow import WorkflowDefinition
from partita.client import Client
from partita.engine import standby
from partita.engine.inbox import Inbox
from partita.errors import WorkflowFailedError
from partita.worker import Worker
from partita.worker.recent_durations import TRIALS, RecentDurations
from partita.worker.timing import DEFAULT_TIMING
from tests.conftest import Rig, until

OPEN, HELD = threading.Event(), threading.Event()
CLIENTS: list[Client] = []
THREADS: list[threading.Thread] = []


@activity
def where() -> str:
    return threading.current_thread().name


@activity
def held() -> str:
    THREADS.append(threading.current_thread())
    HELD.set()
    assert OPEN.wait(60)
    return threading.current_thread().name


@activity
def asks(name: str) -> str:
    """Start a workflow and wait for it, on the thread that the workflow needs."""
    result: str = CLIENTS[0].start(greets, name).result(timeout=60)
    return f"{result} on {threading.current_thread().name}"


@activity(retry=1)
def raises(kind: str) -> None:
    raise {"exit": SystemExit(3), "value": ValueError("no"), "interrupt": KeyboardInterrupt()}[kind]


@activity
def forks() -> int:
    child = os.fork()
    return 7 if child == 0 else os.waitpid(child, 0)[1]  # the child ends before it can report


@activity(heartbeat=30)
def beats() -> bool:
    heartbeat(1)
    return True


@activity(retry=1)
def until_cancelled() -> None:
    HELD.set()
    while True:
        heartbeat(None)
        time.sleep(0.01)


@activity(process=True)
def elsewhere() -> int:
    return os.getpid()


@workflow
def greets(name: str) -> str:
    return f"hello {name}"


@workflow
def goes_on(count: int) -> list[str]:
    return [where() for _ in range(count)]


@workflow
def waits_long() -> list[str]:
    return [where(), held(), where()]


@workflow
def together() -> list[str]:
    return [one.result() for one in (held.submit(), where.submit(), where.submit())]


@workflow
def naps(seconds: float) -> list[str]:
    before = where()
    sleep(seconds)
    return [before, where()]


@workflow
def calls(kind: str) -> str:
    try:
        raises(kind)
    except Exception as error:
        return f"{type(error).__name__} {where()}"
    return ""


@workflow
def cancels() -> str:
    future = until_cancelled.submit()
    sleep(0.2)
    future.cancel()
    try:
        future.result()
    except BaseException as error:
        return type(error).__name__
    return ""


@workflow
def many() -> list[Any]:
    return [asks("ann"), forks(), beats(), elsewhere() != os.getpid(), where()]


@workflow
def fails(kind: str) -> None:
    raises(kind)


WORKFLOWS: list[WorkflowDefinition[..., Any]] = [
    greets,
    goes_on,
    waits_long,
    together,
    naps,
    calls,
    cancels,
    many,
    fails,
]
ACTIVITIES: list[ActivityDefinition] = [
    where,
    held,
    asks,
    raises,
    forks,
    beats,
    until_cancelled,
    elsewhere,
]


def eager(rig: Rig, short: float = math.inf) -> Worker:
    """Return a worker that takes activities for short that took so many seconds before."""
    OPEN.clear()
    HELD.clear()
    THREADS.clear()
    CLIENTS[:] = [rig.client]
    timing = replace(DEFAULT_TIMING, short_activity=short)
    return Worker(rig.engine, workflows=WORKFLOWS, activities=ACTIVITIES, timing=timing)


def loop_thread(rig: Rig) -> threading.Thread:
    """Return the engine's thread, which may be another one later."""
    thread = rig.engine._scheduler.inbox._thread
    assert thread is not None
    return thread


def test_what_was_short_runs_on_the_engines_thread(rig: Rig) -> None:
    with eager(rig, short=10.0):
        first, *rest = rig.client.start(goes_on, 20).result(timeout=60)
    assert first.startswith("partita-activity")  # how long it takes is not known yet
    assert "partita" in rest  # not all: while another request waits, it is answered first


def test_what_is_not_short_runs_on_other_threads(memory_rig: Rig) -> None:
    with eager(memory_rig, short=0.0):
        names = memory_rig.client.start(goes_on, 5).result(timeout=60)
    assert all(name.startswith("partita-activity") for name in names)


def test_an_activity_that_overstays_holds_nobody_up(rig: Rig) -> None:
    with eager(rig):
        napping = rig.client.start(naps, 0.05)
        waiting = rig.client.start(waits_long)
        assert HELD.wait(60)
        assert len(rig.client.start(goes_on, 3).result(timeout=60)) == 3
        assert len(napping.result(timeout=60)) == 2
        assert loop_thread(rig) is not THREADS[0]
        OPEN.set()
        assert waiting.result(timeout=60)[1] == "partita"
        until(lambda: not THREADS[0].is_alive())
    assert not rig.failures


def test_an_activity_that_overstayed_is_not_taken_for_short_for_a_while(memory_rig: Rig) -> None:
    with eager(memory_rig):
        waiting = memory_rig.client.start(waits_long)
        assert HELD.wait(60)
        until(lambda: loop_thread(memory_rig) is not THREADS[0])
        OPEN.set()
        waiting.result(timeout=60)
        again = memory_rig.client.start(waits_long).result(timeout=60)
    assert again[1].startswith("partita-activity")


def test_a_run_kept_by_the_former_thread_is_replayed(rig: Rig) -> None:
    with eager(rig) as worker:
        sleeping = [rig.client.start(naps, 3600) for _ in range(5)]
        until(lambda: worker.live_runs >= 5)
        waiting = rig.client.start(waits_long)
        assert HELD.wait(60)
        until(lambda: loop_thread(rig) is not THREADS[0])
        rig.skip(3601)
        for one in sleeping:
            assert len(one.result(timeout=60)) == 2
        OPEN.set()
        waiting.result(timeout=60)


def test_everything_an_activity_does_works_on_the_engines_thread(rig: Rig) -> None:
    with eager(rig):
        found = rig.client.start(many).result(timeout=60)
        assert found[0].startswith("hello ann on partita")
        assert found[1:4] == [0, True, True]
        assert rig.client.start(cancels).result(timeout=60) == "CancelledError"
        for kind, name in (("value", "ValueError"), ("exit", "SystemExit")):
            assert rig.client.start(calls, kind).result(timeout=60).startswith(name)


def test_closing_does_not_wait_for_what_overstays(memory_rig: Rig) -> None:
    worker = eager(memory_rig)
    worker.start()
    memory_rig.client.start(waits_long)
    assert HELD.wait(60)
    worker.stop(grace=0.0)
    memory_rig.engine.close()
    assert THREADS[0].is_alive()
    OPEN.set()
    until(lambda: not THREADS[0].is_alive())


def test_without_a_thread_to_stand_by_all_runs_as_before(
    memory_rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    with eager(memory_rig):
        memory_rig.client.start(greets, "").result(timeout=60)

        def refuse(*_: object) -> None:
            raise RuntimeError("can't start new thread")

        monkeypatch.setattr("partita.engine.inbox.Standby", refuse)
        names = memory_rig.client.start(goes_on, 3).result(timeout=60)
        assert all(name.startswith("partita-activity") for name in names)


def test_the_thread_that_stands_by_sleeps_and_wakes(
    memory_rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(standby, "LOOKS_BEFORE_SLEEP", 1)
    with eager(memory_rig):
        memory_rig.client.start(goes_on, 2).result(timeout=60)
        inbox: Inbox = memory_rig.engine._scheduler.inbox
        until(lambda: inbox._standby is not None and inbox._standby._is_asleep)
        waiting = memory_rig.client.start(waits_long)
        assert HELD.wait(60)
        assert len(memory_rig.client.start(goes_on, 1).result(timeout=60)) == 1
        OPEN.set()
        waiting.result(timeout=60)


def test_what_durations_are_expected() -> None:
    durations = RecentDurations()
    assert durations.expected(where) == math.inf
    durations.note(where, 0.0005)
    assert durations.expected(where) == 0.0005
    durations.note(where, 1.0)
    assert 0.05 < durations.expected(where) < 0.1
    for _ in range(10):
        durations.note(where, 0.0001)
    assert durations.expected(where) < 0.0005
    for trials in (2 * TRIALS, 4 * TRIALS):
        durations.overstayed(where)
        runs = 0
        while durations.is_risky(where):
            durations.note(where, 0.0001)
            runs += 1
        assert runs == trials


def test_what_waits_behind_one_that_overstays_runs_elsewhere(memory_rig: Rig) -> None:
    with eager(memory_rig):
        first = memory_rig.client.start(together)
        assert HELD.wait(60)
        until(lambda: memory_rig.kinds(first.workflow_id).count("ActivityTaskCompleted") == 2)
        OPEN.set()
        assert len(first.result(timeout=60)) == 3


def test_a_fault_of_the_engines_thread_is_told_to_all_callers(
    memory_rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    with eager(memory_rig):
        scheduler = memory_rig.engine._scheduler

        def broken(batch: object) -> None:
            raise MemoryError

        with monkeypatch.context() as broke:
            broke.setattr(scheduler.inbox, "_transact", broken)
            with pytest.raises(Exception, match="the engine broke: MemoryError"):
                memory_rig.client.start(greets, "ann")
        assert memory_rig.client.start(greets, "bob").result(timeout=60) == "hello bob"


def test_a_workflow_that_fails_after_a_short_activity(memory_rig: Rig) -> None:
    with eager(memory_rig):
        for kind in ("value", "exit"):
            with pytest.raises(WorkflowFailedError):
                memory_rig.client.start(fails, kind).result(timeout=60)
