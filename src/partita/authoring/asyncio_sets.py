"""Keep the order of asyncio's own sets in workflows.

`asyncio.wait` makes sets of tasks, whose order depends on memory addresses. In the code of a
workflow they have the order in which the tasks were given; elsewhere nothing changes.
"""

from __future__ import annotations

import builtins
from asyncio import tasks
from collections.abc import Iterable, Iterator
from typing import Any

from partita.authoring.runtime import current


class OrderedSet(builtins.set[Any]):
    """A set that iterates in the order of insertion."""

    def __init__(self, items: Iterable[Any] = ()) -> None:
        self._items = dict.fromkeys(items)
        super().__init__(self._items)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._items)

    def add(self, item: Any) -> None:
        self._items[item] = None
        super().add(item)

    def discard(self, item: Any) -> None:
        self._items.pop(item, None)
        super().discard(item)

    def remove(self, item: Any) -> None:
        super().remove(item)
        self._items.pop(item)

    def pop(self) -> Any:
        item = next(iter(self._items), None)
        if not self._items:
            raise KeyError("pop from an empty set")
        self.remove(item)
        return item

    def clear(self) -> None:
        self._items.clear()
        super().clear()

    def copy(self) -> OrderedSet:
        return OrderedSet(self)

    def update(self, *others: Iterable[Any]) -> None:
        for other in others:
            for item in other:
                self.add(item)

    def __or__(self, other: Any) -> OrderedSet:
        return OrderedSet([*self, *other])

    def __and__(self, other: Any) -> OrderedSet:
        return OrderedSet(item for item in self if item in other)

    def __sub__(self, other: Any) -> OrderedSet:
        return OrderedSet(item for item in self if item not in other)


def _set(*given: Any) -> builtins.set[Any]:
    return builtins.set(*given) if current.get() is None else OrderedSet(*given)


def order_asyncio_sets() -> None:
    """Make `asyncio.wait` and `as_completed` keep the order of their arguments in workflows."""
    vars(tasks)["set"] = _set
