"""Read a history as steps: what a run did, and what came to it, each with its course in time.

Pure: events in, steps out, in the order in which they began. What Partita notes for itself in
markers is left out. A history of Step Functions, whose events come as markers, gives the states
of its machine.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from msgspec import Struct

from partita import history as h
from partita.history.references import REFERENCES, Kind, Outcome, Role
from partita.history.timeline import Operation, Timeline
from partita.views.records import record_of
from partita.views.state_visits import state_visits

_KINDS = {
    Kind.ACTIVITY: "activity",
    Kind.LAMBDA: "lambda",
    Kind.TIMER: "timer",
    Kind.CHILD: "child",
    Kind.SIGNAL: "message",
    Kind.CANCEL_REQUEST: "cancel request",
}
_STATUSES = {
    "completed": "succeeded",
    "fired": "succeeded",
    "delivered": "succeeded",
    "came": "succeeded",
    "recorded": "succeeded",
    "continued as new": "succeeded",
    "running": "running",
    "scheduled": "waiting",
    "waiting to retry": "waiting",
    "canceled": "canceled",
    "left open": "canceled",
}


class Span(Struct, frozen=True):
    """A part of a step's time, in seconds since the epoch."""

    state: str  # waiting, running or retrying: waiting for another attempt
    begin: float
    end: float


class RunStep(Struct, frozen=True, kw_only=True):
    """Something that a run did, or that came to it."""

    kind: str  # activity, lambda, timer, child, message, cancel request, signal, marker, state
    id: str  # as its decider named it
    name: str  # of its type; empty for timers
    place: str = ""  # the name with its line, where the decider noted that
    version: str = ""  # of its type
    state: str  # completed, running, failed, left open, ...; see `records`
    event_id: int  # of the event that began it
    turn: int  # the decision that asked for it; 0: none did
    begun_at: float  # seconds since the epoch
    ended_at: float | None = None
    attempts: int = 0
    spans: tuple[Span, ...] = ()
    input: str | None = None  # a payload
    result: str | None = None  # a payload
    note: str = ""  # why it failed, or how long a timer is

    @property
    def status(self) -> str:
        """How it stands, in a word for drawings: succeeded, failed, running, waiting, canceled."""
        return _STATUSES.get(self.state, "failed")

    @property
    def title(self) -> str:
        """Its name for people."""
        if self.kind in ("activity", "lambda", "state"):
            return self.name
        return f"{self.kind} {self.name}".strip()


def run_steps(events: Sequence[h.AnyEvent], now: float | None = None) -> list[RunStep]:
    """Return the steps of a whole history; what is open lasts until `now`, or the last event."""
    if not events:
        return []
    timeline = Timeline(events)
    found = [
        _operation(one, timeline, now)
        for one in timeline.operations.values()
        if one.kind in _KINDS and one.begun is not None
    ]
    found += _notes(events)
    found += _states(events, now)
    return sorted(found, key=lambda step: step.event_id)


def _operation(operation: Operation, timeline: Timeline, now: float | None) -> RunStep:
    record = record_of(operation, timeline, now)
    begun, closed = operation.begun, operation.closed
    until = timeline.last_at if now is None or timeline.is_closed else max(now, timeline.last_at)
    return RunStep(
        kind=_KINDS[operation.kind],
        id=operation.id,
        name=operation.name or str(getattr(begun, "signal_name", "")),
        place=operation.place if operation.place != operation.name else "",
        version=operation.type.version if operation.type is not None else "",
        state=record.state,
        event_id=operation.event_id,
        turn=getattr(begun, "decision_task_completed_event_id", 0),
        begun_at=begun.event_timestamp,
        ended_at=None if closed is None else closed.event_timestamp,
        attempts=operation.attempts,
        spans=tuple(_spans(operation, until)),
        input=_input(operation),
        result=getattr(closed, "result", None),
        note=record.note,
    )


def _input(operation: Operation) -> str | None:
    """Return what an operation was given; a timer its seconds."""
    if operation.kind is Kind.TIMER:
        seconds = getattr(operation.begun, "start_to_fire", None)
        return None if seconds is None else json.dumps(seconds)
    found: str | None = getattr(operation.begun, "input", None)
    return found


def _spans(operation: Operation, until: float) -> Iterator[Span]:
    """Yield the spans of an operation; an open one lasts until then."""
    state, since = "waiting", operation.begun.event_timestamp
    if operation.kind is Kind.TIMER:
        state = "running"
    for event in operation.events[1:]:
        role, at = REFERENCES[type(event)].role, event.event_timestamp
        if role is Role.NOTES:
            continue
        if at > since:
            yield Span(state, since, at)
        since = max(since, at)
        state = "running" if role is Role.STARTS else "retrying"
    if operation.closed is None and until > since:
        yield Span(state, since, until)


def _notes(events: Sequence[h.AnyEvent]) -> Iterator[RunStep]:
    """Yield what came to the execution, and the markers of the code's own."""
    for event in events:
        match event:
            case h.WorkflowExecutionSignaled(signal_name=name, input=given):
                yield _note(event, "signal", name, "came", input=given)
            case h.WorkflowExecutionCancelRequested(cause=cause):
                yield _note(event, "cancel request", "", "came", note=cause or "")
            case h.MarkerRecorded(marker_name=name, decision_task_completed_event_id=turn):
                if turn and not name.startswith("$"):
                    yield _note(event, "marker", name, "recorded", turn, result=event.details)


def _note(
    event: h.AnyEvent, kind: str, name: str, state: str, turn: int = 0, **more: str | None
) -> RunStep:
    at = event.event_timestamp
    return RunStep(
        kind=kind,
        id=str(event.event_id),
        name=name,
        state=state,
        event_id=event.event_id,
        turn=turn,
        begun_at=at,
        ended_at=at,
        input=more.get("input"),
        result=more.get("result"),
        note=more.get("note") or "",
    )


def _states(events: Sequence[h.AnyEvent], now: float | None) -> Iterator[RunStep]:
    """Yield the visits of a machine's states, each of which follows the one before."""
    closed = REFERENCES[type(events[-1])].outcome
    last = events[-1].event_timestamp
    until = last if closed is not None or now is None else max(now, last)
    for visit in state_visits(events):
        open_state = "running" if closed is None else _left(closed)
        yield RunStep(
            kind="state",
            id=str(visit.event_id),
            name=visit.name,
            state="canceled" if visit.is_aborted else "completed" if visit.ended_at else open_state,
            event_id=visit.event_id,
            turn=visit.event_id,
            begun_at=visit.begun_at,
            ended_at=visit.ended_at,
            attempts=1,
            spans=(Span("running", visit.begun_at, visit.ended_at or until),),
            input=visit.input,
            result=visit.output,
            note=visit.error,
        )


def _left(closed: Outcome) -> str:
    """Return how a state stands that was not left when the execution ended."""
    return "failed" if closed in (Outcome.FAILED, Outcome.TIMED_OUT) else "left open"
