"""Define for every type of event which operation it belongs to, and what it does to it.

An operation is whatever begins, may be started by somebody, and ends: an activity, a timer, a
child workflow, a Lambda function, a message to another execution, a decision task, and the
execution itself. A table and the few lookups that follow from it; it holds no history
(`timeline`) and no rule about which event may come next (`partita.rules`).

Source: Amazon SWF API Reference (2012-01-25), HistoryEvent and the attributes of each event.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct

from partita import history as h


class Kind(enum.StrEnum):
    """Kinds of operations."""

    ACTIVITY = "activity"
    TIMER = "timer"
    CHILD = "child"
    LAMBDA = "lambda"
    SIGNAL = "signal"  # to another execution
    CANCEL_REQUEST = "cancel request"  # to another execution
    DECISION = "decision"
    EXECUTION = "execution"

    __hash__ = str.__hash__  # an enum's own is slow, and every event is looked up by its kind


class Role(enum.Enum):
    """Effects of an event on its operation."""

    BEGINS = enum.auto()
    STARTS = enum.auto()  # somebody took it, or the child runs: an attempt
    RETRIES = enum.auto()  # the attempt ended, the operation did not
    CLOSES = enum.auto()
    REFUSES = enum.auto()  # closes what an attribute names, or else says that nothing began
    NOTES = enum.auto()  # leaves its state as it is


class Outcome(enum.StrEnum):
    """Ends of an operation, or of one attempt."""

    COMPLETED = "completed"
    FAILED = "failed"
    TIMED_OUT = "timed out"
    CANCELED = "canceled"
    TERMINATED = "terminated"
    CONTINUED_AS_NEW = "continued as new"
    FIRED = "fired"
    DELIVERED = "delivered"  # a message has reached the other execution
    REFUSED = "refused"


class Reference(Struct, frozen=True):
    """The operation of one type of event, and its effect on it."""

    kind: Kind
    role: Role
    attribute: str | None = None  # names the event that began the operation
    outcome: Outcome | None = None


def _family(
    kind: Kind,
    attribute: str | None,
    begins: type[h.Event],
    starts: type[h.Event] | None,
    closes: Mapping[type[h.Event], Outcome],
    refuses: Sequence[type[h.Event]] = (),
) -> dict[type[Any], Reference]:
    """Return the rows of one kind; events that refuse to begin name no earlier event."""
    return {
        begins: Reference(kind, Role.BEGINS),
        **({} if starts is None else {starts: Reference(kind, Role.STARTS, attribute)}),
        **{
            type: Reference(kind, Role.CLOSES, attribute, outcome)
            for type, outcome in closes.items()
        },
        **{type: Reference(kind, Role.REFUSES, None, Outcome.REFUSED) for type in refuses},
    }


REFERENCES: dict[type[Any], Reference] = {
    **_family(
        Kind.EXECUTION,
        None,
        h.WorkflowExecutionStarted,
        None,
        {
            h.WorkflowExecutionCompleted: Outcome.COMPLETED,
            h.WorkflowExecutionFailed: Outcome.FAILED,
            h.WorkflowExecutionCanceled: Outcome.CANCELED,
            h.WorkflowExecutionTerminated: Outcome.TERMINATED,
            h.WorkflowExecutionContinuedAsNew: Outcome.CONTINUED_AS_NEW,
            h.WorkflowExecutionTimedOut: Outcome.TIMED_OUT,
        },
    ),
    **dict.fromkeys(
        (
            h.WorkflowExecutionCancelRequested,
            h.WorkflowExecutionSignaled,
            h.MarkerRecorded,
            h.RecordMarkerFailed,
            h.CompleteWorkflowExecutionFailed,
            h.FailWorkflowExecutionFailed,
            h.CancelWorkflowExecutionFailed,
            h.ContinueAsNewWorkflowExecutionFailed,
            h.RequestCancelActivityTaskFailed,  # there was no such activity
            h.CancelTimerFailed,
        ),
        Reference(Kind.EXECUTION, Role.NOTES),
    ),
    **_family(
        Kind.DECISION,
        "scheduled_event_id",
        h.DecisionTaskScheduled,
        h.DecisionTaskStarted,
        {
            h.DecisionTaskCompleted: Outcome.COMPLETED,
            h.DecisionTaskTimedOut: Outcome.TIMED_OUT,
        },
    ),
    h.DecisionTaskFailed: Reference(
        Kind.DECISION, Role.RETRIES, "scheduled_event_id", Outcome.FAILED
    ),
    **_family(
        Kind.ACTIVITY,
        "scheduled_event_id",
        h.ActivityTaskScheduled,
        h.ActivityTaskStarted,
        {
            h.ActivityTaskCompleted: Outcome.COMPLETED,
            h.ActivityTaskFailed: Outcome.FAILED,
            h.ActivityTaskTimedOut: Outcome.TIMED_OUT,
            h.ActivityTaskCanceled: Outcome.CANCELED,
        },
        [h.ScheduleActivityTaskFailed],
    ),
    h.ActivityTaskRescheduled: Reference(Kind.ACTIVITY, Role.RETRIES, "scheduled_event_id"),
    h.ActivityTaskCancelRequested: Reference(Kind.ACTIVITY, Role.NOTES),  # by its activity id
    **_family(
        Kind.TIMER,
        "started_event_id",
        h.TimerStarted,
        None,
        {h.TimerFired: Outcome.FIRED, h.TimerCanceled: Outcome.CANCELED},
        [h.StartTimerFailed],
    ),
    **_family(
        Kind.CHILD,
        "initiated_event_id",
        h.StartChildWorkflowExecutionInitiated,
        h.ChildWorkflowExecutionStarted,
        {
            h.ChildWorkflowExecutionCompleted: Outcome.COMPLETED,
            h.ChildWorkflowExecutionFailed: Outcome.FAILED,
            h.ChildWorkflowExecutionTimedOut: Outcome.TIMED_OUT,
            h.ChildWorkflowExecutionCanceled: Outcome.CANCELED,
            h.ChildWorkflowExecutionTerminated: Outcome.TERMINATED,
        },
    ),
    h.StartChildWorkflowExecutionFailed: Reference(
        Kind.CHILD, Role.REFUSES, "initiated_event_id", Outcome.REFUSED
    ),
    **_family(
        Kind.LAMBDA,
        "scheduled_event_id",
        h.LambdaFunctionScheduled,
        h.LambdaFunctionStarted,
        {
            h.LambdaFunctionCompleted: Outcome.COMPLETED,
            h.LambdaFunctionFailed: Outcome.FAILED,
            h.LambdaFunctionTimedOut: Outcome.TIMED_OUT,
            h.StartLambdaFunctionFailed: Outcome.REFUSED,
        },
        [h.ScheduleLambdaFunctionFailed],
    ),
    **_family(
        Kind.SIGNAL,
        "initiated_event_id",
        h.SignalExternalWorkflowExecutionInitiated,
        None,
        {
            h.ExternalWorkflowExecutionSignaled: Outcome.DELIVERED,
            h.SignalExternalWorkflowExecutionFailed: Outcome.FAILED,
        },
    ),
    **_family(
        Kind.CANCEL_REQUEST,
        "initiated_event_id",
        h.RequestCancelExternalWorkflowExecutionInitiated,
        None,
        {
            h.ExternalWorkflowExecutionCancelRequested: Outcome.DELIVERED,
            h.RequestCancelExternalWorkflowExecutionFailed: Outcome.FAILED,
        },
    ),
}
"""One row for every type of event."""

CLOSING: dict[type[Any], str] = {
    type: row.outcome.name
    for type, row in REFERENCES.items()
    if row.kind is Kind.EXECUTION and row.outcome is not None
}
"""The events that close a run, and the status that each leaves it in."""

DECIDED: frozenset[type[Any]] = frozenset(
    type
    for type in REFERENCES
    if "decision_task_completed_event_id" in type.__struct_fields__
    and "cause" not in type.__struct_fields__
)
"""The events that record what a decider has decided, but for what was refused."""

_ELSEWHERE = ("external_initiated_event_id", "parent_initiated_event_id")
"""Attributes that name an event of another history."""


def types_of(kind: Kind, role: Role) -> frozenset[type[Any]]:
    """Return the types of events that do this to operations of that kind."""
    return frozenset(
        type for type, row in REFERENCES.items() if row.kind is kind and row.role is role
    )


def _named(kind: Kind, attribute: str) -> type[Any]:
    match attribute:
        case "decision_task_completed_event_id":
            return h.DecisionTaskCompleted
        case "latest_cancel_requested_event_id":
            return h.ActivityTaskCancelRequested
        case "started_event_id" if types_of(kind, Role.STARTS):
            [named] = types_of(kind, Role.STARTS)
        case _:
            [named] = types_of(kind, Role.BEGINS)
    return named


NAMED: dict[type[Any], dict[str, type[Any]]] = {
    type: {
        name: _named(row.kind, name)
        for name in type.__struct_fields__
        if name.endswith("_event_id") and name not in _ELSEWHERE
    }
    for type, row in REFERENCES.items()
}
"""Which attributes of an event name earlier events of the same history, and of which type."""


def is_closed(events: Sequence[h.AnyEvent]) -> bool:
    """Whether a history, up to its newest event, is that of a closed run."""
    return bool(events) and type(events[-1]) in CLOSING
