"""Take closed executions out of a PostgreSQL schema, within one of its transactions.

Whoever removes a run holds its row alone (`FOR UPDATE`) before it looks whether others need
the run. Others who are about to need it lock the row, too: a fork that of its origin, and a
new run of a workflow id that of the run which it follows. So one of the two waits, and then
sees what the other has done.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any, Protocol

from partita.ports.store import Record, Retention
from partita.stores.postgres import rows as sql
from partita.stores.postgres.rows import Row
from partita.stores.sql.records import record_of, retention_of, unpack_execution


class _Reads(Protocol):
    def __call__(self, text: str, parameters: Any = ()) -> list[Row]: ...


class PostgresPruning:
    """What `store.Pruning` asks for."""

    def __init__(
        self,
        *,
        read: _Reads,
        lock: Callable[..., list[list[Row]]],
        later: Callable[[str, list[Row]], None],
        do: Callable[[str, Any], int],
    ) -> None:
        self._read = read
        self._lock = lock
        self._later = later
        self._do = do

    def runs_of(
        self, domain: str, workflow_ids: Collection[str], limit: int
    ) -> dict[str, list[int]]:
        """Return up to `limit` runs of each of these workflow ids, oldest first."""
        found: dict[str, list[int]] = {id: [] for id in workflow_ids}
        for id, run in self._read(sql.RUNS_OF, (list(found), domain, limit)):
            found[id].append(run)
        return found

    def origins(self) -> set[int]:
        """Return the runs whose recorded steps open ones reuse."""
        executions = [unpack_execution(row) for (row,) in self._read(sql.FORKED)]
        return {one.origin.run for one in executions if one.origin is not None}

    def hold(self, runs: Collection[int]) -> list[Record]:
        """Lock the rows that nobody else holds, and return them."""
        return [record_of(row) for row in self._lock((sql.HOLD, (sorted(runs),)))[0]]

    def remove(self, runs: Collection[int]) -> None:
        """Remove executions and all that belongs to them."""
        if runs:
            for table in sql.TABLES_OF_RUNS:
                self._later(f"DELETE FROM @{table} WHERE run = ANY(%s)", [(sorted(runs),)])

    def retentions(self) -> list[Retention]:
        """Return the retention of every domain that has one."""
        return [retention_of(row) for row in self._read(sql.RETENTIONS)]

    def put_retention(self, retention: Retention) -> None:
        """Insert or replace a domain's retention."""
        text = (
            "INSERT INTO @retentions VALUES (%s, %s, %s) ON CONFLICT (domain) DO UPDATE SET "
            "seconds = excluded.seconds, next_at = excluded.next_at"
        )
        self._do(text, (retention.domain, retention.seconds, retention.next_at))

    def drop_retention(self, domain: str) -> None:
        """Keep everything of a domain from now on."""
        self._do("DELETE FROM @retentions WHERE domain = %s", (domain,))

    def claim(self, retention: Retention, next_at: float) -> bool:
        """Put off the next look, unless somebody else has done so, or has changed it."""
        text = (
            "UPDATE @retentions SET next_at = %s WHERE domain = %s AND seconds = %s "
            "AND next_at = %s"
        )
        key = (retention.domain, retention.seconds, retention.next_at)
        return self._do(text, (next_at, *key)) > 0
