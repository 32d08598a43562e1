"""Let the threads of a run in plain Python wait: for each other, a time, or a cancel request."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from partita.authoring.runtime import PART_CANCELLED, SELF_CANCELLED, block_timed_out
from partita.errors import CancelledError, WaitTimeoutError

LOOK = 0.05
"""Seconds between two looks at a condition that nobody says has changed."""


class Line(threading.local):
    """What is true of one thread of a run: its deadlines, its shields and its event loop."""

    def __init__(self) -> None:
        self.deadlines: list[tuple[float, float]] = []  # moment, and seconds that it is after
        self.shields = 0
        self.is_async = False  # whether the run's event loop drives its code here
        self.cancelled: threading.Event | None = None  # for spawned parts


class Aborted(BaseException):
    """End a run whose failure hook said so, whatever its code would do."""

    def __init__(self, error: BaseException) -> None:
        self.error = error


class Waiting:
    """One run's waits, on any number of threads."""

    def __init__(self) -> None:
        self.settled = threading.Condition(threading.RLock())
        self.line = Line()
        self._cancel_asked = False  # ever: asking twice is asking once
        self._cancel_requested = False
        self._end: BaseException | None = None  # an abort, or the wish to continue as new

    def wait(self, ready: Callable[[], bool], timeout: float | None) -> bool:
        """Wait for other threads."""
        until = None if timeout is None else time.monotonic() + timeout
        line = self.line
        with self.settled:
            if ready():
                return True
            if timeout is not None and timeout <= 0:
                return False
            while True:
                self.check()
                if ready():
                    return True
                self.check_deadlines()
                now = time.monotonic()
                if until is not None and now >= until:
                    return False
                limits = [moment for moment, _ in line.deadlines]
                limits += [] if until is None else [until]
                pause = min(limits) - now if limits else LOOK
                self.settled.wait(min(pause, LOOK))

    def check_deadlines(self) -> None:
        """Raise if a `timeout` block of this thread has run out of time."""
        now = time.monotonic()
        over = [seconds for moment, seconds in self.line.deadlines if now >= moment]
        if over:
            raise WaitTimeoutError(block_timed_out(min(over)))

    def check(self) -> None:
        """Raise what was asked of this run, or of this part of it."""
        self.check_end()
        line = self.line
        if line.shields:
            return
        if line.cancelled is None:
            if self._cancel_requested:
                self._cancel_requested = False
                raise CancelledError(SELF_CANCELLED)
        elif line.cancelled.is_set():
            line.cancelled.clear()
            raise CancelledError(PART_CANCELLED)

    def check_end(self) -> None:
        """Raise what ends the run, whatever its code would do."""
        if self._end is not None:
            raise self._end

    @contextmanager
    def deadline(self, seconds: float) -> Iterator[None]:
        """Note when this thread's waits must be over."""
        deadline = (time.monotonic() + seconds, seconds)
        self.line.deadlines.append(deadline)
        try:
            yield
        finally:
            self.line.deadlines.remove(deadline)

    @contextmanager
    def shield(self) -> Iterator[None]:
        """Keep cancel requests back."""
        self.line.shields += 1
        try:
            yield
        finally:
            self.line.shields -= 1

    def end(self, end: BaseException) -> None:
        """Raise this wherever the run waits, whatever its code would do."""
        with self.settled:
            self._end = end
            self.settled.notify_all()

    def cancel_run(self) -> None:
        """Raise CancelledError where the workflow waits."""
        with self.settled:
            self._cancel_requested = self._cancel_requested or not self._cancel_asked
            self._cancel_asked = True
            self.settled.notify_all()
