"""Track when the engine must act without a request.

Reads the clock; knows nothing of what is to be done.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from partita.engine.transaction import EngineTransaction

SET_BACK_TOLERANCE = 1.0
"""Seconds by which a clock may go back as a mere correction."""

log = logging.getLogger("partita.engine")


class Agenda:
    """The next due item, and the next try after a failure. Belongs to the engine's thread."""

    def __init__(
        self, clock: Callable[[], float], clock_was_set_back: Callable[[float], None]
    ) -> None:
        """Read `clock`; `clock_was_set_back` is called with the time if that has happened."""
        self._clock = clock
        self._clock_was_set_back = clock_was_set_back
        self._latest = 0.0  # what the clock has last said
        self.next_due: float | None = None
        self.is_unknown = True  # whether something may be due before `next_due`
        self.retry_at = 0.0  # no transaction before, after one has failed

    def now(self) -> float:
        """Return the time; if the clock was set back, treat what waits for a moment as due."""
        now = self._clock()
        if now < self._latest - SET_BACK_TOLERANCE:
            log.warning("the clock was set back by %.0f s", self._latest - now)
            self.retry_at = 0.0
            self._clock_was_set_back(now)
        self._latest = now
        return now

    def is_due(self, now: float) -> bool:
        """Whether an item is due."""
        return self.next_due is not None and self.next_due <= now

    def fire(self, tx: EngineTransaction) -> None:
        """Apply what is due, or may be."""
        if self.is_unknown or self.is_due(tx.now):
            self.is_unknown = True
            tx.fire_due()

    def note(self, tx: EngineTransaction) -> None:
        """Note when something is due next, after all else in a transaction."""
        put = tx.queued_work.next_due
        if self.is_unknown:
            self.next_due = tx.stored.next_due()
            self.is_unknown = False
        elif put is not None and (self.next_due is None or put < self.next_due):
            self.next_due = put

    def retry_in(self, seconds: float) -> None:
        """Begin no transaction for some time: one has failed."""
        self.retry_at = self._clock() + seconds

    def next_moment(self) -> float | None:
        """Return the next moment that is on the agenda; None: there is none."""
        if self.retry_at > self._clock():
            return min(self.retry_at, self.next_due or self.retry_at)
        return self.next_due
