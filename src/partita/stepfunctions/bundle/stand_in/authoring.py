"""Define activities as plain functions, known by their names."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

activities: dict[str, Callable[..., Any]] = {}
"""The functions of the activities by their names."""


@dataclass(frozen=True)
class ActivityInfo:
    """The task that an activity runs for."""

    workflow_id: str = "local"
    run_id: str = "local"
    activity_id: str = "local"
    name: str = "local"
    attempt: int = 1
    last_heartbeat: Any = None
    domain: str = "default"
    task_token: str = ""

    @property
    def idempotency_key(self) -> str:
        """A key that all attempts of this activity share, to pass to services."""
        return f"{self.run_id}:{self.activity_id}"


_OUTSIDE = ActivityInfo()
current: ContextVar[ActivityInfo] = ContextVar("partita_activity", default=_OUTSIDE)


def activity(function: Any = None, /, *, name: str | None = None, **options: Any) -> Any:
    """Return the function itself, which is known by the activity's name from now on."""

    def decorate(one: Any) -> Any:
        activities[name or one.__name__] = one
        return one

    return decorate if function is None else decorate(function)


def workflow(function: Any = None, /, **options: Any) -> Any:
    """Return the function itself; a state machine runs the workflow."""
    return (lambda one: one) if function is None else function


def activity_info() -> ActivityInfo:
    """Return the task that the activity runs for."""
    return current.get()


def heartbeat(details: Any = None) -> None:
    """Do nothing: Lambda itself tells Step Functions when a function dies."""


def get_logger(name: str = "partita") -> logging.Logger:
    """Return a logger of the standard library."""
    return logging.getLogger(name)
