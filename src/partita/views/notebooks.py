"""What notebooks show of executions and histories: tables as HTML, without styles of their own.

Pure: records in, HTML out. All texts are escaped; a long history shows its beginning and its end.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

import msgspec

from partita import history as h
from partita.ports.service import ExecutionInfo
from partita.views.durations import clock_time, duration
from partita.views.failures import printable
from partita.views.html_text import table

MAX_EVENTS = 50
"""Events of a history that are shown; of a longer one, the first and the last."""

MAX_TEXT = 300
"""Characters of a value that are shown."""

_HIDDEN = {"event_id", "event_timestamp", "event_type", "decision_task_completed_event_id"}


def pairs(*rows: tuple[str, object]) -> str:
    """Return names and values as a table; those without a value are left out."""
    return table([], [(name, _cut(value)) for name, value in rows if value is not None])


def execution_table(info: ExecutionInfo, *more: tuple[str, object]) -> str:
    """Return an execution as a table of its names and values."""
    end = info.closed_at
    took = "" if end is None else f", took {duration(end - info.started_at)}"
    return pairs(
        ("workflow id", info.workflow_id),
        ("run id", info.run_id),
        ("type", info.workflow_type.key),
        ("status", info.status.name),
        ("started", f"{clock_time(info.started_at)}{took}"),
        *more,
    )


def history_table(events: Sequence[h.AnyEvent]) -> str:
    """Return a history as a table of its events."""
    begin = events[0].event_timestamp if events else 0.0
    half = MAX_EVENTS // 2
    is_long = len(events) > MAX_EVENTS
    rows = [_event_row(event, begin) for event in (events[:half] if is_long else events)]
    if is_long:
        rows.append(("...", "", f"{len(events) - MAX_EVENTS:,} more events", ""))
        rows += [_event_row(event, begin) for event in events[-half:]]
    return table(("", "seconds", "event", ""), [tuple(map(_cut, row)) for row in rows])


def _event_row(event: h.AnyEvent, begin: float) -> tuple[object, ...]:
    fields = {
        name: value for name, value in msgspec.to_builtins(event).items() if name not in _HIDDEN
    }
    details = ", ".join(f"{name}={_text(value)}" for name, value in fields.items())
    return (event.event_id, f"{event.event_timestamp - begin:+.3f}", event.event_type, details)


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, default=repr)


def _cut(value: object) -> str:
    text = printable(value if isinstance(value, str) else repr(value))
    return text if len(text) <= MAX_TEXT else text[: MAX_TEXT - 3] + "..."
