"""Stores that fail, wait and lose answers, and remember what they committed all the same.

Knows where in a transaction something can go wrong; knows no rule and no engine.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from partita.errors import StoreUnavailableError
from partita.history import AnyEvent
from partita.ports.state import State
from partita.ports.store import News, Record, Store, Transaction
from partita.stores.postgres.store import PostgresStore
from partita.stores.sqlite.store import SqliteStore
from tests.storm.weather import ANY, AWAY, SKY, TAG

Line = tuple[str, str, int, str]
"""An event that was committed or heard of: domain, run id, event id, type."""


class StormyStore:
    """A store in bad weather; what it does not name itself, the store within does."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.committed: list[Line] = []  # in order
        self.in_doubt: set[Line] = set()  # committed, and the answer was lost

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """Begin a transaction that may fail on its way in, in its middle and on its way out."""
        SKY.nap("enter")
        SKY.fault("entering", ANY)
        wrote: list[Line] = []
        with self._store.transaction() as transaction:
            self._trouble(transaction, wrote)
            SKY.nap("begin")
            yield transaction
            SKY.nap("end")
            SKY.fault("leaving", ANY)
        SKY.freeze("committed")
        if wrote and SKY.strikes(SKY.faults):
            SKY.count("fault commit made, answer lost")
            self.in_doubt.update(wrote)
            raise StoreUnavailableError(
                f"{TAG}: lost during a commit: may or may not have been done"
            )
        self.committed.extend(wrote)

    def _trouble(self, transaction: Transaction, wrote: list[Line]) -> None:
        """Have a transaction's write fail, and say what it has written."""
        write = transaction.write

        def writing(states: Iterable[State]) -> None:
            states = list(states)
            SKY.nap("write")
            SKY.freeze("write")
            SKY.fault("before writing", ANY)
            write(states)
            SKY.fault("after writing", ANY)
            wrote[:] = [line for state in states for line in _lines(state)]

        transaction.write = writing  # type: ignore[method-assign]

    def changed(self) -> News:
        SKY.fault("reading changes", AWAY, 0.1)
        return self._store.changed()

    def entries(self, kind: str, domain: str) -> dict[str, str]:
        SKY.fault("reading workers", AWAY)
        return self._store.entries(kind, domain)

    def find(self, domain: str, workflow_id: str, run_id: str | None) -> Record | None:
        SKY.fault("reading an execution", AWAY)
        return self._store.find(domain, workflow_id, run_id)

    def events(self, run: int, after: int) -> list[AnyEvent]:
        SKY.fault("reading events", AWAY)
        return self._store.events(run, after)

    def open_among(self, runs: Collection[int]) -> set[int]:
        SKY.fault("reading what is open", AWAY)
        return self._store.open_among(runs)


def _lines(state: State) -> Iterator[Line]:
    execution = state.execution
    for event in state.new_events:
        yield execution.domain, execution.run_id, event.event_id, type(event).__name__


def stormy(place: str) -> StormyStore:
    """Return a store of a place: the URL of a PostgreSQL schema, or the path of a file.

    Raises:
        StoreError: it cannot be opened now.
    """
    is_url = place.startswith("postgresql:")
    return StormyStore(PostgresStore(place) if is_url else SqliteStore(Path(place)))
