"""Read Step Functions' histories as ours: beginnings and ends are events, all else is a marker."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from partita import history as h
from partita.authoring.failure import describe
from partita.errors import MachineFailedError
from partita.stepfunctions.error_texts import text_of_cause


def events_of(found: list[dict[str, Any]], machine: str) -> list[h.AnyEvent]:
    """Return the events of an execution of a machine, with the numbers that they have."""
    return [_event(one, machine) for one in found]


def _event(one: dict[str, Any], machine: str) -> h.AnyEvent:
    key = next((name for name in one if name.endswith("EventDetails")), "")
    details: dict[str, Any] = one.get(key, {})
    place = {"event_id": int(one["id"]), "event_timestamp": one["timestamp"].timestamp()}
    read = _READERS.get(one["type"])
    if read is not None:
        return read(place, details, machine)
    return h.MarkerRecorded(
        **place,
        marker_name=one["type"],
        decision_task_completed_event_id=0,
        details=json.dumps(details) if details else None,
    )


def _started(place: _Place, details: dict[str, Any], machine: str) -> h.AnyEvent:
    return h.WorkflowExecutionStarted(
        **place,
        child_policy=h.ChildPolicy.TERMINATE,
        task_list="",
        workflow_type=h.WorkflowType(machine),
        input=f"[{details.get('input', '{}')}]",
    )


def _succeeded(place: _Place, details: dict[str, Any], _: str) -> h.AnyEvent:
    result = details.get("output", "null")
    return h.WorkflowExecutionCompleted(**place, decision_task_completed_event_id=0, result=result)


def _failed(place: _Place, details: dict[str, Any], _: str) -> h.AnyEvent:
    failure = describe(
        MachineFailedError(details.get("error"), text_of_cause(details.get("cause")))
    )
    return h.WorkflowExecutionFailed(
        **place,
        decision_task_completed_event_id=0,
        reason=failure.reason,
        details=failure.dump(),
    )


def _aborted(place: _Place, details: dict[str, Any], _: str) -> h.AnyEvent:
    return h.WorkflowExecutionTerminated(
        **place,
        child_policy=h.ChildPolicy.TERMINATE,
        reason=details.get("error"),
        details=details.get("cause"),
    )


def _timed_out(place: _Place, _: dict[str, Any], __: str) -> h.AnyEvent:
    return h.WorkflowExecutionTimedOut(
        **place, timeout_type=h.TimeoutType.START_TO_CLOSE, child_policy=h.ChildPolicy.TERMINATE
    )


_Place = dict[str, Any]
"""Number and time of an event."""

_READERS: dict[str, Callable[[_Place, dict[str, Any], str], h.AnyEvent]] = {
    "ExecutionStarted": _started,
    "ExecutionSucceeded": _succeeded,
    "ExecutionFailed": _failed,
    "ExecutionAborted": _aborted,
    "ExecutionTimedOut": _timed_out,
}
