"""What the language costs beside an activity: signals, children, shapes, timers, sleepers."""

from __future__ import annotations

import os
import statistics
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from benchmarks.measures import Place, files, rig
from benchmarks.workflows import asleep, family, fan_out, listening, punctual, wide
from partita.client import Client
from partita.connect import connect
from partita.worker import Worker


def activities(place: Place, count: int = 10_000) -> float:
    """Activities per second of one workflow that submits that many at once."""
    with rig(place("activities")) as (client, _):
        begun = time.perf_counter()
        client.start(fan_out, count).result()
        return count / (time.perf_counter() - begun)


def signals_to_one(place: Place, count: int = 5_000, senders: int = 16) -> float:
    """Signals per second, sent by 16 callers, each acknowledged, and received by one workflow."""
    with rig(place("signals")) as (client, _):
        begun = time.perf_counter()
        handle = client.start(listening, count)
        with ThreadPoolExecutor(senders) as pool:
            list(pool.map(lambda number: handle.signal("n", number), range(count)))
        assert handle.result() == count * (count - 1) // 2
        return count / (time.perf_counter() - begun)


def children(place: Place, count: int = 2_000) -> float:
    """Children per second of one workflow, until their parent has their results."""
    with rig(place("children")) as (client, _):
        begun = time.perf_counter()
        assert client.start(family, count).result() == count * (count - 1) // 2
        return count / (time.perf_counter() - begun)


def wide_group(place: Place, count: int = 10_000, at_a_time: int = 100) -> float:
    """Activities per second of a group of 10,000 of which 100 run at a time."""
    with rig(place("wide")) as (client, _):
        begun = time.perf_counter()
        assert client.start(wide, count, at_a_time).result() == count
        return count / (time.perf_counter() - begun)


def timer_lateness(place: Place, count: int = 200) -> tuple[float, float]:
    """p50 and p99, in ms, by which timers of 50 to 150 ms are late."""
    with rig(place("timers")) as (client, _):
        handles = [client.start(punctual, 0.05 + number / 2000) for number in range(count)]
        late = sorted(handle.result() * 1000 for handle in handles)
    return late[count // 2], late[count * 99 // 100]


def sleepers(folder: Path, count: int = 100_000) -> tuple[float, float, float, float]:
    """Started per second, MB of the file, and % of a CPU that they and an empty file cost idle."""
    with rig(files(folder)("sleepers")) as (client, _):
        begun = time.perf_counter()
        with ThreadPoolExecutor(16) as pool:
            handles = list(pool.map(lambda n: client.start(asleep, n), range(count)))
        _until_asleep(client, handles[-1].workflow_id)
        rate = count / (time.perf_counter() - begun)
        idle = _cpu(3.0)
    size = (folder / "sleepers.db").stat().st_size / 1e6
    return rate, size, idle, _idle_with_empty_file(folder)


def _until_asleep(client: Client, workflow_id: str) -> None:
    deadline = time.monotonic() + 300
    while not client.describe(workflow_id).timers:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def _idle_with_empty_file(folder: Path) -> float:
    service = connect(f"sqlite:///{folder / 'nothing'}.db")
    with Worker(service, workflows=[asleep], activities=[]):
        time.sleep(0.5)
        idle = _cpu(3.0)
    service.close()
    return idle


def _cpu(seconds: float) -> float:
    """Return the percentage of one CPU that this process takes while nothing happens."""
    shares = []
    for _ in range(3):
        before = sum(os.times()[:2])
        time.sleep(seconds / 3)
        shares.append((sum(os.times()[:2]) - before) / (seconds / 3) * 100)
    return statistics.median(shares)
