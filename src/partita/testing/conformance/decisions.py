"""What each decision about the execution's own things records, and when it is refused."""

from __future__ import annotations

from typing import Any

from partita import history as h
from partita.errors import DecisionRefusedError
from partita.ports.service import Service
from partita.testing.clock import Clock
from partita.testing.conformance.arrange import (
    CHARGE,
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
    last_id,
    only,
    refused,
    start,
    started,
)

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


@check
def a_scheduled_activity_is_recorded_as_it_was_decided(service: Service, _: Clock) -> None:
    execution = started(service, charge("a", **OPTIONS))
    completed = only(service, execution, h.DecisionTaskCompleted).event_id
    scheduled = only(service, execution, h.ActivityTaskScheduled)
    holds(scheduled, activity_id="a", activity_type=CHARGE, input="[2]", **OPTIONS)
    holds(scheduled, decision_task_completed_event_id=completed)


@check
def an_activity_goes_to_its_workflows_task_list(service: Service, _: Clock) -> None:
    execution = started(service, charge("a"))
    holds(only(service, execution, h.ActivityTaskScheduled), task_list=TASK_LIST)


@check
def an_activity_id_in_use_is_refused(service: Service, _: Clock) -> None:
    execution = started(service, charge("a"), charge("a", input="[3]"))
    completed = only(service, execution, h.DecisionTaskCompleted).event_id
    holds(
        only(service, execution, h.ScheduleActivityTaskFailed),
        activity_id="a",
        activity_type=CHARGE,
        cause="ACTIVITY_ID_ALREADY_IN_USE",
        decision_task_completed_event_id=completed,
    )
    assert decision_task(service).events[-3].event_type == "ScheduleActivityTaskFailed"
    assert activity_task(service).input == "[2]"


@check
def an_activity_id_is_free_again_at_its_end(service: Service, _: Clock) -> None:
    execution = started(service, charge("a"))
    service.complete_activity(activity_task(service).token, None)
    answer(service, charge("a"))
    assert kinds(service, execution).count("ActivityTaskScheduled") == 2
    assert activity_task(service).activity_id == "a"


@check
def a_waiting_activity_is_canceled_at_once(service: Service, _: Clock) -> None:
    execution = started(service, charge("a"), h.RequestCancelActivityTask(activity_id="a"))
    requested = only(service, execution, h.ActivityTaskCancelRequested)
    completed = only(service, execution, h.DecisionTaskCompleted).event_id
    holds(requested, activity_id="a", decision_task_completed_event_id=completed)
    holds(
        only(service, execution, h.ActivityTaskCanceled),
        scheduled_event_id=only(service, execution, h.ActivityTaskScheduled).event_id,
        started_event_id=0,
        latest_cancel_requested_event_id=requested.event_id,
    )
    assert service.poll_activity_task(DOMAIN, TASK_LIST) is None
    assert decision_task(service).events[-3].event_type == "ActivityTaskCanceled"


@check
def a_running_activity_is_canceled_by_its_worker(service: Service, _: Clock) -> None:
    execution = started(service, charge("a"))
    task = activity_task(service)
    service.signal_workflow_execution(DOMAIN, execution, "wake", None)
    answer(service, h.RequestCancelActivityTask(activity_id="a"))
    assert every(service, execution, h.ActivityTaskCanceled) == []
    service.cancel_activity(task.token, '"swept up"')
    holds(
        only(service, execution, h.ActivityTaskCanceled),
        details='"swept up"',
        scheduled_event_id=only(service, execution, h.ActivityTaskScheduled).event_id,
        started_event_id=task.started_event_id,
        latest_cancel_requested_event_id=last_id(service, execution, h.ActivityTaskCancelRequested),
    )


@check
def canceling_no_activity_is_refused(service: Service, _: Clock) -> None:
    execution = started(service, h.RequestCancelActivityTask(activity_id="nobody"))
    holds(
        only(service, execution, h.RequestCancelActivityTaskFailed),
        activity_id="nobody",
        cause="ACTIVITY_ID_UNKNOWN",
        decision_task_completed_event_id=last_id(service, execution, h.DecisionTaskCompleted),
    )
    assert every(service, execution, h.ActivityTaskCancelRequested) == []


@check
def a_timer_is_recorded_and_fires(service: Service, clock: Clock) -> None:
    execution = started(service, h.StartTimer(timer_id="t", start_to_fire=30.0, control='"tea"'))
    begun = only(service, execution, h.TimerStarted)
    holds(
        begun,
        timer_id="t",
        start_to_fire=30.0,
        control='"tea"',
        decision_task_completed_event_id=last_id(service, execution, h.DecisionTaskCompleted),
    )
    clock.advance(30)
    decision_task(service)
    holds(only(service, execution, h.TimerFired), timer_id="t", started_event_id=begun.event_id)


