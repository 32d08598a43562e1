"""Read from the history of a run on Amazon SWF what is open in it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec.structs import replace

from partita import history as h
from partita.history.references import Kind
from partita.history.timeline import Operation, Timeline
from partita.ports.service import ExecutionDetail, ExecutionInfo
from partita.ports.state import OpenActivity, OpenDecision, Status
from partita.swf.backend.attempts import Activity
from partita.swf.backend.translate_history import TranslatedHistory
from partita.views.open_items import open_child, open_timer, scheduled_activity


def detail_of(
    info: ExecutionInfo, history: TranslatedHistory, events: Sequence[h.AnyEvent]
) -> ExecutionDetail:
    """Return how a run stands."""
    info = replace(info, event_count=len(events), search_attributes=_attributes(history, events))
    if info.status is not Status.OPEN:
        return ExecutionDetail(info=info)
    timeline = Timeline(events)
    return ExecutionDetail(
        info=info,
        activities=tuple(_activity(one, timeline) for one in history.activities.values()),
        timers=tuple(open_timer(one.begun) for one in timeline.open(Kind.TIMER)),
        decision=next(map(_decision, timeline.open(Kind.DECISION)), None),
        open_children=sum(one.is_running for one in timeline.open(Kind.CHILD)),
        children=tuple(open_child(one) for one in timeline.open(Kind.CHILD) if one.is_running),
    )


def _activity(activity: Activity, timeline: Timeline) -> OpenActivity:
    first = activity.scheduled
    known = timeline.operations.get(first.event_id)  # None: the history has gone on since
    begun = known.started if known is not None and known.is_running else None
    last = None if known is None else known.events[-1]
    failed = last if isinstance(last, h.ActivityTaskRescheduled) else None
    waits = failed is not None and failed.backoff > 0
    return replace(
        scheduled_activity(first),
        queue=None if begun or waits else first.task_list,
        since=first.event_timestamp if last is None else last.event_timestamp,
        due=failed.event_timestamp + failed.backoff if failed is not None and waits else None,
        started_event_id=begun.event_id if begun else 0,
        started_at=begun.event_timestamp if begun else 0.0,
        attempt=activity.attempt.number,
        details=activity.heartbeat,
        cancel_requested_event_id=activity.cancel_requested_event_id,
        reason=None if failed is None else failed.reason,
        failure=None if failed is None else failed.details,
    )


def _decision(task: Operation) -> OpenDecision:
    started = task.started.event_id if task.is_running else 0
    return OpenDecision(id="", scheduled_event_id=task.event_id, started_event_id=started)


def _attributes(history: TranslatedHistory, events: Sequence[h.AnyEvent]) -> dict[str, Any]:
    """Return the search attributes: those that the run began with, and what markers changed."""
    found = dict(history.start.attributes)
    for event in events:
        if isinstance(event, h.MarkerRecorded) and event.marker_name == h.SEARCH_ATTRIBUTES:
            try:
                found.update(msgspec.json.decode(event.details or "", type=dict[str, Any]))
            except msgspec.DecodeError:
                continue  # no object: the embedded engine ignores it, too
    return {name: value for name, value in found.items() if value is not None}
