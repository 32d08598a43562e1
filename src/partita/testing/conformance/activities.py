"""How activities are handed out, end, time out and are tried again."""

from __future__ import annotations

from typing import Any

from partita.errors import (
    InvalidTokenError,
    TaskLostError,
)
from partita.history import (
    RequestCancelActivityTask,
    RetryPolicy,
)
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
    kinds,
    refused,
    start,
    started,
)


@check
def an_activity_is_held_by_one_and_ends_once(service: Service, _: Clock) -> None:
    execution = started(service, charge())
    task = activity_task(service)
    assert (task.activity_id, task.activity_type, task.input, task.attempt) == (
        "a",
        CHARGE,
        "[2]",
        1,
    )
    assert service.poll_activity_task(DOMAIN, TASK_LIST) is None
    service.complete_activity(task.token, '"paid"')
    with refused(TaskLostError):
        service.complete_activity(task.token, '"paid"')
    assert kinds(service, execution).count("ActivityTaskCompleted") == 1
    assert decision_task(service).events[-3].event_type == "ActivityTaskCompleted"


@check
def activities_come_by_priority_then_age(service: Service, clock: Clock) -> None:
    start(service)
    task = decision_task(service)
    service.complete_decision(task.token, [charge("old"), charge("urgent", task_priority=9)])
    clock.advance(1)
    started(service, charge("new"))
    taken = [activity_task(service).activity_id for _ in range(3)]
    assert taken == ["urgent", "old", "new"]


@check
def task_lists_are_kept_apart(service: Service, _: Clock) -> None:
    started(service, charge("a", task_list="gpu"))
    assert service.poll_activity_task(DOMAIN, TASK_LIST) is None
    assert service.poll_activity_task("elsewhere", "gpu") is None
    assert activity_task(service, "gpu").activity_id == "a"


@check
def a_late_result_is_refused(service: Service, clock: Clock) -> None:
    execution = started(service, charge(start_to_close=30.0))
    task = activity_task(service)
    clock.advance(31)
    with refused(TaskLostError):
        service.complete_activity(task.token, '"paid"')
    assert "ActivityTaskTimedOut" in kinds(service, execution)


@check
def each_timeout_ends_an_activity(service: Service, clock: Clock) -> None:
    for option in ("schedule_to_start", "schedule_to_close", "start_to_close", "heartbeat"):
        options: dict[str, Any] = {option: 5.0}
        execution = started(service, charge(**options))
        if option != "schedule_to_start":
            activity_task(service)
        clock.advance(6)
        assert service.poll_activity_task(DOMAIN, TASK_LIST) is None
        assert kinds(service, execution)[-2:] == ["ActivityTaskTimedOut", "DecisionTaskScheduled"]
        service.terminate_workflow_execution(DOMAIN, execution, None)


@check
def a_failed_activity_is_tried_again_after_its_backoff(service: Service, clock: Clock) -> None:
    policy = RetryPolicy(max_attempts=3, initial_interval=10.0, backoff=2.0)
    execution = started(service, charge(retry_policy=policy))
    for wait in (10, 20):
        service.fail_activity(activity_task(service).token, "Boom", '{"type":"Boom"}')
        assert service.poll_activity_task(DOMAIN, TASK_LIST) is None
        clock.advance(wait - 1)
        assert service.poll_activity_task(DOMAIN, TASK_LIST) is None
        clock.advance(1)
    task = activity_task(service)
    assert task.attempt == 3
    service.fail_activity(task.token, "Boom", None)
    assert kinds(service, execution).count("ActivityTaskRescheduled") == 2
    assert kinds(service, execution).count("ActivityTaskFailed") == 1


@check
def what_is_not_retryable_is_final(service: Service, _: Clock) -> None:
    execution = started(service, charge(retry_policy=RetryPolicy(max_attempts=0)))
    service.fail_activity(activity_task(service).token, "Boom", None, retryable=False)
    assert "ActivityTaskFailed" in kinds(service, execution)


@check
def heartbeats_keep_alive_and_bring_cancel_requests(service: Service, clock: Clock) -> None:
    execution = started(service, charge(heartbeat=10.0))
    task = activity_task(service)
    for _ in range(3):
        clock.advance(8)
        assert service.heartbeat_activity(task.token, "50") is False
    service.signal_workflow_execution(DOMAIN, execution, "wake", None)
    answer(service, RequestCancelActivityTask(activity_id="a"))
    assert service.heartbeat_activity(task.token, None) is True
    service.cancel_activity(task.token, None)
    assert "ActivityTaskCanceled" in kinds(service, execution)
    with refused(TaskLostError):
        service.heartbeat_activity(task.token, None)


@check
def a_token_of_nobody_is_refused(service: Service, _: Clock) -> None:
    started(service, charge())
    task = activity_task(service)
    for token in ("", "nonsense", "1:2:3", "x:abcdefgh:1:a", "1:abcdefgh:x:a"):
        with refused(InvalidTokenError):
            service.complete_activity(token, None)
    run, run_id, event, id = task.token.split(":")
    for token in (
        f"{run}:{'0' * len(run_id)}:{event}:{id}",
        f"{run}9:{run_id}:{event}:{id}",
        f"{run}:{run_id}:{event}9:{id}",
        f"{run}:{run_id}:{event}:b",
    ):
        with refused(TaskLostError):
            service.complete_activity(token, None)
    service.complete_activity(task.token, "1")
