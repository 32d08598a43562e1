"""Keep executions' states, and what else was read from the store, between transactions."""

from __future__ import annotations

from collections import OrderedDict

from partita.engine.recorded_steps import RecordedSteps
from partita.ports.catalogue import LimitRecord
from partita.ports.state import AnyItem, State
from partita.ports.store import Transaction


class StateCache:
    """The most recently used states. Belongs to the engine's thread.

    After another process may have written, each state is compared with its row before it is
    used again, and read anew if the row has changed. Where many write at once (PostgreSQL), a
    state is used without that; the commit fails if its row has changed.
    """

    def __init__(self, limit: int = 20_000) -> None:
        self.epoch = 0
        self.types: set[tuple[str, str]] = set()  # domain and key of registered workflow types
        self.limits: dict[str, dict[str, LimitRecord]] = {}  # by domain and task list, once read
        self.recorded_steps: dict[tuple[object, ...], RecordedSteps] = {}  # of forks' origins
        self._limit = limit
        self._states: OrderedDict[int, State] = OrderedDict()
        self._stored: Transaction | None = None

    def begin(self, stored: Transaction) -> None:
        """Read from this transaction from now on."""
        self._stored = stored

    def read_item(self, run: int, kind: str, id: str) -> list[AnyItem]:
        """Return an open item, if there is one, in the current transaction; for `State.find`."""
        assert self._stored is not None
        return self._stored.items(run, kind, id)

    def invalidate(self) -> None:
        """Compare every state with its row before it is used again."""
        self.epoch += 1
        self.limits.clear()

    def drop(self, run: int) -> None:
        """Forget the state of a run."""
        self._states.pop(run, None)

    def keep(self, state: State) -> None:
        """Add a state that equals what the store holds now."""
        state.settle()
        state.epoch = self.epoch
        self._states[state.run] = state
        self._states.move_to_end(state.run)
        if len(self._states) > self._limit:
            self._states.popitem(last=False)

    def get(self, run: int) -> State | None:
        """Return the state of a run, if it is here and still equals its row."""
        state = self._states.get(run)
        if state is None:
            return None
        assert self._stored is not None
        seen = self._stored.seen.get(run)
        if seen is None and state.epoch != self.epoch:
            record = self._stored.record(run)
            seen = -1 if record is None else record.progress.revision
        if seen not in (None, state.stored):
            self.drop(run)
            return None
        state.epoch = self.epoch
        return state
