"""Find what is wrong with a SQLite file: its pages and indexes, rows of nobody, executions.

Works on a connection that is within a transaction, so that all that it reads is of one moment.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

import msgspec

from partita.stores.invariants import faults_of
from partita.stores.sql.records import joined, record_of, unpack_item
from partita.stores.sqlite.rows import ITEMS

ORPHANS = ("batches", "attributes", "questions")
"""Tables whose rows belong to an execution, open or closed."""


def check(connection: sqlite3.Connection) -> list[str]:
    """Return what is wrong, a line each."""
    faults = [row[0] for row in connection.execute("PRAGMA integrity_check") if row[0] != "ok"]
    faults += _rows_of_nobody(connection)
    runs = connection.execute("SELECT run, execution, progress, status FROM executions")
    for run, *row, status in runs:
        try:
            faults += _faults_of(connection, run, row, status)
        except msgspec.MsgspecError as error:
            faults.append(f"history of run {run}: a row cannot be read: {error}")
    return faults


def _rows_of_nobody(connection: sqlite3.Connection) -> Iterator[str]:
    for run, count in connection.execute(
        "SELECT run, count(*) FROM items WHERE run NOT IN "
        "(SELECT run FROM executions WHERE status = 0) GROUP BY run"
    ):
        yield f"items of run {run}, which is closed or unknown: {count}"
    for table in ORPHANS:
        for run, count in connection.execute(
            f"SELECT run, count(*) FROM {table} WHERE run NOT IN "
            "(SELECT run FROM executions) GROUP BY run"
        ):
            yield f"{table} of run {run}, which is unknown: {count}"


def _faults_of(
    connection: sqlite3.Connection, run: int, row: list[bytes], status: int
) -> Iterator[str]:
    record = record_of((run, *row))
    items = [unpack_item(body) for (body,) in connection.execute(ITEMS, (run,))]
    batches = connection.execute(
        "SELECT events FROM batches WHERE run = ? ORDER BY first_event_id", (run,)
    )
    yield from faults_of(record, items, joined(batches, 0))
    if record.progress.status.value != status:
        yield f"run {run} has status {record.progress.status.value}, its row {status}"
