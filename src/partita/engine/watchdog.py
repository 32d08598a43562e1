"""Let nobody wait for code that does not come back.

Workflows are decided for within a transaction, which is what makes one commit per step; but
nobody else can write to a SQLite file meanwhile, and on PostgreSQL rows are locked. So a watch
looks after code that takes its time. Once it has had PATIENCE, the watch ends the transaction
in its place, in such a way that the answer can be given in another one, and then keeps the
worker's lease alive for as long as the code runs: nobody else is to be caught by the same code.
The engine's own thread is held up all the while. Knows threads; knows nothing of decisions.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Generic, TypeVar

from partita.errors import StoreError

T = TypeVar("T")

log = logging.getLogger("partita.engine")

PATIENCE = 0.5
"""Seconds that a transaction stays open for code that has not come back, at most."""

LOOKS = 0.1
"""Seconds between two looks at how long the code takes."""


class OvertakenError(Exception):
    """The transaction was ended by the watch, while code ran in it; what it holds is committed."""


class Ending(Generic[T]):
    """A block that can be ended before its end, by another thread that knows where the first is."""

    def __init__(self, block: AbstractContextManager[T], then: Callable[[], None]) -> None:
        """Have `then` called if the block was ended so, and well."""
        self._block = block
        self._then = then
        self._has_ended = False

    def __enter__(self) -> T:
        return self._block.__enter__()

    def end(self, error: BaseException | None = None) -> None:
        """End the block now, with `error` if there is one; at its end nothing happens any more."""
        self._has_ended = True
        if error is None:
            self._block.__exit__(None, None, None)
            self._then()
        else:
            self._block.__exit__(type(error), error, error.__traceback__)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool | None:
        if self._has_ended:
            return None
        return self._block.__exit__(kind, error, trace)


class Watchdog:
    """A thread that looks after what another one does."""

    def __init__(self, renew: Callable[[], None], every: float) -> None:
        """Have `renew` called every so many seconds while code runs that was overtaken."""
        self._renew = renew
        self._every = every
        self._lock = threading.Lock()  # held while the watch acts in the other's place
        self._begun: float | None = None
        self._overtake: Callable[[], None] | None = None
        self._was_overtaken = False
        self._error: BaseException | None = None
        self._next_renewal = 0.0
        self._ended = threading.Event()
        threading.Thread(target=self._run, name="partita-watch", daemon=True).start()

    def begin(self, overtake: Callable[[], None]) -> None:
        """Hear that code begins to run, and what to do if it takes too long."""
        self._overtake = overtake
        self._begun = time.monotonic()

    def finish(self) -> bool:
        """Hear that it has come back; return whether it was overtaken.

        Raises:
            BaseException: what `overtake` has raised.
        """
        with self._lock:
            self._begun = None
            overtaken, self._was_overtaken = self._was_overtaken, False
            error, self._error = self._error, None
        if error is not None:
            raise error
        return overtaken

    def close(self) -> None:
        """End the thread, soon."""
        self._ended.set()

    def _run(self) -> None:
        while not self._ended.wait(LOOKS):
            if self._is_late():
                with self._lock:
                    if self._is_late():  # it may have come back, and gone again
                        self._act()

    def _is_late(self) -> bool:
        begun = self._begun
        return begun is not None and time.monotonic() - begun > min(PATIENCE, self._every)

    def _act(self) -> None:
        now = time.monotonic()
        if not self._was_overtaken:
            self._was_overtaken = True
            self._next_renewal = now + self._every
            try:
                if self._overtake is not None:
                    self._overtake()
            except BaseException as error:  # for the thread whose transaction it was
                self._error = error
        elif now >= self._next_renewal:
            self._next_renewal = now + self._every
            try:
                self._renew()
            except StoreError as error:
                log.warning("a worker's lease could not be renewed: %s", error)
