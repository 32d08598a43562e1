"""Rules for pauses: keep what would wait in a task list in a queue that nobody serves.

A paused execution takes in what comes: results, signals, timers, requests to cancel. What would
then wait for a worker is parked instead, without a timeout for its start, and goes into its task
list once the execution is resumed. `rules.apply` parks what is put while a pause lasts.
"""

from __future__ import annotations

from msgspec.structs import replace

from partita.ports.state import (
    LAMBDA_TASK_LIST,
    PAUSED,
    AnyItem,
    OpenActivity,
    OpenDecision,
    OpenLambda,
    Paused,
)
from partita.rules.activities import requeued, with_deadline
from partita.rules.commands import Park, Pause, Resume, Unpark
from partita.rules.decision_tasks import decision_due
from partita.rules.draft import Draft, queued


def pause(draft: Draft, command: Pause) -> None:
    """Pause an execution; a decision task that is out is taken back, so that nothing begins."""
    draft.fields["paused"] = Paused(since=draft.now, reason=command.reason)
    for item in command.items:
        if isinstance(item, OpenDecision) and item.started_event_id:
            decision_due(draft, item)
        elif item.queue is not None:
            draft.put(item)  # which parks it


def resume(draft: Draft, command: Resume) -> None:
    """Resume an execution: what was parked goes into its task list."""
    draft.fields["paused"] = None
    for item in command.items:
        if item.queue == PAUSED:
            draft.put(_unparked(draft, item))


def park(draft: Draft, command: Park) -> None:
    """Keep an item, which waits in a task list, until its workflow type is resumed."""
    item: AnyItem | None = draft.get(command.kind, command.id)
    if item is not None and item.queue is not None:
        draft.put(parked(item, command.queue))


def unpark(draft: Draft, command: Unpark) -> None:
    """Put an item back that was parked because of its workflow type."""
    item: AnyItem | None = draft.get(command.kind, command.id)
    if item is not None and item.queue == command.queue:
        draft.put(_unparked(draft, item))


def parked(item: AnyItem, queue: str = PAUSED) -> AnyItem:
    """Return an item as it waits during a pause; one that waits for nobody stays as it is."""
    if item.queue is None:
        return item
    if isinstance(item, OpenActivity):
        return with_deadline(replace(item, queue=queue))
    return replace(item, queue=queue, due=None)


def _unparked(draft: Draft, item: AnyItem) -> AnyItem:
    match item:
        case OpenActivity():
            return requeued(draft, item)
        case OpenDecision():
            return queued(draft, item)
        case OpenLambda():
            return replace(item, queue=LAMBDA_TASK_LIST, since=draft.now)
    return item
