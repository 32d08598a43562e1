"""Check when an activity is attempted again, and when it is not."""

from __future__ import annotations

from partita import history as h
from partita.errors import TaskLostError
from partita.ports.service import Service
from partita.testing.clock import Clock
from partita.testing.conformance import arrange as a


@a.check
def an_attempt_that_failed_is_recorded_as_rescheduled(service: Service, clock: Clock) -> None:
    policy = h.RetryPolicy(max_attempts=2, initial_interval=10.0)
    execution = a.started(service, a.charge(retry_policy=policy))
    task = a.activity_task(service)
    service.fail_activity(task.token, "Boom", '"why"')
    a.only(
        service,
        execution,
        h.ActivityTaskRescheduled,
        cause=h.RescheduleCause.FAILED,
        attempt=1,
        backoff=10.0,
        reason="Boom",
        details='"why"',
        scheduled_event_id=a.only(service, execution, h.ActivityTaskScheduled).event_id,
        started_event_id=task.started_event_id,
    )
    a.no_decision_task(service)
    clock.advance(10)
    assert a.activity_task(service).started_event_id == a.last_id(
        service, execution, h.ActivityTaskStarted
    )


@a.check
def an_attempt_that_timed_out_is_recorded_as_rescheduled(service: Service, clock: Clock) -> None:
    policy = h.RetryPolicy(max_attempts=2, initial_interval=10.0)
    execution = a.started(service, a.charge(retry_policy=policy, start_to_close=5.0))
    task = a.activity_task(service)
    clock.advance(6)
    a.no_activity_task(service)
    a.only(
        service,
        execution,
        h.ActivityTaskRescheduled,
        cause=h.RescheduleCause.TIMED_OUT,
        attempt=1,
        backoff=10.0,
        reason="START_TO_CLOSE",
        started_event_id=task.started_event_id,
    )
    clock.advance(10)
    service.complete_activity(a.activity_task(service).token, '"paid"')
    a.only(service, execution, h.ActivityTaskCompleted, result='"paid"')
    assert a.every(service, execution, h.ActivityTaskTimedOut) == []


@a.check
def an_error_that_the_policy_calls_final_is_final(service: Service, _: Clock) -> None:
    policy = h.RetryPolicy(max_attempts=0, non_retryable=("CardStolen",))
    execution = a.started(service, a.charge(retry_policy=policy))
    service.fail_activity(a.activity_task(service).token, "shop.errors.CardStolen", None)
    a.only(service, execution, h.ActivityTaskFailed, reason="shop.errors.CardStolen")
    assert a.every(service, execution, h.ActivityTaskRescheduled) == []


@a.check
def the_wait_between_attempts_grows_up_to_its_limit(service: Service, clock: Clock) -> None:
    policy = h.RetryPolicy(max_attempts=0, initial_interval=1.0, backoff=3.0, max_interval=5.0)
    execution = a.started(service, a.charge(retry_policy=policy))
    for number in range(1, 5):
        task = a.activity_task(service)
        assert task.attempt == number
        service.fail_activity(task.token, "Boom", None)
        clock.advance(5)
    rescheduled = a.every(service, execution, h.ActivityTaskRescheduled)
    assert [event.backoff for event in rescheduled] == [1.0, 3.0, 5.0, 5.0]
    assert [event.attempt for event in rescheduled] == [1, 2, 3, 4]


@a.check
def no_attempt_begins_after_schedule_to_close(service: Service, _: Clock) -> None:
    policy = h.RetryPolicy(max_attempts=0, initial_interval=10.0)
    execution = a.started(service, a.charge(retry_policy=policy, schedule_to_close=8.0))
    service.fail_activity(a.activity_task(service).token, "Boom", None)
    a.only(service, execution, h.ActivityTaskFailed, reason="Boom")
    assert a.every(service, execution, h.ActivityTaskRescheduled) == []


