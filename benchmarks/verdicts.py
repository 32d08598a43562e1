"""How long `why` takes for executions with very long histories, on both databases."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path

from tests.postgres import Server

from benchmarks.report import Report
from partita import history as h
from partita.client.why import explain
from partita.engine import Engine
from partita.engine.transaction import EngineTransaction
from partita.ports.store import Store
from partita.rules import commands as c
from partita.stores.postgres.store import PostgresStore
from partita.stores.sqlite.store import SqliteStore
from partita.testing.conformance import DOMAIN, answer, charge, started

EVENTS = 100_000
BATCH = 1_000
ROUNDS = 10


def add_verdicts(report: Report, folder: Path) -> None:
    """Measure `why` of an open and of a failed execution with 100,000 events."""
    _add(report, "SQLite", SqliteStore(folder / "long.db", synchronous="OFF"))
    server = Server()
    try:
        _add(report, "PostgreSQL", PostgresStore(server.url()))
    finally:
        server.stop()


def _add(report: Report, title: str, store: Store) -> None:
    with closing(Engine(store)) as engine:
        failure = h.FailWorkflowExecution(reason="ValueError", details="no carrier")
        shapes: dict[str, tuple[Sequence[h.AnyDecision], str]] = {
            "an activity waits": ((charge(),), "NO_WORKER"),
            "it sleeps": ((h.StartTimer(timer_id="t", start_to_fire=3600),), "SLEEPS"),
            "it failed": ((failure,), "FAILED"),
        }
        for name, (decisions, code) in shapes.items():
            execution = _long(engine, decisions)
            milliseconds = 1e3 * _fastest(engine, execution, code)
            report.add(f"{title}: why, {EVENTS:,} events, {name}", milliseconds, "ms", "< 300")


def _long(engine: Engine, decisions: Sequence[h.AnyDecision]) -> h.WorkflowExecution:
    """Return an execution with as many events, most of them signals, that ends in decisions."""
    execution = started(engine)
    for _ in range(EVENTS // BATCH):
        engine.transact(_signals(execution))
    answer(engine, *decisions)
    return execution


def _signals(execution: h.WorkflowExecution) -> Callable[[EngineTransaction], None]:
    def work(tx: EngineTransaction) -> None:
        state = tx.open(DOMAIN, execution)
        for number in range(BATCH):
            tx.do(state, c.Signal(signal_name="s", input=str(number)))

    return work


def _fastest(engine: Engine, execution: h.WorkflowExecution, code: str) -> float:
    times = []
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        found = explain(engine, DOMAIN, execution)
        times.append(time.perf_counter() - begun)
        assert found.code == code, found
    return min(times)
