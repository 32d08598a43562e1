"""A profile does not charge time in which nobody ran."""

from __future__ import annotations

from partita import history as h
from partita.views.profile import profile_of


def _events(*more: h.AnyEvent) -> list[h.AnyEvent]:
    kind = h.ActivityType("charge", "1")
    return [
        h.WorkflowExecutionStarted(
            event_id=1,
            event_timestamp=0.0,
            workflow_type=h.WorkflowType("w"),
            task_list="default",
            child_policy=h.ChildPolicy.TERMINATE,
        ),
        h.ActivityTaskScheduled(
            event_id=2,
            event_timestamp=0.0,
            activity_id="1",
            activity_type=kind,
            task_list="default",
            decision_task_completed_event_id=1,
        ),
        h.ActivityTaskStarted(event_id=3, event_timestamp=1.0, scheduled_event_id=2),
        *more,
    ]


def test_the_time_between_a_workers_death_and_the_next_worker_is_waiting() -> None:
    lost = h.ActivityTaskRescheduled(
        event_id=4,
        event_timestamp=3601.0,
        scheduled_event_id=2,
        started_event_id=3,
        cause=h.RescheduleCause.WORKER_LOST,
        attempt=1,
    )
    again = h.ActivityTaskStarted(event_id=5, event_timestamp=3602.0, scheduled_event_id=2)
    done = h.ActivityTaskCompleted(
        event_id=6, event_timestamp=3604.0, scheduled_event_id=2, started_event_id=5
    )
    [share] = profile_of(_events(lost, again, done)).tasks
    assert (share.running, share.waiting) == (2.0, 3602.0)


def test_what_runs_on_a_worker_that_is_gone_waits() -> None:
    [alive] = profile_of(_events(), 100.0).tasks
    [gone] = profile_of(_events(), 100.0, idle={"1"}).tasks
    assert (alive.running, alive.waiting) == (99.0, 1.0)
    assert (gone.running, gone.waiting) == (0.0, 100.0)
