"""Commit a transaction early if a decider that runs in it does not return.

Deciders run within a transaction, which is what makes one commit per step; but meanwhile nobody
else can write to a SQLite file, and on PostgreSQL rows are locked. So a thread watches how long
the code takes. After `watchdog_limit` it commits in place of the engine's thread, so that the
answer goes into another transaction, and then renews the worker's lease for as long as the code
runs: no other worker is to be blocked by the same code. The engine's own thread waits all the
while. Knows threads; knows nothing of decisions.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Generic, TypeVar

from partita.engine.timing import Timing
from partita.errors import StoreError

T = TypeVar("T")

log = logging.getLogger("partita.engine")


class CommittedEarlyError(Exception):
    """The watchdog committed the transaction while code ran in it."""


class EarlyExit(Generic[T]):
    """A context that another thread can exit before its block ends, if it knows where that is."""

    def __init__(self, context: AbstractContextManager[T], committed: Callable[[], None]) -> None:
        """Wrap a context; `committed` is called after it was exited early without an error."""
        self._context = context
        self._committed = committed
        self._has_exited = False

    def __enter__(self) -> T:
        return self._context.__enter__()

    def exit(self, error: BaseException | None = None) -> None:
        """Exit the context now, with `error` if there is one; nothing happens at its end then."""
        self._has_exited = True
        if error is None:
            self._context.__exit__(None, None, None)
            self._committed()
        else:
            self._context.__exit__(type(error), error, error.__traceback__)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool | None:
        if self._has_exited:
            return None
        return self._context.__exit__(kind, error, trace)


class Watchdog:
    """A thread that watches what the engine's thread runs."""

    def __init__(self, renew: Callable[[], None], timing: Timing) -> None:
        """Call `renew` three times in a lease while code runs that has exceeded the limit."""
        self._renew = renew
        self._renewal_interval = timing.lease / 3
        self._limit = min(timing.watchdog_limit, self._renewal_interval)
        self._interval = timing.watchdog_interval
        self._lock = threading.Lock()  # held while the watchdog acts for the engine's thread
        self._begun: float | None = None
        self._commit_early: Callable[[], None] | None = None
        self._has_acted = False
        self._error: BaseException | None = None
        self._next_renewal = 0.0
        self._ended = threading.Event()
        threading.Thread(target=self._run, name="partita-watch", daemon=True).start()

    def begin(self, commit_early: Callable[[], None] | None = None) -> None:
        """Watch code that begins to run; `commit_early` is called if it exceeds the limit."""
        self._commit_early = commit_early
        self._begun = time.monotonic()

    def finish(self) -> bool:
        """Stop watching: the code has returned. Return whether it exceeded the limit.

        Raises:
            BaseException: what `commit_early` has raised.
        """
        with self._lock:
            self._begun = None
            has_acted, self._has_acted = self._has_acted, False
            error, self._error = self._error, None
        if error is not None:
            raise error
        return has_acted

    def close(self) -> None:
        """End the thread, soon."""
        self._ended.set()

    def _run(self) -> None:
        while not self._ended.wait(self._interval):
            if self._is_late():
                with self._lock:
                    if self._is_late():  # it may have returned, and been called again
                        self._act()

    def _is_late(self) -> bool:
        begun = self._begun
        return begun is not None and time.monotonic() - begun > self._limit

    def _act(self) -> None:
        now = time.monotonic()
        if not self._has_acted:
            self._has_acted = True
            self._next_renewal = now + self._renewal_interval
            try:
                if self._commit_early is not None:
                    self._commit_early()
            except BaseException as error:  # for the thread whose transaction it was
                self._error = error
        elif now >= self._next_renewal:
            self._next_renewal = now + self._renewal_interval
            try:
                self._renew()
            except StoreError as error:
                log.warning("a worker's lease could not be renewed: %s", error)
