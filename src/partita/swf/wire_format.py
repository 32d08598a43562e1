"""Translate events, decisions and executions between our structs and SWF's JSON.

Event ids are kept, so that each `…EventId` points at the same event on both sides. Our two events
that SWF does not know are written as markers whose names begin with `partita.`: SWF's clients
count on a history without gaps. What a decision leaves out stays out: which defaults fill it is
for the type's registration.

Source: Amazon SWF API Reference (2012-01-25), Data Types.
"""

from __future__ import annotations

import math
import types
from collections.abc import Callable, Mapping
from typing import Any, TypeVar, Union, cast, get_args, get_origin

import msgspec
from msgspec import Struct

from partita import history as h
from partita.aws.names import Member, Spelling, camel, lower_first, moment
from partita.errors import InvalidInputError
from partita.ports.service import ExecutionInfo
from partita.ports.state import Execution, Progress, Status

S = TypeVar("S", bound=Struct)

# -- names and values ----------------------------------------------------------------------

NONE = "NONE"
"""How SWF writes a timeout that never runs out."""

_DURATIONS = {
    "execution_start_to_close",
    "heartbeat",
    "schedule_to_close",
    "schedule_to_start",
    "start_to_close",
    "start_to_fire",
    "task_list_schedule_to_start",
    "task_start_to_close",
}

_OURS = {
    "cancel_pending",
    "event_id",  # beside the attributes
    "event_timestamp",
    "original_run_id",
    "retry_policy",
    "reused_markers",
    "trace_context",
    "unread_signals",
}
"""Fields that SWF's attributes have no member for."""

_ZEROS = {"external_initiated_event_id", "parent_initiated_event_id"}
"""Event ids that SWF writes as 0 where there is none."""


def seconds(text: str | None) -> float | None:
    """Read a duration: seconds as a string, or NONE."""
    return None if text is None or text == NONE else float(text)


def duration(value: float | None) -> str:
    """Write a duration; SWF knows whole seconds only, so it is rounded up."""
    return NONE if value is None else str(math.ceil(value))


def type_to_swf(value: h.ActivityType | h.WorkflowType) -> dict[str, str]:
    """Write a type."""
    return {"name": value.name, "version": value.version}


def execution_to_swf(value: h.WorkflowExecution | Execution) -> dict[str, str]:
    """Write which execution is meant."""
    return {"workflowId": value.workflow_id, "runId": value.run_id}


def execution_from_swf(value: Mapping[str, Any]) -> h.WorkflowExecution:
    """Read which execution is meant; without a run id, the newest run."""
    return h.WorkflowExecution(value["workflowId"], value.get("runId") or "")


def _type_from(make: type[h.ActivityType] | type[h.WorkflowType]) -> Callable[[Any], Any]:
    return lambda value: make(value["name"], value["version"])


_BY_TYPE: dict[Any, tuple[Callable[[Any], Any], Callable[[Any], Any]]] = {
    h.ActivityType: (type_to_swf, _type_from(h.ActivityType)),
    h.WorkflowType: (type_to_swf, _type_from(h.WorkflowType)),
    h.WorkflowExecution: (execution_to_swf, execution_from_swf),
    h.ChildPolicy: (str, h.ChildPolicy),
    h.TimeoutType: (str, h.TimeoutType),
}


def _without_none(hint: Any) -> Any:
    if get_origin(hint) in (Union, types.UnionType):
        return next(one for one in get_args(hint) if one is not type(None))
    return hint


def _member(field: str, hint: Any) -> Member | None:
    name, hint = camel(field), _without_none(hint)
    if field in _OURS:
        return None
    if field in _DURATIONS:
        return Member(field, f"{name}Timeout", duration, seconds)
    if field == "task_list":
        return Member(field, name, lambda value: {"name": value}, lambda value: value["name"])
    if field == "task_priority":
        return Member(field, name, str, int)
    if get_origin(hint) is tuple:
        return Member(field, name, list, tuple)
    if field in _ZEROS:
        return Member(field, name, read=lambda value: value or None, absent=0)
    return Member(field, name, *_BY_TYPE.get(hint, ()))


SPELLING = Spelling("SWF", _member)

# -- events --------------------------------------------------------------------------------

MARKER_PREFIX = "partita."
"""Begins the names of the markers that stand for events of ours."""

OURS = (h.ActivityTaskRescheduled, h.DecisionTaskFailed)
"""Events that SWF does not know."""

_EVENTS: dict[str, type[h.Event]] = {cls.__name__: cls for cls in get_args(h.AnyEvent)}

_TASK = ("taskStartToCloseTimeout", "executionStartToCloseTimeout")

