"""Read the content of one object from a byte on, decompressed, in lines or as a file.

A position in an object is the byte of its decompressed content. An object that is compressed by
gzip or zstd is read from its beginning to get there; others are read from that byte on.
"""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Callable, Iterator
from typing import Any, cast

from msgspec import Struct

from partita.asl.item_readers.data_sets import fail
from partita.integrations.failures import ObjectFailure
from partita.integrations.objects import Location, ObjectStore, Reading

CHUNK = 65_536
"""Bytes that are read at once."""

RECORD_LIMIT = 16 * 1024 * 1024
"""Bytes that a line, a row or an element may have; AWS refuses an item over 256 KiB later."""

_GZIP, _ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
"""What compressed content begins with."""


class Start(Struct, frozen=True, kw_only=True):
    """Where in an object the next item is."""

    offset: int = 0
    line: int = 0  # lines before it
    tag: str | None = None  # of the content that was read so far
    is_compressed: bool = False


class Content:
    """The content of an object from a byte on."""

    def __init__(self, store: ObjectStore, at: Location, start: Start) -> None:
        self._at = at
        try:
            self._reading = store.open(
                at, offset=0 if start.is_compressed else start.offset, tag=start.tag
            )
        except ObjectFailure as failure:
            fail(str(failure), failure)
        self.tag = self._reading.tag
        self._is_compressed = start.is_compressed
        self._head = b""
        self._decompressed: Callable[[int], bytes] | None = None
        try:
            self._begin(start.offset)
        except BaseException:
            self.close()
            raise

    def _begin(self, offset: int) -> None:
        """Find out whether the content is compressed, and go to the byte."""
        if offset > 0 and not self._is_compressed:
            return
        while len(self._head) < len(_ZSTD) and (more := self._raw(len(_ZSTD) - len(self._head))):
            self._head += more
        self._is_compressed = self._head.startswith((_GZIP, _ZSTD))
        if self._head.startswith(_GZIP):
            self._decompressed = gzip.GzipFile(fileobj=cast(Any, _Source(self))).read1
        elif self._head == _ZSTD:
            self._decompressed = _zstd(_Source(self)).read
        self._skip(offset)

    def read(self, size: int) -> bytes:
        """Return up to `size` bytes, b"" at the end; fail if the object cannot be read."""
        if self._decompressed is None:
            return self.stored(size)
        try:
            return self._decompressed(size)
        except (OSError, EOFError, zlib.error) as error:
            fail(f"{self._at} cannot be decompressed: {error}", error)

    def stored(self, size: int) -> bytes:
        """Return up to `size` bytes as they are stored."""
        if self._head:
            head, self._head = self._head[:size], self._head[size:]
            return head
        return self._raw(size)

    def start(self, offset: int, line: int) -> Start:
        """Return the position of a byte."""
        return Start(offset=offset, line=line, tag=self.tag, is_compressed=self._is_compressed)

    def close(self) -> None:
        """Give up the connection or file."""
        self._reading.close()

    def _raw(self, size: int) -> bytes:
        try:
            return self._reading.read(size)
        except ObjectFailure as failure:
            fail(str(failure), failure)

    def _skip(self, offset: int) -> None:
        while offset > 0:
            found = len(self.read(min(offset, CHUNK)))
            if not found:
                break
            offset -= found


class _Source(io.RawIOBase):
    """The stored bytes as a file, for those who decompress them."""

    def __init__(self, content: Content) -> None:
        super().__init__()
        self._content = content

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        return self._content.stored(CHUNK if size < 0 else size)


def _zstd(source: _Source) -> Any:
    """Return a file of the decompressed bytes."""
    try:
        import pyarrow as arrow  # an extra
    except ImportError as error:
        fail("files that are compressed by zstd need the extra partita[parquet]", error)
    return arrow.CompressedInputStream(arrow.PythonFile(source, mode="r"), "zstd")


class Lines:
    """The lines of an object's content, without their ends."""

    def __init__(self, store: ObjectStore, at: Location, start: Start | None) -> None:
        start = start or Start()
        self.at = at
        self._content = Content(store, at, start)
        self._offset = start.offset  # of the next line
        self.number = start.line  # of the last line
        self._lines = self._split()

    def __iter__(self) -> Iterator[str]:
        """Return the lines; fail at one that is no text."""
        for line in self._lines:
            self._offset += len(line) + 1
            self.number += 1
            if self.number == 1 and line.startswith(b"\xef\xbb\xbf"):
                line = line[3:]
            try:
                yield line.decode()
            except UnicodeDecodeError as error:
                self.fail(f"it is not in UTF-8: {error}", error)

    def start(self) -> Start:
        """Return the position of the next line."""
        return self._content.start(self._offset, self.number)

    def fail(self, reason: str, error: Exception | None = None) -> None:
        """Fail because of the last line."""
        fail(f"{self.at} cannot be read at line {self.number}: {reason}", error)

    def close(self) -> None:
        """Give up the object."""
        self._content.close()

    def _split(self) -> Iterator[bytes]:
        rest = b""
        while chunk := self._content.read(CHUNK):
            first, *others = chunk.split(b"\n")
            rest += first
            if others:
                yield rest
                *lines, rest = others
                yield from lines
            elif len(rest) > RECORD_LIMIT:
                self.number += 1
                self.fail(f"it has more than {RECORD_LIMIT} bytes")
        if rest:
            yield rest


class RandomAccess(io.RawIOBase):
    """An object as a file that can be read anywhere."""

    def __init__(self, store: ObjectStore, at: Location, tag: str | None) -> None:
        super().__init__()
        self._store, self._at = store, at
        reading = self._opened(0, 1, tag)
        self.tag, self._size, self._position = reading.tag, reading.size, 0
        reading.close()

    def _opened(self, offset: int, length: int, tag: str | None) -> Reading:
        try:
            return self._store.open(self._at, offset=offset, length=length, tag=tag)
        except ObjectFailure as failure:
            fail(str(failure), failure)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        self._position = max(0, base + offset)
        return self._position

    def readinto(self, buffer: Any) -> int:
        size = min(len(buffer), self._size - self._position)
        if size <= 0:
            return 0
        reading = self._opened(self._position, size, self.tag)
        try:
            data = reading.read(size)
        except ObjectFailure as failure:
            fail(str(failure), failure)
        finally:
            reading.close()
        buffer[: len(data)] = data
        self._position += len(data)
        return len(data)
