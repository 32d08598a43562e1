"""Find transactions that keep others from writing to a schema of PostgreSQL.

Source: https://www.postgresql.org/docs/current/explicit-locking.html,
https://www.postgresql.org/docs/current/monitoring-stats.html
"""

from __future__ import annotations

from typing import Any

import psycopg

from partita.stores.maintenance import Lock

LOCK_SECONDS = 10.0
"""Seconds after which a transaction is called long; ours take milliseconds."""

_TRANSACTIONS = """
SELECT a.pid, a.usename, a.application_name, a.state,
       extract(epoch FROM clock_timestamp() - a.xact_start)::float8
FROM pg_stat_activity a
WHERE a.xact_start < clock_timestamp() - make_interval(secs => %s)
  AND EXISTS (
    SELECT 1 FROM pg_locks l
    JOIN pg_class c ON c.oid = l.relation JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE l.pid = a.pid AND l.granted AND n.nspname = %s
      AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
      AND l.mode IN ('RowShareLock', 'RowExclusiveLock', 'ShareLock', 'ShareRowExclusiveLock',
                     'ExclusiveLock', 'AccessExclusiveLock')
  )
ORDER BY a.xact_start
"""


def long_locks(
    connection: psycopg.Connection[Any], schema: str, seconds: float = LOCK_SECONDS
) -> list[Lock]:
    """Return the transactions that have held locks on the schema's tables for long.

    Of other roles' transactions only a member of `pg_read_all_stats` is told since when they are.
    """
    rows = connection.execute(_TRANSACTIONS.encode(), (seconds, schema)).fetchall()
    return [_lock(*row) for row in rows]


def _lock(pid: int, role: str, application: str, state: str, seconds: float) -> Lock:
    name = f", {application}" if application else ""
    return Lock(
        f"server process {pid} (role {role}{name}, {state})",
        seconds,
        f"end its transaction: `SELECT pg_terminate_backend({pid})`",
    )
