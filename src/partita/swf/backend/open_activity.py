"""Hold what an open activity of ours is on Amazon SWF: attempts, and the waits between them."""

from __future__ import annotations

import enum

from msgspec.structs import replace

from partita.history import ActivityTaskScheduled
from partita.swf.backend.ids import Attempt


class Phase(enum.Enum):
    """Where an activity stands between being scheduled and being closed."""

    OPEN = enum.auto()  # SWF has an attempt of it
    DUE = enum.auto()  # the next attempt, or the timer before it, is still to be asked for
    WAITING = enum.auto()  # that timer runs
    CANCELLING = enum.auto()  # cancelled between two attempts; the code is about to hear of it


class Activity:
    """One activity, from its first attempt to its end."""

    __slots__ = (
        "attempt",
        "cancel_requested_event_id",
        "heartbeat",
        "losses",
        "phase",
        "scheduled",
        "wait",
    )

    def __init__(self, scheduled: ActivityTaskScheduled, attempt: Attempt) -> None:
        self.scheduled = scheduled  # ours, of the first attempt
        self.attempt = attempt  # the open one, or the next
        self.phase = Phase.OPEN
        self.wait = 0.0  # seconds before the next attempt, where it is DUE
        self.heartbeat: str | None = None  # the details of the last one
        self.losses = 0  # workers that went away while they had it
        self.cancel_requested_event_id = 0  # ours

    @property
    def scheduled_event_id(self) -> int:
        """Ours."""
        return self.scheduled.event_id

    def delay(self, now: float, reason: str | None) -> float | None:
        """Return how long to wait for the next attempt, or None if there is none."""
        policy = self.scheduled.retry_policy
        if policy is None or policy.is_final(reason) or self.cancel_requested_event_id:
            return None
        if policy.max_attempts and self.attempt.number >= policy.max_attempts:
            return None
        wait = policy.delay(self.attempt.number)
        left = self.left(now)
        return None if left is not None and wait >= left else wait

    def left(self, now: float) -> float | None:
        """Return the seconds until its `schedule_to_close` runs out, if it has one."""
        if self.scheduled.schedule_to_close is None:
            return None
        return self.scheduled.event_timestamp + self.scheduled.schedule_to_close - now

    def next(self, wait: float, *, given_back: bool) -> None:
        """Let the next attempt be due; one that was given back does not count."""
        last = self.attempt
        if given_back:
            self.attempt = replace(last, back=last.back + 1)
        else:
            self.attempt = replace(last, number=last.number + 1, back=0)
        self.phase = Phase.DUE
        self.wait = wait

    def next_at_once(self) -> None:
        """Hear that the wait is over."""
        self.phase = Phase.DUE
        self.wait = 0.0
