"""Reuse the steps that another run has recorded: for forks, resets, and repairs of failed runs.

The new run begins at the start. What its decider asks for and the origin has recorded (same
place, same type, same input) is not done again: the origin's results, fired timers and
signals are handed on one by one, in their old order, so that the code goes the way that it
went then, up to the event where the fork is. From there on it runs as any other.

Pure: histories and states come in, commands go out one by one, each of them to be applied
before the next is asked for.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Generator, Iterator, Sequence
from typing import Any

from msgspec.structs import replace

from partita import history as h
from partita.codec import same
from partita.history.references import Kind, Outcome
from partita.history.timeline import Operation, Timeline
from partita.ports.state import AnyItem, OpenActivity, OpenChild, Origin, State, Status
from partita.rules import commands as c
from partita.rules.activities import with_deadline

_ENDS = (
    h.ActivityTaskCompleted,
    h.ActivityTaskFailed,
    h.TimerFired,
    h.ChildWorkflowExecutionCompleted,
    h.ChildWorkflowExecutionFailed,
)


class RecordedSteps:
    """The steps of an origin that are to be reused."""

    def __init__(self, origin: Origin, events: list[h.AnyEvent]) -> None:
        self._origin = origin
        self._timeline = Timeline(events)
        self._by_key: dict[tuple[Kind, str], list[Operation]] = {}
        self.first, *later = self._batched(events)  # what came before the decider first looked
        self._batches = [batch for batch in later if batch]
        self._lasts = [batch[-1].event_id for batch in self._batches]
        for batch in (self.first, *self._batches):
            for event in batch:
                if not isinstance(event, h.WorkflowExecutionSignaled):
                    step = self.step(event)
                    self._by_key.setdefault((step.kind, key_of(step)), []).append(step)
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

    def unfinished(
        self, kind: Kind, key: str, after: int, input: str | None, type: Any
    ) -> Operation | None:
        """Return that very operation if its end, after event `after`, is still to be handed on."""
        return next(
            (
                step
                for step in self._by_key.get((kind, key), ())
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


def side_effects(events: Sequence[h.AnyEvent], until: int) -> dict[str, str]:
    """Return what side effects have given up to an event, as JSON by their markers' names."""
    return {
        event.marker_name: event.details or "null"
        for event in events
        if isinstance(event, h.MarkerRecorded)
        and event.event_id <= until
        and event.marker_name.startswith("side_effect ")
    }


# -- what is handed on


def hand_on(
    steps: RecordedSteps, state: State, now: float, items: Callable[[State], Sequence[AnyItem]]
) -> Iterator[c.Command | c.Change]:
    """Hand on the origin's events until the decider must be asked, or none is left."""
    in_order = True  # whether all before has been handed on
    for batch in steps.batches_after(state.progress.reused):
        if state.is_closed or state.progress.decision_scheduled_event_id:
            return
        in_order = yield from _hand_on_batch(steps, state, batch, in_order=in_order)
    if not state.is_closed and not state.progress.decision_scheduled_event_id:
        yield from _release(state, now, items(state))


def hand_on_first(steps: RecordedSteps, state: State) -> Iterator[c.Command]:
    """Hand on what had come before the origin's decider looked for the first time."""
    if steps.first:
        yield from _hand_on_batch(steps, state, steps.first, in_order=True)


def _hand_on_batch(
    steps: RecordedSteps, state: State, batch: list[h.AnyEvent], *, in_order: bool
) -> Generator[c.Command, None, bool]:
    """Hand on what the origin's decider saw together; return whether nothing was left out."""
    signals = state.progress.reused_signals
    for event in batch:
        is_signal = isinstance(event, h.WorkflowExecutionSignaled)
        if is_signal and event.event_id <= signals:
            continue
        commands = _commands(steps, state, event)
        yield from commands
        if is_signal:
            signals = event.event_id
        in_order = in_order and bool(commands)
    last = batch[-1].event_id if in_order else state.progress.reused
    if (last, signals) != (state.progress.reused, state.progress.reused_signals):
        yield c.Reused(event_id=last, signal_id=signals)
    return in_order


