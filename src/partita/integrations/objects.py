"""Keep data sets and results as objects: the contract of S3, and a folder that stands for it.

An object is found by bucket and key. In a folder it is the file FOLDER/BUCKET/KEY.
"""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Protocol

from msgspec import Struct

from partita.integrations.failures import ObjectFailure


class Location(Struct, frozen=True):
    """Where an object is."""

    bucket: str
    key: str
    version: str | None = None  # of a bucket that keeps versions

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.key}"


class ListedObject(Struct, frozen=True, kw_only=True):
    """What a listing says of an object."""

    key: str
    tag: str  # of the content, in quotes as S3 has it
    modified: float  # seconds since 1970
    size: int  # bytes
    storage_class: str = "STANDARD"


class Reading(Protocol):
    """The content of an object, from some byte on."""

    @property
    def tag(self) -> str:
        """What changes whenever the content does."""

    @property
    def size(self) -> int:
        """Bytes of the whole object."""

    def read(self, size: int) -> bytes:
        """Return up to `size` bytes, b"" at the end.

        Raises:
            ObjectFailure: the object cannot be read further.
        """

    def close(self) -> None:
        """Give up what the reading holds."""


class ObjectStore(Protocol):
    """Where objects are. Safe for many threads."""

    def open(
        self, at: Location, *, offset: int = 0, length: int | None = None, tag: str | None = None
    ) -> Reading:
        """Begin to read an object at a byte; `tag` is that of the content that is meant.

        Raises:
            ObjectFailure: it is not there, may not be read, or has another content by now.
        """

    def list(self, bucket: str, prefix: str, after: str, limit: int) -> list[ListedObject]:
        """Return up to `limit` objects below a prefix whose keys come after one, by key.

        Raises:
            ObjectFailure: there is no such bucket, or it may not be listed.
        """

    def put(self, at: Location, data: bytes) -> None:
        """Write an object as a whole; writing it again writes the same.

        Raises:
            ObjectFailure: it cannot be written.
        """


class FolderStore:
    """Objects as files of a folder."""

    def __init__(self, folder: str | Path) -> None:
        self._folder = Path(folder)

    def open(
        self, at: Location, *, offset: int = 0, length: int | None = None, tag: str | None = None
    ) -> Reading:
        path = self._path(at)
        try:
            file = path.open("rb")
        except OSError as error:
            missing = "The specified key does not exist."
            reason = missing if isinstance(error, FileNotFoundError) else str(error)
            raise ObjectFailure(f"{reason} ({at} is the file {path})") from error
        reading = _FileReading(file, length)
        if tag is not None and tag != reading.tag:
            reading.close()
            raise ObjectFailure(f"{at} has changed while it was read")
        file.seek(offset)
        return reading

    def list(self, bucket: str, prefix: str, after: str, limit: int) -> list[ListedObject]:
        keys = sorted(key for key in self._keys(bucket) if key.startswith(prefix) and key > after)
        return [self._listed(bucket, key) for key in keys[:limit]]

    def put(self, at: Location, data: bytes) -> None:
        path = self._path(at)
        part = path.with_name(f".{path.name}.part")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            part.write_bytes(data)
            part.replace(path)
        except OSError as error:
            raise ObjectFailure(f"{at} cannot be written: {error}") from error

    def _path(self, at: Location) -> Path:
        """Return the file of an object; no key leads out of the folder."""
        root = self._folder.resolve()
        path = Path(os.path.normpath(root / at.bucket / at.key))
        inside = path.is_relative_to(root / at.bucket) and path != root / at.bucket
        if not inside or "/" in at.bucket or at.bucket in ("", ".", "..") or "\0" in at.key:
            raise ObjectFailure(f"{at} is no key that can be a file of {self._folder}")
        return path

    def _keys(self, bucket: str) -> Iterator[str]:
        root = self._folder.resolve() / bucket
        if "/" in bucket or bucket in ("", ".", "..") or not root.is_dir():
            raise ObjectFailure(f"The specified bucket does not exist ({bucket} is {root})")
        for folder, _, names in os.walk(root):
            for name in names:
                if not (name.startswith(".") and name.endswith(".part")):
                    yield (Path(folder) / name).relative_to(root).as_posix()

    def _listed(self, bucket: str, key: str) -> ListedObject:
        path = self._folder.resolve() / bucket / key
        status = path.stat()
        with path.open("rb") as file:
            tag = hashlib.file_digest(file, "md5").hexdigest()
        return ListedObject(key=key, tag=f'"{tag}"', modified=status.st_mtime, size=status.st_size)


class _FileReading:
    """The content of a file."""

    def __init__(self, file: BinaryIO, length: int | None) -> None:
        self._file = file
        self._left = length
        status = os.fstat(file.fileno())
        self.tag = f'"{status.st_mtime_ns:x}-{status.st_size:x}"'
        self.size = status.st_size

    def read(self, size: int) -> bytes:
        if self._left is not None:
            size = min(size, self._left)
        data = self._file.read(size)
        if self._left is not None:
            self._left -= len(data)
        return data

    def close(self) -> None:
        self._file.close()


class TextStore:
    """A text that every object has as its content; nothing can be listed or written."""

    def __init__(self, text: str) -> None:
        self._data = text.encode("utf-8", "surrogatepass")

    def open(
        self, at: Location, *, offset: int = 0, length: int | None = None, tag: str | None = None
    ) -> Reading:
        """Begin to read at a byte."""
        del at, tag
        end = len(self._data) if length is None else offset + length
        return _TextReading(self._data[offset:end], len(self._data))

    def list(self, bucket: str, prefix: str, after: str, limit: int) -> list[ListedObject]:
        """Refuse."""
        del after, limit
        raise ObjectFailure(f"s3://{bucket}/{prefix} cannot be listed in a test")

    def put(self, at: Location, data: bytes) -> None:
        """Refuse."""
        del data
        raise ObjectFailure(f"{at} cannot be written in a test")


class _TextReading:
    tag = '"text"'

    def __init__(self, data: bytes, size: int) -> None:
        self._rest = io.BytesIO(data)
        self.size = size

    def read(self, size: int) -> bytes:
        return self._rest.read(size)

    def close(self) -> None:
        self._rest.close()
