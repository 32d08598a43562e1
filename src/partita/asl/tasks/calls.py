"""Call Partita activities for Task states, and name their failures as AWS does."""

from __future__ import annotations

import functools
from typing import Any, ParamSpec, TypeVar

from partita.asl.failures import DATA_LIMIT_EXCEEDED, HEARTBEAT_TIMEOUT, TIMEOUT, StateFailure
from partita.authoring.activity import ActivityFunction
from partita.authoring.registry import known
from partita.authoring.remote import remote_activity
from partita.errors import (
    ActivityFailedError,
    ActivityTimedOutError,
    CancelledError,
    PayloadTooDeepError,
    PayloadTooLargeError,
    TaskFailedError,
)

OWN = "states:"
"""The beginning of the names of this package's own activities."""

P = ParamSpec("P")
R = TypeVar("R")


def call_activity(
    name: str,
    input: Any,
    timeout: float | None,
    heartbeat: float | None,
    task_list: str | None = None,
) -> Any:
    """Return the result of an activity of that name; times are in seconds.

    The time limit of an activity that is not of this package includes the wait for a worker.

    Raises:
        StateFailure: it failed or ran out of time.
    """
    try:
        return _activity(name, timeout, heartbeat, task_list)(input)
    except CancelledError:
        raise
    except Exception as error:
        raise failure_of(error) from error


def call_function(function: ActivityFunction[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Return the result of an activity of this package.

    Raises:
        StateFailure: it failed.
    """
    try:
        return function(*args, **kwargs)
    except CancelledError:
        raise
    except Exception as error:
        raise failure_of(error) from error


@functools.lru_cache(maxsize=4096)
def _activity(
    name: str, timeout: float | None, heartbeat: float | None, task_list: str | None
) -> ActivityFunction[..., Any]:
    own = _own_activity(name)
    if own is not None:
        return own.options(start_to_close=timeout, heartbeat=heartbeat)
    return remote_activity(name).options(
        schedule_to_close=timeout, heartbeat=heartbeat, task_list=task_list
    )


def _own_activity(name: str) -> ActivityFunction[..., Any] | None:
    """Return an activity of this package, whose code plain Python runs; None for others."""
    if not name.startswith(OWN):
        return None
    found = [one for one in known(ActivityFunction) if one.activity_type.name == name]
    return found[0] if found else None


def failure_of(error: Exception) -> StateFailure:
    """Return how a state fails if its activity fails with an exception."""
    if isinstance(error, TaskFailedError):
        return StateFailure(error.error, error.cause)
    if isinstance(error, ActivityTimedOutError):
        return timed_out(is_heartbeat=error.timeout_type == "HEARTBEAT")
    if isinstance(error, ActivityFailedError):
        return StateFailure(error.type, error.message)
    if isinstance(error, (PayloadTooDeepError, PayloadTooLargeError)):
        return StateFailure(DATA_LIMIT_EXCEEDED, str(error))
    return StateFailure(type(error).__name__, str(error))


def timed_out(*, is_heartbeat: bool) -> StateFailure:
    """Return the failure of a task that ran out of time."""
    return StateFailure(TIMEOUT, also=(HEARTBEAT_TIMEOUT,) if is_heartbeat else ())
