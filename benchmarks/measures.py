"""One function per figure. Each runs on a new database, durably, and returns its numbers."""

from __future__ import annotations

import resource
import statistics
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from benchmarks.workflows import WORKFLOWS, fan_out, sequential, step, waiting
from partita.client import Client
from partita.connect import connect
from partita.history import WorkflowExecution
from partita.ports.service import DecisionTask, Service
from partita.ports.state import Status
from partita.replay.replayer import Replayer
from partita.worker import Worker

Place = Callable[[str], str]
"""Makes the URL of a new database of that name."""


def files(folder: Path) -> Place:
    """SQLite files in a folder."""
    return lambda name: f"sqlite:///{folder / name}.db"


@contextmanager
def rig(url: str) -> Iterator[tuple[Client, Service]]:
    """A worker and a client in this process, on a new database."""
    service = connect(url)
    client = Client(service)
    worker = Worker(
        service,
        workflows=WORKFLOWS,
        activities=[step],
    )
    worker.start()
    client.start(sequential, 50).result()  # warm up
    yield client, service
    worker.stop()
    client.close()


def steps_in_sequence(place: Place, count: int = 1000, rounds: int = 3) -> float:
    """A: steps per second of one workflow that takes one step after the other."""
    with rig(place("a")) as (client, _):
        return statistics.median(_rate(client, count) for _ in range(rounds))


def _rate(client: Client, count: int) -> float:
    begun = time.perf_counter()
    assert client.start(sequential, count).result() == count
    return count / (time.perf_counter() - begun)


def activities_in_parallel(place: Place, count: int = 1000, rounds: int = 3) -> float:
    """B: activities per second of one workflow that submits them all at once."""
    rates = []
    with rig(place("b")) as (client, _):
        for _ in range(rounds):
            begun = time.perf_counter()
            client.start(fan_out, count).result()
            rates.append(count / (time.perf_counter() - begun))
    return statistics.median(rates)


def many_workflows(place: Place, starters: int, rounds: int = 3) -> float:
    """C: steps per second of 1,000 workflows of 5 steps, starting them included.

    `starters` callers start them, each waiting for every start to be acknowledged.
    """
    count, steps = 1000, 5
    rates = []
    with rig(place("c")) as (client, _):
        for _ in range(rounds):
            begun = time.perf_counter()
            with ThreadPoolExecutor(starters) as pool:
                for handle in list(pool.map(client.start, [sequential] * count, [steps] * count)):
                    handle.result()
            rates.append(count * steps / (time.perf_counter() - begun))
    return statistics.median(rates)


def few_in_memory(_: Path) -> float:
    """Microseconds of CPU that a step takes among 1,000 workflows in memory."""
    return _cpu_in_memory(1_000)


def many_in_memory(_: Path) -> float:
    """Microseconds of CPU that a step takes among 20,000 workflows in memory."""
    return _cpu_in_memory(20_000)


def _cpu_in_memory(count: int, steps: int = 5) -> float:
    with rig("memory://") as (client, _):
        begun = time.process_time()
        with ThreadPoolExecutor(16) as pool:
            for handle in list(pool.map(client.start, [sequential] * count, [steps] * count)):
                handle.result()
        return (time.process_time() - begun) * 1e6 / (count * steps)


def latencies(place: Place, count: int = 500) -> tuple[float, float]:
    """D: p50 and p99, in ms, from start to result of a workflow of one step."""
    times = []
    with rig(place("d")) as (client, _):
        for _ in range(count):
            begun = time.perf_counter()
            client.start(sequential, 1).result()
            times.append((time.perf_counter() - begun) * 1000)
    times.sort()
    return times[count // 2], times[count * 99 // 100]


def long_history(place: Place, count: int = 10_000) -> tuple[float, float]:
    """F: seconds for 1,000 steps at the beginning and at the end of one long history."""
    with rig(place("f")) as (client, service):
        handle = client.start(sequential, count)
        handle.result()
        events = service.history("default", WorkflowExecution(handle.workflow_id, handle.run_id))
    ends = [
        event.event_timestamp for event in events if event.event_type == "ActivityTaskCompleted"
    ]
    per_1000 = [ends[i + 999] - ends[i] for i in range(0, count, 1000)]
    return statistics.median(per_1000[:3]), statistics.median(per_1000[-3:])


def replay_rate(place: Place, count: int = 10_000, rounds: int = 3) -> float:
    """Events per second of replaying a long history from the store, decoding included."""
    rates = []
    with rig(place("r")) as (client, service):
        handle = client.start(sequential, count)
        handle.result()
        execution = WorkflowExecution(handle.workflow_id, handle.run_id)
        for _ in range(rounds):
            begun = time.perf_counter()
            events = service.history("default", execution)[:-2]  # to the last decision's start
            task = DecisionTask(
                token="",
                workflow_execution=execution,
                workflow_type=sequential.workflow_type,
                started_event_id=events[-1].event_id,
                previous_started_event_id=0,
                events=events,
            )
            Replayer([sequential]).decide(task)
            rates.append(len(events) / (time.perf_counter() - begun))
    return statistics.median(rates)


def suspended_memory(folder: Path, count: int = 10_000) -> tuple[float, float]:
    """Peak RSS in MB of a process that holds suspended runs, and what it was before them."""
    with rig(files(folder)("m")) as (client, _):
        before = peak()
        handles = [client.start(waiting, number) for number in range(count)]
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            last = client.describe(handles[-1].workflow_id)
            if last.timers and last.info.status is Status.OPEN:
                break
            time.sleep(0.05)
        return peak(), before


def peak() -> float:
    """Return the peak resident memory of this process, in MB."""
    try:
        status = Path("/proc/self/status").read_text()
        return int(status.split("VmHWM:")[1].split()[0]) / 1024
    except (OSError, IndexError):
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
