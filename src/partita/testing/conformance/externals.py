"""What executions send to others that are not their children, and what comes back."""

from __future__ import annotations

from partita import history as h
from partita.ports.service import Service
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


def _other(service: Service) -> h.WorkflowExecution:
    """Start an execution whose decision tasks are in nobody's way."""
    return start(service, "other", task_list="others")


def _signal(
    workflow_id: str = "other", run_id: str | None = None
) -> h.SignalExternalWorkflowExecution:
    return h.SignalExternalWorkflowExecution(
        workflow_id=workflow_id, run_id=run_id, signal_name="s", input="[1]", control='"mine"'
    )


def _cancel(
    workflow_id: str = "other", run_id: str | None = None
) -> h.RequestCancelExternalWorkflowExecution:
    return h.RequestCancelExternalWorkflowExecution(
        workflow_id=workflow_id, run_id=run_id, control='"mine"'
    )


@check
def a_signal_to_another_arrives_and_is_acknowledged(service: Service, _: Clock) -> None:
    other = _other(service)
    sender = started(service, _signal(run_id=other.run_id))
    initiated = only(service, sender, h.SignalExternalWorkflowExecutionInitiated)
    holds(initiated, workflow_id="other", run_id=other.run_id, signal_name="s", input="[1]")
    completed = last_id(service, sender, h.DecisionTaskCompleted)
    holds(initiated, control='"mine"', decision_task_completed_event_id=completed)
    holds(
        only(service, sender, h.ExternalWorkflowExecutionSignaled),
        workflow_execution=other,
        initiated_event_id=initiated.event_id,
    )
    holds(
        only(service, other, h.WorkflowExecutionSignaled),
        signal_name="s",
        input="[1]",
        external_workflow_execution=sender,
        external_initiated_event_id=initiated.event_id,
    )


@check
def a_cancel_request_to_another_arrives_and_is_acknowledged(service: Service, _: Clock) -> None:
    other = _other(service)
    sender = started(service, _cancel(run_id=other.run_id))
    initiated = only(service, sender, h.RequestCancelExternalWorkflowExecutionInitiated)
    completed = last_id(service, sender, h.DecisionTaskCompleted)
    holds(initiated, workflow_id="other", run_id=other.run_id, control='"mine"')
    holds(initiated, decision_task_completed_event_id=completed)
    holds(
        only(service, sender, h.ExternalWorkflowExecutionCancelRequested),
        workflow_execution=other,
        initiated_event_id=initiated.event_id,
    )
    holds(
        only(service, other, h.WorkflowExecutionCancelRequested),
        cause=None,
        external_workflow_execution=sender,
        external_initiated_event_id=initiated.event_id,
    )


@check
def a_workflow_id_alone_means_the_newest_run(service: Service, _: Clock) -> None:
    other = _other(service)
    sender = started(service, _signal(), _cancel())
    for kind in (h.ExternalWorkflowExecutionSignaled, h.ExternalWorkflowExecutionCancelRequested):
        holds(only(service, sender, kind), workflow_execution=other)
    assert len(every(service, other, h.WorkflowExecutionSignaled)) == 1


def _refused(
    service: Service, sender: h.WorkflowExecution, kind: type[h.Event], initiated: type[h.Event]
) -> h.Event:
    """Return the refusal, which the sender's decider must be woken for."""
    refusal = only(service, sender, kind)
    holds(
        refusal,
        cause="UNKNOWN_EXTERNAL_WORKFLOW_EXECUTION",
        control='"mine"',
        initiated_event_id=last_id(service, sender, initiated),
        decision_task_completed_event_id=last_id(service, sender, h.DecisionTaskCompleted),
    )
    assert refusal in decision_task(service).events
    return refusal


@check
def a_signal_to_nobody_is_refused(service: Service, _: Clock) -> None:
    sender = started(service, _signal("nobody"))
    refusal = _refused(
        service,
        sender,
        h.SignalExternalWorkflowExecutionFailed,
        h.SignalExternalWorkflowExecutionInitiated,
    )
    holds(refusal, workflow_id="nobody", run_id=None)


@check
def a_cancel_request_to_nobody_is_refused(service: Service, _: Clock) -> None:
    sender = started(service, _cancel("nobody"))
    refusal = _refused(
        service,
        sender,
        h.RequestCancelExternalWorkflowExecutionFailed,
        h.RequestCancelExternalWorkflowExecutionInitiated,
    )
    holds(refusal, workflow_id="nobody", run_id=None)


@check
def the_closed_hear_nothing(service: Service, _: Clock) -> None:
    other = started(service, h.CompleteWorkflowExecution(), workflow_id="other")
    before = service.history(DOMAIN, other)
    sender = started(service, _signal(run_id=other.run_id), _cancel())
    failed = only(service, sender, h.SignalExternalWorkflowExecutionFailed)
    holds(failed, run_id=other.run_id, cause="UNKNOWN_EXTERNAL_WORKFLOW_EXECUTION")
    refusal = only(service, sender, h.RequestCancelExternalWorkflowExecutionFailed)
    holds(refusal, run_id=None, cause="UNKNOWN_EXTERNAL_WORKFLOW_EXECUTION")
    assert service.history(DOMAIN, other) == before


@check
def an_execution_signals_itself(service: Service, _: Clock) -> None:
    me = started(service, _signal("me"), workflow_id="me")
    holds(only(service, me, h.WorkflowExecutionSignaled), external_workflow_execution=me)
    assert only(service, me, h.WorkflowExecutionSignaled) in decision_task(service).events


@check
def asking_twice_to_cancel_is_asking_once(service: Service, _: Clock) -> None:
    other = _other(service)
    sender = started(service, _cancel())
    answer(service, _cancel())
    assert len(every(service, sender, h.ExternalWorkflowExecutionCancelRequested)) == 2
    assert len(every(service, other, h.WorkflowExecutionCancelRequested)) == 1


@check
def what_is_sent_with_the_closing_decision_arrives(service: Service, _: Clock) -> None:
    other = _other(service)
    sender = started(service, _signal(), _cancel(), h.CompleteWorkflowExecution())
    for kind in (h.WorkflowExecutionSignaled, h.WorkflowExecutionCancelRequested):
        holds(only(service, other, kind), external_workflow_execution=sender)
    assert isinstance(service.history(DOMAIN, sender)[-1], h.WorkflowExecutionCompleted)
