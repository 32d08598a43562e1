"""Find out whether somebody keeps others from writing to a SQLite file, and who.

SQLite itself knows only that a lock is held; on Linux the kernel knows by whom.

Source: https://www.sqlite.org/walformat.html ("WAL Locks"), https://www.sqlite.org/lockingv3.html,
proc_locks(5)
"""

from __future__ import annotations

import sqlite3
import time
from contextlib import suppress
from pathlib import Path

from partita.stores.maintenance import Lock

LOCK_SECONDS = 3.0
"""Seconds after which a lock is called long; a decision that takes two commits early."""

_WAL_WRITE_LOCK = 120
_RESERVED_BYTE = 0x40000000 + 1
"""Bytes that whoever writes has locked: of the file NAME-shm, or else of the file itself."""


def long_locks(
    connection: sqlite3.Connection, path: Path, seconds: float = LOCK_SECONDS
) -> list[Lock]:
    """Try to write for a while: a lock is long if nobody gives it up, and nothing is committed.

    The connection must not wait for locks by itself.
    """
    before = _commits(connection)
    begun = time.monotonic()
    while _is_locked(connection):
        if _commits(connection) != before:  # others write, one after the other
            return []
        if (waited := time.monotonic() - begun) > seconds:
            return [_lock(holder_of(path), waited)]
        time.sleep(0.02)
    return []


def _commits(connection: sqlite3.Connection) -> int:
    """Return a number that changes when another connection commits."""
    return int(connection.execute("PRAGMA data_version").fetchone()[0])


def _is_locked(connection: sqlite3.Connection) -> bool:
    try:
        connection.execute("BEGIN IMMEDIATE")
    except sqlite3.OperationalError as error:
        return error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY
    connection.execute("ROLLBACK")
    return False


def _lock(pid: int | None, seconds: float) -> Lock:
    if pid is None:
        return Lock("another process", seconds, "end that process: `lsof` tells who has it open")
    return Lock(f"process {pid}{_command(pid)}", seconds, f"end that process: `kill {pid}`")


def holder_of(path: Path, locks: Path = Path("/proc/locks")) -> int | None:
    """Return the process that has the lock for writing; None if that cannot be told."""
    with suppress(OSError):
        held = [line.split() for line in locks.read_text().splitlines()]
        for file, byte in (
            (path.with_name(f"{path.name}-shm"), _WAL_WRITE_LOCK),
            (path, _RESERVED_BYTE),
        ):
            inode = str(file.stat().st_ino)
            for _, _, _, kind, pid, where, first, last in (one for one in held if len(one) == 8):
                is_there = where.rpartition(":")[2] == inode
                if kind == "WRITE" and is_there and _covers(first, last, byte) and int(pid) > 0:
                    return int(pid)
    return None


def _covers(first: str, last: str, byte: int) -> bool:
    return int(first) <= byte and (last == "EOF" or byte <= int(last))


def _command(pid: int) -> str:
    with suppress(OSError):
        words = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
        return f" ({' '.join(words).strip()[:120]})"
    return ""
