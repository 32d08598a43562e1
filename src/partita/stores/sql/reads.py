"""Read executions, items, events and the catalogue from the tables of any SQL database.

In a statement, `?` stands for a parameter and `@name` for a table. Knows the tables, which are
the same everywhere, and what differs as data (`Dialect`); knows no driver and no locks.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from itertools import chain
from typing import Any, ClassVar, TypeVar

from msgspec import Struct

from partita.history import AnyEvent
from partita.ports.catalogue import WorkerRecord, read_worker
from partita.ports.state import AnyItem, Backlog, ExecutionFilter
from partita.ports.store import OVERVIEW, Overview, Record
from partita.stores.sql.listing import (
    COLUMNS,
    FEW,
    NEWEST,
    STARTED,
    Condition,
    Conditions,
    conditions_of,
)
from partita.stores.sql.records import batch_of, item_of, joined, record_of, task_of

T = TypeVar("T")
Row = Sequence[Any]

RECORD = "SELECT run, execution, progress FROM @executions "
EVENTS = (
    "SELECT events FROM @batches WHERE run = ? AND first_event_id >= coalesce((SELECT "
    "max(first_event_id) FROM @batches WHERE run = ? AND first_event_id <= ? + 1), 0) "
    "ORDER BY first_event_id"
)
ITEMS = (
    "SELECT body FROM @items WHERE run = ?",
    "SELECT body FROM @items WHERE run = ? AND kind = ?",
    "SELECT body FROM @items WHERE run = ? AND kind = ? AND id = ?",
)
"""The items of a run, those of a kind, and one."""

HELD = "SELECT run, body FROM @items WHERE owner = ?"
NEXT_DUE = "SELECT min(due) FROM @items WHERE due IS NOT NULL"
COUNT_RUNNING = "SELECT count(*) FROM @items WHERE domain = ? AND lane = ?"
ENTRY = "SELECT body FROM @catalogue WHERE kind = ? AND domain = ? AND key = ?"
ENTRIES = "SELECT key, body FROM @catalogue WHERE kind = ? AND domain = ?"

TABLES_OF_RUNS = ("attributes", "items", "batches", "executions")
"""The tables that hold something of a run."""

_BACKLOGS = (
    "SELECT domain, kind, queue, count(*), min(since) FROM @items WHERE queue IS NOT NULL {} "
    "GROUP BY domain, kind, queue ORDER BY domain, kind, queue"
)
_OF_DOMAIN = "AND kind IN ('activity', 'decision', 'lambda') AND domain = ?"
_WITH_ITEM = (
    "SELECT e.run, e.execution, e.progress, i.body FROM @items i "
    "JOIN @executions e ON e.run = i.run "
)
_TASKS = (
    f"{_WITH_ITEM}WHERE i.kind IN ('decision', 'activity') "
    f"ORDER BY i.run, i.kind, i.id LIMIT {OVERVIEW}"
)
_OVERDUE = f"{_WITH_ITEM}WHERE i.due < ? ORDER BY i.due LIMIT {OVERVIEW}"
_BARE = (
    "SELECT run, execution, progress FROM @executions e WHERE status = 0 AND NOT EXISTS "
    f"(SELECT 1 FROM @items i WHERE i.run = e.run) ORDER BY run LIMIT {OVERVIEW}"
)
_LATEST = (
    "SELECT max(t) FROM (SELECT max(since) AS t FROM @items UNION ALL "
    "SELECT max(started_at) FROM @executions) m"
)

_WORKERS = "SELECT body FROM @catalogue WHERE kind = 'worker'"
_WORKERS_BEFORE = "SELECT id, machine, pid, born, lease_until FROM @workers"


class Dialect(Struct, frozen=True, kw_only=True):
    """What one database writes differently from others."""

    among: str  # follows a column: whether its value is in the list that is the parameter
    many: Callable[[Collection[Any]], Any]  # makes a parameter of a list
    newest: str  # the column that orders the runs of a workflow id
    conditions: Conditions


def workers_on_record(
    read: Callable[[str], Iterable[Row]], tables: Collection[str]
) -> list[WorkerRecord]:
    """Return the workers of a database, also of one that was not brought up to these tables."""
    if "workers" in tables:
        names = ("id", "machine", "pid", "born", "lease_until")
        return [WorkerRecord(**dict(zip(names, row, strict=True))) for row in read(_WORKERS_BEFORE)]
    return [read_worker(body) for (body,) in read(_WORKERS)] if "catalogue" in tables else []


class SqlReads:
    """Reads of a store and of a transaction."""

    dialect: ClassVar[Dialect]

    def _all(self, read: Callable[[Row], T], text: str, parameters: Row = ()) -> list[T]:
        """Return what `read` makes of each row that a statement finds."""
        raise NotImplementedError

    def _first(self, read: Callable[[Row], T], text: str, parameters: Row = ()) -> T | None:
        return next(iter(self._all(read, text, parameters)), None)

    def find(self, domain: str, workflow_id: str, run_id: str | None) -> Record | None:
        """Return the run, or the newest run of the workflow id."""
        return self._first(record_of, *self._find_sql(RECORD, domain, workflow_id, run_id))

    def _find_sql(
        self, select: str, domain: str, workflow_id: str, run_id: str | None
    ) -> tuple[str, Row]:
        where = "WHERE domain = ? AND workflow_id = ?"
        if run_id:
            return f"{select}{where} AND run_id = ?", (domain, workflow_id, run_id)
        newest = f"{select}{where} ORDER BY {self.dialect.newest} DESC LIMIT 1"
        return newest, (domain, workflow_id)

    def items(self, run: int, kind: str | None = None, id: str | None = None) -> list[AnyItem]:
        """Return the open items of a run: all, those of a kind, or the one of a kind and id."""
        parameters = [part for part in (run, kind, id) if part is not None]
        return self._all(item_of, ITEMS[len(parameters) - 1], parameters)

    def events(self, run: int, after: int) -> list[AnyEvent]:
        """Return the events after number `after`."""
        return joined(self._all(batch_of, EVENTS, (run, run, after)), after)

    def entry(self, kind: str, domain: str, key: str) -> str | None:
        """Return the catalogue's entry under a key."""
        return self._first(_value, ENTRY, (kind, domain, key))

    def entries(self, kind: str, domain: str) -> dict[str, str]:
        """Return the catalogue's entries of a kind in a domain, by key."""
        return dict(self._all(_pair, ENTRIES, (kind, domain)))


