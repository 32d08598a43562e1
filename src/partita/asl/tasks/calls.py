"""Call Partita activities for Task states, and name their failures as AWS does."""

from __future__ import annotations

import functools
from typing import Any, ParamSpec, TypeVar

from partita.asl.failures import HEARTBEAT_TIMEOUT, TIMEOUT, StateFailure
from partita.authoring.activity import ActivityFunction
from partita.authoring.remote import remote_activity
from partita.errors import (
    ActivityFailedError,
    ActivityTimedOutError,
    CancelledError,
    TaskFailedError,
)

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

    With a task list, the time limit includes the wait for whoever polls it.

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
    if task_list is None:
        return remote_activity(name).options(start_to_close=timeout, heartbeat=heartbeat)
    return remote_activity(name).options(
        schedule_to_close=timeout, heartbeat=heartbeat, task_list=task_list
    )


def failure_of(error: Exception) -> StateFailure:
    """Return how a state fails if its activity fails with an exception."""
    if isinstance(error, TaskFailedError):
        return StateFailure(error.error, error.cause)
    if isinstance(error, ActivityTimedOutError):
        return timed_out(is_heartbeat=error.timeout_type == "HEARTBEAT")
    if isinstance(error, ActivityFailedError):
        return StateFailure(error.type, error.message)
    return StateFailure(type(error).__name__, str(error))


def timed_out(*, is_heartbeat: bool) -> StateFailure:
    """Return the failure of a task that ran out of time."""
    return StateFailure(TIMEOUT, also=(HEARTBEAT_TIMEOUT,) if is_heartbeat else ())
