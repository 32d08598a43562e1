"""One write transaction on a SQLite file."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

import msgspec

from partita.errors import ConflictError
from partita.history import AnyEvent
from partita.ports.state import AnyItem, OpenChild, State
from partita.ports.store import (
    Answer,
    LimitRecord,
    News,
    Proposal,
    Question,
    Record,
    Taken,
    WorkerRecord,
)
from partita.stores.sql.records import (
    joined,
    limit_of,
    pack,
    question_of,
    record_of,
    to_json,
    unpack_item,
    worker_of,
)
from partita.stores.sqlite.removal import SqlitePruning
from partita.stores.sqlite.rows import (
    ENTRIES,
    ENTRY,
    EVENTS,
    ITEM,
    ITEMS,
    LIMITS,
    QUESTIONS,
    RECORD,
    WORKERS,
    execution_row,
    find_sql,
    item_row,
)


class SqliteTransaction:
    """One write transaction: nobody else writes until it ends."""

    skipped = False
    seen: Mapping[int, int] = {}

    def __init__(
        self, connection: sqlite3.Connection, take_run: Callable[[], int], *, foreign: bool
    ) -> None:
        self.foreign = foreign
        self.dirty = False
        self._take_run = take_run
        self._execute = connection.execute
        self._executemany = connection.executemany
        self.pruning = SqlitePruning(connection.execute, self._soil)

    def _soil(self) -> None:
        self.dirty = True

    def new_run(self) -> int:
        """Return a key for a new execution."""
        return self._take_run()

    def record(self, run: int) -> Record | None:
        """Return the execution with that key."""
        row = self._execute(RECORD + "WHERE run = ?", (run,)).fetchone()
        return record_of(row) if row else None

    def find(self, domain: str, workflow_id: str, run_id: str | None) -> Record | None:
        """Return the run, or the newest run of the workflow id."""
        row = self._execute(*find_sql(domain, workflow_id, run_id)).fetchone()
        return record_of(row) if row else None

    def item(self, run: int, kind: str, id: str) -> AnyItem | None:
        """Return one open item."""
        row = self._execute(ITEM, (run, kind, id)).fetchone()
        return unpack_item(row[0]) if row else None

    def items(self, run: int) -> list[AnyItem]:
        """Return all the open items of a run."""
        return [unpack_item(body) for (body,) in self._execute(ITEMS, (run,))]

    def children(self, run: int) -> list[OpenChild]:
        """Return the open children of a run."""
        rows = self._execute("SELECT body FROM items WHERE run = ? AND kind = 'child'", (run,))
        return [item for (body,) in rows if isinstance(item := unpack_item(body), OpenChild)]

    def events(self, run: int, after: int) -> list[AnyEvent]:
        """Return the events after number `after`."""
        return joined(self._execute(EVENTS, (run, run, after)).fetchall(), after)

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
        return [(run, unpack_item(body)) for _, _, run, body in rows[:limit]]

    def due(self, now: float, limit: int) -> list[Taken]:
        """Return items whose `due` has come, soonest first."""
        rows = self._execute(
            "SELECT run, body FROM items WHERE due <= ? ORDER BY due LIMIT ?", (now, limit)
        )
        return [(run, unpack_item(body)) for run, body in rows]

    def next_due(self) -> float | None:
        """Return the soonest `due` of all."""
        row = self._execute("SELECT min(due) FROM items WHERE due IS NOT NULL").fetchone()
        return None if row[0] is None else float(row[0])

    def held(self, owner: str) -> list[Taken]:
        """Return what a worker holds."""
        rows = self._execute("SELECT run, body FROM items WHERE owner = ?", (owner,))
        return [(run, unpack_item(body)) for run, body in rows]

    def workers(self) -> list[WorkerRecord]:
        """Return every worker on record."""
        return [worker_of(row) for row in self._execute(WORKERS)]

    def validate(self, proposal: Proposal) -> None:
        """Refuse what cannot be encoded."""
        pack(proposal)

    def write(self, states: Iterable[State]) -> None:
        """Store each state, table by table."""
        born, moved, ended, batches, gone, put, closed = [], [], [], [], [], [], []
        for state in states:
            run, progress = state.run, state.progress
            if state.is_new:
                born.append(execution_row(state))
            elif state.is_closed:
                ended.append((progress.status.value, pack(progress), run))
            else:
                moved.append((pack(progress), run))
            if state.new_events:
                batches.append((run, state.new_events[0].event_id, pack(state.new_events)))
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
                    put.append(item_row(run, domain, item))
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

    def rely_on(self, states: Iterable[State]) -> None:
        """Do nothing: what was read is still so."""

    def tell(self, news: News) -> None:
        """Do nothing: SQLite says that something was written, and no more."""

    def _index(self, run: int, attributes: dict[str, Any]) -> None:
        self._execute("DELETE FROM attributes WHERE run = ?", (run,))
        rows = [(run, name, to_json(value)) for name, value in attributes.items()]
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

    def entry(self, kind: str, domain: str, key: str) -> str | None:
        """Return what the catalogue holds under a key."""
        row = self._execute(ENTRY, (kind, domain, key)).fetchone()
        return row[0] if row else None

    def entries(self, kind: str, domain: str) -> dict[str, str]:
        """Return what the catalogue holds of a kind in a domain, by key."""
        return dict(self._execute(ENTRIES, (kind, domain)).fetchall())

    def enter(self, kind: str, domain: str, key: str, body: str | None, was: str | None) -> None:
        """Insert, replace or remove what the catalogue holds under a key."""
        if self.entry(kind, domain, key) != was:
            raise ConflictError(f"{kind} {key!r} was changed by somebody else")
        self.dirty = True
        if body is None:
            sql = "DELETE FROM catalogue WHERE kind = ? AND domain = ? AND key = ?"
            self._execute(sql, (kind, domain, key))
        else:
            sql = "INSERT OR REPLACE INTO catalogue VALUES (?,?,?,?)"
            self._execute(sql, (kind, domain, key, body))

    def limits(self) -> list[LimitRecord]:
        """Return the limits of every task list that has one."""
        return [limit_of(row) for row in self._execute(LIMITS)]

    def put_limit(self, limit: LimitRecord) -> None:
        """Insert, replace or remove a task list's limits."""
        self.dirty = True
        if limit.concurrency is None and limit.per_second is None:
            sql = "DELETE FROM limits WHERE domain = ? AND task_list = ?"
            self._execute(sql, (limit.domain, limit.task_list))
        else:
            row = msgspec.structs.astuple(limit)
            self._execute("INSERT OR REPLACE INTO limits VALUES (?,?,?,?,?,?,?)", row)

    def lane(self, domain: str, task_list: str) -> tuple[LimitRecord | None, int]:
        """Return a task list's limits, and how many open items take a place in it."""
        key = (domain, task_list)
        row = self._execute(f"{LIMITS} WHERE domain = ? AND task_list = ?", key).fetchone()
        sql = "SELECT count(*) FROM items WHERE domain = ? AND lane = ?"
        return limit_of(row) if row else None, int(self._execute(sql, key).fetchone()[0])

    def ask(self, question: Question) -> None:
        """Put a question to whoever can answer it."""
        self.dirty = True
        row = msgspec.structs.astuple(question)
        self._execute("INSERT INTO questions VALUES (?,?,?,?,?,?,?,NULL,NULL)", row)

    def questions(self, domain: str, keys: Collection[str]) -> list[Question]:
        """Return the questions about these types that nobody has answered."""
        rows = self._execute(
            f"{QUESTIONS} WHERE answer IS NULL AND domain = ? "
            "AND type_key IN (SELECT value FROM json_each(?))",
            (domain, json.dumps(list(keys))),
        )
        return [question_of(row) for row in rows]

    def answer(self, id: str, answer: Answer) -> None:
        """Answer a question."""
        self.dirty = True
        self._execute("UPDATE questions SET answer = ? WHERE id = ?", (to_json(answer), id))

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

    def drop_questions_before(self, moment: float) -> None:
        """Remove the questions that were asked before a moment."""
        self.dirty = True
        self._execute("DELETE FROM questions WHERE asked_at < ?", (moment,))

    def put_worker(self, worker: WorkerRecord) -> None:
        """Insert or replace a worker."""
        self.dirty = True
        self._execute(
            "INSERT OR REPLACE INTO workers VALUES (?,?,?,?,?)",
            (worker.id, worker.machine, worker.pid, worker.born, worker.lease_until),
        )

    def drop_worker(self, worker: WorkerRecord) -> bool:
        """Remove a worker if its record is still this one."""
        self.dirty = True
        sql = "DELETE FROM workers WHERE id = ? AND lease_until = ?"
        return self._execute(sql, (worker.id, worker.lease_until)).rowcount > 0

    def act_for(self, worker: str) -> None:
        """Do nothing: the engine has looked, and nobody writes in between."""