class SqlStore(SqlReads):
    """Reads of a store only: lists and counts, as last committed."""

    filters_by_matches = True

    def open_among(self, runs: Collection[int]) -> set[int]:
        """Return which of these runs are there and open."""
        text = f"SELECT run FROM @executions WHERE run {self.dialect.among} AND status = 0"
        return set(self._all(_value, text, (self.dialect.many(runs),)))

    def executions(
        self, filter: ExecutionFilter, after: tuple[float, int] | None = None
    ) -> list[Record]:
        """Return up to `filter.limit` executions, newest first; closed ones, if after another."""
        if after is not None:
            return self._closed_after(filter, after)
        few, clauses = self._split(filter)
        statuses = sorted(set(filter.statuses))
        if few is not None or not statuses[1:]:
            return self._newest(filter, few, [*clauses, *self._among(statuses)])
        each = (self._newest(filter, None, [*clauses, *self._among([one])]) for one in statuses)
        return sorted(chain.from_iterable(each), key=_newest_first)[: filter.limit]

    def _split(self, filter: ExecutionFilter) -> tuple[Condition | None, list[tuple[str, Row]]]:
        """Return a condition that few executions meet, if any, and the tests of all conditions."""
        found = list(conditions_of(filter, self.dialect.conditions))
        clauses = [("e.domain = ?", (filter.domain,)), *map(_test, found)]
        if filter.before_run is not None:
            clauses.append(("(e.started_at, e.run) < (?, ?)", self._place(filter.before_run)))
        return self._few(found), clauses

    def _few(self, conditions: Iterable[Condition]) -> Condition | None:
        """Return a condition that few executions meet, if there is one."""
        for one in conditions:
            if one.posting is not None:
                text = f"SELECT count(*) FROM (SELECT 1 FROM ({one.posting}) p LIMIT {FEW + 1}) m"
                (count,) = self._all(_value, text, one.sought)
                if int(count) <= FEW:
                    return one
        return None

    def _place(self, run: int) -> tuple[float, int]:
        started = self._first(_value, STARTED, (run,))
        return (0.0 if started is None else started), run

    def _among(self, statuses: Sequence[int]) -> list[tuple[str, Row]]:
        if not statuses:
            return []
        if len(statuses) == 1:
            return [("e.status = ?", (int(statuses[0]),))]
        many = self.dialect.many([int(one) for one in statuses])
        return [(f"e.status {self.dialect.among}", (many,))]

    def _newest(
        self, filter: ExecutionFilter, few: Condition | None, clauses: list[tuple[str, Row]]
    ) -> list[Record]:
        source, parameters = _source(few, clauses)
        return self._all(record_of, f"{COLUMNS}{source} {NEWEST}", [*parameters, filter.limit])

    def _closed_after(self, filter: ExecutionFilter, after: tuple[float, int]) -> list[Record]:
        clauses = [_test(one) for one in conditions_of(filter, self.dialect.conditions)]
        clauses += [("e.domain = ?", (filter.domain,)), *self._among(filter.statuses)]
        clauses += [("e.status <> 0", ()), ("(e.started_at, e.run) > (?, ?)", after)]
        source, parameters = _source(None, clauses)
        order = "ORDER BY e.started_at, e.run LIMIT ?"
        return self._all(record_of, f"{COLUMNS}{source} {order}", [*parameters, filter.limit])

    def count_executions(self, filter: ExecutionFilter) -> int:
        """Count the executions that `executions` would return without a limit."""
        few, clauses = self._split(filter)
        source, parameters = _source(few, [*clauses, *self._among(sorted(set(filter.statuses)))])
        (count,) = self._all(_value, f"SELECT count(*) {source}", parameters)
        return int(count)

    def backlogs(self, domain: str | None = None) -> list[Backlog]:
        """Return how much waits in each queue of a domain, or of all."""
        text = _BACKLOGS.format("" if domain is None else _OF_DOMAIN)
        return self._all(_backlog, text, () if domain is None else (domain,))

    def overview(self, moment: float) -> Overview:
        """Return what is open."""
        return Overview(
            tasks=tuple(self._all(task_of, _TASKS)),
            overdue=tuple(self._all(task_of, _OVERDUE, (moment,))),
            bare=tuple(self._all(record_of, _BARE)),
            latest=self._first(_value, _LATEST) or 0.0,
        )


def _test(condition: Condition) -> tuple[str, Row]:
    return condition.clause, condition.parameters


def _source(few: Condition | None, clauses: list[tuple[str, Row]]) -> tuple[str, list[Any]]:
    """Return where executions that pass all tests come from, and the parameters of that."""
    source, parameters = "FROM @executions e", [one for _, each in clauses for one in each]
    tests = " AND ".join(text for text, _ in clauses)
    if few is None:
        return f"{source} WHERE {tests}", parameters
    assert few.posting is not None
    source = f"FROM ({few.posting}) p CROSS JOIN @executions e WHERE e.run = p.run AND {tests}"
    return source, [*few.sought, *parameters]


def _newest_first(record: Record) -> tuple[float, int]:
    return -record.execution.started_at, -record.run


def _value(row: Row) -> Any:
    return row[0]


def _pair(row: Row) -> tuple[str, str]:
    return row[0], row[1]


def _backlog(row: Row) -> Backlog:
    domain, kind, task_list, count, since = row
    return Backlog(domain=domain, kind=kind, task_list=task_list, count=count, since=since)
