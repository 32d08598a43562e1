"""Check that a service does what `partita.service.Service` obliges it to do.

Every check is a function of a service and its clock, raises AssertionError if the service
deviates, and leaves the service usable for the next. It needs no test framework:

    for name, check in CHECKS.items():
        check(new_service(clock), clock)

A service whose time cannot be moved gets a clock whose `advance` waits.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from msgspec.structs import replace

from partita.errors import (
    DecisionRefusedError,
    ExecutionAlreadyStartedError,
    ExecutionNotFoundError,
    InvalidTokenError,
    PartitaError,
    TaskLostError,
)
from partita.history import (
    ActivityType,
    AnyDecision,
    CompleteWorkflowExecution,
    ContinueAsNewWorkflowExecution,
    FailWorkflowExecution,
    RecordMarker,
    RequestCancelActivityTask,
    RequestCancelExternalWorkflowExecution,
    RetryPolicy,
    ScheduleActivityTask,
    SignalExternalWorkflowExecution,
    StartChildWorkflowExecution,
    StartTimer,
    WorkflowExecution,
    WorkflowType,
)
from partita.service import ActivityTask, DecisionTask, ReusePolicy, Service, StartRequest
from partita.state import ExecutionFilter, Status
from partita.testing.clock import Clock

Check = Callable[[Service, Clock], None]

CHECKS: dict[str, Check] = {}
"""Every check, by name."""

FLOW = WorkflowType("flow")
CHARGE = ActivityType("charge")
DOMAIN = "default"
TASK_LIST = "default"


def check(function: Check) -> Check:
    """Add a function to the checks."""
    CHECKS[function.__name__] = function
    return function


@contextmanager
def refused(kind: type[PartitaError]) -> Iterator[None]:
    """Hold that the block raises an error of this kind."""
    try:
        yield
    except kind:
        return
    raise AssertionError(f"{kind.__name__} was not raised")


def start(service: Service, workflow_id: str = "", **options: Any) -> WorkflowExecution:
    """Start an execution with an id of its own."""
    workflow_id = workflow_id or uuid.uuid4().hex
    request = StartRequest(workflow_id=workflow_id, workflow_type=FLOW, input="[1]")
    return service.start_workflow_execution(replace(request, **options))


def decision_task(service: Service) -> DecisionTask:
    """Take a decision task that must be there."""
    task = service.poll_decision_task(DOMAIN, TASK_LIST)
    assert task is not None, "there is no decision task"
    return task


def activity_task(service: Service, task_list: str = TASK_LIST) -> ActivityTask:
    """Take an activity task that must be there."""
    task = service.poll_activity_task(DOMAIN, task_list)
    assert task is not None, "there is no activity task"
    return task


def answer(service: Service, *decisions: AnyDecision) -> None:
    """Take the decision task and answer it."""
    service.complete_decision(decision_task(service).token, decisions)


def started(service: Service, *decisions: AnyDecision, **options: Any) -> WorkflowExecution:
    """Start an execution and answer its first decision task."""
    execution = start(service, **options)
    answer(service, *decisions)
    return execution


def charge(id: str = "a", **options: Any) -> ScheduleActivityTask:
    """Return the decision to schedule an activity."""
    plain = ScheduleActivityTask(activity_id=id, activity_type=CHARGE, input="[2]")
    return replace(plain, **options)


def kinds(service: Service, execution: WorkflowExecution) -> list[str]:
    """Return the names of an execution's events."""
    return [event.event_type for event in service.history(DOMAIN, execution)]


def status(service: Service, execution: WorkflowExecution) -> Status:
    """Return how an execution stands."""
    return service.describe(DOMAIN, execution).info.status


# -- starting ----------------------------------------------------------------------------


@check
def a_start_opens_a_decision_task_with_the_whole_history(service: Service, _: Clock) -> None:
    execution = start(service)
    task = decision_task(service)
    assert task.workflow_execution == execution
    assert task.workflow_type == FLOW
    assert [event.event_id for event in task.events] == [1, 2, 3]
    assert [event.event_type for event in task.events] == [
        "WorkflowExecutionStarted",
        "DecisionTaskScheduled",
        "DecisionTaskStarted",
    ]
    assert (task.started_event_id, task.previous_started_event_id) == (3, 0)


@check
def the_same_start_returns_the_same_execution(service: Service, _: Clock) -> None:
    first = start(service, "same")
    assert start(service, "same") == first
    answer(service, CompleteWorkflowExecution(result="1"))
    assert start(service, "same") == first
    assert kinds(service, first).count("WorkflowExecutionStarted") == 1


@check
def another_start_with_the_same_id_is_refused(service: Service, _: Clock) -> None:
    start(service, "taken")
    with refused(ExecutionAlreadyStartedError):
        start(service, "taken", input="[2]")
    with refused(ExecutionAlreadyStartedError):
        start(service, "taken", workflow_type=WorkflowType("other"))


