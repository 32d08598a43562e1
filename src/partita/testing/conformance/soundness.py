"""Check whether a history is one that SWF could have written.

Knows what SWF promises of every history, and nothing of how a service keeps it.

Source: Amazon SWF API Reference (2012-01-25), HistoryEvent and the attributes of each event.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from partita import history as h
from partita.history.references import CLOSING, NAMED, Kind, Role, types_of

MAY_NAME_NONE = {
    ("ActivityTaskTimedOut", "started_event_id"),  # it waited for a worker for too long
    ("ActivityTaskCanceled", "started_event_id"),  # it was canceled while it waited
    ("DecisionTaskFailed", "started_event_id"),  # a host's start is not recorded if it fails
    ("DecisionTaskTimedOut", "started_event_id"),  # it waited for a decider for too long
    ("StartChildWorkflowExecutionFailed", "initiated_event_id"),  # SWF: refused at once
    ("MarkerRecorded", "decision_task_completed_event_id"),  # an event that SWF has no name for
}
"""(event type, attribute) that may be 0."""


def _ends(kind: Kind, *more: type[Any]) -> set[type[Any]]:
    return {*types_of(kind, Role.CLOSES), *more}


ONCE: list[tuple[set[type[Any]], str]] = [
    (_ends(Kind.ACTIVITY), "scheduled_event_id"),
    (_ends(Kind.ACTIVITY, h.ActivityTaskRescheduled), "started_event_id"),
    (_ends(Kind.DECISION), "scheduled_event_id"),
    (_ends(Kind.DECISION, h.DecisionTaskFailed), "started_event_id"),
    (_ends(Kind.TIMER), "started_event_id"),
    (_ends(Kind.CHILD), "started_event_id"),
    ({h.ChildWorkflowExecutionStarted, h.StartChildWorkflowExecutionFailed}, "initiated_event_id"),
    (_ends(Kind.SIGNAL) | _ends(Kind.CANCEL_REQUEST), "initiated_event_id"),
]
"""Event types of which at most one may name the same earlier event in that attribute."""


def sound(events: Sequence[h.AnyEvent], since: int = 0) -> None:
    """Check that a whole history, from event 1 on, keeps what SWF promises of every history.

    Ids are 1, 2, 3 … without gaps, times never go back, at most one decision task is open (and the
    next one is recorded while a decider holds it), nothing follows the closing event, nothing
    closes twice, and every event id in an attribute is that of an earlier event of the right type.
    `since`: skip that last check for so many events, which an earlier call has checked.

    Raises:
        AssertionError: the history breaks a promise; the message shows the events.
    """
    ids = [event.event_id for event in events]
    assert ids == list(range(1, len(events) + 1)), f"ids are not 1 to {len(events)}: {ids}"
    assert events, "there is no event"
    assert events[0].event_type == "WorkflowExecutionStarted", events[0]
    times = [event.event_timestamp for event in events]
    assert times == sorted(times), f"time goes back: {times}"
    _check_close(events)
    _check_decision_tasks(events)
    _check_once(events)
    for event in events[since:]:
        _check_references(event, events)


def _check_close(events: Sequence[h.AnyEvent]) -> None:
    closings = [event for event in events if type(event) in CLOSING]
    assert closings in ([], [events[-1]]), f"something follows the end: {closings}"


def _check_decision_tasks(events: Sequence[h.AnyEvent]) -> None:
    is_open = is_held = is_next = False  # `is_next`: another was recorded while one is held
    for event in events:
        match event.event_type:
            case "DecisionTaskScheduled":
                assert is_held or not is_open, f"two decision tasks at once: {event}"
                assert not is_next, f"two decision tasks wait: {event}"
                is_open, is_next = True, is_open
            case "DecisionTaskStarted":
                assert is_open, f"of no decision task: {event}"
                is_held = True
            case "DecisionTaskFailed":
                assert is_open, f"of no decision task: {event}"
                is_held = is_next = False
            case "DecisionTaskCompleted" | "DecisionTaskTimedOut":
                assert is_open, f"of no decision task: {event}"
                is_open, is_held, is_next = is_next, False, False


def _check_once(events: Sequence[h.AnyEvent]) -> None:
    for kinds, attribute in ONCE:
        named = Counter(getattr(event, attribute) for event in events if type(event) in kinds)
        twice = [id for id, times in named.items() if id and times > 1]
        assert not twice, f"closed twice: {[events[id - 1] for id in twice]}"


def _check_references(event: h.AnyEvent, events: Sequence[h.AnyEvent]) -> None:
    for name, type_named in NAMED[type(event)].items():
        id = getattr(event, name)
        if id is None or (id == 0 and (event.event_type, name) in MAY_NAME_NONE):
            continue
        assert 0 < id < event.event_id, f"{name} names no earlier event: {event}"
        named = events[id - 1]
        assert type(named) is type_named, f"{event} names {named}"
        _check_agreement(event, named)


def _check_agreement(event: h.AnyEvent, named: h.AnyEvent) -> None:
    """Check that two events on the same operation identify it alike."""
    for name in ("timer_id", "scheduled_event_id", "initiated_event_id", "workflow_execution"):
        if hasattr(event, name) and hasattr(named, name):
            mine, its = _name(getattr(event, name)), _name(getattr(named, name))
            assert mine == its, f"{name} of {event} is not that of {named}"


def _name(value: object) -> object:
    """Return the workflow id of an execution: a child may continue as another run."""
    return value.workflow_id if isinstance(value, h.WorkflowExecution) else value
