"""Check what executions send to others that are not their children, and what comes back."""

from __future__ import annotations

from partita import history as h
from partita.ports.service import Service
from partita.testing.clock import Clock
from partita.testing.conformance import arrange as a


def _other(service: Service) -> h.WorkflowExecution:
    """Start an execution whose decision tasks are in nobody's way."""
    return a.start(service, "other", task_list="others")


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


@a.check
def executions_signal_and_cancel_each_other(service: Service, _: Clock) -> None:
    other = a.start(service, "other")
    service.fail_decision(a.decision_task(service).token, "X", "out of the way")
    sender = a.started(
        service,
        h.SignalExternalWorkflowExecution(workflow_id="other", signal_name="s", input="1"),
        h.RequestCancelExternalWorkflowExecution(workflow_id="other"),
        h.SignalExternalWorkflowExecution(workflow_id="nobody", signal_name="s"),
    )
    heard = a.kinds(service, other)
    assert "WorkflowExecutionSignaled" in heard
    assert "WorkflowExecutionCancelRequested" in heard
    told = a.kinds(service, sender)
    assert "ExternalWorkflowExecutionSignaled" in told
    assert "ExternalWorkflowExecutionCancelRequested" in told
    assert "SignalExternalWorkflowExecutionFailed" in told


@a.check
def a_signal_to_another_arrives_and_is_acknowledged(service: Service, _: Clock) -> None:
    other = _other(service)
    sender = a.started(service, _signal(run_id=other.run_id))
    initiated = a.decided(
        service,
        sender,
        h.SignalExternalWorkflowExecutionInitiated,
        workflow_id="other",
        run_id=other.run_id,
        signal_name="s",
        input="[1]",
        control='"mine"',
    )
    a.only(
        service,
        sender,
        h.ExternalWorkflowExecutionSignaled,
        workflow_execution=other,
        initiated_event_id=initiated.event_id,
    )
    a.only(
        service,
        other,
        h.WorkflowExecutionSignaled,
        signal_name="s",
        input="[1]",
        external_workflow_execution=sender,
        external_initiated_event_id=initiated.event_id,
    )


@a.check
def a_cancel_request_to_another_arrives_and_is_acknowledged(service: Service, _: Clock) -> None:
    other = _other(service)
    sender = a.started(service, _cancel(run_id=other.run_id))
    initiated = a.decided(
        service,
        sender,
        h.RequestCancelExternalWorkflowExecutionInitiated,
        workflow_id="other",
        run_id=other.run_id,
        control='"mine"',
    )
    a.only(
        service,
        sender,
        h.ExternalWorkflowExecutionCancelRequested,
        workflow_execution=other,
        initiated_event_id=initiated.event_id,
    )
    a.only(
        service,
        other,
        h.WorkflowExecutionCancelRequested,
        cause=None,
        external_workflow_execution=sender,
        external_initiated_event_id=initiated.event_id,
    )


@a.check
def a_workflow_id_alone_means_the_newest_run(service: Service, _: Clock) -> None:
    other = _other(service)
    sender = a.started(service, _signal(), _cancel())
    for kind in (h.ExternalWorkflowExecutionSignaled, h.ExternalWorkflowExecutionCancelRequested):
        a.only(service, sender, kind, workflow_execution=other)
    assert len(a.every(service, other, h.WorkflowExecutionSignaled)) == 1


def _refused(
    service: Service, sender: h.WorkflowExecution, kind: type[h.Event], initiated: type[h.Event]
) -> h.Event:
    """Return the refusal, which the sender's decider must be woken for."""
    refusal = a.decided(
        service,
        sender,
        kind,
        cause="UNKNOWN_EXTERNAL_WORKFLOW_EXECUTION",
        control='"mine"',
        initiated_event_id=a.last_id(service, sender, initiated),
    )
    assert refusal in a.decision_task(service).events
    return refusal


@a.check
def a_signal_to_nobody_is_refused(service: Service, _: Clock) -> None:
    sender = a.started(service, _signal("nobody"))
    refusal = _refused(
        service,
        sender,
        h.SignalExternalWorkflowExecutionFailed,
        h.SignalExternalWorkflowExecutionInitiated,
    )
    a.assert_fields(refusal, workflow_id="nobody", run_id=None)


@a.check
def a_cancel_request_to_nobody_is_refused(service: Service, _: Clock) -> None:
    sender = a.started(service, _cancel("nobody"))
    refusal = _refused(
        service,
        sender,
        h.RequestCancelExternalWorkflowExecutionFailed,
        h.RequestCancelExternalWorkflowExecutionInitiated,
    )
    a.assert_fields(refusal, workflow_id="nobody", run_id=None)


@a.check
def the_closed_hear_nothing(service: Service, _: Clock) -> None:
    other = a.started(service, h.CompleteWorkflowExecution(), workflow_id="other")
    before = service.history(a.DOMAIN, other)
    sender = a.started(service, _signal(run_id=other.run_id), _cancel())
    a.only(
        service,
        sender,
        h.SignalExternalWorkflowExecutionFailed,
        run_id=other.run_id,
        cause="UNKNOWN_EXTERNAL_WORKFLOW_EXECUTION",
    )
    a.only(
        service,
        sender,
        h.RequestCancelExternalWorkflowExecutionFailed,
        run_id=None,
        cause="UNKNOWN_EXTERNAL_WORKFLOW_EXECUTION",
    )
    assert service.history(a.DOMAIN, other) == before


@a.check
def an_execution_signals_itself(service: Service, _: Clock) -> None:
    me = a.started(service, _signal("me"), workflow_id="me")
    a.only(service, me, h.WorkflowExecutionSignaled, external_workflow_execution=me)
    assert a.only(service, me, h.WorkflowExecutionSignaled) in a.decision_task(service).events


@a.check
def asking_twice_to_cancel_is_asking_once(service: Service, _: Clock) -> None:
    other = _other(service)
    sender = a.started(service, _cancel())
    a.answer(service, _cancel())
    assert len(a.every(service, sender, h.ExternalWorkflowExecutionCancelRequested)) == 2
    assert len(a.every(service, other, h.WorkflowExecutionCancelRequested)) == 1


@a.check
def what_is_sent_with_the_closing_decision_arrives(service: Service, _: Clock) -> None:
    other = _other(service)
    sender = a.started(service, _signal(), _cancel(), h.CompleteWorkflowExecution())
    for kind in (h.WorkflowExecutionSignaled, h.WorkflowExecutionCancelRequested):
        a.only(service, other, kind, external_workflow_execution=sender)
    assert isinstance(service.history(a.DOMAIN, sender)[-1], h.WorkflowExecutionCompleted)
