"""Follow the attempts of a run's activities, each of which is an activity to Amazon SWF.

The end of an attempt ends the activity, or another attempt follows, perhaps after a timer. For
our deciders all of them are one activity, with an ActivityTaskRescheduled between two attempts.
"""

from __future__ import annotations

import enum
from typing import Any

from msgspec.structs import replace

from partita import history as h
from partita.rules.activities import LOST, loss, loss_delay
from partita.swf.backend import ids
from partita.swf.backend.envelopes import Again, Failed, Schedule, opened
from partita.swf.backend.event_numbers import EventNumbers
from partita.swf.backend.ids import Attempt

_PASSING = {"OPEN_ACTIVITIES_LIMIT_EXCEEDED", "ACTIVITY_CREATION_RATE_EXCEEDED"}
"""Causes for which SWF refuses an attempt that it may accept later."""


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

    def __init__(self, scheduled: h.ActivityTaskScheduled, attempt: Attempt) -> None:
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

    def delay(self, now: float, reason: str | None, details: str | None = None) -> float | None:
        """Return how long to wait for the next attempt, or None if there is none."""
        policy = self.scheduled.retry_policy
        if policy is None or policy.is_final(reason, details) or self.cancel_requested_event_id:
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
        """Make the next attempt due; one that was given back does not count."""
        last = self.attempt
        if given_back:
            self.attempt = replace(last, back=last.back + 1)
        else:
            self.attempt = replace(last, number=last.number + 1, back=0)
        self.phase = Phase.DUE
        self.wait = wait

    def next_at_once(self) -> None:
        """Make the next attempt due without a wait."""
        self.phase = Phase.DUE
        self.wait = 0.0


