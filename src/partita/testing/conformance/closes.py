"""How an execution closes, by its own decision or from outside, and when it may not."""

from __future__ import annotations

from typing import Any

from partita import history as h
from partita.ports.service import Service
from partita.ports.state import Status
from partita.testing.clock import Clock
from partita.testing.conformance.arrange import (
    DOMAIN,
    FLOW,
    TASK_LIST,
    answer,
    charge,
    check,
    decision_task,
    every,
    holds,
    kinds,
    last_id,
    only,
    start,
    started,
    status,
)

INHERITED: dict[str, Any] = {
    "tag_list": ("t",),
    "task_priority": 3,
    "task_start_to_close": 20.0,
    "execution_start_to_close": 900.0,
    "child_policy": h.ChildPolicy.ABANDON,
    "lambda_role": "role",
}


@check
def a_start_is_recorded_as_it_was_asked_for(service: Service, _: Clock) -> None:
    execution = start(service, **INHERITED)
    holds(
        only(service, execution, h.WorkflowExecutionStarted),
        event_id=1,
        workflow_type=FLOW,
        input="[1]",
        task_list=TASK_LIST,
        parent_workflow_execution=None,
        continued_execution_run_id=None,
        **INHERITED,
    )


@check
def a_completed_execution_has_its_result(service: Service, _: Clock) -> None:
    execution = started(service, h.CompleteWorkflowExecution(result='"done"'))
    holds(
        only(service, execution, h.WorkflowExecutionCompleted),
        result='"done"',
        decision_task_completed_event_id=last_id(service, execution, h.DecisionTaskCompleted),
    )
    assert status(service, execution) is Status.COMPLETED


@check
def a_failed_execution_has_its_reason(service: Service, _: Clock) -> None:
    execution = started(service, h.FailWorkflowExecution(reason="Boom", details='"why"'))
    holds(
        only(service, execution, h.WorkflowExecutionFailed),
        reason="Boom",
        details='"why"',
        decision_task_completed_event_id=last_id(service, execution, h.DecisionTaskCompleted),
    )
    assert status(service, execution) is Status.FAILED


@check
def an_asked_execution_cancels_itself(service: Service, _: Clock) -> None:
    execution = start(service)
    service.request_cancel_workflow_execution(DOMAIN, execution)
    holds(only(service, execution, h.WorkflowExecutionCancelRequested), cause=None)
    answer(service, h.CancelWorkflowExecution(details='"gave in"'))
    holds(
        only(service, execution, h.WorkflowExecutionCanceled),
        details='"gave in"',
        decision_task_completed_event_id=last_id(service, execution, h.DecisionTaskCompleted),
    )
    assert status(service, execution) is Status.CANCELED


@check
def no_execution_closes_over_an_event_that_its_decider_has_not_seen(
    service: Service, _: Clock
) -> None:
    for decision, refusal in (
        (h.CompleteWorkflowExecution(result="1"), h.CompleteWorkflowExecutionFailed),
        (h.FailWorkflowExecution(reason="x"), h.FailWorkflowExecutionFailed),
        (h.CancelWorkflowExecution(), h.CancelWorkflowExecutionFailed),
        (h.ContinueAsNewWorkflowExecution(), h.ContinueAsNewWorkflowExecutionFailed),
    ):
        execution = start(service)
        task = decision_task(service)
        service.signal_workflow_execution(DOMAIN, execution, "late", '"1"')
        service.complete_decision(task.token, [h.RecordMarker(marker_name="note"), decision])
        holds(
            only(service, execution, refusal),
            cause="UNHANDLED_DECISION",
            decision_task_completed_event_id=last_id(service, execution, h.DecisionTaskCompleted),
        )
        assert status(service, execution) is Status.OPEN
        assert "MarkerRecorded" in kinds(service, execution)
        again = decision_task(service)
        new = [event for event in again.events if event.event_id > task.started_event_id]
        assert len([e for e in new if isinstance(e, h.WorkflowExecutionSignaled)]) == 1
        service.complete_decision(again.token, [h.CompleteWorkflowExecution()])
        assert status(service, execution) is Status.COMPLETED


@check
def a_cancel_request_unseen_keeps_an_execution_open(service: Service, _: Clock) -> None:
    execution = start(service)
    task = decision_task(service)
    service.request_cancel_workflow_execution(DOMAIN, execution)
    service.complete_decision(task.token, [h.CompleteWorkflowExecution()])
    assert status(service, execution) is Status.OPEN
    answer(service, h.CancelWorkflowExecution())
    assert kinds(service, execution)[-1] == "WorkflowExecutionCanceled"


