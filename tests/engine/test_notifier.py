"""Listeners hear of everything that is committed, in order, and harm nothing."""

from __future__ import annotations

import logging
import sys
import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from partita import Retry, activity, heartbeat, sleep, workflow
from partita.client import Client, Handle
from partita.engine import Engine
from partita.engine import notifier as listening
from partita.engine.timing import Timing
from partita.errors import (
    InvalidOptionError,
    StoreFullError,
    StoreUnavailableError,
    TaskLostError,
    UsageError,
)
from partita.history import WorkflowExecution, WorkflowType
from partita.ports.notices import BY_EVENT, HEARTBEAT, NAMES, Listener, Notice, use_listener
from partita.ports.state import Status
from partita.stores.memory import MemoryStore
from partita.testing import Clock
from partita.testing.conformance import CHECKS, UNRECORDED, charge, start, started
from partita.worker import PollingWorker
from tests.conftest import STORES, Rig, new_store, until
from tests.engine.test_engine import CountingStore, climb_over_failures


class Ear:
    """A listener that keeps what it hears."""

    def __init__(self) -> None:
        self.heard: list[Notice] = []

    def __call__(self, notice: Notice) -> None:
        self.heard.append(notice)

    def names(self, workflow_id: str = "") -> list[str]:
        return [one.name for one in self.heard if workflow_id in ("", one.execution.workflow_id)]

    def events(self) -> dict[tuple[str, WorkflowExecution], list[Any]]:
        """What it heard of each execution, but for heartbeats."""
        found = defaultdict(list)
        for one in self.heard:
            if one.event is not None:
                found[one.domain, one.execution].append(one.event)
        return found


@activity
def bump(x: int) -> int:
    return x + 1


@workflow
def climb(steps: int) -> int:
    at = 0
    for _ in range(steps):
        at = bump(at)
    return at


@pytest.mark.parametrize("kind", STORES)
def test_every_notice_with_its_event_in_the_order_of_the_history(kind: str, tmp_path: Path) -> None:
    """Whatever the conformance checks bring about is told, once and in order."""
    names: set[str] = set()
    for name, check in CHECKS.items():
        folder = tmp_path / name
        folder.mkdir()
        clock, ear, store = Clock(), Ear(), new_store(kind, folder)
        engine = Engine(store, clock=clock)
        engine.listen(ear)
        check(engine, clock)
        engine._scheduler.inbox.close()
        engine._scheduler.notifier.close()  # which tells of what is left
        for (domain, execution), told in ear.events().items():
            record = store.find(domain, execution.workflow_id, execution.run_id)
            assert record is not None
            assert told == store.events(record.run, 0), name
        names.update(ear.names())
        store.close()
    assert {BY_EVENT[kind] for kind in UNRECORDED} == NAMES - names


def test_a_notice_says_whose_it_is(memory_rig: Rig) -> None:
    ear = Ear()
    memory_rig.client.listen(ear)
    with memory_rig.worker(climb, bump):
        handle: Handle[Any] = memory_rig.client.start_with(climb, [1], workflow_id="mine")
        handle.result(timeout=20)
        until(lambda: "process_completed" in ear.names())
    assert {one.domain for one in ear.heard} == {"default"}
    assert {one.execution for one in ear.heard} == {WorkflowExecution("mine", handle.run_id)}
    assert {one.workflow_type for one in ear.heard} == {WorkflowType("climb")}
    assert [one.event for one in ear.heard] == handle.history()
    assert [one.time for one in ear.heard] == [e.event_timestamp for e in handle.history()]
    assert ear.names() == [
        "process_started",
        "decision_task_scheduled",
        "decision_task_started",
        "decision_task_completed",
        "activity_scheduled",
        "activity_started",
        "activity_completed",
        "decision_task_scheduled",
        "decision_task_started",
        "decision_task_completed",
        "process_completed",
    ]


def test_a_worker_that_polls_tells_the_same(memory_rig: Rig) -> None:
    ears = [Ear(), Ear()]
    polling = PollingWorker(memory_rig.engine, workflows=[climb], activities=[bump])
    unlisten = memory_rig.client.listen(ears[0])
    polled: Handle[Any] = memory_rig.client.start_with(climb, [3])
    while polling.step():
        pass
    until(lambda: "process_completed" in ears[0].names())
    unlisten()
    memory_rig.client.listen(ears[1])
    with memory_rig.worker(climb, bump):
        handle: Handle[Any] = memory_rig.client.start_with(climb, [3])
        handle.result(timeout=20)
        until(lambda: "process_completed" in ears[1].names())
    assert ears[0].names(polled.workflow_id) == ears[1].names(handle.workflow_id)


