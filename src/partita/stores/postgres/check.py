"""Find what is wrong with a PostgreSQL schema: rows of nobody, executions, and its indexes.

Works within a transaction that sees one moment. Indexes are looked at if the database has the
extension `amcheck` and the role may use it; pages are the server's affair (`pg_amcheck`,
`pg_checksums`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import psycopg

from partita.stores.invariants import faults_of
from partita.stores.postgres.rows import ITEMS, Row
from partita.stores.sql.records import joined, record_of, unpack_item

ORPHANS = ("batches", "attributes", "questions")
"""Tables whose rows belong to an execution, open or closed."""

PAGE = 500
"""Executions that are fetched at a time."""

_BY_RUN = (
    "SELECT run, execution, progress, status, revision FROM @executions WHERE run > %s "
    "ORDER BY run LIMIT %s"
)
_BATCHES = "SELECT events FROM @batches WHERE run = %s ORDER BY first_event_id"


def check(connection: psycopg.Connection[Any], statement: Callable[[str], bytes]) -> list[str]:
    """Return what is wrong, a line each."""

    def read(text: str, parameters: Row = ()) -> list[Row]:
        return connection.execute(statement(text), parameters, binary=True).fetchall()

    faults = [*_rows_of_nobody(read), *_damaged_indexes(connection, statement)]
    after = 0
    while page := read(_BY_RUN, (after, PAGE)):
        for row in page:
            try:
                faults += _faults_of(read, row)
            except msgspec.MsgspecError as error:
                faults.append(f"history of run {row[0]}: a row cannot be read: {error}")
        after = page[-1][0]
    return faults


def _rows_of_nobody(read: Callable[..., list[Row]]) -> Iterator[str]:
    for run, count in read(
        "SELECT run, count(*) FROM @items WHERE run NOT IN "
        "(SELECT run FROM @executions WHERE status = 0) GROUP BY run"
    ):
        yield f"items of run {run}, which is closed or unknown: {count}"
    for table in ORPHANS:
        for run, count in read(
            f"SELECT run, count(*) FROM @{table} WHERE run NOT IN "
            "(SELECT run FROM @executions) GROUP BY run"
        ):
            yield f"{table} of run {run}, which is unknown: {count}"


def _faults_of(read: Callable[..., list[Row]], row: Row) -> Iterator[str]:
    run, _, _, status, revision = row
    record = record_of(row)
    items = [unpack_item(body) for (body,) in read(ITEMS, (run,))]
    yield from faults_of(record, items, joined(read(_BATCHES, (run,)), 0))
    progress = record.progress
    if progress.status.value != status:
        yield f"run {run} has status {progress.status.value}, its row {status}"
    if progress.revision != revision:
        yield f"run {run} is at revision {progress.revision}, its row at {revision}"


def _damaged_indexes(
    connection: psycopg.Connection[Any], statement: Callable[[str], bytes]
) -> Iterator[str]:
    found = connection.execute(
        "SELECT c.oid, c.relname FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid "
        "WHERE i.indrelid IN (%s::regclass, %s::regclass, %s::regclass) AND EXISTS "
        "(SELECT FROM pg_extension WHERE extname = 'amcheck') ORDER BY c.relname",
        [statement(f"@{table}").decode() for table in ("executions", "batches", "items")],
    ).fetchall()
    for oid, name in found:
        try:
            with connection.transaction():
                connection.execute("SELECT bt_index_check(%s::oid::regclass)", (oid,))
        except psycopg.errors.InsufficientPrivilege:
            return  # amcheck's functions are granted apart
        except psycopg.Error as error:
            yield f"index {name}: {' '.join(str(error).split())}"
