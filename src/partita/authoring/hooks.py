"""What users hang into the course of things: around activities, and into a workflow's life.

Data and verdicts only; runtimes and workers call them.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, Protocol

from msgspec import Struct

from partita.authoring.context import ActivityInfo


class Verdict(Struct, frozen=True):
    """What is to become of a task that failed."""


class RetryTask(Verdict, frozen=True):
    """Run it again after a time."""

    seconds: float


class ReplaceResult(Verdict, frozen=True):
    """Go on as if it had returned this."""

    value: Any


class CancelWorkflow(Verdict, frozen=True):
    """Cancel the workflow: CancelledError where it waits."""


class AbortWorkflow(Verdict, frozen=True):
    """Fail the workflow at once with the task's error."""


class TaskFailure(Struct, frozen=True, kw_only=True):
    """A task that failed for good, its own retries used up; a hook may answer with a verdict."""

    name: str  # of the activity, child workflow or Lambda function
    key: str  # its place in the run
    error: BaseException
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    attempt: int  # from 1; how often the hook has seen this task fail

    def retry_now(self) -> Verdict:
        """Run it again at once."""
        return RetryTask(0.0)

    def retry_later(self, seconds: float) -> Verdict:
        """Run it again after a time."""
        return RetryTask(seconds)

    def ignore(self) -> Verdict:
        """Go on as if it had returned None."""
        return ReplaceResult(None)

    def replace(self, value: Any) -> Verdict:
        """Go on as if it had returned `value`."""
        return ReplaceResult(value)

    def cancel(self) -> Verdict:
        """Cancel the workflow: it sees CancelledError where it waits."""
        return CancelWorkflow()

    def abort(self) -> Verdict:
        """Fail the workflow at once with the task's error, whatever its code would do."""
        return AbortWorkflow()


class Hooks(Struct, frozen=True, kw_only=True):
    """What a workflow wants to be told.

    `before_replay` and `after_replay` surround every look of the decider at new events (once
    around the whole in plain Python) and must decide nothing. `on_task_failure` answers at
    once: it must depend on what it is given alone, and wait for nothing. `on_completed` and
    `on_failure` are part of the workflow: they may call activities, and are replayed with it.
    """

    before_replay: Callable[[], object] | None = None
    after_replay: Callable[[], object] | None = None
    on_completed: Callable[[Any], object] | None = None
    on_failure: Callable[[BaseException], object] | None = None
    on_task_failure: Callable[[TaskFailure], Verdict | None] | None = None


NO_HOOKS = Hooks()


class ActivityCall(Struct, frozen=True, kw_only=True):
    """One attempt of an activity, as middleware sees it."""

    info: ActivityInfo
    args: tuple[Any, ...]
    kwargs: dict[str, Any]


class Middleware(Struct, frozen=True, kw_only=True):
    """What is done before, around and after each attempt of an activity.

    `before` may raise, and then the activity is not run; `around` is a context manager,
    entered after `before`; `after` is given the result of an attempt that succeeded.
    """

    before: Callable[[ActivityCall], object] | None = None
    around: Callable[[ActivityCall], AbstractContextManager[Any]] | None = None
    after: Callable[[ActivityCall, Any], object] | None = None


class _HasMiddleware(Protocol):
    @property
    def settings(self) -> Any: ...


_everywhere: list[Middleware] = []


def use_middleware(
    *,
    before: Callable[[ActivityCall], object] | None = None,
    around: Callable[[ActivityCall], AbstractContextManager[Any]] | None = None,
    after: Callable[[ActivityCall, Any], object] | None = None,
) -> Middleware:
    """Put middleware around every activity that runs in this process; the first is outermost."""
    middleware = Middleware(before=before, around=around, after=after)
    _everywhere.append(middleware)
    return middleware


def remove_middleware(middleware: Middleware) -> None:
    """Take back what `use_middleware` did."""
    _everywhere.remove(middleware)


def middleware_of(definition: _HasMiddleware) -> tuple[Middleware, ...]:
    """Return all that surrounds an activity, outermost first."""
    own: tuple[Middleware, ...] = definition.settings.middleware
    return (*_everywhere, *own) if _everywhere else own
