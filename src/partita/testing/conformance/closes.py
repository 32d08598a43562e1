"""Check how executions close, by their own decision or from outside, and when they may not."""

from __future__ import annotations

from typing import Any

from partita import history as h
from partita.ports.service import Service
from partita.ports.state import Status
from partita.testing.clock import Clock
from partita.testing.conformance import arrange as a

INHERITED: dict[str, Any] = {
    "tag_list": ("t",),
    "task_priority": 3,
    "task_start_to_close": 20.0,
    "execution_start_to_close": 900.0,
    "child_policy": h.ChildPolicy.ABANDON,
    "lambda_role": "role",
}


@a.check
def a_start_is_recorded_as_it_was_asked_for(service: Service, _: Clock) -> None:
    execution = a.start(service, **INHERITED)
    a.only(
        service,
        execution,
        h.WorkflowExecutionStarted,
        event_id=1,
        workflow_type=a.FLOW,
        input="[1]",
        task_list=a.TASK_LIST,
        parent_workflow_execution=None,
        continued_execution_run_id=None,
        **INHERITED,
    )


@a.check
def a_completed_execution_has_its_result(service: Service, _: Clock) -> None:
    execution = a.started(service, h.CompleteWorkflowExecution(result='"done"'))
    a.decided(service, execution, h.WorkflowExecutionCompleted, result='"done"')
    assert a.status(service, execution) is Status.COMPLETED


@a.check
def a_failed_execution_has_its_reason(service: Service, _: Clock) -> None:
    execution = a.started(service, h.FailWorkflowExecution(reason="Boom", details='"why"'))
    a.decided(service, execution, h.WorkflowExecutionFailed, reason="Boom", details='"why"')
    assert a.status(service, execution) is Status.FAILED


@a.check
def an_asked_execution_cancels_itself(service: Service, _: Clock) -> None:
    execution = a.start(service)
    service.request_cancel_workflow_execution(a.DOMAIN, execution)
    a.only(service, execution, h.WorkflowExecutionCancelRequested, cause=None)
    a.answer(service, h.CancelWorkflowExecution(details='"gave in"'))
    a.decided(service, execution, h.WorkflowExecutionCanceled, details='"gave in"')
    assert a.status(service, execution) is Status.CANCELED


@a.check
def no_execution_closes_over_an_event_that_its_decider_has_not_seen(
    service: Service, _: Clock
) -> None:
    for decision, refusal in (
        (h.CompleteWorkflowExecution(result="1"), h.CompleteWorkflowExecutionFailed),
        (h.FailWorkflowExecution(reason="x"), h.FailWorkflowExecutionFailed),
        (h.CancelWorkflowExecution(), h.CancelWorkflowExecutionFailed),
        (h.ContinueAsNewWorkflowExecution(), h.ContinueAsNewWorkflowExecutionFailed),
    ):
        execution = a.start(service)
        task = a.decision_task(service)
        service.signal_workflow_execution(a.DOMAIN, execution, "late", '"1"')
        service.complete_decision(task.token, [h.RecordMarker(marker_name="note"), decision])
        a.decided(service, execution, refusal, cause="UNHANDLED_DECISION")
        assert a.status(service, execution) is Status.OPEN
        assert "MarkerRecorded" in a.kinds(service, execution)
        again = a.decision_task(service)
        new = [event for event in again.events if event.event_id > task.started_event_id]
        assert len([e for e in new if isinstance(e, h.WorkflowExecutionSignaled)]) == 1
        service.complete_decision(again.token, [h.CompleteWorkflowExecution()])
        assert a.status(service, execution) is Status.COMPLETED


@a.check
def a_cancel_request_unseen_keeps_an_execution_open(service: Service, _: Clock) -> None:
    execution = a.start(service)
    task = a.decision_task(service)
    service.request_cancel_workflow_execution(a.DOMAIN, execution)
    service.complete_decision(task.token, [h.CompleteWorkflowExecution()])
    assert a.status(service, execution) is Status.OPEN
    a.answer(service, h.CancelWorkflowExecution())
    assert a.kinds(service, execution)[-1] == "WorkflowExecutionCanceled"


@a.check
def a_timer_that_fires_unseen_keeps_an_execution_open(service: Service, clock: Clock) -> None:
    execution = a.started(service, h.StartTimer(timer_id="t", start_to_fire=5.0))
    service.signal_workflow_execution(a.DOMAIN, execution, "wake", None)
    task = a.decision_task(service)
    clock.advance(5)
    service.complete_decision(task.token, [h.CompleteWorkflowExecution()])
    told = a.kinds(service, execution)
    assert told.index("TimerFired") < told.index("CompleteWorkflowExecutionFailed")
    a.answer(service, h.CompleteWorkflowExecution())
    assert a.status(service, execution) is Status.COMPLETED


