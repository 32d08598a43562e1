"""Find in a history who holds the decision task, and why the execution ended.

Pure: it reads no clock and asks no service.
"""

from __future__ import annotations

from collections.abc import Sequence

from partita import history as h
from partita.errors import WorkflowFailedError
from partita.history.failure import Failure
from partita.history.references import Kind
from partita.history.timeline import Timeline
from partita.ports.state import OpenDecision
from partita.views.failures import places_of, printable


def taken(
    decision: OpenDecision | None, events: Sequence[h.AnyEvent]
) -> h.DecisionTaskStarted | None:
    """Return the event that says when, and by whom, an open decision task was taken.

    None if there is none, if it waits to be taken, or if these later events say that it ended.
    """
    if decision is None or not decision.started_event_id:
        return None
    for task in Timeline(events).open(Kind.DECISION):
        if task.is_running and task.started.event_id == decision.started_event_id:
            started: h.DecisionTaskStarted = task.started
            return started
    return None


def reason(events: Sequence[h.AnyEvent]) -> str | None:
    """Return in one line why an execution did not complete, from its whole history.

    None if it completed or is open, or if no reason was given.
    """
    match events[-1] if events else None:
        case h.WorkflowExecutionFailed(details=details, reason=kind):
            failure = Failure.load(details, kind)
            return _line(str(WorkflowFailedError(failure.type, failure.summary)))
        case h.WorkflowExecutionTimedOut(timeout_type=which):
            return _line(which.value, _span(events[0]))
        case h.WorkflowExecutionCanceled(details=details):
            return _line(details) or _line(*(_cause(event) for event in events))
        case h.WorkflowExecutionTerminated(cause=cause, reason=said, details=details):
            return _line(cause, said, details)
    return None


def failed_at(events: Sequence[h.AnyEvent]) -> str | None:
    """Return the line of the user's code that raised what an execution failed with."""
    match events[-1] if events else None:
        case h.WorkflowExecutionFailed(details=details, reason=kind):
            places = places_of(Failure.load(details, kind).traceback)
            return printable(str(places[-1])) if places else None
    return None


def _span(first: h.AnyEvent) -> str | None:
    """Return how long an execution could have lasted."""
    if isinstance(first, h.WorkflowExecutionStarted) and first.execution_start_to_close is not None:
        return f"it was open for longer than {first.execution_start_to_close:g} s"
    return None


def _cause(event: h.AnyEvent) -> str | None:
    return event.cause if isinstance(event, h.WorkflowExecutionCancelRequested) else None


def _line(*parts: str | None) -> str | None:
    return " ".join(": ".join(part for part in parts if part).split()) or None
