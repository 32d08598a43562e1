"""Hand on to a fork what its origin has recorded, within the transaction that made it wait.

Which events these are, and what they mean here, is in `reuse`; this yields the commands, one by
one, and goes on once the one before has been applied.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator

from msgspec.structs import replace

from partita.engine.executions import Executions, QueuedWork
from partita.engine.reuse import (
    Memory,
    given_result,
    handed_on,
    hold_back,
    reusable_child,
)
from partita.history import AnyEvent, WorkflowExecutionSignaled
from partita.ports.state import OpenActivity, Origin, State
from partita.rules.activities import with_deadline
from partita.rules.commands import Change, ChildStarted, Command, Reused, StartChild

MEMORY_LIMIT = 8
"""Origins whose records are kept between transactions."""


def memory_of(executions: Executions, origin: Origin) -> Memory:
    """Return what an origin has recorded."""
    results = tuple(sorted(origin.results.items()))
    key = (origin.run, origin.until, origin.failures, origin.all_signals, results)
    memories = executions.cache.memories
    memory = memories.get(key)
    if memory is None:
        events = executions.stored.events(origin.run, 0)
        source = executions.changed.get(origin.run)
        memory = Memory(origin, events + (source.new_events if source is not None else []))
        if len(memories) >= MEMORY_LIMIT:
            memories.clear()
        memories[key] = memory
    return memory


def hold_back_from_workers(executions: Executions, state: State, change: Change) -> None:
    """Take out of their queues the activities whose results will be handed on."""
    assert state.execution.origin is not None
    for item in change.put:
        if isinstance(item, OpenActivity) and item.queue is not None:
            if not item.reason:
                hold_back(state, memory_of(executions, state.execution.origin), item)


def hand_on(
    executions: Executions, work: QueuedWork, state: State, now: float
) -> Iterator[Command]:
    """Hand on the origin's events until the decider must be asked, or none is left."""
    assert state.execution.origin is not None
    memory = memory_of(executions, state.execution.origin)
    in_order = True  # whether all before has been handed on
    for batch in memory.batches_after(state.progress.reused):
        if state.is_closed or state.progress.decision_scheduled_event_id:
            return
        in_order = yield from _hand_on_batch(state, memory, batch, in_order=in_order)
    if not state.is_closed and not state.progress.decision_scheduled_event_id:
        yield from _release(executions, work, state, now)


def _hand_on_batch(
    state: State, memory: Memory, batch: list[AnyEvent], *, in_order: bool
) -> Generator[Command, None, bool]:
    """Hand on what the origin's decider saw together; return whether nothing was left out."""
    signals = state.progress.reused_signals
    for event in batch:
        is_signal = isinstance(event, WorkflowExecutionSignaled)
        if is_signal and event.event_id <= signals:
            continue
        commands = handed_on(state, memory, event)
        yield from commands
        if is_signal:
            signals = event.event_id
        in_order = in_order and bool(commands)
    last = batch[-1].event_id if in_order else state.progress.reused
    if (last, signals) != (state.progress.reused, state.progress.reused_signals):
        yield Reused(event_id=last, signal_id=signals)
    return in_order


def hand_on_first(executions: Executions, state: State) -> Iterator[Command]:
    """Hand on what had come before the origin's decider looked for the first time."""
    assert state.execution.origin is not None
    memory = memory_of(executions, state.execution.origin)
    if memory.first:
        yield from _hand_on_batch(state, memory, memory.first, in_order=True)


def _release(
    executions: Executions, work: QueuedWork, state: State, now: float
) -> Iterator[Command]:
    """Queue the activities that were held back and whose results will not be handed on."""
    origin = state.execution.origin
    assert origin is not None
    if not state.whole:
        for stored in executions.stored.items(state.run):
            state.items.setdefault((stored.kind, stored.id), stored)
    for item in list(state.items.values()):
        if isinstance(item, OpenActivity) and not item.started_event_id:
            if item.id in origin.results:
                yield from given_result(state, item, origin)
            elif item.queue is None and item.due is None:
                waiting = with_deadline(replace(item, queue=item.task_list, since=now))
                state.put(waiting)
                work.add(state, waiting)


def reused_child(
    executions: Executions, parent: State, outgoing: StartChild
) -> ChildStarted | None:
    """Return what makes the origin's child this one, if its end will be handed on."""
    if parent.execution.origin is None or parent.is_closed:
        return None
    type = outgoing.execution.workflow_type
    memory = memory_of(executions, parent.execution.origin)
    child = reusable_child(memory, parent, outgoing.control, type, outgoing.input)
    if child is None:
        return None
    return ChildStarted(
        execution=child,
        workflow_type=type,
        initiated_event_id=outgoing.initiated_event_id,
        control=outgoing.control,
        reused=True,
    )
