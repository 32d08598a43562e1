"""What rows hold, in any SQL database: msgpack and JSON, and records made of columns."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import msgspec

from partita.history import AnyEvent
from partita.ports.state import AnyItem, Backlog, Execution, Progress
from partita.ports.store import (
    OVERVIEW,
    LimitRecord,
    Overview,
    Question,
    Queue,
    Record,
    Retention,
    WorkerRecord,
)

pack = msgspec.msgpack.Encoder().encode
unpack_events = msgspec.msgpack.Decoder(list[AnyEvent]).decode
unpack_execution = msgspec.msgpack.Decoder(Execution).decode
unpack_progress = msgspec.msgpack.Decoder(Progress).decode
unpack_item: Callable[[bytes], AnyItem] = msgspec.msgpack.Decoder(AnyItem).decode

LIMIT_COLUMNS = ", ".join(LimitRecord.__struct_fields__)
QUESTION_COLUMNS = ", ".join(Question.__struct_fields__)
_WITH_ITEM = (
    "SELECT e.run, e.execution, e.progress, i.body FROM @items i "
    "JOIN @executions e ON e.run = i.run "
)
OVERVIEW_SQL = (
    "SELECT domain, kind, queue, count(*), min(since) FROM @items WHERE queue IS NOT NULL "
    "GROUP BY domain, kind, queue ORDER BY domain, kind, queue",
    f"{_WITH_ITEM}WHERE i.kind IN ('decision', 'activity') "
    f"ORDER BY i.run, i.kind, i.id LIMIT {OVERVIEW}",
    f"{_WITH_ITEM}WHERE i.due < ? ORDER BY i.due LIMIT {OVERVIEW}",
    "SELECT run, execution, progress FROM @executions e WHERE status = 0 AND NOT EXISTS "
    f"(SELECT 1 FROM @items i WHERE i.run = e.run) ORDER BY run LIMIT {OVERVIEW}",
    "SELECT max(t) FROM (SELECT max(since) AS t FROM @items UNION ALL "
    "SELECT max(started_at) FROM @executions) m",
)
"""What an overview asks; `?` is the moment, `@name` a table of the schema."""

RETENTION_COLUMNS = ", ".join(Retention.__struct_fields__)
WORKER_COLUMNS = ", ".join(WorkerRecord.__struct_fields__)


def to_json(value: Any) -> str:
    """Return a value as JSON text."""
    return msgspec.json.encode(value).decode()


def record_of(row: Sequence[Any]) -> Record:
    """Read run, execution and progress from the first columns of a row."""
    return Record(row[0], unpack_execution(row[1]), unpack_progress(row[2]))


def overview_of(
    queues: Iterable[Sequence[Any]],
    tasks: Iterable[Sequence[Any]],
    overdue: Iterable[Sequence[Any]],
    bare: Iterable[Sequence[Any]],
    latest: float | None,
) -> Overview:
    """Read what the queries of `OVERVIEW_SQL` have found, in that order."""
    names = Queue.__struct_fields__
    return Overview(
        queues=tuple(Queue(**dict(zip(names, row, strict=True))) for row in queues),
        tasks=tuple((record_of(row), unpack_item(row[3])) for row in tasks),
        overdue=tuple((record_of(row), unpack_item(row[3])) for row in overdue),
        bare=tuple(record_of(row) for row in bare),
        latest=latest or 0.0,
    )


def worker_of(row: Sequence[Any]) -> WorkerRecord:
    """Read a row of `workers`."""
    return WorkerRecord(**dict(zip(WorkerRecord.__struct_fields__, row, strict=True)))


def limit_of(row: Sequence[Any]) -> LimitRecord:
    """Read a row of `limits`."""
    return LimitRecord(**dict(zip(LimitRecord.__struct_fields__, row, strict=True)))


def backlog_of(row: Sequence[Any]) -> Backlog:
    """Read a row of what `BACKLOGS` selects."""
    return Backlog(**dict(zip(Backlog.__struct_fields__, row, strict=True)))


def retention_of(row: Sequence[Any]) -> Retention:
    """Read a row of `retentions`."""
    return Retention(**dict(zip(Retention.__struct_fields__, row, strict=True)))


def question_of(row: Sequence[Any]) -> Question:
    """Read a row of `questions`, without its answer."""
    return Question(**dict(zip(Question.__struct_fields__, row, strict=True)))


def joined(rows: Iterable[Sequence[bytes]], after: int) -> list[AnyEvent]:
    """Return the events in rows of `batches` that come after a number."""
    events = [event for (batch,) in rows for event in unpack_events(batch)]
    if events and events[0].event_id <= after:
        return [event for event in events if event.event_id > after]
    return events
