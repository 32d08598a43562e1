"""What became of each task, and where the time went, told from a history alone."""

from __future__ import annotations

import pytest

from partita import history as h
from partita.views.profile import profile_of
from partita.views.records import TaskRecord, grouped, tasks_of

CHARGE = h.ActivityType("charge")
CHILD = h.WorkflowType("child")
RUN = h.WorkflowExecution("c", "r")


def started() -> h.AnyEvent:
    return h.WorkflowExecutionStarted(
        event_id=1,
        event_timestamp=100.0,
        child_policy=h.ChildPolicy.TERMINATE,
        task_list="default",
        workflow_type=h.WorkflowType("flow"),
    )


def scheduled(id: int, at: float, name: str = "a") -> h.AnyEvent:
    return h.ActivityTaskScheduled(
        event_id=id,
        event_timestamp=at,
        activity_type=CHARGE,
        activity_id=name,
        task_list="default",
        decision_task_completed_event_id=0,
    )


def begun(id: int, at: float, of: int) -> h.AnyEvent:
    return h.ActivityTaskStarted(event_id=id, event_timestamp=at, scheduled_event_id=of)


def completed(id: int, at: float, of: int) -> h.AnyEvent:
    return h.ActivityTaskCompleted(
        event_id=id, event_timestamp=at, scheduled_event_id=of, started_event_id=0
    )


def terminated(id: int, at: float) -> h.AnyEvent:
    return h.WorkflowExecutionTerminated(
        event_id=id, event_timestamp=at, child_policy=h.ChildPolicy.TERMINATE
    )


def only(*events: h.AnyEvent, now: float | None = None) -> TaskRecord:
    """Return the one task of a history."""
    [task] = tasks_of([started(), *events], now)
    return task


RETRIED = [
    scheduled(2, 100.0),
    begun(3, 101.0, 2),
    h.ActivityTaskRescheduled(
        event_id=4,
        event_timestamp=103.0,
        scheduled_event_id=2,
        started_event_id=3,
        cause=h.RescheduleCause.FAILED,
        attempt=1,
        reason="ValueError",
    ),
]


def test_waits_and_runs_of_all_attempts_are_summed() -> None:
    task = only(*RETRIED, begun(5, 108.0, 2), completed(6, 110.0, 2))
    assert (task.kind, task.id, task.name) == ("activity", "a", "charge")
    assert (task.state, task.attempts, task.is_open) == ("completed", 2, False)
    assert (task.waiting, task.running) == (6.0, 4.0)
    assert (task.scheduled_at, task.started_at, task.closed_at) == (100.0, 108.0, 110.0)
    assert (task.last_event_id, task.last_event) == (6, "ActivityTaskCompleted")


def test_what_is_open_lasts_until_now() -> None:
    waiting = only(scheduled(2, 100.0), now=107.0)
    assert (waiting.state, waiting.waiting, waiting.running) == ("scheduled", 7.0, 0.0)
    running = only(scheduled(2, 100.0), begun(3, 101.0, 2), now=107.0)
    assert (running.state, running.waiting, running.running) == ("running", 1.0, 6.0)
    again = only(*RETRIED, now=107.0)
    assert (again.state, again.waiting, again.running) == ("waiting to retry", 5.0, 2.0)
    assert (again.note, again.is_open) == ("FAILED: ValueError", True)


def test_a_clock_behind_the_history_takes_nothing_away() -> None:
    assert only(scheduled(2, 100.0), begun(3, 101.0, 2), now=50.0).running == 0.0


def test_what_a_closed_execution_leaves_lasted_until_its_end() -> None:
    task = only(scheduled(2, 100.0), begun(3, 101.0, 2), terminated(4, 105.0), now=900.0)
    assert (task.state, task.running, task.closed_at) == ("left open", 4.0, None)
    assert not task.is_open


