"""Keep executions in one SQLite file, which any number of processes may share.

Durable by default: WAL with `synchronous=FULL`, so that a commit has reached the disk when
it returns. Readers never block; one process writes at a time. Wake-ups between processes
come from `PRAGMA data_version`, which costs no query.

Source: https://sqlite.org/wal.html, https://sqlite.org/pragma.html#pragma_data_version
"""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from partita.errors import (
    PartitaError,
    StoreCorruptError,
    StoreError,
    StoreFullError,
    StoreUnavailableError,
)
from partita.history import AnyEvent
from partita.ports.state import (
    AnyItem,
    Backlog,
    ExecutionFilter,
)
from partita.ports.store import News, Overview, Record, Retention, WorkerRecord
from partita.stores.sql.migrations import migrate
from partita.stores.sql.records import (
    OVERVIEW_SQL,
    backlog_of,
    joined,
    overview_of,
    record_of,
    retention_of,
    unpack_item,
    worker_of,
)
from partita.stores.sqlite.check import check
from partita.stores.sqlite.removal import RETENTIONS
from partita.stores.sqlite.rows import (
    BACKLOGS,
    COUNT_QUEUED,
    ENTRIES,
    ENTRY,
    EVENTS,
    ITEM,
    ITEMS,
    LAST_RUN,
    RECORD,
    WORKERS,
    find_sql,
    where_sql,
)
from partita.stores.sqlite.transaction import SqliteTransaction

T = TypeVar("T")

LOCK_TIMEOUT = 10.0
"""Seconds to wait for another process's transaction."""

BRIEF_TIMEOUT = 0.025
"""Seconds that SQLite itself waits for it: the longer it does, the more seldom it looks."""

LONG, STRAIN, BREATH = 0.005, 0.5, 0.02
"""Who has held the lock for STRAIN seconds, in transactions of more than LONG seconds that follow
each other closely, lets others have it for BREATH seconds: it is not handed on by turns.
"""

GLANCE, BUSY_GLANCE = 0.01, 0.003
"""Seconds between two looks at what others have done, and the same while they do something.

A look wakes the process, which costs much more than the look: some 2 % of a core for GLANCE.
"""

BUSY = 0.5
"""Seconds after a change in which the next one is soon expected."""


