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
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from partita.errors import (
    PartitaError,
    StoreCorruptError,
    StoreError,
    StoreFullError,
    StoreUnavailableError,
)
from partita.history import AnyEvent
from partita.state import (
    AnyItem,
    Execution,
    ExecutionFilter,
    OpenChild,
    OpenItem,
    Progress,
    State,
)
from partita.store import Answer, LimitRecord, Question, Record, Taken, WorkerRecord
from partita.stores.migrations import migrate

LOCK_TIMEOUT = 10.0
"""Seconds to wait for another process's transaction."""

_pack = msgspec.msgpack.Encoder().encode
_unpack_events = msgspec.msgpack.Decoder(list[AnyEvent]).decode
_unpack_execution = msgspec.msgpack.Decoder(Execution).decode
_unpack_progress = msgspec.msgpack.Decoder(Progress).decode
_unpack_item: Callable[[bytes], AnyItem] = msgspec.msgpack.Decoder(AnyItem).decode

_RECORD = "SELECT run, execution, progress FROM executions "


class SqliteStore:
    """One file. Transactions use one connection, reads another, so that they do not wait."""

    shared = True

    def __init__(self, path: str | Path, *, synchronous: str = "FULL") -> None:
        self.path = Path(path)
        with _translated(self.path):
            self._make_folder()
            self._writer = self._connect(synchronous)
            self._version = -1
            self._seen = -1
            self._lock = threading.Lock()
            self._next_run: int | None = None
            try:
                migrate(self._writer, self.path)
                self._reader = self._connect(synchronous)
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

    def _connect(self, synchronous: str) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self.path,
            timeout=LOCK_TIMEOUT,
            isolation_level=None,
            check_same_thread=False,
            cached_statements=256,
        )
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute(f"PRAGMA synchronous={synchronous}")
            connection.execute("PRAGMA temp_store=MEMORY")
        except BaseException:
            connection.close()
            raise
        return connection

    @contextmanager
    def transaction(self) -> Iterator[SqliteTransaction]:
        """Begin at once (`BEGIN IMMEDIATE`), so that nobody writes in between."""
        with self._lock, _translated(self.path):
            execute = self._writer.execute
            execute("BEGIN IMMEDIATE")
            try:
                version = execute("PRAGMA data_version").fetchone()[0]
                foreign = version != self._version
                if foreign:
                    self._next_run = None
                transaction = SqliteTransaction(self._writer, self, foreign=foreign)
                yield transaction
                execute("COMMIT" if transaction.dirty else "ROLLBACK")
            except BaseException:
                self._version = -1
                self._next_run = None
                if self._writer.in_transaction:
                    execute("ROLLBACK")
                raise
            self._version = version

    def take_run(self) -> int:
        """Return the next run's key; only within a transaction."""
        if self._next_run is None:
            last = self._writer.execute("SELECT max(run) FROM executions").fetchone()[0]
            self._next_run = (last or 0) + 1
        self._next_run += 1
        return self._next_run - 1

    def changed(self) -> bool:
        """Ask SQLite whether another connection has committed since the last call."""
        with self._lock, _translated(self.path):
            version = self._writer.execute("PRAGMA data_version").fetchone()[0]
        changed = bool(version != self._seen)
        self._seen = version
        return changed

    def _read(self, sql: str, parameters: Iterable[Any] = ()) -> list[Any]:
        with self._read_lock, _translated(self.path):
            return self._reader.execute(sql, tuple(parameters)).fetchall()

    def find(self, domain: str, workflow_id: str, run_id: str | None) -> Record | None:
        """Return the run, or the newest run of the workflow id, as last committed."""
        rows = self._read(*_find(domain, workflow_id, run_id))
        with _translated(self.path):
            return _record(rows[0]) if rows else None

    def is_open(self, run: int) -> bool:
        """Return whether a run is there and open, as last committed."""
        return bool(self._read("SELECT 1 FROM executions WHERE run = ? AND status = 0", (run,)))

    def item(self, run: int, kind: str, id: str) -> AnyItem | None:
        """Return one open item, as last committed."""
        rows = self._read(_ITEM, (run, kind, id))
        with _translated(self.path):
            return _unpack_item(rows[0][0]) if rows else None

    def items(self, run: int) -> list[AnyItem]:
        """Return all the open items of a run, as last committed."""
        with _translated(self.path):
            return [_unpack_item(body) for (body,) in self._read(_ITEMS, (run,))]

    def events(self, run: int, after: int) -> list[AnyEvent]:
        """Return the committed events after number `after`."""
        with _translated(self.path):
            return _joined(self._read(_EVENTS, (run, run, after)), after)

    def executions(self, filter: ExecutionFilter) -> list[Record]:
        """Return up to `filter.limit` executions, newest first."""
        where, parameters = _where(filter)
        sql = f"{_RECORD}{where} ORDER BY run DESC LIMIT ?"
        with _translated(self.path):
            return [_record(row) for row in self._read(sql, [*parameters, filter.limit])]

    def count_executions(self, filter: ExecutionFilter) -> int:
        """Count the executions that `executions` would return without a limit."""
        where, parameters = _where(filter)
        return int(self._read(f"SELECT count(*) FROM executions {where}", parameters)[0][0])

    def workers(self) -> list[WorkerRecord]:
        """Return every worker on record."""
        return [_worker(row) for row in self._read(_WORKERS)]

    def check(self) -> list[str]:
        """Run SQLite's own integrity check, and ours: histories dense, no orphan rows."""
        faults = [row[0] for row in self._read("PRAGMA integrity_check") if row[0] != "ok"]
        faults += [
            f"items of run {run}, which is closed or unknown: {count}"
            for run, count in self._read(
                "SELECT run, count(*) FROM items WHERE run NOT IN "
                "(SELECT run FROM executions WHERE status = 0) GROUP BY run"
            )
        ]
        for run, progress in self._read("SELECT run, progress FROM executions"):
            try:
                faults += self._gaps(run, progress)
            except StoreCorruptError as error:
                faults.append(f"history of run {run}: {error}")
        return faults

    def _gaps(self, run: int, progress: bytes) -> list[str]:
        ids = [event.event_id for event in self.events(run, 0)]
        with _translated(self.path):
            last = _unpack_progress(progress).last_event_id
        if ids == list(range(1, last + 1)):
            return []
        return [f"history of run {run}: {len(ids)} events, not 1 to {last}"]

    def close(self) -> None:
        """Close both connections; the last one to close folds the WAL into the file."""
        with self._read_lock:
            self._reader.close()
        with self._lock:
            self._writer.close()


