"""Turn SQLite's errors into ours, which say what to do."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from partita.errors import (
    PartitaError,
    StoreCorruptError,
    StoreError,
    StoreFullError,
    StoreUnavailableError,
)

LOCK_TIMEOUT = 10.0
"""Seconds to wait for another process's transaction."""


_NOT_TAKEN = (sqlite3.SQLITE_IOERR_WRITE, sqlite3.SQLITE_IOERR_SHMSIZE)
"""Errors of a disk without room."""


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Turn SQLite's errors into ours, which say what to do."""
    try:
        yield
    except PartitaError:
        raise
    except sqlite3.Error as error:
        raise store_error(error, path) from error
    except msgspec.MsgspecError as error:
        raise StoreCorruptError(f"{path} holds a row that cannot be read: {error}") from error


def store_error(error: sqlite3.Error, path: Path) -> StoreError:
    """Return the error that means the same to who uses a store."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    match code:
        case sqlite3.SQLITE_IOERR if error.sqlite_errorcode in _NOT_TAKEN:
            return StoreFullError(
                f"the disk of {path} does not take what is written ({error}): a quota or a limit "
                "is used up, or the disk is broken; make room and go on"
            )
        case sqlite3.SQLITE_IOERR:
            return StoreUnavailableError(
                f"the disk of {path} fails ({error}), which says nothing about the file's content; "
                "look at the disk, and at what the kernel logs of it, then try again"
            )
        case sqlite3.SQLITE_FULL:
            return StoreFullError(f"no room left on the disk of {path}; make room and go on")
        case sqlite3.SQLITE_CORRUPT | sqlite3.SQLITE_NOTADB:
            return StoreCorruptError(
                f"{path} is damaged or is not a database ({error}); "
                "restore a backup, or choose another file with --backend sqlite:///PATH"
            )
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            return StoreUnavailableError(
                f"{path} has been locked by another process for {LOCK_TIMEOUT:.0f} s; try again"
            )
        case sqlite3.SQLITE_READONLY | sqlite3.SQLITE_CANTOPEN | sqlite3.SQLITE_PERM:
            return StoreUnavailableError(
                f"cannot write to {path} ({error}); "
                "check its permissions, or choose another file with --backend sqlite:///PATH"
            )
        case _:
            return StoreUnavailableError(f"{path}: {error}")


def file_of(connection: sqlite3.Connection) -> Path:
    """Return the file of a connection, for a message."""
    try:
        return Path(connection.execute("PRAGMA database_list").fetchone()[2])
    except sqlite3.Error:
        return Path("the database")
