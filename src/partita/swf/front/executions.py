"""Operations on executions: start, signal, cancel, terminate, describe, read the history.

Source: Amazon SWF API Reference (2012-01-25), StartWorkflowExecution and its neighbours.
"""

from __future__ import annotations

from partita.aws.faults import DefaultUndefinedFault, TypeDeprecatedFault, UnknownResourceFault
from partita.aws.names import seconds
from partita.history import ChildPolicy, WorkflowExecution, WorkflowType
from partita.ports.service import ReusePolicy, StartRequest
from partita.ports.session import Session
from partita.ports.state import State
from partita.ports.store import Record
from partita.rules.commands import RequestCancel, Signal, Terminate
from partita.swf.events import event_to_swf
from partita.swf.front.catalogue import (
    DEPRECATED,
    WORKFLOW,
    domain_of,
    must_be_open,
    type_of,
)
from partita.swf.front.defaults import WORKFLOW_DEFAULTS, filled
from partita.swf.front.infos import configuration_to_swf, info_to_swf
from partita.swf.front.operations import Answer, Front, Given, looks, writes
from partita.swf.front.paging import page_size, place_of, token_for


@writes("StartWorkflowExecution")
def start_workflow_execution(front: Front, session: Session, given: Given) -> Answer:
    """Start an execution, unless its workflow id has an open one."""
    kind = given["workflowType"]
    domain = domain_of(session, given["domain"])
    type = type_of(session, WORKFLOW, domain.name, kind)
    if type.status == DEPRECATED:
        raise TypeDeprecatedFault(f"{type.name}, {type.version}")
    must_be_open(domain)
    whole, undefined = filled(given, type, WORKFLOW_DEFAULTS)
    if undefined is not None:
        raise DefaultUndefinedFault(f"{undefined}: give it, or register {type.name} with it")
    request = StartRequest(
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
    return {"runId": session.start(request).run_id}


def _meant(session: Session, given: Given) -> State:
    """Return the execution that a request means.

    Raises:
        UnknownResourceFault: there is no such domain.
        ExecutionNotFoundError: there is no such execution.
    """
    domain_of(session, given["domain"])
    return session.open(
        given["domain"], WorkflowExecution(given["workflowId"], given.get("runId", ""))
    )


@writes("SignalWorkflowExecution")
def signal_workflow_execution(front: Front, session: Session, given: Given) -> Answer:
    """Record a signal."""
    state = _meant(session, given)
    session.do(state, Signal(signal_name=given["signalName"], input=given.get("input")))
    end_if_too_long(front, session, state)
    return None


def end_if_too_long(front: Front, session: Session, state: State) -> None:
    """Terminate an execution whose history has all the events that it may have."""
    if state.progress.last_event_id >= front.limits.events and not state.is_closed:
        session.do(state, Terminate(cause="EVENT_LIMIT_EXCEEDED"))


@writes("RequestCancelWorkflowExecution")
def request_cancel_workflow_execution(front: Front, session: Session, given: Given) -> Answer:
    """Ask the workflow to cancel itself."""
    session.do(_meant(session, given), RequestCancel())
    return None


@writes("TerminateWorkflowExecution")
def terminate_workflow_execution(front: Front, session: Session, given: Given) -> Answer:
    """End the execution at once."""
    policy = given.get("childPolicy")
    command = Terminate(
        reason=given.get("reason"),
        details=given.get("details"),
        child_policy=None if policy is None else ChildPolicy(policy),
    )
    session.do(_meant(session, given), command)
    return None


def _record(front: Front, given: Given) -> Record:
    """Return an execution as it is committed.

    Raises:
        UnknownResourceFault: there is no such domain, or no such execution in it.
    """
    domain_of(front.committed, given["domain"])
    wanted = given["execution"]
    record = front.committed.find(given["domain"], wanted["workflowId"], wanted["runId"])
    if record is None:
        named = f"workflowId={wanted['workflowId']}, runId={wanted['runId']}"
        raise UnknownResourceFault(f"Unknown execution: WorkflowExecution=[{named}]")
    return record


@looks("DescribeWorkflowExecution")
def describe_workflow_execution(front: Front, given: Given) -> Answer:
    """Say how an execution stands."""
    record = _record(front, given)
    progress = record.progress
    answer: Given = {
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


@looks("GetWorkflowExecutionHistory")
def get_workflow_execution_history(front: Front, given: Given) -> Answer:
    """Return one page of an execution's events."""
    record = _record(front, given)
    operation, size = "GetWorkflowExecutionHistory", page_size(front, given)
    last = record.progress.last_event_id
    if given.get("reverseOrder"):
        top = place_of(front, operation, given) or last
        events = front.committed.events(record.run, max(0, top - size))
        shown = [event for event in events if event.event_id <= top][::-1]
        place, more = top - size, top > size
    else:
        place = place_of(front, operation, given) or 0
        shown = front.committed.events(record.run, place)[:size]
        place, more = place + size, place + size < last
    answer: Given = {"events": [event_to_swf(event) for event in shown]}
    if more:
        answer["nextPageToken"] = token_for(front, operation, given, place)
    return answer