def test_an_activity_that_no_worker_took_never_started() -> None:
    late = h.ActivityTaskTimedOut(
        event_id=3,
        event_timestamp=104.0,
        timeout_type=h.TimeoutType.SCHEDULE_TO_START,
        scheduled_event_id=2,
        started_event_id=0,
    )
    task = only(scheduled(2, 100.0), late)
    assert (task.state, task.note) == ("timed out", "SCHEDULE_TO_START")
    assert (task.waiting, task.running, task.started_at, task.attempts) == (4.0, 0.0, None, 0)


def test_a_cancel_request_belongs_to_the_last_activity_of_its_id() -> None:
    asked = h.ActivityTaskCancelRequested(
        event_id=5, event_timestamp=103.0, decision_task_completed_event_id=0, activity_id="a"
    )
    first, second = tasks_of(
        [started(), scheduled(2, 100.0), completed(3, 101.0, 2), scheduled(4, 102.0), asked]
    )
    assert (first.last_event_id, second.last_event_id) == (3, 5)
    assert (second.state, second.note) == ("scheduled", "cancel requested")


def test_a_timer_runs_from_its_start() -> None:
    timer = h.TimerStarted(
        event_id=2,
        event_timestamp=100.0,
        timer_id="t",
        start_to_fire=30.0,
        decision_task_completed_event_id=0,
    )
    open = only(timer, now=110.0)
    assert (open.kind, open.state, open.running, open.note) == ("timer", "running", 10.0, "30 s")
    fired = only(
        timer, h.TimerFired(event_id=3, event_timestamp=130.0, timer_id="t", started_event_id=2)
    )
    assert (fired.state, fired.waiting, fired.running) == ("fired", 0.0, 30.0)
    canceled = h.TimerCanceled(
        event_id=3,
        event_timestamp=104.0,
        timer_id="t",
        started_event_id=2,
        decision_task_completed_event_id=0,
    )
    assert (only(timer, canceled).state, only(timer, canceled).running) == ("canceled", 4.0)


def test_a_child() -> None:
    asked = h.StartChildWorkflowExecutionInitiated(
        event_id=2,
        event_timestamp=100.0,
        workflow_id="c",
        workflow_type=CHILD,
        task_list="default",
        decision_task_completed_event_id=0,
        child_policy=h.ChildPolicy.TERMINATE,
    )
    runs = h.ChildWorkflowExecutionStarted(
        event_id=3,
        event_timestamp=101.0,
        workflow_execution=RUN,
        workflow_type=CHILD,
        initiated_event_id=2,
    )
    failed = h.ChildWorkflowExecutionFailed(
        event_id=4,
        event_timestamp=105.0,
        workflow_execution=RUN,
        workflow_type=CHILD,
        initiated_event_id=2,
        started_event_id=3,
        reason="KeyError",
    )
    task = only(asked, runs, failed)
    assert (task.kind, task.id, task.name) == ("child", "c", "child")
    assert (task.state, task.note, task.running) == ("failed", "KeyError", 4.0)


@pytest.mark.parametrize("initiated", [0, 2])
def test_a_child_that_could_not_be_started(initiated: int) -> None:
    asked = h.StartChildWorkflowExecutionInitiated(
        event_id=2,
        event_timestamp=100.0,
        workflow_id="c",
        workflow_type=CHILD,
        task_list="default",
        decision_task_completed_event_id=0,
        child_policy=h.ChildPolicy.TERMINATE,
    )
    refused = h.StartChildWorkflowExecutionFailed(
        event_id=3,
        event_timestamp=100.0,
        workflow_type=CHILD,
        cause="WORKFLOW_ALREADY_RUNNING",
        workflow_id="c",
        initiated_event_id=initiated,
        decision_task_completed_event_id=0,
    )
    task = only(*([asked, refused] if initiated else [refused]))
    assert (task.state, task.note) == ("refused", "WORKFLOW_ALREADY_RUNNING")
    assert task.closed_at == 100.0


