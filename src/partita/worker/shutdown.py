"""End a process that works until a signal: in order, at the second signal, or when it is late.

Knows threads and time. What is to be ended in order, and what may keep it from ending,
it is told: whoever must be asked for that may be what does not answer.
"""

from __future__ import annotations

import logging
import os
import queue
import signal
import threading
import time
from collections.abc import Callable

from partita.worker.signals import Hearing

MARGIN = 5.0
"""Seconds that a worker may take to end beyond its grace."""

PATIENCE = 1.0
"""Seconds in which a line of the log must be written; what is stuck may hold the log, too."""

log = logging.getLogger("partita.worker")


class Stopping:
    """A block that is left within `limit` seconds of the first SIGTERM or SIGINT.

    If it is not, or at a second signal, the process ends at once, with 128 and the signal's
    number. What is awaited, `state` says at the first signal, for the log; `obstacle`, why the
    block was not left in time. Both are called on other threads and must not wait.

    Belongs to the main thread, which alone may say who hears signals.
    """

    def __init__(
        self, limit: float, *, state: Callable[[], str], obstacle: Callable[[], str]
    ) -> None:
        self._limit = limit
        self._state = state
        self._obstacle = obstacle
        self._is_signalled = False
        self._heard: queue.SimpleQueue[int] = queue.SimpleQueue()  # what `wait` waits for
        self._told: queue.SimpleQueue[int | None] = queue.SimpleQueue()  # None: it has ended
        self._thread = threading.Thread(target=self._watch, name="partita-stopping", daemon=True)
        self._hearing = Hearing(self._on_signal)

    def __enter__(self) -> Stopping:
        """Hear signals from now on."""
        self._thread.start()
        self._hearing.__enter__()
        return self

    def __exit__(self, *exc: object) -> None:
        """Leave signals to whoever heard them before; the time no longer runs."""
        self._told.put(None)
        self._thread.join()
        self._hearing.__exit__()

    def wait(self, seconds: float) -> bool:
        """Wait for a signal, at most so long; return whether one has come."""
        try:
            self._heard.get(timeout=seconds)
        except queue.Empty:
            pass
        return self._is_signalled

    def begin(self) -> None:
        """Let the time run also without a signal, as if SIGTERM had come."""
        self._told.put(signal.SIGTERM)

    def _on_signal(self, number: int) -> None:
        if self._is_signalled:
            os._exit(128 + number)
        self._is_signalled = True
        self._heard.put(number)
        self._told.put(number)

    def _watch(self) -> None:
        number = self._told.get()
        if number is None:
            return
        deadline = time.monotonic() + self._limit
        _say(logging.INFO, lambda: f"stopping: {self._state()}")
        while (left := deadline - time.monotonic()) > 0:
            try:
                if self._told.get(timeout=left) is None:
                    return
            except queue.Empty:
                break
        _say(logging.ERROR, self._obstacle)
        os._exit(128 + number)


def _say(level: int, what: Callable[[], str]) -> None:
    """Write a line into the log, unless that takes too long."""
    thread = threading.Thread(target=lambda: log.log(level, "%s", what()), daemon=True)
    thread.start()
    thread.join(PATIENCE)
