"""Operations on executions: start, signal, cancel, terminate, describe, read the history.

Source: Amazon SWF API Reference (2012-01-25), StartWorkflowExecution and its neighbours.
"""

from __future__ import annotations

from partita.aws.json_protocol import Answer
from partita.aws.shapes import Members
from partita.errors import ExecutionNotFoundError
from partita.history import ChildPolicy, WorkflowExecution, WorkflowType
from partita.ports.service import ReusePolicy, StartRequest
from partita.ports.session import Session
from partita.ports.state import State
from partita.ports.store import Record
from partita.rules.commands import Command, RequestCancel, Signal, Terminate
from partita.swf.faults import DefaultUndefinedFault, TypeDeprecatedFault, UnknownResourceFault
from partita.swf.front.catalogue import (
    DEPRECATED,
    WORKFLOW,
    WORKFLOW_DEFAULTS,
    domain_of,
    label_of,
    must_be_open,
    type_of,
    with_defaults,
)
from partita.swf.front.front import Front, Read, Write
from partita.swf.wire_format import configuration_to_swf, event_to_swf, info_to_swf, seconds


def start_workflow_execution(front: Front, session: Session, request: Members) -> Answer:
    """Start an execution, unless its workflow id has an open one."""
    kind = request["workflowType"]
    domain = domain_of(session, request["domain"])
    type = type_of(session, WORKFLOW, domain.name, kind)
    if type.status == DEPRECATED:
        raise TypeDeprecatedFault(label_of(WORKFLOW, kind))
    must_be_open(domain)
    whole, undefined = with_defaults(request, type, WORKFLOW_DEFAULTS)
    if undefined is not None:
        raise DefaultUndefinedFault(f"{undefined}: give it, or register {type.name} with it")
    start = StartRequest(
        workflow_id=whole["workflowId"],
        workflow_type=WorkflowType(type.name, type.version),
        input=whole.get("input"),
        domain=whole["domain"],
        task_list=whole["taskList"]["name"],
        task_priority=int(whole.get("taskPriority", 0)),
        child_policy=ChildPolicy(whole["childPolicy"]),
        task_start_to_close=seconds(whole["taskStartToCloseTimeout"]),
        execution_start_to_close=seconds(whole["executionStartToCloseTimeout"]),
        tag_list=tuple(whole.get("tagList", ())),
        lambda_role=whole.get("lambdaRole"),
        reuse_policy=ReusePolicy.ALLOW,
    )
    return {"runId": session.start(start).run_id}


def unknown_execution(workflow_id: str, run_id: str) -> UnknownResourceFault:
    """Return Amazon's fault for an execution that is not there, or not open any more.

    Without a run id, any open run of the workflow id was meant.
    """
    if not run_id:
        return UnknownResourceFault(f"Unknown execution, workflowId = {workflow_id}")
    named = f"workflowId={workflow_id}, runId={run_id}"
    return UnknownResourceFault(f"Unknown execution: WorkflowExecution=[{named}]")


def _do(session: Session, request: Members, command: Command) -> State:
    """Do a command on the open execution that a request means, and return its state.

    Raises:
        UnknownResourceFault: there is no such domain, or no such open execution.
    """
    domain_of(session, request["domain"])
    workflow_id, run_id = request["workflowId"], request.get("runId", "")
    try:
        state = session.open(request["domain"], WorkflowExecution(workflow_id, run_id))
        session.do(state, command)
    except ExecutionNotFoundError as error:
        raise unknown_execution(workflow_id, run_id) from error
    return state


def signal_workflow_execution(front: Front, session: Session, request: Members) -> Answer:
    """Record a signal."""
    signal = Signal(signal_name=request["signalName"], input=request.get("input"))
    state = _do(session, request, signal)
    terminate_if_too_long(front, session, state)
    return None


def terminate_if_too_long(front: Front, session: Session, state: State) -> None:
    """Terminate an execution whose history has reached the limit of events."""
    if state.progress.last_event_id >= front.limits.events and not state.is_closed:
        session.do(state, Terminate(cause="EVENT_LIMIT_EXCEEDED"))


def request_cancel_workflow_execution(front: Front, session: Session, request: Members) -> Answer:
    """Ask the workflow to cancel itself."""
    _do(session, request, RequestCancel())
    return None


def terminate_workflow_execution(front: Front, session: Session, request: Members) -> Answer:
    """End the execution at once."""
    policy = request.get("childPolicy")
    command = Terminate(
        reason=request.get("reason"),
        details=request.get("details"),
        child_policy=None if policy is None else ChildPolicy(policy),
    )
    _do(session, request, command)
    return None


def _record(front: Front, request: Members) -> Record:
    """Return an execution as it is committed.

    Raises:
        UnknownResourceFault: there is no such domain, or no such execution in it.
    """
    domain_of(front.committed, request["domain"])
    wanted = request["execution"]
    record = front.committed.find(request["domain"], wanted["workflowId"], wanted["runId"])
    if record is None:
        raise unknown_execution(wanted["workflowId"], wanted["runId"])
    return record


def describe_workflow_execution(front: Front, request: Members) -> Answer:
    """Return an execution with how much is open in it."""
    record = _record(front, request)
    progress = record.progress
    answer: Members = {
        "executionInfo": info_to_swf(record.execution, progress),
        "executionConfiguration": configuration_to_swf(record.execution),
        "openCounts": {
            "openActivityTasks": progress.open_activities,
            "openDecisionTasks": int(progress.decision_scheduled_event_id > 0),
            "openTimers": progress.open_timers,
            "openChildWorkflowExecutions": progress.open_children,
            "openLambdaFunctions": progress.open_lambdas,
        },
    }
    if progress.latest_activity_at is not None:
        answer["latestActivityTaskTimestamp"] = progress.latest_activity_at
    if progress.execution_context is not None:
        answer["latestExecutionContext"] = progress.execution_context
    return answer


def get_workflow_execution_history(front: Front, request: Members) -> Answer:
    """Return one page of an execution's events."""
    record = _record(front, request)
    operation, size = "GetWorkflowExecutionHistory", front.pager.size(request)
    last = record.progress.last_event_id
    if request.get("reverseOrder"):
        top = front.pager.place(operation, request) or last
        events = front.committed.events(record.run, max(0, top - size))
        shown = [event for event in events if event.event_id <= top][::-1]
        place, more = top - size, top > size
    else:
        place = front.pager.place(operation, request) or 0
        shown = front.committed.events(record.run, place)[:size]
        place, more = place + size, place + size < last
    answer: Members = {"events": [event_to_swf(event) for event in shown]}
    if more:
        answer |= front.pager.after(operation, request, place)
    return answer


WRITES: dict[str, Write] = {
    "StartWorkflowExecution": start_workflow_execution,
    "SignalWorkflowExecution": signal_workflow_execution,
    "RequestCancelWorkflowExecution": request_cancel_workflow_execution,
    "TerminateWorkflowExecution": terminate_workflow_execution,
}
READS: dict[str, Read] = {
    "DescribeWorkflowExecution": describe_workflow_execution,
    "GetWorkflowExecutionHistory": get_workflow_execution_history,
}
