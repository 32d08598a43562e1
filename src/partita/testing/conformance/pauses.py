"""Check pauses: what is paused takes in what comes and begins nothing, until it is resumed."""

from __future__ import annotations

from partita import history as h
from partita.errors import ExecutionNotFoundError, TaskLostError
from partita.ports.capabilities import SupportsPauses, supported
from partita.ports.service import PauseKind, Service
from partita.ports.state import Status
from partita.testing.clock import Clock
from partita.testing.conformance import arrange as a
from partita.testing.conformance.arrange import DOMAIN


def _pauses(service: Service) -> SupportsPauses:
    return supported(service, SupportsPauses, "pause executions")


def _pause(service: Service, execution: h.WorkflowExecution) -> None:
    _pauses(service).pause_workflow_execution(DOMAIN, execution, "a recall")


def _resume(service: Service, execution: h.WorkflowExecution) -> None:
    _pauses(service).resume_workflow_execution(DOMAIN, execution)


@a.check_for(SupportsPauses)
def a_paused_execution_is_not_decided(service: Service, _: Clock) -> None:
    execution = a.start(service)
    _pause(service, execution)
    _pause(service, execution)
    a.no_decision_task(service)
    paused = service.describe(DOMAIN, execution).info.paused
    assert paused is not None
    assert paused.reason == "a recall"
    _resume(service, execution)
    _resume(service, execution)
    a.answer(service, h.CompleteWorkflowExecution(result="1"))
    assert service.describe(DOMAIN, execution).info.paused is None
    assert a.status(service, execution) is Status.COMPLETED


@a.check_for(SupportsPauses)
def a_paused_execution_takes_in_what_comes(service: Service, clock: Clock) -> None:
    timer = h.StartTimer(timer_id="t", start_to_fire=5)
    execution = a.started(service, a.charge(), timer)
    task = a.activity_task(service)
    _pause(service, execution)
    service.signal_workflow_execution(DOMAIN, execution, "go", None)
    service.request_cancel_workflow_execution(DOMAIN, execution)
    service.complete_activity(task.token, "3")
    clock.advance(6)
    a.no_decision_task(service)
    for kind in (
        h.WorkflowExecutionSignaled,
        h.WorkflowExecutionCancelRequested,
        h.ActivityTaskCompleted,
        h.TimerFired,
    ):
        a.only(service, execution, kind)
    _resume(service, execution)
    seen = {type(event) for event in a.decision_task(service).events}
    assert {h.WorkflowExecutionSignaled, h.ActivityTaskCompleted, h.TimerFired} <= seen


@a.check_for(SupportsPauses)
def activities_of_a_paused_execution_do_not_begin(service: Service, clock: Clock) -> None:
    execution = a.started(service, a.charge(schedule_to_start=30.0))
    _pause(service, execution)
    a.no_activity_task(service)
    clock.advance(31)
    a.no_activity_task(service)
    assert not a.every(service, execution, h.ActivityTaskTimedOut)
    _resume(service, execution)
    clock.advance(29)
    service.complete_activity(a.activity_task(service).token, None)


@a.check_for(SupportsPauses)
def an_attempt_that_fails_waits_for_the_end_of_the_pause(service: Service, clock: Clock) -> None:
    retry = h.RetryPolicy(max_attempts=3, initial_interval=1)
    execution = a.started(service, a.charge(retry_policy=retry))
    task = a.activity_task(service)
    _pause(service, execution)
    service.fail_activity(task.token, "CarrierDown", None)
    clock.advance(10)
    a.no_activity_task(service)
    _resume(service, execution)
    assert a.activity_task(service).attempt == 2


@a.check_for(SupportsPauses)
def a_decision_that_is_out_is_taken_back(service: Service, _: Clock) -> None:
    execution = a.start(service)
    task = a.decision_task(service)
    _pause(service, execution)
    with a.refused(TaskLostError):
        service.complete_decision(task.token, [a.charge()])
    a.no_activity_task(service)
    _resume(service, execution)
    a.answer(service, a.charge())
    a.activity_task(service)