def _commands(steps: RecordedSteps, state: State, event: h.AnyEvent) -> list[c.Command]:
    """Return what makes one of the origin's events true here; nothing if it concerns nothing."""
    if isinstance(event, h.WorkflowExecutionSignaled):
        return [c.Signal(signal_name=event.signal_name, input=event.input)]
    step = steps.step(event)
    key = key_of(step)
    if step.kind is Kind.TIMER:
        is_open = state.get("timer", key) is not None
        return [c.Due(kind="timer", id=key, early=True)] if is_open else []
    if step.kind is Kind.ACTIVITY:
        return _end_activity(state, step, event)
    for item in state.items.values():
        if isinstance(item, OpenChild) and item.control == key and item.reused:
            return [_end_child(item, event)]
    return []


def _end_activity(state: State, step: Operation, event: Any) -> list[c.Command]:
    item, origin = state.get("activity", step.id), state.execution.origin
    if not isinstance(item, OpenActivity) or item.started_event_id:
        return []
    if not is_same(step, item.input, item.activity_type):
        return []
    assert origin is not None
    if item.id in origin.results:
        return _complete(state, item, origin, origin.results[item.id])
    if isinstance(event, h.ActivityTaskCompleted):
        return _complete(state, item, origin, event.result)
    failed = c.FailActivityTask(
        activity_id=item.id,
        started_event_id=state.progress.last_event_id + 1,
        reason=event.reason,
        details=event.details,
        retryable=False,
    )
    return [_start(item, origin), failed]


def _start(item: OpenActivity, origin: Origin) -> c.Command:
    identity = f"reused from run {origin.run_id}"
    return c.StartActivityTask(activity_id=item.id, identity=identity, held=True)


def _complete(
    state: State, item: OpenActivity, origin: Origin, result: str | None
) -> list[c.Command]:
    started = state.progress.last_event_id + 1
    completed = c.CompleteActivityTask(activity_id=item.id, started_event_id=started, result=result)
    return [_start(item, origin), completed]


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


def _release(state: State, now: float, items: Sequence[AnyItem]) -> Iterator[c.Command | c.Change]:
    """Queue the activities that were held back and whose results will not be handed on."""
    origin = state.execution.origin
    assert origin is not None
    for item in items:
        if isinstance(item, OpenActivity) and not item.started_event_id:
            if item.id in origin.results:
                yield from _complete(state, item, origin, origin.results[item.id])
            elif item.queue is None and item.due is None:
                queued = with_deadline(replace(item, queue=item.task_list, since=now))
                yield c.Change(
                    progress=state.progress, events=[], put=[queued], drop=[], outgoing=[]
                )


# -- what is not done again


def hold_back(steps: Callable[[], RecordedSteps], state: State, change: c.Change) -> None:
    """Take out of their queues the activities whose results will be handed on."""
    after = state.progress.reused
    for item in change.put:
        if isinstance(item, OpenActivity) and item.queue is not None and not item.reason:
            if steps().unfinished(Kind.ACTIVITY, item.id, after, item.input, item.activity_type):
                state.put(replace(item, queue=None, due=None))


def reused_child(steps: RecordedSteps, parent: State, wanted: c.StartChild) -> c.Command | None:
    """Return what makes the origin's child this one, if its end will be handed on."""
    if wanted.control is None or parent.is_closed:
        return None
    type, after = wanted.execution.workflow_type, parent.progress.reused
    child = steps.unfinished(Kind.CHILD, wanted.control, after, wanted.input, type)
    if child is None:
        return None
    return c.ChildStarted(
        execution=child.started.workflow_execution,
        workflow_type=type,
        initiated_event_id=wanted.initiated_event_id,
        control=wanted.control,
        reused=True,
    )
