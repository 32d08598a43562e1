"""Make the open items of a run from the events that began them, for services that keep none."""

from __future__ import annotations

from partita import history as h
from partita.history.timeline import Operation
from partita.ports.state import OpenActivity, OpenChild, OpenTimer


def scheduled_activity(first: h.ActivityTaskScheduled) -> OpenActivity:
    """Return an activity as it stands when it has been scheduled."""
    return OpenActivity(
        id=first.activity_id,
        name=first.activity_type.key,
        queue=first.task_list,
        since=first.event_timestamp,
        activity_type=first.activity_type,
        scheduled_event_id=first.event_id,
        scheduled_at=first.event_timestamp,
        input=first.input,
        schedule_to_start=first.schedule_to_start,
        start_to_close=first.start_to_close,
        schedule_to_close=first.schedule_to_close,
        heartbeat=first.heartbeat,
        task_list=first.task_list,
        retry_policy=first.retry_policy,
    )


def open_timer(started: h.TimerStarted) -> OpenTimer:
    """Return a timer that runs."""
    return OpenTimer(
        id=started.timer_id,
        due=started.event_timestamp + started.start_to_fire,
        started_event_id=started.event_id,
    )


def open_child(child: Operation) -> OpenChild:
    """Return a child that runs."""
    execution: h.WorkflowExecution = child.started.workflow_execution
    return OpenChild(
        id=execution.workflow_id,
        execution=execution,
        workflow_type=child.started.workflow_type,
        initiated_event_id=child.event_id,
        started_event_id=child.started.event_id,
    )
