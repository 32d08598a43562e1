"""Record that a decision was not carried out, and why: each decision has its own event for that."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, assert_never

from partita.history import (
    AnyDecision,
    AnyEvent,
    CancelTimer,
    CancelTimerFailed,
    CancelWorkflowExecution,
    CancelWorkflowExecutionFailed,
    CompleteWorkflowExecution,
    CompleteWorkflowExecutionFailed,
    ContinueAsNewWorkflowExecution,
    ContinueAsNewWorkflowExecutionFailed,
    FailWorkflowExecution,
    FailWorkflowExecutionFailed,
    RecordMarker,
    RecordMarkerFailed,
    RequestCancelActivityTask,
    RequestCancelActivityTaskFailed,
    RequestCancelExternalWorkflowExecution,
    RequestCancelExternalWorkflowExecutionFailed,
    RequestCancelExternalWorkflowExecutionInitiated,
    ScheduleActivityTask,
    ScheduleActivityTaskFailed,
    ScheduleLambdaFunction,
    ScheduleLambdaFunctionFailed,
    SignalExternalWorkflowExecution,
    SignalExternalWorkflowExecutionFailed,
    SignalExternalWorkflowExecutionInitiated,
    StartChildWorkflowExecution,
    StartChildWorkflowExecutionFailed,
    StartTimer,
    StartTimerFailed,
)
from partita.rules.draft import Draft

_Failure = tuple[Callable[..., AnyEvent], dict[str, Any]]
"""An event, and the attributes that say what failed."""

_NoMessage = (
    CancelTimer
    | CancelWorkflowExecution
    | CompleteWorkflowExecution
    | ContinueAsNewWorkflowExecution
    | FailWorkflowExecution
    | RecordMarker
    | RequestCancelActivityTask
    | ScheduleActivityTask
    | ScheduleLambdaFunction
    | StartChildWorkflowExecution
    | StartTimer
)


def refuse(draft: Draft, decision: AnyDecision, cause: str, completed: int) -> None:
    """Record the event that says so; the decider is to see it."""
    if isinstance(
        decision, (SignalExternalWorkflowExecution, RequestCancelExternalWorkflowExecution)
    ):
        make, attributes = _failure_of_message(draft, decision, completed)
    else:
        make, attributes = _failure(decision)
    draft.event(make, cause=cause, decision_task_completed_event_id=completed, **attributes)
    draft.wake()


def _failure_of_message(
    draft: Draft,
    decision: SignalExternalWorkflowExecution | RequestCancelExternalWorkflowExecution,
    completed: int,
) -> _Failure:
    """Record that the message was to go out, too: its failure refers to that."""
    named = {
        "workflow_id": decision.workflow_id,
        "run_id": decision.run_id,
        "control": decision.control,
    }
    given = {**named, "decision_task_completed_event_id": completed}
    if isinstance(decision, SignalExternalWorkflowExecution):
        initiated = draft.event(
            SignalExternalWorkflowExecutionInitiated,
            signal_name=decision.signal_name,
            input=decision.input,
            **given,
        )
        return SignalExternalWorkflowExecutionFailed, {**named, "initiated_event_id": initiated}
    initiated = draft.event(RequestCancelExternalWorkflowExecutionInitiated, **given)
    return RequestCancelExternalWorkflowExecutionFailed, {**named, "initiated_event_id": initiated}


def _failure(decision: _NoMessage) -> _Failure:
    """Return the event for a refused decision, and which thing of the decision's it names."""
    match decision:
        case ScheduleActivityTask(activity_type=kind, activity_id=id):
            return ScheduleActivityTaskFailed, {"activity_type": kind, "activity_id": id}
        case RequestCancelActivityTask(activity_id=id):
            return RequestCancelActivityTaskFailed, {"activity_id": id}
        case CompleteWorkflowExecution():
            return CompleteWorkflowExecutionFailed, {}
        case FailWorkflowExecution():
            return FailWorkflowExecutionFailed, {}
        case CancelWorkflowExecution():
            return CancelWorkflowExecutionFailed, {}
        case ContinueAsNewWorkflowExecution():
            return ContinueAsNewWorkflowExecutionFailed, {}
        case RecordMarker(marker_name=name):
            return RecordMarkerFailed, {"marker_name": name}
        case StartTimer(timer_id=id):
            return StartTimerFailed, {"timer_id": id}
        case CancelTimer(timer_id=id):
            return CancelTimerFailed, {"timer_id": id}
        case ScheduleLambdaFunction(id=id, name=name):
            return ScheduleLambdaFunctionFailed, {"id": id, "name": name}
        case StartChildWorkflowExecution(workflow_type=kind, workflow_id=id, control=control):
            return StartChildWorkflowExecutionFailed, {
                "workflow_type": kind,
                "workflow_id": id,
                "control": control,
                "initiated_event_id": 0,  # as in SWF: it was not even begun
            }
        case _:
            assert_never(decision)
