"""Compare what replayed code asks for with what its history records.

One row per decision: which event records it, which event refuses it, and what must agree.
Knows no workflow and no greenlet.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from msgspec import Struct

from partita.authoring.failure import Failure
from partita.codec import same
from partita.history import (
    ActivityTaskCanceled,
    ActivityTaskCancelRequested,
    ActivityTaskScheduled,
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
    LambdaFunctionScheduled,
    MarkerRecorded,
    RecordMarker,
    RecordMarkerFailed,
    RequestCancelActivityTask,
    RequestCancelActivityTaskFailed,
    RequestCancelExternalWorkflowExecution,
    RequestCancelExternalWorkflowExecutionInitiated,
    ScheduleActivityTask,
    ScheduleActivityTaskFailed,
    ScheduleLambdaFunction,
    ScheduleLambdaFunctionFailed,
    SignalExternalWorkflowExecution,
    SignalExternalWorkflowExecutionInitiated,
    StartChildWorkflowExecution,
    StartChildWorkflowExecutionFailed,
    StartChildWorkflowExecutionInitiated,
    StartTimer,
    StartTimerFailed,
    TimerCanceled,
    TimerStarted,
    WorkflowExecutionCanceled,
    WorkflowExecutionCompleted,
    WorkflowExecutionContinuedAsNew,
    WorkflowExecutionFailed,
)


class _Row(Struct, frozen=True):
    recorded: type[Any]  # the event of a decision that was done
    refused: type[Any] | None  # the event of one that was not
    identity: tuple[str, ...]  # attributes that decision and events share and that must agree


_ROWS: dict[type[Any], _Row] = {
    ScheduleActivityTask: _Row(
        ActivityTaskScheduled, ScheduleActivityTaskFailed, ("activity_id", "activity_type")
    ),
    RequestCancelActivityTask: _Row(
        ActivityTaskCancelRequested, RequestCancelActivityTaskFailed, ("activity_id",)
    ),
    StartTimer: _Row(TimerStarted, StartTimerFailed, ("timer_id",)),
    CancelTimer: _Row(TimerCanceled, CancelTimerFailed, ("timer_id",)),
    RecordMarker: _Row(MarkerRecorded, RecordMarkerFailed, ("marker_name",)),
    StartChildWorkflowExecution: _Row(
        StartChildWorkflowExecutionInitiated,
        StartChildWorkflowExecutionFailed,
        ("workflow_id", "workflow_type"),
    ),
    SignalExternalWorkflowExecution: _Row(
        SignalExternalWorkflowExecutionInitiated, None, ("workflow_id", "signal_name")
    ),
    RequestCancelExternalWorkflowExecution: _Row(
        RequestCancelExternalWorkflowExecutionInitiated, None, ("workflow_id",)
    ),
    ScheduleLambdaFunction: _Row(
        LambdaFunctionScheduled, ScheduleLambdaFunctionFailed, ("id", "name")
    ),
    CompleteWorkflowExecution: _Row(
        WorkflowExecutionCompleted, CompleteWorkflowExecutionFailed, ()
    ),
    FailWorkflowExecution: _Row(WorkflowExecutionFailed, FailWorkflowExecutionFailed, ()),
    CancelWorkflowExecution: _Row(WorkflowExecutionCanceled, CancelWorkflowExecutionFailed, ()),
    ContinueAsNewWorkflowExecution: _Row(
        WorkflowExecutionContinuedAsNew, ContinueAsNewWorkflowExecutionFailed, ()
    ),
}

_CAUSED = tuple(row.recorded for row in _ROWS.values()) + tuple(
    row.refused for row in _ROWS.values() if row.refused is not None
)
_CAUSED_TYPES = frozenset(_CAUSED)


def caused_by(events: Sequence[AnyEvent], position: int) -> tuple[list[AnyEvent], int]:
    """Return what a DecisionTaskCompleted at `position` caused, and where it ends."""
    completed = events[position].event_id
    caused: list[AnyEvent] = []
    end = position + 1
    while end < len(events):
        event = events[end]
        if type(event) in _CAUSED_TYPES and not _is_later(event):
            if getattr(event, "decision_task_completed_event_id", None) != completed:
                break
            caused.append(event)
        elif not isinstance(event, ActivityTaskCanceled):
            break
        end += 1
    return caused, end


def _is_later(event: AnyEvent) -> bool:
    """Whether it tells of a child that was initiated and could not start: that is news."""
    return type(event) is StartChildWorkflowExecutionFailed and event.initiated_event_id > 0


SameInput = Callable[[str | None, str | None], bool]


def agrees(decision: AnyDecision, event: AnyEvent, same_input: SameInput = same) -> bool:
    """Whether the event records, or refuses, this very decision."""
    row = _ROWS[type(decision)]
    if type(event) is not row.recorded and type(event) is not row.refused:
        return False
    for name in row.identity:
        if getattr(decision, name) != getattr(event, name):
            return False
    if type(event) is row.refused:
        return True
    mine, recorded = getattr(decision, "input", None), getattr(event, "input", None)
    return mine == recorded or same_input(mine, recorded)


def was_refused(decision: AnyDecision, event: AnyEvent) -> bool:
    """Whether the event says that the decision was not done."""
    return type(event) is _ROWS[type(decision)].refused


_SHOWN: tuple[tuple[str, Callable[[Any], str]], ...] = (
    ("activity_type", lambda value: value.name),
    ("workflow_type", lambda value: value.name),
    ("activity_id", lambda value: f"id {value}"),
    ("timer_id", lambda value: f"id {value}"),
    ("marker_name", str),
    ("signal_name", str),
    ("workflow_id", str),
    ("reason", str),
    ("input", lambda value: _short(value, 60)),
)


def _short(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 3] + "..."


def _why(failed: FailWorkflowExecution | WorkflowExecutionFailed) -> str:
    """Say in a line what failed an execution."""
    message = Failure.load(failed.details, failed.reason).message
    return ": ".join(
        part for part in (failed.reason, _short(" ".join(message.split()), 200)) if part
    )


def shown(thing: AnyDecision | AnyEvent | None) -> str:
    """Describe a decision or event in a few words, for an error message."""
    if thing is None:
        return "nothing"
    name = type(thing).__name__
    if isinstance(thing, (FailWorkflowExecution, WorkflowExecutionFailed)):
        return f"{name} ({_why(thing)})"
    parts = [
        show(value) for name, show in _SHOWN if (value := getattr(thing, name, None)) is not None
    ]
    return f"{name} ({', '.join(parts)})" if parts else name
