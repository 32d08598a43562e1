"""The engine itself: one commit per step, leases, failed transactions, many threads."""

from __future__ import annotations

import threading
import time
from collections.abc import Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from partita import WorkflowDefinition, activity, query, wait_signal, workflow
from partita import history as h
from partita.client import Client, Handle
from partita.engine import Engine, catalogue
from partita.engine import dispatcher as dispatch
from partita.engine.leases import new_worker
from partita.engine.timing import Timing
from partita.engine.transaction import EngineTransaction
from partita.errors import (
    PartitaError,
    StoreFullError,
    StoreUnavailableError,
    TaskLostError,
    WorkflowFailedError,
)
from partita.ports.service import ReusePolicy, StartRequest
from partita.ports.state import Status
from partita.ports.store import Store
from partita.rules.commands import CompleteDecisionTask, Terminate
from partita.stores.memory import MemoryStore
from partita.stores.sqlite.store import SqliteStore
from partita.testing import Clock
from partita.testing.conformance import CHARGE, DOMAIN, FLOW, charge, kinds, started, status
from partita.worker import Worker
from tests.conftest import until


@activity
def bump(x: int) -> int:
    return x + 1


@workflow
def climb(steps: int) -> int:
    at = 0
    for _ in range(steps):
        at = bump(at)
    return at


class CountingStore(MemoryStore):
    """A store that counts its writing transactions, and can refuse them."""

    def __init__(self) -> None:
        super().__init__()
        self.writes = 0
        self.failed = 0
        self.fail_every = 0  # each so many writes, one fails

    def write(self, states: Any) -> None:
        if self.fail_every and (self.writes + self.failed) % self.fail_every == 0:
            self.failed += 1
            raise StoreFullError("no room left on the disk of a test")
        self.writes += 1
        super().write(states)


def worker(engine: Engine, *workflows: WorkflowDefinition[..., Any]) -> Worker:
    return Worker(engine, workflows=workflows or (climb,), activities=[bump])


def climb_over_failures(engine: Engine, store: CountingStore) -> Handle[int]:
    """Climb ten steps while one commit of four fails."""
    failing = threading.Event()

    @activity(name="bump")
    def bump_once_it_fails(x: int) -> int:
        failing.wait()
        return x + 1

    with Worker(engine, workflows=[climb], activities=[bump_once_it_fails]):
        handle = Client(engine).start(climb, 10)
        store.fail_every = 4
        failing.set()
        assert handle.result(timeout=60) == 10
        store.fail_every = 0
    assert store.failed > 0
    return handle


def test_a_step_is_one_commit() -> None:
    store = CountingStore()
    engine = Engine(store)
    with worker(engine):
        assert Client(engine).start(climb, 50).result(timeout=20) == 50
    engine.close()
    assert store.writes == 51  # the start with the first decision, then one for each step


def test_a_commit_that_fails_is_as_if_nothing_had_been_seen() -> None:
    store = CountingStore()
    engine = Engine(store)
    handle = climb_over_failures(engine, store)
    completed = [name for name in kinds(engine, _execution(handle)) if name.endswith("kCompleted")]
    assert completed.count("ActivityTaskCompleted") == 10
    engine.close()


def _execution(handle: Any) -> h.WorkflowExecution:
    return h.WorkflowExecution(handle.workflow_id, handle.run_id)


def test_a_request_hears_that_its_transaction_failed() -> None:
    store = CountingStore()
    engine = Engine(store)
    store.fail_every = 1
    with pytest.raises(StoreFullError):
        Client(engine).start(climb, 1)
    store.fail_every = 0
    assert Client(engine).list().executions == ()
    Client(engine).start(climb, 1)
    engine.close()


