"""Read the rows of a text delimited file as items: objects with a string for each header.

A field in quotes may contain the delimiter and line breaks. Two quotes stand for one, in a field
without quotes around it, too. A backslash before a backslash, a quote or the delimiter stands for
that character; before anything else it is dropped. A row that is too short is filled with empty
strings, what is too much of one is dropped; empty lines are no rows.

Source: AWS Step Functions Developer Guide, "ItemReader (Map)", rules for text delimited files;
recorded executions of AWS Step Functions (shared/conformance/asl).
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from typing import Any

import msgspec

from partita.asl.item_readers.content import RECORD_LIMIT, Lines, Start
from partita.asl.item_readers.data_sets import check_headers, fail
from partita.integrations.objects import Location, ObjectStore


class CsvRows:
    """The rows of one object from a position on."""

    have_keys = False

    def __init__(
        self,
        store: ObjectStore,
        at: Location,
        position: dict[str, Any] | None,
        *,
        delimiter: str,
        headers: tuple[str, ...] | None,
    ) -> None:
        position = position or {}
        start = msgspec.convert(position.get("start"), Start | None)
        self._lines = Lines(store, at, start)
        self._delimiter = delimiter
        self._are_first_row = headers is None
        self._headers: list[str] | None = position.get("headers")
        if headers is not None:
            self._headers = list(headers)

    def __iter__(self) -> Iterator[dict[str, str]]:
        """Return the items; fail at a row whose quotes do not end."""
        rows = self._rows()
        if self._headers is None:
            self._headers = self._first_row(rows)
            row = next(rows, None)
            if row is None:
                fail(f"{self._lines.at} contains only CSV headers.")
            yield self._item(row)
        for row in rows:
            yield self._item(row)

    def position(self) -> Any:
        """Return where the next row is, as JSON."""
        start = msgspec.to_builtins(self._lines.start())
        return (
            {"start": start, "headers": self._headers} if self._are_first_row else {"start": start}
        )

    def close(self) -> None:
        """Give up the object."""
        self._lines.close()

    def _first_row(self, rows: Iterator[list[str]]) -> list[str]:
        headers = next(rows, None)
        if headers is None:
            fail(f"{self._lines.at} is empty: it has no CSV headers.")
        check_headers(headers)
        return headers

    def _item(self, row: list[str]) -> dict[str, str]:
        headers = self._headers or []
        if len(row) < len(headers):
            row = row + [""] * (len(headers) - len(row))
        return dict(zip(headers, row, strict=False))

    def _rows(self) -> Iterator[list[str]]:
        record = _Record(self._delimiter)
        first = 0
        for line in self._lines:
            line = line.removesuffix("\r")
            if not line and not record.is_open:
                continue
            if not record.is_open and '"' not in line and "\\" not in line:
                yield line.split(self._delimiter)
                continue
            first = first if record.is_open else self._lines.number
            record.add(line)
            if not record.is_open:
                yield record.take()
            elif record.size > RECORD_LIMIT:
                break
        if record.is_open:
            fail(f"{self._lines.at} cannot be read at line {first}: a quoted field has no end")


class _Record:
    """A row that is read line by line."""

    def __init__(self, delimiter: str) -> None:
        self._delimiter = delimiter
        self._special = _special(delimiter)
        self._fields: list[str] = []
        self._field: list[str] = []
        self._is_begun = False  # the field has a quote or a character
        self.is_open = False  # within quotes
        self.size = 0

    def take(self) -> list[str]:
        """Return the row, and begin the next."""
        self._end_field()
        fields, self._fields, self.size = self._fields, [], 0
        return fields

    def add(self, line: str) -> None:
        """Read a line of the row."""
        self.size += len(line) + 1
        if self.is_open:
            self._field.append("\n")
        index = 0
        while (found := self._special.search(line, index)) is not None:
            self._text(line[index : found.start()])
            index = self._character(line, found.start())
        self._text(line[index:])

    def _text(self, text: str) -> None:
        if text:
            self._field.append(text)
            self._is_begun = True

    def _character(self, line: str, index: int) -> int:
        """Read a quote, a backslash or a delimiter; return the index behind it."""
        character, following = line[index], line[index + 1 : index + 2]
        if character == "\\":
            if following in ("\\", '"', self._delimiter):
                self._text(following)
                return index + 2
            return index + 1
        if character == '"':
            return self._quote(index, following)
        if self.is_open:
            self._text(character)
        else:
            self._end_field()
        return index + 1

    def _quote(self, index: int, following: str) -> int:
        if not self._is_begun:
            self._is_begun = self.is_open = True
        elif following == '"':
            self._field.append('"')
            return index + 2
        elif self.is_open:
            self.is_open = False
        else:
            self._field.append('"')
        return index + 1

    def _end_field(self) -> None:
        self._fields.append("".join(self._field))
        self._field, self._is_begun, self.is_open = [], False, False


@functools.cache
def _special(delimiter: str) -> re.Pattern[str]:
    return re.compile(f'["\\\\{re.escape(delimiter)}]')
