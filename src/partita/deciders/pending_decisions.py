"""What an answer in the making has decided so far, as what follows in it sees it.

So it makes no difference to a decider whether two events came together or one after the other.
"""

from __future__ import annotations

from typing import Any

from partita import history as h
from partita.codec import Converter
from partita.deciders.process_items import (
    ActivityExecution,
    ChildProcess,
    LambdaExecution,
    ProcessTimer,
    plain,
)


class Promises:
    """What one answer has asked for."""

    def __init__(self, converter: Converter) -> None:
        self._converter = converter
        self._parts: dict[type[Any], dict[str, Any]] = {}  # open by this answer
        self._counts: dict[type[Any], int] = {}
        self.notes: dict[str, Any] = {}  # markers
        self.stopped: set[str] = set()  # timers

    def __bool__(self) -> bool:
        """Whether anything was asked for."""
        return bool(self._counts or self.notes or self.stopped)

    def take(self, decision: h.AnyDecision) -> None:
        """Take in one more decision."""
        converter = self._converter
        match decision:
            case h.ScheduleActivityTask(
                activity_id=id, activity_type=kind, input=input, control=data
            ):
                self._add(ActivityExecution(id, 0, kind, input, data, converter))
            case h.StartTimer(timer_id=id, start_to_fire=seconds, control=data):
                self._add(ProcessTimer(id, 0, seconds, data, converter))
            case h.StartChildWorkflowExecution(workflow_id=id, workflow_type=type, control=data):
                self._add(ChildProcess(id, 0, type, decision.tag_list, data, converter))
            case h.ScheduleLambdaFunction(id=id, name=name, control=data):
                self._add(LambdaExecution(id, 0, name, data, converter))
            case h.RecordMarker(marker_name=name, details=details):
                self.notes[name] = plain(converter, details)
            case h.CancelTimer(timer_id=id):
                self._stop(id)
            case h.RequestCancelActivityTask(activity_id=id):
                if self.has(ActivityExecution, id):
                    self._parts[ActivityExecution][id].is_cancel_requested = True

    def _add(self, part: Any) -> None:
        kind = type(part)
        self._parts.setdefault(kind, {}).setdefault(part.id, part)
        self._counts[kind] = self._counts.get(kind, 0) + 1

    def _stop(self, id: str) -> None:
        """End a timer: the one that this answer has started, or the one that ran before."""
        if self._parts.get(ProcessTimer, {}).pop(id, None) is None:
            self.stopped.add(id)

    def parts(self, kind: type[Any]) -> list[Any]:
        """Return the parts of a kind that will be open."""
        return [*self._parts.get(kind, {}).values()]

    def has(self, kind: type[Any], id: str) -> bool:
        """Whether a part of that kind and id will be open."""
        return id in self._parts.get(kind, {})

    def count(self, kind: type[Any]) -> int:
        """Return how many parts of a kind were asked for."""
        return self._counts.get(kind, 0)
