"""Check what decisions on activities, timers and markers record, and when they are refused."""

from __future__ import annotations

from typing import Any

from partita import history as h
from partita.errors import DecisionRefusedError
from partita.ports.service import Service
from partita.testing.clock import Clock
from partita.testing.conformance import arrange as a

OPTIONS: dict[str, Any] = {
    "control": '"mine"',
    "task_list": "gpu",
    "task_priority": 7,
    "schedule_to_start": 10.0,
    "schedule_to_close": 40.0,
    "start_to_close": 20.0,
    "heartbeat": 5.0,
    "retry_policy": h.RetryPolicy(max_attempts=3),
}


@a.check
def a_scheduled_activity_is_recorded_as_it_was_decided(service: Service, _: Clock) -> None:
    execution = a.started(service, a.charge("a", **OPTIONS))
    a.decided(
        service,
        execution,
        h.ActivityTaskScheduled,
        activity_id="a",
        activity_type=a.CHARGE,
        input="[2]",
        **OPTIONS,
    )


@a.check
def an_activity_goes_to_its_workflows_task_list(service: Service, _: Clock) -> None:
    execution = a.started(service, a.charge("a"))
    a.only(service, execution, h.ActivityTaskScheduled, task_list=a.TASK_LIST)


@a.check
def an_activity_id_in_use_is_refused(service: Service, _: Clock) -> None:
    execution = a.started(service, a.charge("a"), a.charge("a", input="[3]"))
    a.decided(
        service,
        execution,
        h.ScheduleActivityTaskFailed,
        activity_id="a",
        activity_type=a.CHARGE,
        cause="ACTIVITY_ID_ALREADY_IN_USE",
    )
    assert a.decision_task(service).events[-3].event_type == "ScheduleActivityTaskFailed"
    assert a.activity_task(service).input == "[2]"


@a.check
def an_activity_id_is_free_again_at_its_end(service: Service, _: Clock) -> None:
    execution = a.started(service, a.charge("a"))
    service.complete_activity(a.activity_task(service).token, None)
    a.answer(service, a.charge("a"))
    assert a.kinds(service, execution).count("ActivityTaskScheduled") == 2
    assert a.activity_task(service).activity_id == "a"


@a.check
def a_waiting_activity_is_canceled_at_once(service: Service, _: Clock) -> None:
    execution = a.started(service, a.charge("a"), h.RequestCancelActivityTask(activity_id="a"))
    requested = a.decided(service, execution, h.ActivityTaskCancelRequested, activity_id="a")
    a.only(
        service,
        execution,
        h.ActivityTaskCanceled,
        scheduled_event_id=a.only(service, execution, h.ActivityTaskScheduled).event_id,
        started_event_id=0,
        latest_cancel_requested_event_id=requested.event_id,
    )
    a.no_activity_task(service)
    assert a.decision_task(service).events[-3].event_type == "ActivityTaskCanceled"


@a.check
def a_running_activity_is_canceled_by_its_worker(service: Service, _: Clock) -> None:
    execution = a.started(service, a.charge("a"))
    task = a.activity_task(service)
    service.signal_workflow_execution(a.DOMAIN, execution, "wake", None)
    a.answer(service, h.RequestCancelActivityTask(activity_id="a"))
    assert a.every(service, execution, h.ActivityTaskCanceled) == []
    service.cancel_activity(task.token, '"swept up"')
    a.only(
        service,
        execution,
        h.ActivityTaskCanceled,
        details='"swept up"',
        scheduled_event_id=a.only(service, execution, h.ActivityTaskScheduled).event_id,
        started_event_id=task.started_event_id,
        latest_cancel_requested_event_id=a.last_id(
            service, execution, h.ActivityTaskCancelRequested
        ),
    )


@a.check
def canceling_no_activity_is_refused(service: Service, _: Clock) -> None:
    execution = a.started(service, h.RequestCancelActivityTask(activity_id="nobody"))
    a.decided(
        service,
        execution,
        h.RequestCancelActivityTaskFailed,
        activity_id="nobody",
        cause="ACTIVITY_ID_UNKNOWN",
    )
    assert a.every(service, execution, h.ActivityTaskCancelRequested) == []


