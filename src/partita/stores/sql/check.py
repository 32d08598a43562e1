"""Find what is wrong in the tables of a SQL database: orphaned rows, and each execution.

Reads by statements that see one moment; pages and indexes are the databases' own affair.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import msgspec

from partita.ports.store import Record
from partita.stores.invariants import faults_of
from partita.stores.sql.reads import Row
from partita.stores.sql.records import batch_of, item_of, joined, record_of, to_json

ORPHANS = ("batches", "attributes")
"""Tables whose rows belong to an execution, open or closed."""

PAGE = 500
"""Executions that are fetched at a time."""

_REPEATED = ("domain", "workflow_id", "run_id", "type_name", "started_at", "tags")
"""The columns that repeat what is in `execution`."""

_OF_ITEMS = ("kind", "id", "name", "queue", "priority", "since", "due", "owner", "lane")
_ITEMS = f"SELECT body, domain, {', '.join(_OF_ITEMS)} FROM @items WHERE run = ?"
_BATCHES = "SELECT events, first_event_id FROM @batches WHERE run = ? ORDER BY first_event_id"

Read = Callable[[str, Row], list[Row]]
"""Returns the rows that a statement with these parameters finds."""


def check(read: Read, *, with_revision: bool) -> Iterator[str]:
    """Yield what is wrong, a line each; `with_revision` if executions have such a column."""
    yield from _orphaned_rows(read)
    yield from _unreadable_entries(read)
    columns = f"run, execution, progress, status, {', '.join(_REPEATED)}"
    columns += ", revision" if with_revision else ""
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


def _unreadable_entries(read: Read) -> Iterator[str]:
    for kind, domain, key, body in read("SELECT kind, domain, key, body FROM @catalogue", ()):
        try:
            msgspec.json.decode(body)
        except msgspec.MsgspecError as error:
            yield f"entry {kind} {domain!r} {key!r} of the catalogue cannot be read: {error}"


def _faults_of(read: Read, row: Row) -> Iterator[str]:
    run, _, _, status, *columns = row
    record = record_of(row)
    rows = read(_ITEMS, (run,))
    items = [item_of(found) for found in rows]
    batches = read(_BATCHES, (run,))
    histories = [batch_of(found) for found in batches]
    faults = list(faults_of(record, items, joined(histories, 0)))
    yield from faults
    progress = record.progress
    if progress.status.value != status:
        yield f"run {run} has status {progress.status.value}, its row {status}"
    revision = columns[len(_REPEATED) :]
    if revision and [progress.revision] != revision:
        yield f"run {run} is at revision {progress.revision}, its row at {revision[0]}"
    yield from _faults_of_columns(record, columns)
    said = {name: to_json(value) for name, value in progress.search_attributes.items()}
    found = read("SELECT name, value FROM @attributes WHERE run = ?", (run,))
    if {name: value for name, value in found} != said:  # noqa: C416  # rows are no pairs
        yield f"search attributes of run {run} are not what lists look up"
    for (_, *repeated), item in zip(rows, items, strict=True):
        if repeated != [record.execution.domain, *(getattr(item, name) for name in _OF_ITEMS)]:
            yield f"{item.kind} {item.id!r} of run {run} is not what the columns of its row say"
    for (_, number), events in zip(batches, histories, strict=True) if not faults else ():
        if not events or events[0].event_id != number:
            yield f"history of run {run}: the events of row {number} have other numbers"


def _faults_of_columns(record: Record, columns: Sequence[Any]) -> Iterator[str]:
    """Compare an execution with the columns of its row that repeat it."""
    execution = record.execution
    *others, tags = columns[: len(_REPEATED)]
    said = [
        *(execution.domain, execution.workflow_id, execution.run_id),
        *(execution.workflow_type.name, execution.started_at, list(execution.tag_list)),
    ]
    if said != [*others, _list_of(tags)]:
        yield f"run {record.run} is not what the columns of its row say"


def _list_of(tags: Any) -> Any:
    """Return a column of tags as a list, in whatever way the database keeps it."""
    try:
        return json.loads(tags) if isinstance(tags, str) else tags
    except ValueError:
        return None