def _next_run(service: Service, first: h.WorkflowExecution) -> h.WorkflowExecution:
    ended = a.only(service, first, h.WorkflowExecutionContinuedAsNew)
    return h.WorkflowExecution(first.workflow_id, ended.new_execution_run_id)


@a.check
def the_next_run_has_what_the_decision_gives(service: Service, _: Clock) -> None:
    given: dict[str, Any] = {
        "task_list": "gpu",
        "task_priority": 9,
        "task_start_to_close": 11.0,
        "execution_start_to_close": 500.0,
        "child_policy": h.ChildPolicy.REQUEST_CANCEL,
        "tag_list": ("u",),
        "lambda_role": "another",
    }
    first = a.started(
        service,
        h.ContinueAsNewWorkflowExecution(input="[2]", workflow_type_version="2", **given),
        **INHERITED,
    )
    ended = a.only(service, first, h.WorkflowExecutionContinuedAsNew)
    begun = a.only(service, _next_run(service, first), h.WorkflowExecutionStarted)
    for event in (ended, begun):
        a.assert_fields(event, input="[2]", workflow_type=h.WorkflowType("flow", "2"), **given)
    a.assert_fields(
        ended, decision_task_completed_event_id=a.last_id(service, first, h.DecisionTaskCompleted)
    )
    a.assert_fields(begun, continued_execution_run_id=first.run_id)


@a.check
def the_next_run_inherits_what_the_decision_leaves_out(service: Service, _: Clock) -> None:
    first = a.started(service, h.ContinueAsNewWorkflowExecution(), **INHERITED)
    a.only(
        service,
        _next_run(service, first),
        h.WorkflowExecutionStarted,
        input=None,
        workflow_type=a.FLOW,
        task_list=a.TASK_LIST,
        **INHERITED,
    )
    assert a.status(service, _next_run(service, first)) is Status.OPEN
    assert a.status(service, first) is Status.CONTINUED_AS_NEW


@a.check
def an_execution_that_outlives_its_time_is_closed(service: Service, clock: Clock) -> None:
    execution = a.started(service, a.charge(), execution_start_to_close=60.0)
    clock.advance(61)
    a.no_activity_task(service)
    a.only(
        service,
        execution,
        h.WorkflowExecutionTimedOut,
        timeout_type=h.TimeoutType.START_TO_CLOSE,
        child_policy=h.ChildPolicy.TERMINATE,
    )


@a.check
def a_terminated_execution_has_its_reason(service: Service, _: Clock) -> None:
    execution = a.start(service, child_policy=h.ChildPolicy.ABANDON)
    service.terminate_workflow_execution(a.DOMAIN, execution, "enough")
    a.only(
        service,
        execution,
        h.WorkflowExecutionTerminated,
        reason="enough",
        cause="OPERATOR_INITIATED",
        child_policy=h.ChildPolicy.ABANDON,
    )
    a.no_decision_task(service)


@a.check
def signals_keep_their_order_and_input(service: Service, _: Clock) -> None:
    execution = a.start(service)
    for number in range(3):
        service.signal_workflow_execution(a.DOMAIN, execution, f"s{number}", f"[{number}]")
    for number, signal in enumerate(a.every(service, execution, h.WorkflowExecutionSignaled)):
        a.assert_fields(signal, signal_name=f"s{number}", input=f"[{number}]")
        a.assert_fields(signal, external_workflow_execution=None, external_initiated_event_id=None)


@a.check
def a_closed_execution_stays_readable_and_has_nothing_open(service: Service, clock: Clock) -> None:
    timer = h.StartTimer(timer_id="t", start_to_fire=5.0)
    execution = a.started(service, a.charge(), timer, h.CompleteWorkflowExecution(result='"r"'))
    before = service.history(a.DOMAIN, execution)
    clock.advance(1_000_000)
    a.no_decision_task(service)
    a.no_activity_task(service)
    assert service.history(a.DOMAIN, execution) == before
    detail = service.describe(a.DOMAIN, execution)
    assert (detail.activities, detail.timers, detail.decision) == ((), (), None)
    assert detail.info.closed_at == before[-1].event_timestamp


@a.check
def continue_as_new_begins_the_next_run(service: Service, _: Clock) -> None:
    first = a.started(service, h.ContinueAsNewWorkflowExecution(input="[2]"))
    assert a.status(service, first) is Status.CONTINUED_AS_NEW
    task = a.decision_task(service)
    assert task.workflow_execution.workflow_id == first.workflow_id
    assert task.workflow_execution.run_id != first.run_id
    begun = task.events[0]
    assert getattr(begun, "input", None) == "[2]"
    assert getattr(begun, "continued_execution_run_id", None) == first.run_id
