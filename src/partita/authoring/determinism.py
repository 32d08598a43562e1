"""Replace clock, sleep and chance in workflow code: durable, and the same in every replay."""

from __future__ import annotations

import random as random_module
import uuid
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from typing import TypeVar

from partita.authoring.context import context
from partita.authoring.future import Future
from partita.authoring.local import active_runtime
from partita.authoring.options import Deadline, duration
from partita.authoring.runtime import current

T = TypeVar("T")


def sleep(duration: Deadline) -> None:
    """Wait for a time, in seconds, or until a moment; durably, for months if need be.

    A moment that is past does not wait.

    Raises:
        InvalidOptionError: the time is negative, more than ten years past, or not a number.
    """
    active_runtime().sleep(_seconds("sleep", duration))


def start_timer(duration: Deadline) -> Future[None]:
    """Return a future that is done after a time, or at a moment; `cancel` stops the timer.

    A moment that is past is done at once.

    Raises:
        InvalidOptionError: the time is negative, more than ten years past, or not a number.
    """
    return active_runtime().start_timer(_seconds("start_timer", duration))


def timeout(duration: Deadline) -> AbstractContextManager[None]:
    """Return a context whose waits raise WaitTimeoutError once the time is up.

    The work that it waits for goes on; cancel it if it should not.

    Raises:
        InvalidOptionError: the time is negative, more than ten years past, or not a number.
    """
    return active_runtime().deadline(_seconds("timeout", duration))


def _seconds(what: str, value: Deadline) -> float:
    return duration(what, value, active_runtime().now)


def shield() -> AbstractContextManager[None]:
    """Return a context in which a cancel request does not interrupt.

    For clean-up that must be complete. CancelledError is raised at the first wait after it.
    """
    return active_runtime().shield()


def pause_if_long(seconds: float) -> None:
    """Yield to other executions if this one has been decided for so long without a wait.

    For interpreters, whose programs may go on for ever without one. It costs next to nothing.
    """
    active_runtime().pause_if_long(seconds)


def bounded(function: Callable[[float], T], seconds: float, limit: float) -> T:
    """Call a function with the seconds it may take; a replay repeats how that ended.

    For interpreters: the function is pure, but its cost is not known. In plain Python it may take
    `limit`. In a workflow it may take `seconds`, and that it raised TimeoutError is recorded.

    Raises:
        TimeoutError: the function did, or did when the history was written.
    """
    return active_runtime().bounded(function, seconds, limit)


def now() -> datetime:
    """Return the current time in UTC, the same in every replay; in activities, the worker's."""
    activity = context.get()
    if activity is not None and current.get() is None:
        return datetime.fromtimestamp(activity.clock(), UTC)
    return active_runtime().now()


def random() -> random_module.Random:
    """Return a source of random numbers, the same in every replay."""
    return active_runtime().random()


def uuid4() -> uuid.UUID:
    """Return a random UUID, the same in every replay."""
    return uuid.UUID(int=random().getrandbits(128), version=4)


def side_effect(function: Callable[[], T]) -> T:
    """Call a function once and record its result, which a replay returns.

    For what is quick and not worth an activity, such as reading a setting. It runs in the
    decider, so it must not block.
    """
    value: T = active_runtime().side_effect(function)
    return value