_UNLIMITED: dict[type[h.Event], tuple[str, ...]] = {
    h.ActivityTaskScheduled: (
        "scheduleToStartTimeout",
        "scheduleToCloseTimeout",
        "startToCloseTimeout",
        "heartbeatTimeout",
    ),
    h.DecisionTaskScheduled: ("startToCloseTimeout", "scheduleToStartTimeout"),
    h.StartChildWorkflowExecutionInitiated: _TASK,
    h.WorkflowExecutionContinuedAsNew: _TASK,
    h.WorkflowExecutionStarted: _TASK,
}
"""Timeouts that an event always names."""


def event_attributes(event_type: str) -> str:
    """Return the member that holds the attributes of an event of that type."""
    return f"{lower_first(event_type)}EventAttributes"


def event_to_swf(event: h.AnyEvent) -> dict[str, Any]:
    """Write an event as SWF does; the timestamp is in seconds since the epoch."""
    name = event.event_type
    if isinstance(event, OURS):
        name, attributes = "MarkerRecorded", _as_marker(event)
    else:
        unlimited = dict.fromkeys(_UNLIMITED.get(type(event), ()), NONE)
        attributes = unlimited | SPELLING.write(event)
    return {
        "eventId": event.event_id,
        "eventType": name,
        "eventTimestamp": event.event_timestamp,
        event_attributes(name): attributes,
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
    cls = _EVENTS.get(name)
    if cls is None or cls in OURS:
        raise InvalidInputError(f"not an event of SWF's API version 2012-01-25: {name!r}")
    found = SPELLING.read(
        cls,
        event.get(event_attributes(name)) or {},
        event_id=event["eventId"],
        event_timestamp=moment(event["eventTimestamp"]),
    )
    return cast(h.AnyEvent, found)


# -- decisions -----------------------------------------------------------------------------

DECISIONS: dict[str, type[h.Decision]] = {cls.__name__: cls for cls in get_args(h.AnyDecision)}
"""Every decision type, by SWF's name."""


def decision_attributes(decision_type: str) -> str:
    """Return the member that holds the attributes of a decision of that type."""
    return f"{lower_first(decision_type)}DecisionAttributes"


def decision_to_swf(decision: h.AnyDecision) -> dict[str, Any]:
    """Write a decision as SWF takes it."""
    name = decision.decision_type
    return {"decisionType": name, decision_attributes(name): SPELLING.write(decision)}


def decision_from_swf(decision: Mapping[str, Any]) -> h.AnyDecision:
    """Read a decision.

    Raises:
        InvalidInputError: it is no decision of SWF's, or its attributes are missing.
    """
    name = decision.get("decisionType", "")
    cls = DECISIONS.get(name)
    if cls is None:
        raise InvalidInputError(f"not a decision of SWF's API version 2012-01-25: {name!r}")
    attributes = decision.get(decision_attributes(name)) or {}
    return cast(h.AnyDecision, SPELLING.read(cls, attributes))


# -- what is said about executions ---------------------------------------------------------


def info_to_swf(execution: Execution, progress: Progress) -> dict[str, Any]:
    """Write one line of a list of executions."""
    info: dict[str, Any] = {
        "execution": execution_to_swf(execution),
        "workflowType": type_to_swf(execution.workflow_type),
        "startTimestamp": execution.started_at,
        "executionStatus": "OPEN" if progress.status is Status.OPEN else "CLOSED",
        "cancelRequested": progress.cancel_requested and progress.status is Status.OPEN,
    }
    if progress.status is not Status.OPEN:
        info["closeStatus"] = progress.status.name
        info["closeTimestamp"] = progress.closed_at
    if execution.parent is not None:
        info["parent"] = execution_to_swf(execution.parent)
    if execution.tag_list:
        info["tagList"] = list(execution.tag_list)
    return info


def configuration_to_swf(execution: Execution) -> dict[str, Any]:
    """Write what an execution was started with."""
    written: dict[str, Any] = {
        "taskStartToCloseTimeout": duration(execution.task_start_to_close),
        "executionStartToCloseTimeout": duration(execution.execution_start_to_close),
        "taskList": {"name": execution.task_list},
        "childPolicy": str(execution.child_policy),
    }
    if execution.task_priority:
        written["taskPriority"] = str(execution.task_priority)
    if execution.lambda_role is not None:
        written["lambdaRole"] = execution.lambda_role
    return written


def info_from_swf(info: Mapping[str, Any]) -> ExecutionInfo:
    """Read one line of a list of executions; SWF does not say how many events there are."""
    closed, kind = info.get("closeTimestamp"), info["workflowType"]
    execution = execution_from_swf(info["execution"])
    return ExecutionInfo(
        workflow_id=execution.workflow_id,
        run_id=execution.run_id,
        workflow_type=h.WorkflowType(kind["name"], kind["version"]),
        status=Status[info.get("closeStatus") or "OPEN"],
        started_at=moment(info["startTimestamp"]),
        closed_at=None if closed is None else moment(closed),
        tag_list=tuple(info.get("tagList") or ()),
        cancel_requested=bool(info.get("cancelRequested")),
        parent=execution_from_swf(info["parent"]) if info.get("parent") else None,
    )