def test_a_bug_in_one_request_does_not_end_the_engine() -> None:
    class BrokenStore(MemoryStore):
        broken = True

        @contextmanager
        def transaction(self) -> Iterator[Any]:
            if self.broken:
                raise ZeroDivisionError("a bug")
            with super().transaction() as transaction:
                yield transaction

    store = BrokenStore()
    engine = Engine(store)
    with pytest.raises(PartitaError, match="the engine broke: ZeroDivisionError"):
        Client(engine).start(climb, 1)
    store.broken = False
    assert Client(engine).start(climb, 1).workflow_id
    engine.close()


def test_a_workflow_that_blocks_is_named(caplog: pytest.LogCaptureFixture) -> None:
    engine = Engine(MemoryStore(), timing=Timing(slow_decision=0.0))
    with worker(engine):
        Client(engine).start_with(climb, (1,), workflow_id="slow").result(timeout=20)
    engine.close()
    assert "climb@1 of execution slow took" in caplog.text


def test_a_query_that_blocks_is_named(caplog: pytest.LogCaptureFixture) -> None:
    @workflow
    def asked() -> None:
        @query
        def how() -> str:
            return "well"

        wait_signal("end")

    engine = Engine(MemoryStore(), timing=Timing(slow_query=0.0))
    with Worker(engine, workflows=[asked], activities=[]):
        handle = Client(engine).start_with(asked, (), workflow_id="slow")
        assert handle.query("how") == "well"
        handle.terminate()
    engine.close()
    assert "query how of execution slow took" in caplog.text


def test_a_bug_in_a_report_is_told_and_does_not_end_the_engine() -> None:
    engine = Engine(MemoryStore())
    heard: list[PartitaError] = []

    def broken(_: Any) -> None:
        raise ZeroDivisionError("a bug")

    def deaf(error: PartitaError) -> None:
        heard.append(error)
        raise ZeroDivisionError("another bug")

    entered, go_on = threading.Event(), threading.Event()

    def hold(_: Any) -> None:
        entered.set()
        go_on.wait(20)

    engine._scheduler.inbox.post(hold, heard.append)
    assert entered.wait(20)
    engine._scheduler.inbox.post(broken, deaf)
    followers = engine._scheduler.inbox.submit(lambda _: "acknowledged")  # in the same transaction
    go_on.set()
    assert followers.result(timeout=20) == "acknowledged"
    assert "the engine broke: ZeroDivisionError" in str(heard[0])
    assert Client(engine).start(climb, 1).workflow_id
    engine.close()


class SilentHost:
    """A host that takes activities and never ends them."""

    domain = DOMAIN
    identity = "silent"
    task_lists: Collection[str] = ("default",)

    def __init__(self) -> None:
        self.tasks: list[Any] = []
        self.was_lost = False

    def workflow_keys(self) -> tuple[str, ...]:
        return ()

    def activity_keys(self) -> tuple[str, ...]:
        return (CHARGE.key,)

    def is_lent(self, activity_key: str) -> bool:
        return False

    def seen(self, run_id: str) -> int:
        return 0

    def decide(self, task: Any) -> list[Any]:
        raise AssertionError("it decides for nothing")

    def query(self, *asked: object) -> str:
        return "null"

    def decision_failed(self, task: Any, error: Any) -> None: ...

    def forget(self, run_id: str) -> None: ...

    def is_busy(self) -> bool:
        return False

    def holds(self, token: str) -> bool:
        return any(task.token == token for task in self.tasks)

    def given_back(self, activity_id: str) -> None: ...

    def free_slots(self) -> int:
        return 10 - len(self.tasks)

    def start_tasks(self, tasks: Any) -> None:
        self.tasks += tasks

    def short_call(self, tasks: Any, *, is_alone: bool) -> None: ...

    def leave_runs(self) -> Any:
        return lambda: None

    def lost(self) -> None:
        self.was_lost = True

    def detached(self) -> None: ...


def freeze(engine: Engine) -> None:
    """Let an engine's worker renew its lease no more, and be of another machine."""
    with engine.store.transaction() as transaction:
        for found in catalogue.workers(transaction):
            catalogue.put_worker(transaction, replace(found, machine="elsewhere"))
    attachment = engine._scheduler._attachment
    assert attachment is not None
    attachment._next_renewal = attachment._next_reap = float("inf")


