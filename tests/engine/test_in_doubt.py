"""A commit is made, and its answer is lost: what it did must not be stuck for that."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from partita import update, wait_signal, workflow
from partita.client import Client
from partita.engine import Engine, catalogue
from partita.engine.leases import new_worker
from partita.engine.timing import Timing
from partita.errors import StoreUnavailableError, WaitTimeoutError, WorkflowTerminatedError
from partita.history import ActivityTaskRescheduled, AnyEvent, WorkflowExecution
from partita.ports.catalogue import WORKER
from partita.ports.service import DecisionTask
from partita.ports.store import News, Record
from partita.stores.sqlite.store import SqliteStore
from partita.testing.clock import Clock
from partita.testing.conformance import FLOW, charge, start, started
from partita.worker import Worker
from tests.conftest import until
from tests.engine.test_engine import SilentHost


class Lossy(SqliteStore):
    """A store that makes one commit with such an event, and says that it does not know."""

    loses = ""

    @contextmanager
    def transaction(self) -> Iterator[Any]:
        kinds: set[str] = set()
        with super().transaction() as transaction:
            write = transaction.write

            def noting(states: Any) -> None:
                written = list(states)
                kinds.update(event.event_type for one in written for event in one.new_events)
                write(written)

            transaction.write = noting  # type: ignore[method-assign]
            yield transaction
        if self.loses in kinds:
            self.loses = ""
            raise StoreUnavailableError("lost during a commit: may or may not have been done")


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    made = Engine(Lossy(tmp_path / "x.db"))
    yield made
    made.close()


def lose(engine: Engine, event_type: str) -> None:
    assert isinstance(engine.store, Lossy)
    engine.store.loses = event_type


def test_what_was_given_out_by_a_lost_commit_is_given_out_again(engine: Engine) -> None:
    host = SilentHost()
    engine.attach(host)
    lose(engine, "ActivityTaskStarted")
    with pytest.raises(StoreUnavailableError):
        started(engine, charge(), workflow_id="w")
    until(lambda: host.tasks)
    engine.complete_activity(host.tasks[0].token, "1")
    events = engine.history("default", WorkflowExecution("w", ""))
    back = [event for event in events if isinstance(event, ActivityTaskRescheduled)]
    assert [event.cause for event in back] == ["GIVEN_BACK"]
    assert len(host.tasks) == 1


class Remembering(SilentHost):
    """A host that decides, and keeps in mind what for."""

    def __init__(self) -> None:
        super().__init__()
        self.alive: set[str] = set()

    def workflow_keys(self) -> tuple[str, ...]:
        return (FLOW.key,)

    def decide(self, task: DecisionTask) -> list[Any]:
        self.alive.add(task.workflow_execution.run_id)
        return []

    def forget(self, run_id: str) -> None:
        self.alive.discard(run_id)


def test_who_is_not_attached_after_all_forgets_what_it_has_decided(engine: Engine) -> None:
    host = Remembering()
    start(engine)
    lose(engine, "DecisionTaskCompleted")
    with pytest.raises(StoreUnavailableError):
        engine.attach(host)
    assert host.alive == set()


def test_who_waits_hears_of_an_end_whose_commit_was_lost(engine: Engine) -> None:
    execution = start(engine)

    def end() -> None:
        until(lambda: engine._scheduler.waiters._closings)
        lose(engine, "WorkflowExecutionTerminated")
        with pytest.raises(StoreUnavailableError):
            engine.terminate_workflow_execution("default", execution, None)

    with ThreadPoolExecutor(1) as pool:
        ended = pool.submit(end)
        assert engine.wait_closed("default", execution, 20.0) is not None
        ended.result()


class Away(SqliteStore):
    """A store that cannot be read for some time."""

    away: Counter[str]

    def _leave(self, read: str) -> None:
        if self.away[read]:
            self.away[read] -= 1
            raise StoreUnavailableError("it is away; wait until it is back")

    def find(self, domain: str, workflow_id: str, run_id: str | None) -> Record | None:
        self._leave("find")
        return super().find(domain, workflow_id, run_id)

    def events(self, run: int, after: int) -> list[AnyEvent]:
        self._leave("events")
        return super().events(run, after)

    def open_among(self, runs: Collection[int]) -> set[int]:
        self._leave("open_among")
        return super().open_among(runs)


@pytest.mark.parametrize("read", ["find", "events", "open_among"])
def test_who_waits_for_a_result_outlasts_an_outage(read: str, tmp_path: Path) -> None:
    store, other = Away(tmp_path / "x.db"), Engine(SqliteStore(tmp_path / "x.db"))
    store.away = Counter()
    with Client(Engine(store)) as client, ThreadPoolExecutor(1) as pool:
        start(other, "w")
        waiting = pool.submit(client.result, "w")
        until(lambda: client.service._scheduler.waiters._closings)  # type: ignore[attr-defined]
        store.away[read] = 3
        other.terminate_workflow_execution("default", WorkflowExecution("w", ""), None)
        assert isinstance(waiting.exception(20), WorkflowTerminatedError)
        assert not store.away[read]
        store.away["find"] = 1
        with pytest.raises(StoreUnavailableError, match="it is away"):
            client.result("w")  # who begins to wait hears at once
    other.close()


class Unwell(SqliteStore):
    """A store that fails once at a look, or at writing down a worker."""

    fails = ""

    def _fail(self, when: str) -> None:
        if self.fails == when:
            self.fails = ""
            raise StoreUnavailableError("it is away; wait until it is back")

    def changed(self) -> News:
        self._fail("look")
        return super().changed()

    @contextmanager
    def transaction(self) -> Iterator[Any]:
        with super().transaction() as transaction:
            enter = transaction.enter

            def entering(kind: str, *given: Any) -> None:
                enter(kind, *given)
                if kind == WORKER:
                    self._fail("renewal")

            transaction.enter = entering  # type: ignore[method-assign,assignment]
            yield transaction


def rescheduled(engine: Engine) -> list[str]:
    events = engine.history("default", WorkflowExecution("w", ""))
    return [event.cause for event in events if isinstance(event, ActivityTaskRescheduled)]


def test_what_runs_is_not_taken_back_because_a_look_failed(tmp_path: Path) -> None:
    store, host = Unwell(tmp_path / "x.db"), SilentHost()
    engine = Engine(store)
    engine.attach(host)
    started(engine, charge(), workflow_id="w")
    until(lambda: host.tasks)
    store.fails = "look"
    until(lambda: not store.fails)
    engine.complete_activity(host.tasks[0].token, "1")
    assert rescheduled(engine) == []
    engine.close()


def test_who_leaves_after_a_renewal_that_failed_gives_back_what_it_held(tmp_path: Path) -> None:
    store, host, clock = Unwell(tmp_path / "x.db"), SilentHost(), Clock()
    engine = Engine(store, clock=clock)
    engine.attach(host)
    started(engine, charge(), workflow_id="w")
    until(lambda: host.tasks)
    store.fails = "renewal"
    clock.advance(5)
    until(lambda: not store.fails)
    engine.detach()
    assert rescheduled(engine) == ["GIVEN_BACK"]
    assert catalogue.workers(store) == []
    engine.close()


def test_who_is_taken_for_dead_while_it_ends_takes_nothing_new(tmp_path: Path) -> None:
    store, host, clock = SqliteStore(tmp_path / "x.db"), SilentHost(), Clock()
    engine = Engine(store, clock=clock)
    engine.attach(host)
    engine.pause()
    (before,) = catalogue.workers(store)
    other = SqliteStore(tmp_path / "x.db")
    with other.transaction() as transaction:
        assert catalogue.drop_worker(transaction, before)
    clock.advance(5)
    until(lambda: {worker.id for worker in catalogue.workers(store)} - {before.id})
    started(engine, charge(), workflow_id="w")
    assert not engine._scheduler.is_serving
    assert host.tasks == []
    other.close()
    engine.close()


@workflow
def answers() -> None:
    @update
    def double(number: int) -> int:
        return 2 * number

    wait_signal("end")


@pytest.mark.parametrize("read", ["find", "events"])
def test_who_waits_for_the_answer_to_an_update_outlasts_an_outage(
    read: str, tmp_path: Path
) -> None:
    store, other = Away(tmp_path / "x.db"), Engine(SqliteStore(tmp_path / "x.db"))
    store.away = Counter()
    with Client(Engine(store)) as client, ThreadPoolExecutor(1) as pool:
        handle = Client(other).start(answers)
        waiting = pool.submit(client.update, handle.workflow_id, "double", [4], timeout=60)
        until(lambda: "WorkflowExecutionSignaled" in {one.event_type for one in handle.history()})
        store.away[read] = 3
        with Worker(other, workflows=[answers], activities=[]):
            assert waiting.result(60) == 8
        assert not store.away[read]
    other.close()


@pytest.mark.parametrize("closes", [True, False])
def test_a_wait_that_ends_during_an_outage_says_so(closes: bool, tmp_path: Path) -> None:
    store = Away(tmp_path / "x.db")
    store.away = Counter(find=0)
    with Client(Engine(store)) as client, ThreadPoolExecutor(1) as pool:
        execution = start(client.service, "w")
        waiting = pool.submit(client.result, "w", timeout=2.0)
        until(lambda: client.service._scheduler.waiters._closings)  # type: ignore[attr-defined]
        store.away["find"] = 1_000_000
        if closes:
            client.service.terminate_workflow_execution("default", execution, None)
        error = waiting.exception(20)
    assert isinstance(error, WaitTimeoutError)
    assert str(error).startswith("execution 'w' was not done within 2.0 s, as far as can be told: ")
    assert isinstance(error.__cause__, StoreUnavailableError)


class Gone(SqliteStore):
    """A store that refuses transactions for some time, and counts how many."""

    is_gone = False
    refused = 0

    @contextmanager
    def transaction(self) -> Iterator[Any]:
        if self.is_gone:
            self.refused += 1
            raise StoreUnavailableError("it is gone; wait until it is back")
        with super().transaction() as transaction:
            yield transaction


def test_after_an_outage_others_have_time_to_renew_their_leases(tmp_path: Path) -> None:
    clock, store = Clock(1000.0), Gone(tmp_path / "x.db")
    engine = Engine(store, clock=clock, timing=Timing(lease=10.0))
    engine.attach(SilentHost())
    other = replace(new_worker(1005.0), machine="elsewhere")
    with store.transaction() as transaction:
        catalogue.put_worker(transaction, other)
    store.is_gone = True
    clock.advance(40)
    engine.wake()
    until(lambda: store.refused)
    store.is_gone = False
    clock.advance(1)
    start(engine, "first")
    assert other in catalogue.workers(store)  # which may be alive
    clock.advance(11)
    start(engine, "later")
    assert other not in catalogue.workers(store)
    engine.close()


def test_an_outage_is_said_once_and_so_is_its_end(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store = Gone(tmp_path / "x.db")
    engine = Engine(store, timing=Timing(lease=0.3))
    engine.attach(SilentHost())
    store.is_gone = True
    until(lambda: store.refused >= 5)
    store.is_gone = False
    until(lambda: "again, after" in caplog.text)
    assert [line.partition(", ")[0] for line in caplog.messages] == [
        "the database cannot be used",
        "the database can be used again",
    ]
    engine.close()
