"""Check the requests of the Service port, in the same way for every service.

Knows requests, and what a service says of an execution; it knows no service and no store.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import isnan

import msgspec
from msgspec import Struct

from partita import history as h
from partita.errors import (
    ExecutionAlreadyStartedError,
    InvalidOptionError,
    UnknownForkPointError,
)
from partita.ports.service import ExecutionInfo, ForkRequest, ReusePolicy, StartRequest
from partita.ports.state import ExecutionFilter, Status
from partita.ports.texts import check_attributes, check_name, check_names

MOST_VALUES = 500
"""Values of all matches of a filter, at most; SQLite nests conditions no deeper than twice that."""

LIST_LIMIT = 1_000_000
"""Executions on one page of a list, at most."""


def check_types(request: Struct) -> None:
    """Check that a request can be stored and read again.

    Raises:
        InvalidOptionError: a value is not of the type that its name says.
    """
    try:
        plain = msgspec.json.encode(request)
        msgspec.json.decode(plain, type=type(request))
    except (msgspec.MsgspecError, TypeError, ValueError, OverflowError) as error:
        text = " ".join(str(error).split())
        raise InvalidOptionError(f"{type(request).__name__}: {text}") from error


def check_start(request: StartRequest) -> None:
    """Check that the texts of a start can be stored on every store.

    Raises:
        InvalidOptionError: one is too long, or has a character that cannot be stored.
    """
    check_name("domain", request.domain)
    check_name("workflow id", request.workflow_id)
    check_type(request.workflow_type)
    check_name("task list", request.task_list)
    check_names("tag", request.tag_list)
    check_attributes(request.search_attributes)


def is_wanted(info: ExecutionInfo, filter: ExecutionFilter) -> bool:
    """Return whether a list holds an execution, as far as its line in the list tells."""
    return (
        (not filter.statuses or info.status in filter.statuses)
        and filter.workflow_id in (None, info.workflow_id)
        and filter.type_name in (None, info.workflow_type.name)
        and (filter.tag is None or filter.tag in info.tag_list)
        and (filter.started_after is None or info.started_at >= filter.started_after)
        and (filter.started_before is None or info.started_at < filter.started_before)
    )


def check_filter(filter: ExecutionFilter) -> None:
    """Check what executions are looked for by.

    Raises:
        InvalidOptionError: a value is not of its type, the limit or a moment is none, or no
            execution can have a text.
    """
    check_types(filter)
    values = sum(len(match.patterns) for match in filter.matches)
    if values > MOST_VALUES or len(filter.attributes) > MOST_VALUES:
        raise InvalidOptionError(f"a filter with {values:,} values; at most {MOST_VALUES} fit")
    if not 0 <= filter.limit <= LIST_LIMIT:
        raise InvalidOptionError(f"limit={filter.limit}; give a number from 0 to {LIST_LIMIT:,}")
    if any(
        isinstance(at, float) and isnan(at) for at in (filter.started_after, filter.started_before)
    ):
        raise InvalidOptionError("nan is no moment; give seconds since the epoch")
    if filter.before_run is not None and abs(filter.before_run) >= 2**63:
        raise InvalidOptionError(
            f"before_run={filter.before_run}; give the `next_page` of the page before"
        )
    for name in (filter.workflow_id, filter.type_name, filter.tag):
        check_name("id, type or tag", name)
    check_attributes(dict(filter.attributes))


def check_type(workflow_type: h.WorkflowType) -> None:
    """Check the names of a workflow type; see `check_start`."""
    check_name("workflow name", workflow_type.name)
    check_name("version", workflow_type.version)


def check_reuse(request: StartRequest, status: Status) -> None:
    """Check that a start may begin a new run after, or instead of, one of this status.

    Raises:
        ExecutionAlreadyStartedError: the reuse policy forbids it.
    """
    policy, is_open = request.reuse_policy, status is Status.OPEN
    failed = status not in (Status.OPEN, Status.COMPLETED, Status.CONTINUED_AS_NEW)
    if not (
        policy is ReusePolicy.TERMINATE_EXISTING
        or (policy is ReusePolicy.ALLOW and not is_open)
        or (policy is ReusePolicy.ALLOW_AFTER_FAILURE and failed)
    ):
        raise ExecutionAlreadyStartedError(
            f"workflow id {request.workflow_id!r} is {status.name.lower()} "
            f"and the reuse policy is {policy.value!r}; choose another id or policy"
        )


def other_start(
    request: StartRequest, workflow_type: h.WorkflowType
) -> ExecutionAlreadyStartedError:
    """Return the error for a workflow id that another start has used."""
    return ExecutionAlreadyStartedError(
        f"workflow id {request.workflow_id!r} belongs to a start of {workflow_type.key} "
        "with other input; choose another id"
    )


def fork_point(request: ForkRequest, last: int) -> int:
    """Return the last event whose results a fork reuses, of a run with `last` events.

    Raises:
        UnknownForkPointError: there is no such event.
    """
    if request.event_id is None:
        return last
    if not 1 <= request.event_id <= last:
        raise UnknownForkPointError(
            f"execution {request.workflow_id!r} has events 1 to {last}, none has number "
            f"{request.event_id}; `partita history` shows them"
        )
    return request.event_id


def check_results(request: ForkRequest, workflow_id: str, events: Sequence[h.AnyEvent]) -> None:
    """Check that the activities whose results a fork replaces are there.

    Raises:
        UnknownForkPointError: one is not.
    """
    known = {event.activity_id for event in events if isinstance(event, h.ActivityTaskScheduled)}
    for id in request.results:
        if id not in known:
            raise UnknownForkPointError(
                f"execution {workflow_id!r} has no activity {id!r} whose result "
                f"could be another; it has: {', '.join(sorted(known)) or 'none'}"
            )
