"""Time, as workflow code sees it: durably, and the same in every replay."""

from __future__ import annotations

from contextlib import AbstractContextManager
from datetime import UTC, datetime

from partita.authoring import local
from partita.authoring.context import context
from partita.authoring.future import Future
from partita.authoring.runtime import Deadline, Runtime, Span, current, span


def runtime() -> Runtime:
    """Return who answers the workflow that runs here."""
    return current.get() or local.runtime()


def sleep(duration: Span) -> None:
    """Wait for a time, in seconds; durably, for months if need be.

    Raises:
        InvalidOptionError: the time is negative or not a number.
    """
    runtime().sleep(span("sleep", duration, runtime()))


def start_timer(duration: Deadline) -> Future[None]:
    """Return a future that is done after a time; `cancel` stops the timer.

    Raises:
        InvalidOptionError: the time is negative, past, or not a number.
    """
    return runtime().start_timer(span("start_timer", duration, runtime()))


def timeout(duration: Deadline) -> AbstractContextManager[None]:
    """Return a block that may take a time: a wait in it raises WaitTimeoutError afterwards.

    What the block waits for goes on; cancel it if it should not.

    Raises:
        InvalidOptionError: the time is negative, past, or not a number.
    """
    return runtime().deadline(span("timeout", duration, runtime()))


def shield() -> AbstractContextManager[None]:
    """Return a block in which a cancel request does not interrupt.

    For clean-up that must be whole. The request is kept: CancelledError is raised at the
    first wait after the block.
    """
    return runtime().shield()


def now() -> datetime:
    """Return the current time in UTC; a replay sees the same. In activities, the worker's."""
    activity = context.get()
    if activity is not None and current.get() is None:
        return datetime.fromtimestamp(activity.clock(), UTC)
    return runtime().now()
