"""Convert between rows and records: msgpack and JSON, the same in every SQL database.

What is packed begins with a byte that MessagePack never begins with, and a checksum. Rows of
earlier versions have neither, and are read as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from struct import Struct
from typing import Any, TypeVar
from zlib import crc32

import msgspec

from partita.history import AnyEvent
from partita.ports.state import AnyItem, Execution, Progress
from partita.ports.store import Record, Taken

T = TypeVar("T")

MARK = b"\xc1"
"""What a row begins with that has a checksum."""

_HEAD = 5
"""Bytes of the mark and of the checksum."""

_head = Struct(">BI").pack
encode = msgspec.msgpack.Encoder().encode


def pack(value: Any) -> bytes:
    """Return a value as MessagePack, behind a mark and the CRC-32 of it."""
    data = encode(value)
    return _head(0xC1, crc32(data)) + data


def _unpacker(decode: Callable[[Any], T]) -> Callable[[bytes], T]:
    """Return a function that reads what `pack` wrote, now or in an earlier version.

    It raises `msgspec.MsgspecError` for what is damaged.
    """

    def unpack(data: bytes) -> T:
        if data[:1] != MARK:
            return decode(data)
        body = memoryview(data)[_HEAD:]
        if len(data) < _HEAD or crc32(body).to_bytes(4) != data[1:_HEAD]:
            raise msgspec.DecodeError("its checksum is that of other bytes")
        return decode(body)

    return unpack


unpack_events = _unpacker(msgspec.msgpack.Decoder(list[AnyEvent]).decode)
unpack_execution = _unpacker(msgspec.msgpack.Decoder(Execution).decode)
unpack_progress = _unpacker(msgspec.msgpack.Decoder(Progress).decode)
unpack_item: Callable[[bytes], AnyItem] = _unpacker(msgspec.msgpack.Decoder(AnyItem).decode)


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
