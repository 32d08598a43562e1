"""Read a page of the items of a data set: what the activity of a distributed Map calls.

A page ends after `PAGE_ITEMS` items, or with the item that brings it to `PAGE_BYTES` of JSON.
The last page may be empty. The reading behind a page is kept
open for the next one, so that reading on costs no new request and no decompression from the
beginning; it is only kept to save time, a position is all that the next page needs.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator
from typing import Any

import msgspec
from msgspec import Struct

from partita.asl.item_readers.csv_rows import CsvRows
from partita.asl.item_readers.data_sets import DataSet, fail
from partita.asl.item_readers.json_arrays import JsonArray
from partita.asl.item_readers.json_lines import JsonLines
from partita.asl.item_readers.listings import Listing
from partita.asl.item_readers.manifests import DataFile, athena_files, inventory_files
from partita.asl.item_readers.many_files import Items, ManyFiles, listed, numbered
from partita.integrations.objects import Location, ObjectStore

PAGE_ITEMS = 1_000
PAGE_BYTES = 262_144

KEPT_READINGS = 16
"""Readings that are kept open for a next page."""


class Position(Struct, frozen=True):
    """Where a page begins. Plain data."""

    count: int  # items before it
    at: Any  # of the readers


class Page(Struct, frozen=True):
    """A page of items. Plain data, an activity's result."""

    items: list[Any]
    next: Position | None  # None: there is no more
    have_keys: bool = False  # the items are {"Key": ..., "Value": ...}, the members of an object


class _Reading(Struct):
    """Items that are being read."""

    items: Items
    iterator: Iterator[Any]


class ItemPages:
    """Pages of data sets whose objects are in one store. Safe for many threads."""

    def __init__(
        self, store: ObjectStore, *, page_items: int = PAGE_ITEMS, page_bytes: int = PAGE_BYTES
    ) -> None:
        self._store = store
        self._page_items, self._page_bytes = page_items, page_bytes
        self._lock = threading.Lock()
        self._kept: OrderedDict[bytes, _Reading] = OrderedDict()

    def read(self, data_set: DataSet, position: Position | None = None) -> Page:
        """Return the page at a position; None is the beginning.

        Raises:
            TaskFailedError: States.ItemReaderFailed; the objects cannot be read.
        """
        count = 0 if position is None else position.count
        limit = self._page_items
        if data_set.max_items:
            limit = min(limit, data_set.max_items - count)
        reading = self._taken(data_set, position) or self._opened(data_set, position)
        try:
            page = self._page(reading, count, limit)
        except BaseException:
            reading.items.close()
            raise
        is_last = data_set.max_items and count + len(page.items) >= data_set.max_items
        if page.next is None or is_last:
            reading.items.close()
            return Page(page.items, None, page.have_keys)
        self._keep(data_set, page.next, reading)
        return page

    def close(self) -> None:
        """Give up all readings that are kept."""
        with self._lock:
            kept = list(self._kept.values())
            self._kept.clear()
        for reading in kept:
            reading.items.close()

    def _page(self, reading: _Reading, count: int, limit: int) -> Page:
        items: list[Any] = []
        size = 0
        for item in reading.iterator:
            items.append(item)
            size += _size(item)
            if len(items) >= limit or size >= self._page_bytes:
                position = Position(count + len(items), reading.items.position())
                return Page(items, position, reading.items.have_keys)
        return Page(items, None, reading.items.have_keys)

    def _opened(self, data_set: DataSet, position: Position | None) -> _Reading:
        items = open_items(self._store, data_set, None if position is None else position.at)
        return _Reading(items, iter(items))

    def _taken(self, data_set: DataSet, position: Position | None) -> _Reading | None:
        if position is None:
            return None
        with self._lock:
            return self._kept.pop(_key(data_set, position), None)

    def _keep(self, data_set: DataSet, position: Position, reading: _Reading) -> None:
        with self._lock:
            replaced = self._kept.pop(_key(data_set, position), None)
            self._kept[_key(data_set, position)] = reading
            oldest = self._kept.popitem(last=False)[1] if len(self._kept) > KEPT_READINGS else None
        for gone in (replaced, oldest):
            if gone is not None:
                gone.items.close()


def _key(data_set: DataSet, position: Position) -> bytes:
    return msgspec.json.encode([data_set, position])


def _size(item: Any) -> int:
    try:
        return len(msgspec.json.encode(item))
    except UnicodeEncodeError as error:  # half of a surrogate pair, which JSON can name
        fail(f"an item contains text that is not Unicode: {error}", error)


def open_items(store: ObjectStore, data_set: DataSet, position: Any) -> Items:
    """Return the items of a data set from a position of the readers on; None is the beginning."""

    def open_file(file: DataFile, at: Any) -> Items:
        return _open_file(store, data_set, file, at)

    if data_set.is_listing and not data_set.is_flattened:
        return Listing(store, data_set.bucket, data_set.prefix, position)
    if data_set.is_listing:
        files = listed(
            lambda after: Listing(store, data_set.bucket, data_set.prefix, after),
            lambda key: _data_file(data_set, Location(data_set.bucket, key)),
        )
        return ManyFiles(files, open_file, position)
    if data_set.manifest_type == "ATHENA_DATA":
        kind = data_set.input_type or "CSV"
        files = numbered(lambda: athena_files(store, data_set.location, kind))
        return ManyFiles(files, open_file, position)
    if data_set.input_type == "MANIFEST":
        files = numbered(lambda: inventory_files(store, data_set.location))
        return ManyFiles(files, open_file, position)
    return open_file(_data_file(data_set, data_set.location), position)


def _data_file(data_set: DataSet, at: Location) -> DataFile:
    return DataFile(at=at, input_type=data_set.input_type or "JSON")


def _open_file(store: ObjectStore, data_set: DataSet, file: DataFile, position: Any) -> Items:
    """Return the items of one object."""
    if file.input_type == "CSV":
        headers = file.headers or data_set.headers
        delimiter = "," if file.headers else data_set.delimiter
        return CsvRows(store, file.at, position, delimiter=delimiter, headers=headers)
    if file.input_type == "JSONL":
        return JsonLines(store, file.at, position)
    if file.input_type == "JSON":
        return JsonArray(store, file.at, position, pointer=data_set.pointer)
    if file.input_type == "MANIFEST":
        fail(f"{file.at} is a manifest within a manifest")
    from partita.asl.item_readers.parquet_rows import ParquetRows  # pyarrow, which is an extra

    return ParquetRows(store, file.at, position)
