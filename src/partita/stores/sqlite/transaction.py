"""One write transaction on a SQLite file."""

from __future__ import annotations

import functools
import json
import re
import sqlite3
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, TypeVar

from partita.errors import ConflictError
from partita.ports.state import OpenItem, State
from partita.ports.store import News, Proposal, Record, Taken
from partita.stores.sql import reads
from partita.stores.sql.listing import Conditions
from partita.stores.sql.reads import Dialect, Row, SqlReads
from partita.stores.sql.records import encode, origin_runs, pack, record_of, taken_of, to_json
from partita.stores.sqlite.faults import file_of, store_error

T = TypeVar("T")

_AMONG = "IN (SELECT value FROM json_each(?))"


def _literal(text: str) -> str:
    """Return the pattern of GLOB that a text alone fits."""
    return re.sub(r"[*?[]", r"[\g<0>]", text)


DIALECT = Dialect(
    among=_AMONG,
    many=lambda values: json.dumps(list(values)),
    newest="run",
    conditions=Conditions(
        # without the plus sign SQLite looks up how ids begin, and sorts all that it finds
        glob=lambda column, parts: (f"+{column} GLOB ?", "*".join(map(_literal, parts))),
        between="{0} >= ? AND {0} < ?",
        tags="json_each(e.tags) t",
        tagged=lambda _, tag: ("SELECT run FROM tags WHERE tag = ?", (tag,)),
    ),
)
_FORKED = (
    "SELECT execution FROM executions WHERE status = 0 AND instr(execution, x'A66F726967696E') > 0"
)


@functools.lru_cache(maxsize=256)
def statement(text: str) -> str:
    """Return a statement as SQLite takes it."""
    return text.replace("@", "")


class SqliteTransaction(SqlReads):
    """One write transaction: nobody else writes until it ends."""

    dialect = DIALECT
    skipped = False
    seen: Mapping[int, int] = {}

    def __init__(
        self, connection: sqlite3.Connection, take_run: Callable[[], int], *, foreign: bool
    ) -> None:
        self.foreign = foreign
        self.dirty = False  # whether there is something to commit
        self.new_run = take_run
        self._connection = connection
        self._execute = connection.execute
        self._executemany = connection.executemany

    def _all(self, read: Callable[[Row], T], text: str, parameters: Row = ()) -> list[T]:
        try:
            return [read(row) for row in self._execute(statement(text), tuple(parameters))]
        except sqlite3.Error as error:
            raise store_error(error, file_of(self._connection)) from error

    def _change(self, text: str, parameters: Row) -> None:
        self.dirty = True
        try:
            self._execute(text, tuple(parameters))
        except sqlite3.Error as error:
            raise store_error(error, file_of(self._connection)) from error

    # -- executions

    def record(self, run: int) -> Record | None:
        """Return the execution with that key."""
        return self._first(record_of, f"{reads.RECORD}WHERE run = ?", (run,))

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
        return [taken_of(row[2:]) for row in rows[:limit]]

    def due(self, now: float, limit: int) -> list[Taken]:
        """Return items whose `due` has come, soonest first."""
        text = "SELECT run, body FROM items WHERE due <= ? ORDER BY due LIMIT ?"
        return self._all(taken_of, text, (now, limit))

    def next_due(self) -> float | None:
        """Return the soonest `due` of all."""
        due: float | None = self._execute(statement(reads.NEXT_DUE)).fetchone()[0]
        return due

    def held(self, owner: str) -> list[Taken]:
        """Return what a worker holds."""
        return self._all(taken_of, reads.HELD, (owner,))

    def count_running(self, domain: str, task_list: str) -> int:
        """Count the open items whose `lane` is that task list."""
        found = self._execute(statement(reads.COUNT_RUNNING), (domain, task_list))
        return int(found.fetchone()[0])

    def validate(self, proposal: Proposal) -> None:
        """Refuse what cannot be encoded."""
        encode(proposal)

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
        """Do nothing: SQLite announces every commit, and nothing about it."""

    def _index(self, run: int, attributes: dict[str, Any]) -> None:
        self._execute("DELETE FROM attributes WHERE run = ?", (run,))
        rows = [(run, name, to_json(value)) for name, value in attributes.items()]
        self._executemany("INSERT INTO attributes VALUES (?,?,?)", rows)

    # -- the catalogue

    def lock(self, kind: str, domain: str, key: str) -> str | None:
        """Return an entry: nobody else writes anyway."""
        return self.entry(kind, domain, key)

    def enter(self, kind: str, domain: str, key: str, body: str | None, was: str | None) -> None:
        """Insert, replace or remove the catalogue's entry under a key."""
        place = (kind, domain, key)
        if self.entry(*place) != was:
            raise ConflictError(f"{kind} {key!r} was changed by somebody else")
        if body is None:
            self._change("DELETE FROM catalogue WHERE kind = ? AND domain = ? AND key = ?", place)
        else:
            self._change("INSERT OR REPLACE INTO catalogue VALUES (?,?,?,?)", (*place, body))

    def require(self, kind: str, domain: str, key: str) -> None:
        """Do nothing: nobody else writes until the transaction ends."""

    # -- removal

    def runs_of(
        self, domain: str, workflow_ids: Collection[str], limit: int
    ) -> dict[str, list[int]]:
        """Return up to `limit` runs of each of these workflow ids, oldest first."""
        sql = "SELECT run FROM executions WHERE domain = ? AND workflow_id = ? ORDER BY run LIMIT ?"
        return {
            id: [run for (run,) in self._execute(sql, (domain, id, limit))] for id in workflow_ids
        }

    def origins(self) -> set[int]:
        """Return the runs whose recorded steps open ones reuse."""
        return origin_runs(self._execute(_FORKED))

    def hold(self, runs: Collection[int]) -> list[Record]:
        """Return those that are there."""
        text = f"{reads.RECORD}WHERE run {_AMONG} ORDER BY run"
        return self._all(record_of, text, (DIALECT.many(runs),))

    def remove(self, runs: Collection[int]) -> None:
        """Remove executions and all that belongs to them; remember the greatest key."""
        if not runs:
            return
        for table in reads.TABLES_OF_RUNS:
            self._change(f"DELETE FROM {table} WHERE run {_AMONG}", (DIALECT.many(runs),))
        self._change(
            "INSERT INTO removed VALUES (0, ?) "
            "ON CONFLICT (id) DO UPDATE SET run = max(run, excluded.run)",
            (max(runs),),
        )


def execution_row(state: State) -> tuple[Any, ...]:
    """Return an execution as a row."""
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
        pack(execution),
        pack(state.progress),
    )


def item_row(run: int, domain: str, item: OpenItem) -> tuple[Any, ...]:
    """Return an open item as a row."""
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
        pack(item),
        item.lane,
    )
