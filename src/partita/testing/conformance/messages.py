"""What executions do to each other: children, signals, cancels, the next run."""

from __future__ import annotations

from partita import history as h
from partita.ports.service import Service
from partita.ports.state import Status
from partita.testing.clock import Clock
from partita.testing.conformance.arrange import (
    DOMAIN,
    FLOW,
    check,
    decision_task,
    kinds,
    start,
    started,
    status,
)


@check
def a_child_runs_and_its_parent_hears(service: Service, _: Clock) -> None:
    service.register_workflow_type(DOMAIN, FLOW)
    parent = started(
        service, h.StartChildWorkflowExecution(workflow_id="child", workflow_type=FLOW, input="[9]")
    )
    child = service.describe(DOMAIN, h.WorkflowExecution("child", "")).info
    assert child.parent == parent
    tasks = [decision_task(service), decision_task(service)]
    for task in tasks:
        done = task.workflow_execution.workflow_id == "child"
        service.complete_decision(
            task.token, [h.CompleteWorkflowExecution(result="5")] if done else []
        )
    assert "ChildWorkflowExecutionStarted" in kinds(service, parent)
    assert decision_task(service).events[-3].event_type == "ChildWorkflowExecutionCompleted"


@check
def a_child_whose_id_is_taken_does_not_start(service: Service, _: Clock) -> None:
    service.register_workflow_type(DOMAIN, FLOW)
    start(service, "child")
    service.fail_decision(decision_task(service).token, "X", "out of the way")
    parent = started(
        service, h.StartChildWorkflowExecution(workflow_id="child", workflow_type=FLOW)
    )
    assert "StartChildWorkflowExecutionFailed" in kinds(service, parent)


@check
def terminating_a_parent_terminates_its_children(service: Service, _: Clock) -> None:
    service.register_workflow_type(DOMAIN, FLOW)
    parent = started(
        service, h.StartChildWorkflowExecution(workflow_id="child", workflow_type=FLOW)
    )
    service.terminate_workflow_execution(DOMAIN, parent, None)
    assert status(service, h.WorkflowExecution("child", "")) is Status.TERMINATED


@check
def executions_signal_and_cancel_each_other(service: Service, _: Clock) -> None:
    other = start(service, "other")
    service.fail_decision(decision_task(service).token, "X", "out of the way")
    sender = started(
        service,
        h.SignalExternalWorkflowExecution(workflow_id="other", signal_name="s", input="1"),
        h.RequestCancelExternalWorkflowExecution(workflow_id="other"),
        h.SignalExternalWorkflowExecution(workflow_id="nobody", signal_name="s"),
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
    first = started(service, h.ContinueAsNewWorkflowExecution(input="[2]"))
    assert status(service, first) is Status.CONTINUED_AS_NEW
    task = decision_task(service)
    assert task.workflow_execution.workflow_id == first.workflow_id
    assert task.workflow_execution.run_id != first.run_id
    begun = task.events[0]
    assert getattr(begun, "input", None) == "[2]"
    assert getattr(begun, "continued_execution_run_id", None) == first.run_id
