"""Hold what is known around an execution when a verdict on it is given, and word parts of it.

Pure: it asks no service. What a service does not tell is None or empty.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct

from partita import history as h
from partita.history.failure import Failure
from partita.ports.capabilities import Obstacle
from partita.ports.catalogue import WorkerRecord
from partita.ports.service import Pause, PauseKind, TaskListLimits
from partita.replay.stacks import CodeStack, Wait
from partita.views.failures import line_of, places_of, printable, type_and_message

_PLACE = re.compile(r"^\s*(?:[A-Z_]+: )?(?P<file>[^\s:][^:\n]*\.py):(?P<line>\d+)")


class Surroundings(Struct, frozen=True, kw_only=True):
    """What a verdict on an open execution takes into account beside the execution itself."""

    now: float  # seconds since the epoch
    events: Sequence[h.AnyEvent] = ()  # the newest events, in order
    workers: Sequence[WorkerRecord] | None = None  # that are alive; None: not known
    limits: Mapping[str, TaskListLimits] = {}
    pauses: Sequence[Pause] = ()
    obstacle: Obstacle | None = None  # to recording anything
    stacks: Sequence[CodeStack] = ()  # where the code waits, if anybody tells
    waits: Sequence[str] = ()  # what it waits for, where only that is told

    def pause_of(self, kind: PauseKind, name: str) -> Pause | None:
        """Return the pause of a workflow type or a task list."""
        return next((one for one in self.pauses if (one.kind, one.name) == (kind, name)), None)

    def worker(self, owner: str | None) -> WorkerRecord | None:
        """Return the living worker of that id."""
        return next((one for one in self.workers or () if one.id == owner), None)

    def is_gone(self, owner: str | None) -> bool:
        """Whether the worker of that id is known to be dead."""
        return bool(owner) and self.workers is not None and self.worker(owner) is None

    def event(self, number: int) -> h.AnyEvent | None:
        """Return an event by its number, if it is among those that are known."""
        if not self.events or not number:
            return None
        index = number - self.events[0].event_id
        return self.events[index] if 0 <= index < len(self.events) else None

    def identity(self, started_event_id: int, owner: str | None) -> str:
        """Return who holds a task, for people: `process 12`, or what it called itself."""
        worker = self.worker(owner)
        if worker is not None:
            return f"process {worker.pid}"
        event = self.event(started_event_id)
        return printable(str(getattr(event, "identity", None) or ""))

    def decided_at(self) -> float | None:
        """Return when the code last decided, and began to wait."""
        ends = (one for one in reversed(self.events) if isinstance(one, h.DecisionTaskCompleted))
        return next((one.event_timestamp for one in ends), None)

    def last_signal(self) -> h.WorkflowExecutionSignaled | None:
        """Return the newest signal that somebody sent; names that begin with $ are Partita's."""
        for event in reversed(self.events):
            if isinstance(event, h.WorkflowExecutionSignaled) and event.signal_name[:1] != "$":
                return event
        return None

    def waiting(self) -> tuple[Wait, dict[str, Any]] | None:
        """Return what the workflow's function waits for, and where; None if nobody tells."""
        for stack in self.stacks[:1]:
            for wait in stack.waits_for:
                return wait, _code_line(stack)
        return (Wait(self.waits[0]), {}) if self.waits else None

    def waits_for_signals(self) -> bool:
        """Whether the workflow's function waits for signals alone, whatever else is open."""
        waits = [wait.what for stack in self.stacks[:1] for wait in stack.waits_for]
        is_signal = [one.startswith("signal ") for one in waits if not one.startswith("timer ")]
        return bool(is_signal) and all(is_signal)

    def wait_named(self, begin: str) -> tuple[Wait, dict[str, Any]] | None:
        """Return the first wait, of any strand, whose text begins so, and where it is."""
        for stack in self.stacks:
            for wait in stack.waits_for:
                if wait.what.startswith(begin):
                    return wait, _code_line(stack)
        return next(((Wait(one), {}) for one in self.waits if one.startswith(begin)), None)


def _code_line(stack: CodeStack) -> dict[str, Any]:
    if not stack.frames:
        return {}
    last = stack.frames[-1]
    return {"file": last.file, "line": last.line, "function": last.function}


def at_line(evidence: Mapping[str, Any]) -> str:
    """Return ` at FILE:LINE` of the evidence that has a place."""
    if not evidence.get("file"):
        return ""
    return f" at {printable(str(evidence['file']))}:{evidence['line']}"


def place_in(text: str | None) -> dict[str, Any]:
    """Return the file and line that a decider's error begins with; empty if it names none."""
    found = _PLACE.match(text or "")
    return {} if found is None else {"file": found["file"], "line": int(found["line"])}


def error_evidence(details: str | None, reason: str | None) -> tuple[str, dict[str, Any]]:
    """Return an exception in a line, with its place, and as evidence."""
    failure = Failure.load(details, reason)
    evidence: dict[str, Any] = {
        "error": printable(failure.type),
        "message": printable(failure.summary),
    }
    places = places_of(failure.traceback)
    if places:
        last = places[-1]
        evidence |= {"file": last.file, "line": last.line, "function": last.function}
    return line_of(failure) if places else type_and_message(failure), evidence
