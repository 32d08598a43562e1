"""Rules for children, signals to and cancel requests for other executions."""

from __future__ import annotations

from typing import assert_never

from partita import history as h
from partita.ports.state import Execution, OpenChild, Status
from partita.rules import commands as c
from partita.rules.draft import Draft
from partita.rules.refusals import refuse


def start_child(draft: Draft, decision: h.StartChildWorkflowExecution, completed: int) -> None:
    starting = (isinstance(one, c.StartChild) for one in draft.outgoing)
    if draft.is_full("open_children", starting):
        refuse(draft, decision, "OPEN_CHILDREN_LIMIT_EXCEEDED", completed)
        return
    parent = draft.state.execution
    child = Execution(
        domain=parent.domain,
        workflow_id=decision.workflow_id,
        run_id="",
        workflow_type=decision.workflow_type,
        task_list=decision.task_list or parent.task_list,
        started_at=draft.now,
        task_priority=decision.task_priority or 0,
        child_policy=decision.child_policy or h.ChildPolicy.TERMINATE,
        task_start_to_close=decision.task_start_to_close,
        execution_start_to_close=decision.execution_start_to_close,
        tag_list=decision.tag_list,
        lambda_role=decision.lambda_role,
        parent=h.WorkflowExecution(parent.workflow_id, parent.run_id),
        parent_initiated_event_id=draft.last_event_id + 1,
        trace_context=decision.trace_context or parent.trace_context,
    )
    initiated = draft.event(
        h.StartChildWorkflowExecutionInitiated,
        workflow_id=child.workflow_id,
        workflow_type=child.workflow_type,
        control=decision.control,
        input=decision.input,
        execution_start_to_close=child.execution_start_to_close,
        task_list=child.task_list,
        task_priority=decision.task_priority,
        child_policy=child.child_policy,
        task_start_to_close=child.task_start_to_close,
        tag_list=child.tag_list,
        lambda_role=child.lambda_role,
        decision_task_completed_event_id=completed,
    )
    draft.outgoing.append(
        c.StartChild(
            execution=child,
            input=decision.input,
            initiated_event_id=initiated,
            decision_task_completed_event_id=completed,
            control=decision.control,
        )
    )


def child_started(draft: Draft, command: c.ChildStarted) -> None:
    started = draft.event(
        h.ChildWorkflowExecutionStarted,
        workflow_execution=command.execution,
        workflow_type=command.workflow_type,
        initiated_event_id=command.initiated_event_id,
    )
    draft.put(
        OpenChild(
            id=str(command.initiated_event_id),
            execution=command.execution,
            workflow_type=command.workflow_type,
            initiated_event_id=command.initiated_event_id,
            started_event_id=started,
            control=command.control,
            reused=command.reused,
        )
    )
    draft.count("open_children", 1)
    draft.wake()


def child_not_started(draft: Draft, command: c.ChildNotStarted) -> None:
    draft.event(
        h.StartChildWorkflowExecutionFailed,
        workflow_id=command.workflow_id,
        workflow_type=command.workflow_type,
        cause=command.cause,
        initiated_event_id=command.initiated_event_id,
        decision_task_completed_event_id=command.decision_task_completed_event_id,
        control=command.control,
    )
    draft.wake()


def child_closed(draft: Draft, command: c.ChildClosed) -> None:
    item: OpenChild | None = draft.get("child", str(command.initiated_event_id))
    if item is None:
        return
    common = {
        "workflow_execution": command.execution,
        "workflow_type": command.workflow_type,
        "initiated_event_id": item.initiated_event_id,
        "started_event_id": item.started_event_id,
    }
    match command.status:
        case Status.COMPLETED:
            draft.event(h.ChildWorkflowExecutionCompleted, result=command.result, **common)
        case Status.FAILED:
            draft.event(
                h.ChildWorkflowExecutionFailed,
                reason=command.reason,
                details=command.details,
                **common,
            )
        case Status.CANCELED:
            draft.event(h.ChildWorkflowExecutionCanceled, details=command.details, **common)
        case Status.TERMINATED:
            draft.event(h.ChildWorkflowExecutionTerminated, **common)
        case Status.TIMED_OUT:
            draft.event(
                h.ChildWorkflowExecutionTimedOut,
                timeout_type=h.TimeoutType.START_TO_CLOSE,
                **common,
            )
        case Status.OPEN | Status.CONTINUED_AS_NEW:
            return
        case _:
            assert_never(command.status)
    draft.drop_item("child", item.id)
    draft.count("open_children", -1)
    draft.wake()


def signal_external(
    draft: Draft, decision: h.SignalExternalWorkflowExecution, completed: int
) -> None:
    initiated = draft.event(
        h.SignalExternalWorkflowExecutionInitiated,
        workflow_id=decision.workflow_id,
        run_id=decision.run_id,
        signal_name=decision.signal_name,
        input=decision.input,
        control=decision.control,
        decision_task_completed_event_id=completed,
    )
    draft.outgoing.append(
        c.SendSignal(
            workflow_id=decision.workflow_id,
            run_id=decision.run_id,
            initiated_event_id=initiated,
            decision_task_completed_event_id=completed,
            signal_name=decision.signal_name,
            input=decision.input,
            control=decision.control,
        )
    )


def cancel_external(
    draft: Draft, decision: h.RequestCancelExternalWorkflowExecution, completed: int
) -> None:
    initiated = draft.event(
        h.RequestCancelExternalWorkflowExecutionInitiated,
        workflow_id=decision.workflow_id,
        run_id=decision.run_id,
        control=decision.control,
        decision_task_completed_event_id=completed,
    )
    draft.outgoing.append(
        c.SendCancel(
            workflow_id=decision.workflow_id,
            run_id=decision.run_id,
            initiated_event_id=initiated,
            decision_task_completed_event_id=completed,
            control=decision.control,
        )
    )


def external_answered(draft: Draft, command: c.ExternalAnswered) -> None:
    sent = command.outgoing
    is_signal = isinstance(sent, c.SendSignal)
    if command.cause is None:
        draft.event(
            h.ExternalWorkflowExecutionSignaled
            if is_signal
            else h.ExternalWorkflowExecutionCancelRequested,
            workflow_execution=h.WorkflowExecution(sent.workflow_id, command.run_id or ""),
            initiated_event_id=sent.initiated_event_id,
        )
    else:
        draft.event(
            h.SignalExternalWorkflowExecutionFailed
            if is_signal
            else h.RequestCancelExternalWorkflowExecutionFailed,
            workflow_id=sent.workflow_id,
            run_id=sent.run_id,
            cause=command.cause,
            initiated_event_id=sent.initiated_event_id,
            decision_task_completed_event_id=sent.decision_task_completed_event_id,
            control=sent.control,
        )
    draft.wake()
