"""A clock that stands still until it is moved."""

from __future__ import annotations


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
