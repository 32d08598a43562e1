"""Take one event into a process: one row per event type that says what it begins or ends.

Events that are not in the table change nothing that a process shows.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeGuard

from partita import history as h
from partita.authoring.results import Canceled, Completed
from partita.deciders.process_items import (
    ActivityExecution,
    ChildProcess,
    LambdaExecution,
    ProcessTimer,
    ReceivedSignal,
    end_of,
    plain,
)

if TYPE_CHECKING:
    from partita.deciders.process import Process

Fold = Callable[["Process[Any]", Any], Any]

_NO_NEWS = frozenset(
    {
        # of the decision tasks themselves
        h.DecisionTaskScheduled,
        h.DecisionTaskStarted,
        h.DecisionTaskCompleted,
        h.DecisionTaskTimedOut,
        h.DecisionTaskFailed,
        # records of what the decider has decided itself
        h.ActivityTaskScheduled,
        h.ActivityTaskCancelRequested,
        h.LambdaFunctionScheduled,
        h.MarkerRecorded,
        h.TimerStarted,
        h.TimerCanceled,
        h.StartChildWorkflowExecutionInitiated,
        h.SignalExternalWorkflowExecutionInitiated,
        h.RequestCancelExternalWorkflowExecutionInitiated,
        h.WorkflowExecutionCompleted,
        h.WorkflowExecutionFailed,
        h.WorkflowExecutionCanceled,
        h.WorkflowExecutionContinuedAsNew,
    }
)


def is_news(event: h.AnyEvent) -> bool:
    """Whether a decider has not caused the event itself, and it is meant for deciders."""
    return type(event) not in _NO_NEWS and not is_of_partita(event)


def is_of_partita(event: h.AnyEvent) -> TypeGuard[h.WorkflowExecutionSignaled]:
    """Whether it is a signal by which Partita's client asks something of Python workflows."""
    return isinstance(event, h.WorkflowExecutionSignaled) and event.signal_name.startswith("$")


def fold(process: Process[Any], event: h.AnyEvent) -> Any:
    """Take in an event; return the part of the process that it tells of, if any."""
    row = _ROWS.get(type(event))
    return None if row is None else row(process, event)


def _started(process: Process[Any], event: h.WorkflowExecutionStarted) -> None:
    process.begin(event)


def _closed(process: Process[Any], event: h.AnyEvent) -> None:
    process.ended = end_of(event, process.converter)


def _cancel_requested(process: Process[Any], _: h.AnyEvent) -> None:
    process.is_cancel_requested = True


def _signaled(process: Process[Any], event: h.WorkflowExecutionSignaled) -> ReceivedSignal | None:
    if is_of_partita(event):
        return None
    signal = ReceivedSignal(event.signal_name, event.input, event.event_id, process.converter)
    process.receive(signal)
    return signal


def _marked(process: Process[Any], event: h.MarkerRecorded) -> None:
    process.note(event.marker_name, plain(process.converter, event.details))


# -- activities


def _activity(process: Process[Any], event: Any) -> ActivityExecution:
    return ActivityExecution(
        event.activity_id,
        event.event_id,
        event.activity_type,
        getattr(event, "input", None),
        getattr(event, "control", None),
        process.converter,
    )


def _activity_scheduled(process: Process[Any], event: h.ActivityTaskScheduled) -> Any:
    process.add(_activity(process, event))


def _activity_refused(process: Process[Any], event: h.ScheduleActivityTaskFailed) -> Any:
    refused = _activity(process, event)
    refused.end(event)
    return refused


def _activity_started(process: Process[Any], event: h.ActivityTaskStarted) -> Any:
    found = process.find(ActivityExecution, event.scheduled_event_id)
    if found is not None:
        found.is_started = True
    return found


def _activity_cancel_requested(process: Process[Any], event: h.ActivityTaskCancelRequested) -> Any:
    activity = process.named(ActivityExecution, event.activity_id)
    if activity is not None:
        activity.is_cancel_requested = True


def _ended(kind: type[Any], name: str) -> Fold:
    """Return what ends a part of that kind, which began with the event that `name` names."""

    def end(process: Process[Any], event: Any) -> Any:
        found = process.end(kind, getattr(event, name) or 0)
        if found is not None:
            found.end(event)
        return found

    return end


# -- timers


