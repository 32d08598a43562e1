"""Check how activities are handed out, end, time out and are recorded."""

from __future__ import annotations

from typing import Any

from partita import history as h
from partita.errors import InvalidTokenError, TaskLostError
from partita.ports.service import Service
from partita.testing.clock import Clock
from partita.testing.conformance import arrange as a


@a.check
def an_activity_is_held_by_one_and_ends_once(service: Service, _: Clock) -> None:
    execution = a.started(service, a.charge())
    task = a.activity_task(service)
    assert (task.activity_id, task.activity_type, task.input, task.attempt) == (
        "a",
        a.CHARGE,
        "[2]",
        1,
    )
    a.no_activity_task(service)
    service.complete_activity(task.token, '"paid"')
    with a.refused(TaskLostError):
        service.complete_activity(task.token, '"paid"')
    assert a.kinds(service, execution).count("ActivityTaskCompleted") == 1
    assert a.decision_task(service).events[-3].event_type == "ActivityTaskCompleted"


@a.check
def activities_come_by_priority_then_age(service: Service, clock: Clock) -> None:
    a.start(service)
    task = a.decision_task(service)
    service.complete_decision(task.token, [a.charge("old"), a.charge("urgent", task_priority=9)])
    clock.advance(1)
    a.started(service, a.charge("new"))
    taken = [a.activity_task(service).activity_id for _ in range(3)]
    assert taken == ["urgent", "old", "new"]


@a.check
def task_lists_are_kept_apart(service: Service, _: Clock) -> None:
    a.started(service, a.charge("a", task_list="gpu"))
    a.no_activity_task(service)
    assert service.poll_activity_task("elsewhere", "gpu") is None
    assert a.activity_task(service, "gpu").activity_id == "a"


@a.check
def a_late_result_is_refused(service: Service, clock: Clock) -> None:
    execution = a.started(service, a.charge(start_to_close=30.0))
    task = a.activity_task(service)
    clock.advance(31)
    with a.refused(TaskLostError):
        service.complete_activity(task.token, '"paid"')
    assert "ActivityTaskTimedOut" in a.kinds(service, execution)


@a.check
def each_timeout_ends_an_activity(service: Service, clock: Clock) -> None:
    for option in ("schedule_to_start", "schedule_to_close", "start_to_close", "heartbeat"):
        options: dict[str, Any] = {option: 5.0}
        execution = a.started(service, a.charge(**options))
        if option != "schedule_to_start":
            a.activity_task(service)
        clock.advance(6)
        a.no_activity_task(service)
        assert a.kinds(service, execution)[-2:] == ["ActivityTaskTimedOut", "DecisionTaskScheduled"]
        service.terminate_workflow_execution(a.DOMAIN, execution, None)


@a.check
def a_failed_activity_is_tried_again_after_its_backoff(service: Service, clock: Clock) -> None:
    policy = h.RetryPolicy(max_attempts=3, initial_interval=10.0, backoff=2.0)
    execution = a.started(service, a.charge(retry_policy=policy))
    for wait in (10, 20):
        service.fail_activity(a.activity_task(service).token, "Boom", '{"type":"Boom"}')
        a.no_activity_task(service)
        clock.advance(wait - 1)
        a.no_activity_task(service)
        clock.advance(1)
    task = a.activity_task(service)
    assert task.attempt == 3
    service.fail_activity(task.token, "Boom", None)
    assert a.kinds(service, execution).count("ActivityTaskRescheduled") == 2
    assert a.kinds(service, execution).count("ActivityTaskFailed") == 1


@a.check
def what_is_not_retryable_is_final(service: Service, _: Clock) -> None:
    execution = a.started(service, a.charge(retry_policy=h.RetryPolicy(max_attempts=0)))
    service.fail_activity(a.activity_task(service).token, "Boom", None, retryable=False)
    assert "ActivityTaskFailed" in a.kinds(service, execution)


