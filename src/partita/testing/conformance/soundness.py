"""Say whether a history is sound, whatever led to it.

Knows what SWF promises of every history, and nothing of how a service keeps it.

Source: Amazon SWF API Reference (2012-01-25), HistoryEvent and the attributes of each event.
"""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Sequence
from typing import Any

import msgspec

from partita.history import AnyEvent, WorkflowExecution

ELSEWHERE = ("external_initiated_event_id", "parent_initiated_event_id")
"""Attributes that name an event of another history."""

INITIATED = {
    "StartChildWorkflowExecutionFailed": "StartChildWorkflowExecutionInitiated",
    "ExternalWorkflowExecutionSignaled": "SignalExternalWorkflowExecutionInitiated",
    "SignalExternalWorkflowExecutionFailed": "SignalExternalWorkflowExecutionInitiated",
    "ExternalWorkflowExecutionCancelRequested": "RequestCancelExternalWorkflowExecutionInitiated",
    "RequestCancelExternalWorkflowExecutionFailed": (
        "RequestCancelExternalWorkflowExecutionInitiated"
    ),
}
FAMILIES = ("ActivityTask", "DecisionTask", "Timer", "ChildWorkflowExecution", "LambdaFunction")
MAY_NAME_NONE = {
    ("ActivityTaskTimedOut", "started_event_id"),  # it waited for a worker for too long
    ("ActivityTaskCanceled", "started_event_id"),  # it was canceled while it waited
    ("DecisionTaskFailed", "started_event_id"),  # a host's start is not recorded if it fails
    ("DecisionTaskTimedOut", "started_event_id"),  # it waited for a decider for too long
    ("StartChildWorkflowExecutionFailed", "initiated_event_id"),  # SWF: refused at once
    ("MarkerRecorded", "decision_task_completed_event_id"),  # an event that SWF has no name for
}
"""(event type, attribute) that may be 0."""

CLOSINGS = {
    f"WorkflowExecution{how}"
    for how in ("Completed", "Failed", "Canceled", "ContinuedAsNew", "Terminated", "TimedOut")
}
ENDS = ("Completed", "Failed", "TimedOut", "Canceled")
ACTIVITY_ENDS = {f"ActivityTask{end}" for end in ENDS}
CHILD_ENDS = {f"ChildWorkflowExecution{end}" for end in (*ENDS, "Terminated")}

ONCE = [
    (ACTIVITY_ENDS, "scheduled_event_id"),
    (ACTIVITY_ENDS | {"ActivityTaskRescheduled"}, "started_event_id"),
    ({"DecisionTaskCompleted", "DecisionTaskTimedOut"}, "scheduled_event_id"),
    (
        {"DecisionTaskCompleted", "DecisionTaskTimedOut", "DecisionTaskFailed"},
        "started_event_id",
    ),
    ({"TimerFired", "TimerCanceled"}, "started_event_id"),
    (CHILD_ENDS, "started_event_id"),
    ({"ChildWorkflowExecutionStarted", "StartChildWorkflowExecutionFailed"}, "initiated_event_id"),
    (set(INITIATED) - {"StartChildWorkflowExecutionFailed"}, "initiated_event_id"),
]
"""Sets of events of which one at most may name the same earlier event by that attribute."""


def sound(events: Sequence[AnyEvent], since: int = 0) -> None:
    """Hold that a whole history, from event 1 on, is what SWF promises of every history.

    Ids are 1, 2, 3 … without gaps, times never go back, at most one decision task is open,
    nothing follows the end, nothing ends twice, and every id of an event names an earlier
    event of the right type. The first `since` events are known to name the right ones.

    Raises:
        AssertionError: it is not so; the message names the events.
    """
    ids = [event.event_id for event in events]
    assert ids == list(range(1, len(events) + 1)), f"ids are not 1 to {len(events)}: {ids}"
    assert events, "there is no event"
    assert events[0].event_type == "WorkflowExecutionStarted", events[0]
    times = [event.event_timestamp for event in events]
    assert times == sorted(times), f"time goes back: {times}"
    _hold_close(events)
    _hold_decision_tasks(events)
    _hold_once(events)
    for event in events[since:]:
        _hold_references(event, events)


def _hold_close(events: Sequence[AnyEvent]) -> None:
    closings = [event for event in events if event.event_type in CLOSINGS]
    assert closings in ([], [events[-1]]), f"something follows the end: {closings}"


def _hold_decision_tasks(events: Sequence[AnyEvent]) -> None:
    is_open = False
    for event in events:
        match event.event_type:
            case "DecisionTaskScheduled":
                assert not is_open, f"two decision tasks at once: {event}"
                is_open = True
            case "DecisionTaskStarted" | "DecisionTaskFailed":
                assert is_open, f"of no decision task: {event}"
            case "DecisionTaskCompleted" | "DecisionTaskTimedOut":
                assert is_open, f"of no decision task: {event}"
                is_open = False


def _hold_once(events: Sequence[AnyEvent]) -> None:
    for kinds, attribute in ONCE:
        named = Counter(getattr(event, attribute) for event in events if event.event_type in kinds)
        twice = [id for id, times in named.items() if id and times > 1]
        assert not twice, f"closed twice: {[events[id - 1] for id in twice]}"


def _target(event_type: str, attribute: str) -> str:
    """Return the type of the event that an attribute must name."""
    match attribute:
        case "decision_task_completed_event_id":
            return "DecisionTaskCompleted"
        case "latest_cancel_requested_event_id":
            return "ActivityTaskCancelRequested"
        case "initiated_event_id":
            return INITIATED.get(event_type, "StartChildWorkflowExecutionInitiated")
        case "scheduled_event_id" | "started_event_id":
            event_type = event_type.removeprefix("Start")  # StartLambdaFunctionFailed
            family = next(family for family in FAMILIES if event_type.startswith(family))
            return family + ("Scheduled" if attribute == "scheduled_event_id" else "Started")
    raise AssertionError(f"nobody says what {event_type}.{attribute} must name")


@functools.cache
def _references(kind: type[Any]) -> list[str]:
    names = (field.name for field in msgspec.structs.fields(kind))
    return [
        name
        for name in names
        if name.endswith("_event_id") and name not in ELSEWHERE and name != "event_id"
    ]


def _hold_references(event: AnyEvent, events: Sequence[AnyEvent]) -> None:
    for name in _references(type(event)):
        id = getattr(event, name)
        if id is None or (id == 0 and (event.event_type, name) in MAY_NAME_NONE):
            continue
        assert 0 < id < event.event_id, f"{name} names no earlier event: {event}"
        named = events[id - 1]
        assert named.event_type == _target(event.event_type, name), f"{event} names {named}"
        _hold_agreement(event, named)


def _hold_agreement(event: AnyEvent, named: AnyEvent) -> None:
    """Two events that speak of one thing give it the same name."""
    for name in ("timer_id", "scheduled_event_id", "initiated_event_id", "workflow_execution"):
        if hasattr(event, name) and hasattr(named, name):
            mine, its = _name(getattr(event, name)), _name(getattr(named, name))
            assert mine == its, f"{name} of {event} is not that of {named}"


def _name(value: object) -> object:
    """A child that continues as new ends as another run than the one that was started."""
    return value.workflow_id if isinstance(value, WorkflowExecution) else value
