"""A workflow's code that does not come back holds up its own worker, and nobody else."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from partita import activity, query, sleep, wait_signal, workflow
from partita.client import Client, Handle
from partita.engine import Engine, catalogue
from partita.engine.timing import Timing
from partita.errors import StoreFullError, WorkflowTerminatedError
from partita.ports.service import DecisionTask
from partita.stores.memory import MemoryStore
from partita.stores.sqlite.store import SqliteStore
from partita.worker import Worker
from tests.conftest import until
from tests.engine import blocking
from tests.faults.fleet import opened
from tests.postgres import server

TIMING = Timing(lease=2.0, watchdog_limit=0.1, watchdog_interval=0.02, slow_query=0.05)


@dataclass
class Gate:
    """Where the code of a workflow blocks."""

    reached: threading.Event = field(default_factory=threading.Event)
    opened: threading.Event = field(default_factory=threading.Event)

    def pass_through(self) -> None:
        self.reached.set()
        assert self.opened.wait(60)


GATES: dict[str, Gate] = {}


@activity
def double(number: int) -> int:
    return 2 * number


@workflow
def quick(number: int) -> int:
    return double(double(number))


@workflow
def blocks(name: str) -> int:
    number = double(1)
    GATES[name].pass_through()
    return double(number)


@workflow
def blocks_and_waits(name: str) -> str:
    double(1)
    GATES[name].pass_through()
    return wait_signal("word", str)


@workflow
def blocks_and_fails(name: str) -> None:
    GATES[name].pass_through()
    raise ValueError("a bad name")


@workflow
def blocks_and_cannot_be_kept(name: str) -> int:
    GATES[name].pass_through()
    return double.options(task_list="\ud800")(1)


@workflow
def always_slow() -> None:
    while True:
        time.sleep(1.5 * TIMING.watchdog_limit)
        sleep(0)


@workflow
def asked(name: str) -> str:
    @query
    def slowly() -> str:
        GATES[name].pass_through()
        return "well"

    return wait_signal("word", str)


@pytest.fixture
def gate() -> Iterator[Gate]:
    GATES["w"] = made = Gate()
    yield made
    made.opened.set()


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database that others share."""
    return f"sqlite:///{tmp_path}/x.db" if request.param == "sqlite" else server().url()


@pytest.fixture
def here(url: str, gate: Gate) -> Iterator[Engine]:
    """The engine whose thread is held up; its lease is short."""
    made = Engine(opened(url), timing=TIMING)
    yield made
    gate.opened.set()
    made.close()


@pytest.fixture
def elsewhere(url: str, here: Engine) -> Iterator[Engine]:
    """Another engine on the same database, as another process has it; it buries the dead soon."""
    made = Engine(opened(url), timing=TIMING)
    yield made
    made.close()


def slow_worker(engine: Engine) -> Worker:
    flows: list[Any] = [
        blocks,
        blocks_and_waits,
        blocks_and_fails,
        blocks_and_cannot_be_kept,
        always_slow,
        asked,
        quick,
    ]
    return Worker(engine, workflows=flows, activities=[double])


def quick_worker(engine: Engine) -> Worker:
    return Worker(engine, workflows=[quick], activities=[])


def kinds(handle: Handle[Any]) -> list[str]:
    return [event.event_type for event in handle.history()]


def is_held(engine: Engine) -> bool:
    """Whether the decision in question is taken, as others see it."""
    return kinds(Client(engine).handle("w"))[-1:] == ["DecisionTaskStarted"]


def begin(engine: Engine, gate: Gate, flow: Any) -> Handle[Any]:
    """Start a workflow that blocks, and wait until it does."""
    handle = Client(engine).start_with(flow, ("w",), workflow_id="w")
    assert gate.reached.wait(60)
    return handle


def test_others_go_on_and_the_history_is_as_ever(
    here: Engine, elsewhere: Engine, gate: Gate
) -> None:
    with slow_worker(here):
        handle = begin(here, gate, blocks)
        until(lambda: is_held(elsewhere))
        GATES["other"] = gate
        Client(elsewhere).start_with(blocks, ("other",), workflow_id="of others")
        gate.opened.set()
        assert handle.result(timeout=60) == 4
        assert Client(here).result("of others", timeout=60) == 4
    engine = Engine(MemoryStore())  # where nobody is overtaken
    with slow_worker(engine):
        usual = Client(engine).start_with(blocks, ("w",), workflow_id="w")
        assert usual.result(timeout=60) == 4
    assert kinds(handle) == kinds(usual)
    engine.close()


def test_what_comes_in_the_meantime_is_heard(here: Engine, elsewhere: Engine, gate: Gate) -> None:
    with slow_worker(here):
        handle = begin(here, gate, blocks_and_waits)
        until(lambda: is_held(elsewhere))
        Client(elsewhere).signal("w", "word", "heard")
        gate.opened.set()
        assert handle.result(timeout=60) == "heard"


def test_activities_are_handed_out_between_slow_decisions(here: Engine) -> None:
    client = Client(here)
    with slow_worker(here):
        slow = [client.start_with(always_slow, ()) for _ in range(3)]
        assert client.start_with(quick, (2,)).result(timeout=60) == 8
        for handle in slow:
            handle.terminate()


