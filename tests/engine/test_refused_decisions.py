"""A decision that no database can keep costs its own execution's progress, and nothing else."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from partita import activity, external, side_effect, workflow
from partita.client import Client, Handle
from partita.engine import Engine
from partita.engine.timing import Timing
from partita.engine.transaction import EngineTransaction
from partita.errors import WaitTimeoutError
from partita.ports.service import DecisionTask, StartRequest
from partita.ports.store import Proposal
from partita.stores.memory import MemoryStore
from partita.stores.sqlite.store import SqliteStore
from partita.testing.conformance.arrange import FLOW, charge, start
from partita.worker import Worker
from tests.conftest import FIRST_DELAY, RunningClock, new_store, until
from tests.engine.test_engine import SilentHost

NO_TEXT = "\ud800"
"""Half a character: JSON and UTF-8 have no bytes for it."""

MENDED = threading.Event()
CLOCK = RunningClock()


@activity
def double(number: int) -> int:
    return 2 * number


@workflow
def good(number: int) -> int:
    return double(double(number))


@workflow
def child() -> None: ...


def spoil(what: str) -> None:
    """Decide what cannot be kept."""
    match what:
        case "task list":
            double.options(task_list=NO_TEXT)(1)
        case "tag":
            child.options(tags=[NO_TEXT])()
        case "signal":
            external("somebody").signal(NO_TEXT)
        case "child's task list":
            child.options(task_list=NO_TEXT)()
        case "NUL in a task list":
            double.options(task_list="a\0b")(1)
        case "NUL in a tag":
            child.options(tags=["a\0b"])()


WAYS = ("task list", "tag", "signal", "child's task list")


@workflow
def bad(what: str, first: bool) -> int:
    number = 1 if first else double(1)
    if not MENDED.is_set():
        spoil(what)
    return double(number)


@pytest.fixture(autouse=True)
def unmended() -> None:
    MENDED.clear()


@pytest.fixture(params=["sqlite", "postgres"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    """An engine whose store writes bytes."""
    made = Engine(new_store(request.param, tmp_path), clock=CLOCK)
    yield made
    made.close()


def mend(engine: Engine) -> None:
    """Mend the code, and have it tried again at once."""
    MENDED.set()
    CLOCK.ahead += FIRST_DELAY
    engine.poll_activity_task("nobody's", "nothing")


def worker(engine: Engine) -> Worker:
    return Worker(engine, workflows=[good, bad, child], activities=[double])


def kinds(handle: Handle[Any]) -> list[str]:
    return [event.event_type for event in handle.history()]


def failures(handle: Handle[Any]) -> list[str]:
    return [str(event) for event in handle.history() if event.event_type == "DecisionTaskFailed"]


def wait_for_failures(handles: Iterable[Handle[Any]]) -> None:
    for handle in handles:
        until(lambda one=handle: failures(one))  # type: ignore[misc]
        assert "what it decides cannot be kept: " in failures(handle)[0]


@pytest.mark.parametrize("what", WAYS)
@pytest.mark.parametrize("first", [False, True])
def test_it_fails_alone_and_says_why(engine: Engine, what: str, first: bool) -> None:
    client = Client(engine)
    with worker(engine):
        handle = client.start(bad, what, first)
        wait_for_failures([handle])
        if not first:
            assert "ActivityTaskCompleted" in kinds(handle), "a result was lost"
        with pytest.raises(WaitTimeoutError, match=r"what it decides cannot be kept: .*surrogates"):
            handle.result(timeout=0.01)
        assert client.start(good, 1).result(timeout=60) == 4
        mend(engine)
        assert handle.result(timeout=60) == (2 if first else 4)


@pytest.mark.parametrize("what", ["NUL in a task list", "NUL in a tag"])
def test_what_a_column_of_postgres_cannot_hold_fails_alone(tmp_path: Path, what: str) -> None:
    engine = Engine(new_store("postgres", tmp_path), clock=CLOCK)
    client = Client(engine)
    with worker(engine):
        handle = client.start(bad, what, False)
        wait_for_failures([handle])
        assert "ActivityTaskCompleted" in kinds(handle), "a result was lost"
        assert client.start(good, 1).result(timeout=60) == 4
        mend(engine)
        assert handle.result(timeout=60) == 4
    engine.close()


def test_those_who_wait_in_one_queue_with_it_go_on(engine: Engine) -> None:
    client = Client(engine)
    goods, bads = [], []
    for number in range(12):
        goods.append(client.start(good, number))
        if number % 4 == 1:
            bads.append(client.start(bad, "tag", bool(number % 8 == 1)))
    with worker(engine):
        assert [one.result(timeout=60) for one in goods] == [4 * n for n in range(12)]
        wait_for_failures(bads)
        mend(engine)
        assert [one.result(timeout=60) for one in bads] == [2, 4, 2]


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_its_code_may_take_long(tmp_path: Path, kind: str) -> None:
    timing = Timing(watchdog_limit=0.0, watchdog_interval=0.0005)
    engine = Engine(new_store(kind, tmp_path), clock=CLOCK, timing=timing)
    client = Client(engine)
    with worker(engine):
        bads = [client.start(bad, "task list", False) for _ in range(8)]
        goods = [client.start(good, number) for number in range(8)]
        assert [one.result(timeout=60) for one in goods] == [4 * n for n in range(8)]
        wait_for_failures(bads)
        mend(engine)
        assert [one.result(timeout=60) for one in bads] == [4] * 8
    engine.close()


class Fickle(SilentHost):
    """A host that decides once what cannot be kept; others are at work as it is asked again."""

    def __init__(self, engine: Engine, meanwhile: Callable[[], object]) -> None:
        super().__init__()
        self._engine = engine
        self._meanwhile = meanwhile
        self._made = 0

    def workflow_keys(self) -> tuple[str, ...]:
        return (FLOW.key,)

    def decide(self, task: DecisionTask) -> list[Any]:
        self._made += 1
        if self._made == 2:
            return [charge(task_list=NO_TEXT)]
        if self._made == 3:
            self._meanwhile()
            until(lambda: not self._engine._scheduler.inbox.is_empty())
        return []


def test_activities_that_come_meanwhile_are_given_out(tmp_path: Path) -> None:
    engine = Engine(SqliteStore(tmp_path / "x.db"), timing=Timing(watchdog_limit=60.0))
    other = start(engine, "other", task_list="elsewhere")
    task = engine.poll_decision_task("default", "elsewhere")
    assert task is not None
    made = [charge(task_list="default")]
    with ThreadPoolExecutor(1) as pool:
        host = Fickle(engine, lambda: pool.submit(engine.complete_decision, task.token, made))
        for number in range(3):
            start(engine, str(number))
        engine.attach(host)
        until(lambda: host.tasks)
    assert host.tasks[0].workflow_execution == other
    engine.close()


class Elusive(SqliteStore):
    """A store that leaves out decision tasks for a time, as if others held them just then."""

    hides = False

    @contextmanager
    def transaction(self) -> Iterator[Any]:
        with super().transaction() as transaction:
            queued = transaction.queued

            def shown(kind: str, *which: Any) -> list[Any]:
                return [] if self.hides and kind == "decision" else queued(kind, *which)

            transaction.queued = shown  # type: ignore[method-assign, assignment]
            yield transaction


class Spoiling(SilentHost):
    """A host that decides only what cannot be kept; once it is found, it is out of sight."""

    def __init__(self, store: Elusive) -> None:
        super().__init__()
        self._store = store
        self._made = 0
        self.failed: list[str] = []

    def workflow_keys(self) -> tuple[str, ...]:
        return (FLOW.key,)

    def decide(self, task: DecisionTask) -> list[Any]:
        self._made += 1
        self._store.hides = self._made == 2
        return [charge(task_list=NO_TEXT)]

    def decision_failed(self, task: DecisionTask, error: Any) -> None:
        self.failed.append(task.workflow_execution.workflow_id)


def test_one_that_is_found_and_not_answered_does_not_hide_another(tmp_path: Path) -> None:
    store = Elusive(tmp_path / "x.db")
    engine, host = Engine(store), Spoiling(store)
    start(engine, "first")
    engine.attach(host)
    until(lambda: store.hides)

    def meet(tx: EngineTransaction) -> None:
        store.hides = False
        assert engine._scheduler._attachment is not None
        engine._scheduler._attachment.dispatcher.look_again()
        tx.start(StartRequest(workflow_id="second", workflow_type=FLOW))

    engine.transact(meet)
    until(lambda: set(host.failed) == {"first", "second"})
    engine.close()


def test_a_fault_of_ours_is_told_and_costs_one_execution(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def faulty(self: MemoryStore, proposal: Proposal) -> None:
        if any("spoilt" in str(getattr(event, "details", "")) for event in proposal.events):
            raise ZeroDivisionError("a bug")

    monkeypatch.setattr(MemoryStore, "validate", faulty)

    @workflow
    def remembers(what: str) -> str:
        return side_effect(lambda: what if not MENDED.is_set() else "well")

    engine = Engine(MemoryStore(), clock=CLOCK)
    client = Client(engine)
    with Worker(engine, workflows=[remembers, good], activities=[double]):
        handle = client.start(remembers, "spoilt")
        wait_for_failures([handle])
        assert client.start(good, 1).result(timeout=60) == 4
        mend(engine)
        assert handle.result(timeout=60) == "well"
    engine.close()
    assert "a decision broke the engine" in caplog.text
    assert "ZeroDivisionError" in caplog.text