@check
def every_reuse_policy_keeps_its_word(service: Service, _: Clock) -> None:
    first = start(service, "p")
    for policy in (ReusePolicy.ALLOW, ReusePolicy.ALLOW_AFTER_FAILURE, ReusePolicy.REJECT):
        with refused(ExecutionAlreadyStartedError):
            start(service, "p", reuse_policy=policy)
    second = start(service, "p", reuse_policy=ReusePolicy.TERMINATE_EXISTING)
    assert second.run_id != first.run_id
    assert status(service, first) is Status.TERMINATED
    answer(service, CompleteWorkflowExecution())
    with refused(ExecutionAlreadyStartedError):
        start(service, "p", reuse_policy=ReusePolicy.ALLOW_AFTER_FAILURE)
    third = start(service, "p", reuse_policy=ReusePolicy.ALLOW)
    answer(service, FailWorkflowExecution(reason="x"))
    with refused(ExecutionAlreadyStartedError):
        start(service, "p", reuse_policy=ReusePolicy.REJECT)
    fourth = start(service, "p", reuse_policy=ReusePolicy.ALLOW_AFTER_FAILURE)
    assert len({first.run_id, second.run_id, third.run_id, fourth.run_id}) == 4
    newest = WorkflowExecution("p", "")
    assert service.describe(DOMAIN, newest).info.run_id == fourth.run_id


# -- decision tasks ----------------------------------------------------------------------


@check
def a_decision_task_is_held_by_one(service: Service, _: Clock) -> None:
    execution = start(service)
    task = decision_task(service)
    service.signal_workflow_execution(DOMAIN, execution, "s", None)
    assert service.poll_decision_task(DOMAIN, TASK_LIST) is None
    service.complete_decision(task.token, [])
    again = decision_task(service)
    assert again.previous_started_event_id == task.started_event_id
    with refused(TaskLostError):
        service.complete_decision(task.token, [])


@check
def decisions_that_contradict_themselves_change_nothing(service: Service, _: Clock) -> None:
    execution = start(service)
    task = decision_task(service)
    before = service.history(DOMAIN, execution)
    with refused(DecisionRefusedError):
        service.complete_decision(
            task.token, [CompleteWorkflowExecution(), RecordMarker(marker_name="m")]
        )
    assert service.history(DOMAIN, execution) == before
    service.complete_decision(task.token, [CompleteWorkflowExecution()])


@check
def a_failed_decision_is_tried_again_later(service: Service, clock: Clock) -> None:
    execution = start(service)
    service.fail_decision(decision_task(service).token, "BROKEN", "no such function")
    assert service.poll_decision_task(DOMAIN, TASK_LIST) is None
    clock.advance(60)
    answer(service, CompleteWorkflowExecution())
    assert status(service, execution) is Status.COMPLETED
    assert "DecisionTaskFailed" in kinds(service, execution)


@check
def a_late_decision_is_refused(service: Service, clock: Clock) -> None:
    start(service, task_start_to_close=10.0)
    task = decision_task(service)
    clock.advance(11)
    with refused(TaskLostError):
        service.complete_decision(task.token, [])
    assert decision_task(service).started_event_id > task.started_event_id


# -- activities --------------------------------------------------------------------------


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


# -- the execution -----------------------------------------------------------------------


@check
def signals_and_cancel_requests_are_recorded(service: Service, _: Clock) -> None:
    execution = start(service)
    service.signal_workflow_execution(DOMAIN, execution, "hello", '"you"')
    service.request_cancel_workflow_execution(DOMAIN, execution)
    service.request_cancel_workflow_execution(DOMAIN, execution)
    assert kinds(service, execution)[2:] == [
        "WorkflowExecutionSignaled",
        "WorkflowExecutionCancelRequested",
    ]
    assert service.describe(DOMAIN, execution).info.cancel_requested


@check
def a_closed_execution_takes_nothing_more(service: Service, _: Clock) -> None:
    execution = started(service, charge())
    task = activity_task(service)
    service.terminate_workflow_execution(DOMAIN, execution, "enough")
    assert status(service, execution) is Status.TERMINATED
    with refused(TaskLostError):
        service.complete_activity(task.token, "1")
    with refused(ExecutionNotFoundError):
        service.signal_workflow_execution(DOMAIN, execution, "s", None)
    with refused(ExecutionNotFoundError):
        service.terminate_workflow_execution(DOMAIN, execution, None)
    assert service.poll_decision_task(DOMAIN, TASK_LIST) is None


@check
def what_is_not_there_is_not_found(service: Service, _: Clock) -> None:
    nobody = WorkflowExecution("nobody", "")
    for look in (service.describe, service.history, service.request_cancel_workflow_execution):
        with refused(ExecutionNotFoundError):
            look(DOMAIN, nobody)
    with refused(ExecutionNotFoundError):
        service.wait_closed(DOMAIN, nobody, 0)


@check
def the_execution_timeout_closes_it(service: Service, clock: Clock) -> None:
    execution = start(service, execution_start_to_close=60.0)
    clock.advance(61)
    assert service.poll_decision_task(DOMAIN, TASK_LIST) is None
    assert status(service, execution) is Status.TIMED_OUT