class SqliteTransaction:
    """One write transaction."""

    def __init__(
        self, connection: sqlite3.Connection, store: SqliteStore, *, foreign: bool
    ) -> None:
        self.foreign = foreign
        self.dirty = False
        self._store = store
        self._execute = connection.execute
        self._executemany = connection.executemany

    def new_run(self) -> int:
        """Return a key for a new execution."""
        return self._store.take_run()

    def record(self, run: int) -> Record | None:
        """Return the execution with that key."""
        row = self._execute(_RECORD + "WHERE run = ?", (run,)).fetchone()
        return _record(row) if row else None

    def find(self, domain: str, workflow_id: str, run_id: str | None) -> Record | None:
        """Return the run, or the newest run of the workflow id."""
        row = self._execute(*_find(domain, workflow_id, run_id)).fetchone()
        return _record(row) if row else None

    def item(self, run: int, kind: str, id: str) -> AnyItem | None:
        """Return one open item."""
        row = self._execute(_ITEM, (run, kind, id)).fetchone()
        return _unpack_item(row[0]) if row else None

    def items(self, run: int) -> list[AnyItem]:
        """Return all the open items of a run."""
        return [_unpack_item(body) for (body,) in self._execute(_ITEMS, (run,))]

    def children(self, run: int) -> list[OpenChild]:
        """Return the open children of a run."""
        rows = self._execute("SELECT body FROM items WHERE run = ? AND kind = 'child'", (run,))
        return [item for (body,) in rows if isinstance(item := _unpack_item(body), OpenChild)]

    def events(self, run: int, after: int) -> list[AnyEvent]:
        """Return the events after number `after`."""
        return _joined(self._execute(_EVENTS, (run, run, after)).fetchall(), after)

    def queued(
        self,
        kind: str,
        domain: str,
        task_lists: Collection[str],
        names: Collection[str] | None,
        limit: int,
    ) -> list[Taken]:
        """Return items that wait in a queue: highest priority first, then oldest."""
        known = "" if names is None else "AND name IN (SELECT value FROM json_each(?))"
        keys = [] if names is None else [json.dumps(list(names))]
        rows: list[Any] = []
        for task_list in task_lists:
            rows += self._execute(
                "SELECT priority, since, run, body FROM items INDEXED BY items_queued "
                f"WHERE kind = ? AND domain = ? AND queue = ? {known} "
                "ORDER BY priority DESC, since LIMIT ?",
                [kind, domain, task_list, *keys, limit],
            ).fetchall()
        if len(task_lists) > 1:
            rows.sort(key=lambda row: (-row[0], row[1]))
        return [(run, _unpack_item(body)) for _, _, run, body in rows[:limit]]

    def due(self, now: float, limit: int) -> list[Taken]:
        """Return items whose `due` has come, soonest first."""
        rows = self._execute(
            "SELECT run, body FROM items WHERE due <= ? ORDER BY due LIMIT ?", (now, limit)
        )
        return [(run, _unpack_item(body)) for run, body in rows]

    def next_due(self) -> float | None:
        """Return the soonest `due` of all."""
        row = self._execute("SELECT min(due) FROM items WHERE due IS NOT NULL").fetchone()
        return None if row[0] is None else float(row[0])

    def held(self, owner: str) -> list[Taken]:
        """Return what a worker holds."""
        rows = self._execute("SELECT run, body FROM items WHERE owner = ?", (owner,))
        return [(run, _unpack_item(body)) for run, body in rows]

    def workers(self) -> list[WorkerRecord]:
        """Return every worker on record."""
        return [_worker(row) for row in self._execute(_WORKERS)]

    def write(self, states: Iterable[State]) -> None:
        """Store each state, table by table."""
        born, moved, ended, batches, gone, put, closed = [], [], [], [], [], [], []
        for state in states:
            run, progress = state.run, state.progress
            if state.is_new:
                born.append(_execution_row(state))
            elif state.is_closed:
                ended.append((progress.status.value, _pack(progress), run))
            else:
                moved.append((_pack(progress), run))
            if state.new_events:
                batches.append((run, state.new_events[0].event_id, _pack(state.new_events)))
            if state.reindex:
                self._index(run, progress.search_attributes)
            if state.is_closed:
                closed.append((run,))
                continue
            domain = state.execution.domain
            for key in state.changed:
                item = state.items.get(key)
                if item is None:
                    gone.append((run, *key))
                else:
                    put.append(_item_row(run, domain, item))
        self.dirty = True
        many = self._executemany
        if moved:  # without `status`, so that no index is touched
            many("UPDATE executions SET progress = ? WHERE run = ?", moved)
        if ended:
            many("UPDATE executions SET status = ?, progress = ? WHERE run = ?", ended)
        if born:  # after what ended: a workflow id has one open run
            many("INSERT INTO executions VALUES (?,?,?,?,?,?,?,?,?,?)", born)
        if batches:
            many("INSERT INTO batches VALUES (?,?,?)", batches)
        if gone:
            many("DELETE FROM items WHERE run = ? AND kind = ? AND id = ?", gone)
        if put:
            many("INSERT OR REPLACE INTO items VALUES (?,?,?,?,?,?,?,?,?,?,?,?)", put)
        if closed:
            many("DELETE FROM items WHERE run = ?", closed)

    def _index(self, run: int, attributes: dict[str, Any]) -> None:
        self._execute("DELETE FROM attributes WHERE run = ?", (run,))
        rows = [(run, name, _json(value)) for name, value in attributes.items()]
        self._executemany("INSERT INTO attributes VALUES (?,?,?)", rows)

    def add_types(self, domain: str, keys: Collection[str]) -> None:
        """Remember workflow types."""
        self.dirty = True
        rows = [(domain, key) for key in keys]
        self._executemany("INSERT OR IGNORE INTO types VALUES (?,?)", rows)

    def has_type(self, domain: str, key: str) -> bool:
        """Return whether a workflow type was ever added."""
        sql = "SELECT 1 FROM types WHERE domain = ? AND key = ?"
        return self._execute(sql, (domain, key)).fetchone() is not None

    def limits(self) -> list[LimitRecord]:
        """Return the limits of every task list that has one."""
        names = LimitRecord.__struct_fields__
        rows = self._execute(f"SELECT {', '.join(names)} FROM limits")
        return [LimitRecord(**dict(zip(names, row, strict=True))) for row in rows]

    def put_limit(self, limit: LimitRecord) -> None:
        """Insert, replace or remove a task list's limits."""
        self.dirty = True
        if limit.concurrency is None and limit.per_second is None:
            sql = "DELETE FROM limits WHERE domain = ? AND task_list = ?"
            self._execute(sql, (limit.domain, limit.task_list))
        else:
            row = msgspec.structs.astuple(limit)
            self._execute("INSERT OR REPLACE INTO limits VALUES (?,?,?,?,?,?,?)", row)

    def in_lane(self, domain: str, lane: str) -> int:
        """Count the open items that take a place in a lane."""
        sql = "SELECT count(*) FROM items WHERE domain = ? AND lane = ?"
        return int(self._execute(sql, (domain, lane)).fetchone()[0])

    def ask(self, question: Question) -> None:
        """Put a question to whoever can answer it."""
        self.dirty = True
        row = msgspec.structs.astuple(question)
        self._execute("INSERT INTO questions VALUES (?,?,?,?,?,?,?,NULL,NULL)", row)

    def questions(self, domain: str, keys: Collection[str]) -> list[Question]:
        """Return the questions about these types that nobody has answered."""
        names = Question.__struct_fields__
        rows = self._execute(
            f"SELECT {', '.join(names)} FROM questions WHERE answer IS NULL AND domain = ? "
            "AND type_key IN (SELECT value FROM json_each(?))",
            (domain, json.dumps(list(keys))),
        )
        return [Question(**dict(zip(names, row, strict=True))) for row in rows]

    def answer(self, id: str, answer: Answer) -> None:
        """Answer a question."""
        self.dirty = True
        self._execute("UPDATE questions SET answer = ? WHERE id = ?", (_json(answer), id))

    def take_answer(self, id: str) -> Answer | None:
        """Return a question's answer and remove both."""
        row = self._execute("SELECT answer FROM questions WHERE id = ?", (id,)).fetchone()
        if row is None or row[0] is None:
            return None
        self.drop_question(id)
        return msgspec.json.decode(row[0], type=Answer)

    def drop_question(self, id: str) -> None:
        """Remove a question that nobody waits for any more."""
        self.dirty = True
        self._execute("DELETE FROM questions WHERE id = ?", (id,))

    def put_worker(self, worker: WorkerRecord) -> None:
        """Insert or replace a worker."""
        self.dirty = True
        self._execute(
            "INSERT OR REPLACE INTO workers VALUES (?,?,?,?,?)",
            (worker.id, worker.machine, worker.pid, worker.born, worker.lease_until),
        )

    def drop_worker(self, id: str) -> None:
        """Remove a worker."""
        self.dirty = True
        self._execute("DELETE FROM workers WHERE id = ?", (id,))


