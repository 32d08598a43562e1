"""A store as a newcomer writes one from the documentation: all in one JSON file, simple and slow.

What is kept is never changed in place: a transaction works on copies of the dictionaries, and its
commit writes the whole file anew. One process at a time may have the file open.
"""

from __future__ import annotations

import fcntl
import json
import os
import threading
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from partita.errors import ConflictError, StoreCorruptError, StoreUnavailableError
from partita.history import AnyEvent
from partita.ports.state import (
    AnyItem,
    Backlog,
    Execution,
    ExecutionFilter,
    Progress,
    State,
    Status,
)
from partita.store import News, Overview, Proposal, Record, Taken


class Kept(Struct, frozen=True):
    """An execution, and all that belongs to it."""

    execution: Execution
    progress: Progress
    events: list[AnyEvent] = []
    items: list[AnyItem] = []


class Drawer(Struct):
    """What the file holds."""

    last_run: int = 0
    runs: dict[int, Kept] = {}
    catalogue: dict[str, str] = {}  # by the JSON of kind, domain and key

    def copy(self) -> Drawer:
        return Drawer(self.last_run, dict(self.runs), dict(self.catalogue))


def place(kind: str, domain: str, key: str) -> str:
    return json.dumps([kind, domain, key])


class Reads:
    """What both the store and its transactions are asked."""

    drawer: Drawer

    def _records(self, fits: Callable[[Kept], bool] = lambda _: True) -> list[Record]:
        """Return the executions that fit, oldest first."""
        found = ((run, kept) for run, kept in sorted(self.drawer.runs.items()) if fits(kept))
        return [Record(run, kept.execution, kept.progress) for run, kept in found]

    def find(self, domain: str, workflow_id: str, run_id: str | None) -> Record | None:
        def fits(kept: Kept) -> bool:
            execution = kept.execution
            is_it = (execution.domain, execution.workflow_id) == (domain, workflow_id)
            return is_it and run_id in (None, "", execution.run_id)

        return next(reversed(self._records(fits)), None)

    def items(self, run: int, kind: str | None = None, id: str | None = None) -> list[AnyItem]:
        kept = self.drawer.runs.get(run)
        found = [] if kept is None else kept.items
        return [item for item in found if kind in (None, item.kind) and id in (None, item.id)]

    def events(self, run: int, after: int) -> list[AnyEvent]:
        kept = self.drawer.runs.get(run)
        return [] if kept is None else kept.events[after:]

    def entry(self, kind: str, domain: str, key: str) -> str | None:
        return self.drawer.catalogue.get(place(kind, domain, key))

    def entries(self, kind: str, domain: str) -> dict[str, str]:
        places = {json.loads(at)[2]: at for at in self.drawer.catalogue}
        return {
            key: self.drawer.catalogue[at]
            for key, at in places.items()
            if at == place(kind, domain, key)
        }

    def all_items(self) -> Iterator[tuple[int, Kept, AnyItem]]:
        for run, kept in self.drawer.runs.items():
            for item in kept.items:
                yield run, kept, item