@check
def timers_fire(service: Service, clock: Clock) -> None:
    execution = started(service, StartTimer(timer_id="t", start_to_fire=30.0))
    assert service.describe(DOMAIN, execution).timers[0].id == "t"
    clock.advance(29)
    assert service.poll_decision_task(DOMAIN, TASK_LIST) is None
    clock.advance(1)
    assert decision_task(service).events[-3].event_type == "TimerFired"


@check
def waiting_for_the_end_gives_up_in_time(service: Service, _: Clock) -> None:
    execution = start(service)
    assert service.wait_closed(DOMAIN, execution, 0.01) is None
    answer(service, CompleteWorkflowExecution(result="1"))
    info = service.wait_closed(DOMAIN, execution, 10)
    assert info is not None
    assert info.status is Status.COMPLETED
    assert info.closed_at is not None


@check
def executions_are_described_listed_and_counted(service: Service, _: Clock) -> None:
    first = start(service, tag_list=("t",))
    task = decision_task(service)
    service.complete_decision(task.token, [charge("a"), StartTimer(timer_id="t", start_to_fire=9)])
    second = start(service)
    detail = service.describe(DOMAIN, first)
    assert [item.id for item in detail.activities] == ["a"]
    assert [item.id for item in detail.timers] == ["t"]
    assert detail.decision is None
    assert service.describe(DOMAIN, second).decision is not None
    assert detail.info.event_count == len(service.history(DOMAIN, first))
    page = service.list_executions(ExecutionFilter(limit=1))
    assert [info.run_id for info in page.executions] == [second.run_id]
    rest = service.list_executions(ExecutionFilter(limit=1, before_run=page.next_page))
    assert [info.run_id for info in rest.executions] == [first.run_id]
    assert service.count_executions(ExecutionFilter()) == 2
    assert service.count_executions(ExecutionFilter(tag="t")) == 1
    assert service.history(DOMAIN, first, after=2)[0].event_id == 3


# -- between executions ------------------------------------------------------------------


@check
def a_child_runs_and_its_parent_hears(service: Service, _: Clock) -> None:
    service.register_workflow_type(DOMAIN, FLOW)
    parent = started(
        service, StartChildWorkflowExecution(workflow_id="child", workflow_type=FLOW, input="[9]")
    )
    child = service.describe(DOMAIN, WorkflowExecution("child", "")).info
    assert child.parent == parent
    tasks = [decision_task(service), decision_task(service)]
    for task in tasks:
        done = task.workflow_execution.workflow_id == "child"
        service.complete_decision(
            task.token, [CompleteWorkflowExecution(result="5")] if done else []
        )
    assert "ChildWorkflowExecutionStarted" in kinds(service, parent)
    assert decision_task(service).events[-3].event_type == "ChildWorkflowExecutionCompleted"


@check
def a_child_whose_id_is_taken_does_not_start(service: Service, _: Clock) -> None:
    service.register_workflow_type(DOMAIN, FLOW)
    start(service, "child")
    service.fail_decision(decision_task(service).token, "X", "out of the way")
    parent = started(service, StartChildWorkflowExecution(workflow_id="child", workflow_type=FLOW))
    assert "StartChildWorkflowExecutionFailed" in kinds(service, parent)


@check
def terminating_a_parent_terminates_its_children(service: Service, _: Clock) -> None:
    service.register_workflow_type(DOMAIN, FLOW)
    parent = started(service, StartChildWorkflowExecution(workflow_id="child", workflow_type=FLOW))
    service.terminate_workflow_execution(DOMAIN, parent, None)
    assert status(service, WorkflowExecution("child", "")) is Status.TERMINATED


@check
def executions_signal_and_cancel_each_other(service: Service, _: Clock) -> None:
    other = start(service, "other")
    service.fail_decision(decision_task(service).token, "X", "out of the way")
    sender = started(
        service,
        SignalExternalWorkflowExecution(workflow_id="other", signal_name="s", input="1"),
        RequestCancelExternalWorkflowExecution(workflow_id="other"),
        SignalExternalWorkflowExecution(workflow_id="nobody", signal_name="s"),
    )
    heard = kinds(service, other)
    assert "WorkflowExecutionSignaled" in heard
    assert "WorkflowExecutionCancelRequested" in heard
    told = kinds(service, sender)
    assert "ExternalWorkflowExecutionSignaled" in told
    assert "ExternalWorkflowExecutionCancelRequested" in told
    assert "SignalExternalWorkflowExecutionFailed" in told


@check
def continue_as_new_begins_the_next_run(service: Service, _: Clock) -> None:
    first = started(service, ContinueAsNewWorkflowExecution(input="[2]"))
    assert status(service, first) is Status.CONTINUED_AS_NEW
    task = decision_task(service)
    assert task.workflow_execution.workflow_id == first.workflow_id
    assert task.workflow_execution.run_id != first.run_id
    begun = task.events[0]
    assert getattr(begun, "input", None) == "[2]"
    assert getattr(begun, "continued_execution_run_id", None) == first.run_id
