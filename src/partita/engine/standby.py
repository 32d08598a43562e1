"""Keep a thread ready that goes on with the engine's loop while the loop's own thread is held up.

A short activity runs on the loop's thread, between two transactions, since two hand-overs between
threads cost more than it does. If it takes longer than it should, or asks the engine for something,
the thread that stands by takes the loop over, and the former one has only that activity left to
run. Knows threads; knows nothing of activities.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable

ENGINE_THREAD = "partita"
"""The name of the thread of every engine."""

LOOKS_BEFORE_SLEEP = 200
"""Looks at nothing after which the thread sleeps until something runs."""

log = logging.getLogger("partita.engine")


class Standby:
    """A thread that takes over at most once."""

    def __init__(
        self,
        limit: float,
        move: Callable[[threading.Thread], Callable[[], None]],
        run: Callable[[], None],
    ) -> None:
        """Start the thread; it takes over from what has run for `limit` seconds.

        `move` makes the thread the one that the loop belongs to, and must not wait; it returns what
        the former thread is to call at its end. Then `run` runs the loop on the thread.

        Raises:
            RuntimeError: the system gives no thread.
        """
        self._limit = limit
        self._move = move
        self._loop = run
        self._lock = threading.Lock()
        self._begun: float | None = None  # by time.monotonic; None: nothing runs
        self._leave: Callable[[], None] | None = None  # what `move` has returned
        self._is_asleep = False
        self._wakes: queue.SimpleQueue[bool] = queue.SimpleQueue()  # False: end
        self._thread = threading.Thread(target=self._run, name=ENGINE_THREAD, daemon=True)
        self._thread.start()

    def begin(self) -> None:
        """Watch what the loop's thread begins to run."""
        self._begun = time.monotonic()
        if self._is_asleep:
            self._wakes.put(True)

    def finish(self) -> Callable[[], None] | None:
        """Stop watching; return what a thread that has lost the loop calls at its end.

        None: the loop still belongs to the calling thread.
        """
        with self._lock:
            self._begun = None
            return self._leave

    def take_over(self) -> None:
        """Take the loop over now, if something runs; only on the loop's own thread."""
        if self._moved(0.0):
            self._wakes.put(True)

    @property
    def is_watching(self) -> bool:
        """Whether the loop's thread runs something else now."""
        return self._begun is not None

    def close(self) -> None:
        """End the thread, which has not taken over."""
        self._wakes.put(False)
        self._thread.join()

    def _moved(self, limit: float) -> bool:
        with self._lock:
            begun = self._begun
            if begun is None or time.monotonic() - begun < limit:
                return False
            self._leave = self._move(self._thread)
            self._begun = None
            return True

    def _run(self) -> None:
        if self._wait():
            self._loop()

    def _wait(self) -> bool:
        """Wait for something that overstays; return False if there is no loop to take over."""
        idle = 0
        while self._leave is None:
            idle = 0 if self.is_watching else idle + 1
            if idle > LOOKS_BEFORE_SLEEP:
                self._is_asleep = True
                pause = 0.0 if self.is_watching else None  # it may have begun just now
            else:
                pause = self._limit
            try:
                if not self._wakes.get(timeout=pause):
                    return False
            except queue.Empty:
                pass
            if self._is_asleep:
                self._is_asleep, idle = False, 0
            try:
                self._moved(self._limit)
            except Exception:  # such as for want of memory; the next look tries again
                log.exception("the engine's loop could not move to another thread")
        return True