@a.check
def schedule_to_close_counts_over_all_attempts(service: Service, clock: Clock) -> None:
    policy = h.RetryPolicy(max_attempts=0, initial_interval=1.0, backoff=1.0)
    execution = a.started(service, a.charge(retry_policy=policy, schedule_to_close=8.0))
    service.fail_activity(a.activity_task(service).token, "Boom", None)
    clock.advance(4)
    a.activity_task(service)
    clock.advance(4)
    a.no_activity_task(service)
    a.only(service, execution, h.ActivityTaskTimedOut, timeout_type=h.TimeoutType.SCHEDULE_TO_CLOSE)


@a.check
def start_to_close_counts_anew_for_each_attempt(service: Service, clock: Clock) -> None:
    policy = h.RetryPolicy(max_attempts=2, initial_interval=1.0)
    execution = a.started(service, a.charge(retry_policy=policy, start_to_close=8.0))
    task = a.activity_task(service)
    clock.advance(7)
    service.fail_activity(task.token, "Boom", None)
    clock.advance(1)
    task = a.activity_task(service)
    clock.advance(7)
    service.complete_activity(task.token, "1")
    a.only(service, execution, h.ActivityTaskCompleted, started_event_id=task.started_event_id)


@a.check
def an_activity_that_is_to_be_canceled_is_not_tried_again(service: Service, _: Clock) -> None:
    execution = a.started(service, a.charge(retry_policy=h.RetryPolicy(max_attempts=0)))
    task = a.activity_task(service)
    service.signal_workflow_execution(a.DOMAIN, execution, "wake", None)
    a.answer(service, h.RequestCancelActivityTask(activity_id="a"))
    service.fail_activity(task.token, "Boom", None)
    assert a.every(service, execution, h.ActivityTaskRescheduled) == []
    a.only(service, execution, h.ActivityTaskFailed, reason="Boom")


@a.check
def an_activity_that_waits_for_its_next_attempt_is_canceled_at_once(
    service: Service, clock: Clock
) -> None:
    policy = h.RetryPolicy(max_attempts=0, initial_interval=10.0)
    execution = a.started(service, a.charge(retry_policy=policy))
    service.fail_activity(a.activity_task(service).token, "Boom", None)
    service.signal_workflow_execution(a.DOMAIN, execution, "wake", None)
    a.answer(service, h.RequestCancelActivityTask(activity_id="a"))
    a.no_activity_task(service)
    assert service.poll_decision_task(a.DOMAIN, a.TASK_LIST, wait=20.0) is not None
    a.only(service, execution, h.ActivityTaskCanceled, started_event_id=0)
    clock.advance(11)
    a.no_activity_task(service)


@a.check
def the_next_attempt_has_the_last_heartbeats_details(service: Service, clock: Clock) -> None:
    policy = h.RetryPolicy(max_attempts=2, initial_interval=1.0)
    a.started(service, a.charge(retry_policy=policy))
    task = a.activity_task(service)
    assert task.details is None
    service.heartbeat_activity(task.token, "50")
    service.fail_activity(task.token, "Boom", None)
    clock.advance(1)
    assert a.activity_task(service).details == "50"


def _late(service: Service, clock: Clock) -> str:
    """Time out the first attempt of an activity; return its token."""
    policy = h.RetryPolicy(max_attempts=2, initial_interval=1.0)
    a.started(service, a.charge(retry_policy=policy, start_to_close=5.0))
    token = a.activity_task(service).token
    clock.advance(6)
    a.no_activity_task(service)
    return token


@a.check
def an_attempt_that_is_over_has_no_more_say(service: Service, clock: Clock) -> None:
    token = _late(service, clock)
    clock.advance(1)
    second = a.activity_task(service)
    for late in (service.complete_activity, service.heartbeat_activity, service.cancel_activity):
        with a.refused(TaskLostError):
            late(token, "1")
    with a.refused(TaskLostError):
        service.fail_activity(token, "Boom", None)
    service.complete_activity(second.token, "2")