def test_a_lambda_function() -> None:
    asked = h.LambdaFunctionScheduled(
        event_id=2,
        event_timestamp=100.0,
        id="l",
        name="resize",
        decision_task_completed_event_id=0,
    )
    runs = h.LambdaFunctionStarted(event_id=3, event_timestamp=101.0, scheduled_event_id=2)
    failed = h.LambdaFunctionFailed(
        event_id=4, event_timestamp=103.0, scheduled_event_id=2, started_event_id=3, reason="Boom"
    )
    task = only(asked, runs, failed)
    assert (task.kind, task.name, task.state, task.note) == ("lambda", "resize", "failed", "Boom")
    assert (task.waiting, task.running) == (1.0, 2.0)
    refused = h.StartLambdaFunctionFailed(
        event_id=3, event_timestamp=101.0, scheduled_event_id=2, cause="ASSUME_ROLE_FAILED"
    )
    assert (only(asked, refused).state, only(asked, refused).note) == (
        "refused",
        "ASSUME_ROLE_FAILED",
    )


def test_a_refused_activity_is_told_of() -> None:
    refused = h.ScheduleActivityTaskFailed(
        event_id=2,
        event_timestamp=100.0,
        activity_type=CHARGE,
        activity_id="a",
        cause="ACTIVITY_TYPE_DOES_NOT_EXIST",
        decision_task_completed_event_id=0,
    )
    task = only(refused)
    assert (task.state, task.note) == ("refused", "ACTIVITY_TYPE_DOES_NOT_EXIST")


DECIDED: list[h.AnyEvent] = [
    started(),
    h.DecisionTaskScheduled(event_id=2, event_timestamp=100.0, task_list="default"),
    h.DecisionTaskStarted(event_id=3, event_timestamp=101.0, scheduled_event_id=2),
    h.DecisionTaskCompleted(
        event_id=4, event_timestamp=102.0, scheduled_event_id=2, started_event_id=3
    ),
    scheduled(5, 102.0, "a"),
    scheduled(6, 102.0, "b"),
    begun(7, 102.0, 5),
    begun(8, 103.0, 6),
    h.WorkflowExecutionSignaled(event_id=9, event_timestamp=104.0, signal_name="hello"),
    completed(10, 106.0, 5),
    completed(11, 111.0, 6),
    terminated(12, 120.0),
]


def test_decision_tasks_are_told_of_on_request() -> None:
    assert [task.kind for task in tasks_of(DECIDED)] == ["activity", "activity"]
    first = tasks_of(DECIDED, decisions=True)[0]
    assert (first.kind, first.id, first.state) == ("decision", "2", "completed")
    assert (first.waiting, first.running) == (1.0, 1.0)


def test_grouped_holds_every_event_once() -> None:
    groups = grouped(DECIDED)
    assert [[event.event_id for event in group.events] for group in groups] == [
        [1, 9, 12],
        [2, 3, 4],
        [5, 7, 10],
        [6, 8, 11],
    ]
    assert groups[0].task is None
    assert [group.task.id for group in groups[1:] if group.task] == ["2", "a", "b"]


def test_a_profile_sorts_by_running_time() -> None:
    profile = profile_of(DECIDED, now=999.0)
    assert profile.total == 20.0
    assert [(task.id, task.waiting, task.running, task.percent) for task in profile.tasks] == [
        ("b", 1.0, 8.0, 40.0),
        ("a", 0.0, 4.0, 20.0),
    ]
    [charge] = profile.types
    assert (charge.kind, charge.name, charge.count) == ("activity", "charge", 2)
    assert (charge.waiting, charge.running, charge.longest, charge.percent) == (1.0, 12.0, 8.0, 60)


def test_a_profile_of_an_open_execution_lasts_until_now() -> None:
    profile = profile_of([started(), scheduled(2, 105.0)], now=110.0)
    assert (profile.total, profile.tasks[0].waiting) == (10.0, 5.0)


def test_a_profile_of_no_time_at_all() -> None:
    assert profile_of([]).total == 0.0
    [task] = profile_of([started(), scheduled(2, 100.0)]).tasks
    assert task.percent == 0.0
