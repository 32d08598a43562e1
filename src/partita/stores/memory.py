"""Keep everything in dictionaries: the executable specification of a store.

Slow on purpose where speed would cost clarity. Nothing survives the process.
"""

from __future__ import annotations

import itertools
import sys
import threading
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any, TypeVar

import msgspec
from msgspec.structs import replace

from partita.errors import ConflictError
from partita.history import AnyEvent
from partita.ports.state import AnyItem, Backlog, ExecutionFilter, ItemKey, OpenChild, State, Status
from partita.ports.store import (
    Answer,
    LimitRecord,
    News,
    Overview,
    Proposal,
    Question,
    Queue,
    Record,
    Retention,
    Taken,
    WorkerRecord,
)
from partita.stores.invariants import faults_of

encode = msgspec.json.Encoder().encode

K = TypeVar("K")
V = TypeVar("V")


class MemoryStore:
    """A store that is also its own transaction, and notes how to take back what it changed."""

    shared = False
    glance = None
    foreign = False
    skipped = False
    seen: Mapping[int, int] = {}

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._runs = itertools.count(1)
        self._records: dict[int, Record] = {}
        self._items: dict[int, dict[ItemKey, AnyItem]] = {}
        self._events: dict[int, list[AnyEvent]] = {}
        self._newest: dict[tuple[str, str], int] = {}
        self._workers: dict[str, WorkerRecord] = {}
        self._types: dict[tuple[str, str], bool] = {}
        self._catalogue: dict[tuple[str, str, str], str] = {}
        self._limits: dict[tuple[str, str], LimitRecord] = {}
        self._questions: dict[str, Question] = {}
        self._answers: dict[str, Answer] = {}
        self._retentions: dict[str, Retention] = {}
        self._undo: list[Callable[[], object]] = []

    @contextmanager
    def transaction(self) -> Iterator[MemoryStore]:
        """Keep other threads out; take everything back if the block raises."""
        with self._lock:
            self._undo = []
            try:
                yield self
            except BaseException:
                for take_back in reversed(self._undo):
                    take_back()
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

    # -- read

    def record(self, run: int) -> Record | None:
        """Return the execution with that key."""
        return self._records.get(run)

    def find(self, domain: str, workflow_id: str, run_id: str | None) -> Record | None:
        """Return the run, or the newest run of the workflow id."""
        with self._lock:
            if not run_id:
                return self._records.get(self._newest.get((domain, workflow_id), 0))
            for record in self._records.values():
                execution = record.execution
                if (execution.domain, execution.workflow_id) == (domain, workflow_id):
                    if execution.run_id == run_id:
                        return record
            return None

    def item(self, run: int, kind: str, id: str) -> AnyItem | None:
        """Return one open item."""
        return self._items.get(run, {}).get((kind, id))

    def open_among(self, runs: Collection[int]) -> set[int]:
        """Return which of these runs are there and open."""
        records = [self._records[run] for run in runs if run in self._records]
        return {record.run for record in records if record.progress.status is Status.OPEN}

    def items(self, run: int) -> list[AnyItem]:
        """Return all the open items of a run."""
        with self._lock:
            return list(self._items.get(run, {}).values())

    def children(self, run: int) -> list[OpenChild]:
        """Return the open children of a run."""
        return [item for item in self.items(run) if isinstance(item, OpenChild)]

    def events(self, run: int, after: int) -> list[AnyEvent]:
        """Return the events after number `after`."""
        with self._lock:
            return self._events.get(run, [])[after:]

    def _all(self) -> Iterator[Taken]:
        for run, items in self._items.items():
            for item in items.values():
                yield run, item

    def queued(
        self,
        kind: str,
        domain: str,
        task_lists: Collection[str],
        names: Collection[str] | None,
        limit: int,
    ) -> list[Taken]:
        """Return items that wait in a queue: highest priority first, then oldest."""
        found = [
            (run, item)
            for run, item in self._all()
            if item.kind == kind
            and item.queue in task_lists
            and self._records[run].execution.domain == domain
            and (names is None or item.name in names)
        ]
        found.sort(key=lambda taken: (-taken[1].priority, taken[1].since))
        return found[:limit]

    def due(self, now: float, limit: int) -> list[Taken]:
        """Return items whose `due` has come, soonest first."""
        found = [
            (item.due, (run, item))
            for run, item in self._all()
            if item.due is not None and item.due <= now
        ]
        found.sort(key=lambda pair: pair[0])
        return [taken for _, taken in found[:limit]]

    def next_due(self) -> float | None:
        """Return the soonest `due` of all."""
        return min((item.due for _, item in self._all() if item.due is not None), default=None)

    def held(self, owner: str) -> list[Taken]:
        """Return what a worker holds."""
        return [taken for taken in self._all() if taken[1].owner == owner]

    def count_queued(self, kind: str, domain: str, task_list: str) -> int:
        """Count the items that wait in a queue."""
        with self._lock:
            return len(self.queued(kind, domain, [task_list], None, sys.maxsize))

    def workers(self) -> list[WorkerRecord]:
        """Return every worker on record."""
        with self._lock:
            return list(self._workers.values())

    def backlogs(self, domain: str) -> list[Backlog]:
        """Return how much waits in each task list of a domain."""
        waiting: dict[tuple[str, str], list[float]] = defaultdict(list)
        with self._lock:
            for run, item in self._all():
                if item.queue is not None and self._records[run].execution.domain == domain:
                    waiting[item.kind, item.queue].append(item.since)
        return [
            Backlog(kind=kind, task_list=task_list, count=len(moments), since=min(moments))
            for (kind, task_list), moments in sorted(waiting.items())
        ]

    def executions(self, filter: ExecutionFilter) -> list[Record]:
        """Return up to `filter.limit` executions, newest first."""
        with self._lock:
            newest_first = sorted(self._records.values(), key=lambda record: -record.run)
            return [record for record in newest_first if _fits(record, filter)][: filter.limit]

    def closed(self, filter: ExecutionFilter, after: tuple[float, int] = (0.0, 0)) -> list[Record]:
        """Return up to `filter.limit` closed executions, the one that began first first."""
        with self._lock:
            found = [
                record
                for record in self._records.values()
                if record.progress.status is not Status.OPEN
                and _fits(record, filter)
                and _age(record) > after
            ]
        return sorted(found, key=_age)[: filter.limit]

    def overview(self, moment: float) -> Overview:
        """Return how everything stands."""
        with self._lock:
            items = [(self._records[run], item) for run, item in self._all()]
            items.sort(key=lambda pair: (pair[0].run, pair[1].kind, pair[1].id))
            records = self._records.values()
            bare = [one for one in records if one.progress.status is Status.OPEN]
            return Overview(
                queues=tuple(_queues(items)),
                tasks=tuple(pair for pair in items if pair[1].kind in ("decision", "activity")),
                overdue=tuple((one, item) for one, item in items if (item.due or moment) < moment),
                bare=tuple(one for one in bare if not self._items.get(one.run)),
                latest=max(
                    [item.since for _, item in items]
                    + [one.execution.started_at for one in records],
                    default=0.0,
                ),
            )

    def count_executions(self, filter: ExecutionFilter) -> int:
        """Count the executions that `executions` would return without a limit."""
        with self._lock:
            return sum(_fits(record, filter) for record in self._records.values())

    # -- write

    def new_run(self) -> int:
        """Return a key for a new execution."""
        return next(self._runs)

    def validate(self, proposal: Proposal) -> None:
        """Do nothing: memory holds any value."""

    def write(self, states: Iterable[State]) -> None:
        """Store each state."""
        for state in states:
            run, execution = state.run, state.execution
            self._set(self._records, run, Record(run, execution, state.progress))
            if state.is_new:
                self._set(self._newest, (execution.domain, execution.workflow_id), run)
            self._append(run, state.new_events)
            if state.is_closed:
                self._remove(self._items, run)
                continue
            items = self._items.setdefault(run, {})
            for key in state.changed:
                item = state.items.get(key)
                if item is None:
                    self._remove(items, key)
                else:
                    self._set(items, key, item)

    def rely_on(self, states: Iterable[State]) -> None:
        """Do nothing: what was read is still so."""

    def tell(self, news: News) -> None:
        """Do nothing: nobody else listens."""

    def add_types(self, domain: str, keys: Collection[str]) -> None:
        """Remember workflow types."""
        for key in keys:
            self._set(self._types, (domain, key), True)

    def has_type(self, domain: str, key: str) -> bool:
        """Return whether a workflow type was ever added."""
        return (domain, key) in self._types

    def entry(self, kind: str, domain: str, key: str) -> str | None:
        """Return what the catalogue holds under a key."""
        return self._catalogue.get((kind, domain, key))

    def entries(self, kind: str, domain: str) -> dict[str, str]:
        """Return what the catalogue holds of a kind in a domain, by key."""
        with self._lock:
            return {
                key: body
                for (its_kind, its_domain, key), body in self._catalogue.items()
                if (its_kind, its_domain) == (kind, domain)
            }

    def enter(self, kind: str, domain: str, key: str, body: str | None, was: str | None) -> None:
        """Insert, replace or remove what the catalogue holds under a key."""
        place = (kind, domain, key)
        if self._catalogue.get(place) != was:
            raise ConflictError(f"{kind} {key!r} was changed by somebody else")
        if body is None:
            self._remove(self._catalogue, place)
        else:
            self._set(self._catalogue, place, body)

    def limits(self) -> list[LimitRecord]:
        """Return the limits of every task list that has one."""
        return list(self._limits.values())

    def put_limit(self, limit: LimitRecord) -> None:
        """Insert, replace or remove a task list's limits."""
        key = (limit.domain, limit.task_list)
        if limit.concurrency is None and limit.per_second is None:
            self._remove(self._limits, key)
        else:
            self._set(self._limits, key, limit)

    def lane(self, domain: str, task_list: str) -> tuple[LimitRecord | None, int]:
        """Return a task list's limits, and how many open items take a place in it."""
        taken = sum(
            item.lane == task_list and self._records[run].execution.domain == domain
            for run, item in self._all()
        )
        return self._limits.get((domain, task_list)), taken

    def ask(self, question: Question) -> None:
        """Put a question to whoever can answer it."""
        self._set(self._questions, question.id, question)

    def questions(self, domain: str, keys: Collection[str]) -> list[Question]:
        """Return the questions about these types that nobody has answered."""
        return [
            question
            for question in self._questions.values()
            if question.domain == domain
            and question.type_key in keys
            and question.id not in self._answers
        ]

    def answer(self, id: str, answer: Answer) -> None:
        """Answer a question."""
        if id in self._questions:
            self._set(self._answers, id, answer)

    def take_answer(self, id: str) -> Answer | None:
        """Return a question's answer and remove both."""
        found = self._answers.get(id)
        if found is not None:
            self.drop_question(id)
        return found

    def drop_question(self, id: str) -> None:
        """Remove a question that nobody waits for any more."""
        self._remove(self._questions, id)
        self._remove(self._answers, id)

    def drop_questions_before(self, moment: float) -> None:
        """Remove the questions that were asked before a moment."""
        for question in list(self._questions.values()):
            if question.asked_at < moment:
                self.drop_question(question.id)

    def put_worker(self, worker: WorkerRecord) -> None:
        """Insert or replace a worker."""
        self._set(self._workers, worker.id, worker)

    def drop_worker(self, worker: WorkerRecord) -> bool:
        """Remove a worker if its record is still this one."""
        if self._workers.get(worker.id) != worker:
            return False
        self._remove(self._workers, worker.id)
        return True

    def act_for(self, worker: str) -> None:
        """Do nothing: no other process can take a worker off the record."""

    # -- remove

    @property
    def pruning(self) -> MemoryStore:
        """Itself."""
        return self

    def runs_of(
        self, domain: str, workflow_ids: Collection[str], limit: int
    ) -> dict[str, list[int]]:
        """Return up to `limit` runs of each of these workflow ids, oldest first."""
        found: dict[str, list[int]] = {id: [] for id in workflow_ids}
        for run, record in self._records.items():
            execution = record.execution
            if execution.domain == domain and execution.workflow_id in found:
                found[execution.workflow_id].append(run)
        return {id: runs[:limit] for id, runs in found.items()}

    def origins(self) -> set[int]:
        """Return the runs whose recorded steps open ones reuse."""
        return {
            record.execution.origin.run
            for record in self._records.values()
            if record.progress.status is Status.OPEN and record.execution.origin is not None
        }

    def hold(self, runs: Collection[int]) -> list[Record]:
        """Return those that are there."""
        return [self._records[run] for run in sorted(runs) if run in self._records]

    def remove(self, runs: Collection[int]) -> None:
        """Remove executions and all that belongs to them."""
        for run in runs:
            execution = self._records[run].execution
            key = (execution.domain, execution.workflow_id)
            self._remove(self._records, run)
            self._remove(self._events, run)
            self._remove(self._items, run)
            for question in list(self._questions.values()):
                if question.run == run:
                    self.drop_question(question.id)
            left = self.runs_of(key[0], key[1:], len(self._records))[key[1]]
            if left:
                self._set(self._newest, key, left[-1])
            else:
                self._remove(self._newest, key)

    def retentions(self) -> list[Retention]:
        """Return the retention of every domain that has one."""
        with self._lock:
            return list(self._retentions.values())

    def put_retention(self, retention: Retention) -> None:
        """Insert or replace a domain's retention."""
        self._set(self._retentions, retention.domain, retention)

    def drop_retention(self, domain: str) -> None:
        """Keep everything of a domain from now on."""
        self._remove(self._retentions, domain)

    def claim(self, retention: Retention, next_at: float) -> bool:
        """Put off the next look, unless it was put off, or changed, already."""
        if self._retentions.get(retention.domain) != retention:
            return False
        self.put_retention(replace(retention, next_at=next_at))
        return True

    def _set(self, mapping: dict[K, V], key: K, value: V) -> None:
        if key in mapping:
            self._undo.append(partial(mapping.__setitem__, key, mapping[key]))
        else:
            self._undo.append(partial(mapping.pop, key))
        mapping[key] = value

    def _remove(self, mapping: dict[K, V], key: K) -> None:
        if key in mapping:
            self._undo.append(partial(mapping.__setitem__, key, mapping.pop(key)))

    def _append(self, run: int, new: list[AnyEvent]) -> None:
        events = self._events.setdefault(run, [])
        self._undo.append(partial(events.__delitem__, slice(len(events), None)))
        events.extend(new)


def _fits(record: Record, filter: ExecutionFilter) -> bool:
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
        and (filter.before_run is None or record.run < filter.before_run)
    )


def _queues(items: list[tuple[Record, AnyItem]]) -> Iterator[Queue]:
    waiting: dict[tuple[str, str, str], list[float]] = {}
    for record, item in items:
        if item.queue is not None:
            key = (record.execution.domain, item.kind, item.queue)
            waiting.setdefault(key, []).append(item.since)
    for (domain, kind, task_list), since in sorted(waiting.items()):
        yield Queue(
            domain=domain, kind=kind, task_list=task_list, length=len(since), since=min(since)
        )


def _age(record: Record) -> tuple[float, int]:
    return record.execution.started_at, record.run


def _has(attributes: dict[str, Any], name: str, value: Any) -> bool:
    return name in attributes and encode(attributes[name]) == encode(value)
