"""Represent the ways in which an activity or a child can end as values.

An activity may return or raise one of these, instead of returning a value or raising an
exception of its own. Deciders written by hand read them from a process.
"""

from __future__ import annotations

from typing import Any

from partita.errors import ActivityFailedError, CancelledError


class Result(Exception):  # noqa: N818  # not always an error
    """The base class of results; raised, it ends an activity from any depth."""

    def __init__(self, *parts: Any) -> None:
        super().__init__(*parts)

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self.args == other.args

    def __hash__(self) -> int:
        return hash(type(self))


class Completed(Result):
    """It returned a value."""

    def __init__(self, value: Any = None) -> None:
        super().__init__(value)
        self.value = value


class Failed(Result):
    """It failed; its retry policy decides whether it is tried again."""

    def __init__(self, reason: str | None = None, details: str | None = None) -> None:
        super().__init__(reason, details)
        self.reason = reason  # short and for programs, such as "CARD_DECLINED"
        self.details = details


class Aborted(Failed):
    """It failed and must not be tried again. Histories record it as failed."""


class Canceled(Result):
    """It was cancelled on request."""

    def __init__(self, details: str | None = None) -> None:
        super().__init__(details)
        self.details = details


class TimedOut(Result):
    """It timed out. An activity that raises it is recorded as failed."""

    def __init__(self, timeout_type: str = "START_TO_CLOSE", details: str | None = None) -> None:
        super().__init__(timeout_type, details)
        self.timeout_type = timeout_type
        self.details = details


class Terminated(Result):
    """It was terminated; only executions are."""


def as_failed(result: Result) -> Failed | None:
    """Return the failure that a result is recorded as; None if it is no failure."""
    if isinstance(result, Failed):
        return result
    if isinstance(result, TimedOut):
        return Aborted(f"TIMED_OUT_{result.timeout_type}", result.details)
    return None


def value_of(result: Result) -> Any:
    """Return the value of a result, or raise what a workflow on an engine would see.

    Raises:
        ActivityFailedError: it failed.
        CancelledError: it was cancelled.
    """
    if isinstance(result, Completed):
        return result.value
    failed = as_failed(result)
    if failed is not None:
        raise ActivityFailedError(failed.reason or "Failure", failed.details or "") from result
    raise CancelledError("the activity was cancelled") from result
