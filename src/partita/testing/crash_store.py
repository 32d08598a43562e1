"""Let a process die at one of its commits: a store that refuses from then on, an engine around it.

What was committed stays in the store behind; what runs or lives in memory is of no use any more.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, cast

from partita.errors import PartitaError, StoreError, TaskLostError
from partita.history import AnyEvent
from partita.ports.service import ActivityAnswer
from partita.ports.state import State
from partita.ports.store import Store
from partita.stores.memory import MemoryStore
from partita.testing.engine import SkippingEngine
from partita.testing.environment import Environment

WRITING = frozenset({"write", "add_types", "put_limit", "drop_worker"})
"""What makes a transaction a commit that counts. A renewed lease does not: it is time's doing."""


class DeathError(StoreError):
    """The process is taken for dead."""


class _Watched:
    """A transaction, and what was written in it."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner
        self.has_written = False
        self.events_written: list[AnyEvent] = []

    def write(self, states: Iterable[State]) -> None:
        states = list(states)
        self.has_written = True
        self.events_written += [event for state in states for event in state.new_events]
        self._inner.write(states)

    def __getattr__(self, name: str) -> Any:
        if name in WRITING:
            self.has_written = True
        return getattr(self._inner, name)


class DyingStore:
    """A store whose process dies just before, or just after, its commit number `at`."""

    def __init__(self, kept: Store, at: int | None, *, after: bool) -> None:
        self.kept: Store = kept
        self.commits = 0
        self.is_dead = False
        self.last: list[AnyEvent] = []  # what the commit wrote, or would have
        self._at = at
        self._after = after

    @contextmanager
    def transaction(self) -> Iterator[Any]:
        """Begin a transaction, which may be the last."""
        self._check()
        with self.kept.transaction() as inner:
            watched = _Watched(inner)
            yield watched
            if watched.has_written:
                self.commits += 1
            is_last = watched.has_written and self.commits == self._at
            if is_last:
                self.last = watched.events_written
            if is_last and not self._after:
                self._die()
        if is_last:
            self._die()

    def _die(self) -> None:
        self.is_dead = True
        self._check()

    def _check(self) -> None:
        if self.is_dead:
            raise DeathError("the process has died")

    def close(self) -> None:
        """Keep what is stored: the next life opens it again."""

    def __getattr__(self, name: str) -> Any:
        """Read from the store behind, while there is life."""
        self._check()
        return getattr(self.kept, name)


class MortalEngine(SkippingEngine):
    """An engine that says nothing more once its store is dead."""

    @property
    def _death(self) -> DyingStore:
        return cast(DyingStore, self.store)

    def report(self, answer: ActivityAnswer, failed: Callable[[PartitaError], None]) -> None:
        """Record how an activity ended, while there is life."""

        def unless_dead(error: PartitaError) -> None:
            if not self._is_over:
                failed(error)

        if not self._is_over:
            super().report(answer, unless_dead)

    def heartbeat_activity(self, token: str, details: str | None) -> bool:
        """Tell an activity of a dead worker to end."""
        if self._is_over:
            raise TaskLostError("the worker has died")
        try:
            return super().heartbeat_activity(token, details)
        except DeathError as error:
            raise TaskLostError("the worker has died") from error

    def unwanted(self, tokens: Collection[str]) -> set[str]:
        """Return the tasks that should end: all of them, once dead."""
        try:
            return set(tokens) if self._is_over else super().unwanted(tokens)
        except DeathError:
            return set(tokens)

    @property
    def _is_over(self) -> bool:
        return self._death.is_dead or self._buried

    _buried = False

    def bury(self) -> None:
        """Let the threads end in order, on a store that nobody reads."""
        try:
            self.on_thread(lambda: None)  # whatever was posted before is refused by now
        except DeathError:
            pass
        self._buried = True
        self._death.kept = MemoryStore()
        self._death.is_dead = False


class Life(Environment):
    """An environment that may die."""

    engine_type = MortalEngine

    def __init__(self, store: DyingStore, **options: Any) -> None:
        self.death = store
        super().__init__(store=cast(Store, store), lease=LEASE, **options)

    def close(self) -> None:
        """Stop, dead or alive."""
        if self.death.is_dead:
            cast(MortalEngine, self.engine).bury()
        super().close()


LEASE = 0.01
"""Seconds by the clock after which a dead worker is known to be dead."""


@contextmanager
def quietly() -> Iterator[None]:
    """Keep out of the log what is said of deaths that are meant."""

    def is_of_interest(record: logging.LogRecord) -> bool:
        arguments = record.args if isinstance(record.args, tuple) else ()
        is_death = any(isinstance(argument, DeathError) for argument in arguments)
        return not is_death and not record.msg.startswith("worker %s")

    logger = logging.getLogger("partita.engine")
    logger.addFilter(is_of_interest)
    try:
        yield
    finally:
        logger.removeFilter(is_of_interest)
