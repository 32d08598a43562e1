"""Find what is wrong in the tables of a SQL database: orphaned rows, and each execution.

Reads by statements that see one moment; pages and indexes are the databases' own affair.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import msgspec

from partita.stores.invariants import faults_of
from partita.stores.sql.reads import ITEMS, Row
from partita.stores.sql.records import batch_of, item_of, joined, record_of

ORPHANS = ("batches", "attributes")
"""Tables whose rows belong to an execution, open or closed."""

PAGE = 500
"""Executions that are fetched at a time."""

_BATCHES = "SELECT events FROM @batches WHERE run = ? ORDER BY first_event_id"

Read = Callable[[str, Row], list[Row]]
"""Returns the rows that a statement with these parameters finds."""


def check(read: Read, *, with_revision: bool) -> Iterator[str]:
    """Yield what is wrong, a line each; `with_revision` if executions have such a column."""
    yield from _orphaned_rows(read)
    columns = "run, execution, progress, status" + (", revision" if with_revision else "")
    after = 0
    by_run = f"SELECT {columns} FROM @executions WHERE run > ? ORDER BY run LIMIT ?"
    while page := read(by_run, (after, PAGE)):
        for row in page:
            try:
                yield from list(_faults_of(read, row))
            except msgspec.MsgspecError as error:
                yield f"history of run {row[0]}: a row cannot be read: {error}"
        after = page[-1][0]


def _orphaned_rows(read: Read) -> Iterator[str]:
    for run, count in read(
        "SELECT run, count(*) FROM @items WHERE run NOT IN "
        "(SELECT run FROM @executions WHERE status = 0) GROUP BY run",
        (),
    ):
        yield f"items of run {run}, which is closed or unknown: {count}"
    for table in ORPHANS:
        for run, count in read(
            f"SELECT run, count(*) FROM @{table} WHERE run NOT IN "
            "(SELECT run FROM @executions) GROUP BY run",
            (),
        ):
            yield f"{table} of run {run}, which is unknown: {count}"


def _faults_of(read: Read, row: Row) -> Iterator[str]:
    run, _, _, status, *revision = row
    record = record_of(row)
    items = [item_of(found) for found in read(ITEMS[0], (run,))]
    yield from faults_of(record, items, joined(map(batch_of, read(_BATCHES, (run,))), 0))
    progress = record.progress
    if progress.status.value != status:
        yield f"run {run} has status {progress.status.value}, its row {status}"
    if revision and [progress.revision] != revision:
        yield f"run {run} is at revision {progress.revision}, its row at {revision[0]}"
