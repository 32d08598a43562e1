"""Represent the failures of states, by the names and texts that AWS gives them."""

from __future__ import annotations

from partita.codec.nesting import NESTING_LIMIT

RUNTIME = "States.Runtime"
ALL = "States.ALL"
TASK_FAILED = "States.TaskFailed"
TIMEOUT = "States.Timeout"
HEARTBEAT_TIMEOUT = "States.HeartbeatTimeout"
DATA_LIMIT_EXCEEDED = "States.DataLimitExceeded"
QUERY_EVALUATION = "States.QueryEvaluationError"
INTRINSIC_FAILURE = "States.IntrinsicFailure"
RESULT_PATH_MATCH_FAILURE = "States.ResultPathMatchFailure"
TOLERANCE_EXCEEDED = "States.ExceedToleratedFailureThreshold"
ITEM_READER_FAILED = "States.ItemReaderFailed"


class StateFailure(Exception):  # noqa: N818  # it is an outcome that a machine may catch
    """A state failed; the machine may retry or catch that."""

    def __init__(
        self, error: str | None, cause: str | None = None, *, also: tuple[str, ...] = ()
    ) -> None:
        super().__init__(error, cause)
        self.error = error
        self.cause = cause
        self.also = also  # further names by which it can be caught

    @property
    def is_fatal(self) -> bool:
        """Whether nothing can catch it: it fails the whole execution."""
        return self.error == RUNTIME

    @property
    def output(self) -> dict[str, str | None]:
        """The error output that a catcher receives."""
        return {"Error": self.error or "", "Cause": self.cause or ""}


class EvaluationFault(StateFailure):
    """A field of a state could not be evaluated; the cause lacks the state's name so far."""

    def __init__(self, cause: str, error: str = RUNTIME, *, location: str | None = None) -> None:
        super().__init__(error, cause)
        self.location = location  # the field, such as Output/total; None: it is not recorded


def too_large(what: str) -> StateFailure:
    """Return the failure of a payload over the limit of 256 KiB."""
    return StateFailure(
        DATA_LIMIT_EXCEEDED,
        f"The state/task '{what}' returned a result with a size exceeding the maximum number of "
        "bytes service limit.",
    )


def too_deep(what: str) -> StateFailure:
    """Return the failure of a payload that is nested too deeply to be recorded."""
    return StateFailure(
        DATA_LIMIT_EXCEEDED,
        f"The state/task '{what}' returned a result nested more than {NESTING_LIMIT} levels deep.",
    )