class DrawerTransaction(Reads):
    """A transaction: nobody else writes until it ends."""

    foreign = False
    skipped = False
    seen: dict[int, int] = {}

    def __init__(self, drawer: Drawer) -> None:
        self.drawer = drawer
        self.is_dirty = False

    def new_run(self) -> int:
        self.drawer.last_run += 1
        return self.drawer.last_run

    def record(self, run: int) -> Record | None:
        kept = self.drawer.runs.get(run)
        return None if kept is None else Record(run, kept.execution, kept.progress)

    def queued(
        self,
        kind: str,
        domain: str,
        task_lists: Collection[str],
        names: Collection[str] | None,
        limit: int,
    ) -> list[Taken]:
        found = [
            (run, item)
            for run, kept, item in self.all_items()
            if (item.kind, kept.execution.domain) == (kind, domain)
            and item.queue in task_lists
            and (names is None or item.name in names)
        ]
        return sorted(found, key=lambda taken: (-taken[1].priority, taken[1].since))[:limit]

    def due(self, now: float, limit: int) -> list[Taken]:
        found = [
            (item.due, run, item)
            for run, _, item in self.all_items()
            if item.due is not None and item.due <= now
        ]
        found.sort(key=lambda each: each[0])
        return [(run, item) for _, run, item in found[:limit]]

    def next_due(self) -> float | None:
        moments = [item.due for _, _, item in self.all_items() if item.due is not None]
        return min(moments, default=None)

    def held(self, owner: str) -> list[Taken]:
        return [(run, item) for run, _, item in self.all_items() if item.owner == owner]

    def count_running(self, domain: str, task_list: str) -> int:
        return sum(
            item.lane == task_list and kept.execution.domain == domain
            for _, kept, item in self.all_items()
        )

    def validate(self, proposal: Proposal) -> None:
        msgspec.json.encode(proposal)  # raises UnicodeEncodeError: JSON takes all else

    def write(self, states: Iterable[State]) -> None:
        self.is_dirty = True
        for state in states:
            was = self.drawer.runs.get(state.run) or Kept(state.execution, state.progress)
            items = {(item.kind, item.id): item for item in was.items}
            for key in state.changed:
                item = state.items.get(key)
                if item is None:
                    items.pop(key, None)
                else:
                    items[key] = item
            self.drawer.runs[state.run] = replace(
                was,
                progress=state.progress,
                events=was.events + state.new_events,
                items=[] if state.is_closed else list(items.values()),
            )

    def rely_on(self, states: Iterable[State]) -> None:
        """What was read is still so."""

    def tell(self, news: News) -> None:
        """Nobody else listens."""

    def lock(self, kind: str, domain: str, key: str) -> str | None:
        return self.entry(kind, domain, key)

    def enter(self, kind: str, domain: str, key: str, body: str | None, was: str | None) -> None:
        if self.entry(kind, domain, key) != was:
            raise ConflictError(f"{kind} {key!r} was changed by somebody else")
        self.is_dirty = True
        if body is None:
            self.drawer.catalogue.pop(place(kind, domain, key), None)
        else:
            self.drawer.catalogue[place(kind, domain, key)] = body

    def require(self, kind: str, domain: str, key: str) -> None:
        """Nobody else can remove it meanwhile."""

    def runs_of(
        self, domain: str, workflow_ids: Collection[str], limit: int
    ) -> dict[str, list[int]]:
        def runs(id: str) -> list[int]:
            records = self._records(
                lambda kept: (kept.execution.domain, kept.execution.workflow_id) == (domain, id)
            )
            return [record.run for record in records]

        return {id: runs(id)[:limit] for id in workflow_ids}

    def origins(self) -> set[int]:
        return {
            kept.execution.origin.run
            for kept in self.drawer.runs.values()
            if kept.execution.origin is not None and kept.progress.status is Status.OPEN
        }

    def hold(self, runs: Collection[int]) -> list[Record]:
        return [record for record in self._records() if record.run in runs]

    def remove(self, runs: Collection[int]) -> None:
        self.is_dirty = True
        for run in runs:
            del self.drawer.runs[run]


