"""Read a process from its history: each event once, and nothing but its history.

Which event begins and ends what is in the timeline; here is what a decider sees of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeGuard

from partita import history as h
from partita.authoring.results import Result
from partita.codec import Converter
from partita.deciders.parts import (
    ActivityExecution,
    ChildProcess,
    LambdaExecution,
    Part,
    ProcessTimer,
    ReceivedSignal,
    plain,
    result_of,
)
from partita.history.references import DECIDED, REFERENCES, Kind, Role
from partita.history.timeline import Operation, Timeline

_PARTS: dict[Kind, type[Part]] = {
    part.kind: part for part in (ActivityExecution, LambdaExecution, ProcessTimer, ChildProcess)
}
_TOLD = frozenset({Role.STARTS, Role.CLOSES, Role.REFUSES})


def is_news(event: h.AnyEvent) -> bool:
    """Whether a decider has not caused the event itself, and it is meant for deciders."""
    kind = type(event)
    is_meant = REFERENCES[kind].kind is not Kind.DECISION and not is_of_partita(event)
    return is_meant and kind not in DECIDED


def is_of_partita(event: h.AnyEvent) -> TypeGuard[h.WorkflowExecutionSignaled]:
    """Whether it is a signal by which Partita's client asks something of Python workflows."""
    return isinstance(event, h.WorkflowExecutionSignaled) and event.signal_name.startswith("$")


class ProcessState:
    """The process after the events so far."""

    def __init__(self, converter: Converter) -> None:
        self.begun: h.WorkflowExecutionStarted | None = None
        self.ended: Result | None = None
        self.is_cancel_requested = False
        self.markers: dict[str, Any] = {}  # the newest details of each
        self.signals: list[ReceivedSignal] = []
        self.parts: dict[Kind, list[Any]] = {kind: [] for kind in _PARTS}  # that have begun
        self._by_event: dict[int, Any] = {}  # by the event that began, refused or brought them
        self._timeline = Timeline()
        self._converter = converter

    def add(self, event: h.AnyEvent) -> None:
        """Add one more event."""
        if REFERENCES[type(event)].kind is Kind.DECISION:  # half of all, and nothing to a decider
            return
        operation = self._timeline.add(event)
        if operation.kind is Kind.EXECUTION:
            self._add_own(event)
        elif operation.kind in _PARTS:
            self._add_to_part(operation, event)

    def _add_own(self, event: h.AnyEvent) -> None:
        """Add an event of the execution itself."""
        match event:
            case h.WorkflowExecutionStarted():
                self.begun = event
            case h.WorkflowExecutionCancelRequested():
                self.is_cancel_requested = True
            case h.MarkerRecorded(marker_name=name, details=details):
                self.markers[name] = plain(self._converter, details)
            case h.WorkflowExecutionSignaled() if not is_of_partita(event):
                signal = ReceivedSignal(
                    event.signal_name, event.input, event.event_id, self._converter
                )
                self.signals.append(signal)
                self._by_event[event.event_id] = signal
            case _:
                self.ended = result_of(event, self._converter) or self.ended

    def _add_to_part(self, operation: Operation, event: h.AnyEvent) -> None:
        """Add an event of a part."""
        if operation.begun is event and not isinstance(event, h.StartTimerFailed):
            made = _PARTS[operation.kind](event, self._converter)
            self._by_event[event.event_id] = made
            if not operation.is_refused:
                self.parts[operation.kind].append(made)
        part: Any = self._by_event.get(operation.event_id)
        match event:
            case _ if part is None:  # it began before what is known
                return
            case h.ActivityTaskStarted():
                part.is_started = True
            case h.ActivityTaskCancelRequested():
                part.is_cancel_requested = True
            case h.ChildWorkflowExecutionStarted(workflow_execution=execution):
                part.execution = execution
        if operation.closed is event:
            part.end(event)

    def open_parts(self, kind: Kind) -> Iterator[Any]:
        """Yield the open parts of a kind, in the order in which they began."""
        begun = (self._by_event.get(one.event_id) for one in self._timeline.open(kind))
        return (part for part in begun if part is not None)

    def open_part(self, kind: Kind, id: str) -> Any:
        """Return the open part of that kind and id; None if there is none."""
        found = self._timeline.find(kind, id)
        if found is None or found.closed is not None:
            return None
        return self._by_event.get(found.event_id)

    def part_of(self, event: h.AnyEvent) -> Any:
        """Return the part that an event starts, ends or brings; None if there is none."""
        if isinstance(event, h.WorkflowExecutionSignaled):
            return self._by_event.get(event.event_id)
        operation = self._timeline.of(event)
        if operation is None or REFERENCES[type(event)].role not in _TOLD:
            return None
        return self._by_event.get(operation.event_id)