# -- heartbeats ----------------------------------------------------------------------------


@activity(heartbeat=60, retry=Retry(max_attempts=2, initial_interval=0))
def pages() -> None:
    heartbeat({"page": 3})


@workflow
def reading() -> None:
    pages()


def test_a_heartbeat_is_told_though_no_history_has_it(rig: Rig) -> None:
    ear = Ear()
    rig.client.listen(ear)
    with rig.worker(reading, pages):
        handle = rig.client.start(reading)
        handle.result(timeout=20)
        until(lambda: "process_completed" in ear.names())
    [beat] = [one for one in ear.heard if one.name == HEARTBEAT]
    assert (beat.event, beat.activity_id, beat.details) == (None, "1", '{"page":3}')
    assert beat.execution == WorkflowExecution(handle.workflow_id, handle.run_id)
    names = ear.names()
    assert names.index("activity_started") < names.index(HEARTBEAT)
    assert names.index(HEARTBEAT) < names.index("activity_completed")


def test_a_heartbeat_comes_before_the_end_that_shares_its_transaction(service: Engine) -> None:
    ear = Ear()
    started(service, charge(heartbeat=60.0))
    service.listen(ear)
    task = service.poll_activity_task("default", "default")
    assert task is not None
    loop = service._scheduler.inbox
    held, go = threading.Event(), threading.Event()

    def hold(_: object) -> None:
        held.set()
        go.wait(20)

    loop.post(hold, lambda _: None)  # what comes meanwhile shares a transaction
    assert held.wait(20)
    threads = [threading.Thread(target=service.heartbeat_activity, args=(task.token, "1"))]
    threads[0].start()
    until(lambda: not loop.is_empty())
    threads.append(threading.Thread(target=service.complete_activity, args=(task.token, "2")))
    threads[1].start()
    until(lambda: loop._queue.qsize() == 2)
    go.set()
    for thread in threads:
        thread.join()
    until(lambda: "activity_completed" in ear.names())
    assert ear.names().index(HEARTBEAT) < ear.names().index("activity_completed")


def test_a_heartbeat_that_is_refused_is_not_told(service: Engine) -> None:
    ear = Ear()
    started(service, charge())
    service.listen(ear)
    task = service.poll_activity_task("default", "default")
    assert task is not None
    service.complete_activity(task.token, "1")
    with pytest.raises(TaskLostError):
        service.heartbeat_activity(task.token, "late")
    until(lambda: "activity_completed" in ear.names())
    assert HEARTBEAT not in ear.names()


@pytest.fixture
def service() -> Iterator[Engine]:
    engine = Engine(MemoryStore())
    yield engine
    engine.close()


# -- only after the commit -----------------------------------------------------------------


def test_what_is_not_committed_is_not_told() -> None:
    store = CountingStore()
    engine, ear = Engine(store), Ear()
    engine.listen(ear)
    store.fail_every = 1
    with pytest.raises(StoreFullError):
        start(engine, "refused")
    store.fail_every = 0
    start(engine, "kept")
    engine.close()
    assert {one.execution.workflow_id for one in ear.heard} == {"kept"}


def test_a_step_that_is_done_again_is_told_once() -> None:
    store = CountingStore()
    engine, ear = Engine(store), Ear()
    engine.listen(ear)
    handle = climb_over_failures(engine, store)
    events = handle.history()
    engine.close()
    assert [one.event for one in ear.heard] == events


def test_who_hears_of_it_finds_it_in_the_history(rig: Rig) -> None:
    """A listener that looks as soon as it hears sees at least what it was told of."""
    missing: list[Any] = []

    def look(notice: Notice) -> None:
        found = rig.client.history(notice.execution.workflow_id, run_id=notice.execution.run_id)
        missing.extend([] if notice.event in found else [notice])

    rig.client.listen(look)
    ear = Ear()
    rig.client.listen(ear)
    with rig.worker(climb, bump):
        handle: Handle[Any] = rig.client.start_with(climb, [5])
        handle.result(timeout=20)
        until(lambda: "process_completed" in ear.names())
    assert missing == []


# -- listeners that misbehave --------------------------------------------------------------