class Attempts:
    """The open activities of one run."""

    def __init__(self, numbers: EventNumbers) -> None:
        self.open: dict[str, Activity] = {}  # by our id
        self._numbers = numbers
        self._by_scheduled: dict[int, Activity] = {}  # by our event id

    def scheduled(self, event: h.ActivityTaskScheduled) -> None:
        """Add an attempt that SWF has scheduled."""
        attempt = ids.attempt_of(event.activity_id)
        activity = self.open.get(attempt.key)
        if activity is not None and (attempt.number > 1 or attempt.back):
            self._numbers.ids[event.event_id] = activity.scheduled_event_id
            activity.phase = Phase.OPEN
            return
        schedule = opened(event.control, Schedule)
        made = self._numbers.keep(
            event,
            activity_id=attempt.key,
            input=opened(event.input, Again).text,
            control=schedule.text,
            retry_policy=schedule.retry,
            heartbeat=None if attempt.lease else event.heartbeat,
        )
        activity = Activity(made, attempt)
        self.open[attempt.key] = activity
        self._by_scheduled[made.event_id] = activity

    def not_scheduled(self, event: h.ScheduleActivityTaskFailed) -> None:
        """Add SWF's refusal to schedule an attempt."""
        attempt = ids.attempt_of(event.activity_id)
        activity = self.open.get(attempt.key)
        if activity is None or activity.phase is not Phase.DUE:
            self._numbers.keep(event, activity_id=attempt.key)
        elif event.cause not in _PASSING:
            time, reason = event.event_timestamp, event.cause
            self._end_unstarted(activity, h.ActivityTaskFailed, time, reason=reason)

    def ended(self, event: h.ActivityTaskCompleted | h.ActivityTaskCanceled) -> None:
        """Add the end of the last attempt."""
        activity = self._of(event)
        made = self._numbers.keep(event)
        if activity is not None:
            self._forget(activity, made.scheduled_event_id)

    def failed(self, event: h.ActivityTaskFailed) -> None:
        """Add the failure of an attempt, which another may follow."""
        activity, report = self._of(event), opened(event.details, Failed)
        if activity is not None:
            activity.heartbeat = report.heartbeat or activity.heartbeat
            if report.given_back:
                self._given_back(activity, event)
                return
            now, reason = event.event_timestamp, event.reason
            delay = None if report.final else activity.delay(now, reason, report.text)
            if delay is not None:
                cause = h.RescheduleCause.FAILED
                self._again(activity, event, cause, delay, reason=event.reason, details=report.text)
                return
        made = self._numbers.keep(event, details=report.text)
        if activity is not None:
            self._forget(activity, made.scheduled_event_id)

    def _given_back(self, activity: Activity, event: h.ActivityTaskFailed) -> None:
        """Schedule it again at once, unless it is to be cancelled."""
        if activity.cancel_requested_event_id:
            self._is_canceled(activity, event)
        else:
            self._again(activity, event, h.RescheduleCause.GIVEN_BACK, 0.0)

    def _lost(self, activity: Activity, event: h.ActivityTaskTimedOut) -> None:
        """Schedule it again after its worker was lost, as often as our engine does."""
        activity.losses += 1
        delay = loss_delay(activity.scheduled.retry_policy, activity.losses)
        if activity.cancel_requested_event_id:
            self._is_canceled(activity, event)
        elif delay is not None:
            self._again(activity, event, h.RescheduleCause.WORKER_LOST, delay)
        else:
            self._numbers.keep_as(
                event,
                h.ActivityTaskFailed,
                reason=LOST,
                details=loss(activity.scheduled.activity_type.name, activity.losses),
                **self._numbers.references(event),
            )
            self._forget(activity, activity.scheduled_event_id)

    def _is_canceled(self, activity: Activity, event: h.AnyEvent) -> None:
        """Cancel an activity that no worker runs any more."""
        self._numbers.keep_as(
            event,
            h.ActivityTaskCanceled,
            latest_cancel_requested_event_id=activity.cancel_requested_event_id,
            **self._numbers.references(event),
        )
        self._forget(activity, activity.scheduled_event_id)

    def timed_out(self, event: h.ActivityTaskTimedOut) -> None:
        """Add the timeout of an attempt, which another may follow."""
        activity = self._of(event)
        which = event.timeout_type
        if activity is not None:
            activity.heartbeat = event.details or activity.heartbeat
            if which is h.TimeoutType.HEARTBEAT and activity.attempt.lease:
                self._lost(activity, event)
                return
            final = which in (h.TimeoutType.SCHEDULE_TO_START, h.TimeoutType.SCHEDULE_TO_CLOSE)
            delay = None if final else activity.delay(event.event_timestamp, which.value)
            if delay is not None:
                self._again(activity, event, h.RescheduleCause.TIMED_OUT, delay, reason=which.value)
                return
        made = self._numbers.keep(event)
        if activity is not None:
            self._forget(activity, made.scheduled_event_id)

    def _again(
        self,
        activity: Activity,
        event: h.ActivityTaskFailed | h.ActivityTaskTimedOut,
        cause: h.RescheduleCause,
        delay: float,
        *,
        reason: str | None = None,
        details: str | None = None,
    ) -> None:
        """Reschedule the activity after the end of an attempt."""
        self._numbers.keep_as(
            event,
            h.ActivityTaskRescheduled,
            cause=cause,
            attempt=activity.attempt.number,
            backoff=delay,
            reason=reason,
            details=details,
            **self._numbers.references(event),
        )
        activity.next(delay, given_back=cause is h.RescheduleCause.GIVEN_BACK)

    def cancel_requested(self, event: h.ActivityTaskCancelRequested) -> None:
        """Add a cancel request for an open attempt."""
        key = ids.attempt_of(event.activity_id).key
        made = self._numbers.keep(event, activity_id=key)
        activity = self.open.get(key)
        if activity is not None:
            activity.cancel_requested_event_id = made.event_id

    def cancel_refused(self, event: h.RequestCancelActivityTaskFailed) -> None:
        """Add a refused cancel request: the attempt had ended, but perhaps not the activity."""
        key = ids.attempt_of(event.activity_id).key
        activity = self.open.get(key)
        if activity is None or activity.phase is Phase.OPEN:
            self._numbers.keep(event, activity_id=key)
            return
        self._cancel_between(activity, event)
        self._canceled(activity, event.event_timestamp)

    def _cancel_between(self, activity: Activity, event: h.AnyEvent) -> None:
        """Add a cancel request for an activity none of whose attempts is open."""
        completed = self._numbers.references(event)["decision_task_completed_event_id"]
        made = self._numbers.keep_as(
            event,
            h.ActivityTaskCancelRequested,
            decision_task_completed_event_id=completed,
            activity_id=activity.attempt.key,
        )
        activity.cancel_requested_event_id = made.event_id
        activity.phase = Phase.CANCELLING

    def _canceled(self, activity: Activity, time: float) -> None:
        requested = activity.cancel_requested_event_id
        self._end_unstarted(
            activity, h.ActivityTaskCanceled, time, latest_cancel_requested_event_id=requested
        )

    def _end_unstarted(
        self, activity: Activity, kind: type[h.Event], time: float, **attributes: Any
    ) -> None:
        """Add the end of an activity none of whose attempts is open."""
        first = activity.scheduled_event_id
        self._numbers.add(kind, time, scheduled_event_id=first, started_event_id=0, **attributes)
        self._forget(activity, first)

    def _forget(self, activity: Activity, scheduled_event_id: int) -> None:
        if self.open.get(activity.attempt.key) is activity:
            del self.open[activity.attempt.key]
        self._by_scheduled.pop(scheduled_event_id, None)

    def _of(self, event: Any) -> Activity | None:
        return self._by_scheduled.get(self._numbers.ids.get(event.scheduled_event_id, 0))

    # -- the timers between

    def timer_started(self, event: h.TimerStarted) -> None:
        """Add a timer of ours: before an attempt, or for a cancellation."""
        if (activity := self._between(event.timer_id, ids.RETRY)) is not None:
            activity.phase = Phase.WAITING
        elif (activity := self._between(event.timer_id, ids.CANCEL)) is not None:
            self._cancel_between(activity, event)

    def timer_fired(self, event: h.TimerFired) -> None:
        """Add that a timer of ours has fired."""
        activity = self._between(event.timer_id, ids.RETRY)
        if activity is not None and activity.phase is Phase.WAITING:
            activity.next_at_once()
        elif (activity := self._between(event.timer_id, ids.CANCEL)) is not None:
            self._canceled(activity, event.event_timestamp)

    def _between(self, timer_id: str, kind: str) -> Activity | None:
        """Return the activity whose timer this is."""
        if not timer_id.startswith(kind):
            return None
        return self.open.get(ids.attempt_of(timer_id[len(kind) :]).key)
