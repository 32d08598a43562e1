"""Read the visits of states from a history of Step Functions, whose events come as markers.

Pure: events in, visits out. A state is left where an event of its name says so; the branches of a
Parallel state have names of their own.

Source: AWS Step Functions API Reference (2016-11-23), HistoryEvent.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from partita import history as h

_ENTERED, _EXITED, _ABORTED = "StateEntered", "StateExited", "StateAborted"
_FAILURES = ("Failed", "TimedOut")


class StateVisit(Struct, frozen=True, kw_only=True):
    """One visit of one state."""

    name: str
    kind: str  # of the state, such as Task
    event_id: int
    begun_at: float  # seconds since the epoch
    ended_at: float | None = None
    input: str | None = None
    output: str | None = None
    error: str = ""  # of the last attempt that failed
    is_aborted: bool = False  # it ended because another branch or iteration failed


def state_visits(events: Iterable[h.AnyEvent]) -> list[StateVisit]:
    """Return the visits of states, in the order in which they were entered."""
    visits: list[StateVisit] = []
    entered: dict[str, list[int]] = {}  # where the open visits of a state are, by its name
    for event in events:
        if not isinstance(event, h.MarkerRecorded) or event.decision_task_completed_event_id:
            continue
        kind, details = event.marker_name, _details(event.details)
        name = str(details.get("name", ""))
        if kind.endswith(_ENTERED):
            entered.setdefault(name, []).append(len(visits))
            visits.append(_entered(event, name, details))
        elif kind.endswith(_EXITED) and entered.get(name):
            place = entered[name].pop(0)
            visits[place] = replace(
                visits[place], ended_at=event.event_timestamp, output=details.get("output")
            )
        elif kind.endswith(_ABORTED):
            _abort(visits, kind.removesuffix(_ABORTED), event.event_timestamp)
        elif kind.endswith(_FAILURES) and visits:
            visits[-1] = replace(visits[-1], error=_error(details))
    return visits


def _abort(visits: list[StateVisit], kind: str, at: float) -> None:
    """End the last visit of that kind that is open; the event does not name its state."""
    for place in reversed(range(len(visits))):
        if visits[place].kind == kind and visits[place].ended_at is None:
            visits[place] = replace(visits[place], ended_at=at, is_aborted=True)
            return


def _entered(event: h.MarkerRecorded, name: str, details: dict[str, Any]) -> StateVisit:
    return StateVisit(
        name=name,
        kind=event.marker_name.removesuffix(_ENTERED),
        event_id=event.event_id,
        begun_at=event.event_timestamp,
        input=details.get("input"),
    )


def _error(details: dict[str, Any]) -> str:
    parts = (details.get("error"), details.get("cause"))
    return ": ".join(str(one) for one in parts if one)


def _details(text: str | None) -> dict[str, Any]:
    try:
        found = json.loads(text or "{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
