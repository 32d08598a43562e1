"""Simulate the crash of a process at one of its commits.

A `CrashStore` refuses everything from that moment on; the engine and environment around it then
end quietly. What was committed before stays in the store that it wraps.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, cast

from partita.errors import PartitaError, StoreError, TaskLostError
from partita.history import AnyEvent
from partita.ports.catalogue import WORKER
from partita.ports.service import ActivityAnswer
from partita.ports.state import State
from partita.ports.store import Store
from partita.stores.memory import MemoryStore
from partita.testing.engine import SkippingEngine
from partita.testing.environment import Environment


class CrashError(StoreError):
    """The process counts as crashed."""


class _RecordedTransaction:
    """A transaction that records what is written in it."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner
        self.has_written = False
        self.events_written: list[AnyEvent] = []

    def write(self, states: Iterable[State]) -> None:
        states = list(states)
        self.has_written = True
        self.events_written += [event for state in states for event in state.new_events]
        self._inner.write(states)

    def enter(self, kind: str, domain: str, key: str, body: str | None, was: str | None) -> None:
        """Enter; renewals of leases depend on time and do not count."""
        self.has_written = self.has_written or kind != WORKER or body is None
        self._inner.enter(kind, domain, key, body, was)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


class CrashStore:
    """A store whose process crashes just before, or just after, its commit number `at`."""

    def __init__(self, kept: Store, at: int | None, *, after: bool) -> None:
        self._store = kept
        self._at = at
        self._after = after
        self._refuses = False
        self.has_crashed = False
        self.commits = 0
        self.last_events: list[AnyEvent] = []  # what the commit wrote, or would have written

    @contextmanager
    def transaction(self) -> Iterator[Any]:
        """Begin a transaction, which may be the last."""
        self._check()
        with self._store.transaction() as inner:
            recorded = _RecordedTransaction(inner)
            yield recorded
            self.commits += recorded.has_written
            is_last = recorded.has_written and self.commits == self._at
            if is_last:
                self.last_events = recorded.events_written
            if is_last and not self._after:
                self._crash()
        if is_last:
            self._crash()

    def _crash(self) -> None:
        self.has_crashed = self._refuses = True
        self._check()

    def _check(self) -> None:
        if self._refuses:
            raise CrashError("the process has crashed")

    def discard(self) -> None:
        """Accept everything again, and keep nothing of it, so that threads can end in order."""
        self._store = MemoryStore()
        self._refuses = False

    def close(self) -> None:
        """Keep the wrapped store open: the next process uses it."""

    def __getattr__(self, name: str) -> Any:
        """Return an attribute of the wrapped store, unless the process has crashed."""
        self._check()
        return getattr(self._store, name)


class CrashEngine(SkippingEngine):
    """An engine that reports no more failures once its store has crashed."""

    @property
    def _crash_store(self) -> CrashStore:
        return cast(CrashStore, self.store)

    def report(self, answer: ActivityAnswer, failed: Callable[[PartitaError], None]) -> None:
        """Record how an activity ended, unless the process has crashed."""

        def unless_crashed(error: PartitaError) -> None:
            if not self._crash_store.has_crashed:
                failed(error)

        if not self._crash_store.has_crashed:
            super().report(answer, unless_crashed)

    def heartbeat_activity(self, token: str, details: str | None) -> bool:
        """Record a heartbeat; tell activities of a crashed worker to end."""
        with suppress(CrashError):
            if not self._crash_store.has_crashed:
                return super().heartbeat_activity(token, details)
        raise TaskLostError("the worker has crashed")

    def unwanted(self, tokens: Collection[str]) -> set[str]:
        """Return the tasks that should end: all of them, after a crash."""
        with suppress(CrashError):
            if not self._crash_store.has_crashed:
                return super().unwanted(tokens)
        return set(tokens)

    def discard(self) -> None:
        """End the engine's threads in order, on a store that keeps nothing."""
        with suppress(CrashError):
            self.on_thread(lambda: None)  # requests made before this one are refused by now
        self._crash_store.discard()


class CrashEnvironment(Environment):
    """An environment whose process may crash."""

    engine_type = CrashEngine

    def __init__(self, store: CrashStore, **options: Any) -> None:
        self._crash_store = store
        super().__init__(store=cast(Store, store), lease=LEASE_SECONDS, **options)

    def close(self) -> None:
        """Stop, whether it has crashed or not."""
        if self._crash_store.has_crashed:
            cast(CrashEngine, self.engine).discard()
        super().close()


LEASE_SECONDS = 0.01
"""How long, by the test's clock, a crashed worker keeps its tasks."""


@contextmanager
def without_crash_logs() -> Iterator[None]:
    """Keep messages on simulated crashes out of the log while the block runs."""

    def is_of_interest(record: logging.LogRecord) -> bool:
        arguments = record.args if isinstance(record.args, tuple) else ()
        is_crash = any(isinstance(argument, CrashError) for argument in arguments)
        return not is_crash and not record.msg.startswith("worker %s")

    logger = logging.getLogger("partita.engine")
    logger.addFilter(is_of_interest)
    try:
        yield
    finally:
        logger.removeFilter(is_of_interest)
