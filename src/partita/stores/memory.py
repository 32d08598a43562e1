"""Keep everything in dictionaries: the executable specification of a store.

Nothing survives the process. Only lists, counts, overviews and checks take time in proportion
to the number of executions.
"""

from __future__ import annotations

import itertools
import threading
from bisect import bisect_left, bisect_right, insort
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any, TypeVar

import msgspec

from partita.errors import ConflictError
from partita.history import AnyEvent
from partita.ports.matching import ATTRIBUTE, all_fit
from partita.ports.state import (
    AnyItem,
    Backlog,
    Execution,
    ExecutionFilter,
    ItemKey,
    State,
    Status,
)
from partita.ports.store import News, Overview, Proposal, Record, Taken
from partita.stores.invariants import faults_of
from partita.stores.open_items import OpenItems

encode = msgspec.json.Encoder().encode

K = TypeVar("K")
V = TypeVar("V")

Age = tuple[float, int]
"""When a run began, and its key: what orders closed executions."""


class MemoryStore:
    """A store that is also its own transaction, and notes how to undo what it changed."""

    filters_by_matches = True
    glance = None
    foreign = False
    skipped = False
    seen: Mapping[int, int] = {}

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._undo: list[Callable[[], object]] = []
        self._keys = itertools.count(1)
        self._records: dict[int, Record] = {}
        self._events: dict[int, list[AnyEvent]] = {}
        self._items = OpenItems()
        self._runs: dict[tuple[str, str], list[int]] = defaultdict(list)  # by workflow id, sorted
        self._by_run_id: dict[tuple[str, str, str], int] = {}
        self._closed: dict[str, list[Age]] = defaultdict(list)  # by domain, sorted
        self._origins: dict[int, int] = {}  # of open runs
        self._catalogue: dict[tuple[str, str], dict[str, str]] = defaultdict(dict)

    @contextmanager
    def transaction(self) -> Iterator[MemoryStore]:
        """Keep other threads out; undo everything if the block raises."""
        with self._lock:
            self._undo = []
            try:
                yield self
            except BaseException:
                for undo in reversed(self._undo):
                    undo()
                raise

    def changed(self) -> News:
        """Return nothing: no other process can write here."""
        return News.NOTHING

    def on_change(self, heard: Callable[[], None]) -> None:
        """Do nothing: no other process can write here."""

    def close(self) -> None:
        """Do nothing: what is here goes with the process."""

    def check(self) -> list[str]:
        """Return what is wrong with an execution, a line each."""
        with self._lock:
            return [
                fault
                for run, record in self._records.items()
                for fault in faults_of(record, self.items(run), self.events(run, 0))
            ]

    # -- executions

    def new_run(self) -> int:
        """Return a key for a new execution."""
        return next(self._keys)

    def record(self, run: int) -> Record | None:
        """Return the execution with that key."""
        return self._records.get(run)

    def find(self, domain: str, workflow_id: str, run_id: str | None) -> Record | None:
        """Return the run, or the newest run of the workflow id."""
        with self._lock:
            if run_id:
                return self._records.get(self._by_run_id.get((domain, workflow_id, run_id), 0))
            runs = self._runs.get((domain, workflow_id))
            return self._records[runs[-1]] if runs else None

    def open_among(self, runs: Collection[int]) -> set[int]:
        """Return which of these runs are there and open."""
        with self._lock:
            records = [self._records[run] for run in runs if run in self._records]
            return {record.run for record in records if record.progress.status is Status.OPEN}

    def items(self, run: int, kind: str | None = None, id: str | None = None) -> list[AnyItem]:
        """Return the open items of a run: all, those of a kind, or the one of a kind and id."""
        with self._lock:
            items = self._items.of(run)
            if kind is None:
                return list(items.values())
            if id is None:
                return [item for item in items.values() if item.kind == kind]
            return [items[kind, id]] if (kind, id) in items else []

    def events(self, run: int, after: int) -> list[AnyEvent]:
        """Return the events after number `after`."""
        with self._lock:
            return self._events.get(run, [])[after:]

    def queued(
        self,
        kind: str,
        domain: str,
        task_lists: Collection[str],
        names: Collection[str] | None,
        limit: int,
    ) -> list[Taken]:
        """Return items that wait in a queue: highest priority first, then oldest."""
        queues = [(domain, kind, task_list) for task_list in task_lists]
        return self._items.queued(queues, names, limit)

    def due(self, now: float, limit: int) -> list[Taken]:
        """Return items whose `due` has come, soonest first."""
        return self._items.due(now, limit)

    def next_due(self) -> float | None:
        """Return the soonest `due` of all."""
        return self._items.next_due()

    def held(self, owner: str) -> list[Taken]:
        """Return what a worker holds."""
        return self._items.held(owner)

    def count_running(self, domain: str, task_list: str) -> int:
        """Count the open items whose `lane` is that task list."""
        return self._items.count_running(domain, task_list)

    def validate(self, proposal: Proposal) -> None:
        """Do nothing: memory holds any value."""

    def write(self, states: Iterable[State]) -> None:
        """Store each state."""
        for state in states:
            run, domain = state.run, state.execution.domain
            was = self._records.get(run)
            self._set(self._records, run, Record(run, state.execution, state.progress))
            if state.is_new:
                self._begin(run, state.execution)
            self._append(run, state.new_events)
            for key in list(self._items.of(run)) if state.is_closed else state.changed:
                item = None if state.is_closed else state.items.get(key)
                self._set_item(run, domain, key, item)
            if state.is_closed and (was is None or was.progress.status is Status.OPEN):
                self._remove(self._origins, run)
                self._insert(self._closed[domain], (state.execution.started_at, run))

    def _begin(self, run: int, execution: Execution) -> None:
        id = (execution.domain, execution.workflow_id)
        self._insert(self._runs[id], run)
        self._set(self._by_run_id, (*id, execution.run_id), run)
        if execution.origin is not None:
            self._set(self._origins, run, execution.origin.run)

    def rely_on(self, states: Iterable[State]) -> None:
        """Do nothing: what was read is still so."""

    def tell(self, news: News) -> None:
        """Do nothing: nobody else listens."""

    # -- the catalogue

    def entry(self, kind: str, domain: str, key: str) -> str | None:
        """Return the catalogue's entry under a key."""
        with self._lock:
            return self._catalogue[kind, domain].get(key)

    def entries(self, kind: str, domain: str) -> dict[str, str]:
        """Return the catalogue's entries of a kind in a domain, by key."""
        with self._lock:
            return dict(self._catalogue[kind, domain])

    def lock(self, kind: str, domain: str, key: str) -> str | None:
        """Return an entry: nobody else writes anyway."""
        return self.entry(kind, domain, key)

    def enter(self, kind: str, domain: str, key: str, body: str | None, was: str | None) -> None:
        """Insert, replace or remove the catalogue's entry under a key."""
        entries = self._catalogue[kind, domain]
        if entries.get(key) != was:
            raise ConflictError(f"{kind} {key!r} was changed by somebody else")
        if body is None:
            self._remove(entries, key)
        else:
            self._set(entries, key, body)

    def require(self, kind: str, domain: str, key: str) -> None:
        """Do nothing: nobody else writes until the transaction ends."""

    # -- lists

    def executions(self, filter: ExecutionFilter, after: Age | None = None) -> list[Record]:
        """Return up to `filter.limit` executions, newest first; closed ones, if after another."""
        with self._lock:
            runs = self._newest_first(filter)
            if after is not None:
                runs = self._closed_after(filter.domain, after)
            fitting = (self._records[run] for run in runs if self._passes(run, filter))
            return list(itertools.islice(fitting, filter.limit))

    def _passes(self, run: int, filter: ExecutionFilter) -> bool:
        record = self._records[run]
        return _fits(record, filter, lambda: _values(record, self.items(run)))

    def _newest_first(self, filter: ExecutionFilter) -> Iterable[int]:
        runs: Iterable[int] = self._records
        if filter.workflow_id is not None:
            runs = self._runs.get((filter.domain, filter.workflow_id), [])
        ages = sorted((_age(self._records[run]) for run in runs), reverse=True)
        if filter.before_run is not None:
            older = [run for run in self._records if run <= filter.before_run]
            started, _ = _age(self._records[max(older)]) if older else (0.0, 0)
            ages = [age for age in ages if age < (started, filter.before_run)]
        return (run for _, run in ages)

    def _closed_after(self, domain: str, after: Age) -> Iterator[int]:
        closed = self._closed.get(domain, [])
        return (closed[at][1] for at in range(bisect_right(closed, after), len(closed)))

    def count_executions(self, filter: ExecutionFilter) -> int:
        """Count the executions that `executions` would return without a limit."""
        with self._lock:
            return sum(self._passes(run, filter) for run in self._newest_first(filter))

    def backlogs(self, domain: str | None = None) -> list[Backlog]:
        """Return how much waits in each queue of a domain, or of all."""
        with self._lock:
            return [
                Backlog(domain=its, kind=kind, task_list=name, count=len(since), since=min(since))
                for (its, kind, name), since in sorted(self._items.waiting().items())
                if domain in (None, its)
            ]

    def overview(self, moment: float) -> Overview:
        """Return what is open."""
        with self._lock:
            records = [self._records[run] for run in sorted(self._records)]
            items = [
                (record, item)
                for record in records
                for _, item in sorted(self._items.of(record.run).items())
            ]
            overdue = [pair for pair in items if (pair[1].due or moment) < moment]
            return Overview(
                tasks=tuple(pair for pair in items if pair[1].kind in ("decision", "activity")),
                overdue=tuple(sorted(overdue, key=lambda pair: pair[1].due or 0.0)),
                bare=tuple(
                    one
                    for one in records
                    if one.progress.status is Status.OPEN and not self._items.of(one.run)
                ),
                latest=max(
                    [item.since for _, item in items]
                    + [one.execution.started_at for one in records],
                    default=0.0,
                ),
            )

    # -- removal

    def runs_of(
        self, domain: str, workflow_ids: Collection[str], limit: int
    ) -> dict[str, list[int]]:
        """Return up to `limit` runs of each of these workflow ids, oldest first."""
        return {id: self._runs.get((domain, id), [])[:limit] for id in workflow_ids}

    def origins(self) -> set[int]:
        """Return the runs whose recorded steps open ones reuse."""
        return set(self._origins.values())

    def hold(self, runs: Collection[int]) -> list[Record]:
        """Return those that are there."""
        return [self._records[run] for run in sorted(runs) if run in self._records]

    def remove(self, runs: Collection[int]) -> None:
        """Remove executions and all that belongs to them."""
        for run in runs:
            execution = self._records[run].execution
            id = (execution.domain, execution.workflow_id)
            self._delete(self._closed[execution.domain], (execution.started_at, run))
            self._delete(self._runs[id], run)
            if not self._runs[id]:
                self._remove(self._runs, id)
            if self._by_run_id.get((*id, execution.run_id)) == run:
                self._remove(self._by_run_id, (*id, execution.run_id))
            self._remove(self._records, run)
            self._remove(self._events, run)

    # -- what can be undone

    def _set(self, mapping: dict[K, V], key: K, value: V) -> None:
        if key in mapping:
            self._undo.append(partial(mapping.__setitem__, key, mapping[key]))
        else:
            self._undo.append(partial(mapping.pop, key))
        mapping[key] = value

    def _remove(self, mapping: dict[K, V], key: K) -> None:
        if key in mapping:
            self._undo.append(partial(mapping.__setitem__, key, mapping.pop(key)))

    def _insert(self, ordered: list[Any], value: Any) -> None:
        insort(ordered, value)
        self._undo.append(partial(ordered.remove, value))

    def _delete(self, ordered: list[Any], value: Any) -> None:
        del ordered[bisect_left(ordered, value)]
        self._undo.append(partial(insort, ordered, value))

    def _append(self, run: int, new: list[AnyEvent]) -> None:
        events = self._events.setdefault(run, [])
        self._undo.append(partial(events.__delitem__, slice(len(events), None)))
        events.extend(new)

    def _set_item(self, run: int, domain: str, key: ItemKey, item: AnyItem | None) -> None:
        was = self._items.set(run, domain, key, item)
        self._undo.append(partial(self._items.set, run, domain, key, was))