@check
def a_timer_that_fires_unseen_keeps_an_execution_open(service: Service, clock: Clock) -> None:
    execution = started(service, h.StartTimer(timer_id="t", start_to_fire=5.0))
    service.signal_workflow_execution(DOMAIN, execution, "wake", None)
    task = decision_task(service)
    clock.advance(5)
    service.complete_decision(task.token, [h.CompleteWorkflowExecution()])
    told = kinds(service, execution)
    assert told.index("TimerFired") < told.index("CompleteWorkflowExecutionFailed")
    answer(service, h.CompleteWorkflowExecution())
    assert status(service, execution) is Status.COMPLETED


def _next_run(service: Service, first: h.WorkflowExecution) -> h.WorkflowExecution:
    ended = only(service, first, h.WorkflowExecutionContinuedAsNew)
    return h.WorkflowExecution(first.workflow_id, ended.new_execution_run_id)


@check
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
    first = started(
        service,
        h.ContinueAsNewWorkflowExecution(input="[2]", workflow_type_version="2", **given),
        **INHERITED,
    )
    ended = only(service, first, h.WorkflowExecutionContinuedAsNew)
    begun = only(service, _next_run(service, first), h.WorkflowExecutionStarted)
    for event in (ended, begun):
        holds(event, input="[2]", workflow_type=h.WorkflowType("flow", "2"), **given)
    completed = last_id(service, first, h.DecisionTaskCompleted)
    holds(ended, decision_task_completed_event_id=completed)
    holds(begun, continued_execution_run_id=first.run_id)


@check
def the_next_run_inherits_what_the_decision_leaves_out(service: Service, _: Clock) -> None:
    first = started(service, h.ContinueAsNewWorkflowExecution(), **INHERITED)
    begun = only(service, _next_run(service, first), h.WorkflowExecutionStarted)
    holds(begun, input=None, workflow_type=FLOW, task_list=TASK_LIST, **INHERITED)
    assert status(service, _next_run(service, first)) is Status.OPEN
    assert status(service, first) is Status.CONTINUED_AS_NEW


@check
def an_execution_that_outlives_its_time_is_closed(service: Service, clock: Clock) -> None:
    execution = started(service, charge(), execution_start_to_close=60.0)
    clock.advance(61)
    assert service.poll_activity_task(DOMAIN, TASK_LIST) is None
    holds(
        only(service, execution, h.WorkflowExecutionTimedOut),
        timeout_type=h.TimeoutType.START_TO_CLOSE,
        child_policy=h.ChildPolicy.TERMINATE,
    )


@check
def a_terminated_execution_has_its_reason(service: Service, _: Clock) -> None:
    execution = start(service, child_policy=h.ChildPolicy.ABANDON)
    service.terminate_workflow_execution(DOMAIN, execution, "enough")
    holds(
        only(service, execution, h.WorkflowExecutionTerminated),
        reason="enough",
        cause="OPERATOR_INITIATED",
        child_policy=h.ChildPolicy.ABANDON,
    )
    assert service.poll_decision_task(DOMAIN, TASK_LIST) is None


@check
def signals_keep_their_order_and_input(service: Service, _: Clock) -> None:
    execution = start(service)
    for number in range(3):
        service.signal_workflow_execution(DOMAIN, execution, f"s{number}", f"[{number}]")
    for number, signal in enumerate(every(service, execution, h.WorkflowExecutionSignaled)):
        holds(signal, signal_name=f"s{number}", input=f"[{number}]")
        holds(signal, external_workflow_execution=None, external_initiated_event_id=None)


@check
def a_closed_execution_stays_readable_and_has_nothing_open(service: Service, clock: Clock) -> None:
    timer = h.StartTimer(timer_id="t", start_to_fire=5.0)
    execution = started(service, charge(), timer, h.CompleteWorkflowExecution(result='"r"'))
    before = service.history(DOMAIN, execution)
    clock.advance(1_000_000)
    assert service.poll_decision_task(DOMAIN, TASK_LIST) is None
    assert service.poll_activity_task(DOMAIN, TASK_LIST) is None
    assert service.history(DOMAIN, execution) == before
    detail = service.describe(DOMAIN, execution)
    assert (detail.activities, detail.timers, detail.decision) == ((), (), None)
    assert detail.info.closed_at == before[-1].event_timestamp
