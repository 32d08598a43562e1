"""A clock for tests that stands still until it is moved, and what moves it while a test waits.

Knows nothing of workflows: the caller says when its wait is over.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

ACTIVITY_GRACE_SECONDS = 1.0
"""Real time for which the clock stands still while an activity runs; then it follows real time."""

POLL_INTERVAL_SECONDS = 0.005
"""Real time between two looks at an activity that runs while a test waits."""

MAX_SKIP_SECONDS = 100 * 366 * 86_400.0
"""How far a wait may move the clock to the next due moment."""


class Clock:
    """Returns the time when called, in seconds since the epoch; an engine takes it as `clock=`."""

    def __init__(self, now: float = 1_000_000.0) -> None:
        self._now = now

    def __call__(self) -> float:
        """Return the time."""
        return self._now

    def advance(self, seconds: float) -> None:
        """Move the clock forward. An engine notices it at its next request."""
        self._now += seconds

    def move_to(self, moment: float) -> None:
        """Move the clock forward to a moment, in seconds since the epoch; never back."""
        self._now = max(self._now, moment)


class Wait:
    """The wait of one thread."""

    def __init__(self, done: Callable[[], bool], now: float, timeout: float | None) -> None:
        self.done = done
        self.deadline = None if timeout is None else now + max(0.0, timeout)
        self.horizon = now + MAX_SKIP_SECONDS
        self.over = threading.Event()
        self.stuck_since: float | None = None  # real time; None: something runs or is due

    def is_over(self, now: float) -> bool:
        """Return whether the condition holds or the time is up."""
        try:
            return self.done() or (self.deadline is not None and now >= self.deadline)
        except Exception:  # the waiting thread calls `done` again, which raises it there
            return True


class TimeSkipper:
    """Move a clock to the next due moment while a test waits and nothing runs.

    `rest` is for `Engine.on_rest`: the engine calls it on its thread after every transaction, and
    the waits' conditions are evaluated there.
    """

    def __init__(self, clock: Clock, wake: Callable[[], None], patience: float) -> None:
        self._clock = clock
        self._wake = wake
        self._patience = patience  # real seconds
        self._waits: list[Wait] = []
        self._lock = threading.Lock()
        self._busy_since: float | None = None  # real time
        self._followed = 0.0  # real seconds since then by which the clock was advanced

    def wait(self, done: Callable[[], bool], timeout: float | None) -> bool | None:
        """Wait until `done()` and return True; return False after `timeout` seconds by the clock.

        Return None if, for `patience` real seconds, nothing ran and nothing was due. `done` is
        called on the engine's thread, after its transactions.
        """
        wait = Wait(done, self._clock(), timeout)
        with self._lock:
            self._waits.append(wait)
        self._wake()
        try:
            while not wait.over.wait(self._patience_left(wait)):
                if self._patience_left(wait) <= POLL_INTERVAL_SECONDS:
                    return None
            return done()
        finally:
            with self._lock:
                self._waits.remove(wait)

    def _patience_left(self, wait: Wait) -> float:
        since = wait.stuck_since
        spent = 0.0 if since is None else time.monotonic() - since
        return max(POLL_INTERVAL_SECONDS, self._patience - spent)

    def rest(self, due: float | None, is_idle: bool) -> float | None:
        """Move the clock if nothing runs; return after how many real seconds to call this again."""
        with self._lock:
            waits = list(self._waits)
        if not waits:
            self._busy_since = None
            return None
        for wait in waits:
            if wait.is_over(self._clock()):
                wait.over.set()
        if any(wait.over.is_set() for wait in waits):  # let those threads act before time moves on
            return POLL_INTERVAL_SECONDS
        if not is_idle:
            self._follow_real_time()
            moment: float | None = self._clock()
        else:
            self._busy_since = None
            moment = self._next_moment(waits, due)
        for wait in waits:
            wait.stuck_since = None if moment is not None else wait.stuck_since or time.monotonic()
        if moment is None or not is_idle:
            return None if moment is None else POLL_INTERVAL_SECONDS
        self._clock.move_to(moment)
        return 0.0

    def _next_moment(self, waits: list[Wait], due: float | None) -> float | None:
        """Return the moment to skip to; None if nothing is due in time."""
        moments = [wait.deadline for wait in waits if wait.deadline is not None]
        if due is not None:
            moments.append(due)
        moment = min(moments, default=None)
        horizon = min(wait.horizon for wait in waits)
        return None if moment is None or moment > horizon else moment

    def _follow_real_time(self) -> None:
        """Advance the clock with real time once an activity has run for a while.

        So an activity that hangs reaches its timeouts, and a quick one takes no time.
        """
        now = time.monotonic()
        if self._busy_since is None:
            self._busy_since, self._followed = now, 0.0
        elapsed = now - self._busy_since - ACTIVITY_GRACE_SECONDS
        if elapsed > self._followed:
            self._clock.advance(elapsed - self._followed)
            self._followed = elapsed
