"""Read the rows of a Parquet file as items: objects with a member for each column.

Times become ISO texts, decimals texts, bytes Base64. One row group is read at a time.

Needs pyarrow, the extra `partita[parquet]`, when the first file is read.

Source: AWS Step Functions Developer Guide, "ItemReader (Map)"; Apache Parquet.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import msgspec

from partita.asl.item_readers.content import RandomAccess
from partita.asl.item_readers.data_sets import fail
from partita.errors import InvalidOptionError
from partita.integrations.objects import Location, ObjectStore

try:
    import pyarrow
    from pyarrow import parquet
except ImportError as error:  # pragma: no cover - the extra is always there in tests
    raise InvalidOptionError(
        f"Parquet files need pyarrow ({error}); pip install 'partita[parquet]'"
    ) from error

BATCH = 1_000
"""Rows that are decoded at once."""

BUFFER = 1024 * 1024
"""Bytes that are read at once."""


class ParquetRows:
    """The rows of one object from a position on."""

    have_keys = False

    def __init__(self, store: ObjectStore, at: Location, position: dict[str, Any] | None) -> None:
        position = position or {}
        self._at = at
        self._bytes = RandomAccess(store, at, position.get("tag"))
        self._group: int = position.get("group", 0)
        self._row: int = position.get("row", 0)  # of the group

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """Return the items; fail if the file is no Parquet file."""
        try:
            file = parquet.ParquetFile(io.BufferedReader(self._bytes, BUFFER))
            while self._group < file.num_row_groups:
                yield from self._rows(file)
                self._group, self._row = self._group + 1, 0
        except (pyarrow.ArrowException, OSError, ValueError) as error:
            reason = " ".join(str(error).split())
            group = f"row group {self._group}"
            fail(f"{self._at} cannot be read in {group} at row {self._row}: {reason}", error)

    def position(self) -> Any:
        """Return where the next row is, as JSON."""
        return {"tag": self._bytes.tag, "group": self._group, "row": self._row}

    def close(self) -> None:
        """Give up the object."""
        self._bytes.close()

    def _rows(self, file: Any) -> Iterator[dict[str, Any]]:
        skipped = self._row
        for batch in file.iter_batches(batch_size=BATCH, row_groups=[self._group]):
            if skipped >= batch.num_rows:
                skipped -= batch.num_rows
                continue
            rows = _microseconds(batch.slice(skipped)).to_pylist()
            skipped = 0
            for row in rows:
                self._row += 1
                yield msgspec.to_builtins(row)


def _microseconds(batch: Any) -> Any:
    """Return a batch without nanoseconds, which Python's times have not."""
    fields = [
        field.with_type(pyarrow.timestamp("us", field.type.tz)) if _is_finer(field.type) else field
        for field in batch.schema
    ]
    schema = pyarrow.schema(fields)
    if schema == batch.schema:
        return batch
    columns = [
        column.cast(field.type, safe=False)
        for column, field in zip(batch.columns, fields, strict=True)
    ]
    return pyarrow.RecordBatch.from_arrays(columns, schema=schema)


def _is_finer(kind: Any) -> bool:
    return bool(pyarrow.types.is_timestamp(kind)) and kind.unit == "ns"
