"""Run calls on threads that start when they are needed and are kept.

Lighter than `concurrent.futures`, which makes a future for every call and wakes a thread for
every one. Here one thread is woken at a time, and it wakes the next only if there is still
something to do when it comes to run: calls that are over at once are all done by one
thread, calls that block get a thread each.
"""

from __future__ import annotations

import itertools
import logging
import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from time import perf_counter

Call = Callable[[], None]

QUICK = 0.005
"""Seconds that quick calls take on average, at most."""

SPAN = 8
"""Calls that the average is of, roughly."""

WARNING_INTERVAL = 10.0
"""Seconds between two warnings that no thread can be started, at least."""

log = logging.getLogger("partita.worker")


class ThreadPool:
    """At most `limit` threads. Daemons: a thread that hangs does not keep the process alive."""

    def __init__(self, limit: int, name: str) -> None:
        self._limit = limit
        self._names = (f"{name}-{number}" for number in itertools.count(1))
        self._calls: deque[Call] = deque()
        self._wakes: queue.SimpleQueue[bool] = queue.SimpleQueue()  # False: end
        self._closed = False
        self._lock = threading.Lock()  # guards the three below
        self._waking = False  # a thread is on its way
        self._idle = 0
        self._count = 0
        self._mean = 1.0  # seconds of the last calls; it belongs to no thread, and may be inexact
        self._is_refused = False  # the system gave no thread at the last try
        self._warn_at = 0.0  # by time.monotonic

    def submit(self, calls: Iterable[Call]) -> None:
        """Run `calls` soon, in any order."""
        self._calls.extend(calls)
        self._wake()

    @property
    def is_quick(self) -> bool:
        """Whether calls have been so short lately that a thread does many of them in a turn."""
        return self._mean < QUICK

    @property
    def is_short(self) -> bool:
        """Whether calls wait because no thread could be started for them."""
        return self._is_refused and bool(self._calls)

    def retry(self) -> None:
        """Start a thread for calls that none could be started for; call it now and then."""
        self._wake()

    def close(self) -> None:
        """End the threads once they have nothing to do."""
        self._closed = True
        for _ in range(self._count):
            self._wakes.put(False)

    def _wake(self) -> None:
        if self._waking or not self._calls:
            return
        with self._lock:
            if self._waking:
                return
            if self._idle:
                self._waking = True
                self._wakes.put(True)
            elif self._count < self._limit and self._started():
                self._waking = True
                self._count += 1

    def _started(self) -> bool:
        """Start a thread; return False if the system gives none now."""
        try:
            threading.Thread(target=self._run, name=next(self._names), daemon=True).start()
            self._is_refused = False
        except (RuntimeError, MemoryError) as error:
            self._is_refused = True
            if time.monotonic() >= self._warn_at:
                self._warn_at = time.monotonic() + WARNING_INTERVAL
                log.warning("no thread can be started for %d calls: %s", len(self._calls), error)
            return False
        return True

    def _run(self) -> None:
        while True:
            with self._lock:
                self._waking = False
            self._work()
            with self._lock:
                self._idle += 1
            # Whoever submits from here on finds this thread idle; what came before is seen now.
            going = bool(self._calls) or (not self._closed and self._wakes.get())
            with self._lock:
                self._idle -= 1
            if not going:
                return

    def _work(self) -> None:
        calls = self._calls
        while True:
            try:
                call = calls.popleft()
            except IndexError:
                return
            if calls:
                self._wake()
            begun = perf_counter()
            try:
                call()
            except BaseException:  # the thread goes on with the next call
                log.exception("a call ended in an error that it should have answered")
            self._mean += (perf_counter() - begun - self._mean) / SPAN
