"""Short histories for tests of views: activities, each with the decision that asked for it."""

from __future__ import annotations

from collections.abc import Callable

from partita import history as h

Part = Callable[[int, float], list[h.AnyEvent]]
"""Makes events, given the number and the time of the first one."""


def history(*parts: Part, input: str | None = None, begun: float = 100.0) -> list[h.AnyEvent]:
    """Return the history of an open run, a second for each part."""
    events: list[h.AnyEvent] = [
        h.WorkflowExecutionStarted(
            event_id=1,
            event_timestamp=begun,
            child_policy=h.ChildPolicy.TERMINATE,
            task_list="default",
            workflow_type=h.WorkflowType("flow"),
            input=input,
        )
    ]
    for number, part in enumerate(parts, 1):
        events += part(len(events) + 1, begun + number)
    return events


def completed(result: str = "1") -> Part:
    """Return the end of a run."""

    def make(id: int, at: float) -> list[h.AnyEvent]:
        end = h.WorkflowExecutionCompleted(
            event_id=id, event_timestamp=at, decision_task_completed_event_id=0, result=result
        )
        return [end]

    return make


def pending(name: str, *, turn: int, input: str | None = None, version: str = "1") -> Part:
    """Return an activity that waits for a worker."""

    def make(id: int, at: float) -> list[h.AnyEvent]:
        scheduled = h.ActivityTaskScheduled(
            event_id=id,
            event_timestamp=at,
            activity_type=h.ActivityType(name, version),
            activity_id=str(id),
            task_list="default",
            decision_task_completed_event_id=turn,
            input=input,
        )
        return [scheduled]

    return make


def running(name: str, *, turn: int, input: str | None = None, version: str = "1") -> Part:
    """Return an activity that a worker has taken after a quarter of a second."""
    waits = pending(name, turn=turn, input=input, version=version)

    def make(id: int, at: float) -> list[h.AnyEvent]:
        begun = h.ActivityTaskStarted(
            event_id=id + 1, event_timestamp=at + 0.25, scheduled_event_id=id
        )
        return [*waits(id, at), begun]

    return make


def done(
    name: str,
    *,
    turn: int,
    input: str | None = None,
    result: str | None = None,
    seconds: float = 0.5,
    version: str = "1",
) -> Part:
    """Return an activity that has completed, some seconds after it was scheduled."""
    runs = running(name, turn=turn, input=input, version=version)

    def make(id: int, at: float) -> list[h.AnyEvent]:
        end = h.ActivityTaskCompleted(
            event_id=id + 2,
            event_timestamp=at + seconds,
            scheduled_event_id=id,
            started_event_id=id + 1,
            result=result,
        )
        return [*runs(id, at), end]

    return make


def failed(
    name: str, *, turn: int, input: str | None = None, details: str = '{"message": "k"}'
) -> Part:
    """Return an activity that has failed with a KeyError."""
    runs = running(name, turn=turn, input=input)

    def make(id: int, at: float) -> list[h.AnyEvent]:
        end = h.ActivityTaskFailed(
            event_id=id + 2,
            event_timestamp=at + 0.5,
            scheduled_event_id=id,
            started_event_id=id + 1,
            reason="KeyError",
            details=details,
        )
        return [*runs(id, at), end]

    return make


def signalled(name: str, input: str | None = None) -> Part:
    """Return a signal that came."""

    def make(id: int, at: float) -> list[h.AnyEvent]:
        came = h.WorkflowExecutionSignaled(
            event_id=id, event_timestamp=at, signal_name=name, input=input
        )
        return [came]

    return make
