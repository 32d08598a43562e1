"""The rows of a SQLite file: the statements that read them, and what they hold as bytes."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import msgspec

from partita.history import AnyEvent
from partita.state import AnyItem, Execution, ExecutionFilter, OpenItem, Progress, State
from partita.store import Record, WorkerRecord

pack = msgspec.msgpack.Encoder().encode
unpack_events = msgspec.msgpack.Decoder(list[AnyEvent]).decode
unpack_execution = msgspec.msgpack.Decoder(Execution).decode
unpack_progress = msgspec.msgpack.Decoder(Progress).decode
unpack_item: Callable[[bytes], AnyItem] = msgspec.msgpack.Decoder(AnyItem).decode

RECORD = "SELECT run, execution, progress FROM executions "


EVENTS = (
    "SELECT events FROM batches WHERE run = ? AND first_event_id >= coalesce((SELECT "
    "max(first_event_id) FROM batches WHERE run = ? AND first_event_id <= ? + 1), 0) "
    "ORDER BY first_event_id"
)
ITEM = "SELECT body FROM items WHERE run = ? AND kind = ? AND id = ?"
ITEMS = "SELECT body FROM items WHERE run = ?"
WORKERS = "SELECT id, machine, pid, born, lease_until FROM workers"


def find_sql(domain: str, workflow_id: str, run_id: str | None) -> tuple[str, tuple[str, ...]]:
    """Return the query, and its parameters, for a run or the newest run of a workflow id."""
    where = "WHERE domain = ? AND workflow_id = ?"
    if run_id:
        return f"{RECORD}{where} AND run_id = ?", (domain, workflow_id, run_id)
    return f"{RECORD}{where} ORDER BY run DESC LIMIT 1", (domain, workflow_id)


def where_sql(filter: ExecutionFilter) -> tuple[str, list[Any]]:
    """Return the clause, and its parameters, that a filter stands for."""
    clauses, parameters = ["domain = ?"], [filter.domain]
    tests: list[tuple[str, Any]] = [
        ("workflow_id = ?", filter.workflow_id),
        ("type_name = ?", filter.type_name),
        ("started_at >= ?", filter.started_after),
        ("started_at < ?", filter.started_before),
        ("run < ?", filter.before_run),
        ("EXISTS (SELECT 1 FROM json_each(tags) WHERE value = ?)", filter.tag),
        (
            "status IN (SELECT value FROM json_each(?))",
            json.dumps([int(status) for status in filter.statuses]) if filter.statuses else None,
        ),
    ]
    for clause, value in tests:
        if value is not None:
            clauses.append(clause)
            parameters.append(value)
    for name, value in filter.attributes:
        clauses.append("run IN (SELECT run FROM attributes WHERE name = ? AND value = ?)")
        parameters += [name, to_json(value)]
    return "WHERE " + " AND ".join(clauses), parameters


def to_json(value: Any) -> str:
    """Return a value as JSON text."""
    return msgspec.json.encode(value).decode()


def record_of(row: tuple[int, bytes, bytes]) -> Record:
    """Read a row of `executions`."""
    run, execution, progress = row
    return Record(run, unpack_execution(execution), unpack_progress(progress))


def worker_of(row: tuple[str, str, int, str, float]) -> WorkerRecord:
    """Read a row of `workers`."""
    id, machine, pid, born, lease_until = row
    return WorkerRecord(id=id, machine=machine, pid=pid, born=born, lease_until=lease_until)


def execution_row(state: State) -> tuple[Any, ...]:
    """Return an execution as a row."""
    execution = state.execution
    return (
        state.run,
        execution.domain,
        execution.workflow_id,
        execution.run_id,
        execution.workflow_type.name,
        state.progress.status.value,
        execution.started_at,
        json.dumps(execution.tag_list),
        pack(execution),
        pack(state.progress),
    )


def item_row(run: int, domain: str, item: OpenItem) -> tuple[Any, ...]:
    """Return an open item as a row."""
    return (
        run,
        item.kind,
        item.id,
        domain,
        item.name,
        item.queue,
        item.priority,
        item.since,
        item.due,
        item.owner,
        pack(item),
        item.lane,
    )


def joined(rows: list[tuple[bytes]], after: int) -> list[AnyEvent]:
    """Return the events in rows of `batches` that come after a number."""
    events = [event for (batch,) in rows for event in unpack_events(batch)]
    if events and events[0].event_id <= after:
        return [event for event in events if event.event_id > after]
    return events
