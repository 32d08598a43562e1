"""Read from an exported history how its run stood when it was exported.

Pure. What only an engine's database tells (workers, pauses, limits) is not in a history.
"""

from __future__ import annotations

from msgspec.structs import replace

from partita import history as h
from partita.history.document import ExportedHistory
from partita.history.references import Kind
from partita.history.timeline import Operation, Timeline
from partita.ports.service import ExecutionDetail, ExecutionInfo
from partita.ports.state import OpenActivity, OpenDecision, Status
from partita.views.open_items import open_child, open_timer, scheduled_activity


def detail_of(history: ExportedHistory) -> ExecutionDetail:
    """Return how a run stood at the last event of its history."""
    timeline, info = Timeline(history.events), _info(history)
    if info.status is not Status.OPEN:
        return ExecutionDetail(info=info)
    children = [one for one in timeline.open(Kind.CHILD) if one.started is not None]
    return ExecutionDetail(
        info=info,
        activities=tuple(map(_activity, timeline.open(Kind.ACTIVITY))),
        timers=tuple(open_timer(one.begun) for one in timeline.open(Kind.TIMER)),
        decision=next(map(_decision, timeline.open(Kind.DECISION)), None),
        open_children=len(children),
        children=tuple(map(open_child, children)),
    )


def _info(history: ExportedHistory) -> ExecutionInfo:
    first, last = history.events[0], history.events[-1]
    status = Status[history.status]
    return ExecutionInfo(
        workflow_id=history.execution.workflow_id,
        run_id=history.execution.run_id,
        workflow_type=history.workflow_type,
        status=status,
        started_at=first.event_timestamp,
        closed_at=None if status is Status.OPEN else last.event_timestamp,
        event_count=len(history.events),
        parent=history.parent,
        search_attributes=history.search_attributes,
    )


def _activity(activity: Operation) -> OpenActivity:
    first: h.ActivityTaskScheduled = activity.begun
    begun = activity.started if activity.is_running else None
    return replace(
        scheduled_activity(first),
        queue=first.task_list if begun is None else None,
        since=activity.events[-1].event_timestamp,
        started_event_id=0 if begun is None else begun.event_id,
        started_at=0.0 if begun is None else begun.event_timestamp,
        attempt=max(1, activity.attempts),
    )


def _decision(task: Operation) -> OpenDecision:
    failed = [one for one in task.events if isinstance(one, h.DecisionTaskFailed)]
    return OpenDecision(
        id="",
        scheduled_event_id=task.event_id,
        started_event_id=task.started.event_id if task.is_running else 0,
        attempt=len(failed) + 1,
        failure=f"{failed[-1].cause}: {failed[-1].message}" if failed else None,
    )
