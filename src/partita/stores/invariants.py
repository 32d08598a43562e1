"""Find what is wrong with a stored execution: states that the rules never produce.

Knows no database. What is asked of whole tables (rows of nobody) each store asks by itself.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from partita.history import AnyEvent
from partita.history.references import CLOSING
from partita.ports.state import AnyItem, Status
from partita.ports.store import Record

COUNTED = {
    "activity": "open_activities",
    "timer": "open_timers",
    "child": "open_children",
}
"""Which kind of open item is counted where in `Progress`."""


def faults_of(
    record: Record, items: Sequence[AnyItem], events: Sequence[AnyEvent]
) -> Iterator[str]:
    """Yield a line for each thing that is wrong with one execution."""
    yield from _faults_of_history(record, events)
    if record.progress.status is Status.OPEN:
        yield from _faults_of_items(record, items)


def _faults_of_history(record: Record, events: Sequence[AnyEvent]) -> Iterator[str]:
    run, progress = record.run, record.progress
    last = progress.last_event_id
    if [event.event_id for event in events] != list(range(1, last + 1)):
        yield f"history of run {run}: {len(events)} events, not 1 to {last}"
        return
    ending = CLOSING.get(type(events[-1]), Status.OPEN.name) if events else Status.OPEN.name
    if ending != progress.status.name:
        yield f"run {run} is {progress.status.name}, but its history leaves it {ending}"


def _faults_of_items(record: Record, items: Sequence[AnyItem]) -> Iterator[str]:
    run, progress = record.run, record.progress
    there = Counter(item.kind for item in items)
    for kind, name in COUNTED.items():
        said = getattr(progress, name)
        if said != there[kind]:
            yield f"run {run} counts {name.replace('_', ' ')}: {said}, but has {there[kind]}"
    if bool(progress.decision_scheduled_event_id) != bool(there["decision"]):
        whether = "has none" if progress.decision_scheduled_event_id else "says that none is open"
        yield f"the open decision task of run {run}: it {whether}"
    if not items and not progress.previous_started_event_id:
        yield f"run {run} is open, but nothing in it is, and no decider has ever seen it"
