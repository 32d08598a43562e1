"""Back off from a task list when a task that nobody here can decide returns to it.

A decision task that is left unanswered comes back after its timeout, to whoever asks then. No
other way of giving it back is safe: an answer without decisions would count as having seen the
task's events, and a decider that reads only what is new would never hear of them. So whoever
cannot decide it lets others ask at that moment.

Several workers may lack the same code and take the task in turn, so each of them stays away at
one more of its returns every time that it meets it. At most half of the time is spent away:
what can be decided here must be, too.

Knows moments only: no polls, no tasks.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable

from msgspec import Struct

from partita.swf.backend.timing import DEFAULT_TIMING, Timing

RETURNS = 8
"""Returns of one task at which to stay away, at most."""

MEMORY_LIMIT = 1000
"""Tasks that are remembered, at most."""


class _Met(Struct):
    times: int
    returns: list[float]  # the moments at which the task is given out again
    forget_at: float


class Backoff:
    """When not to poll one task list. Safe to use from many threads."""

    def __init__(
        self, timing: Timing = DEFAULT_TIMING, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._timing = timing
        self._clock = clock
        self._lock = threading.Lock()
        self._met: dict[str, _Met] = {}
        self._away = (0.0, 0.0)  # the last absence, from when until when
        self._rest = 0.0  # until when to be there after it, whatever comes

    def meet(self, run_id: str, timeout: float) -> None:
        """Note a task that nobody here can decide; it comes back after `timeout` seconds."""
        now = self._clock()
        with self._lock:
            for key in [key for key, met in self._met.items() if met.forget_at < now]:
                del self._met[key]
            before = self._met.pop(run_id, None)
            times = 1 if before is None else min(before.times + 1, RETURNS)
            returns = [now + timeout * (number + 1) for number in range(times)]
            self._met[run_id] = _Met(
                times, returns, returns[-1] + 2 * timeout + self._timing.backoff_tail
            )
            while len(self._met) > MEMORY_LIMIT:
                del self._met[next(iter(self._met))]

    def pause(self) -> float:
        """Return for how many seconds from now on not to ask for tasks."""
        now = self._clock()
        with self._lock:
            if not self._away[0] <= now < self._away[1]:
                if now < self._rest:
                    return 0.0
                end = max((end for begin, end in self._spans() if begin <= now < end), default=now)
                self._away, self._rest = (now, end), end + (end - now)
            return self._away[1] - now

    def until(self) -> float:
        """Return the moment by which a question that waits should be given up; may be infinite."""
        now = self._clock()
        with self._lock:
            if self._away[0] <= now < self._away[1]:
                return now
            least = max(now, self._rest)
            return min(
                (max(begin, least) for begin, end in self._spans() if end > least),
                default=math.inf,
            )

    def _spans(self) -> list[tuple[float, float]]:
        lead, tail = self._timing.backoff_lead, self._timing.backoff_tail
        return [(at - lead, at + tail) for met in self._met.values() for at in met.returns]
