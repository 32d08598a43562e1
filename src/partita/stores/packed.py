"""What rows hold, in any SQL database: msgpack and JSON, and records made of columns."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import msgspec

from partita.history import AnyEvent
from partita.state import AnyItem, Backlog, Execution, Progress
from partita.store import LimitRecord, Question, Record, Retention, WorkerRecord

pack = msgspec.msgpack.Encoder().encode
unpack_events = msgspec.msgpack.Decoder(list[AnyEvent]).decode
unpack_execution = msgspec.msgpack.Decoder(Execution).decode
unpack_progress = msgspec.msgpack.Decoder(Progress).decode
unpack_item: Callable[[bytes], AnyItem] = msgspec.msgpack.Decoder(AnyItem).decode

LIMIT_COLUMNS = ", ".join(LimitRecord.__struct_fields__)
QUESTION_COLUMNS = ", ".join(Question.__struct_fields__)
RETENTION_COLUMNS = ", ".join(Retention.__struct_fields__)
WORKER_COLUMNS = ", ".join(WorkerRecord.__struct_fields__)


def to_json(value: Any) -> str:
    """Return a value as JSON text."""
    return msgspec.json.encode(value).decode()


def record_of(row: Sequence[Any]) -> Record:
    """Read run, execution and progress from the first columns of a row."""
    return Record(row[0], unpack_execution(row[1]), unpack_progress(row[2]))


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