class DrawerStore(Reads):
    """One file."""

    glance = None  # no other process can write here

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.RLock()
        self._guard = open(path.with_suffix(".lock"), "w")  # noqa: SIM115
        try:
            fcntl.flock(self._guard, fcntl.LOCK_EX | fcntl.LOCK_NB)
            content = path.read_bytes() if path.exists() else b"{}"
            self.drawer = msgspec.json.decode(content, type=Drawer)
        except BlockingIOError as error:
            self._guard.close()
            raise StoreUnavailableError(f"another process has {path} open; end it") from error
        except msgspec.MsgspecError as error:
            self._guard.close()
            raise StoreCorruptError(f"{path} is damaged: {error}; restore a backup") from error

    @contextmanager
    def transaction(self) -> Iterator[DrawerTransaction]:
        with self._lock:
            transaction = DrawerTransaction(self.drawer.copy())
            yield transaction
            if transaction.is_dirty:
                self._save(transaction.drawer)
                self.drawer = transaction.drawer

    def _save(self, drawer: Drawer) -> None:
        draft = self._path.with_suffix(".draft")
        with draft.open("wb") as file:
            file.write(msgspec.json.encode(drawer))
            file.flush()
            os.fsync(file.fileno())
        draft.replace(self._path)
        folder = os.open(self._path.parent, os.O_RDONLY)
        os.fsync(folder)
        os.close(folder)

    def changed(self) -> News:
        return News.NOTHING

    def on_change(self, heard: Callable[[], None]) -> None:
        """No other process can write here."""

    def open_among(self, runs: Collection[int]) -> set[int]:
        records = self._records(lambda kept: kept.progress.status is Status.OPEN)
        return {record.run for record in records} & set(runs)

    def executions(
        self, filter: ExecutionFilter, after: tuple[float, int] | None = None
    ) -> list[Record]:
        found = self._records(lambda kept: fits(kept, filter))
        if after is None:
            kept = [one for one in found if one.run < (filter.before_run or 1 << 63)]
            return kept[::-1][: filter.limit]
        closed = [one for one in found if one.progress.status is not Status.OPEN]
        page = [(one.execution.started_at, one.run, one) for one in closed]
        return [one for *age, one in sorted(page) if tuple(age) > after][: filter.limit]

    def count_executions(self, filter: ExecutionFilter) -> int:
        return len(self.executions(replace(filter, limit=1 << 63)))

    def backlogs(self, domain: str | None = None) -> list[Backlog]:
        waiting: dict[tuple[str, str, str], list[float]] = {}
        for _, kept, item in self.all_items():
            if item.queue is not None and domain in (None, kept.execution.domain):
                queue = (kept.execution.domain, item.kind, item.queue)
                waiting.setdefault(queue, []).append(item.since)
        return [
            Backlog(domain=its, kind=kind, task_list=name, count=len(since), since=min(since))
            for (its, kind, name), since in sorted(waiting.items())
        ]

    def overview(self, moment: float) -> Overview:
        records = self._records()
        items = [
            (one, item)
            for one in records
            for item in sorted(self.items(one.run), key=lambda item: (item.kind, item.id))
        ]
        late = [(item.due, (one, item)) for one, item in items if (item.due or moment) < moment]
        late.sort(key=lambda each: each[0] or 0.0)
        moments = [item.since for _, item in items] + [one.execution.started_at for one in records]
        return Overview(
            tasks=tuple(pair for pair in items if pair[1].kind in ("decision", "activity")),
            overdue=tuple(pair for _, pair in late),
            bare=tuple(
                one
                for one in records
                if one.progress.status is Status.OPEN and not self.items(one.run)
            ),
            latest=max(moments, default=0.0),
        )

    def check(self) -> list[str]:
        return [
            f"run {run} has {len(kept.events)} events, not {kept.progress.last_event_id}"
            for run, kept in self.drawer.runs.items()
            if len(kept.events) != kept.progress.last_event_id
        ]

    def close(self) -> None:
        self._guard.close()


def fits(kept: Kept, filter: ExecutionFilter) -> bool:
    execution, progress = kept.execution, kept.progress
    attributes: dict[str, Any] = progress.search_attributes
    return (
        execution.domain == filter.domain
        and filter.workflow_id in (None, execution.workflow_id)
        and filter.type_name in (None, execution.workflow_type.name)
        and (not filter.statuses or progress.status in filter.statuses)
        and (filter.tag is None or filter.tag in execution.tag_list)
        and (filter.started_after is None or execution.started_at >= filter.started_after)
        and (filter.started_before is None or execution.started_at < filter.started_before)
        and all(
            name in attributes and json.dumps(attributes[name]) == json.dumps(value)
            for name, value in filter.attributes
        )
    )


def open_drawer(url: str) -> DrawerStore:
    """Open the file of `drawer:///absolute/path.json`."""
    return DrawerStore(Path(urlsplit(url).path))