_EVENTS = (
    "SELECT events FROM batches WHERE run = ? AND first_event_id >= coalesce((SELECT "
    "max(first_event_id) FROM batches WHERE run = ? AND first_event_id <= ? + 1), 0) "
    "ORDER BY first_event_id"
)
_ITEM = "SELECT body FROM items WHERE run = ? AND kind = ? AND id = ?"
_ITEMS = "SELECT body FROM items WHERE run = ?"
_WORKERS = "SELECT id, machine, pid, born, lease_until FROM workers"


def _find(domain: str, workflow_id: str, run_id: str | None) -> tuple[str, tuple[str, ...]]:
    where = "WHERE domain = ? AND workflow_id = ?"
    if run_id:
        return f"{_RECORD}{where} AND run_id = ?", (domain, workflow_id, run_id)
    return f"{_RECORD}{where} ORDER BY run DESC LIMIT 1", (domain, workflow_id)


def _where(filter: ExecutionFilter) -> tuple[str, list[Any]]:
    clauses, parameters = ["domain = ?"], [filter.domain]
    tests: list[tuple[str, Any]] = [
        ("workflow_id = ?", filter.workflow_id),
        ("type_name = ?", filter.type_name),
        ("started_at >= ?", filter.started_after),
        ("started_at < ?", filter.started_before),
        ("run < ?", filter.before_run),
        ("EXISTS (SELECT 1 FROM json_each(tags) WHERE value = ?)", filter.tag),
        (
            "status IN (SELECT value FROM json_each(?))",
            json.dumps([int(status) for status in filter.statuses]) if filter.statuses else None,
        ),
    ]
    for clause, value in tests:
        if value is not None:
            clauses.append(clause)
            parameters.append(value)
    for name, value in filter.attributes:
        clauses.append("run IN (SELECT run FROM attributes WHERE name = ? AND value = ?)")
        parameters += [name, _json(value)]
    return "WHERE " + " AND ".join(clauses), parameters


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def _record(row: tuple[int, bytes, bytes]) -> Record:
    run, execution, progress = row
    return Record(run, _unpack_execution(execution), _unpack_progress(progress))


def _worker(row: tuple[str, str, int, str, float]) -> WorkerRecord:
    id, machine, pid, born, lease_until = row
    return WorkerRecord(id=id, machine=machine, pid=pid, born=born, lease_until=lease_until)


def _execution_row(state: State) -> tuple[Any, ...]:
    execution = state.execution
    return (
        state.run,
        execution.domain,
        execution.workflow_id,
        execution.run_id,
        execution.workflow_type.name,
        state.progress.status.value,
        execution.started_at,
        json.dumps(execution.tag_list),
        _pack(execution),
        _pack(state.progress),
    )


def _item_row(run: int, domain: str, item: OpenItem) -> tuple[Any, ...]:
    return (
        run,
        item.kind,
        item.id,
        domain,
        item.name,
        item.queue,
        item.priority,
        item.since,
        item.due,
        item.owner,
        _pack(item),
        item.lane,
    )


def _joined(rows: list[tuple[bytes]], after: int) -> list[AnyEvent]:
    events = [event for (batch,) in rows for event in _unpack_events(batch)]
    if events and events[0].event_id <= after:
        return [event for event in events if event.event_id > after]
    return events


@contextmanager
def _translated(path: Path) -> Iterator[None]:
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
