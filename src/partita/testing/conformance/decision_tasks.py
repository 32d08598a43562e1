"""Check how decision tasks are handed out, answered, refused and recorded."""

from __future__ import annotations

from partita import history as h
from partita.errors import DecisionRefusedError, TaskLostError
from partita.ports.service import Service
from partita.ports.state import Status
from partita.testing.clock import Clock
from partita.testing.conformance import arrange as a


@a.check
def a_decision_task_is_held_by_one(service: Service, _: Clock) -> None:
    execution = a.start(service)
    task = a.decision_task(service)
    service.signal_workflow_execution(a.DOMAIN, execution, "s", None)
    a.no_decision_task(service)
    service.complete_decision(task.token, [])
    again = a.decision_task(service)
    assert again.previous_started_event_id == task.started_event_id
    with a.refused(TaskLostError):
        service.complete_decision(task.token, [])


@a.check
def decisions_that_contradict_themselves_change_nothing(service: Service, _: Clock) -> None:
    execution = a.start(service)
    task = a.decision_task(service)
    before = service.history(a.DOMAIN, execution)
    with a.refused(DecisionRefusedError):
        service.complete_decision(
            task.token, [h.CompleteWorkflowExecution(), h.RecordMarker(marker_name="m")]
        )
    assert service.history(a.DOMAIN, execution) == before
    service.complete_decision(task.token, [h.CompleteWorkflowExecution()])


@a.check
def a_failed_decision_is_tried_again_later(service: Service, clock: Clock) -> None:
    execution = a.start(service)
    service.fail_decision(a.decision_task(service).token, "BROKEN", "no such function")
    a.no_decision_task(service)
    clock.advance(60)
    a.answer(service, h.CompleteWorkflowExecution())
    assert a.status(service, execution) is Status.COMPLETED
    assert "DecisionTaskFailed" in a.kinds(service, execution)


@a.check
def a_late_decision_is_refused(service: Service, clock: Clock) -> None:
    a.start(service, task_start_to_close=10.0)
    task = a.decision_task(service)
    clock.advance(11)
    with a.refused(TaskLostError):
        service.complete_decision(task.token, [])
    assert a.decision_task(service).started_event_id > task.started_event_id


@a.check
def a_decision_task_is_recorded_from_schedule_to_answer(service: Service, _: Clock) -> None:
    execution = a.start(service, task_start_to_close=20.0, task_priority=3)
    scheduled = a.only(
        service,
        execution,
        h.DecisionTaskScheduled,
        task_list=a.TASK_LIST,
        start_to_close=20.0,
        task_priority=3,
    )
    task = service.poll_decision_task(a.DOMAIN, a.TASK_LIST, identity="me")
    assert task is not None
    begun = a.only(
        service,
        execution,
        h.DecisionTaskStarted,
        scheduled_event_id=scheduled.event_id,
        identity="me",
    )
    assert task.started_event_id == begun.event_id
    service.complete_decision(task.token, [])
    a.only(
        service,
        execution,
        h.DecisionTaskCompleted,
        scheduled_event_id=scheduled.event_id,
        started_event_id=begun.event_id,
    )


@a.check
def a_decision_task_that_times_out_is_scheduled_anew(service: Service, clock: Clock) -> None:
    execution = a.start(service, task_start_to_close=20.0)
    task = a.decision_task(service)
    service.signal_workflow_execution(a.DOMAIN, execution, "meanwhile", None)
    clock.advance(21)
    again = a.decision_task(service)
    a.only(
        service,
        execution,
        h.DecisionTaskTimedOut,
        timeout_type=h.TimeoutType.START_TO_CLOSE,
        scheduled_event_id=2,
        started_event_id=task.started_event_id,
    )
    *before, last = a.kinds(service, execution)[-3:]
    assert sorted(before) == ["DecisionTaskScheduled", "DecisionTaskTimedOut"]
    assert last == "DecisionTaskStarted"
    assert again.previous_started_event_id == 0
    assert len([e for e in again.events if isinstance(e, h.WorkflowExecutionSignaled)]) == 1


@a.check
def a_decision_task_that_fails_says_why_and_loses_nothing(service: Service, clock: Clock) -> None:
    execution = a.start(service)
    task = a.decision_task(service)
    service.signal_workflow_execution(a.DOMAIN, execution, "meanwhile", None)
    service.fail_decision(task.token, "BROKEN", "no such function")
    a.only(
        service,
        execution,
        h.DecisionTaskFailed,
        cause="BROKEN",
        message="no such function",
        scheduled_event_id=2,
        started_event_id=task.started_event_id,
    )
    clock.advance(60)
    again = a.decision_task(service)
    assert len([e for e in again.events if isinstance(e, h.WorkflowExecutionSignaled)]) == 1


@a.check
def a_decision_task_that_fails_again_says_so_once(service: Service, clock: Clock) -> None:
    execution = a.start(service)
    for message in ("one", "one", "two"):
        service.fail_decision(a.decision_task(service).token, "BROKEN", message)
        clock.advance(60)
    failures = a.every(service, execution, h.DecisionTaskFailed)
    assert [failure.message for failure in failures] == ["one", "two"]


@a.check
def many_events_are_one_decision_task(service: Service, _: Clock) -> None:
    execution = a.started(service, a.charge("a"), a.charge("b"))
    for _number in range(2):
        service.complete_activity(a.activity_task(service).token, None)
    service.signal_workflow_execution(a.DOMAIN, execution, "s", None)
    a.answer(service)
    a.no_decision_task(service)
    assert len(a.every(service, execution, h.DecisionTaskScheduled)) == 2
