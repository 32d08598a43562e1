"""Pauses on every store: large executions, forks, other engines, resumes that are interrupted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from partita import activity, workflow
from partita.client import Client
from partita.engine import Engine, pauses
from partita.engine.timing import Timing
from partita.ports.catalogue import LimitRecord
from partita.ports.service import ForkRequest, PauseKind
from partita.ports.state import PAUSED, Paused
from partita.ports.store import Store
from partita.stores.postgres.store import PostgresStore
from partita.stores.sqlite.store import SqliteStore
from partita.testing.conformance import DOMAIN, FLOW, activity_task, answer, charge, started
from partita.worker import Worker
from tests.postgres import schemas

TYPE = PauseKind.TYPE


@pytest.fixture
def engine(store: Store) -> Iterator[Engine]:
    made = Engine(store)
    yield made
    made.close()


@pytest.fixture(params=["sqlite", "postgres"])
def two(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Engine, Engine]]:
    """Two engines on one database."""
    url = schemas().url() if request.param == "postgres" else ""
    made = [Engine(PostgresStore(url) if url else SqliteStore(tmp_path / "x.db")) for _ in range(2)]
    yield made[0], made[1]
    for one in made:
        one.close()


def _left(engine: Engine) -> int:
    """Return how many activities a worker is given now."""
    count = 0
    while engine.poll_activity_task(DOMAIN, "default") is not None:
        count += 1
    return count


def test_a_large_execution_is_paused_whole(engine: Engine) -> None:
    execution = started(engine, *(charge(str(number)) for number in range(200)))
    task = activity_task(engine)
    engine.pause_workflow_execution(DOMAIN, execution, None)
    assert _left(engine) == 0
    engine.complete_activity(task.token, None)
    queues = {one.queue for one in engine.describe(DOMAIN, execution).activities}
    assert queues == {PAUSED}
    assert engine.backlogs(DOMAIN) == []
    assert engine.store.check() == []
    engine.resume_workflow_execution(DOMAIN, execution)
    assert _left(engine) == 199
    answer(engine)


def test_a_fork_of_a_paused_execution_is_not_paused(engine: Engine) -> None:
    execution = started(engine, charge())
    engine.pause_workflow_execution(DOMAIN, execution, None)
    id = execution.workflow_id
    fork = engine.fork_workflow_execution(ForkRequest(workflow_id=id, new_workflow_id=f"{id}-2"))
    answer(engine, charge())
    assert activity_task(engine).workflow_execution == fork
    engine.pause_workflow_execution(DOMAIN, fork, None)
    reset = engine.fork_workflow_execution(ForkRequest(workflow_id=fork.workflow_id))
    assert engine.describe(DOMAIN, reset).info.paused is None


def test_a_resume_of_a_type_that_was_interrupted_is_repeated(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = [started(engine, charge()) for _ in range(5)]
    engine.pause_work(DOMAIN, TYPE, FLOW.name, None)
    assert _left(engine) == 0
    batches = iter(range(2))
    batch = pauses._batch

    def interrupted(*given: object) -> tuple[int, bool]:
        if next(batches, None) is None:
            raise ConnectionError("killed")
        return batch(*given)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(pauses, "BATCH", 1)
        patch.setattr(pauses, "_batch", interrupted)
        with pytest.raises(ConnectionError):
            engine.resume_work(DOMAIN, TYPE, FLOW.name)
    [found] = engine.pauses(DOMAIN)
    assert found.resuming
    assert _left(engine) == 2
    assert engine.resume_work(DOMAIN, TYPE, FLOW.name)
    assert _left(engine) == 3
    assert engine.pauses(DOMAIN) == []
    assert len(runs) == 5


def test_a_type_that_is_paused_again_while_it_is_resumed_stays_paused(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    started(engine, charge())
    engine.pause_work(DOMAIN, TYPE, FLOW.name, None)
    put_back = engine._put_back

    def pausing(domain: str, type_name: str) -> None:
        engine.pause_work(domain, TYPE, type_name, "again")
        put_back(domain, type_name)

    monkeypatch.setattr(engine, "_put_back", pausing)
    engine.resume_work(DOMAIN, TYPE, FLOW.name)
    [found] = engine.pauses(DOMAIN)
    assert (found.reason, found.resuming) == ("again", False)
    assert _left(engine) == 0


def test_an_engine_that_has_not_heard_of_a_resume_parks_nothing(
    two: tuple[Engine, Engine],
) -> None:
    first, second = two
    started(first, charge())
    record = LimitRecord(
        domain=DOMAIN, task_list=f"$type {FLOW.name}", type_name=FLOW.name, paused=Paused(since=1.0)
    )
    second._scheduler.inbox.ask(
        lambda tx: tx.executions.cache.limits.update({DOMAIN: {record.task_list: record}})
    )
    assert second.poll_activity_task(DOMAIN, "default", wait=20) is not None


def test_another_engine_hears_of_pauses(two: tuple[Engine, Engine]) -> None:
    first, second = two
    assert second.poll_activity_task(DOMAIN, "default") is None  # it knows that nothing is paused
    started(first, charge())
    execution = started(first, charge("b"))
    first.pause_workflow_execution(DOMAIN, execution, None)
    first.pause_work(DOMAIN, PauseKind.TASK_LIST, "default", None)
    second._scheduler.inbox.ask(lambda tx: tx.executions.cache.limits.clear())
    assert second.poll_activity_task(DOMAIN, "default") is None
    second.resume_work(DOMAIN, PauseKind.TASK_LIST, "default")
    task = first.poll_activity_task(DOMAIN, "default", wait=20)
    assert task is not None
    assert task.workflow_execution != execution
    second.resume_workflow_execution(DOMAIN, execution)
    task = first.poll_activity_task(DOMAIN, "default", wait=20)
    assert task is not None
    assert task.workflow_execution == execution


@activity
def one(x: int) -> int:
    return x


@workflow
def steps(n: int) -> int:
    return sum(one(number) for number in range(n))


def test_a_step_reads_no_pauses_while_nothing_is_paused(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "x.db")
    engine = Engine(store, timing=Timing())
    client, texts = Client(engine), Counter[str]()
    with Worker(engine, workflows=[steps], activities=[one]):
        client.start(steps, 5).result(timeout=60)
        store._writer.set_trace_callback(lambda text: texts.update([text]))
        assert client.start(steps, 100).result(timeout=60) == 4950
        store._writer.set_trace_callback(None)
    engine.close()
    assert sum(count for text, count in texts.items() if "'limit'" in text) < 5
    assert sum(count for text, count in texts.items() if "batches" in text) > 100
