"""Check the requests of the Service port, in the same way for every service.

Knows requests, and what a service says of an execution; it knows no service and no store.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from msgspec import Struct

from partita import history as h
from partita.errors import (
    ExecutionAlreadyStartedError,
    InvalidOptionError,
    UnknownForkPointError,
)
from partita.ports.service import ForkRequest, ReusePolicy, StartRequest
from partita.ports.state import Status


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
