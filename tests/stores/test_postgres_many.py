"""Many engines on one PostgreSQL schema: what is acknowledged is there, once."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest

from partita import activity, signals, workflow
from partita.client import Client
from partita.connect import connect
from partita.engine import Engine
from partita.errors import ExecutionAlreadyStartedError
from partita.history import (
    ActivityTaskCompleted,
    ActivityTaskStarted,
    WorkflowExecutionSignaled,
)
from partita.ports.service import ReusePolicy, TaskListLimits
from partita.stores.postgres.store import PostgresStore
from partita.testing.conformance import charge, start, started
from partita.worker import Worker
from tests.conftest import until
from tests.postgres import server
from tests.stores import racing

ENGINES = 4


@pytest.fixture
def url() -> str:
    return server().url()


@pytest.fixture
def engines(url: str) -> Iterator[list[Engine]]:
    """Several engines on one schema, as if they were processes."""
    made = [Engine(PostgresStore(url)) for _ in range(ENGINES)]
    yield made
    assert made[0].store.check() == []
    for engine in made:
        engine.close()


def all_at_once(*works: Callable[[], Any]) -> list[Any]:
    """Return what each returns, or raises, if all begin at the same moment."""
    barrier = threading.Barrier(len(works))

    def run(work: Callable[[], Any]) -> Any:
        barrier.wait(20)
        try:
            return work()
        except Exception as error:
            return error

    with ThreadPoolExecutor(len(works)) as pool:
        return list(pool.map(run, works))


@activity
def double(number: int) -> int:
    return 2 * number


@workflow
def doubled(numbers: list[int]) -> int:
    return sum(double.map(numbers).result())


@workflow
def collecting(count: int) -> list[int]:
    return sorted(signals("n", int).get() for _ in range(count))


@workflow
def child(number: int) -> int:
    return double(number)


@workflow
def parent(count: int) -> int:
    return sum(child.map(range(count)).result())


@workflow
def nothing(_: int) -> None:
    return None


def workers(engines: list[Engine], slots: int = 4) -> list[Worker]:
    made = [
        Worker(
            engine,
            workflows=[doubled, collecting, child, parent, nothing],
            activities=[double],
            slots=slots,
        )
        for engine in engines
    ]
    for worker in made:
        worker.start()
    return made


def stop(made: list[Worker]) -> None:
    all_at_once(*(worker.stop for worker in made))


def test_starts_of_one_id_are_one_execution(engines: list[Engine]) -> None:
    for number in range(10):
        found = all_at_once(*(partial(start, engine, f"w{number}") for engine in engines))
        assert len({execution.run_id for execution in found}) == 1, found


def test_a_start_is_the_same_even_if_it_is_closed_by_then(engines: list[Engine]) -> None:
    made = workers(engines[:2])
    for number in range(10):
        begin = [partial(Client(engine).start_with, nothing, (1,)) for engine in engines]
        found = all_at_once(*(partial(one, workflow_id=f"w{number}") for one in begin))
        assert len({handle.run_id for handle in found}) == 1, found
        found[-1].result(timeout=20)
    stop(made)


def test_one_of_many_new_runs_wins(engines: list[Engine]) -> None:
    for number in range(10):
        first = start(engines[0], f"w{number}")
        engines[1].terminate_workflow_execution("default", first, None)
        again = partial(start, workflow_id=f"w{number}", reuse_policy=ReusePolicy.ALLOW)
        found = all_at_once(*(partial(again, engine) for engine in engines))
        refused = [one for one in found if isinstance(one, ExecutionAlreadyStartedError)]
        assert len(refused) == ENGINES - 1, found


def test_a_task_is_taken_once(engines: list[Engine]) -> None:
    executions = [started(engines[0], charge(), workflow_id=f"w{n}") for n in range(12)]

    def take(engine: Engine) -> list[str]:
        taken: list[str] = []
        while (task := engine.poll_activity_task("default", "default", wait=0.3)) is not None:
            taken.append(task.workflow_execution.workflow_id)
            engine.complete_activity(task.token, "1")
        return taken

    taken = all_at_once(*(partial(take, engine) for engine in engines))
    assert Counter(one for some in taken for one in some) == Counter(
        one.workflow_id for one in executions
    )
    for execution in executions:
        events = engines[0].history("default", execution)
        assert sum(isinstance(event, ActivityTaskStarted) for event in events) == 1


def test_signals_from_everywhere_arrive_once(engines: list[Engine]) -> None:
    made = workers(engines[:2])
    count = 25
    handle = Client(engines[0]).start(collecting, count * ENGINES)

    def send(number: int) -> None:
        client = Client(engines[number])
        for one in range(count):
            client.signal(handle.workflow_id, "n", number * count + one)

    said = all_at_once(*(partial(send, number) for number in range(ENGINES)))
    assert said == [None] * ENGINES
    assert handle.result(timeout=60) == list(range(count * ENGINES))
    kinds = Counter(type(event) for event in handle.history())
    assert kinds[WorkflowExecutionSignaled] == count * ENGINES
    stop(made)


def test_wide_workflows_are_shared_out(engines: list[Engine]) -> None:
    made = workers(engines)
    handles = [Client(engine).start(doubled, list(range(40))) for engine in engines]
    assert [handle.result(timeout=60) for handle in handles] == [40 * 39] * ENGINES
    for handle in handles:
        kinds = Counter(type(event) for event in handle.history())
        assert kinds[ActivityTaskCompleted] == 40
    stop(made)


def test_parents_and_children_in_different_engines(engines: list[Engine]) -> None:
    made = workers(engines)
    handles = [Client(engine).start(parent, 12) for engine in engines]
    assert [handle.result(timeout=60) for handle in handles] == [12 * 11] * ENGINES
    stop(made)


def test_a_limit_holds_for_all_engines_together(engines: list[Engine]) -> None:
    engines[0].set_limits("default", "default", TaskListLimits(concurrency=2))
    for number in range(8):
        started(engines[0], charge(), workflow_id=f"w{number}")

    def take(engine: Engine) -> Any:
        return engine.poll_activity_task("default", "default")

    until(lambda: engines[1].limits("default"))
    taken = all_at_once(*(partial(take, engine) for engine in engines * 2))
    assert sum(task is not None for task in taken) <= 2, taken
    tasks = [task for task in taken if task is not None]
    while len(tasks) < 2:
        tasks += [task for task in [take(engines[0])] if task is not None]
    assert take(engines[2]) is None
    engines[3].complete_activity(tasks[0].token, "1")
    assert engines[2].poll_activity_task("default", "default", wait=20) is not None


def test_who_waits_elsewhere_hears_of_the_end(engines: list[Engine]) -> None:
    handle = Client(engines[0]).start(nothing, 1)
    waiting = ThreadPoolExecutor(1)
    result = waiting.submit(Client(engines[1]).result, handle.workflow_id, timeout=60)
    made = workers(engines[2:3])
    assert result.result(timeout=60) is None
    waiting.shutdown()
    stop(made)


def test_a_busy_engine_hears_what_others_start(engines: list[Engine]) -> None:
    made = workers(engines[:1])
    busy, done = threading.Event(), threading.Event()

    def keep_busy() -> None:
        while not done.is_set():
            engines[0].poll_decision_task("nobody's", "nothing")
            busy.set()

    with ThreadPoolExecutor(3) as pool:
        for _ in range(3):
            pool.submit(keep_busy)
        assert busy.wait(20)
        handle = Client(engines[1]).start(doubled, [1, 2])
        try:
            assert handle.result(timeout=15) == 6
        finally:
            done.set()
    stop(made)


def test_processes_race_for_everything(url: str) -> None:
    code = "import sys; from tests.stores.racing import race; race(*sys.argv[1:])"
    racers = [
        subprocess.Popen([sys.executable, "-c", code, url, str(number)], stderr=subprocess.PIPE)
        for number in range(3)
    ]
    said = [racer.communicate(timeout=100)[1].decode() for racer in racers]
    assert [racer.returncode for racer in racers] == [0] * 3, said
    service = connect(url)
    client = Client(service)
    for number in range(racing.EXECUTIONS):
        history = client.history(f"w{number}")
        assert client.result(f"w{number}", workflow=racing.steps, timeout=0) == 3 * number
        kinds = Counter(type(event) for event in history)
        assert kinds[ActivityTaskCompleted] == 3
        assert kinds[WorkflowExecutionSignaled] == 3
    assert isinstance(service, Engine)
    assert service.store.check() == []
    client.close()