@a.check
def a_timer_is_recorded_and_fires(service: Service, clock: Clock) -> None:
    execution = a.started(service, h.StartTimer(timer_id="t", start_to_fire=30.0, control='"tea"'))
    begun = a.decided(
        service, execution, h.TimerStarted, timer_id="t", start_to_fire=30.0, control='"tea"'
    )
    clock.advance(30)
    a.decision_task(service)
    a.only(service, execution, h.TimerFired, timer_id="t", started_event_id=begun.event_id)


@a.check
def a_timer_id_in_use_is_refused(service: Service, _: Clock) -> None:
    timer = h.StartTimer(timer_id="t", start_to_fire=30.0)
    execution = a.started(service, timer, timer)
    a.decided(service, execution, h.StartTimerFailed, timer_id="t", cause="TIMER_ID_ALREADY_IN_USE")
    assert len(a.every(service, execution, h.TimerStarted)) == 1
    assert a.decision_task(service).events[-3].event_type == "StartTimerFailed"


@a.check
def a_canceled_timer_does_not_fire(service: Service, clock: Clock) -> None:
    execution = a.started(service, h.StartTimer(timer_id="t", start_to_fire=30.0))
    begun = a.only(service, execution, h.TimerStarted).event_id
    service.signal_workflow_execution(a.DOMAIN, execution, "wake", None)
    a.answer(service, h.CancelTimer(timer_id="t"))
    a.decided(service, execution, h.TimerCanceled, timer_id="t", started_event_id=begun)
    clock.advance(31)
    a.no_decision_task(service)
    assert a.every(service, execution, h.TimerFired) == []


@a.check
def a_timer_id_is_free_again_at_its_end(service: Service, clock: Clock) -> None:
    timer = h.StartTimer(timer_id="t", start_to_fire=30.0)
    execution = a.started(service, timer, h.CancelTimer(timer_id="t"), timer)
    clock.advance(30)
    a.answer(service, timer)
    assert len(a.every(service, execution, h.TimerStarted)) == 3
    assert a.every(service, execution, h.StartTimerFailed) == []


@a.check
def canceling_no_timer_is_refused(service: Service, clock: Clock) -> None:
    execution = a.started(service, h.StartTimer(timer_id="t", start_to_fire=1.0))
    clock.advance(1)
    a.answer(service, h.CancelTimer(timer_id="t"))
    a.decided(service, execution, h.CancelTimerFailed, timer_id="t", cause="TIMER_ID_UNKNOWN")
    assert a.every(service, execution, h.TimerCanceled) == []


@a.check
def a_marker_is_recorded_and_wakes_nobody(service: Service, _: Clock) -> None:
    execution = a.started(service, h.RecordMarker(marker_name="note", details='"x"'))
    a.decided(service, execution, h.MarkerRecorded, marker_name="note", details='"x"')
    a.no_decision_task(service)


@a.check
def a_lambda_function_is_refused_where_there_is_no_lambda(service: Service, _: Clock) -> None:
    execution = a.started(service, h.ScheduleLambdaFunction(id="l", name="resize", input="1"))
    a.decided(
        service,
        execution,
        h.ScheduleLambdaFunctionFailed,
        id="l",
        name="resize",
        cause="LAMBDA_SERVICE_NOT_AVAILABLE_IN_REGION",
    )
    assert a.decision_task(service).events[-3].event_type == "ScheduleLambdaFunctionFailed"


@a.check
def decisions_are_recorded_in_their_order_and_a_refused_one_stops_none(
    service: Service, _: Clock
) -> None:
    execution = a.started(
        service,
        h.StartTimer(timer_id="t", start_to_fire=30.0),
        h.CancelTimer(timer_id="other"),
        h.RecordMarker(marker_name="note"),
        a.charge("a"),
    )
    assert a.kinds(service, execution)[3:] == [
        "DecisionTaskCompleted",
        "TimerStarted",
        "CancelTimerFailed",
        "MarkerRecorded",
        "ActivityTaskScheduled",
    ]


@a.check
def a_timer_of_no_possible_time_refuses_the_whole_answer(service: Service, _: Clock) -> None:
    execution = a.start(service)
    task = a.decision_task(service)
    before = service.history(a.DOMAIN, execution)
    for seconds in (-1.0, float("inf"), float("nan")):
        timer = h.StartTimer(timer_id="t", start_to_fire=seconds)
        with a.refused(DecisionRefusedError):
            service.complete_decision(task.token, [a.charge(), timer])
    assert service.history(a.DOMAIN, execution) == before
    service.complete_decision(task.token, [])
