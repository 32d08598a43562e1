"""Run calls on threads that are started when they are needed and kept.

Lighter than `concurrent.futures`, which makes a future and a condition for every call.
"""

from __future__ import annotations

import itertools
import queue
import threading
from collections.abc import Callable

Call = Callable[[], None]


class Threads:
    """At most `limit` threads. Daemons: a thread that hangs does not keep the process alive."""

    def __init__(self, limit: int, name: str) -> None:
        self._limit = limit
        self._names = (f"{name}-{number}" for number in itertools.count(1))
        self._calls: queue.SimpleQueue[Call | None] = queue.SimpleQueue()
        self._idle = 0  # an estimate; one thread too many does no harm
        self._count = 0

    def submit(self, call: Call) -> None:
        """Run `call` soon. Only one thread may submit."""
        if self._idle <= self._calls.qsize() and self._count < self._limit:
            self._count += 1
            threading.Thread(target=self._run, name=next(self._names), daemon=True).start()
        self._calls.put(call)

    def drain(self) -> int:
        """Drop the calls that have not begun; return how many."""
        dropped = 0
        while True:
            try:
                self._calls.get_nowait()
            except queue.Empty:
                return dropped
            dropped += 1

    def close(self) -> None:
        """Let the threads end once they have nothing to do."""
        for _ in range(self._count):
            self._calls.put(None)

    def _run(self) -> None:
        while True:
            self._idle += 1
            call = self._calls.get()
            self._idle -= 1
            if call is None:
                return
            call()
