"""Codes are for programs: they are stable, and no two errors share one."""

from __future__ import annotations

import concurrent.futures
import re

from partita import errors
from partita.errors import PartitaError

STATUS = {
    "PartitaError": ("ERROR", 1),
    "UsageError": ("USAGE", 2),
    "WorkflowError": ("WORKFLOW", 1),
    "UpdateFailedError": ("UPDATE_FAILED", 1),
    "DeadlockError": ("DEADLOCK", 1),
    "ExecutionClosedError": ("EXECUTION_CLOSED", 1),
    "ServiceError": ("SERVICE", 5),
    "StoreError": ("STORE", 69),
    "InvalidInputError": ("INVALID_INPUT", 2),
    "InvalidOptionError": ("INVALID_OPTION", 2),
    "InvalidFilterError": ("INVALID_FILTER", 2),
    "SerializationError": ("NOT_SERIALIZABLE", 2),
    "NotAwaitedError": ("NOT_AWAITED", 2),
    "PayloadTooDeepError": ("PAYLOAD_TOO_DEEP", 2),
    "UnsupportedHintError": ("UNSUPPORTED_HINT", 2),
    "PayloadTooLargeError": ("PAYLOAD_TOO_LARGE", 2),
    "UnknownTypeError": ("UNKNOWN_TYPE", 2),
    "DuplicateTypeError": ("DUPLICATE_TYPE", 2),
    "LoadError": ("LOAD_FAILED", 2),
    "UnreadableSourceError": ("UNREADABLE_SOURCE", 2),
    "InvalidDefinitionError": ("INVALID_DEFINITION", 2),
    "TaskFailedError": ("TASK_FAILED", 1),
    "MachineFailedError": ("MACHINE_FAILED", 1),
    "ComposerError": ("INVALID_COMPOSITION", 2),
    "BundleError": ("BUNDLE", 2),
    "NotDeployedError": ("NOT_DEPLOYED", 5),
    "OpenWhiskError": ("OPENWHISK_REFUSED", 5),
    "DeploymentError": ("DEPLOYMENT_FAILED", 5),
    "CompositionFailedError": ("COMPOSITION_FAILED", 1),
    "UnknownForkPointError": ("UNKNOWN_FORK_POINT", 2),
    "UnsupportedError": ("UNSUPPORTED", 2),
    "OperationRefusedError": ("OPERATION_REFUSED", 5),
    "NoWorkerError": ("NO_WORKER", 69),
    "QueryFailedError": ("QUERY_FAILED", 1),
    "InvalidTokenError": ("INVALID_TOKEN", 2),
    "NonDeterminismError": ("NON_DETERMINISM", 1),
    "DeciderFailedError": ("DECIDER_FAILED", 1),
    "DecisionTaskFailedError": ("DECISION_TASK_FAILED", 1),
    "ActivityFailedError": ("ACTIVITY_FAILED", 1),
    "WorkerLostError": ("WORKER_LOST", 1),
    "ActivityTimedOutError": ("ACTIVITY_TIMED_OUT", 1),
    "ActivityAbortedError": ("ACTIVITY_ABORTED", 1),
    "ProgramFailedError": ("PROGRAM_FAILED", 1),
    "ProgramTimedOutError": ("PROGRAM_TIMED_OUT", 1),
    "CancelledError": ("CANCELLED", 1),
    "WaitTimeoutError": ("WAIT_TIMED_OUT", 4),
    "WorkflowFailedError": ("WORKFLOW_FAILED", 1),
    "WorkflowCanceledError": ("WORKFLOW_CANCELED", 1),
    "WorkflowTerminatedError": ("WORKFLOW_TERMINATED", 1),
    "WorkflowTimedOutError": ("WORKFLOW_TIMED_OUT", 1),
    "ExecutionNotFoundError": ("EXECUTION_NOT_FOUND", 3),
    "ExecutionAlreadyStartedError": ("EXECUTION_ALREADY_STARTED", 5),
    "DecisionRefusedError": ("DECISION_REFUSED", 5),
    "TaskLostError": ("TASK_LOST", 5),
    "ConflictError": ("CONFLICT", 69),
    "StoreUnavailableError": ("STORE_UNAVAILABLE", 69),
    "StoreInUseError": ("STORE_IN_USE", 69),
    "StoreFullError": ("STORE_FULL", 69),
    "StoreCorruptError": ("STORE_CORRUPT", 69),
    "SchemaTooNewError": ("SCHEMA_TOO_NEW", 69),
}


def every(kind: type[PartitaError]) -> list[type[PartitaError]]:
    return [kind, *(found for child in kind.__subclasses__() for found in every(child))]


def defined() -> dict[str, type[PartitaError]]:
    return {
        kind.__name__: kind for kind in every(PartitaError) if kind.__module__ == errors.__name__
    }


def test_codes_and_exit_statuses_are_stable() -> None:
    assert {name: (kind.code, kind.exit_status) for name, kind in defined().items()} == STATUS


def test_no_two_errors_share_a_code() -> None:
    codes = [kind.code for kind in defined().values()]
    assert len(codes) == len(set(codes))


def drawn() -> dict[str, str | None]:
    """Return each class of the drawing with its parent there, by the columns."""
    above: list[tuple[int, str]] = []
    parents: dict[str, str | None] = {}
    for found in re.finditer(r"^[ │├└─]*?(\w+Error)\b", errors.__doc__ or "", re.MULTILINE):
        column = found.start(1) - found.start()
        above = [entry for entry in above if entry[0] < column]
        parents[found[1]] = above[-1][1] if above else None
        above.append((column, found[1]))
    return parents


def test_the_tree_in_the_docstring_is_the_tree() -> None:
    def parent(kind: type[PartitaError]) -> str | None:
        return next((base.__name__ for base in kind.__bases__ if base.__name__ in STATUS), None)

    assert drawn() == {name: parent(kind) for name, kind in defined().items()}


def test_an_error_carries_its_data_and_says_it_in_one_line() -> None:
    error = errors.NonDeterminismError(location="f.py:3", expected="timer 1", found="activity a")
    assert (error.location, error.expected, error.found) == ("f.py:3", "timer 1", "activity a")
    assert str(error).startswith("f.py:3: the code asks for activity a, but the history holds")
    broken = errors.DecisionTaskFailedError(error, "mend it")
    assert broken.code == "NON_DETERMINISM"
    assert errors.DecisionTaskFailedError.code == "DECISION_TASK_FAILED"
    assert str(errors.ActivityFailedError("E", "")) == "E"
    assert str(errors.WorkflowFailedError("E", "m", "tb")) == "E: m"


def test_errors_are_also_what_python_calls_them() -> None:
    assert issubclass(errors.WaitTimeoutError, TimeoutError)
    assert issubclass(errors.ActivityTimedOutError, TimeoutError)
    assert issubclass(errors.CancelledError, concurrent.futures.CancelledError)
