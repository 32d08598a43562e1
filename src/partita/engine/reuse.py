"""Let a run reuse what another run has recorded: forks, resets, and repairs of failed ones.

The new run begins at the start. What its decider asks for and the origin has recorded (same
place, same type, same input) is not done again: the origin's results, fired timers and
signals are handed on one by one, in their old order, so that the code goes the way that it
went then, up to the event where the fork is. From there on it runs as any other.
"""

from __future__ import annotations

from bisect import bisect_right
from typing import Any

from msgspec.structs import replace

from partita import history as h
from partita.codec import same
from partita.history.references import Kind, Outcome
from partita.history.timeline import Operation, Timeline
from partita.ports.state import OpenActivity, OpenChild, Origin, State, Status
from partita.rules import commands as c

_ENDS = (
    h.ActivityTaskCompleted,
    h.ActivityTaskFailed,
    h.TimerFired,
    h.ChildWorkflowExecutionCompleted,
    h.ChildWorkflowExecutionFailed,
)


class Memory:
    """What an origin has recorded, as far as it is to be reused."""

    def __init__(self, origin: Origin, events: list[h.AnyEvent]) -> None:
        self._origin = origin
        self._timeline = Timeline(events)
        self._steps: dict[tuple[str, str], list[Operation]] = {}  # by kind and key
        self.first, *later = self._batched(events)  # what came before the decider first looked
        self._batches = [batch for batch in later if batch]
        self._lasts = [batch[-1].event_id for batch in self._batches]
        for batch in (self.first, *self._batches):
            for event in batch:
                if not isinstance(event, h.WorkflowExecutionSignaled):
                    step = self.step(event)
                    self._steps.setdefault((step.kind, key_of(step)), []).append(step)
        self._sent = {
            one.begun.control: one
            for one in self._timeline.operations.values()
            if one.kind is Kind.SIGNAL
            and one.outcome is Outcome.DELIVERED
            and one.closed.event_id <= origin.until
        }

    def _batched(self, events: list[h.AnyEvent]) -> list[list[h.AnyEvent]]:
        """Group the steps by the decision task that saw them; the first saw the start."""
        batches: list[list[h.AnyEvent]] = [[]]
        for event in events:
            if isinstance(event, h.DecisionTaskStarted):
                batches.append([])
            elif self._is_step(event):
                batches[-1].append(event)
        return batches

    def batches_after(self, event_id: int) -> list[list[h.AnyEvent]]:
        """Return what is still to be handed on, as it was seen together."""
        begin = bisect_right(self._lasts, event_id)
        first = [event for event in self.first if event.event_id > event_id]
        return ([first] if first else []) + self._batches[begin:]

    def _is_step(self, event: h.AnyEvent) -> bool:
        if isinstance(event, h.WorkflowExecutionSignaled):
            return event.event_id <= self._origin.until or self._origin.all_signals
        is_end = isinstance(event, _ENDS)
        if is_end or isinstance(event, (h.ActivityTaskTimedOut, h.ActivityTaskCanceled)):
            if key_of(self.step(event)) in self._origin.results:
                return True
        failed = isinstance(event, (h.ActivityTaskFailed, h.ChildWorkflowExecutionFailed))
        in_time = event.event_id <= self._origin.until
        return is_end and in_time and (self._origin.failures or not failed)

    def step(self, event: h.AnyEvent) -> Operation:
        """Return the operation that an event ended."""
        step = self._timeline.of(event)
        assert step is not None
        return step

    def will_end(
        self, kind: Kind, key: str, after: int, input: str | None, type: Any
    ) -> Operation | None:
        """Return that very operation if its end is still to be handed on."""
        return next(
            (
                step
                for step in self._steps.get((kind, key), ())
                if step.closed.event_id > after and is_same(step, input, type)
            ),
            None,
        )

    def sent(self, control: str | None) -> Operation | None:
        """Return the signal to another execution that has arrived already."""
        return None if control is None else self._sent.get(control)


def key_of(step: Operation) -> str:
    """Return the place of an operation in its run."""
    if step.kind is Kind.CHILD:
        return step.begun.control or step.id
    return step.id


def is_same(step: Operation, input: str | None, type: Any) -> bool:
    """Whether it was asked for with the same type and input."""
    return step.type == type and same(step.begun.input, input)


def handed_on(state: State, memory: Memory, event: h.AnyEvent) -> list[c.Command]:
    """Return what makes one of the origin's events true here; nothing if it concerns nothing."""
    if isinstance(event, h.WorkflowExecutionSignaled):
        return [c.Signal(signal_name=event.signal_name, input=event.input)]
    step = memory.step(event)
    key = key_of(step)
    if step.kind is Kind.TIMER:
        is_open = state.get("timer", key) is not None
        return [c.Due(kind="timer", id=key, early=True)] if is_open else []
    if step.kind is Kind.ACTIVITY:
        return _end_activity(state, step, event, key)
    for item in state.items.values():
        if isinstance(item, OpenChild) and item.control == key and item.reused:
            return [_end_child(item, event)]
    return []


def _end_activity(state: State, step: Operation, event: Any, key: str) -> list[c.Command]:
    item = state.get("activity", key)
    if not isinstance(item, OpenActivity) or item.started_event_id:
        return []
    if not is_same(step, item.input, item.activity_type):
        return []
    origin = state.execution.origin
    assert origin is not None
    started = state.progress.last_event_id + 1
    start = c.StartActivityTask(
        activity_id=key, identity=f"reused from run {origin.run_id}", held=True
    )
    if isinstance(event, h.ActivityTaskCompleted) or key in origin.results:
        result = origin.results.get(key, getattr(event, "result", None))
        return [
            start,
            c.CompleteActivityTask(activity_id=key, started_event_id=started, result=result),
        ]
    failed = c.FailActivityTask(
        activity_id=key,
        started_event_id=started,
        reason=event.reason,
        details=event.details,
        retryable=False,
    )
    return [start, failed]


def given_result(state: State, item: OpenActivity, origin: Origin) -> list[c.Command]:
    """Return what ends an activity with the result that the fork was given for it."""
    started = state.progress.last_event_id + 1
    identity = f"reused from run {origin.run_id}"
    return [
        c.StartActivityTask(activity_id=item.id, identity=identity, held=True),
        c.CompleteActivityTask(
            activity_id=item.id, started_event_id=started, result=origin.results[item.id]
        ),
    ]


def _end_child(item: OpenChild, event: Any) -> c.ChildClosed:
    completed = isinstance(event, h.ChildWorkflowExecutionCompleted)
    return c.ChildClosed(
        execution=item.execution,
        workflow_type=item.workflow_type,
        initiated_event_id=item.initiated_event_id,
        status=Status.COMPLETED if completed else Status.FAILED,
        result=getattr(event, "result", None),
        reason=getattr(event, "reason", None),
        details=getattr(event, "details", None),
    )


def hold_back(state: State, memory: Memory, item: OpenActivity) -> None:
    """Keep an activity from workers if its result will be handed on."""
    after = state.progress.reused
    if memory.will_end(Kind.ACTIVITY, item.id, after, item.input, item.activity_type):
        state.put(replace(item, queue=None, due=None))


def reusable_child(
    memory: Memory, state: State, control: str | None, type: Any, input: str | None
) -> h.WorkflowExecution | None:
    """Return the origin's own child, if its end will be handed on."""
    if control is None:
        return None
    child = memory.will_end(Kind.CHILD, control, state.progress.reused, input, type)
    return None if child is None else child.started.workflow_execution
