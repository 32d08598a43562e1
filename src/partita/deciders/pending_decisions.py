"""Hold what an unfinished answer has decided so far, for the decisions that follow in it.

So it makes no difference to a decider whether two events came together or one after the other.
"""

from __future__ import annotations

from typing import Any

from partita import history as h
from partita.codec import Converter
from partita.deciders.parts import (
    ActivityExecution,
    ChildProcess,
    LambdaExecution,
    Part,
    ProcessTimer,
    plain,
)
from partita.history.references import Kind


class PendingDecisions:
    """The decisions of one answer so far."""

    def __init__(self, converter: Converter) -> None:
        self._converter = converter
        self._parts: dict[Kind, dict[str, Any]] = {}  # open by this answer
        self._counts: dict[Kind, int] = {}
        self.markers: dict[str, Any] = {}
        self.canceled_timers: set[str] = set()

    def __bool__(self) -> bool:
        """Whether anything was asked for."""
        return bool(self._counts or self.markers or self.canceled_timers)

    def add(self, decision: h.AnyDecision) -> None:
        """Add one more decision."""
        converter = self._converter
        match decision:
            case h.ScheduleActivityTask():
                self._add(ActivityExecution(decision, converter))
            case h.StartTimer():
                self._add(ProcessTimer(decision, converter))
            case h.StartChildWorkflowExecution():
                self._add(ChildProcess(decision, converter))
            case h.ScheduleLambdaFunction():
                self._add(LambdaExecution(decision, converter))
            case h.RecordMarker(marker_name=name, details=details):
                self.markers[name] = plain(converter, details)
            case h.CancelTimer(timer_id=id):
                self._cancel_timer(id)
            case h.RequestCancelActivityTask(activity_id=id):
                if self.has(Kind.ACTIVITY, id):
                    self._parts[Kind.ACTIVITY][id].is_cancel_requested = True

    def _add(self, part: Part) -> None:
        kind = part.kind
        self._parts.setdefault(kind, {}).setdefault(part.id, part)
        self._counts[kind] = self._counts.get(kind, 0) + 1

    def _cancel_timer(self, id: str) -> None:
        """Cancel a timer: the one that this answer has started, or the one that ran before."""
        if self._parts.get(Kind.TIMER, {}).pop(id, None) is None:
            self.canceled_timers.add(id)

    def parts(self, kind: Kind) -> list[Any]:
        """Return the parts of a kind that will be open."""
        return [*self._parts.get(kind, {}).values()]

    def has(self, kind: Kind, id: str) -> bool:
        """Whether a part of that kind and id will be open."""
        return id in self._parts.get(kind, {})

    def count(self, kind: Kind) -> int:
        """Return how many parts of a kind were asked for."""
        return self._counts.get(kind, 0)
