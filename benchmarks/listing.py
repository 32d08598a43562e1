"""How long a page of a list takes among very many executions, at best, on both databases."""

from __future__ import annotations

import time
from contextlib import closing
from pathlib import Path

from tests.postgres import Server

from benchmarks.report import Report
from partita.ports.matching import Match
from partita.ports.state import ExecutionFilter, Status
from partita.stores.postgres.store import PostgresStore
from partita.stores.sql.reads import SqlStore
from partita.stores.sqlite.store import SqliteStore
from partita.testing.conformance.store_arrange import saved

ROWS = 1_000_000
ROUNDS = 20
CHUNK = 50_000
"""Rows that are written at a time, so that the server answers in time."""

DOMAIN = "d"

_SQLITE = f"""WITH RECURSIVE g (v) AS (SELECT 1 UNION ALL SELECT v + 1 FROM g WHERE v < {ROWS})
INSERT INTO executions SELECT run + v, domain, workflow_id || v, run_id || v, type_name, 1 + v % 4,
started_at + v, iif(v % 1000, '["all"]', '["all", "rare"]'), execution, progress
FROM executions, g WHERE status = 0"""
_POSTGRES = f"""INSERT INTO @executions SELECT run + v, domain, workflow_id || v, 0, run_id || v,
type_name, 1 + mod(v, 4), 0, started_at + v,
CASE mod(v, 1000) WHEN 0 THEN ARRAY['all', 'rare'] ELSE ARRAY['all'] END, execution, progress
FROM @executions, generate_series(? + 1, ? + {CHUNK}) v WHERE status = 0"""


_ATTRIBUTES = """INSERT INTO @attributes SELECT run, 'customer', CAST(run % 10000 AS TEXT)
FROM @executions WHERE status > 0"""
AT_LEAST = 10


def _matching(field: str, *pattern: str) -> ExecutionFilter:
    return ExecutionFilter(domain=DOMAIN, matches=(Match(field=field, patterns=(pattern,)),))


def _failed_since(moment: float) -> ExecutionFilter:
    return ExecutionFilter(
        domain=DOMAIN, statuses=(Status.FAILED,), type_name="flow", started_after=moment
    )


def add_listing(report: Report, folder: Path) -> None:
    """Measure the first page at 1,000,000 executions."""
    path = folder / "many.db"
    with closing(SqliteStore(path, synchronous="OFF")) as sqlite:
        saved(sqlite)
        sqlite._writer.execute(_SQLITE)
        sqlite._writer.execute(_ATTRIBUTES.replace("@", ""))
        _add_pages(report, "SQLite", sqlite)
    server = Server()
    try:
        with closing(PostgresStore(server.url())) as postgres:
            saved(postgres)
            for first in range(0, ROWS, CHUNK):
                postgres._writer.execute(postgres._statement(_POSTGRES), (first, first))
            for text in (_ATTRIBUTES, "ANALYZE @executions", "ANALYZE @attributes"):
                postgres._writer.execute(postgres._statement(text))
            _add_pages(report, "PostgreSQL", postgres)
    finally:
        server.stop()


def _add_pages(report: Report, title: str, store: SqlStore) -> None:
    for name, filter in (
        ("all", ExecutionFilter(domain=DOMAIN)),
        ("of a type", ExecutionFilter(domain=DOMAIN, type_name="flow")),
        ("a page in the middle", ExecutionFilter(domain=DOMAIN, before_run=ROWS // 2)),
        ("completed", ExecutionFilter(domain=DOMAIN, statuses=(Status.COMPLETED,))),
        ("started since, most", ExecutionFilter(domain=DOMAIN, started_after=1_000.0)),
        ("started before, half", ExecutionFilter(domain=DOMAIN, started_before=ROWS / 2)),
        ("with an id like w*", _matching("id", "w", "")),
        ("with an id like w99999*", _matching("id", "w99999", "")),
        ("with a tag of all", ExecutionFilter(domain=DOMAIN, tag="all")),
        ("with a tag of 1 in 1,000", ExecutionFilter(domain=DOMAIN, tag="rare")),
        ("with an attribute", ExecutionFilter(domain=DOMAIN, attributes=(("customer", 42),))),
        ("failed and of a type, since", _failed_since(ROWS / 2)),
    ):
        assert len(store.executions(filter)) >= AT_LEAST, name
        milliseconds = 1e3 * _fastest(store, filter)
        report.add(f"{title}: newest 100 of {ROWS:,}, {name}", milliseconds, "ms", "<= 50")


def _fastest(store: SqlStore, filter: ExecutionFilter) -> float:
    times = []
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        store.executions(filter)
        times.append(time.perf_counter() - begun)
    return min(times)
