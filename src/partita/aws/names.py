"""Spell the fields of our structs as members of SWF's JSON, and back.

Names follow one rule: camel case, and a timeout gets its suffix back. Values do, too: numbers
that SWF writes as strings, task lists and types as objects. This module knows no particular
event or decision.

Source: Amazon SWF API Reference (2012-01-25), Data Types.
"""

from __future__ import annotations

import functools
import math
import re
import types
from collections.abc import Callable, Mapping
from typing import Any, TypeVar, Union, get_args, get_origin

import msgspec
from msgspec import Struct

from partita import history as h
from partita.errors import InvalidInputError

S = TypeVar("S", bound=Struct)

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
    "original_run_id",
    "retry_policy",
    "reused_markers",
    "trace_context",
    "unread_signals",
}
"""Fields that SWF has no member for."""

_ZEROS = {"external_initiated_event_id", "parent_initiated_event_id"}
"""Event ids that SWF writes as 0 where there is none."""


class Member(Struct, frozen=True):
    """One field of a struct and its member of the JSON."""

    field: str
    name: str
    write: Callable[[Any], Any]
    read: Callable[[Any], Any]


def camel(name: str) -> str:
    """Return `some_name` as `someName`."""
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


def seconds(text: str | None) -> float | None:
    """Read a duration: seconds as a string, or NONE."""
    return None if text is None or text == NONE else float(text)


def duration(value: float | None) -> str:
    """Write a duration; SWF knows whole seconds only, so it is rounded up."""
    return NONE if value is None else str(math.ceil(value))


def moment(value: Any) -> float:
    """Read a timestamp: seconds since the epoch, or the datetime that an SDK makes of it."""
    return float(value.timestamp() if hasattr(value, "timestamp") else value)


def type_to_swf(value: h.ActivityType | h.WorkflowType) -> dict[str, str]:
    """Write a type."""
    return {"name": value.name, "version": value.version}


def execution_to_swf(value: h.WorkflowExecution) -> dict[str, str]:
    """Write which execution is meant."""
    return {"workflowId": value.workflow_id, "runId": value.run_id}


def execution_from_swf(value: Mapping[str, Any]) -> h.WorkflowExecution:
    """Read which execution is meant; without a run id, the newest run."""
    return h.WorkflowExecution(value["workflowId"], value.get("runId") or "")


def _same(value: Any) -> Any:
    return value


def _type_from(make: type[h.ActivityType] | type[h.WorkflowType]) -> Callable[[Any], Any]:
    return lambda value: make(value["name"], value["version"])


_BY_TYPE: dict[Any, tuple[Callable[[Any], Any], Callable[[Any], Any]]] = {
    h.ActivityType: (type_to_swf, _type_from(h.ActivityType)),
    h.WorkflowType: (type_to_swf, _type_from(h.WorkflowType)),
    h.WorkflowExecution: (execution_to_swf, execution_from_swf),
    h.ChildPolicy: (str, h.ChildPolicy),
    h.TimeoutType: (str, h.TimeoutType),
}


def _bare(hint: Any) -> Any:
    """Return a hint without its None."""
    if get_origin(hint) in (Union, types.UnionType):
        return next(one for one in get_args(hint) if one is not type(None))
    return hint


def _member(field: str, hint: Any) -> Member:
    bare = _bare(hint)
    if field in _DURATIONS:
        return Member(field, camel(field) + "Timeout", duration, seconds)
    if field == "task_list":
        return Member(field, "taskList", lambda name: {"name": name}, lambda value: value["name"])
    if field == "task_priority":
        return Member(field, "taskPriority", str, int)
    if get_origin(bare) is tuple:
        return Member(field, camel(field), list, tuple)
    if field in _ZEROS:
        return Member(field, camel(field), _same, lambda value: value or None)
    write, read = _BY_TYPE.get(bare, (_same, _same))
    return Member(field, camel(field), write, read)


@functools.cache
def members(cls: type[Struct]) -> tuple[Member, ...]:
    """Return the members that a struct's own fields have in SWF's JSON."""
    return tuple(
        _member(field.name, field.type)
        for field in msgspec.structs.fields(cls)
        if field.name not in _OURS and field.name not in ("event_id", "event_timestamp")
    )


def to_swf(value: Struct, *, unlimited: frozenset[str] = frozenset()) -> dict[str, Any]:
    """Write a struct's fields. Timeouts in `unlimited` are written as NONE where they are None."""
    written: dict[str, Any] = {}
    for member in members(type(value)):
        field = getattr(value, member.field)
        if field is None or field == ():
            if member.field in unlimited:
                written[member.name] = NONE
            elif member.field in _ZEROS:
                written[member.name] = 0
        else:
            written[member.name] = member.write(field)
    return written


def from_swf(cls: type[S], value: Mapping[str, Any], **more: Any) -> S:
    """Read a struct from its members; members that we do not know are passed over.

    Raises:
        InvalidInputError: a member is missing, or is not what its name says.
    """
    try:
        given = {
            member.field: member.read(value[member.name])
            for member in members(cls)
            if value.get(member.name) is not None
        }
        return cls(**more, **given)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        text = " ".join(f"{error}".split())
        raise InvalidInputError(f"not the members of SWF's {cls.__name__}: {text}") from error


def lower_first(name: str) -> str:
    """Return `SomeName` as `someName`."""
    return re.sub("^.", lambda found: found.group().lower(), name)
