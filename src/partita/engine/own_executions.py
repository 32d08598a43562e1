"""Find the tasks of one execution and its descendants, for a host that serves them alone.

Such a host is a process in which somebody runs one execution; others that are open in the same
database are left to whoever serves them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from partita.engine.transaction import EngineTransaction
from partita.ports.state import AnyItem, OpenChild, State
from partita.ports.store import Taken

LARGE_LIMIT = 64
"""Open activities and children of the root execution up to which all open items are read."""

OTHERS_LIMIT = 64
"""Waiting items of other executions that are looked at, at most, before those are read."""


class OwnExecutions:
    """The executions of a workflow id, and their descendants."""

    def __init__(self, domain: str, workflow_id: str) -> None:
        self._domain = domain
        self._workflow_id = workflow_id
        self._known: dict[int, bool] = {}  # by run: whether it is one of them

    def has(self, tx: EngineTransaction, state: State) -> bool:
        """Return whether an execution is one of them."""
        found = self._known.get(state.run)
        if found is None:
            found = self._is_descendant(tx, state)
            if not state.is_new:  # the number of one that is may be given to another
                self._known[state.run] = found
        return found

    def _has_run(self, tx: EngineTransaction, run: int) -> bool:
        if run in self._known:
            return self._known[run]
        state = tx.load(run)
        return state is not None and self.has(tx, state)

    def _is_descendant(self, tx: EngineTransaction, state: State | None) -> bool:
        while state is not None and state.execution.domain == self._domain:
            if state.execution.workflow_id == self._workflow_id:
                return True
            parent = state.execution.parent
            if parent is None:
                return False
            state = tx.find(self._domain, parent.workflow_id, parent.run_id)
        return False

    def queued(
        self,
        tx: EngineTransaction,
        kind: str,
        task_lists: Collection[str],
        names: Collection[str],
        limit: int,
    ) -> list[Taken]:
        """Return their items that wait in a queue: highest priority first, then oldest.

        While few items are open, only these executions are read. To read all items of a large one
        in each transaction would take time that grows with the square of their number, so the
        queue itself is read then, unless others fill it.
        """
        root = tx.find(self._domain, self._workflow_id)
        if root is not None and _is_large(root):
            page = limit + OTHERS_LIMIT
            waiting = tx.stored.queued(kind, self._domain, task_lists, names, page)
            own = [(run, item) for run, item in waiting if self._has_run(tx, run)]
            if len(own) >= limit or len(waiting) < page:
                return own[:limit]
        found = [
            (state.run, item)
            for state, item in self._items(tx, root)
            if item.kind == kind and item.queue in task_lists and item.name in names
        ]
        found.sort(key=lambda taken: (-taken[1].priority, taken[1].since))
        return found[:limit]

    def _items(self, tx: EngineTransaction, root: State | None) -> Iterator[tuple[State, AnyItem]]:
        """Yield the open items of all of them that are open."""
        left = [] if root is None else [root]
        while left:
            state = left.pop()
            for item in [] if state.is_closed else tx.items(state):
                if isinstance(item, OpenChild):
                    execution = item.execution
                    child = tx.find(self._domain, execution.workflow_id, execution.run_id)
                    left += [] if child is None else [child]
                else:
                    yield state, item


def _is_large(state: State) -> bool:
    return state.progress.open_activities + state.progress.open_children > LARGE_LIMIT
