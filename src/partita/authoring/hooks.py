"""Hooks into a workflow's life, and the verdicts that its failure hook may return."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgspec import Struct

from partita.errors import CancelledError


class Verdict(Struct, frozen=True):
    """What becomes of a task that failed."""


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
    """Functions to call in the course of a workflow's life.

    `before_replay` and `after_replay` are called around each decision task (once around the
    whole in plain Python) and must decide nothing. `on_task_failure` must depend on its argument
    alone, and wait for nothing. `on_completed` and `on_failure` are part of the workflow: they
    may call activities, and are replayed with it.
    """

    before_replay: Callable[[], object] | None = None
    after_replay: Callable[[], object] | None = None
    on_completed: Callable[[Any], object] | None = None
    on_failure: Callable[[BaseException], object] | None = None
    on_task_failure: Callable[[TaskFailure], Verdict | None] | None = None

    def judge(
        self,
        label: str,
        key: str,
        error: BaseException,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        attempt: int,
    ) -> Verdict | None:
        """Return the verdict of `on_task_failure`; None without one, and for cancelled tasks."""
        if self.on_task_failure is None or isinstance(error, CancelledError):
            return None
        name = label.split(" ", 1)[1]
        return self.on_task_failure(
            TaskFailure(name=name, key=key, error=error, args=args, kwargs=kwargs, attempt=attempt)
        )


NO_HOOKS = Hooks()