@pytest.mark.parametrize("error", [ValueError("no"), SystemExit(3), KeyboardInterrupt()])
def test_one_that_raises_is_logged_and_stops_nobody(
    memory_rig: Rig, error: BaseException, caplog: pytest.LogCaptureFixture
) -> None:
    ear = Ear()

    def broken(_: Notice) -> None:
        raise error

    memory_rig.client.listen(broken)
    memory_rig.client.listen(ear)
    with memory_rig.worker(climb, bump):
        handle: Handle[Any] = memory_rig.client.start_with(climb, [2])
        assert handle.result(timeout=20) == 2
        until(lambda: "process_completed" in ear.names())
    assert [one.event for one in ear.heard] == handle.history()
    assert "a listener broke on process_started; the execution goes on" in caplog.text


def test_a_slow_one_delays_no_execution(memory_rig: Rig) -> None:
    go = threading.Event()
    heard: list[str] = []

    def slow(notice: Notice) -> None:
        assert go.wait(20)
        heard.append(notice.name)

    memory_rig.client.listen(slow)
    with memory_rig.worker(climb, bump):
        handle: Handle[Any] = memory_rig.client.start_with(climb, [20])
        assert handle.result(timeout=20) == 20  # though the first notice is not taken yet
        assert heard == []
        go.set()
        until(lambda: len(heard) == len(handle.history()))


def test_a_stuck_one_costs_no_memory_without_end(
    memory_rig: Rig, monkeypatch: Any, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(listening, "BACKLOG", 10)
    go, ear = threading.Event(), Ear()

    def stuck(notice: Notice) -> None:
        assert go.wait(20)
        ear(notice)

    memory_rig.client.listen(stuck)
    for number in range(20):
        start(memory_rig.engine, f"flow-{number}")
    assert "notices behind and miss what comes now" in caplog.text
    assert len([one for one in caplog.records if "behind" in one.message]) == 1
    go.set()
    until(lambda: len(ear.heard) == 10)
    start(memory_rig.engine, "afterwards")  # it has caught up, and hears everything again
    until(lambda: "process_started" in ear.names("afterwards"))


def test_one_may_start_and_signal_workflows_itself(rig: Rig) -> None:
    @workflow
    def chained(left: int) -> int:
        return left

    class Chain(Listener):
        def on_process_completed(self, notice: Notice) -> None:
            number = int(notice.execution.workflow_id.removeprefix("flow-"))
            if number < 5:
                rig.client.start_with(chained, [number], workflow_id=f"flow-{number + 1}")

    rig.client.listen(Chain())
    with rig.worker(chained):
        rig.client.start_with(chained, [0], workflow_id="flow-0")
        until(lambda: len(rig.client.list(status=Status.COMPLETED).executions) == 6)


def test_one_may_close_the_engine_that_it_listens_to() -> None:
    engine, ended = Engine(MemoryStore()), threading.Event()

    def close(_: Notice) -> None:
        engine.close()
        ended.set()

    engine.listen(close)
    start(engine, "x")
    assert ended.wait(20)
    until(lambda: not engine._scheduler.notifier._thread.is_alive())  # type: ignore[union-attr]
    with pytest.raises(StoreUnavailableError, match="closed"):
        start(engine, "y")


def test_a_stuck_one_does_not_keep_an_engine_from_closing() -> None:
    engine = Engine(MemoryStore(), timing=Timing(listener_timeout=0.01))
    go = threading.Event()
    engine.listen(lambda _: go.wait(20))
    start(engine, "x")
    engine.close()
    go.set()


def test_a_fault_in_telling_keeps_no_activity_from_being_started(
    memory_rig: Rig, monkeypatch: Any, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(listening, "BY_EVENT", {})
    memory_rig.client.listen(Ear())
    with memory_rig.worker(climb, bump):
        handle: Handle[Any] = memory_rig.client.start_with(climb, [2])
        assert handle.result(timeout=20) == 2
    assert "listeners were not told" in caplog.text


# -- beginning and ending ------------------------------------------------------------------


def test_unlistening_ends_just_that(memory_rig: Rig) -> None:
    ear = Ear()
    first = memory_rig.client.listen(ear)
    memory_rig.client.listen(ear)  # twice: it is told twice
    start(memory_rig.engine, "both")
    until(lambda: ear.names("both").count("process_started") == 2)
    first()
    first()  # the second time does nothing
    start(memory_rig.engine, "one")
    start(memory_rig.engine, "last")
    until(lambda: "decision_task_scheduled" in ear.names("last"))
    assert ear.names("one").count("process_started") == 1


def test_everybody_can_be_listened_to() -> None:
    ear = Ear()
    unlisten = use_listener(ear)
    try:
        for name in ("a", "b"):
            engine = Engine(MemoryStore())
            start(engine, name)
            engine.close()
    finally:
        unlisten()
        unlisten()
    engine = Engine(MemoryStore())
    start(engine, "unheard")
    engine.close()
    assert ear.names("a") == ear.names("b") == ["process_started", "decision_task_scheduled"]
    assert ear.names("unheard") == []


def test_what_is_imported_has_not_happened_here(memory_rig: Rig) -> None:
    other = Engine(MemoryStore())
    client = Client(other)
    execution = start(other, "x")
    client.terminate("x")
    exported = client.export_history(execution.workflow_id)
    other.close()
    ear = Ear()
    memory_rig.client.listen(ear)
    assert memory_rig.client.import_history(exported)
    start(memory_rig.engine, "y")
    until(lambda: ear.names("y"))
    assert ear.names("x") == []


class Few(Listener):
    """Hear of two things."""

    def __init__(self) -> None:
        self.heard: list[str] = []

    def on_process_started(self, notice: Notice) -> None:
        self.heard.append(f"+{notice.execution.workflow_id}")

    def on_process_terminated(self, notice: Notice) -> None:
        self.heard.append(f"-{notice.execution.workflow_id}")


def test_a_listener_hears_what_it_has_methods_for(memory_rig: Rig) -> None:
    few = Few()
    memory_rig.client.listen(few)
    start(memory_rig.engine, "x")
    memory_rig.client.terminate("x")
    until(lambda: few.heard == ["+x", "-x"])


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({"on_proces_started": print}, r"Bad: nothing is named on_proces_started; did you mean "),
        ({"on_everything": print}, "nothing is named on_everything"),
    ],
)
def test_a_method_for_what_never_happens_is_refused(body: dict[str, Any], says: str) -> None:
    with pytest.raises(InvalidOptionError, match=says) as raised:
        type("Bad", (Listener,), body)
    assert "\n" not in str(raised.value)


