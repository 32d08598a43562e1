"""Represent what a service, an endpoint or an object store refuses."""

from __future__ import annotations

RUNTIME = "States.Runtime"
TASK_FAILED = "States.TaskFailed"


class ServiceFailure(Exception):  # noqa: N818  # it is an outcome that a state machine may catch
    """A call failed; `error` is the name that a state machine catches it by, `cause` its text."""

    def __init__(self, error: str, cause: str) -> None:
        super().__init__(error, cause)
        self.error = error
        self.cause = cause


class ObjectFailure(Exception):  # noqa: N818  # whoever reads or writes gives it its error name
    """An object of S3, or a file that stands for one, cannot be read or written."""
