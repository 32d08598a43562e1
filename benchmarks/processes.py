"""Figures of several processes on one database: how soon they wake, and what idling costs.

Each function takes a URL that processes can share, and returns its numbers.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.workflows import sequential
from partita.client import Client
from partita.connect import connect
from partita.history import AnyEvent

ROOT = Path(__file__).parents[1]


@contextmanager
def worker(url: str, *options: str) -> Iterator[int]:
    """Run a worker process; give its id once it serves."""
    command = [sys.executable, "-m", "partita", "--backend", url, "worker", *options]
    process = subprocess.Popen(
        [*command, "benchmarks.workflows"], cwd=ROOT, stderr=subprocess.PIPE, text=True
    )
    assert process.stderr is not None
    with process.stderr:
        assert any("on task list" in line for line in process.stderr)
        yield process.pid
        process.terminate()
        process.wait()


def wake_ups(url: str, count: int = 200, pause: float = 0.02) -> tuple[float, float]:
    """Median and p95, in ms, from a start here to its first decision in another process.

    The commit of the start is part of it. Between two starts all is quiet for `pause` seconds.
    """
    with worker(url):
        times = [_begun(events) for events in _one_by_one(url, count, pause)]
    return _median_and_p95(times)


def hand_overs(url: str, count: int = 200, pause: float = 0.02) -> tuple[float, float]:
    """Median and p95, in ms, from a decision in one process to its activity in another."""
    with worker(url, "--deciders-only"), worker(url, "--activities-only"):
        times = [_handed_over(events) for events in _one_by_one(url, count, pause)]
    return _median_and_p95(times)


def idle_share(url: str, seconds: float = 5.0) -> float:
    """Return the share of one core, in percent, that an idle worker takes."""
    with worker(url) as pid:
        time.sleep(1.0)
        before = _cpu_seconds(pid)
        time.sleep(seconds)
        return 100.0 * (_cpu_seconds(pid) - before) / seconds


def _one_by_one(url: str, count: int, pause: float) -> Iterator[list[AnyEvent]]:
    """Run workflows of one step, one after the other; give their histories."""
    client = Client(connect(url))
    client.start(sequential, 1).result()
    for _ in range(count):
        time.sleep(pause)
        handle = client.start(sequential, 1)
        handle.result()
        yield handle.history()
    client.close()


def _begun(events: list[AnyEvent]) -> float:
    started = next(event for event in events if event.event_type == "DecisionTaskStarted")
    return started.event_timestamp - events[0].event_timestamp


def _handed_over(events: list[AnyEvent]) -> float:
    times = {event.event_type: event.event_timestamp for event in events}
    return times["ActivityTaskStarted"] - times["ActivityTaskScheduled"]


def _median_and_p95(seconds: list[float]) -> tuple[float, float]:
    times = sorted(1000.0 * it for it in seconds)
    return statistics.median(times), times[len(times) * 95 // 100]


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
