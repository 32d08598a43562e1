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
        self._by_id = {event.event_id: event for event in events}
        self._ends: dict[tuple[str, str], list[int]] = {}  # kind and key -> ids of end events
        self.first, *later = self._batched(events)  # what came before the decider first looked
        self._batches = [batch for batch in later if batch]
        self._lasts = [batch[-1].event_id for batch in self._batches]
        for batch in (self.first, *self._batches):
            for event in batch:
                if not isinstance(event, h.WorkflowExecutionSignaled):
                    self._ends.setdefault(self.place(event), []).append(event.event_id)
        self._children = {
            event.initiated_event_id: event.workflow_execution
            for event in events
            if isinstance(event, h.ChildWorkflowExecutionStarted)
        }
        arrived = {
            event.initiated_event_id
            for event in events
            if isinstance(event, h.ExternalWorkflowExecutionSignaled)
            and event.event_id <= origin.until
        }
        self._sent = {
            event.control
            for event in events
            if isinstance(event, h.SignalExternalWorkflowExecutionInitiated)
            and event.event_id in arrived
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

    def child(self, control: str) -> h.WorkflowExecution | None:
        """Return the origin's child of that place."""
        for event_id in self._ends.get(("child", control), ()):
            begun = self.begun(self._by_id[event_id])
            return self._children.get(begun.event_id)
        return None

    def _is_step(self, event: h.AnyEvent) -> bool:
        if isinstance(event, h.WorkflowExecutionSignaled):
            return event.event_id <= self._origin.until or self._origin.all_signals
        if isinstance(event, (h.ActivityTaskTimedOut, h.ActivityTaskCanceled)):
            return self.place(event)[1] in self._origin.results
        if not isinstance(event, _ENDS):
            return False
        if self.place(event)[1] in self._origin.results:
            return True
        failed = isinstance(event, (h.ActivityTaskFailed, h.ChildWorkflowExecutionFailed))
        return event.event_id <= self._origin.until and (self._origin.failures or not failed)

    def begun(self, event: Any) -> Any:
        """Return the event that began what this one ended."""
        for name in ("scheduled_event_id", "initiated_event_id", "started_event_id"):
            if hasattr(event, name):
                return self._by_id.get(getattr(event, name))
        return None

    def place(self, event: Any) -> tuple[str, str]:
        """Return which operation an event ended: its kind and key."""
        match begun := self.begun(event):
            case h.ActivityTaskScheduled(activity_id=key):
                return "activity", key
            case h.TimerStarted(timer_id=key):
                return "timer", key
            case h.StartChildWorkflowExecutionInitiated(control=key):
                return "child", key or begun.workflow_id
        return "", ""

    def will_end(self, kind: str, key: str, after: int, input: str | None, type: Any) -> bool:
        """Whether the end of that very operation is still to be handed on."""
        return any(
            event_id > after and self._is_same(self.begun(self._by_id[event_id]), input, type)
            for event_id in self._ends.get((kind, key), ())
        )

    def _is_same(self, begun: Any, input: str | None, type: Any) -> bool:
        mine = getattr(begun, "activity_type", None) or getattr(begun, "workflow_type", None)
        return mine == type and same(begun.input, input)

    def was_sent(self, control: str | None) -> bool:
        """Whether a signal to another execution has arrived already."""
        return control is not None and control in self._sent


def handed_on(state: State, memory: Memory, event: h.AnyEvent) -> list[c.Command]:
    """Return what makes one of the origin's events true here; nothing if it concerns nothing."""
    if isinstance(event, h.WorkflowExecutionSignaled):
        return [c.Signal(signal_name=event.signal_name, input=event.input)]
    kind, key = memory.place(event)
    if isinstance(event, h.TimerFired):
        begun, item = memory.begun(event), state.get("timer", key)
        return [c.Due(kind="timer", id=key, early=True)] if item is not None and begun else []
    if kind == "activity":
        return _end_activity(state, memory, event, key)
    for item in state.items.values():
        if isinstance(item, OpenChild) and item.control == key and item.reused:
            return [_end_child(item, event)]
    return []


def _end_activity(state: State, memory: Memory, event: Any, key: str) -> list[c.Command]:
    item, begun = state.get("activity", key), memory.begun(event)
    if not isinstance(item, OpenActivity) or item.started_event_id:
        return []
    if item.activity_type != begun.activity_type or not same(item.input, begun.input):
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
    if memory.will_end("activity", item.id, after, item.input, item.activity_type):
        state.put(replace(item, queue=None, due=None))


def reusable_child(
    memory: Memory, state: State, control: str | None, type: Any, input: str | None
) -> h.WorkflowExecution | None:
    """Return the origin's own child, if its end will be handed on."""
    if control is None:
        return None
    if not memory.will_end("child", control, state.progress.reused, input, type):
        return None
    return memory.child(control)
