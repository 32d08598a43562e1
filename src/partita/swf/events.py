"""Translate events between our history and SWF's `HistoryEvent`.

Event ids are kept, so that each `…EventId` points at the same event on both sides. Our two
events that SWF does not know are shown as markers, whose names begin with `partita.`: a
history without gaps is what SWF's clients count on.

Source: Amazon SWF API Reference (2012-01-25), HistoryEvent.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast, get_args

import msgspec

from partita import history as h
from partita.aws.names import from_swf, lower_first, moment, to_swf
from partita.errors import InvalidInputError

MARKER_PREFIX = "partita."
"""Begins the names of the markers that stand for events of ours."""

OURS = (h.ActivityTaskRescheduled, h.DecisionTaskFailed)

_BY_NAME: dict[str, type[h.Event]] = {cls.__name__: cls for cls in get_args(h.AnyEvent)}

_TASK = frozenset({"task_start_to_close", "execution_start_to_close"})

_UNLIMITED: dict[type[h.Event], frozenset[str]] = {
    h.ActivityTaskScheduled: frozenset(
        {"schedule_to_start", "schedule_to_close", "start_to_close", "heartbeat"}
    ),
    h.DecisionTaskScheduled: frozenset({"start_to_close"}),
    h.StartChildWorkflowExecutionInitiated: _TASK,
    h.WorkflowExecutionContinuedAsNew: _TASK,
    h.WorkflowExecutionStarted: _TASK,
}
"""Timeouts that an event always names."""


def attributes_name(event_type: str) -> str:
    """Return the member that holds the attributes of an event of that type."""
    return f"{lower_first(event_type)}EventAttributes"


def event_to_swf(event: h.AnyEvent) -> dict[str, Any]:
    """Write an event as SWF does; the timestamp is in seconds since the epoch."""
    name = event.event_type
    if isinstance(event, OURS):
        name, attributes = "MarkerRecorded", _as_marker(event)
    else:
        attributes = to_swf(event, unlimited=_UNLIMITED.get(type(event), frozenset()))
    return {
        "eventId": event.event_id,
        "eventType": name,
        "eventTimestamp": event.event_timestamp,
        attributes_name(name): attributes,
    }


def _as_marker(event: h.ActivityTaskRescheduled | h.DecisionTaskFailed) -> dict[str, Any]:
    plain = msgspec.to_builtins(event)
    for known in ("event_id", "event_timestamp", "event_type"):
        plain.pop(known)
    return {
        "markerName": MARKER_PREFIX + event.event_type,
        "details": msgspec.json.encode(plain).decode(),
        "decisionTaskCompletedEventId": 0,
    }


def event_from_swf(event: Mapping[str, Any]) -> h.AnyEvent:
    """Read an event, as SWF or one of its SDKs gives it.

    Raises:
        InvalidInputError: it is no event of SWF's.
    """
    name = event.get("eventType", "")
    cls = _BY_NAME.get(name)
    if cls is None or cls in OURS:
        raise InvalidInputError(f"not an event of SWF's API version 2012-01-25: {name!r}")
    found = from_swf(
        cls,
        event.get(attributes_name(name)) or {},
        event_id=event["eventId"],
        event_timestamp=moment(event["eventTimestamp"]),
    )
    return cast(h.AnyEvent, found)
