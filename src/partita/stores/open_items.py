"""Keep open items in memory, and find them by queue, due time, owner and limited task list.

Knows no transaction: `MemoryStore` undoes what it has set.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable, Collection, Hashable, Iterable
from typing import Any, Generic, TypeVar

from partita.ports.state import AnyItem, ItemKey
from partita.ports.store import Taken

T = TypeVar("T", bound=Hashable)

SLACK = 1_000
"""Outdated entries of a heap, beyond as many as there are valid ones."""

Place = tuple[int, ItemKey]
"""Where an item is: its run, kind and id."""

Queue = tuple[str, str, str]
"""Domain, kind and task list."""


class Ordered(Generic[T]):
    """Things in the order of their keys, which are unique: a heap that skips outdated entries.

    Each change takes logarithmic time.
    """

    def __init__(self) -> None:
        self.keys: dict[T, Any] = {}
        self._heap: list[tuple[Any, T]] = []

    def put(self, thing: T, key: Any) -> None:
        """Insert a thing, or give it another key."""
        self.keys[thing] = key
        heapq.heappush(self._heap, (key, thing))
        if len(self._heap) > 2 * len(self.keys) + SLACK:
            self._heap = [(key, thing) for thing, key in self.keys.items()]
            heapq.heapify(self._heap)

    def drop(self, thing: T) -> None:
        """Remove a thing."""
        del self.keys[thing]

    def first(self) -> Any:
        """Return the least key; None if there is nothing."""
        heap, keys = self._heap, self.keys
        while heap and keys.get(heap[0][1]) != heap[0][0]:
            heapq.heappop(heap)
        return heap[0][0] if heap else None

    def least(self, limit: int, fits: Callable[[Any, T], bool | None]) -> list[tuple[Any, T]]:
        """Return up to `limit` keys and things that fit, the least key first; None ends it."""
        popped: list[tuple[Any, T]] = []
        found: list[tuple[Any, T]] = []
        while len(found) < limit and self.first() is not None:
            popped.append(heapq.heappop(self._heap))
            fit = fits(*popped[-1])
            if fit is None:
                break
            if fit:
                found.append(popped[-1])
        for entry in popped:
            heapq.heappush(self._heap, entry)
        return found


class OpenItems:
    """The open items of all runs."""

    def __init__(self) -> None:
        self._runs: dict[int, dict[ItemKey, AnyItem]] = {}
        self._queues: dict[Queue, Ordered[Place]] = {}
        self._due: Ordered[Place] = Ordered()
        self._owned: dict[str, dict[Place, None]] = {}
        self._running: dict[tuple[str, str], dict[Place, None]] = {}
        self._numbers = itertools.count()  # of what is equal otherwise, the first put is first

    def of(self, run: int) -> dict[ItemKey, AnyItem]:
        """Return the items of a run."""
        return self._runs.get(run, {})

    def set(self, run: int, domain: str, key: ItemKey, item: AnyItem | None) -> AnyItem | None:
        """Insert, replace or (with None) remove an item; return what was there."""
        items = self._runs.setdefault(run, {})
        place, old = (run, key), items.get(key)
        if old is not None:
            self._unindex(domain, place, old)
        if item is not None:
            items[key] = item
            self._index(domain, place, item)
        elif old is not None:
            del items[key]
        if not items:
            del self._runs[run]
        return old

    def _index(self, domain: str, place: Place, item: AnyItem) -> None:
        number = next(self._numbers)
        if item.queue is not None:
            waits_in = (domain, item.kind, item.queue)
            if waits_in not in self._queues:
                self._queues[waits_in] = Ordered()
            self._queues[waits_in].put(place, (-item.priority, item.since, number))
        if item.due is not None:
            self._due.put(place, (item.due, number))
        if item.owner is not None:
            self._owned.setdefault(item.owner, {})[place] = None
        if item.lane is not None:
            self._running.setdefault((domain, item.lane), {})[place] = None

    def _unindex(self, domain: str, place: Place, item: AnyItem) -> None:
        if item.queue is not None:
            waits_in = (domain, item.kind, item.queue)
            self._queues[waits_in].drop(place)
            if not self._queues[waits_in].keys:
                del self._queues[waits_in]
        if item.due is not None:
            self._due.drop(place)
        if item.owner is not None:
            _discard(self._owned, item.owner, place)
        if item.lane is not None:
            _discard(self._running, (domain, item.lane), place)

    def _taken(self, places: Iterable[Place]) -> list[Taken]:
        return [(run, self._runs[run][key]) for run, key in places]

    def queued(
        self, queues: Iterable[Queue], names: Collection[str] | None, limit: int
    ) -> list[Taken]:
        """Return up to `limit` items that wait in some queues, as `Transaction.queued` does."""

        def fits(_: object, place: Place) -> bool:
            run, key = place
            return names is None or self._runs[run][key].name in names

        found = [
            entry
            for queue in queues
            if queue in self._queues
            for entry in self._queues[queue].least(limit, fits)
        ]
        return self._taken(place for _, place in sorted(found)[:limit])

    def due(self, now: float, limit: int) -> list[Taken]:
        """Return up to `limit` items whose `due` has come, soonest first."""
        found = self._due.least(limit, lambda key, _: True if key[0] <= now else None)
        return self._taken(place for _, place in found)

    def next_due(self) -> float | None:
        """Return the soonest `due` of all."""
        key = self._due.first()
        return None if key is None else key[0]

    def held(self, owner: str) -> list[Taken]:
        """Return what a worker holds."""
        return self._taken(self._owned.get(owner, ()))

    def count_running(self, domain: str, task_list: str) -> int:
        """Count the items whose `lane` is that task list."""
        return len(self._running.get((domain, task_list), ()))

    def waiting(self) -> dict[Queue, list[float]]:
        """Return since when each item of each queue has waited."""
        return {
            queue: [since for _, since, _ in waiting.keys.values()]
            for queue, waiting in self._queues.items()
        }


def _discard(index: dict[Any, dict[Place, None]], key: object, place: Place) -> None:
    """Remove a place from an index, and the index's entry with the last one."""
    del index[key][place]
    if not index[key]:
        del index[key]
