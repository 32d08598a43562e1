"""Say whether a history of the rules is sound, whatever led to it.

Knows which causes SWF has, and which events a decider must hear of; all else is
`partita.testing.conformance.sound`.
"""

from __future__ import annotations

from typing import Any

from botocore.loaders import Loader

from partita.history import AnyEvent
from partita.history.references import CLOSING, Kind, Role, types_of
from partita.testing.conformance.soundness import sound

__all__ = ["CLOSINGS", "NEWS", "check"]

MODEL: dict[str, Any] = Loader().load_service_model("swf", "service-2")["shapes"]

CLOSINGS = {type.__name__ for type in CLOSING}

NEWS = {
    *(
        type.__name__
        for kind in (Kind.ACTIVITY, Kind.CHILD)
        for type in types_of(kind, Role.CLOSES)
    ),
    "ChildWorkflowExecutionStarted",
    "StartChildWorkflowExecutionFailed",
    "ExternalWorkflowExecutionSignaled",
    "SignalExternalWorkflowExecutionFailed",
    "ExternalWorkflowExecutionCancelRequested",
    "RequestCancelExternalWorkflowExecutionFailed",
    "TimerFired",
    "WorkflowExecutionSignaled",
    "WorkflowExecutionCancelRequested",
    "ScheduleActivityTaskFailed",
    "StartTimerFailed",
}
"""Events that a decider must get to see."""


def check(events: list[AnyEvent], since: int = 0) -> None:
    """Assert all of it; the first `since` events are known to refer to the right ones."""
    sound(events, since)
    for event in events[since:]:
        _check_cause(event)


def _check_cause(event: AnyEvent) -> None:
    shape = MODEL.get(f"{event.event_type}EventAttributes", {"members": {}})
    if "cause" in shape["members"]:
        cause = getattr(event, "cause", None)
        assert cause is None or cause in MODEL[shape["members"]["cause"]["shape"]]["enum"], event
