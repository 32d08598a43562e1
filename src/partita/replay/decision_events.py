"""List which event records a decision, which refuses it, and what must agree in both.

Knows no workflow and no greenlet.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from msgspec import Struct

from partita import history as h
from partita.codec import same
from partita.history.failure import Failure


class _Row(Struct, frozen=True):
    recorded: type[Any]  # the event of an accepted decision
    refused: type[Any] | None  # the event of a refused one
    identity: tuple[str, ...]  # attributes of decision and events that must be equal


_ROWS: dict[type[Any], _Row] = {
    h.ScheduleActivityTask: _Row(
        h.ActivityTaskScheduled, h.ScheduleActivityTaskFailed, ("activity_id", "activity_type")
    ),
    h.RequestCancelActivityTask: _Row(
        h.ActivityTaskCancelRequested, h.RequestCancelActivityTaskFailed, ("activity_id",)
    ),
    h.StartTimer: _Row(h.TimerStarted, h.StartTimerFailed, ("timer_id",)),
    h.CancelTimer: _Row(h.TimerCanceled, h.CancelTimerFailed, ("timer_id",)),
    h.RecordMarker: _Row(h.MarkerRecorded, h.RecordMarkerFailed, ("marker_name",)),
    h.StartChildWorkflowExecution: _Row(
        h.StartChildWorkflowExecutionInitiated,
        h.StartChildWorkflowExecutionFailed,
        ("workflow_id", "workflow_type"),
    ),
    h.SignalExternalWorkflowExecution: _Row(
        h.SignalExternalWorkflowExecutionInitiated, None, ("workflow_id", "signal_name")
    ),
    h.RequestCancelExternalWorkflowExecution: _Row(
        h.RequestCancelExternalWorkflowExecutionInitiated, None, ("workflow_id",)
    ),
    h.ScheduleLambdaFunction: _Row(
        h.LambdaFunctionScheduled, h.ScheduleLambdaFunctionFailed, ("id", "name")
    ),
    h.CompleteWorkflowExecution: _Row(
        h.WorkflowExecutionCompleted, h.CompleteWorkflowExecutionFailed, ()
    ),
    h.FailWorkflowExecution: _Row(h.WorkflowExecutionFailed, h.FailWorkflowExecutionFailed, ()),
    h.CancelWorkflowExecution: _Row(
        h.WorkflowExecutionCanceled, h.CancelWorkflowExecutionFailed, ()
    ),
    h.ContinueAsNewWorkflowExecution: _Row(
        h.WorkflowExecutionContinuedAsNew, h.ContinueAsNewWorkflowExecutionFailed, ()
    ),
}

_CAUSED_TYPES = frozenset(
    kind for row in _ROWS.values() for kind in (row.recorded, row.refused) if kind is not None
)


def caused_by(events: Sequence[h.AnyEvent], position: int) -> tuple[list[h.AnyEvent], int]:
    """Return the events that a DecisionTaskCompleted at `position` caused, and where they end."""
    completed = events[position].event_id
    caused: list[h.AnyEvent] = []
    end = position + 1
    while end < len(events):
        event = events[end]
        if type(event) in _CAUSED_TYPES and not _is_later(event):
            if getattr(event, "decision_task_completed_event_id", None) != completed:
                break
            caused.append(event)
        elif not isinstance(event, h.ActivityTaskCanceled):
            break
        end += 1
    return caused, end


def _is_later(event: h.AnyEvent) -> bool:
    """Return whether a child was initiated and could not start, which no decision caused."""
    return type(event) is h.StartChildWorkflowExecutionFailed and event.initiated_event_id > 0


SameInput = Callable[[str | None, str | None], bool]


def agrees(decision: h.AnyDecision, event: h.AnyEvent, same_input: SameInput = same) -> bool:
    """Return whether the event records, or refuses, this very decision."""
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


def was_refused(decision: h.AnyDecision, event: h.AnyEvent) -> bool:
    """Return whether the event refuses the decision."""
    return type(event) is _ROWS[type(decision)].refused


def call_key(decision: h.AnyDecision) -> str | None:
    """Return the key of the call that a decision begins; None if it begins none."""
    if type(decision) is h.ScheduleActivityTask:
        return decision.activity_id
    match decision:
        case h.ScheduleLambdaFunction(id=key):
            return key
        case (
            h.StartChildWorkflowExecution(control=key)
            | h.SignalExternalWorkflowExecution(control=key)
            | h.RequestCancelExternalWorkflowExecution(control=key)
        ):
            return key
    return None


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


def _failure_summary(failed: h.FailWorkflowExecution | h.WorkflowExecutionFailed) -> str:
    """Return the reason and the message of a failed execution in one line."""
    message = Failure.load(failed.details, failed.reason).message
    return ": ".join(
        part for part in (failed.reason, _short(" ".join(message.split()), 200)) if part
    )


def describe(thing: h.AnyDecision | h.AnyEvent | None) -> str:
    """Describe a decision or event in a few words, for an error message."""
    if thing is None:
        return "nothing"
    name = type(thing).__name__
    if isinstance(thing, (h.FailWorkflowExecution, h.WorkflowExecutionFailed)):
        return f"{name} ({_failure_summary(thing)})"
    parts = [
        form(value) for name, form in _SHOWN if (value := getattr(thing, name, None)) is not None
    ]
    return f"{name} ({', '.join(parts)})" if parts else name