def test_what_a_silent_worker_held_is_taken_over_when_its_lease_ends(tmp_path: Path) -> None:
    clock = Clock()
    path = tmp_path / "x.db"
    one, other = (
        Engine(SqliteStore(path), clock=clock, timing=Timing(lease=10.0)) for _ in range(2)
    )
    silent = SilentHost()
    one.attach(silent)
    execution = started(one, charge())
    until(lambda: silent.tasks)
    token = silent.tasks[0].token
    freeze(one)
    one.pause()
    successor = SilentHost()
    other.attach(successor)
    assert successor.tasks == []
    clock.advance(10.5)
    until(lambda: successor.tasks)
    with pytest.raises(TaskLostError):
        one.complete_activity(token, "1")
    assert "ActivityTaskRescheduled" in kinds(other, execution)
    one.close()
    other.close()


def test_a_worker_that_could_not_begin_is_not_served() -> None:
    store = CountingStore()
    engine = Engine(store)
    Client(engine).start(climb, 1)
    store.fail_every = 1
    with pytest.raises(StoreFullError):
        worker(engine).start()
    store.fail_every = 0
    assert not engine.standing().is_serving
    handle = Client(engine).start(climb, 2)
    with worker(engine):
        assert handle.result(timeout=60) == 2
    engine.close()


def test_who_comes_after_a_worker_that_was_held_back_is_served() -> None:
    engine = Engine(MemoryStore())
    with worker(engine):
        engine.pause()
        with worker(engine):
            assert Client(engine).start(climb, 1).result(timeout=60) == 1
    engine.close()


def test_detaching_gives_back_without_counting_the_attempt(tmp_path: Path) -> None:
    engine = Engine(SqliteStore(tmp_path / "x.db"))
    silent = SilentHost()
    engine.attach(silent)
    execution = started(engine, charge())
    until(lambda: silent.tasks)
    engine.detach()
    task = engine.poll_activity_task(DOMAIN, "default")
    assert task is not None
    assert task.attempt == 1
    assert "ActivityTaskRescheduled" in kinds(engine, execution)
    engine.close()


def test_many_threads_share_transactions_and_all_are_heard(tmp_path: Path) -> None:
    engine = Engine(SqliteStore(tmp_path / "x.db"))
    client = Client(engine)
    with worker(engine), ThreadPoolExecutor(16) as pool:
        steps = [number % 40 for number in range(200)]
        handles = list(pool.map(client.start, [climb] * 200, steps))
        assert [handle.result(timeout=30) for handle in handles] == steps
    assert engine.store.check() == []
    engine.close()