def test_its_own_error_is_its_end(here: Engine, gate: Gate) -> None:
    with slow_worker(here):
        handle = begin(here, gate, blocks_and_fails)
        until(lambda: is_held(here))
        gate.opened.set()
        until(lambda: kinds(handle)[-1] == "WorkflowExecutionFailed")
        assert "a bad name" in str(handle.history()[-1])


def test_an_answer_that_cannot_be_kept_is_told_from_those_of_others(
    here: Engine, elsewhere: Engine, gate: Gate
) -> None:
    with slow_worker(here):
        handle = begin(here, gate, blocks_and_cannot_be_kept)
        until(lambda: is_held(elsewhere))
        others = [Client(elsewhere).start(quick, number) for number in range(4)]
        gate.opened.set()
        assert [other.result(timeout=60) for other in others] == [0, 4, 8, 12]
        until(lambda: "DecisionTaskFailed" in kinds(handle))
        assert "cannot be kept" in str(handle.history()[3])


def test_a_decider_that_breaks_is_asked_again(url: str, here: Engine, gate: Gate) -> None:
    class Broken(Worker):
        def decide(self, task: DecisionTask) -> Any:
            if not gate.reached.is_set():
                gate.pass_through()
                raise RuntimeError("broken")
            return super().decide(task)

    with Broken(here, workflows=[quick], activities=[double]):
        handle = Client(here).start_with(quick, (1,), workflow_id="w")
        assert gate.reached.wait(60)
        until(lambda: is_held(here))
        gate.opened.set()
        assert handle.result(timeout=60) == 4
    assert kinds(handle)[2:4] == ["DecisionTaskStarted", "DecisionTaskFailed"]


def test_the_answer_to_what_was_terminated_is_dropped(
    here: Engine, elsewhere: Engine, gate: Gate
) -> None:
    with slow_worker(here):
        handle = begin(here, gate, blocks)
        until(lambda: is_held(elsewhere))
        Client(elsewhere).terminate("w")
        gate.opened.set()
        with pytest.raises(WorkflowTerminatedError):
            handle.result(timeout=60)
        assert Client(here).start(quick, 1).result(timeout=60) == 4
    assert kinds(handle)[-1] == "WorkflowExecutionTerminated"


@pytest.mark.parametrize("who", ["here", "elsewhere"])
def test_a_query_that_blocks_keeps_nobody_out(
    who: str, here: Engine, elsewhere: Engine, gate: Gate, caplog: pytest.LogCaptureFixture
) -> None:
    asker = Client({"here": here, "elsewhere": elsewhere}[who])
    with slow_worker(here), quick_worker(elsewhere), ThreadPoolExecutor(1) as pool:
        handle = Client(here).start_with(asked, ("w",), workflow_id="w")
        until(lambda: "DecisionTaskCompleted" in kinds(handle))
        answer = pool.submit(asker.query, "w", "slowly", timeout=60)
        assert gate.reached.wait(60)
        other = Client(elsewhere).start(quick, 1)
        until(lambda: "ActivityTaskScheduled" in kinds(other))
        leases = _leases(elsewhere)
        until(lambda: all(after > leases[id] for id, after in _leases(elsewhere).items()))
        Client(elsewhere).signal("w", "word", "heard")
        gate.opened.set()
        assert answer.result(timeout=60) == "well"
        assert handle.result(timeout=60) == "heard"
        assert other.result(timeout=60) == 4
    assert "query slowly of execution w took" in caplog.text
    assert "is still deciding" not in caplog.text


def _leases(engine: Engine) -> dict[str, float]:
    return {worker.id: worker.lease_until for worker in catalogue.workers(engine.store)}


def test_its_worker_is_not_taken_for_dead(
    here: Engine, elsewhere: Engine, gate: Gate, caplog: pytest.LogCaptureFixture
) -> None:
    with slow_worker(here), quick_worker(elsewhere):
        handle = begin(here, gate, blocks)
        until(lambda: is_held(elsewhere))
        leases: dict[str, set[float]] = {}

        def has_been_renewed() -> bool:
            for worker in catalogue.workers(elsewhere.store):
                leases.setdefault(worker.id, set()).add(worker.lease_until)
            return len(leases) == 2 and min(map(len, leases.values())) > 3

        until(has_been_renewed)
        gate.opened.set()
        assert handle.result(timeout=60) == 4
    assert len(leases) == 2
    assert "DecisionTaskFailed" not in kinds(handle)
    assert "workflow blocks@1 of execution w is still deciding" in caplog.text


def test_what_others_write_before_its_lease_is_renewed_is_not_overlooked(
    here: Engine, elsewhere: Engine, gate: Gate
) -> None:
    with slow_worker(here):
        waiting = Client(here).start_with(asked, ("w",), workflow_id="other")
        until(lambda: "DecisionTaskCompleted" in kinds(waiting))
        handle = begin(here, gate, blocks)
        until(lambda: is_held(elsewhere))
        Client(elsewhere).signal("other", "noise")
        leases = _leases(elsewhere)
        until(lambda: leases.items().isdisjoint(_leases(elsewhere).items()))
        gate.opened.set()
        waiting.signal("word", "heard")
        assert waiting.result(timeout=60) == "heard"
        assert handle.result(timeout=60) == 4
    assert here.store.check() == []


