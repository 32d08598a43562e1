"""Rules for the execution as a whole: begin, signal, cancel, terminate, close, continue."""

from __future__ import annotations

import uuid
from typing import Any, assert_never

import msgspec
from msgspec.structs import replace

from partita import history as h
from partita.ports.state import OpenExecution, Status
from partita.rules import commands as c
from partita.rules.draft import Draft


def start(draft: Draft, command: c.Start) -> None:
    execution = draft.state.execution
    draft.event(
        h.WorkflowExecutionStarted,
        input=command.input,
        workflow_type=execution.workflow_type,
        task_list=execution.task_list,
        task_priority=execution.task_priority or None,
        child_policy=execution.child_policy,
        execution_start_to_close=execution.execution_start_to_close,
        task_start_to_close=execution.task_start_to_close,
        tag_list=execution.tag_list,
        lambda_role=execution.lambda_role,
        continued_execution_run_id=command.continued_execution_run_id,
        parent_workflow_execution=execution.parent,
        parent_initiated_event_id=execution.parent_initiated_event_id or None,
        original_run_id=command.original_run_id,
        reused_markers=command.reused_markers,
        trace_context=execution.trace_context,
    )
    if command.search_attributes:
        draft.fields["search_attributes"] = command.search_attributes
    if execution.execution_start_to_close is not None:
        due = draft.now + execution.execution_start_to_close
        draft.put(OpenExecution(id="", due=due))
    draft.schedule_decision(command.first_decision_at)


def signal(draft: Draft, command: c.Signal) -> None:
    draft.event(
        h.WorkflowExecutionSignaled,
        signal_name=command.signal_name,
        input=command.input,
        external_workflow_execution=command.source,
        external_initiated_event_id=command.source_initiated_event_id,
    )
    draft.wake()


def request_cancel(draft: Draft, command: c.RequestCancel) -> None:
    if draft.field("cancel_requested"):
        return
    draft.fields["cancel_requested"] = True
    draft.event(
        h.WorkflowExecutionCancelRequested,
        external_workflow_execution=command.source,
        external_initiated_event_id=command.source_initiated_event_id,
        cause=command.cause,
    )
    draft.wake()


def terminate(draft: Draft, command: c.Terminate) -> None:
    policy = command.child_policy or draft.state.execution.child_policy
    draft.event(
        h.WorkflowExecutionTerminated,
        reason=command.reason,
        details=command.details,
        child_policy=policy,
        cause=command.cause,
    )
    close_children(draft, policy)
    draft.close(Status.TERMINATED, outcome(draft, Status.TERMINATED))


def close_children(draft: Draft, policy: h.ChildPolicy) -> None:
    if draft.field("open_children") and policy is not h.ChildPolicy.ABANDON:
        draft.outgoing.append(c.ApplyChildPolicy(policy=policy))


def outcome(draft: Draft, status: Status, **attributes: str | None) -> c.ChildClosed:
    execution = draft.state.execution
    return c.ChildClosed(
        execution=h.WorkflowExecution(execution.workflow_id, execution.run_id),
        workflow_type=execution.workflow_type,
        initiated_event_id=execution.parent_initiated_event_id,
        status=status,
        **attributes,
    )


_Closing = (
    h.CompleteWorkflowExecution
    | h.FailWorkflowExecution
    | h.CancelWorkflowExecution
    | h.ContinueAsNewWorkflowExecution
)


def close(draft: Draft, decision: _Closing, completed: int) -> None:
    match decision:
        case h.CompleteWorkflowExecution(result=result):
            status = Status.COMPLETED
            attributes = {"result": result}
            draft.event(
                h.WorkflowExecutionCompleted,
                decision_task_completed_event_id=completed,
                **attributes,
            )
        case h.FailWorkflowExecution(reason=reason, details=details):
            status = Status.FAILED
            attributes = {"reason": reason, "details": details}
            draft.event(
                h.WorkflowExecutionFailed, decision_task_completed_event_id=completed, **attributes
            )
        case h.CancelWorkflowExecution(details=details):
            status = Status.CANCELED
            attributes = {"details": details}
            draft.event(
                h.WorkflowExecutionCanceled,
                decision_task_completed_event_id=completed,
                **attributes,
            )
        case h.ContinueAsNewWorkflowExecution():
            _continue_as_new(draft, decision, completed)
            return
        case _:
            assert_never(decision)
    draft.close(status, outcome(draft, status, **attributes))


def _continue_as_new(
    draft: Draft, decision: h.ContinueAsNewWorkflowExecution, completed: int
) -> None:
    old = draft.state.execution
    version = decision.workflow_type_version or old.workflow_type.version
    given = _given(decision, inherits=draft.terms.inherits)
    new = replace(
        old,
        run_id=_next_run_id(old.run_id),
        workflow_type=h.WorkflowType(old.workflow_type.name, version),
        started_at=draft.now,
        origin=None,
        first_run_id=old.first_run_id or old.run_id,
        **given,
    )
    draft.event(
        h.WorkflowExecutionContinuedAsNew,
        input=decision.input,
        decision_task_completed_event_id=completed,
        new_execution_run_id=new.run_id,
        execution_start_to_close=new.execution_start_to_close,
        task_list=new.task_list,
        task_priority=new.task_priority or None,
        task_start_to_close=new.task_start_to_close,
        child_policy=new.child_policy,
        tag_list=new.tag_list,
        workflow_type=new.workflow_type,
        lambda_role=new.lambda_role,
    )
    draft.outgoing.append(
        c.ContinueRun(
            execution=new,
            input=decision.input,
            signals=decision.unread_signals,
            cancel=decision.cancel_pending,
            search_attributes=draft.field("search_attributes"),
        )
    )
    draft.close(Status.CONTINUED_AS_NEW, None)


_INHERITED = (
    "execution_start_to_close",
    "task_list",
    "task_priority",
    "task_start_to_close",
    "child_policy",
    "tag_list",
    "lambda_role",
)
"""What a next run may have from the one before."""

_MAY_BE_NONE = {"execution_start_to_close", "task_start_to_close", "lambda_role"}


def _given(decision: h.ContinueAsNewWorkflowExecution, *, inherits: bool) -> dict[str, Any]:
    """Return what a decision says of the next run; if nothing is inherited, None says it, too."""
    return {
        name: value
        for name in _INHERITED
        if (value := getattr(decision, name)) is not None or (not inherits and name in _MAY_BE_NONE)
    }


def _next_run_id(run_id: str) -> str:
    """Derive the next run's id from this one's, so that the rule stays pure."""
    return uuid.uuid5(uuid.NAMESPACE_OID, run_id).hex


def execution_due(draft: Draft) -> None:
    policy = draft.state.execution.child_policy
    draft.event(
        h.WorkflowExecutionTimedOut, timeout_type=h.TimeoutType.START_TO_CLOSE, child_policy=policy
    )
    close_children(draft, policy)
    draft.close(Status.TIMED_OUT, outcome(draft, Status.TIMED_OUT))


def set_search_attributes(draft: Draft, details: str | None) -> None:
    """Merge the attributes of a marker; None takes one away, and what is no object is ignored."""
    try:
        given = msgspec.json.decode(details or "", type=dict[str, Any])
    except msgspec.DecodeError:
        return
    merged = {**draft.field("search_attributes"), **given}
    draft.fields["search_attributes"] = {k: v for k, v in merged.items() if v is not None}
