"""Rules for activities: schedule, hand out, end, try again, time out, give back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
from msgspec.structs import replace

from partita import history as h
from partita.errors import TaskLostError, WorkerLostError
from partita.ports.state import PAUSED, OpenActivity
from partita.rules import commands as c
from partita.rules.draft import Draft
from partita.rules.refusals import refuse

MAX_LOSSES = 10
"""Workers that an activity may lose before it fails; more if its retry policy has more attempts.

One loss proves little: whatever ran in that process was lost with it.
"""

MAX_LOSS_DELAY = 60.0
"""Seconds between two tries of an activity whose workers are lost, at most."""

LOST = f"{WorkerLostError.__module__}.{WorkerLostError.__name__}"
"""The reason with which an activity fails that has lost too many workers."""


def schedule_activity(draft: Draft, decision: h.ScheduleActivityTask, completed: int) -> None:
    if draft.get("activity", decision.activity_id) is not None:
        refuse(draft, decision, "ACTIVITY_ID_ALREADY_IN_USE", completed)
        return
    if draft.is_full("open_activities"):
        refuse(draft, decision, "OPEN_ACTIVITIES_LIMIT_EXCEEDED", completed)
        return
    task_list = decision.task_list or draft.state.execution.task_list
    scheduled = draft.event(
        h.ActivityTaskScheduled,
        activity_type=decision.activity_type,
        activity_id=decision.activity_id,
        input=decision.input,
        control=decision.control,
        task_list=task_list,
        task_priority=decision.task_priority,
        schedule_to_start=decision.schedule_to_start,
        start_to_close=decision.start_to_close,
        schedule_to_close=decision.schedule_to_close,
        heartbeat=decision.heartbeat,
        retry_policy=decision.retry_policy,
        decision_task_completed_event_id=completed,
    )
    draft.count("open_activities", 1)
    now = draft.fields["latest_activity_at"] = draft.now
    item = OpenActivity(
        id=decision.activity_id,
        name=decision.activity_type.key,
        queue=task_list,
        priority=decision.task_priority or 0,
        since=now,
        activity_type=decision.activity_type,
        scheduled_event_id=scheduled,
        scheduled_at=now,
        input=decision.input,
        schedule_to_start=decision.schedule_to_start,
        start_to_close=decision.start_to_close,
        schedule_to_close=decision.schedule_to_close,
        heartbeat=decision.heartbeat,
        task_list=task_list,
        retry_policy=decision.retry_policy,
    )
    draft.put(with_deadline(item))


def _deadlines(item: OpenActivity) -> list[tuple[float, h.TimeoutType]]:
    """List what may run out while the activity is as it is, soonest first."""
    found = []
    if item.schedule_to_close is not None:
        found.append((item.scheduled_at + item.schedule_to_close, h.TimeoutType.SCHEDULE_TO_CLOSE))
    if item.started_event_id:
        if item.start_to_close is not None:
            found.append((item.started_at + item.start_to_close, h.TimeoutType.START_TO_CLOSE))
        if item.heartbeat is not None:
            found.append((item.heartbeat_at + item.heartbeat, h.TimeoutType.HEARTBEAT))
    elif item.schedule_to_start is not None and not (item.queue or "").startswith(PAUSED):
        found.append((item.since + item.schedule_to_start, h.TimeoutType.SCHEDULE_TO_START))
    found.sort()
    return found


def _is_timed(item: OpenActivity) -> bool:
    return not (
        item.schedule_to_close is None
        and item.start_to_close is None
        and item.schedule_to_start is None
        and item.heartbeat is None
    )


def with_deadline(item: OpenActivity) -> OpenActivity:
    """Return the item with `due` set to the soonest of its timeouts."""
    if not _is_timed(item):
        return item if item.due is None else replace(item, due=None)
    deadlines = _deadlines(item)
    due = deadlines[0][0] if deadlines else None
    return item if due == item.due else replace(item, due=due)


def start_activity_task(draft: Draft, command: c.StartActivityTask) -> None:
    item: OpenActivity | None = draft.get("activity", command.activity_id)
    if item is None or item.started_event_id or (item.queue is None and not command.held):
        raise TaskLostError(f"activity {command.activity_id} is taken, or not there any more")
    started = draft.event(
        h.ActivityTaskStarted, scheduled_event_id=item.scheduled_event_id, identity=command.identity
    )
    now = draft.now
    taken = replace(
        item,
        queue=None,
        owner=command.owner,
        lane=command.lane,
        started_event_id=started,
        started_at=now,
        heartbeat_at=now,
    )
    draft.put(with_deadline(taken))


def _held_activity(draft: Draft, id: str, started_event_id: int) -> OpenActivity:
    item: OpenActivity | None = draft.get("activity", id)
    if item is None or item.started_event_id != started_event_id or not started_event_id:
        raise TaskLostError(
            f"activity {id} is closed, timed out, or was given to another worker; "
            "its result is not used"
        )
    return item


def _end_activity(
    draft: Draft, item: OpenActivity, make: Callable[..., h.AnyEvent], **attributes: Any
) -> None:
    draft.event(
        make,
        scheduled_event_id=item.scheduled_event_id,
        started_event_id=item.started_event_id,
        **attributes,
    )
    draft.drop_item("activity", item.id)
    draft.count("open_activities", -1)
    draft.wake()


def complete_activity_task(draft: Draft, command: c.CompleteActivityTask) -> None:
    item = _held_activity(draft, command.activity_id, command.started_event_id)
    _end_activity(draft, item, h.ActivityTaskCompleted, result=command.result)


def fail_activity_task(draft: Draft, command: c.FailActivityTask) -> None:
    item = _held_activity(draft, command.activity_id, command.started_event_id)
    delay = (
        _retry_delay(item, draft.now, command.reason, command.details)
        if command.retryable
        else None
    )
    if delay is None:
        _end_activity(
            draft, item, h.ActivityTaskFailed, reason=command.reason, details=command.details
        )
    else:
        _reschedule(
            draft,
            item,
            h.RescheduleCause.FAILED,
            delay,
            reason=command.reason,
            details=command.details,
        )


def _retry_delay(
    item: OpenActivity, now: float, reason: str | None, details: str | None = None
) -> float | None:
    """Return how long to wait for the next attempt, or None if there is none."""
    policy = item.retry_policy
    if policy is None or policy.is_final(reason, details) or item.cancel_requested_event_id:
        return None
    if policy.max_attempts and item.attempt >= policy.max_attempts:
        return None
    delay = policy.delay(item.attempt)
    if item.schedule_to_close is not None:
        if now + delay >= item.scheduled_at + item.schedule_to_close:
            return None
    return delay


def _reschedule(
    draft: Draft,
    item: OpenActivity,
    cause: h.RescheduleCause,
    delay: float,
    *,
    reason: str | None = None,
    details: str | None = None,
) -> None:
    draft.event(
        h.ActivityTaskRescheduled,
        scheduled_event_id=item.scheduled_event_id,
        started_event_id=item.started_event_id,
        cause=cause,
        attempt=item.attempt,
        backoff=delay,
        reason=reason,
        details=details,
    )
    given_back = cause is h.RescheduleCause.GIVEN_BACK
    waiting = replace(
        item,
        attempt=item.attempt if given_back else item.attempt + 1,
        owner=None,
        lane=None,
        started_event_id=0,
        queue=None,
        due=draft.now + delay,
        reason=reason or item.reason,
        failure=details or item.failure,
    )
    draft.put(waiting if delay > 0 else requeued(draft, waiting))


def requeued(draft: Draft, item: OpenActivity) -> OpenActivity:
    """Return an activity as it waits in its task list from now on."""
    return with_deadline(replace(item, queue=item.task_list, since=draft.now, due=None))


def activity_due(draft: Draft, item: OpenActivity) -> None:
    if item.queue is None and not item.started_event_id:  # its backoff is over
        draft.put(requeued(draft, item))
        return
    which = _deadlines(item)[0][1]
    final = which in (h.TimeoutType.SCHEDULE_TO_START, h.TimeoutType.SCHEDULE_TO_CLOSE)
    delay = None if final else _retry_delay(item, draft.now, which.value)
    if delay is None:
        _end_activity(draft, item, h.ActivityTaskTimedOut, timeout_type=which, details=item.details)
    else:
        _reschedule(draft, item, h.RescheduleCause.TIMED_OUT, delay, reason=which.value)


def cancel_activity_task(draft: Draft, command: c.CancelActivityTask) -> None:
    item = _held_activity(draft, command.activity_id, command.started_event_id)
    _end_activity(
        draft,
        item,
        h.ActivityTaskCanceled,
        details=command.details,
        latest_cancel_requested_event_id=item.cancel_requested_event_id or None,
    )


def heartbeat(draft: Draft, command: c.Heartbeat) -> None:
    item = _held_activity(draft, command.activity_id, command.started_event_id)
    details = item.details if command.details is None else command.details
    draft.put(with_deadline(replace(item, heartbeat_at=draft.now, details=details)))


def let_go_activity_task(draft: Draft, command: c.LetGoActivityTask) -> None:
    item = _held_activity(draft, command.activity_id, command.started_event_id)
    draft.put(replace(item, owner=None))


def release_activity(draft: Draft, command: c.Release) -> None:
    item: OpenActivity | None = draft.get("activity", command.id)
    if item is None or not item.started_event_id:
        return
    if command.started_event_id not in (None, item.started_event_id):
        return
    requested = item.cancel_requested_event_id
    if requested:  # no worker runs it any more, so none must be asked to stop
        _end_activity(
            draft, item, h.ActivityTaskCanceled, latest_cancel_requested_event_id=requested
        )
        return
    if command.cause is h.RescheduleCause.WORKER_LOST:
        _lose(draft, replace(item, losses=item.losses + 1))
    else:
        _reschedule(draft, item, command.cause, 0.0)


def _lose(draft: Draft, item: OpenActivity) -> None:
    """Try an activity again whose worker is gone."""
    delay = loss_delay(item.retry_policy, item.losses)
    if delay is None:
        details = loss(item.activity_type.name, item.losses)
        _end_activity(draft, item, h.ActivityTaskFailed, reason=LOST, details=details)
    else:
        _reschedule(draft, item, h.RescheduleCause.WORKER_LOST, delay)


def loss_delay(policy: h.RetryPolicy | None, losses: int) -> float | None:
    """Return when an activity is tried again whose workers are lost; None: no more.

    At once, then later and later.
    """
    endless = policy is not None and not policy.max_attempts
    most = max(MAX_LOSSES, policy.max_attempts if policy is not None else 0)
    if losses >= most and not endless:
        return None
    return 0.0 if losses < 2 else min(MAX_LOSS_DELAY, 2.0 ** min(losses - 2, 10))


def loss(name: str, losses: int) -> str:
    """Return the error of an activity that lost too many workers, as failures are written down."""
    message = (
        f"activity {name} lost its worker {losses} times; it may be what "
        "kills them (a crash in native code, want of memory): see their logs, mend it, and "
        "go on with `partita rerun`"
    )
    failure = {
        "type": WorkerLostError.__name__,
        "module": WorkerLostError.__module__,
        "message": message,
        "args": [message],
    }
    return msgspec.json.encode(failure).decode()


def request_cancel_activity(
    draft: Draft, decision: h.RequestCancelActivityTask, completed: int
) -> None:
    item: OpenActivity | None = draft.get("activity", decision.activity_id)
    if item is None:
        draft.event(
            h.RequestCancelActivityTaskFailed,
            activity_id=decision.activity_id,
            cause="ACTIVITY_ID_UNKNOWN",
            decision_task_completed_event_id=completed,
        )
        return
    requested = draft.event(
        h.ActivityTaskCancelRequested,
        activity_id=decision.activity_id,
        decision_task_completed_event_id=completed,
    )
    if item.started_event_id:
        draft.put(replace(item, cancel_requested_event_id=requested))
    else:
        _end_activity(
            draft, item, h.ActivityTaskCanceled, latest_cancel_requested_event_id=requested
        )
