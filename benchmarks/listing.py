"""How long a page of a list takes among very many executions, at best, on both databases."""

from __future__ import annotations

import time
from contextlib import closing
from pathlib import Path

from tests.postgres import Server

from benchmarks.report import Report
from partita.ports.state import ExecutionFilter
from partita.stores.postgres.store import PostgresStore
from partita.stores.sql.reads import SqlStore
from partita.stores.sqlite.store import SqliteStore
from partita.testing.conformance.store_arrange import saved

ROWS = 1_000_000
ROUNDS = 20
DOMAIN = "d"

_SQLITE = f"""WITH RECURSIVE g (v) AS (SELECT 1 UNION ALL SELECT v + 1 FROM g WHERE v < {ROWS})
INSERT INTO executions SELECT run + v, domain, workflow_id || v, run_id || v, type_name, 1 + v % 4,
started_at + v, tags, execution, progress FROM executions, g WHERE status = 0"""
_POSTGRES = f"""INSERT INTO @executions SELECT run + v, domain, workflow_id || v, 0, run_id || v,
type_name, 1 + v % 4, 0, started_at + v, tags, execution, progress
FROM @executions, generate_series(1, {ROWS}) v WHERE status = 0"""


def add_listing(report: Report, folder: Path) -> None:
    """Measure the first page at 1,000,000 executions."""
    path = folder / "many.db"
    with closing(SqliteStore(path, synchronous="OFF")) as sqlite:
        saved(sqlite)
        sqlite._writer.execute(_SQLITE)
        _add_pages(report, "SQLite", sqlite)
    server = Server()
    try:
        with closing(PostgresStore(server.url())) as postgres:
            saved(postgres)
            postgres._writer.execute(postgres._statement(_POSTGRES))
            postgres._writer.execute(postgres._statement("ANALYZE @executions"))
            _add_pages(report, "PostgreSQL", postgres)
    finally:
        server.stop()


def _add_pages(report: Report, title: str, store: SqlStore) -> None:
    for name, filter in (
        ("all", ExecutionFilter(domain=DOMAIN)),
        ("of a type", ExecutionFilter(domain=DOMAIN, type_name="flow")),
        ("a page in the middle", ExecutionFilter(domain=DOMAIN, before_run=ROWS // 2)),
    ):
        milliseconds = 1e3 * _fastest(store, filter)
        report.add(f"{title}: newest 100 of {ROWS:,}, {name}", milliseconds, "ms", "<= 50")


def _fastest(store: SqlStore, filter: ExecutionFilter) -> float:
    times = []
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        assert len(store.executions(filter)) == filter.limit
        times.append(time.perf_counter() - begun)
    return min(times)
