"""Keep closed executions in a file of JSON lines, one each, which only ever grows.

A line is an exported history (`exported`). If the file's name ends in `.gz`, what is appended
at a time is a gzip member of its own: such a file is read as a whole by any gunzip. Whoever
dies while it appends leaves a line, or a member, without its end; nothing was removed on the
strength of it, so the next one to append cuts it off. What is cut off is said, and kept in a
file beside it (`NAME.cut`): it may also be the end of a file that was damaged later. A history
may stand in an archive twice: its remover died after it was written. Taken in twice is taken in
once.
"""

from __future__ import annotations

import fcntl
import gzip
import itertools
import logging
import os
import shutil
import tempfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from partita.errors import InvalidInputError, InvalidOptionError
from partita.history.document import ExportedHistory, files_in, load
from partita.private_files import opener

log = logging.getLogger("partita")

SUFFIXES = (".jsonl", ".jsonl.gz")

CHUNK = 1 << 20
"""Bytes that are read at a time."""


class Archive:
    """One archive, open for appending; nobody else appends to it meanwhile.

    Raises:
        InvalidOptionError: somebody else appends, or its name is not an archive's.
        InvalidInputError: the file holds something else, or is damaged before its end.
    """

    def __init__(self, path: Path) -> None:
        if not path.name.endswith(SUFFIXES):
            raise InvalidOptionError(
                f"{path} is no archive's name; let it end in {' or '.join(SUFFIXES)}"
            )
        self.path = path
        self._packs = path.name.endswith(".gz")
        is_new = not path.exists()
        self._file: BinaryIO = open(path, "ab+", opener=opener)  # noqa: SIM115
        try:
            self._lock()
            self._cut(_sound_end(self._file, path, packs=self._packs))
            self._sync()
            if is_new:
                sync_folder(path)
        except BaseException:
            self._file.close()
            raise

    def _lock(self) -> None:
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise InvalidOptionError(
                f"another process appends to {self.path}; let it end, or name another file"
            ) from None

    def _cut(self, end: int) -> None:
        """Move what stands behind the last whole line, or member, into a file of its own."""
        size = self._file.seek(0, os.SEEK_END) - end
        if size:
            self._file.seek(end)
            kept = _kept(self._file, self.path)
            self._file.truncate(end)
            log.warning(
                "%s did not end soundly (a writer died, or it was damaged): its last %s bytes were "
                "moved to %s",
                *(self.path, f"{size:,}", kept),
            )

    def append(self, histories: Iterable[ExportedHistory]) -> None:
        """Write these, and have them on the disk when it returns."""
        text = "".join(f"{history.line()}\n" for history in histories).encode()
        self._file.write(gzip.compress(text) if self._packs else text)
        self._sync()

    def _sync(self) -> None:
        self._file.flush()
        os.fsync(self._file.fileno())

    def close(self) -> None:
        """Close the file, and release its lock for other processes."""
        self._file.close()

    def __enter__(self) -> Archive:
        """Return itself."""
        return self

    def __exit__(self, *exc: object) -> None:
        """Close."""
        self.close()


def sync_folder(path: Path) -> None:
    """Flush the folder of a file to disk, so that a new or renamed file survives a crash."""
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _kept(rest: BinaryIO, path: Path) -> Path:
    """Write what is left to read into a new file beside another; it is on the disk then."""
    for number in itertools.count(1):
        kept = path.with_name(f"{path.name}.cut{number if number > 1 else ''}")
        with suppress(FileExistsError), open(kept, "xb", opener=opener) as file:
            shutil.copyfileobj(rest, file)
            file.flush()
            os.fsync(file.fileno())
            break
    sync_folder(kept)
    return kept


def _sound_end(file: BinaryIO, path: Path, *, packs: bool) -> int:
    """Return where the last whole line, or member, ends."""
    file.seek(0)
    head = file.read(2)
    if head and head != (b"\x1f\x8b" if packs else b'{"'):
        raise InvalidInputError(f"{path} is there and is not an archive; name another file")
    return _end_of_members(file, path) if packs else _end_of_lines(file)


def _end_of_lines(file: BinaryIO) -> int:
    end = file.seek(0, os.SEEK_END)
    while end > 0:
        start = max(0, end - CHUNK)
        file.seek(start)
        found = file.read(end - start).rfind(b"\n")
        if found >= 0:
            return start + found + 1
        end = start
    return 0


def _end_of_members(file: BinaryIO, path: Path) -> int:
    file.seek(0)
    end = position = 0
    member = zlib.decompressobj(wbits=31)
    while data := file.read(CHUNK):
        position += len(data)
        while data:
            try:
                member.decompress(data)
            except zlib.error as error:
                if not any(data) and not any(file.read()):  # a crash has left only zeros
                    return end
                raise InvalidInputError(
                    f"{path} is damaged in the member at byte {end} ({error}); "
                    "keep it as it is, and name another file"
                ) from error
            if not member.eof:
                break
            data = member.unused_data
            end = position - len(data)
            member = zlib.decompressobj(wbits=31)
    return end


def files_below(path: Path) -> list[Path]:
    """Return the path of a file, or of every archive and exported history below a folder.

    Raises:
        InvalidInputError: the folder has none, or there is no such file or folder.
    """
    if not path.is_dir():
        return files_in(path)
    archives = sorted(file for file in path.rglob("*") if file.name.endswith(SUFFIXES))
    return archives + ([] if archives and not any(path.rglob("*.json")) else files_in(path))


class Pages:
    """What an archive holds, in any order. Its lines are kept in a temporary file, unpacked."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lines: BinaryIO = tempfile.TemporaryFile()  # noqa: SIM115

    def __enter__(self) -> Pages:
        """Return itself."""
        return self

    def __exit__(self, *exc: object) -> None:
        """Drop the temporary file."""
        self._lines.close()

    def every(self) -> Iterator[tuple[int, ExportedHistory]]:
        """Yield every history, and the place at which it can be read again.

        Raises:
            InvalidInputError: the file cannot be read, or a line is no exported history.
        """
        place = 0
        for number, line in enumerate(_lines(self._path), 1):
            history = _read(line, f"{self._path}, line {number},")
            self._lines.seek(place)
            self._lines.write(line)
            yield place, history
            place += len(line)

    def at(self, place: int) -> ExportedHistory:
        """Return the history at a place."""
        self._lines.seek(place)
        return _read(self._lines.readline(), f"{self._path}, a line,")


def _lines(path: Path) -> Iterator[bytes]:
    try:
        with gzip.open(path, "rb") if path.name.endswith(".gz") else open(path, "rb") as lines:
            yield from lines
    except (OSError, EOFError, zlib.error) as error:
        raise InvalidInputError(
            f"{path} cannot be read: {error}; if its writer died, `partita prune --archive-to` "
            "mends its end"
        ) from error


def _read(line: bytes, source: str) -> ExportedHistory:
    try:
        return load(line.decode(), source)
    except UnicodeDecodeError as error:
        raise InvalidInputError(f"{source} is no exported history: it is not UTF-8") from error
