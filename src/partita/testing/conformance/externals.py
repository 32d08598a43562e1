"""What executions send to others that are not their children, and what comes back."""

from __future__ import annotations

from partita.history import (
    CompleteWorkflowExecution,
    DecisionTaskCompleted,
    Event,
    ExternalWorkflowExecutionCancelRequested,
    ExternalWorkflowExecutionSignaled,
    RequestCancelExternalWorkflowExecution,
    RequestCancelExternalWorkflowExecutionFailed,
    RequestCancelExternalWorkflowExecutionInitiated,
    SignalExternalWorkflowExecution,
    SignalExternalWorkflowExecutionFailed,
    SignalExternalWorkflowExecutionInitiated,
    WorkflowExecution,
    WorkflowExecutionCancelRequested,
    WorkflowExecutionCompleted,
    WorkflowExecutionSignaled,
)
from partita.service import Service
from partita.testing.clock import Clock
from partita.testing.conformance.arrange import (
    DOMAIN,
    answer,
    check,
    decision_task,
    every,
    holds,
    last_id,
    only,
    start,
    started,
)


def _other(service: Service) -> WorkflowExecution:
    """Start an execution whose decision tasks are in nobody's way."""
    return start(service, "other", task_list="others")


def _signal(
    workflow_id: str = "other", run_id: str | None = None
) -> SignalExternalWorkflowExecution:
    return SignalExternalWorkflowExecution(
        workflow_id=workflow_id, run_id=run_id, signal_name="s", input="[1]", control='"mine"'
    )


def _cancel(
    workflow_id: str = "other", run_id: str | None = None
) -> RequestCancelExternalWorkflowExecution:
    return RequestCancelExternalWorkflowExecution(
        workflow_id=workflow_id, run_id=run_id, control='"mine"'
    )


@check
def a_signal_to_another_arrives_and_is_acknowledged(service: Service, _: Clock) -> None:
    other = _other(service)
    sender = started(service, _signal(run_id=other.run_id))
    initiated = only(service, sender, SignalExternalWorkflowExecutionInitiated)
    holds(initiated, workflow_id="other", run_id=other.run_id, signal_name="s", input="[1]")
    completed = last_id(service, sender, DecisionTaskCompleted)
    holds(initiated, control='"mine"', decision_task_completed_event_id=completed)
    holds(
        only(service, sender, ExternalWorkflowExecutionSignaled),
        workflow_execution=other,
        initiated_event_id=initiated.event_id,
    )
    holds(
        only(service, other, WorkflowExecutionSignaled),
        signal_name="s",
        input="[1]",
        external_workflow_execution=sender,
        external_initiated_event_id=initiated.event_id,
    )


@check
def a_cancel_request_to_another_arrives_and_is_acknowledged(service: Service, _: Clock) -> None:
    other = _other(service)
    sender = started(service, _cancel(run_id=other.run_id))
    initiated = only(service, sender, RequestCancelExternalWorkflowExecutionInitiated)
    completed = last_id(service, sender, DecisionTaskCompleted)
    holds(initiated, workflow_id="other", run_id=other.run_id, control='"mine"')
    holds(initiated, decision_task_completed_event_id=completed)
    holds(
        only(service, sender, ExternalWorkflowExecutionCancelRequested),
        workflow_execution=other,
        initiated_event_id=initiated.event_id,
    )
    holds(
        only(service, other, WorkflowExecutionCancelRequested),
        cause=None,
        external_workflow_execution=sender,
        external_initiated_event_id=initiated.event_id,
    )


@check
def a_workflow_id_alone_means_the_newest_run(service: Service, _: Clock) -> None:
    other = _other(service)
    sender = started(service, _signal(), _cancel())
    for kind in (ExternalWorkflowExecutionSignaled, ExternalWorkflowExecutionCancelRequested):
        holds(only(service, sender, kind), workflow_execution=other)
    assert len(every(service, other, WorkflowExecutionSignaled)) == 1


def _refused(
    service: Service, sender: WorkflowExecution, kind: type[Event], initiated: type[Event]
) -> Event:
    """Return the refusal, which the sender's decider must be woken for."""
    refusal = only(service, sender, kind)
    holds(
        refusal,
        cause="UNKNOWN_EXTERNAL_WORKFLOW_EXECUTION",
        control='"mine"',
        initiated_event_id=last_id(service, sender, initiated),
        decision_task_completed_event_id=last_id(service, sender, DecisionTaskCompleted),
    )
    assert refusal in decision_task(service).events
    return refusal


@check
def a_signal_to_nobody_is_refused(service: Service, _: Clock) -> None:
    sender = started(service, _signal("nobody"))
    refusal = _refused(
        service,
        sender,
        SignalExternalWorkflowExecutionFailed,
        SignalExternalWorkflowExecutionInitiated,
    )
    holds(refusal, workflow_id="nobody", run_id=None)


@check
def a_cancel_request_to_nobody_is_refused(service: Service, _: Clock) -> None:
    sender = started(service, _cancel("nobody"))
    refusal = _refused(
        service,
        sender,
        RequestCancelExternalWorkflowExecutionFailed,
        RequestCancelExternalWorkflowExecutionInitiated,
    )
    holds(refusal, workflow_id="nobody", run_id=None)


@check
def the_closed_hear_nothing(service: Service, _: Clock) -> None:
    other = started(service, CompleteWorkflowExecution(), workflow_id="other")
    before = service.history(DOMAIN, other)
    sender = started(service, _signal(run_id=other.run_id), _cancel())
    failed = only(service, sender, SignalExternalWorkflowExecutionFailed)
    holds(failed, run_id=other.run_id, cause="UNKNOWN_EXTERNAL_WORKFLOW_EXECUTION")
    refusal = only(service, sender, RequestCancelExternalWorkflowExecutionFailed)
    holds(refusal, run_id=None, cause="UNKNOWN_EXTERNAL_WORKFLOW_EXECUTION")
    assert service.history(DOMAIN, other) == before


@check
def an_execution_signals_itself(service: Service, _: Clock) -> None:
    me = started(service, _signal("me"), workflow_id="me")
    holds(only(service, me, WorkflowExecutionSignaled), external_workflow_execution=me)
    assert only(service, me, WorkflowExecutionSignaled) in decision_task(service).events


@check
def asking_twice_to_cancel_is_asking_once(service: Service, _: Clock) -> None:
    other = _other(service)
    sender = started(service, _cancel())
    answer(service, _cancel())
    assert len(every(service, sender, ExternalWorkflowExecutionCancelRequested)) == 2
    assert len(every(service, other, WorkflowExecutionCancelRequested)) == 1


@check
def what_is_sent_with_the_closing_decision_arrives(service: Service, _: Clock) -> None:
    other = _other(service)
    sender = started(service, _signal(), _cancel(), CompleteWorkflowExecution())
    for kind in (WorkflowExecutionSignaled, WorkflowExecutionCancelRequested):
        holds(only(service, other, kind), external_workflow_execution=sender)
    assert isinstance(service.history(DOMAIN, sender)[-1], WorkflowExecutionCompleted)