@check
def a_timer_id_in_use_is_refused(service: Service, _: Clock) -> None:
    timer = h.StartTimer(timer_id="t", start_to_fire=30.0)
    execution = started(service, timer, timer)
    holds(
        only(service, execution, h.StartTimerFailed),
        timer_id="t",
        cause="TIMER_ID_ALREADY_IN_USE",
        decision_task_completed_event_id=last_id(service, execution, h.DecisionTaskCompleted),
    )
    assert len(every(service, execution, h.TimerStarted)) == 1
    assert decision_task(service).events[-3].event_type == "StartTimerFailed"


@check
def a_canceled_timer_does_not_fire(service: Service, clock: Clock) -> None:
    execution = started(service, h.StartTimer(timer_id="t", start_to_fire=30.0))
    begun = only(service, execution, h.TimerStarted).event_id
    service.signal_workflow_execution(DOMAIN, execution, "wake", None)
    answer(service, h.CancelTimer(timer_id="t"))
    holds(
        only(service, execution, h.TimerCanceled),
        timer_id="t",
        started_event_id=begun,
        decision_task_completed_event_id=last_id(service, execution, h.DecisionTaskCompleted),
    )
    clock.advance(31)
    assert service.poll_decision_task(DOMAIN, TASK_LIST) is None
    assert every(service, execution, h.TimerFired) == []


@check
def a_timer_id_is_free_again_at_its_end(service: Service, clock: Clock) -> None:
    timer = h.StartTimer(timer_id="t", start_to_fire=30.0)
    execution = started(service, timer, h.CancelTimer(timer_id="t"), timer)
    clock.advance(30)
    answer(service, timer)
    assert len(every(service, execution, h.TimerStarted)) == 3
    assert every(service, execution, h.StartTimerFailed) == []


@check
def canceling_no_timer_is_refused(service: Service, clock: Clock) -> None:
    execution = started(service, h.StartTimer(timer_id="t", start_to_fire=1.0))
    clock.advance(1)
    answer(service, h.CancelTimer(timer_id="t"))
    holds(
        only(service, execution, h.CancelTimerFailed),
        timer_id="t",
        cause="TIMER_ID_UNKNOWN",
        decision_task_completed_event_id=last_id(service, execution, h.DecisionTaskCompleted),
    )
    assert every(service, execution, h.TimerCanceled) == []


@check
def a_marker_is_recorded_and_wakes_nobody(service: Service, _: Clock) -> None:
    execution = started(service, h.RecordMarker(marker_name="note", details='"x"'))
    holds(
        only(service, execution, h.MarkerRecorded),
        marker_name="note",
        details='"x"',
        decision_task_completed_event_id=last_id(service, execution, h.DecisionTaskCompleted),
    )
    assert service.poll_decision_task(DOMAIN, TASK_LIST) is None


@check
def a_lambda_function_is_refused_where_there_is_no_lambda(service: Service, _: Clock) -> None:
    execution = started(service, h.ScheduleLambdaFunction(id="l", name="resize", input="1"))
    holds(
        only(service, execution, h.ScheduleLambdaFunctionFailed),
        id="l",
        name="resize",
        cause="LAMBDA_SERVICE_NOT_AVAILABLE_IN_REGION",
        decision_task_completed_event_id=last_id(service, execution, h.DecisionTaskCompleted),
    )
    assert decision_task(service).events[-3].event_type == "ScheduleLambdaFunctionFailed"


@check
def decisions_are_recorded_in_their_order_and_a_refused_one_stops_none(
    service: Service, _: Clock
) -> None:
    execution = started(
        service,
        h.StartTimer(timer_id="t", start_to_fire=30.0),
        h.CancelTimer(timer_id="other"),
        h.RecordMarker(marker_name="note"),
        charge("a"),
    )
    assert kinds(service, execution)[3:] == [
        "DecisionTaskCompleted",
        "TimerStarted",
        "CancelTimerFailed",
        "MarkerRecorded",
        "ActivityTaskScheduled",
    ]


@check
def a_timer_of_no_possible_time_refuses_the_whole_answer(service: Service, _: Clock) -> None:
    execution = start(service)
    task = decision_task(service)
    before = service.history(DOMAIN, execution)
    for seconds in (-1.0, float("inf"), float("nan")):
        timer = h.StartTimer(timer_id="t", start_to_fire=seconds)
        with refused(DecisionRefusedError):
            service.complete_decision(task.token, [charge(), timer])
    assert service.history(DOMAIN, execution) == before
    service.complete_decision(task.token, [])