@a.check_for(SupportsPauses)
def a_paused_execution_can_be_terminated(service: Service, _: Clock) -> None:
    execution = a.started(service, a.charge())
    _pause(service, execution)
    service.terminate_workflow_execution(DOMAIN, execution, None)
    assert a.status(service, execution) is Status.TERMINATED
    for call in (_pause, _resume):
        with a.refused(ExecutionNotFoundError):
            call(service, execution)


@a.check_for(SupportsPauses)
def a_paused_execution_times_out(service: Service, clock: Clock) -> None:
    execution = a.started(service, a.charge(), execution_start_to_close=60.0)
    _pause(service, execution)
    clock.advance(61)
    a.no_activity_task(service)
    assert a.status(service, execution) is Status.TIMED_OUT


@a.check_for(SupportsPauses)
def children_of_a_paused_execution_go_on(service: Service, _: Clock) -> None:
    service.register_workflow_type(DOMAIN, a.FLOW)
    child = h.StartChildWorkflowExecution(workflow_id="child of paused", workflow_type=a.FLOW)
    execution = a.started(service, child)
    a.answer(service)  # it hears that the child began, or the child begins
    a.answer(service)
    _pause(service, execution)
    service.signal_workflow_execution(
        DOMAIN, h.WorkflowExecution("child of paused", ""), "go", None
    )
    a.answer(service, h.CompleteWorkflowExecution(result="7"))
    a.only(service, execution, h.ChildWorkflowExecutionCompleted, result="7")
    a.no_decision_task(service)
    _resume(service, execution)
    a.answer(service, h.CompleteWorkflowExecution())


@a.check_for(SupportsPauses)
def a_paused_type_begins_nothing(service: Service, clock: Clock) -> None:
    pauses, kind = _pauses(service), PauseKind.TYPE
    before = a.started(service, a.charge(schedule_to_start=3600.0))
    pauses.pause_work(DOMAIN, kind, a.FLOW.name, "a recall")
    after = a.start(service)
    a.no_decision_task(service)
    a.no_activity_task(service)
    [found] = pauses.pauses(DOMAIN)
    assert (found.kind, found.name, found.reason) == (kind, a.FLOW.name, "a recall")
    other = h.WorkflowType("other flow")
    a.start(service, workflow_type=other)
    assert a.decision_task(service).workflow_type == other
    clock.advance(60)
    service.signal_workflow_execution(DOMAIN, after, "go", None)
    assert pauses.resume_work(DOMAIN, kind, a.FLOW.name)
    assert not pauses.resume_work(DOMAIN, kind, a.FLOW.name)
    assert pauses.pauses(DOMAIN) == []
    assert a.activity_task(service).workflow_execution == before
    assert a.decision_task(service).workflow_execution == after


@a.check_for(SupportsPauses)
def what_is_paused_twice_is_resumed_twice(service: Service, _: Clock) -> None:
    pauses = _pauses(service)
    execution = a.started(service, a.charge())
    pauses.pause_work(DOMAIN, PauseKind.TYPE, a.FLOW.name, None)
    a.no_activity_task(service)
    _pause(service, execution)
    pauses.resume_work(DOMAIN, PauseKind.TYPE, a.FLOW.name)
    a.no_activity_task(service)
    pauses.pause_work(DOMAIN, PauseKind.TYPE, a.FLOW.name, None)
    _resume(service, execution)
    a.no_activity_task(service)
    pauses.resume_work(DOMAIN, PauseKind.TYPE, a.FLOW.name)
    a.activity_task(service)


@a.check_for(SupportsPauses)
def a_paused_task_list_hands_out_nothing(service: Service, _: Clock) -> None:
    pauses, kind = _pauses(service), PauseKind.TASK_LIST
    a.started(service, a.charge("a"), a.charge("b", task_list="far"))
    a.start(service)
    pauses.pause_work(DOMAIN, kind, a.TASK_LIST, None)
    a.no_decision_task(service)
    a.no_activity_task(service)
    assert a.activity_task(service, "far").activity_id == "b"
    assert pauses.resume_work(DOMAIN, kind, a.TASK_LIST)
    assert a.activity_task(service).activity_id == "a"
    a.decision_task(service)
