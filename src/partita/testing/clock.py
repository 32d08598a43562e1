"""Clocks for tests: one that stands still until it is moved, and who moves it while a test waits.

Knows nothing of workflows: whether what is waited for has come is asked of the caller.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

GRACE = 1.0
"""Real seconds for which time stands still while an activity runs; then it passes as outside."""

TICK = 0.005
"""Real seconds between two looks at an activity that runs while a test waits."""

HORIZON = 100 * 366 * 86_400.0
"""Seconds that a wait without a timeout may skip."""


class Clock:
    """Call it for the time, in seconds since the epoch; give it to an engine as `clock=`."""

    def __init__(self, now: float = 1_000_000.0) -> None:
        self._now = now

    def __call__(self) -> float:
        """Return the time."""
        return self._now

    def advance(self, seconds: float) -> None:
        """Move the clock forward. An engine sees it at its next request."""
        self._now += seconds

    def move_to(self, moment: float) -> None:
        """Move the clock forward to a moment, in seconds since the epoch; never back."""
        self._now = max(self._now, moment)


class Wait:
    """One thread that waits, and how it stands."""

    def __init__(self, done: Callable[[], bool], now: float, timeout: float | None) -> None:
        self.done = done
        self.deadline = None if timeout is None else now + max(0.0, timeout)  # by the clock
        self.horizon = now + HORIZON
        self.over = threading.Event()
        self.stuck_since: float | None = None  # real; None: there is something to come

    def is_over(self, now: float) -> bool:
        """Whether what is waited for has come, or the time is up."""
        try:
            return self.done() or (self.deadline is not None and now >= self.deadline)
        except Exception:  # who waits asks again, and hears of it there
            return True


class Skipper:
    """Move a clock to what is due next, while somebody waits and nothing else is to be done.

    Its `rest` is for `Engine.on_rest`. All that decides happens there, on the engine's thread:
    after every transaction it is first asked whether what is waited for has come.
    """

    def __init__(self, clock: Clock, wake: Callable[[], None], patience: float) -> None:
        self._clock = clock
        self._wake = wake
        self._patience = patience  # real seconds
        self._waits: list[Wait] = []
        self._lock = threading.Lock()
        self._busy_since: float | None = None  # real
        self._flowed = 0.0  # real seconds since then that the clock has followed

    def wait(self, done: Callable[[], bool], timeout: float | None) -> bool | None:
        """Wait until `done()`: True; False after `timeout` seconds by the clock.

        None if for a short patience nothing ran and nothing was due. `done` is called on the
        engine's thread, after its transactions.
        """
        wait = Wait(done, self._clock(), timeout)
        with self._lock:
            self._waits.append(wait)
        self._wake()
        try:
            while not wait.over.wait(self._patience_left(wait)):
                if self._patience_left(wait) <= TICK:
                    return None
            return done()
        finally:
            with self._lock:
                self._waits.remove(wait)

    def _patience_left(self, wait: Wait) -> float:
        since = wait.stuck_since
        spent = 0.0 if since is None else time.monotonic() - since
        return max(TICK, self._patience - spent)

    def rest(self, due: float | None, is_idle: bool) -> float | None:
        """Move the clock if it is time; return when to be asked again, in real seconds."""
        with self._lock:
            waits = list(self._waits)
        if not waits:
            self._busy_since = None
            return None
        for wait in waits:
            if wait.is_over(self._clock()):
                wait.over.set()
        if any(wait.over.is_set() for wait in waits):  # whoever is told goes first
            return TICK
        if not is_idle:
            self._flow()
            moment: float | None = self._clock()
        else:
            self._busy_since = None
            moment = self._next_moment(waits, due)
        for wait in waits:
            wait.stuck_since = None if moment is not None else wait.stuck_since or time.monotonic()
        if moment is None or not is_idle:
            return None if moment is None else TICK
        self._clock.move_to(moment)
        return 0.0

    def _next_moment(self, waits: list[Wait], due: float | None) -> float | None:
        """Return the moment to skip to, if there is one within reach."""
        moments = [wait.deadline for wait in waits if wait.deadline is not None]
        if due is not None:
            moments.append(due)
        moment = min(moments, default=None)
        horizon = min(wait.horizon for wait in waits)
        return None if moment is None or moment > horizon else moment

    def _flow(self) -> None:
        """Let time pass as it does outside, once an activity has run for a while.

        So one that hangs runs into its timeouts, and one that is quick takes no time at all.
        """
        now = time.monotonic()
        if self._busy_since is None:
            self._busy_since, self._flowed = now, 0.0
        elapsed = now - self._busy_since - GRACE
        if elapsed > self._flowed:
            self._clock.advance(elapsed - self._flowed)
            self._flowed = elapsed
