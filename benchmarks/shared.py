"""Worker processes that share one database with the client's, on SQLite and on PostgreSQL."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psycopg
from tests.postgres import Server

from benchmarks import measures, processes
from benchmarks.measures import Place
from benchmarks.report import Report
from benchmarks.workflows import sequential
from partita.client import Client
from partita.connect import connect


@contextmanager
def workers(url: str, count: int) -> Iterator[Client]:
    """A client here, and some worker processes."""
    with ExitStack() as stack:
        for _ in range(count):
            stack.enter_context(processes.worker(url))
        client = Client(connect(url))
        stack.callback(client.close)
        warm = [client.start(sequential, 20) for _ in range(20 * count)]
        for handle in warm:
            handle.result(timeout=60)
        yield client


def steps_by_processes(url: str, count: int, rounds: int = 3) -> float:
    """C: steps per second of 1,000 workflows of 5 steps, started here, run by processes."""
    flows, steps = 1000, 5
    rates = []
    with workers(url, count) as client:
        for _ in range(rounds):
            begun = time.perf_counter()
            with ThreadPoolExecutor(16) as pool:
                for handle in list(pool.map(client.start, [sequential] * flows, [steps] * flows)):
                    handle.result()
            rates.append(flows * steps / (time.perf_counter() - begun))
    return statistics.median(rates)


def latencies(url: str, count: int = 300) -> tuple[float, float]:
    """p50 and p99, in ms, from start to result of one step that another process takes."""
    times = []
    with workers(url, 1) as client:
        for _ in range(count):
            begun = time.perf_counter()
            client.start(sequential, 1).result()
            times.append((time.perf_counter() - begun) * 1000)
    times.sort()
    return times[count // 2], times[count * 99 // 100]


def server_commits(server: Server, connections: int, commits: int = 2000) -> float:
    """PostgreSQL's floor: single-row transactions per second, over some connections at once."""

    def insert(connection: psycopg.Connection[tuple[object, ...]]) -> None:
        for _ in range(commits // connections):
            connection.execute("INSERT INTO floor (body) VALUES (%s)", (b"x" * 100,))

    made = [server.connect() for _ in range(connections)]
    made[0].execute("CREATE TABLE IF NOT EXISTS floor (id bigserial PRIMARY KEY, body bytea)")
    rates = []
    with ThreadPoolExecutor(connections) as pool:
        for _ in range(3):
            begun = time.perf_counter()
            list(pool.map(insert, made))
            rates.append(commits / (time.perf_counter() - begun))
    for connection in made:
        connection.close()
    return statistics.median(rates)


def add_sqlite(report: Report, folder: Path) -> None:
    """Measure processes that share a file."""
    _add_processes(report, "SQLite", measures.files(folder))


def add_postgres(report: Report) -> None:
    """Measure on a server of our own, which is as durable as PostgreSQL is by default."""
    server = Server()
    try:
        report.floor = server_commits(server, 1)
        report.add("PostgreSQL floor, 1 connection", report.floor, "commits/s", rate=True)
        value = server_commits(server, 16, 8000)
        report.add("PostgreSQL floor, 16 connections", value, "commits/s", rate=True)
        place: Place = server.url
        value = measures.steps_in_sequence(place)
        report.add("PostgreSQL A: 1,000 steps", value, "steps/s", ">= 0.5 x", rate=True)
        value = measures.activities_in_parallel(place)
        report.add("PostgreSQL B: 1,000 activities", value, "activities/s", rate=True)
        value = measures.many_workflows(place, starters=16)
        report.add("PostgreSQL C: in this process", value, "steps/s", rate=True)
        _add_processes(report, "PostgreSQL", place)
    finally:
        server.stop()


def _add_processes(report: Report, name: str, place: Place) -> None:
    for count in (1, 2, 4):
        value = steps_by_processes(place(f"c{count}"), count)
        report.add(f"{name} C: {count} worker processes", value, "steps/s", rate=True)
    p50, p99 = latencies(place("d2"))
    report.add(f"{name} D: another process, p50", p50, "ms", "<= 6")
    report.add(f"{name} D: another process, p99", p99, "ms")
    for pause, count in ((0.02, 200), (1.0, 40)):
        p50, p95 = processes.wake_ups(place(f"w{count}"), count, pause)
        report.add(f"{name}: decided elsewhere after {pause:g} s of quiet, p50", p50, "ms")
        report.add(f"{name}: decided elsewhere after {pause:g} s of quiet, p95", p95, "ms", "<= 20")
    p50, p95 = processes.hand_overs(place("h"))
    report.add(f"{name}: activity begins in another process, p50", p50, "ms")
    report.add(f"{name}: activity begins in another process, p95", p95, "ms", "<= 20")
    report.add(f"{name}: a worker without work", processes.idle_share(place("i")), "% of a CPU")