def test_two_engines_on_one_file_hear_each_other(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    one, other = Engine(SqliteStore(path)), Engine(SqliteStore(path))
    with worker(one):
        handles = [Client(other).start(climb, 5) for _ in range(20)]
        assert [handle.result(timeout=20) for handle in handles] == [5] * 20
    one.close()
    other.close()


@workflow
def exits() -> int:
    raise SystemExit(3)


def test_sys_exit_in_a_workflow_fails_it_and_nothing_else() -> None:
    engine = Engine(MemoryStore())
    with worker(engine, exits, climb):
        with pytest.raises(WorkflowFailedError, match="SystemExit: 3"):
            Client(engine).start(exits).result(timeout=20)
        assert Client(engine).start(climb, 3).result(timeout=20) == 3
    engine.close()


@workflow
def does_nothing() -> int:
    return 1


def test_an_idle_engine_does_not_spin(tmp_path: Path) -> None:
    """A worker for workflows alone, with nothing to do, only glances at the file."""
    engine = Engine(SqliteStore(tmp_path / "x.db"))
    with Worker(engine, workflows=[does_nothing], activities=[]):
        assert Client(engine).start(does_nothing).result(timeout=20) == 1
        attachment = engine._scheduler._attachment
        assert attachment is not None
        until(lambda: not attachment.dispatcher.is_behind)
        pause = engine._scheduler._pause()
        assert pause is not None
        assert pause > 0
    engine.close()


def test_polling_waits_for_what_another_process_starts(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    one, other = Engine(SqliteStore(path)), Engine(SqliteStore(path))
    with ThreadPoolExecutor(1) as pool:
        polled = pool.submit(one.poll_activity_task, DOMAIN, "default", wait=20)
        started(other, charge())
        assert polled.result(timeout=20) is not None
    one.close()
    other.close()


def test_a_closed_engine_says_so() -> None:
    engine = Engine(MemoryStore())
    engine.close()
    with pytest.raises(StoreUnavailableError, match="closed"):
        Client(engine).start(climb, 1)


def test_a_stranger_with_the_id_of_a_child_that_ended_outlives_the_parent() -> None:
    """All of it in one transaction, as requests that come together share one."""
    engine = Engine(MemoryStore())
    engine.register_workflow_type(DOMAIN, FLOW)
    first, second = (
        h.StartChildWorkflowExecution(workflow_id=id, workflow_type=FLOW, task_list="children")
        for id in "cd"
    )
    parent = started(engine, first, second)
    task = engine.poll_decision_task(DOMAIN, "children")
    assert task is not None
    end = CompleteDecisionTask(
        started_event_id=task.started_event_id, decisions=[h.CompleteWorkflowExecution()]
    )
    again = StartRequest(workflow_id="c", workflow_type=FLOW, reuse_policy=ReusePolicy.ALLOW)

    def work(tx: EngineTransaction) -> h.WorkflowExecution:
        tx.do(tx.held(task.token)[0], end)
        stranger = tx.start(again)
        tx.do(tx.open(DOMAIN, parent), Terminate())
        return stranger

    stranger = engine._scheduler.inbox.ask(work)
    for ended in (parent, h.WorkflowExecution("d", "")):
        assert status(engine, ended) is Status.TERMINATED
    assert status(engine, stranger) is Status.OPEN
    assert status(engine, task.workflow_execution) is Status.COMPLETED
    engine.close()


@workflow
def parent_of(children: int) -> int:
    begun = [does_nothing.submit() for _ in range(children)]
    return sum(child.result() for child in begun)


def test_more_decisions_than_a_transaction_makes_are_made_in_the_next(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(dispatch, "DECISION_LIMIT", 5)
    engine = Engine(MemoryStore())
    handle = Client(engine).start(parent_of, 12)  # waits in the store until a worker comes
    with Worker(engine, workflows=[parent_of, does_nothing], activities=[]):
        assert handle.result(timeout=20) == 12
    engine.close()


def test_the_dead_are_found_though_short_leases_are_renewed_all_the_time(tmp_path: Path) -> None:
    engine = Engine(SqliteStore(tmp_path / "x.db"), timing=Timing(lease=0.5))
    silent = replace(new_worker(time.time() + 0.5), id="silent", born="")
    engine.transact(lambda tx: catalogue.put_worker(tx.stored, silent))
    with worker(engine):
        until(lambda: "silent" not in {one.id for one in catalogue.workers(engine.store)})
    engine.close()


def test_timers_of_one_moment_fire_in_the_order_in_which_they_began(store: Store) -> None:
    clock = Clock()
    engine = Engine(store, clock=clock)
    begun = [h.StartTimer(timer_id=id, start_to_fire=5.0) for id in "bca"]
    execution = started(engine, *begun)
    clock.advance(5)
    engine.poll_activity_task(DOMAIN, "nobody's")
    fired = [one for one in engine.history(DOMAIN, execution) if isinstance(one, h.TimerFired)]
    assert [one.timer_id for one in fired] == ["b", "c", "a"]
    engine.close()
