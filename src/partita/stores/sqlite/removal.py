"""Take closed executions out of a SQLite file, within one of its transactions."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Collection

from partita.ports.store import Record, Retention
from partita.stores.sql.records import RETENTION_COLUMNS, record_of, retention_of, unpack_execution
from partita.stores.sqlite.rows import RECORD

RETENTIONS = f"SELECT {RETENTION_COLUMNS} FROM retentions"
TABLES = ("attributes", "questions", "items", "batches", "executions")
"""All that holds something of a run."""

_ORIGINS = (
    "SELECT execution FROM executions WHERE status = 0 AND instr(execution, x'A66F726967696E') > 0"
)
_AMONG = "IN (SELECT value FROM json_each(?))"


class SqlitePruning:
    """What `store.Pruning` asks for; nobody else writes until the transaction ends."""

    def __init__(self, execute: Callable[..., sqlite3.Cursor], wrote: Callable[[], None]) -> None:
        self._execute = execute
        self._wrote = wrote  # to be called before something is written

    def runs_of(
        self, domain: str, workflow_ids: Collection[str], limit: int
    ) -> dict[str, list[int]]:
        """Return up to `limit` runs of each of these workflow ids, oldest first."""
        sql = "SELECT run FROM executions WHERE domain = ? AND workflow_id = ? ORDER BY run LIMIT ?"
        return {
            id: [run for (run,) in self._execute(sql, (domain, id, limit))] for id in workflow_ids
        }

    def origins(self) -> set[int]:
        """Return the runs whose recorded steps open ones reuse."""
        executions = [unpack_execution(row) for (row,) in self._execute(_ORIGINS)]
        return {one.origin.run for one in executions if one.origin is not None}

    def hold(self, runs: Collection[int]) -> list[Record]:
        """Return those that are there."""
        sql = f"{RECORD}WHERE run {_AMONG} ORDER BY run"
        return [record_of(row) for row in self._execute(sql, (json.dumps(list(runs)),))]

    def remove(self, runs: Collection[int]) -> None:
        """Remove executions and all that belongs to them; remember the greatest key."""
        if not runs:
            return
        self._wrote()
        keys = json.dumps(list(runs))
        for table in TABLES:
            self._execute(f"DELETE FROM {table} WHERE run {_AMONG}", (keys,))
        self._execute(
            "INSERT INTO removed VALUES (0, ?) "
            "ON CONFLICT (id) DO UPDATE SET run = max(run, excluded.run)",
            (max(runs),),
        )

    def retentions(self) -> list[Retention]:
        """Return the retention of every domain that has one."""
        return [retention_of(row) for row in self._execute(RETENTIONS)]

    def put_retention(self, retention: Retention) -> None:
        """Insert or replace a domain's retention."""
        self._wrote()
        row = (retention.domain, retention.seconds, retention.next_at)
        self._execute("INSERT OR REPLACE INTO retentions VALUES (?,?,?)", row)

    def drop_retention(self, domain: str) -> None:
        """Keep everything of a domain from now on."""
        self._wrote()
        self._execute("DELETE FROM retentions WHERE domain = ?", (domain,))

    def claim(self, retention: Retention, next_at: float) -> bool:
        """Put off the next look, unless somebody else has done so, or has changed it."""
        self._wrote()
        sql = "UPDATE retentions SET next_at = ? WHERE domain = ? AND seconds = ? AND next_at = ?"
        key = (retention.domain, retention.seconds, retention.next_at)
        return self._execute(sql, (next_at, *key)).rowcount > 0
