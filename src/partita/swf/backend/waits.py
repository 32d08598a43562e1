"""Poll Amazon SWF until something is there; an outage does not end the wait.

SWF tells nobody of what it records, so whoever waits asks. Knows moments, and which errors pass
by themselves; what is looked at, it is told.
"""

from __future__ import annotations

import math
import random
import threading
import time
from collections.abc import Callable
from typing import TypeVar

from partita.errors import StoreUnavailableError, WaitTimeoutError
from partita.swf.backend.calls import Call
from partita.swf.backend.timing import Timing

T = TypeVar("T")


class Waits:
    """All who wait on one service. Safe to use from many threads."""

    def __init__(self, call: Call) -> None:
        self._call = call
        self._is_closed = False
        self._news = threading.Condition()

    def tell(self) -> None:
        """Wake waiting threads, since something was done."""
        with self._news:
            self._news.notify_all()

    def close(self) -> None:
        """End all waiting."""
        self._is_closed = True
        self.tell()

    def follow(self, look: Callable[[], T | None], timeout: float | None) -> T | None:
        """Return what `look` returns in the end; None if it is nothing for `timeout` seconds.

        The first look is a call as any other. Later ones may find SWF out of reach: that is
        told of when it is not just one call, and looked at again.

        Raises:
            StoreUnavailableError: out of reach at the first look, or closed meanwhile.
            WaitTimeoutError: out of reach as the time is over.
        """
        until = math.inf if timeout is None else time.monotonic() + timeout
        found, rhythm = look(), _Rhythm(self._call.timing)
        while found is None and (left := until - time.monotonic()) > 0:
            told = self._wait(min(left, rhythm.pause))
            try:
                with self._call.at_once():
                    found = look()
                rhythm.looked(told)
            except StoreUnavailableError as error:
                if rhythm.away is not None:
                    self._call.outage.failed(error)
                rhythm.failed(error)
        if rhythm.away is not None:
            raise WaitTimeoutError(
                f"{timeout:g} s are over, and how it stands cannot be told: {rhythm.away}"
            ) from rhythm.away
        return found

    def _wait(self, seconds: float) -> bool:
        """Wait for so long, or for news; return whether there are any."""
        with self._news:
            told = self._is_closed or self._news.wait(seconds)
        if self._is_closed:
            raise StoreUnavailableError("this service is closed; connect another")
        return told


class _Rhythm:
    """How long one who waits pauses before the next look."""

    def __init__(self, timing: Timing) -> None:
        self._timing = timing
        self.pause = timing.watch[0]  # seconds
        self.away: StoreUnavailableError | None = None  # why the last look failed, if it did
        self._failures = 0  # in a row

    def looked(self, told: bool) -> None:
        """Set the pause after a poll that found nothing; `told` if it was woken for that poll."""
        again = told or self.away is not None
        first, longest = self._timing.watch
        self.pause = first if again else min(longest, self.pause * 1.5)
        self.away, self._failures = None, 0

    def failed(self, error: StoreUnavailableError) -> None:
        """Set the pause after a poll that failed."""
        first, longest = self._timing.retry
        pause = min(longest, first * 2.0 ** min(self._failures, 10))
        self.pause = pause * random.uniform(0.5, 1.0)
        self.away, self._failures = error, self._failures + 1