async def _hear(self: object, notice: Notice) -> None: ...


async def _hear_all(notice: Notice) -> None: ...


def test_what_could_never_hear_is_refused(service: Engine) -> None:
    with pytest.raises(InvalidOptionError, match=r"Bad.on_process_started is async"):
        type("Bad", (Listener,), {"on_process_started": _hear})
    refused: list[tuple[Any, str]] = [
        (Few, r"Few is a class; give an instance of it: Few\(\)"),
        (3, "3 cannot listen"),
        (_hear_all, "_hear_all is async"),
    ]
    for listener, says in refused:
        with pytest.raises(InvalidOptionError, match=says):
            service.listen(listener)
        with pytest.raises(InvalidOptionError, match=says):
            use_listener(listener)


# -- who may not speak to the engine -------------------------------------------------------


@contextmanager
def speaking_up(client: Client) -> Iterator[None]:
    CLIENTS.append(client)
    try:
        yield
    finally:
        CLIENTS.clear()


CLIENTS: list[Client] = []


@workflow
def loud() -> str:
    try:
        CLIENTS[0].signal("nobody", "hello")
    except UsageError as error:
        return str(error)
    sleep(3600)
    return "unheard"


def test_code_that_decides_cannot_wait_for_the_engine_that_waits_for_it(memory_rig: Rig) -> None:
    with speaking_up(memory_rig.client), memory_rig.worker(loud):
        said = memory_rig.client.start(loud).result(timeout=20)
    assert "cannot speak to the engine, which waits for it" in said


def test_requests_that_race_a_close_are_answered_all() -> None:
    """None is left waiting for ever, whichever way the race goes."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for _ in range(20):
            engine = Engine(MemoryStore())
            start(engine, "first")
            ends: list[str] = []

            def ask(engine: Engine = engine, ends: list[str] = ends) -> None:
                try:
                    for number in range(50):
                        start(engine, f"more-{number}-{threading.get_ident()}")
                except StoreUnavailableError:
                    pass
                ends.append("done")

            threads = [threading.Thread(target=ask, daemon=True) for _ in range(3)]
            for thread in threads:
                thread.start()
            engine.close()
            for thread in threads:
                thread.join(20)
            assert len(ends) == 3
    finally:
        sys.setswitchinterval(before)


@pytest.fixture(autouse=True)
def _quiet(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
