"""Read a history as operations: activities, timers, children, decision tasks and so on.

The only place that pairs an event with the one that began the same operation. Events are added
one by one or in batches, each in constant time; a history may begin in the middle. Reads no
clock, and knows nothing of what its readers make of an operation.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from partita import history as h
from partita.history.references import REFERENCES, Kind, Outcome, Reference, Role

_IDS = {
    Kind.ACTIVITY: "activity_id",
    Kind.TIMER: "timer_id",
    Kind.CHILD: "workflow_id",
    Kind.LAMBDA: "id",
    Kind.SIGNAL: "workflow_id",
    Kind.CANCEL_REQUEST: "workflow_id",
}
"""The attribute by which the decider names an operation."""


_FIRST = (Role.BEGINS, Role.REFUSES)


class Operation:
    """One operation, as far as its events are known. Only its timeline changes it."""

    __slots__ = ("attempts", "begun", "closed", "event_id", "events", "is_running", "kind",
                 "outcome", "started")  # fmt: skip

    def __init__(self, kind: Kind, event_id: int) -> None:
        self.kind = kind
        self.event_id = event_id  # of the event that began it, known or not
        self.events: list[h.AnyEvent] = []  # all of them, as they were added
        self.begun: Any = None  # the event; None if the history begins later
        self.started: Any = None  # the event that began the newest attempt
        self.closed: Any = None  # the event; None while it is open
        self.outcome: Outcome | None = None
        self.attempts = 0  # that were started
        self.is_running = False  # whether an attempt is; a timer's only one begins with it

    def __repr__(self) -> str:
        return f"<Operation {self.kind} {self.id}: {self.outcome or 'open'}>"

    @property
    def id(self) -> str:
        """The id that its decider gave it; of a decision task, of its first event."""
        known = self.begun or (self.events[0] if self.events else None)
        name = _IDS.get(self.kind)
        return str(self.event_id if name is None else getattr(known, name, self.event_id))

    @property
    def name(self) -> str:
        """The name of its type or function; empty for what has none."""
        type = self.type
        return str(getattr(self.begun, "name", "")) if type is None else type.name

    @property
    def place(self) -> str:
        """Its name with its place in the workflow, such as `charge (line 12)`; else `name`."""
        control = str(getattr(self.begun, "control", None) or "")
        return (
            control
            if control.startswith((f"{self.name} (line ", f"{self.name} (at "))
            else self.name
        )

    @property
    def type(self) -> h.ActivityType | h.WorkflowType | None:
        """The type of an activity or a child."""
        found: h.ActivityType | h.WorkflowType | None
        found = getattr(self.begun, "activity_type", None)
        return found or getattr(self.begun, "workflow_type", None)

    @property
    def is_refused(self) -> bool:
        """Whether it never began."""
        return self.begun is not None and self.begun is self.closed

    def add(self, event: h.AnyEvent, row: Reference) -> None:
        """Add one of its events."""
        self.events.append(event)
        role = row.role
        if role is Role.BEGINS:
            self.begun = event
            if self.kind is Kind.TIMER:
                self.attempts, self.is_running = 1, True
        elif role is Role.STARTS:
            self.started = event
            self.attempts += 1
            self.is_running = True
        elif role is Role.RETRIES:
            self.is_running = False
        elif role is not Role.NOTES:
            self.closed, self.outcome = event, row.outcome
            self.is_running = False
            if self.event_id == event.event_id:
                self.begun = event


class Timeline:
    """One run's operations. What belongs to no other is the `execution`'s."""

    def __init__(self, events: Iterable[h.AnyEvent] = ()) -> None:
        self.operations: dict[int, Operation] = {}  # by the event that began them, in their order
        self.execution = Operation(Kind.EXECUTION, 1)
        self.last_at = 0.0  # the time of the event that was added last
        self._open: dict[Kind, dict[int, Operation]] = {kind: {} for kind in Kind}
        self._newest: dict[tuple[Kind, str], Operation] = {}
        self.extend(events)

    def extend(self, events: Iterable[h.AnyEvent]) -> None:
        """Add further events."""
        for event in events:
            self.add(event)

    def add(self, event: h.AnyEvent) -> Operation:
        """Add one more event, and return its operation."""
        row = REFERENCES[type(event)]
        operation = self._find(event, row) or self._new(event, row)
        operation.add(event, row)
        self.last_at = event.event_timestamp
        if row.kind is Kind.DECISION and row.role is Role.STARTS:
            self._replace_failed(operation)
        if row.role is Role.BEGINS:
            self._newest[row.kind, operation.id] = operation
        elif operation.closed is event:
            self._open[row.kind].pop(operation.event_id, None)
        return operation

    def _replace_failed(self, started: Operation) -> None:
        """Drop decision tasks that failed, where the next try is that of a later task."""
        tasks = self._open[Kind.DECISION]
        for earlier in [id for id in tasks if id < started.event_id]:
            tasks.pop(earlier).outcome = Outcome.FAILED

    def _new(self, event: h.AnyEvent, row: Reference) -> Operation:
        id = _began(event, row)
        operation = Operation(row.kind, id)
        self.operations[id] = self._open[row.kind][id] = operation
        return operation

    def of(self, event: h.AnyEvent) -> Operation | None:
        """Return the operation of an event; None if no event of it is known yet."""
        return self._find(event, REFERENCES[type(event)])

    def _find(self, event: h.AnyEvent, row: Reference) -> Operation | None:
        if row.kind is Kind.EXECUTION:
            return self.execution
        began = _began(event, row)
        if began:
            return self.operations.get(began)
        if isinstance(event, h.ActivityTaskCancelRequested):
            return self.find(row.kind, event.activity_id) or self.execution
        return self.execution

    def find(self, kind: Kind, id: str) -> Operation | None:
        """Return the newest operation of that id that has begun."""
        return self._newest.get((kind, id))

    def open(self, kind: Kind) -> Iterator[Operation]:
        """Yield the open operations of a kind, in the order in which they began."""
        yield from self._open[kind].values()

    @property
    def is_closed(self) -> bool:
        """Whether the execution has ended."""
        return self.execution.closed is not None


def _began(event: h.AnyEvent, row: Reference) -> int:
    """Return the id of the event that began this event's operation; 0 if there is none."""
    if row.attribute is not None and (named := getattr(event, row.attribute)):
        return named  # type: ignore[no-any-return]
    return event.event_id if row.role in _FIRST else 0
