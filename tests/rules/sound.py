"""Say whether a history is sound, whatever led to it.

Knows what SWF promises of every history, and nothing of how the rules keep it.
"""

from __future__ import annotations

import functools
from collections import Counter
from typing import Any

import msgspec
from botocore.loaders import Loader

from partita.history import AnyEvent

MODEL: dict[str, Any] = Loader().load_service_model("swf", "service-2")["shapes"]

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
FAMILIES = ("ActivityTask", "DecisionTask", "Timer", "ChildWorkflowExecution")
MAY_HAVE_NO_START = (
    "ActivityTaskTimedOut",  # it waited for a worker for too long
    "ActivityTaskCanceled",  # it was canceled while it waited
    "DecisionTaskFailed",  # its start is not recorded where the same failure comes again
)
CLOSINGS = {
    f"WorkflowExecution{how}"
    for how in ("Completed", "Failed", "Canceled", "ContinuedAsNew", "Terminated", "TimedOut")
}
ENDS = ("Completed", "Failed", "TimedOut", "Canceled")
ACTIVITY_ENDS = {f"ActivityTask{end}" for end in ENDS}
CHILD_ENDS = {f"ChildWorkflowExecution{end}" for end in (*ENDS, "Terminated")}
NEWS = {
    *ACTIVITY_ENDS,
    *CHILD_ENDS,
    "ChildWorkflowExecutionStarted",
    "StartChildWorkflowExecutionFailed",
    "ExternalWorkflowExecutionSignaled",
    "SignalExternalWorkflowExecutionFailed",
    "ExternalWorkflowExecutionCancelRequested",
    "RequestCancelExternalWorkflowExecutionFailed",
    "TimerFired",
    "WorkflowExecutionSignaled",
    "WorkflowExecutionCancelRequested",
    "ScheduleActivityTaskFailed",
    "StartTimerFailed",
}
"""Events that a decider must get to see."""

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


def check(events: list[AnyEvent], since: int = 0) -> None:
    """Assert all of it; the first `since` events are known to refer to the right ones."""
    assert [event.event_id for event in events] == list(range(1, len(events) + 1))
    assert events[0].event_type == "WorkflowExecutionStarted"
    times = [event.event_timestamp for event in events]
    assert times == sorted(times)
    _check_close(events)
    _check_decision_tasks(events)
    _check_once(events)
    for event in events[since:]:
        _check_references(event, events)
        _check_cause(event)


def _check_close(events: list[AnyEvent]) -> None:
    closings = [event for event in events if event.event_type in CLOSINGS]
    assert closings in ([], [events[-1]]), "something follows the end"


def _check_decision_tasks(events: list[AnyEvent]) -> None:
    is_open = False
    for event in events:
        match event.event_type:
            case "DecisionTaskScheduled":
                assert not is_open, "two decision tasks at once"
                is_open = True
            case "DecisionTaskStarted" | "DecisionTaskFailed":
                assert is_open
            case "DecisionTaskCompleted" | "DecisionTaskTimedOut":
                assert is_open
                is_open = False


def _check_once(events: list[AnyEvent]) -> None:
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
        case "scheduled_event_id":
            family = next(family for family in FAMILIES if event_type.startswith(family))
            return f"{family}Scheduled"
        case "started_event_id":
            family = next(family for family in FAMILIES if event_type.startswith(family))
            return f"{family}Started"
        case "initiated_event_id":
            return INITIATED.get(event_type, "StartChildWorkflowExecutionInitiated")
    raise AssertionError(f"{event_type}.{attribute} is new here")


@functools.cache
def _references(kind: type[Any]) -> list[str]:
    names = (field.name for field in msgspec.structs.fields(kind))
    return [name for name in names if name.endswith("_event_id") and name not in ELSEWHERE]


def _check_references(event: AnyEvent, events: list[AnyEvent]) -> None:
    for name in _references(type(event)):
        id = getattr(event, name)
        if id is None or (id == 0 and event.event_type in MAY_HAVE_NO_START):
            assert name in ("started_event_id", "latest_cancel_requested_event_id"), event
            continue
        assert 0 < id < event.event_id, event
        named = events[id - 1]
        assert named.event_type == _target(event.event_type, name), (event, named)
        _check_agreement(event, named)


def _check_agreement(event: AnyEvent, named: AnyEvent) -> None:
    """Two events that speak of one thing give it the same name."""
    for name in ("timer_id", "scheduled_event_id", "initiated_event_id", "workflow_execution"):
        if hasattr(event, name) and hasattr(named, name):
            assert getattr(event, name) == getattr(named, name), (event, named)


def _check_cause(event: AnyEvent) -> None:
    shape = MODEL.get(f"{event.event_type}EventAttributes", {"members": {}})
    if "cause" in shape["members"]:
        cause = getattr(event, "cause", None)
        assert cause is None or cause in MODEL[shape["members"]["cause"]["shape"]]["enum"], event