def _timer_started(process: Process[Any], event: h.TimerStarted) -> None:
    e = event
    process.add(ProcessTimer(e.timer_id, e.event_id, e.start_to_fire, e.control, process.converter))


def _timer_fired(process: Process[Any], event: h.TimerFired) -> Any:
    found = process.end(ProcessTimer, event.started_event_id)
    if found is not None:
        found.result = Completed()
    return found


def _timer_canceled(process: Process[Any], event: h.TimerCanceled) -> Any:
    found = process.end(ProcessTimer, event.started_event_id)
    if found is not None:
        found.result = Canceled()
    return found


# -- children


def _child(process: Process[Any], event: Any) -> ChildProcess:
    return ChildProcess(
        event.workflow_id,
        event.event_id,
        event.workflow_type,
        getattr(event, "tag_list", ()),
        event.control,
        process.converter,
    )


def _child_initiated(process: Process[Any], event: h.StartChildWorkflowExecutionInitiated) -> None:
    process.add(_child(process, event))


def _child_refused(process: Process[Any], event: h.StartChildWorkflowExecutionFailed) -> Any:
    found = process.end(ChildProcess, event.initiated_event_id)
    if found is None:  # it was not even initiated
        found = _child(process, event)
    found.end(event)
    return found


def _child_started(process: Process[Any], event: h.ChildWorkflowExecutionStarted) -> Any:
    found = process.find(ChildProcess, event.initiated_event_id)
    if found is not None:
        found.execution = event.workflow_execution
    return found


# -- Lambda functions


def _lambda_scheduled(process: Process[Any], event: h.LambdaFunctionScheduled) -> None:
    e = event
    process.add(LambdaExecution(e.id, e.event_id, e.name, e.control, process.converter))


def _lambda_refused(process: Process[Any], event: h.ScheduleLambdaFunctionFailed) -> Any:
    refused = LambdaExecution(event.id, event.event_id, event.name, None, process.converter)
    refused.end(event)
    return refused


_activity_ended = _ended(ActivityExecution, "scheduled_event_id")
_child_ended = _ended(ChildProcess, "initiated_event_id")
_lambda_ended = _ended(LambdaExecution, "scheduled_event_id")

_ROWS: dict[type[Any], Fold] = {
    h.WorkflowExecutionStarted: _started,
    h.WorkflowExecutionCompleted: _closed,
    h.WorkflowExecutionFailed: _closed,
    h.WorkflowExecutionCanceled: _closed,
    h.WorkflowExecutionTerminated: _closed,
    h.WorkflowExecutionTimedOut: _closed,
    h.WorkflowExecutionCancelRequested: _cancel_requested,
    h.WorkflowExecutionSignaled: _signaled,
    h.MarkerRecorded: _marked,
    h.ActivityTaskScheduled: _activity_scheduled,
    h.ScheduleActivityTaskFailed: _activity_refused,
    h.ActivityTaskStarted: _activity_started,
    h.ActivityTaskCancelRequested: _activity_cancel_requested,
    h.ActivityTaskCompleted: _activity_ended,
    h.ActivityTaskFailed: _activity_ended,
    h.ActivityTaskTimedOut: _activity_ended,
    h.ActivityTaskCanceled: _activity_ended,
    h.TimerStarted: _timer_started,
    h.TimerFired: _timer_fired,
    h.TimerCanceled: _timer_canceled,
    h.StartChildWorkflowExecutionInitiated: _child_initiated,
    h.StartChildWorkflowExecutionFailed: _child_refused,
    h.ChildWorkflowExecutionStarted: _child_started,
    h.ChildWorkflowExecutionCompleted: _child_ended,
    h.ChildWorkflowExecutionFailed: _child_ended,
    h.ChildWorkflowExecutionTimedOut: _child_ended,
    h.ChildWorkflowExecutionCanceled: _child_ended,
    h.ChildWorkflowExecutionTerminated: _child_ended,
    h.LambdaFunctionScheduled: _lambda_scheduled,
    h.ScheduleLambdaFunctionFailed: _lambda_refused,
    h.LambdaFunctionCompleted: _lambda_ended,
    h.LambdaFunctionFailed: _lambda_ended,
    h.LambdaFunctionTimedOut: _lambda_ended,
    h.StartLambdaFunctionFailed: _lambda_ended,
}
