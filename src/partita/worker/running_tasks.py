"""Keep which activity tasks run in a worker, and which have ended and are not reported yet."""

from __future__ import annotations

import threading
import time

SUSPECT_LOSSES = 2
"""Workers that an activity has lost before it is run in a process of its own.

If it is what kills them, it then kills only that process. One loss means little: all that run
in a worker are lost with it.
"""

MAX_SUSPECTS = 8
"""Suspects that one worker runs in processes at a time; more of them run as others do."""


class RunningTasks:
    """The tokens of tasks. Safe to use from many threads."""

    def __init__(self) -> None:
        self._running: dict[str, None] = {}
        self._on_loop: set[str] = set()  # those of them that run on the event loop
        self._suspects: set[str] = set()  # those that have lost workers
        self._ending: dict[str, None] = {}  # of what has ended and is not reported
        self._is_awaited = False
        self._changed = threading.Condition()

    def __len__(self) -> int:
        """Return how many run."""
        return len(self._running)

    def __contains__(self, token: object) -> bool:
        """Return whether a task runs."""
        return token in self._running

    @property
    def on_threads(self) -> int:
        """How many do not run on the event loop."""
        return len(self._running) - len(self._on_loop)

    @property
    def is_busy(self) -> bool:
        """Whether a task runs, or has ended and is not reported."""
        return bool(self._running) or bool(self._ending)

    def holds(self, token: str) -> bool:
        """Return whether a task runs, or has ended and is not reported."""
        return token in self._running or token in self._ending

    def begin(self, token: str, *, on_loop: bool = False) -> None:
        """Note that a task runs."""
        self._running[token] = None
        if on_loop:
            self._on_loop.add(token)

    def is_suspect(self, token: str, losses: int) -> bool:
        """Return whether a task must run in a process, because it has lost workers."""
        if losses < SUSPECT_LOSSES or len(self._suspects) >= MAX_SUSPECTS:
            return False
        self._suspects.add(token)
        return True

    def end(self, token: str) -> None:
        """Note that a task has ended, which frees its slot; it is to be reported."""
        self._ending[token] = None
        self.drop(token)

    def drop(self, token: str) -> None:
        """Note that a task runs no more."""
        self._running.pop(token, None)
        self._on_loop.discard(token)

    def reported(self, token: str) -> None:
        """Note that a task's end was reported, or could not be."""
        self.drop(token)
        self._suspects.discard(token)
        self._ending.pop(token, None)
        if self._is_awaited:
            with self._changed:
                self._changed.notify_all()

    def wait(self, timeout: float) -> None:
        """Wait until nothing runs and all is reported, at most so many seconds."""
        deadline = time.monotonic() + timeout
        with self._changed:
            self._is_awaited = True
            while self.is_busy and (left := deadline - time.monotonic()) > 0:
                self._changed.wait(min(left, threading.TIMEOUT_MAX))
