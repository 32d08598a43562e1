"""A worker that computes is alive, and leaves to others what they have room for."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from msgspec.structs import replace

from partita import activity, workflow
from partita.client import Client
from partita.connect import connect
from partita.engine import Engine
from partita.engine.leases import BUSY_LEASES, Leases, _stat, cpu_ticks, new_worker
from partita.engine.timing import Timing
from partita.ports.catalogue import WorkerRecord
from partita.ports.store import Store
from partita.stores.postgres.store import PostgresStore
from partita.stores.sqlite.store import SqliteStore
from partita.worker import Worker
from partita.worker.worker import DEFAULT_SLOTS, DEFAULT_THREADS
from tests.conftest import until
from tests.postgres import server

LEASE = 10.0
COMPUTES = "while True: pass"
SLEEPS = "import time; time.sleep(600)"

gate = threading.Event()
begun: list[int] = []


@activity
def held(number: int) -> int:
    begun.append(number)
    assert gate.wait(60)
    return number


@activity
async def quick(number: int) -> int:
    return number


@workflow
def fan_out(count: int) -> int:
    return sum(future.result() for future in [held.submit(each) for each in range(count)])


@workflow
def mixed(count: int) -> int:
    several = [held.submit(each) for each in range(count)]
    first: int = quick(1)  # type: ignore[assignment]
    return first + sum(future.result() for future in several)


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/x.db" if request.param == "sqlite" else server().url()


@pytest.fixture
def client(url: str) -> Iterator[Client]:
    with closing(Client(connect(url))) as made:
        yield made


@pytest.fixture(autouse=True)
def closed_gate() -> Iterator[None]:
    gate.clear()
    begun.clear()
    yield
    gate.set()


@contextmanager
def other(code: str) -> Iterator[WorkerRecord]:
    """A process of this machine on record as a worker, whose lease runs until 10."""
    with subprocess.Popen([sys.executable, "-c", code]) as process:
        try:
            stat = _stat(process.pid)
            assert stat is not None
            us = new_worker(0.0)
            yield replace(us, pid=process.pid, born=stat.born, lease_until=10.0)
        finally:
            process.kill()


def has_grown(worker: WorkerRecord) -> None:
    before = cpu_ticks(worker)
    until(lambda: cpu_ticks(worker) > before)


def test_a_process_that_computes_is_not_taken_for_dead() -> None:
    moment = 0.0
    with other(COMPUTES) as worker:
        leases = Leases(lambda: moment, LEASE)
        for moment in (0.0, 9.0, 11.0, 15.0, 30.0):
            assert leases.dead([worker], moment) == []
            has_grown(worker)


def test_a_process_that_computes_without_an_end_is_dead_at_last() -> None:
    moment = 0.0
    with other(COMPUTES) as worker:
        leases = Leases(lambda: moment, LEASE)
        for moment in (0.0, 11.0):
            assert leases.dead([worker], moment) == []
            has_grown(worker)
        moment = 10.0 + BUSY_LEASES * LEASE
        assert leases.dead([worker], moment) == [worker]


def test_a_process_that_does_nothing_is_dead_when_its_lease_ends() -> None:
    moment = 0.0
    with other(SLEEPS) as worker:
        until(lambda: _is_at_rest(worker))
        leases = Leases(lambda: moment, LEASE)
        for moment in (0.0, 9.0):
            assert leases.dead([worker], moment) == []
        moment = 10.0
        assert leases.dead([worker], moment) == [worker]


def _is_at_rest(worker: WorkerRecord) -> bool:
    return "sleep" in Path(f"/proc/{worker.pid}/wchan").read_text()


def test_a_process_that_is_gone_is_dead_at_once() -> None:
    with other(SLEEPS) as worker:
        leases = Leases(lambda: 0.0, LEASE)
        assert leases.dead([worker], 0.0) == []
    assert leases.dead([worker], 0.0) == [worker]


@pytest.mark.parametrize("count", [4, 12, 24])
def test_a_fan_out_goes_to_all_who_have_room(url: str, count: int) -> None:
    timing = Timing(share_interval=2.0)  # however slow the others are
    clients = [Client(Engine(store_at(url), timing=timing)) for _ in range(3)]
    workers = [Worker(client.service, workflows=[fan_out], activities=[held]) for client in clients]
    for worker in workers:
        worker.start()
    until(lambda: all(_knows_others(worker) for worker in workers))
    handle = clients[0].start(fan_out, count)
    until(lambda: len(begun) == count)
    running = sorted(worker.running_activities for worker in workers)
    gate.set()
    assert handle.result(timeout=60) == sum(range(count))
    for worker, client in zip(workers, clients, strict=True):
        worker.stop()
        client.close()
    assert running[-1] < count
    assert running[1] > 0


def store_at(url: str) -> Store:
    path = url.removeprefix("sqlite:///")
    return PostgresStore(url) if path == url else SqliteStore(path)


def _knows_others(worker: Worker) -> bool:
    attachment = worker._service._scheduler._attachment  # type: ignore[attr-defined]
    return bool(attachment.dispatcher.has_peers)


def test_one_worker_takes_a_whole_fan_out(client: Client) -> None:
    with Worker(client.service, workflows=[fan_out], activities=[held]):
        handle = client.start(fan_out, DEFAULT_THREADS)
        until(lambda: len(begun) == DEFAULT_THREADS)
        gate.set()
        assert handle.result(timeout=60) == sum(range(DEFAULT_THREADS))


def test_functions_take_as_many_slots_as_there_are_threads(client: Client) -> None:
    with Worker(client.service, workflows=[mixed], activities=[held, quick]) as worker:
        assert (worker.slots, worker.free_slots()) == (DEFAULT_SLOTS, DEFAULT_THREADS)
        handle = client.start(mixed, 2 * DEFAULT_THREADS)
        until(lambda: len(begun) == DEFAULT_THREADS)
        until(lambda: _has_finished_quick(client, handle.workflow_id))
        assert len(begun) == worker.running_activities == DEFAULT_THREADS
        gate.set()
        assert handle.result(timeout=60) == 1 + sum(range(2 * DEFAULT_THREADS))


def _has_finished_quick(client: Client, workflow_id: str) -> bool:
    history = client.handle(workflow_id).history()
    return any(type(event).__name__ == "ActivityTaskCompleted" for event in history)


def test_slots_that_are_given_are_for_all_kinds(client: Client) -> None:
    with Worker(client.service, workflows=[fan_out], activities=[held], slots=50) as worker:
        handle = client.start(fan_out, 60)
        until(lambda: len(begun) == 50)
        assert worker.running_activities == 50
        gate.set()
        assert handle.result(timeout=60) == sum(range(60))
