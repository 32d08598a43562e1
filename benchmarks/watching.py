"""What `watch` costs those who work on the same database."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from benchmarks.measures import rig
from benchmarks.report import Report
from benchmarks.workflows import sequential
from partita.client import Client

_LOOK = """
import sys, time
from partita.cli.watch_source import Source
from partita.client import Client
from partita.connect import connect
source = Source(Client(connect(sys.argv[1])), None)
source.start()
while source.found is None:
    time.sleep(0.01)
print("looking", flush=True)
cpu, begun = time.process_time(), time.perf_counter()
sys.stdin.read()
print((time.process_time() - cpu) / (time.perf_counter() - begun))
"""


def add_watching(report: Report, folder: Path, rounds: int = 9) -> None:
    """Measure workflows of 5 steps with and without somebody who watches, by turns."""
    url = f"sqlite:///{folder / 'watched.db'}"
    without, watched = [], []
    shares: list[float] = []
    with rig(url) as (client, _):
        for _round in range(rounds):
            without.append(_steps_per_second(client))
            with _watched(url, shares):
                watched.append(_steps_per_second(client))
    alone, together = statistics.median(without), statistics.median(watched)
    report.add("C: 300 workflows of 5 steps", alone, "steps/s", rate=True)
    report.add("C: the same, watched by another process", together, "steps/s", rate=True)
    report.add("C: watched / not", together / alone, "x", ">= 0.95")
    report.add("watch meanwhile", 100 * statistics.median(shares), "% of a CPU", "<= 5")


def _steps_per_second(client: Client, count: int = 300, steps: int = 5) -> float:
    begun = time.perf_counter()
    with ThreadPoolExecutor(16) as pool:
        for handle in list(pool.map(client.start, [sequential] * count, [steps] * count)):
            handle.result()
    return count * steps / (time.perf_counter() - begun)


@contextmanager
def _watched(url: str, shares: list[float]) -> Iterator[None]:
    """Have a process look at all executions, as a terminal does; add the part of a CPU it takes."""
    process = subprocess.Popen(
        [sys.executable, "-c", _LOOK, url],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stdout is not None
        process.stdout.readline()
        yield
        said, _ = process.communicate()
        shares.append(float(said))
