"""Codes are for programs: they are stable, and no two errors share one."""

from __future__ import annotations

import re

from partita import errors
from partita.errors import PartitaError

STATUS = {
    "InvalidInputError": ("INVALID_INPUT", 2),
    "InvalidOptionError": ("INVALID_OPTION", 2),
    "SerializationError": ("NOT_SERIALIZABLE", 2),
    "PayloadTooLargeError": ("PAYLOAD_TOO_LARGE", 2),
    "UnknownTypeError": ("UNKNOWN_TYPE", 2),
    "DuplicateTypeError": ("DUPLICATE_TYPE", 2),
    "LoadError": ("LOAD_FAILED", 2),
    "InvalidTokenError": ("INVALID_TOKEN", 2),
    "NonDeterminismError": ("NON_DETERMINISM", 1),
    "DecisionTaskFailedError": ("DECISION_TASK_FAILED", 1),
    "ActivityFailedError": ("ACTIVITY_FAILED", 1),
    "ActivityTimedOutError": ("ACTIVITY_TIMED_OUT", 1),
    "ActivityAbortedError": ("ACTIVITY_ABORTED", 1),
    "CancelledError": ("CANCELLED", 1),
    "WaitTimeoutError": ("WAIT_TIMED_OUT", 4),
    "WorkflowFailedError": ("WORKFLOW_FAILED", 1),
    "WorkflowCanceledError": ("WORKFLOW_CANCELED", 1),
    "WorkflowTerminatedError": ("WORKFLOW_TERMINATED", 1),
    "WorkflowTimedOutError": ("WORKFLOW_TIMED_OUT", 1),
    "ExecutionNotFoundError": ("EXECUTION_NOT_FOUND", 3),
    "ExecutionAlreadyStartedError": ("EXECUTION_ALREADY_STARTED", 1),
    "DecisionRefusedError": ("DECISION_REFUSED", 1),
    "TaskLostError": ("TASK_LOST", 1),
    "StoreUnavailableError": ("STORE_UNAVAILABLE", 69),
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
    leaves = {
        name: (kind.code, kind.exit_status)
        for name, kind in defined().items()
        if not any(child in defined().values() for child in kind.__subclasses__())
    }
    assert leaves == STATUS


def test_no_two_errors_share_a_code() -> None:
    codes = [kind.code for kind in defined().values()]
    assert len(codes) == len(set(codes))


def test_the_tree_in_the_docstring_is_the_tree() -> None:
    drawn = set(re.findall(r"\b\w+Error\b", errors.__doc__ or ""))
    assert drawn == set(defined())


def test_errors_are_also_what_python_calls_them() -> None:
    import concurrent.futures

    assert issubclass(errors.WaitTimeoutError, TimeoutError)
    assert issubclass(errors.ActivityTimedOutError, TimeoutError)
    assert issubclass(errors.CancelledError, concurrent.futures.CancelledError)