def test_several_of_them_are_answered_one_after_the_other(here: Engine, gate: Gate) -> None:
    GATES["x"] = Gate()
    client = Client(here)
    handles = [client.start_with(blocks, (name,), workflow_id=name) for name in "wx"]
    with slow_worker(here):
        gates = [gate, GATES["x"]]
        until(lambda: any(one.reached.is_set() for one in gates))
        first = 0 if gate.reached.is_set() else 1
        for place in (first, 1 - first):
            assert gates[place].reached.wait(60)
            until(lambda at=place: kinds(handles[at])[-1] == "DecisionTaskStarted")  # type: ignore[misc]
            gates[place].opened.set()
        assert [handle.result(timeout=60) for handle in handles] == [4, 4]


def test_a_change_from_outside_undoes_what_was_to_be_taken(gate: Gate) -> None:
    """PostgreSQL alone: nobody can write to a SQLite file in the meantime."""
    url = server().url()
    endless = Timing(lease=3600.0, watchdog_limit=3600.0)
    here, elsewhere = Engine(opened(url), timing=endless), Engine(opened(url))
    with slow_worker(here):
        handle = begin(here, gate, blocks_and_waits)
        Client(elsewhere).signal("w", "word", "heard")
        attachment = here._scheduler._attachment
        assert attachment is not None
        watchdog = attachment.watchdog
        assert watchdog is not None
        watchdog._limit = 0.0
        until(lambda: watchdog._error is not None)
        assert not is_held(elsewhere)
        gate.opened.set()
        assert handle.result(timeout=60) == "heard"
    assert kinds(handle).count("WorkflowExecutionSignaled") == 1
    elsewhere.close()
    here.close()


def test_a_commit_that_fails_sets_the_file_free_too(tmp_path: Path, gate: Gate) -> None:
    class Full(SqliteStore):
        failures = 0

        @contextmanager
        def transaction(self) -> Iterator[Any]:
            with super().transaction() as transaction:
                yield transaction
                if threading.current_thread().name == "partita-watch" and not self.failures:
                    self.failures += 1
                    raise StoreFullError("no room")

    store = Full(tmp_path / "x.db")
    here, elsewhere = Engine(store), Engine(SqliteStore(tmp_path / "x.db"))
    with slow_worker(here):
        handle = begin(here, gate, blocks)
        until(lambda: store.failures)
        with quick_worker(elsewhere):
            Client(elsewhere).start_with(quick, (1,), workflow_id="of others")
        gate.opened.set()
        assert handle.result(timeout=60) == 4
        assert Client(here).result("of others", timeout=60) == 4
    elsewhere.close()
    here.close()


def test_a_transaction_ends_when_its_decisions_have_taken_long(url: str) -> None:
    engine = Engine(opened(url), timing=Timing(decision_span=0.0))
    client = Client(engine)
    handles = [client.start(quick, number) for number in range(20)]  # before there is a worker
    with slow_worker(engine):
        assert [handle.result(timeout=60) for handle in handles] == [4 * n for n in range(20)]
    engine.close()


def test_who_is_killed_meanwhile_is_followed_by_another(url: str, tmp_path: Path) -> None:
    code = "import sys; from tests.engine.blocking import work; work(sys.argv[1])"
    engine = Engine(opened(url))
    handle = Client(engine).start_with(blocking.blocks_once, (str(tmp_path),), workflow_id="w")
    process = subprocess.Popen([sys.executable, "-c", code, url])
    try:
        until(lambda: is_held(engine), seconds=60)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    flows = [blocking.blocks_once]
    with Worker(engine, workflows=flows, activities=[blocking.mark, blocking.is_marked]):
        assert handle.result(timeout=60) == "second"
    assert "DecisionTaskFailed" in kinds(handle)
    engine.close()


@workflow
def family(number: int) -> int:
    children = [quick.submit(number + child) for child in range(3)]
    return sum(child.result() for child in children) + wait_signal("more", int)


def test_whatever_is_overtaken_the_same_comes_of_it(url: str) -> None:
    timing = Timing(watchdog_limit=0.0, watchdog_interval=0.0005)
    engine = Engine(opened(url), timing=timing)
    client = Client(engine)
    with Worker(engine, workflows=[family, quick], activities=[double]):
        handles = [client.start(family, number) for number in range(20)]
        for handle in handles:
            handle.signal("more", 1)
        assert [handle.result(timeout=60) for handle in handles] == [13 + 12 * n for n in range(20)]
    for handle in handles:
        found = kinds(handle)
        assert found.count("WorkflowExecutionSignaled") == 1
        assert found.count("StartChildWorkflowExecutionInitiated") == 3
        assert found.count("DecisionTaskStarted") == found.count("DecisionTaskCompleted")
    engine.close()
