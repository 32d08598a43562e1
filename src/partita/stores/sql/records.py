"""Convert between rows and records: msgpack and JSON, the same in every SQL database."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import msgspec

from partita.history import AnyEvent
from partita.ports.state import AnyItem, Execution, Progress
from partita.ports.store import Record, Taken

pack = msgspec.msgpack.Encoder().encode
unpack_events = msgspec.msgpack.Decoder(list[AnyEvent]).decode
unpack_execution = msgspec.msgpack.Decoder(Execution).decode
unpack_progress = msgspec.msgpack.Decoder(Progress).decode
unpack_item: Callable[[bytes], AnyItem] = msgspec.msgpack.Decoder(AnyItem).decode


def to_json(value: Any) -> str:
    """Return a value as JSON text."""
    return msgspec.json.encode(value).decode()


def record_of(row: Sequence[Any]) -> Record:
    """Read run, execution and progress from the first columns of a row."""
    return Record(row[0], unpack_execution(row[1]), unpack_progress(row[2]))


def item_of(row: Sequence[Any]) -> AnyItem:
    """Read a row that holds an item's body."""
    return unpack_item(row[0])


def taken_of(row: Sequence[Any]) -> Taken:
    """Read a row that holds a run and an item's body."""
    return row[0], unpack_item(row[1])


def task_of(row: Sequence[Any]) -> tuple[Record, AnyItem]:
    """Read a row that holds a record and an item's body."""
    return record_of(row), unpack_item(row[3])


def origin_runs(rows: Iterable[Sequence[bytes]]) -> set[int]:
    """Return the runs whose recorded steps these executions reuse."""
    executions = (unpack_execution(row[0]) for row in rows)
    return {one.origin.run for one in executions if one.origin is not None}


def batch_of(row: Sequence[Any]) -> list[AnyEvent]:
    """Read a row that holds a batch of events."""
    return unpack_events(row[0])


def joined(batches: Iterable[list[AnyEvent]], after: int) -> list[AnyEvent]:
    """Return the events in these batches that come after a number."""
    events = [event for batch in batches for event in batch]
    if events and events[0].event_id <= after:
        return [event for event in events if event.event_id > after]
    return events
