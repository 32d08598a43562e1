"""Keep executions' states, and what else was read from the store, between transactions."""

from __future__ import annotations

from collections import OrderedDict

from partita.engine.reuse import Memory
from partita.ports.state import State
from partita.ports.store import LimitRecord, Transaction


class StateCache:
    """Keep the most recently used states between transactions; belongs to the engine's thread.

    After another process may have written, every state is checked against its row before it
    is used again, and read anew if it has moved. Where many write at once, a state is believed
    until its row has been seen to differ; the commit holds it to the row again.
    """

    def __init__(self, limit: int = 20_000) -> None:
        self.epoch = 0
        self.types: set[tuple[str, str]] = set()  # domain and key, once they are known
        self.limits: list[LimitRecord] | None = None  # None: ask the store
        self.memories: dict[tuple[object, ...], Memory] = {}
        self._limit = limit
        self._states: OrderedDict[int, State] = OrderedDict()

    def doubt(self) -> None:
        """Take every state for possibly outdated."""
        self.epoch += 1
        self.limits = None

    def forget(self, state: State) -> None:
        """Drop a state that is not what the store holds."""
        self._states.pop(state.run, None)

    def drop(self, run: int) -> None:
        """Drop the state of a run that was removed."""
        self._states.pop(run, None)

    def keep(self, state: State) -> None:
        """Hold a state that equals what the store holds now."""
        state.settle()
        state.epoch = self.epoch
        self._states[state.run] = state
        self._states.move_to_end(state.run)
        if len(self._states) > self._limit:
            self._states.popitem(last=False)

    def get(self, run: int, transaction: Transaction) -> State | None:
        """Return the state of a run, if it is here and still true."""
        state = self._states.get(run)
        if state is None:
            return None
        seen = transaction.seen.get(run)
        if seen is None and state.epoch != self.epoch:
            record = transaction.record(run)
            seen = -1 if record is None else record.progress.revision
        if seen not in (None, state.stored):
            self.forget(state)
            return None
        state.epoch = self.epoch
        return state
