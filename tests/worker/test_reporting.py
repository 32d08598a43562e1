"""Nothing that an activity said is lost: the newest heartbeat, the last result."""

from __future__ import annotations

import threading
from collections.abc import Collection
from typing import Any

import pytest

from partita import CancelledError, Retry, activity, activity_info, heartbeat, workflow
from partita.client import Client
from partita.engine import Engine
from partita.errors import StoreUnavailableError
from partita.stores.memory import MemoryStore
from partita.worker import Timing, Worker
from tests.conftest import Rig, until
from tests.worker import jobs


@activity(name="beats_often", heartbeat=60, retry=Retry(2, initial_interval=0))
def beats_often() -> Any:
    if activity_info().attempt == 1:
        for number in range(5):
            heartbeat(number)
        raise ValueError
    return activity_info().last_heartbeat


@workflow(name="asks_for_the_beat")
def asks_for_the_beat() -> Any:
    return beats_often()


@activity(name="quick")
def quick() -> int:
    return 1


@workflow(name="does_the_quick_one")
def does_the_quick_one() -> int:
    return quick()


@workflow(name="catches_the_odd_one")
def catches_the_odd_one() -> str:
    try:
        jobs.odd(3)
    except jobs.OddError:
        return "typed"
    return ""


def test_the_newest_heartbeat_reaches_the_next_attempt(memory_rig: Rig) -> None:
    with memory_rig.worker(asks_for_the_beat, beats_often):
        assert memory_rig.client.start(asks_for_the_beat).result(timeout=20) == 4


def test_stopping_waits_for_what_has_ended_to_be_reported(memory_rig: Rig) -> None:
    order: list[str] = []
    gate, inside = threading.Event(), threading.Event()

    class Slow:
        """The engine, with a report that takes its time."""

        def __getattr__(self, name: str) -> Any:
            return getattr(memory_rig.engine, name)

        def attach(self, host: Any) -> None:
            memory_rig.engine.attach(host)

        def pause(self) -> None:
            memory_rig.engine.pause()

        def give_back(self, token: str) -> None:
            memory_rig.engine.give_back(token)

        def unwanted(self, tokens: Collection[str]) -> set[str]:
            return memory_rig.engine.unwanted(tokens)

        def report(self, answer: Any, failed: Any) -> None:
            inside.set()
            gate.wait(20)
            order.append("report")
            memory_rig.engine.report(answer, failed)

        def detach(self) -> None:
            order.append("detach")
            gate.set()
            memory_rig.engine.detach()

    slow: Any = Slow()
    worker = Worker(slow, workflows=[does_the_quick_one], activities=[quick])
    worker.start()
    memory_rig.client.start(does_the_quick_one)
    assert inside.wait(20)
    opener = threading.Timer(0.2, gate.set)
    opener.start()
    worker.stop(grace=20)
    opener.join()
    assert order == ["report", "detach"]


def test_a_store_out_of_reach_does_not_keep_a_worker_from_stopping(memory_rig: Rig) -> None:
    class Away:
        """The engine, whose store is away when it is to pause."""

        def __getattr__(self, name: str) -> Any:
            return getattr(memory_rig.engine, name)

        def attach(self, host: Any) -> None:
            memory_rig.engine.attach(host)

        def pause(self) -> None:
            raise StoreUnavailableError("the store is away")

        def give_back(self, token: str) -> None:
            memory_rig.engine.give_back(token)

        def unwanted(self, tokens: Collection[str]) -> set[str]:
            return memory_rig.engine.unwanted(tokens)

        def report(self, answer: Any, failed: Any) -> None:
            memory_rig.engine.report(answer, failed)

        def detach(self) -> None:
            raise StoreUnavailableError("the store is away")

    away: Any = Away()
    worker = Worker(away, workflows=[does_the_quick_one], activities=[quick])
    with worker:
        memory_rig.client.start(does_the_quick_one).result(timeout=20)
    assert worker.free_slots() == 0


@activity(name="never_begun")
async def never_begun() -> None:
    raise AssertionError


@workflow(name="begins_what_is_cancelled")
def begins_what_is_cancelled() -> str:
    try:
        never_begun.submit().result()
    except CancelledError:
        return "cancelled"
    return ""


def test_what_is_cancelled_before_its_first_step_gives_its_slot_free(
    memory_rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker = memory_rig.worker(begins_what_is_cancelled, never_begun)
    monkeypatch.setattr(worker._runs._watch, "add", lambda _, stop: stop.args[0].cancel())
    with worker:
        handle = memory_rig.client.start(begins_what_is_cancelled)
        assert handle.result(timeout=20) == "cancelled"
        until(lambda: not worker.is_busy())


def test_an_exception_of_a_package_keeps_its_type_across_processes(memory_rig: Rig) -> None:
    with memory_rig.worker(catches_the_odd_one, jobs.odd):
        assert memory_rig.client.start(catches_the_odd_one).result(timeout=30) == "typed"


def test_what_cannot_be_reported_is_tried_until_the_worker_has_stopped(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO", "partita.worker")
    begun, ended = threading.Event(), threading.Event()

    @activity
    def held() -> None:
        begun.set()
        assert ended.wait(20)

    @workflow
    def holds() -> None:
        held()

    engine = Engine(MemoryStore())
    timing = Timing(report_again=0.05)
    worker = Worker(engine, workflows=[holds], activities=[held], timing=timing)
    worker.start()
    Client(engine).start(holds)
    assert begun.wait(20)
    engine.close()  # before its worker has stopped
    ended.set()
    until(lambda: "trying again: this engine is closed" in caplog.text)
    worker.stop(grace=0)
    until(lambda: not any(isinstance(one, threading.Timer) for one in threading.enumerate()))
    assert "ERROR" not in {record.levelname for record in caplog.records}
