"""Keep executions in one SQLite file, which any number of processes may share.

Durable by default: WAL with `synchronous=FULL`, so that a commit has reached the disk when
it returns. Readers never block; one process writes at a time. Wake-ups between processes
come from `PRAGMA data_version`, which costs no query.

Source: https://sqlite.org/wal.html, https://sqlite.org/pragma.html#pragma_data_version
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from types import TracebackType
from typing import TypeVar

import msgspec

from partita.errors import (
    StoreUnavailableError,
)
from partita.ports.capabilities import Obstacle
from partita.ports.store import News
from partita.private_files import make_folder, reserve
from partita.stores.sql.check import check
from partita.stores.sql.reads import Row, SqlStore
from partita.stores.sqlite.faults import LOCK_TIMEOUT, store_error, translated
from partita.stores.sqlite.schema import migrate, refuse_foreign
from partita.stores.sqlite.transaction import DIALECT, SqliteTransaction, statement

T = TypeVar("T")


BRIEF_TIMEOUT = 0.025
"""Seconds that SQLite itself waits for it: the longer it does, the more seldom it looks."""

LONG_TRANSACTION, HELD_LIMIT, LOCK_PAUSE = 0.005, 0.5, 0.02
"""A process that has held the lock for HELD_LIMIT seconds, in transactions of more than
LONG_TRANSACTION seconds that follow each other closely, leaves it to others for LOCK_PAUSE
seconds: SQLite does not give the lock to those who wait in turn.
"""

GLANCE, BUSY_GLANCE = 0.01, 0.003
"""Seconds between two looks at what others have done, and the same while they do something.

