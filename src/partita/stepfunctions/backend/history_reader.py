"""Read Step Functions' histories as ours: beginnings and ends are events, all else is a marker."""

from __future__ import annotations

import json
from typing import Any

from partita import history as h
from partita.authoring.failure import describe
from partita.errors import MachineFailedError


def events_of(found: list[dict[str, Any]], machine: str) -> list[h.AnyEvent]:
    """Return the events of an execution of a machine, with the numbers that they have."""
    return [_event(one, machine) for one in found]


def _event(one: dict[str, Any], machine: str) -> h.AnyEvent:
    id, at = int(one["id"]), one["timestamp"].timestamp()
    key = next((name for name in one if name.endswith("EventDetails")), "")
    details: dict[str, Any] = one.get(key, {})
    match one["type"]:
        case "ExecutionStarted":
            return h.WorkflowExecutionStarted(
                event_id=id,
                event_timestamp=at,
                child_policy=h.ChildPolicy.TERMINATE,
                task_list="",
                workflow_type=h.WorkflowType(machine),
                input=f"[{details.get('input', '{}')}]",
            )
        case "ExecutionSucceeded":
            return h.WorkflowExecutionCompleted(
                event_id=id,
                event_timestamp=at,
                decision_task_completed_event_id=0,
                result=details.get("output", "null"),
            )
        case "ExecutionFailed":
            return _failed(id, at, details)
        case "ExecutionAborted":
            return h.WorkflowExecutionTerminated(
                event_id=id,
                event_timestamp=at,
                child_policy=h.ChildPolicy.TERMINATE,
                reason=details.get("error"),
                details=details.get("cause"),
            )
        case "ExecutionTimedOut":
            return h.WorkflowExecutionTimedOut(
                event_id=id,
                event_timestamp=at,
                timeout_type=h.TimeoutType.START_TO_CLOSE,
                child_policy=h.ChildPolicy.TERMINATE,
            )
        case kind:
            return h.MarkerRecorded(
                event_id=id,
                event_timestamp=at,
                marker_name=kind,
                decision_task_completed_event_id=0,
                details=json.dumps(details) if details else None,
            )


def _failed(id: int, at: float, details: dict[str, Any]) -> h.WorkflowExecutionFailed:
    failure = describe(MachineFailedError(details.get("error"), details.get("cause")))
    return h.WorkflowExecutionFailed(
        event_id=id,
        event_timestamp=at,
        decision_task_completed_event_id=0,
        reason=failure.reason,
        details=failure.dump(),
    )