def _values(record: Record, items: list[AnyItem]) -> dict[str, Collection[str]]:
    """Return the values of an execution's fields, as matches name them."""
    execution, progress = record.execution, record.progress
    attributes = {
        ATTRIBUTE + name: (encode(value).decode(),)
        for name, value in progress.search_attributes.items()
    }
    return {
        "id": (execution.workflow_id,),
        "run": (execution.run_id,),
        "type": (execution.workflow_type.name,),
        "tag": execution.tag_list,
        "status": (progress.status.name,),
        "waiting": {item.kind for item in items},
        **attributes,
    }


def _age(record: Record) -> Age:
    return record.execution.started_at, record.run


def _fits(
    record: Record, filter: ExecutionFilter, values: Callable[[], dict[str, Collection[str]]]
) -> bool:
    execution, progress = record.execution, record.progress
    started = execution.started_at
    return (
        execution.domain == filter.domain
        and filter.workflow_id in (None, execution.workflow_id)
        and filter.type_name in (None, execution.workflow_type.name)
        and (not filter.statuses or progress.status in filter.statuses)
        and (filter.tag is None or filter.tag in execution.tag_list)
        and all(_has(progress.search_attributes, *pair) for pair in filter.attributes)
        and (filter.started_after is None or started >= filter.started_after)
        and (filter.started_before is None or started < filter.started_before)
        and (not filter.matches or all_fit(filter.matches, values()))
    )


def _has(attributes: dict[str, Any], name: str, value: Any) -> bool:
    return name in attributes and encode(attributes[name]) == encode(value)