A look wakes the process, which costs much more than the look: some 2 % of a core for GLANCE.
"""

WAL_LIMIT = 16 << 20
"""Bytes that the WAL keeps while nobody reads what is old."""

WAL_INTERVAL = 5.0
"""Seconds between two looks at its size."""

LEAST_FREE = 256 << 10
"""Bytes below which a disk is called full: a transaction may need more."""

BUSY = 0.5
"""Seconds after a change in which the next one is soon expected."""


LAST_RUN = (
    "SELECT max((SELECT coalesce(max(run), 0) FROM executions), "
    "(SELECT coalesce(max(run), 0) FROM removed))"
)


class SqliteStore(SqlStore):
    """One file. Transactions use one connection, reads another, so that they do not wait."""

    dialect = DIALECT

    def __init__(self, path: str | Path, *, synchronous: str = "FULL") -> None:
        self.path = Path(path)
        with translated(self.path):
            self._make_folder()
            self._writer = self._connect(synchronous, BRIEF_TIMEOUT)
            self._version = -1
            self._seen = -1
            self._news_at = 0.0  # when others were last seen to write
            self._lock = threading.Lock()
            self._held = self._released_at = 0.0  # since the last pause; when the lock was let go
            self._begun = 0.0  # when the present transaction began
            self._read_version = -1  # `data_version`, as it has read it
            self._next_run: int | None = None
            self._wal = self.path.with_name(f"{self.path.name}-wal")
            self._wal_looked_at = time.monotonic()
            try:
                _retry_while_locked(lambda: migrate(self._writer, self.path))
                self._reader = self._connect(synchronous, LOCK_TIMEOUT)
            except BaseException:
                self._writer.close()
                raise
        self._read_lock = threading.Lock()

    def _make_folder(self) -> None:
        folder = self.path.parent
        try:
            make_folder(folder)
        except OSError as error:
            raise StoreUnavailableError(
                f"cannot make the folder {folder} for the database: {error.strerror}; "
                "choose another with --backend sqlite:///PATH"
            ) from error

    def _connect(self, synchronous: str, timeout: float) -> sqlite3.Connection:
        reserve(self.path)
        connection = sqlite3.connect(
            self.path,
            timeout=timeout,
            isolation_level=None,
            check_same_thread=False,
            cached_statements=256,
        )
        try:
            _retry_while_locked(lambda: refuse_foreign(connection, self.path))
            _retry_while_locked(lambda: connection.execute("PRAGMA journal_mode=WAL"))
            connection.execute(f"PRAGMA synchronous={synchronous}")
            connection.execute("PRAGMA temp_store=MEMORY")
            connection.execute(f"PRAGMA journal_size_limit={WAL_LIMIT}")
        except BaseException:
            connection.close()
            raise
        return connection

    def transaction(self) -> AbstractContextManager[SqliteTransaction]:
        """Begin at once (`BEGIN IMMEDIATE`), so that nobody writes in between."""
        return _Block(self)

    def begin(self) -> SqliteTransaction:
        """Begin a transaction; `end` must follow."""
        self._lock.acquire()
        self._begun = time.monotonic()
        try:
            execute = self._writer.execute
            self._yield_lock()
            try:
                execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError:
                _retry_while_locked(lambda: execute("BEGIN IMMEDIATE"))
            self._begun = time.monotonic()
            self._read_version = execute("PRAGMA data_version").fetchone()[0]
            foreign = self._read_version != self._version
            if foreign:
                self._next_run = None
            return SqliteTransaction(self._writer, self.take_run, foreign=foreign)
        except BaseException as error:
            self.undo()
            if isinstance(error, sqlite3.Error):
                raise store_error(error, self.path) from error
            raise

    def end(self, *, commit: bool) -> None:
        """Commit the transaction that was begun, or undo it."""
        try:
            if commit:
                self._writer.execute("COMMIT")
            else:
                self._writer.execute("ROLLBACK")
            self._version = self._read_version
        except sqlite3.Error as error:
            self._undo()
            raise store_error(error, self.path) from error
        except BaseException:
            self._undo()
            raise
        finally:
            self._let_go()

    def undo(self) -> None:
        """Undo the transaction that was begun, and forget what was known of the file."""
        try:
            with translated(self.path):
                self._undo()
        finally:
            self._let_go()

    def _undo(self) -> None:
        self._version = -1
        self._next_run = None
        if self._writer.in_transaction:
            self._writer.execute("ROLLBACK")

    def _let_go(self) -> None:
        """Release the lock, and note for how long it was held."""
        now = self._released_at = time.monotonic()
        if now - self._begun > LONG_TRANSACTION:
            self._held += now - self._begun
        try:
            if now - self._wal_looked_at > WAL_INTERVAL:
                self._bound_wal()
        finally:
            self._lock.release()

    def _bound_wal(self) -> None:
        """Fold a large WAL into the file, and cut it; while somebody reads what is old, not yet."""
        now = time.monotonic()
        if now - self._wal_looked_at < WAL_INTERVAL:
            return
        self._wal_looked_at = now
        with suppress(OSError, sqlite3.OperationalError):
            if self._wal.stat().st_size > WAL_LIMIT:
                self._writer.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()

    def _yield_lock(self) -> None:
        """Pause, so that other processes get the lock, if this one has held it too long."""
        pause = LOCK_PAUSE - (time.monotonic() - self._released_at)
        if pause <= 0:
            self._held = 0.0
        elif self._held > HELD_LIMIT:
            time.sleep(pause)
            self._held = 0.0

    def take_run(self) -> int:
        """Return the next run's key; only within a transaction."""
        if self._next_run is None:
            last = self._writer.execute(LAST_RUN).fetchone()[0]
            self._next_run = last + 1
        self._next_run += 1
        return self._next_run - 1

    def changed(self) -> News:
        """Ask SQLite whether another connection has committed since the last call."""
        with self._lock, translated(self.path):
            version = _retry_while_locked(
                lambda: self._writer.execute("PRAGMA data_version").fetchone()[0]
            )
            self._bound_wal()
        if version == self._seen:
            return News.NOTHING
        self._seen = version
        self._news_at = time.monotonic()
        return News.ALL

    @property
    def glance(self) -> float:
        """Return a shorter time while others write: they may be waiting for us."""
        return BUSY_GLANCE if time.monotonic() - self._news_at < BUSY else GLANCE

    def on_change(self, heard: Callable[[], None]) -> None:
        """Do nothing: SQLite tells nobody, and asking it costs no query."""

    def _all(self, read: Callable[[Row], T], text: str, parameters: Row = ()) -> list[T]:
        with self._read_lock, translated(self.path):
            return [read(row) for row in self._reader.execute(statement(text), tuple(parameters))]

    def obstacle(self) -> Obstacle | None:
        """Return whether the file cannot be written here, or its disk is full."""
        folder = self.path.absolute().parent
        try:
            is_read_only = bool(os.statvfs(folder).f_flag & os.ST_RDONLY)
            free = shutil.disk_usage(folder).free
        except OSError:
            return None
        if is_read_only or not os.access(self.path, os.W_OK, effective_ids=True):
            return Obstacle(is_full=False, what=f"{self.path} cannot be written by this user")
        if free < LEAST_FREE:
            return Obstacle(is_full=True, what=f"the disk of {self.path} has {free:,} bytes left")
        return None

    def check(self) -> list[str]:
        """Run SQLite's own integrity check, and ours, on what is there at one moment."""
        with self._read_lock, translated(self.path):
            self._reader.execute("BEGIN")
            try:
                return list(_faults(self._reader))
            finally:
                self._reader.execute("ROLLBACK")

    def close(self) -> None:
        """Close both connections; the last one to close folds the WAL into the file."""
        with self._read_lock:
            self._reader.close()
        with self._lock:
            self._writer.close()


class _Block:
    """The block of a write transaction; what is written counts only if it ends without an error."""

    __slots__ = ("_store", "_transaction")

    def __init__(self, store: SqliteStore) -> None:
        self._store = store

    def __enter__(self) -> SqliteTransaction:
        self._transaction = self._store.begin()
        return self._transaction

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is None:
            self._store.end(commit=self._transaction.dirty)
            return
        self._store.undo()
        if isinstance(error, sqlite3.Error | msgspec.MsgspecError):
            with translated(self._store.path):
                raise error


def _faults(connection: sqlite3.Connection) -> Iterator[str]:
    def read(text: str, parameters: Row) -> list[Row]:
        return connection.execute(statement(text), tuple(parameters)).fetchall()

    yield from (row[0] for row in read("PRAGMA integrity_check", ()) if row[0] != "ok")
    yield from check(read, with_revision=False)


def _retry_while_locked(attempt: Callable[[], T]) -> T:
    """Try again while others make, open or write the file: SQLite itself does not wait for long."""
    until = time.monotonic() + LOCK_TIMEOUT
    while True:
        try:
            return attempt()
        except sqlite3.OperationalError as error:
            busy = error.sqlite_errorcode & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
            if not busy or time.monotonic() > until:
                raise
            time.sleep(0.002)
