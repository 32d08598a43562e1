"""Record that a decision was refused, and why: each decision has its own event for that."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, assert_never

from partita import history as h
from partita.rules.draft import Draft

_Failure = tuple[Callable[..., h.AnyEvent], dict[str, Any]]
"""An event, and the attributes that say what failed."""

_NoMessage = (
    h.CancelTimer
    | h.CancelWorkflowExecution
    | h.CompleteWorkflowExecution
    | h.ContinueAsNewWorkflowExecution
    | h.FailWorkflowExecution
    | h.RecordMarker
    | h.RequestCancelActivityTask
    | h.ScheduleActivityTask
    | h.ScheduleLambdaFunction
    | h.StartChildWorkflowExecution
    | h.StartTimer
)


def refuse(draft: Draft, decision: h.AnyDecision, cause: str, completed: int) -> None:
    """Record the event that says so; the decider is to see it."""
    if isinstance(
        decision, (h.SignalExternalWorkflowExecution, h.RequestCancelExternalWorkflowExecution)
    ):
        make, attributes = _failure_of_message(draft, decision, completed)
    else:
        make, attributes = _failure(decision)
    draft.event(make, cause=cause, decision_task_completed_event_id=completed, **attributes)
    draft.wake()


def _failure_of_message(
    draft: Draft,
    decision: h.SignalExternalWorkflowExecution | h.RequestCancelExternalWorkflowExecution,
    completed: int,
) -> _Failure:
    """Record that the message was to go out, too: its failure refers to that."""
    named = {
        "workflow_id": decision.workflow_id,
        "run_id": decision.run_id,
        "control": decision.control,
    }
    given = {**named, "decision_task_completed_event_id": completed}
    if isinstance(decision, h.SignalExternalWorkflowExecution):
        initiated = draft.event(
            h.SignalExternalWorkflowExecutionInitiated,
            signal_name=decision.signal_name,
            input=decision.input,
            **given,
        )
        return h.SignalExternalWorkflowExecutionFailed, {**named, "initiated_event_id": initiated}
    initiated = draft.event(h.RequestCancelExternalWorkflowExecutionInitiated, **given)
    return h.RequestCancelExternalWorkflowExecutionFailed, {
        **named,
        "initiated_event_id": initiated,
    }


def _failure(decision: _NoMessage) -> _Failure:
    """Return the event for a refused decision, and which thing of the decision's it names."""
    match decision:
        case h.ScheduleActivityTask(activity_type=kind, activity_id=id):
            return h.ScheduleActivityTaskFailed, {"activity_type": kind, "activity_id": id}
        case h.RequestCancelActivityTask(activity_id=id):
            return h.RequestCancelActivityTaskFailed, {"activity_id": id}
        case h.CompleteWorkflowExecution():
            return h.CompleteWorkflowExecutionFailed, {}
        case h.FailWorkflowExecution():
            return h.FailWorkflowExecutionFailed, {}
        case h.CancelWorkflowExecution():
            return h.CancelWorkflowExecutionFailed, {}
        case h.ContinueAsNewWorkflowExecution():
            return h.ContinueAsNewWorkflowExecutionFailed, {}
        case h.RecordMarker(marker_name=name):
            return h.RecordMarkerFailed, {"marker_name": name}
        case h.StartTimer(timer_id=id):
            return h.StartTimerFailed, {"timer_id": id}
        case h.CancelTimer(timer_id=id):
            return h.CancelTimerFailed, {"timer_id": id}
        case h.ScheduleLambdaFunction(id=id, name=name):
            return h.ScheduleLambdaFunctionFailed, {"id": id, "name": name}
        case h.StartChildWorkflowExecution(workflow_type=kind, workflow_id=id, control=control):
            return h.StartChildWorkflowExecutionFailed, {
                "workflow_type": kind,
                "workflow_id": id,
                "control": control,
                "initiated_event_id": 0,  # as in SWF: it was not even begun
            }
        case _:
            assert_never(decision)
