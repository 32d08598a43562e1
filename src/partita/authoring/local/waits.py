"""Wait in the threads of a run in plain Python: for each other, a time, or a cancel request."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

from partita.authoring.context_managers import context_manager
from partita.authoring.runtime import PART_CANCELLED, SELF_CANCELLED, block_timed_out
from partita.errors import CancelledError, WaitTimeoutError

POLL_INTERVAL = 0.05
"""Seconds after which a condition that depends on plain variables is asked again."""


class ThreadState(threading.local):
    """The state of one thread of a run."""

    def __init__(self) -> None:
        self.deadlines: list[tuple[float, float]] = []  # moment, and seconds that it is after
        self.shields = 0
        self.is_async = False  # whether the run's event loop drives its code here
        self.cancelled: threading.Event | None = None  # of a spawned part


class Aborted(BaseException):
    """End a run whose failure hook has aborted it, whatever its code would do."""

    def __init__(self, error: BaseException) -> None:
        self.error = error


class Waits:
    """The waits of one run, on any number of threads."""

    def __init__(self) -> None:
        self.settled = threading.Condition(threading.RLock())
        self.thread = ThreadState()
        self._was_cancelled = False  # ever: a second request changes nothing
        self._cancel_pending = False
        self._end: BaseException | None = None  # an abort, or the request to continue as new

    def wait(self, ready: Callable[[], bool], timeout: float | None) -> bool:
        until = None if timeout is None else time.monotonic() + timeout
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
                limits = [moment for moment, _ in self.thread.deadlines]
                limits += [] if until is None else [until]
                pause = min(limits) - now if limits else POLL_INTERVAL
                self.settled.wait(min(pause, POLL_INTERVAL))

    def check_deadlines(self) -> None:
        """Raise if the time of a `timeout` block of this thread is up."""
        now = time.monotonic()
        over = [seconds for moment, seconds in self.thread.deadlines if now >= moment]
        if over:
            raise WaitTimeoutError(block_timed_out(min(over)))

    def check(self) -> None:
        """Raise the end of the run, or a pending cancel request of it or of this part."""
        self.check_end()
        thread = self.thread
        if thread.shields:
            return
        if thread.cancelled is None:
            if self._cancel_pending:
                self._cancel_pending = False
                raise CancelledError(SELF_CANCELLED)
        elif thread.cancelled.is_set():
            thread.cancelled.clear()
            raise CancelledError(PART_CANCELLED)

    def check_end(self) -> None:
        """Raise what ends the run, if it is to end."""
        if self._end is not None:
            raise self._end

    @context_manager
    def deadline(self, seconds: float) -> Iterator[None]:
        deadline = (time.monotonic() + seconds, seconds)
        self.thread.deadlines.append(deadline)
        try:
            yield
        finally:
            self.thread.deadlines.remove(deadline)

    @context_manager
    def shield(self) -> Iterator[None]:
        self.thread.shields += 1
        try:
            yield
        finally:
            self.thread.shields -= 1

    def end(self, end: BaseException) -> None:
        """Raise this wherever the run waits, whatever its code would do."""
        with self.settled:
            self._end = end
            self.settled.notify_all()

    def cancel_run(self) -> None:
        """Raise CancelledError where the workflow waits."""
        with self.settled:
            self._cancel_pending = self._cancel_pending or not self._was_cancelled
            self._was_cancelled = True
            self.settled.notify_all()
