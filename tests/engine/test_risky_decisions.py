"""A decision that kills its worker leaves a trace, so that it cannot kill one after the other."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from partita import activity, wait_signal, workflow
from partita.client import Client, Handle
from partita.engine import Engine, catalogue
from partita.engine.transaction import EngineTransaction
from partita.errors import StoreFullError
from partita.history import WorkflowExecution
from partita.ports.catalogue import WorkerRecord
from partita.ports.service import DecisionTask
from partita.ports.state import OpenDecision
from partita.ports.store import Store
from partita.rules.commands import Signal
from partita.stores.memory import MemoryStore
from partita.worker import Worker
from tests.conftest import STORES, new_store, until


@activity
def double(number: int) -> int:
    return 2 * number


@workflow
def waits(number: int) -> int:
    number = double(number)
    return double(number) + wait_signal("more", int)


class Witness(Worker):
    """A worker that notes, while it decides, how its task stands in the store."""

    def __init__(self, engine: Engine, **options: Any) -> None:
        super().__init__(engine, workflows=[waits], activities=[double], **options)
        self.store = engine.store
        self.held: list[bool] = []

    def decide(self, task: DecisionTask) -> Any:
        record = self.store.find("default", task.workflow_execution.workflow_id, None)
        items = [] if record is None else self.store.items(record.run)
        found = [item for item in items if isinstance(item, OpenDecision)]
        self.held.append(bool(found and found[0].owner))
        return super().decide(task)


@pytest.fixture(params=STORES)
def shared(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    made = new_store(request.param, tmp_path)
    yield made
    made.close()


def bury(store: Store) -> None:
    """Leave the record of a worker that is dead."""
    dead = WorkerRecord(id="dead", machine="elsewhere", pid=1, born="", lease_until=1.0)
    with store.transaction() as transaction:
        catalogue.put_worker(transaction, dead)


def finish(handle: Handle[int]) -> int:
    handle.signal("more", 1)
    return handle.result(timeout=30)


def test_after_a_death_unknown_runs_are_taken_before_they_are_decided(shared: Store) -> None:
    bury(shared)
    engine = Engine(shared)
    client = Client(engine)
    handles = [client.start(waits, number) for number in range(3)]
    worker = Witness(engine)
    with worker:
        assert [finish(handle) for handle in handles] == [1, 5, 9]
    assert worker.held[:3] == [True, True, True]
    assert not any(worker.held[3:]), "those that are alive here cost one commit again"
    kinds = [event.event_type for event in handles[0].history()]
    assert kinds[1:4] == ["DecisionTaskScheduled", "DecisionTaskStarted", "DecisionTaskCompleted"]
    engine.close()


def test_in_good_times_nothing_is_taken_before(shared: Store) -> None:
    engine = Engine(shared)
    handle = Client(engine).start(waits, 2)
    worker = Witness(engine)
    with worker:
        assert finish(handle) == 9
    assert not any(worker.held)
    engine.close()


def test_what_comes_while_a_task_is_held_is_not_lost(shared: Store) -> None:
    bury(shared)
    engine = Engine(shared)
    handle = Client(engine).start(waits, 2)

    class Impatient(Witness):
        def seen(self, run_id: str) -> int:
            if not sent:  # this is asked in the transaction that takes the task
                sent.append(True)
                engine._scheduler.inbox.post(signal, lambda _: None)
            return super().seen(run_id)

    def signal(tx: EngineTransaction) -> None:
        tx.do(tx.open("default", execution), Signal(signal_name="more", input="1"))

    execution = WorkflowExecution(handle.workflow_id, handle.run_id)
    sent: list[bool] = []
    with Impatient(engine):
        assert handle.result(timeout=30) == 9
    kinds = [event.event_type for event in handle.history()]
    assert kinds[2:6] == [
        "DecisionTaskStarted",
        "WorkflowExecutionSignaled",
        "DecisionTaskScheduled",
        "DecisionTaskCompleted",
    ]
    engine.close()


def test_a_held_task_is_given_back_at_the_end(shared: Store) -> None:
    bury(shared)
    engine = Engine(shared)
    handle = Client(engine).start(waits, 2)

    class Leaving(Witness):
        def seen(self, run_id: str) -> int:
            engine._scheduler.inbox.post(hold, lambda _: None)
            return super().seen(run_id)

    def hold(_: EngineTransaction) -> None:
        attachment = engine._scheduler._attachment
        assert attachment is not None
        attachment.dispatcher.paused = True

    Leaving(engine).start()
    until(lambda: "DecisionTaskStarted" in [e.event_type for e in handle.history()])
    engine.detach()
    with Witness(engine):
        assert finish(handle) == 9
    engine.close()


class RefusingStore(MemoryStore):
    """A store that refuses the next so many writes."""

    refusals = 0

    def write(self, states: Any) -> None:
        if self.refusals:
            self.refusals -= 1
            raise StoreFullError("no room left on the disk of a test")
        super().write(states)


def test_a_held_task_is_answered_though_a_commit_failed() -> None:
    store = RefusingStore()
    bury(store)
    engine = Engine(store)
    handle = Client(engine).start(waits, 2)

    class Unlucky(Witness):
        def decide(self, task: DecisionTask) -> Any:
            store.refusals = 2 if not self.held else store.refusals
            return super().decide(task)

    with Unlucky(engine):
        until(lambda: "DecisionTaskCompleted" in [e.event_type for e in handle.history()])
        assert finish(handle) == 9
    assert store.refusals == 0
    engine.close()
