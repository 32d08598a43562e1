"""Take one event into a process: one row per event type that says what it begins or ends.

Events that are not in the table change nothing that a process shows.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeGuard

from partita.authoring.results import Canceled, Completed
from partita.deciders.views import (
    ActivityExecution,
    ChildProcess,
    LambdaExecution,
    ProcessTimer,
    ReceivedSignal,
    end_of,
    plain,
)
from partita.history import (
    ActivityTaskCanceled,
    ActivityTaskCancelRequested,
    ActivityTaskCompleted,
    ActivityTaskFailed,
    ActivityTaskScheduled,
    ActivityTaskStarted,
    ActivityTaskTimedOut,
    AnyEvent,
    ChildWorkflowExecutionCanceled,
    ChildWorkflowExecutionCompleted,
    ChildWorkflowExecutionFailed,
    ChildWorkflowExecutionStarted,
    ChildWorkflowExecutionTerminated,
    ChildWorkflowExecutionTimedOut,
    DecisionTaskCompleted,
    DecisionTaskFailed,
    DecisionTaskScheduled,
    DecisionTaskStarted,
    DecisionTaskTimedOut,
    LambdaFunctionCompleted,
    LambdaFunctionFailed,
    LambdaFunctionScheduled,
    LambdaFunctionTimedOut,
    MarkerRecorded,
    RequestCancelExternalWorkflowExecutionInitiated,
    ScheduleActivityTaskFailed,
    ScheduleLambdaFunctionFailed,
    SignalExternalWorkflowExecutionInitiated,
    StartChildWorkflowExecutionFailed,
    StartChildWorkflowExecutionInitiated,
    StartLambdaFunctionFailed,
    TimerCanceled,
    TimerFired,
    TimerStarted,
    WorkflowExecutionCanceled,
    WorkflowExecutionCancelRequested,
    WorkflowExecutionCompleted,
    WorkflowExecutionContinuedAsNew,
    WorkflowExecutionFailed,
    WorkflowExecutionSignaled,
    WorkflowExecutionStarted,
    WorkflowExecutionTerminated,
    WorkflowExecutionTimedOut,
)

if TYPE_CHECKING:
    from partita.deciders.process import Process

Fold = Callable[["Process[Any]", Any], Any]

_NO_NEWS = frozenset(
    {
        # of the decision tasks themselves
        DecisionTaskScheduled,
        DecisionTaskStarted,
        DecisionTaskCompleted,
        DecisionTaskTimedOut,
        DecisionTaskFailed,
        # records of what the decider has decided itself
        ActivityTaskScheduled,
        ActivityTaskCancelRequested,
        LambdaFunctionScheduled,
        MarkerRecorded,
        TimerStarted,
        TimerCanceled,
        StartChildWorkflowExecutionInitiated,
        SignalExternalWorkflowExecutionInitiated,
        RequestCancelExternalWorkflowExecutionInitiated,
        WorkflowExecutionCompleted,
        WorkflowExecutionFailed,
        WorkflowExecutionCanceled,
        WorkflowExecutionContinuedAsNew,
    }
)


def is_news(event: AnyEvent) -> bool:
    """Whether a decider has not caused the event itself, and it is meant for deciders."""
    return type(event) not in _NO_NEWS and not is_of_partita(event)


def is_of_partita(event: AnyEvent) -> TypeGuard[WorkflowExecutionSignaled]:
    """Whether it is a signal by which Partita's client asks something of Python workflows."""
    return isinstance(event, WorkflowExecutionSignaled) and event.signal_name.startswith("$")


def fold(process: Process[Any], event: AnyEvent) -> Any:
    """Take in an event; return the part of the process that it tells of, if any."""
    row = _ROWS.get(type(event))
    return None if row is None else row(process, event)


def _started(process: Process[Any], event: WorkflowExecutionStarted) -> None:
    process.begin(event)


def _closed(process: Process[Any], event: AnyEvent) -> None:
    process.ended = end_of(event, process.converter)


def _cancel_requested(process: Process[Any], _: AnyEvent) -> None:
    process.is_cancel_requested = True


def _signaled(process: Process[Any], event: WorkflowExecutionSignaled) -> ReceivedSignal | None:
    if is_of_partita(event):
        return None
    signal = ReceivedSignal(event.signal_name, event.input, event.event_id, process.converter)
    process.receive(signal)
    return signal


