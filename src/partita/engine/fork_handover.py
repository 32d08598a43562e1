"""Hand on to a fork what its origin has recorded, within the transaction that made it wait.

Which events these are, and what they mean here, is in `reuse`; this carries it out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

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
from partita.rules.commands import Change, ChildStarted, Reused, StartChild

if TYPE_CHECKING:
    from partita.engine.transaction import EngineTransaction

MEMORIES = 8
"""Origins of forks whose records are kept at hand."""


def memory_of(tx: EngineTransaction, origin: Origin) -> Memory:
    """Return what an origin has recorded."""
    results = tuple(sorted(origin.results.items()))
    key = (origin.run, origin.until, origin.failures, origin.all_signals, results)
    memory = tx.states.memories.get(key)
    if memory is None:
        events = tx.stored.events(origin.run, 0)
        source = tx.touched.get(origin.run)
        memory = Memory(origin, events + (source.new_events if source is not None else []))
        if len(tx.states.memories) >= MEMORIES:
            tx.states.memories.clear()
        tx.states.memories[key] = memory
    return memory


def hold_back_from_workers(tx: EngineTransaction, state: State, change: Change) -> None:
    """Keep from workers the activities whose results will be handed on."""
    assert state.execution.origin is not None
    for item in change.put:
        if isinstance(item, OpenActivity) and item.queue is not None:
            if not item.reason:
                hold_back(state, memory_of(tx, state.execution.origin), item)


def hand_on(tx: EngineTransaction, state: State) -> None:
    """Hand on the origin's events until the decider must be asked, or none is left."""
    assert state.execution.origin is not None
    memory = memory_of(tx, state.execution.origin)
    in_order = True  # whether all before has been handed on
    for batch in memory.batches_after(state.progress.reused):
        if state.is_closed or state.progress.decision_scheduled_event_id:
            return
        in_order = _hand_on_batch(tx, state, memory, batch, in_order=in_order)
    if not state.is_closed and not state.progress.decision_scheduled_event_id:
        _let_go(tx, state, state.execution.origin)


def _hand_on_batch(
    tx: EngineTransaction, state: State, memory: Memory, batch: list[AnyEvent], *, in_order: bool
) -> bool:
    """Hand on what the origin's decider saw together; return whether nothing was left out."""
    signals = state.progress.reused_signals
    for event in batch:
        is_signal = isinstance(event, WorkflowExecutionSignaled)
        if is_signal and event.event_id <= signals:
            continue
        commands = handed_on(state, memory, event)
        for command in commands:
            tx.do(state, command)
        if is_signal:
            signals = event.event_id
        in_order = in_order and bool(commands)
    last = batch[-1].event_id if in_order else state.progress.reused
    if (last, signals) != (state.progress.reused, state.progress.reused_signals):
        tx.do(state, Reused(event_id=last, signal_id=signals))
    return in_order


def hand_on_first(tx: EngineTransaction, state: State) -> None:
    """Hand on what had come before the origin's decider looked for the first time."""
    assert state.execution.origin is not None
    memory = memory_of(tx, state.execution.origin)
    if memory.first:
        _hand_on_batch(tx, state, memory, memory.first, in_order=True)


def _let_go(tx: EngineTransaction, state: State, origin: Origin) -> None:
    """Give to workers what was held back and is not to be handed on any more."""
    if not state.whole:
        for stored in tx.stored.items(state.run):
            state.items.setdefault((stored.kind, stored.id), stored)
    for item in list(state.items.values()):
        if isinstance(item, OpenActivity) and not item.started_event_id:
            if item.id in origin.results:
                for command in given_result(state, item, origin):
                    tx.do(state, command)
            elif item.queue is None and item.due is None:
                waiting = replace(item, queue=item.task_list, since=tx.now)
                state.put(with_deadline(waiting))
                tx.ready_activities[state.run, item.id] = state


def reuses_child(tx: EngineTransaction, parent: State, outgoing: StartChild) -> bool:
    """Take the origin's child for this one, if its end will be handed on."""
    if parent.execution.origin is None or parent.is_closed:
        return False
    type = outgoing.execution.workflow_type
    memory = memory_of(tx, parent.execution.origin)
    child = reusable_child(memory, parent, outgoing.control, type, outgoing.input)
    if child is not None:
        tx.do(
            parent,
            ChildStarted(
                execution=child,
                workflow_type=type,
                initiated_event_id=outgoing.initiated_event_id,
                control=outgoing.control,
                reused=True,
            ),
        )
    return child is not None