@a.check
def heartbeats_keep_alive_and_bring_cancel_requests(service: Service, clock: Clock) -> None:
    execution = a.started(service, a.charge(heartbeat=10.0))
    task = a.activity_task(service)
    for _ in range(3):
        clock.advance(8)
        assert service.heartbeat_activity(task.token, "50") is False
    service.signal_workflow_execution(a.DOMAIN, execution, "wake", None)
    a.answer(service, h.RequestCancelActivityTask(activity_id="a"))
    assert service.heartbeat_activity(task.token, None) is True
    service.cancel_activity(task.token, None)
    assert "ActivityTaskCanceled" in a.kinds(service, execution)
    with a.refused(TaskLostError):
        service.heartbeat_activity(task.token, None)


@a.check
def a_token_of_nobody_is_refused(service: Service, _: Clock) -> None:
    a.started(service, a.charge())
    task = a.activity_task(service)
    for token in ("", "nonsense", "1:2:3", "x:abcdefgh:1:a", "1:abcdefgh:x:a"):
        with a.refused(InvalidTokenError):
            service.complete_activity(token, None)
    service.complete_activity(task.token, "1")


@a.check
def a_completed_activity_is_recorded(service: Service, _: Clock) -> None:
    execution = a.started(service, a.charge())
    task = service.poll_activity_task(a.DOMAIN, a.TASK_LIST, identity="me")
    assert task is not None
    scheduled = a.only(service, execution, h.ActivityTaskScheduled).event_id
    begun = a.only(
        service,
        execution,
        h.ActivityTaskStarted,
        event_id=task.started_event_id,
        scheduled_event_id=scheduled,
        identity="me",
    )
    service.complete_activity(task.token, '"paid"')
    a.only(
        service,
        execution,
        h.ActivityTaskCompleted,
        result='"paid"',
        scheduled_event_id=scheduled,
        started_event_id=begun.event_id,
    )


@a.check
def a_failed_activity_is_recorded(service: Service, _: Clock) -> None:
    execution = a.started(service, a.charge())
    task = a.activity_task(service)
    service.fail_activity(task.token, "Boom", '"why"')
    a.only(
        service,
        execution,
        h.ActivityTaskFailed,
        reason="Boom",
        details='"why"',
        scheduled_event_id=a.only(service, execution, h.ActivityTaskScheduled).event_id,
        started_event_id=task.started_event_id,
    )


def _timed_out(
    service: Service, clock: Clock, take: bool, **timeout: Any
) -> h.ActivityTaskTimedOut:
    """Time out an activity after five seconds, started by a worker or not; return the event."""
    execution = a.started(service, a.charge(**timeout))
    begun = a.activity_task(service).started_event_id if take else 0
    clock.advance(6)
    a.no_activity_task(service)
    event = a.only(service, execution, h.ActivityTaskTimedOut)
    scheduled = a.only(service, execution, h.ActivityTaskScheduled).event_id
    a.assert_fields(event, scheduled_event_id=scheduled, started_event_id=begun)
    assert event in a.decision_task(service).events
    return event


@a.check
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


@a.check
def the_soonest_of_the_timeouts_counts(service: Service, clock: Clock) -> None:
    options = {"schedule_to_close": 4.0, "start_to_close": 3.0, "heartbeat": 2.0}
    event = _timed_out(service, clock, True, schedule_to_start=1.0, **options)
    assert event.timeout_type is h.TimeoutType.HEARTBEAT


@a.check
def a_timed_out_activity_keeps_its_last_heartbeats_details(service: Service, clock: Clock) -> None:
    execution = a.started(service, a.charge(heartbeat=5.0))
    task = a.activity_task(service)
    for details in ("10", "20", None):
        clock.advance(4)
        service.heartbeat_activity(task.token, details)
    clock.advance(6)
    a.decision_task(service)
    a.only(service, execution, h.ActivityTaskTimedOut, details="20")