class SqliteStore:
    """One file. Transactions use one connection, reads another, so that they do not wait."""

    shared = True

    def __init__(self, path: str | Path, *, synchronous: str = "FULL") -> None:
        self.path = Path(path)
        with translated(self.path):
            self._make_folder()
            self._writer = self._connect(synchronous, BRIEF_TIMEOUT)
            self._version = -1
            self._seen = -1
            self._news_at = 0.0  # when others were last seen to write
            self._lock = threading.Lock()
            self._strain = self._left_at = 0.0  # since the last breath; when the lock was let go
            self._next_run: int | None = None
            try:
                _patiently(lambda: migrate(self._writer, self.path))
                self._reader = self._connect(synchronous, LOCK_TIMEOUT)
            except BaseException:
                self._writer.close()
                raise
        self._read_lock = threading.Lock()

    def _make_folder(self) -> None:
        folder = self.path.parent
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreUnavailableError(
                f"cannot make the folder {folder} for the database: {error.strerror}; "
                "choose another with --backend sqlite:///PATH"
            ) from error

    def _connect(self, synchronous: str, timeout: float) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self.path,
            timeout=timeout,
            isolation_level=None,
            check_same_thread=False,
            cached_statements=256,
        )
        try:
            _patiently(lambda: connection.execute("PRAGMA journal_mode=WAL"))
            connection.execute(f"PRAGMA synchronous={synchronous}")
            connection.execute("PRAGMA temp_store=MEMORY")
        except BaseException:
            connection.close()
            raise
        return connection

    @contextmanager
    def transaction(self) -> Iterator[SqliteTransaction]:
        """Begin at once (`BEGIN IMMEDIATE`), so that nobody writes in between."""
        with self._lock, translated(self.path):
            execute = self._writer.execute
            self._breathe()
            _patiently(lambda: execute("BEGIN IMMEDIATE"))
            begun = time.monotonic()
            try:
                version = execute("PRAGMA data_version").fetchone()[0]
                foreign = version != self._version
                if foreign:
                    self._next_run = None
                transaction = SqliteTransaction(self._writer, self.take_run, foreign=foreign)
                yield transaction
                execute("COMMIT" if transaction.dirty else "ROLLBACK")
            except BaseException:
                self._version = -1
                self._next_run = None
                if self._writer.in_transaction:
                    execute("ROLLBACK")
                raise
            finally:
                self._left_at = time.monotonic()
                if self._left_at - begun > LONG:
                    self._strain += self._left_at - begun
            self._version = version

    def _breathe(self) -> None:
        """Let others in, if they may have tried in vain for long."""
        pause = BREATH - (time.monotonic() - self._left_at)
        if pause <= 0:
            self._strain = 0.0
        elif self._strain > STRAIN:
            time.sleep(pause)
            self._strain = 0.0

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
            version = _patiently(lambda: self._writer.execute("PRAGMA data_version").fetchone()[0])
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

    def _read(self, sql: str, parameters: Iterable[Any] = ()) -> list[Any]:
        with self._read_lock, translated(self.path):
            return self._reader.execute(sql, tuple(parameters)).fetchall()

    def find(self, domain: str, workflow_id: str, run_id: str | None) -> Record | None:
        """Return the run, or the newest run of the workflow id, as last committed."""
        rows = self._read(*find_sql(domain, workflow_id, run_id))
        with translated(self.path):
            return record_of(rows[0]) if rows else None

    def open_among(self, runs: Collection[int]) -> set[int]:
        """Return which of these runs are there and open, as last committed."""
        sql = (
            "SELECT run FROM executions WHERE status = 0 "
            "AND run IN (SELECT value FROM json_each(?))"
        )
        return {run for (run,) in self._read(sql, (json.dumps(list(runs)),))}

    def item(self, run: int, kind: str, id: str) -> AnyItem | None:
        """Return one open item, as last committed."""
        rows = self._read(ITEM, (run, kind, id))
        with translated(self.path):
            return unpack_item(rows[0][0]) if rows else None

    def items(self, run: int) -> list[AnyItem]:
        """Return all the open items of a run, as last committed."""
        with translated(self.path):
            return [unpack_item(body) for (body,) in self._read(ITEMS, (run,))]

    def events(self, run: int, after: int) -> list[AnyEvent]:
        """Return the committed events after number `after`."""
        with translated(self.path):
            return joined(self._read(EVENTS, (run, run, after)), after)

    def entry(self, kind: str, domain: str, key: str) -> str | None:
        """Return what the catalogue holds under a key, as last committed."""
        rows = self._read(ENTRY, (kind, domain, key))
        return rows[0][0] if rows else None

    def entries(self, kind: str, domain: str) -> dict[str, str]:
        """Return what the catalogue holds of a kind in a domain, by key, as last committed."""
        return dict(self._read(ENTRIES, (kind, domain)))

    def count_queued(self, kind: str, domain: str, task_list: str) -> int:
        """Count the items that wait in a queue."""
        return int(self._read(COUNT_QUEUED, (kind, domain, task_list))[0][0])

    def executions(self, filter: ExecutionFilter) -> list[Record]:
        """Return up to `filter.limit` executions, newest first."""
        where, parameters = where_sql(filter)
        sql = f"{RECORD}{where} ORDER BY run DESC LIMIT ?"
        with translated(self.path):
            return [record_of(row) for row in self._read(sql, [*parameters, filter.limit])]

    def count_executions(self, filter: ExecutionFilter) -> int:
        """Count the executions that `executions` would return without a limit."""
        where, parameters = where_sql(filter)
        return int(self._read(f"SELECT count(*) FROM executions {where}", parameters)[0][0])

    def backlogs(self, domain: str) -> list[Backlog]:
        """Return how much waits in each task list of a domain."""
        return [backlog_of(row) for row in self._read(BACKLOGS, (domain,))]

    def closed(self, filter: ExecutionFilter, after: tuple[float, int] = (0.0, 0)) -> list[Record]:
        """Return up to `filter.limit` closed executions, the one that began first first."""
        where, parameters = where_sql(filter)
        sql = (
            f"{RECORD}{where} AND status <> 0 AND (started_at, run) > (?, ?) "
            "ORDER BY started_at, run LIMIT ?"
        )
        with translated(self.path):
            rows = self._read(sql, [*parameters, *after, filter.limit])
            return [record_of(row) for row in rows]

    def retentions(self) -> list[Retention]:
        """Return the retention of every domain that has one, as last committed."""
        return [retention_of(row) for row in self._read(RETENTIONS)]

    def overview(self, moment: float) -> Overview:
        """Return how everything stands, at one moment."""
        with self._read_lock, translated(self.path):
            self._reader.execute("BEGIN")
            try:
                queues, tasks, overdue, bare, latest = (
                    self._reader.execute(
                        text.replace("@", ""), (moment,) if "?" in text else ()
                    ).fetchall()
                    for text in OVERVIEW_SQL
                )
            finally:
                self._reader.execute("ROLLBACK")
            return overview_of(queues, tasks, overdue, bare, latest[0][0])

    def workers(self) -> list[WorkerRecord]:
        """Return every worker on record."""
        return [worker_of(row) for row in self._read(WORKERS)]

    def check(self) -> list[str]:
        """Run SQLite's own integrity check, and ours, on what is there at one moment."""
        with self._read_lock, translated(self.path):
            self._reader.execute("BEGIN")
            try:
                return check(self._reader)
            finally:
                self._reader.execute("ROLLBACK")

    def close(self) -> None:
        """Close both connections; the last one to close folds the WAL into the file."""
        with self._read_lock:
            self._reader.close()
        with self._lock:
            self._writer.close()


def _patiently(attempt: Callable[[], T]) -> T:
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


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Turn SQLite's errors into ours, which say what to do."""
    try:
        yield
    except PartitaError:
        raise
    except sqlite3.Error as error:
        raise _store_error(error, path) from error
    except msgspec.MsgspecError as error:
        raise StoreCorruptError(f"{path} holds a row that cannot be read: {error}") from error


def _store_error(error: sqlite3.Error, path: Path) -> StoreError:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    match code:
        case sqlite3.SQLITE_IOERR if error.sqlite_errorcode == sqlite3.SQLITE_IOERR_WRITE:
            return StoreFullError(
                f"the disk of {path} does not take what is written ({error}): a quota or a limit "
                "is used up, or the disk is broken; make room and go on"
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
