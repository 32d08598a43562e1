"""Tell from a history who holds its decision task.

Pure: events in, facts out. It reads no clock and asks no service; what became of the tasks is
told by `records`, and how any of it is printed is the command line's business.
"""

from __future__ import annotations

from collections.abc import Sequence

from partita.history import (
    AnyEvent,
    DecisionTaskCompleted,
    DecisionTaskFailed,
    DecisionTaskStarted,
    DecisionTaskTimedOut,
)
from partita.state import OpenDecision

_ANSWERS = (DecisionTaskCompleted, DecisionTaskFailed, DecisionTaskTimedOut)


def taken(decision: OpenDecision | None, events: Sequence[AnyEvent]) -> DecisionTaskStarted | None:
    """Return the event that says when, and by whom, an open decision task was taken.

    None if there is none, if it waits to be taken, or if these later events say that it ended.
    """
    if decision is None or not decision.started_event_id:
        return None
    found: DecisionTaskStarted | None = None
    for event in events:
        if isinstance(event, DecisionTaskStarted) and event.event_id == decision.started_event_id:
            found = event
        elif isinstance(event, _ANSWERS) and event.started_event_id == decision.started_event_id:
            return None
    return found