def _marked(process: Process[Any], event: MarkerRecorded) -> None:
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


def _activity_scheduled(process: Process[Any], event: ActivityTaskScheduled) -> Any:
    process.add(_activity(process, event))


def _activity_refused(process: Process[Any], event: ScheduleActivityTaskFailed) -> Any:
    refused = _activity(process, event)
    refused.end(event)
    return refused


def _activity_started(process: Process[Any], event: ActivityTaskStarted) -> Any:
    found = process.find(ActivityExecution, event.scheduled_event_id)
    if found is not None:
        found.is_started = True
    return found


def _activity_cancel_requested(process: Process[Any], event: ActivityTaskCancelRequested) -> Any:
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


def _timer_started(process: Process[Any], event: TimerStarted) -> None:
    e = event
    process.add(ProcessTimer(e.timer_id, e.event_id, e.start_to_fire, e.control, process.converter))


def _timer_fired(process: Process[Any], event: TimerFired) -> Any:
    found = process.end(ProcessTimer, event.started_event_id)
    if found is not None:
        found.result = Completed()
    return found


def _timer_canceled(process: Process[Any], event: TimerCanceled) -> Any:
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


def _child_initiated(process: Process[Any], event: StartChildWorkflowExecutionInitiated) -> None:
    process.add(_child(process, event))


def _child_refused(process: Process[Any], event: StartChildWorkflowExecutionFailed) -> Any:
    found = process.end(ChildProcess, event.initiated_event_id)
    if found is None:  # it was not even initiated
        found = _child(process, event)
    found.end(event)
    return found


def _child_started(process: Process[Any], event: ChildWorkflowExecutionStarted) -> Any:
    found = process.find(ChildProcess, event.initiated_event_id)
    if found is not None:
        found.execution = event.workflow_execution
    return found


# -- Lambda functions


def _lambda_scheduled(process: Process[Any], event: LambdaFunctionScheduled) -> None:
    e = event
    process.add(LambdaExecution(e.id, e.event_id, e.name, e.control, process.converter))


def _lambda_refused(process: Process[Any], event: ScheduleLambdaFunctionFailed) -> Any:
    refused = LambdaExecution(event.id, event.event_id, event.name, None, process.converter)
    refused.end(event)
    return refused


_activity_ended = _ended(ActivityExecution, "scheduled_event_id")
_child_ended = _ended(ChildProcess, "initiated_event_id")
_lambda_ended = _ended(LambdaExecution, "scheduled_event_id")

_ROWS: dict[type[Any], Fold] = {
    WorkflowExecutionStarted: _started,
    WorkflowExecutionCompleted: _closed,
    WorkflowExecutionFailed: _closed,
    WorkflowExecutionCanceled: _closed,
    WorkflowExecutionTerminated: _closed,
    WorkflowExecutionTimedOut: _closed,
    WorkflowExecutionCancelRequested: _cancel_requested,
    WorkflowExecutionSignaled: _signaled,
    MarkerRecorded: _marked,
    ActivityTaskScheduled: _activity_scheduled,
    ScheduleActivityTaskFailed: _activity_refused,
    ActivityTaskStarted: _activity_started,
    ActivityTaskCancelRequested: _activity_cancel_requested,
    ActivityTaskCompleted: _activity_ended,
    ActivityTaskFailed: _activity_ended,
    ActivityTaskTimedOut: _activity_ended,
    ActivityTaskCanceled: _activity_ended,
    TimerStarted: _timer_started,
    TimerFired: _timer_fired,
    TimerCanceled: _timer_canceled,
    StartChildWorkflowExecutionInitiated: _child_initiated,
    StartChildWorkflowExecutionFailed: _child_refused,
    ChildWorkflowExecutionStarted: _child_started,
    ChildWorkflowExecutionCompleted: _child_ended,
    ChildWorkflowExecutionFailed: _child_ended,
    ChildWorkflowExecutionTimedOut: _child_ended,
    ChildWorkflowExecutionCanceled: _child_ended,
    ChildWorkflowExecutionTerminated: _child_ended,
    LambdaFunctionScheduled: _lambda_scheduled,
    ScheduleLambdaFunctionFailed: _lambda_refused,
    LambdaFunctionCompleted: _lambda_ended,
    LambdaFunctionFailed: _lambda_ended,
    LambdaFunctionTimedOut: _lambda_ended,
    StartLambdaFunctionFailed: _lambda_ended,
}
