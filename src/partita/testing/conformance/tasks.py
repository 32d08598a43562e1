"""What happens to decision tasks and activity tasks, as the history tells it."""

from __future__ import annotations

from typing import Any

from partita import history as h
from partita.ports.service import Service
from partita.testing.clock import Clock
from partita.testing.conformance.arrange import (
    DOMAIN,
    TASK_LIST,
    activity_task,
    answer,
    charge,
    check,
    decision_task,
    every,
    holds,
    kinds,
    only,
    start,
    started,
)


@check
def a_decision_task_is_recorded_from_schedule_to_answer(service: Service, _: Clock) -> None:
    execution = start(service, task_start_to_close=20.0, task_priority=3)
    scheduled = only(service, execution, h.DecisionTaskScheduled)
    holds(scheduled, task_list=TASK_LIST, start_to_close=20.0, task_priority=3)
    task = service.poll_decision_task(DOMAIN, TASK_LIST, identity="me")
    assert task is not None
    begun = only(service, execution, h.DecisionTaskStarted)
    holds(begun, scheduled_event_id=scheduled.event_id, identity="me")
    assert task.started_event_id == begun.event_id
    service.complete_decision(task.token, [])
    holds(
        only(service, execution, h.DecisionTaskCompleted),
        scheduled_event_id=scheduled.event_id,
        started_event_id=begun.event_id,
    )


@check
def a_decision_task_that_times_out_is_scheduled_anew(service: Service, clock: Clock) -> None:
    execution = start(service, task_start_to_close=20.0)
    task = decision_task(service)
    service.signal_workflow_execution(DOMAIN, execution, "meanwhile", None)
    clock.advance(21)
    again = decision_task(service)
    holds(
        only(service, execution, h.DecisionTaskTimedOut),
        timeout_type=h.TimeoutType.START_TO_CLOSE,
        scheduled_event_id=2,
        started_event_id=task.started_event_id,
    )
    assert kinds(service, execution)[-3:] == [
        "DecisionTaskTimedOut",
        "DecisionTaskScheduled",
        "DecisionTaskStarted",
    ]
    assert again.previous_started_event_id == 0
    assert len([e for e in again.events if isinstance(e, h.WorkflowExecutionSignaled)]) == 1


@check
def a_decision_task_that_fails_says_why_and_loses_nothing(service: Service, clock: Clock) -> None:
    execution = start(service)
    task = decision_task(service)
    service.signal_workflow_execution(DOMAIN, execution, "meanwhile", None)
    service.fail_decision(task.token, "BROKEN", "no such function")
    holds(
        only(service, execution, h.DecisionTaskFailed),
        cause="BROKEN",
        message="no such function",
        scheduled_event_id=2,
        started_event_id=task.started_event_id,
    )
    clock.advance(60)
    again = decision_task(service)
    assert len([e for e in again.events if isinstance(e, h.WorkflowExecutionSignaled)]) == 1


@check
def a_decision_task_that_fails_again_says_so_once(service: Service, clock: Clock) -> None:
    execution = start(service)
    for message in ("one", "one", "two"):
        service.fail_decision(decision_task(service).token, "BROKEN", message)
        clock.advance(60)
    failures = every(service, execution, h.DecisionTaskFailed)
    assert [failure.message for failure in failures] == ["one", "two"]


@check
def many_events_are_one_decision_task(service: Service, _: Clock) -> None:
    execution = started(service, charge("a"), charge("b"))
    for _number in range(2):
        service.complete_activity(activity_task(service).token, None)
    service.signal_workflow_execution(DOMAIN, execution, "s", None)
    answer(service)
    assert service.poll_decision_task(DOMAIN, TASK_LIST) is None
    assert len(every(service, execution, h.DecisionTaskScheduled)) == 2


@check
def a_completed_activity_is_recorded(service: Service, _: Clock) -> None:
    execution = started(service, charge())
    task = service.poll_activity_task(DOMAIN, TASK_LIST, identity="me")
    assert task is not None
    scheduled = only(service, execution, h.ActivityTaskScheduled).event_id
    begun = only(service, execution, h.ActivityTaskStarted)
    holds(begun, event_id=task.started_event_id, scheduled_event_id=scheduled, identity="me")
    service.complete_activity(task.token, '"paid"')
    holds(
        only(service, execution, h.ActivityTaskCompleted),
        result='"paid"',
        scheduled_event_id=scheduled,
        started_event_id=begun.event_id,
    )


@check
def a_failed_activity_is_recorded(service: Service, _: Clock) -> None:
    execution = started(service, charge())
    task = activity_task(service)
    service.fail_activity(task.token, "Boom", '"why"')
    holds(
        only(service, execution, h.ActivityTaskFailed),
        reason="Boom",
        details='"why"',
        scheduled_event_id=only(service, execution, h.ActivityTaskScheduled).event_id,
        started_event_id=task.started_event_id,
    )


def _timed_out(
    service: Service, clock: Clock, take: bool, **timeout: Any
) -> h.ActivityTaskTimedOut:
    """Let an activity, taken by a worker or not, run out of five seconds."""
    execution = started(service, charge(**timeout))
    begun = activity_task(service).started_event_id if take else 0
    clock.advance(6)
    assert service.poll_activity_task(DOMAIN, TASK_LIST) is None
    event = only(service, execution, h.ActivityTaskTimedOut)
    scheduled = only(service, execution, h.ActivityTaskScheduled).event_id
    holds(event, scheduled_event_id=scheduled, started_event_id=begun)
    assert event in decision_task(service).events
    return event


@check
def each_timeout_of_an_activity_says_which_it_was(service: Service, clock: Clock) -> None:
    for option, take in (
        ("schedule_to_start", False),
        ("schedule_to_close", False),
        ("schedule_to_close", True),
        ("start_to_close", True),
        ("heartbeat", True),
    ):
        event = _timed_out(service, clock, take, **{option: 5.0})
        assert event.timeout_type is h.TimeoutType[option.upper()]


@check
def the_soonest_of_the_timeouts_counts(service: Service, clock: Clock) -> None:
    options = {"schedule_to_close": 4.0, "start_to_close": 3.0, "heartbeat": 2.0}
    event = _timed_out(service, clock, True, schedule_to_start=1.0, **options)
    assert event.timeout_type is h.TimeoutType.HEARTBEAT


@check
def a_timed_out_activity_keeps_its_last_heartbeats_details(service: Service, clock: Clock) -> None:
    execution = started(service, charge(heartbeat=5.0))
    task = activity_task(service)
    for details in ("10", "20", None):
        clock.advance(4)
        service.heartbeat_activity(task.token, details)
    clock.advance(6)
    decision_task(service)
    holds(only(service, execution, h.ActivityTaskTimedOut), details="20")
