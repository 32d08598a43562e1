"""Say how a run on Amazon SWF stands: what is open, told from its history."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec.structs import replace

from partita import history as h
from partita.ports.service import ExecutionDetail, ExecutionInfo
from partita.ports.state import OpenActivity, OpenDecision, OpenTimer, Status
from partita.swf.backend.open_activity import Activity
from partita.swf.backend.translate_history import Fold

_CLOSING = frozenset(
    f"WorkflowExecution{how}"
    for how in ("Completed", "Failed", "Canceled", "ContinuedAsNew", "Terminated", "TimedOut")
)
_CHILD_ENDS = frozenset(
    f"ChildWorkflowExecution{how}"
    for how in ("Completed", "Failed", "Canceled", "Terminated", "TimedOut")
)


def is_closed(events: Sequence[h.AnyEvent]) -> bool:
    """Whether a run has ended."""
    return bool(events) and events[-1].event_type in _CLOSING


def detail_of(info: ExecutionInfo, fold: Fold, events: Sequence[h.AnyEvent]) -> ExecutionDetail:
    """Return how a run stands."""
    info = replace(info, event_count=len(events), search_attributes=_attributes(fold, events))
    if info.status is not Status.OPEN:
        return ExecutionDetail(info=info)
    started = {
        one.scheduled_event_id: one for one in events if isinstance(one, h.ActivityTaskStarted)
    }
    return ExecutionDetail(
        info=info,
        activities=tuple(_activity(one, started) for one in fold.activities.values()),
        timers=_timers(events),
        decision=_decision(events),
        open_children=sum(isinstance(one, h.ChildWorkflowExecutionStarted) for one in events)
        - sum(one.event_type in _CHILD_ENDS for one in events),
    )


def _activity(activity: Activity, started: dict[int, h.ActivityTaskStarted]) -> OpenActivity:
    first = activity.scheduled
    begun = started.get(first.event_id)
    return OpenActivity(
        id=first.activity_id,
        name=first.activity_type.key,
        queue=None if begun else first.task_list,
        activity_type=first.activity_type,
        scheduled_event_id=first.event_id,
        scheduled_at=first.event_timestamp,
        started_event_id=begun.event_id if begun else 0,
        started_at=begun.event_timestamp if begun else 0.0,
        attempt=activity.attempt.number,
        input=first.input,
        details=activity.heartbeat,
        cancel_requested_event_id=activity.cancel_requested_event_id,
        schedule_to_start=first.schedule_to_start,
        start_to_close=first.start_to_close,
        schedule_to_close=first.schedule_to_close,
        heartbeat=first.heartbeat,
        task_list=first.task_list,
        retry_policy=first.retry_policy,
    )


def _timers(events: Sequence[h.AnyEvent]) -> tuple[OpenTimer, ...]:
    ended = {
        one.started_event_id for one in events if isinstance(one, (h.TimerFired, h.TimerCanceled))
    }
    return tuple(
        OpenTimer(
            id=one.timer_id,
            due=one.event_timestamp + one.start_to_fire,
            started_event_id=one.event_id,
        )
        for one in events
        if isinstance(one, h.TimerStarted) and one.event_id not in ended
    )


def _decision(events: Sequence[h.AnyEvent]) -> OpenDecision | None:
    """Return the decision task that is not answered yet."""
    for event in reversed(events):
        if isinstance(event, (h.DecisionTaskCompleted, h.DecisionTaskTimedOut)):
            return None
        if isinstance(event, h.DecisionTaskStarted):
            return OpenDecision(
                id="", scheduled_event_id=event.scheduled_event_id, started_event_id=event.event_id
            )
        if isinstance(event, h.DecisionTaskScheduled):
            return OpenDecision(id="", scheduled_event_id=event.event_id)
    return None


def _attributes(fold: Fold, events: Sequence[h.AnyEvent]) -> dict[str, Any]:
    """Return the search attributes: those that the run began with, and what markers changed."""
    found = dict(fold.start.attributes)
    for event in events:
        if isinstance(event, h.MarkerRecorded) and event.marker_name == h.SEARCH_ATTRIBUTES:
            try:
                found.update(msgspec.json.decode(event.details or "", type=dict[str, Any]))
            except msgspec.DecodeError:
                continue  # no object: the embedded engine ignores it, too
    return {name: value for name, value in found.items() if value is not None}
