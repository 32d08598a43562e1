"""Reuse the steps that another run has recorded, for forks, resets and repairs on Amazon SWF.

SWF is not told of steps that the origin has done (same place, same type, same input). The
translated history takes their ends from the origin's, in the same order, and the code is asked
again in the same decision task. Which steps these were is noted in the execution context of the
answer, which SWF keeps with the decisions.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from msgspec.structs import replace

from partita import history as h
from partita.engine.recorded_steps import RecordedSteps, is_same, key_of, side_effects
from partita.history.references import Kind
from partita.history.timeline import Operation
from partita.ports.state import Origin
from partita.swf.backend.envelopes import Fork

_LETTERS = {Kind.ACTIVITY: "a", Kind.TIMER: "t", Kind.CHILD: "c"}


class ForkOrigin:
    """The origin of one run, and what of it is still to be handed on."""

    def __init__(self, fork: Fork, events: Sequence[h.AnyEvent]) -> None:
        self.fork = fork
        begun = events[0]
        assert isinstance(begun, h.WorkflowExecutionStarted)
        self.original_run_id = begun.original_run_id or fork.run_id
        self.markers = side_effects(events, fork.until)
        origin = Origin(
            run=0,
            run_id=fork.run_id,
            until=fork.until,
            failures=fork.failures,
            all_signals=fork.all_signals,
            results=fork.results,
        )
        self._recorded = RecordedSteps(origin, list(events))
        self._steps: dict[str, Operation] = {}  # the origin's, by place
        self._index(events)
        self._batches = self._recorded.batches_after(0)
        self._pending: dict[str, int] = {}  # our event id of what has begun here, by place
        self._last_signal = 0  # the origin's signals up to this event were handed on

    def _index(self, events: Sequence[h.AnyEvent]) -> None:
        for batch in self._recorded.batches_after(0):
            for event in batch:
                if not isinstance(event, h.WorkflowExecutionSignaled):
                    step = self._recorded.step(event)
                    self._steps.setdefault(_place(step), step)
        for event in events:
            if isinstance(event, h.SignalExternalWorkflowExecutionInitiated):
                if (sent := self._recorded.sent(event.control)) is not None:
                    self._steps[f"s{event.control}"] = sent
            elif isinstance(event, h.ActivityTaskScheduled):
                if (
                    event.activity_id in self.fork.results
                ):  # though the origin may not have ended it
                    step = self._recorded.step(event)
                    self._steps.setdefault(f"a{event.activity_id}", step)

    # -- what need not be done

    def place(self, decision: h.AnyDecision) -> str | None:
        """Return the place of a decision that the origin has carried out; else None."""
        match decision:
            case h.ScheduleActivityTask(activity_id=key, activity_type=kind, input=input):
                place = f"a{key}"
            case h.StartTimer(timer_id=key):
                return f"t{key}" if f"t{key}" in self._steps else None
            case h.StartChildWorkflowExecution(control=str(key), workflow_type=kind, input=input):
                place = f"c{key}"
                if place in self._steps and self.begun(place).workflow_id != decision.workflow_id:
                    return None
            case h.SignalExternalWorkflowExecution(control=str(key)):
                return f"s{key}" if f"s{key}" in self._steps else None
            case _:
                return None
        step = self._steps.get(place)
        if step is None or place in self._pending:
            return None
        return place if is_same(step, input, kind) else None

    def begun(self, place: str) -> Any:
        """Return the event by which the origin began a step; its numbers are the origin's."""
        begun = self._steps[place].begun
        if isinstance(begun, h.StartChildWorkflowExecutionInitiated):
            above = f"{self.fork.workflow_id}:"  # ids of children are made of their parents'
            if begun.workflow_id.startswith(above):
                id = f"{self.fork.own_id}:{begun.workflow_id.removeprefix(above)}"
                return replace(begun, workflow_id=id)
        return begun

    def note(self, place: str, event_id: int) -> None:
        """Note that a step has begun here, too."""
        self._pending[place] = event_id

    def drop(self, place: str) -> int | None:
        """Drop a step that is cancelled before its end was handed on; return our event id of it."""
        return self._pending.pop(place, None)

    # -- what is handed on

    @property
    def has_news(self) -> bool:
        """Whether anything is still to be handed on."""
        return bool(self._pending) or any(
            isinstance(event, h.WorkflowExecutionSignaled) and event.event_id > self._last_signal
            for batch in self._batches
            for event in batch
        )

    def first_signals(self) -> Iterator[h.WorkflowExecutionSignaled]:
        """Yield the signals that came before the origin's first decision task."""
        for event in self._recorded.first:
            if isinstance(event, h.WorkflowExecutionSignaled):
                self._last_signal = event.event_id
                yield event

    def news(self) -> list[tuple[h.AnyEvent, int]]:
        """Return what the origin's decider was told next, with our ids of what it ends."""
        sent = [place for place in self._pending if place[0] == "s"]
        found = [(self._steps[place].closed, self._pending.pop(place)) for place in sent]
        for batch in self._batches:
            found += self._of_batch(batch)
            if found:
                return found
        left = [(self._steps[place].begun, begun) for place, begun in self._pending.items()]
        self._pending.clear()
        return found + left

    def _of_batch(self, batch: list[h.AnyEvent]) -> list[tuple[h.AnyEvent, int]]:
        found: list[tuple[h.AnyEvent, int]] = []
        for event in batch:
            if isinstance(event, h.WorkflowExecutionSignaled):
                if event.event_id > self._last_signal:
                    self._last_signal = event.event_id
                    found.append((event, 0))
                continue
            begun = self._pending.pop(_place(self._recorded.step(event)), None)
            if begun is not None:
                found.append((event, begun))
        return found

    def events_of(self, event: Any, begun: int, next_id: int) -> Iterator[h.AnyEvent]:
        """Yield the events, from number `next_id` on, that end a step here as it ended there."""
        common: dict[str, Any] = {"event_id": 0, "event_timestamp": 0.0}
        if isinstance(event, h.WorkflowExecutionSignaled):
            yield h.WorkflowExecutionSignaled(
                signal_name=event.signal_name, input=event.input, **common
            )
        elif isinstance(event, h.TimerFired):
            yield h.TimerFired(timer_id=event.timer_id, started_event_id=begun, **common)
        elif isinstance(event, h.ExternalWorkflowExecutionSignaled):
            yield h.ExternalWorkflowExecutionSignaled(
                workflow_execution=event.workflow_execution, initiated_event_id=begun, **common
            )
        elif hasattr(event, "initiated_event_id"):
            yield from self._child(event, begun, next_id, common)
        else:
            yield h.ActivityTaskStarted(
                scheduled_event_id=begun,
                identity=f"reused from run {self.fork.run_id}",
                **common,
            )
            yield self._activity(event, begun, next_id, common)

    def _child(
        self, event: Any, begun: int, next_id: int, common: dict[str, Any]
    ) -> Iterator[h.AnyEvent]:
        started = self._recorded.step(event).started
        execution: h.WorkflowExecution = started.workflow_execution
        yield h.ChildWorkflowExecutionStarted(
            workflow_execution=execution,
            workflow_type=started.workflow_type,
            initiated_event_id=begun,
            **common,
        )
        given = {
            name: getattr(event, name)
            for name in ("result", "reason", "details")
            if hasattr(event, name)
        }
        yield type(event)(
            workflow_execution=execution,
            workflow_type=started.workflow_type,
            initiated_event_id=begun,
            started_event_id=next_id,
            **given,
            **common,
        )

    def _activity(self, event: Any, begun: int, started: int, common: dict[str, Any]) -> h.AnyEvent:
        key = self._recorded.step(event).id
        ended = {"scheduled_event_id": begun, "started_event_id": started, **common}
        if isinstance(event, h.ActivityTaskFailed) and key not in self.fork.results:
            return h.ActivityTaskFailed(reason=event.reason, details=event.details, **ended)
        result = self.fork.results.get(key, getattr(event, "result", None))
        return h.ActivityTaskCompleted(result=result, **ended)


def _place(step: Operation) -> str:
    return _LETTERS[step.kind] + key_of(step)
