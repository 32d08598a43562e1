"""Workers that only decide and workers that only act do together what one does alone."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from partita import activity, workflow
from partita.client import Client, Handle
from partita.client.fallbacks import waits_of
from partita.engine import Engine
from partita.history import ActivityTaskStarted, DecisionTaskStarted, WorkflowExecution
from partita.stores.memory import MemoryStore
from partita.stores.postgres.store import PostgresStore
from partita.stores.sqlite.store import SqliteStore
from partita.worker import PollingWorker, Worker
from tests.conftest import Rig
from tests.postgres import server


@activity
def add(total: int, number: int) -> int:
    return total + number


@workflow
def sums(count: int) -> int:
    total = 0
    for number in range(count):
        total = add(total, number)
    return total


@pytest.fixture(params=["sqlite", "postgres"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[], Engine]]:
    """Make engines that share a store, as processes would."""
    made: list[Engine] = []
    url = server().url() if request.param == "postgres" else ""

    def make() -> Engine:
        store = PostgresStore(url) if url else SqliteStore(tmp_path / "x.db")
        made.append(Engine(store))
        return made[-1]

    yield make
    for one in made:
        one.close()


def who(handle: Handle[int]) -> tuple[set[str | None], set[str | None]]:
    """Return who has decided, and who has acted."""
    events = handle.history()
    return (
        {event.identity for event in events if isinstance(event, DecisionTaskStarted)},
        {event.identity for event in events if isinstance(event, ActivityTaskStarted)},
    )


def test_each_does_its_part(engine: Callable[[], Engine]) -> None:
    decider = Worker(engine(), workflows=[sums], activities=[add], acts=False, identity="d")
    actor = Worker(engine(), workflows=[sums], activities=[add], decides=False, identity="a")
    with decider, actor:
        handles = [Client(engine()).start(sums, 5) for _ in range(3)]
        assert [handle.result(timeout=60) for handle in handles] == [10, 10, 10]
    assert [who(handle) for handle in handles] == [({"d"}, {"a"})] * 3


def test_what_a_worker_does_not_do_stays_for_others(engine: Callable[[], Engine]) -> None:
    client = Client(engine())
    with Worker(engine(), workflows=[sums], activities=[add], acts=False):
        handle = client.start(sums, 1)
        events = handle.history()
        while not any(event.event_type == "ActivityTaskScheduled" for event in events):
            events += waits_of(client.service).wait_history(
                "default", execution_of(handle), len(events), 30
            )
    (waiting,) = handle.describe().activities
    assert (waiting.queue, waiting.owner) == ("default", None)
    with Worker(engine(), workflows=[sums], activities=[add]):
        assert handle.result(timeout=60) == 0


def execution_of(handle: Handle[int]) -> WorkflowExecution:
    return WorkflowExecution(handle.workflow_id, handle.run_id)


def test_polling_workers_may_do_the_same() -> None:
    service = Engine(MemoryStore())
    handle = Client(service).start(sums, 4)
    decider = PollingWorker(service, workflows=[sums], activities=[add], acts=False, identity="d")
    actor = PollingWorker(service, workflows=[sums], activities=[add], decides=False, identity="a")
    assert not actor.step()
    threads = [threading.Thread(target=one.run) for one in (decider, actor)]
    for thread in threads:
        thread.start()
    assert handle.result(timeout=60) == 6
    decider.stop()
    actor.stop()
    for thread in threads:
        thread.join()
    assert who(handle) == ({"d"}, {"a"})
    service.close()


def test_a_polling_worker_steps_through_what_it_does(memory_rig: Rig) -> None:
    handle = memory_rig.client.start(sums, 1)
    options: dict[str, Any] = {"workflows": [sums], "activities": [add]}
    decider = PollingWorker(memory_rig.engine, acts=False, **options)
    actor = PollingWorker(memory_rig.engine, decides=False, **options)
    assert [decider.step(), decider.step()] == [True, False]
    assert [actor.step(), actor.step()] == [True, False]
    assert decider.step()
    assert handle.result(timeout=1) == 0
