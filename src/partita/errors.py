"""Hold every exception that Partita raises, as one tree with a stable code each.

    PartitaError
    ├── UsageError                     the caller asked for something impossible        exit 2
    │   ├── InvalidInputError          a value does not fit the type it is meant for
    │   ├── InvalidOptionError         an option has a value that cannot be meant
    │   ├── SerializationError         a value has no JSON form
    │   ├── PayloadTooLargeError       a value's JSON form is over the limit
    │   ├── UnknownTypeError           no such workflow or activity here
    │   ├── DuplicateTypeError         two functions claim one name and version
    │   ├── LoadError                  a user's file cannot be imported
    │   ├── UnreadableSourceError      a path has no Python source that can be read
    │   ├── UnknownForkPointError      no such event to fork an execution at
    │   ├── UnsupportedError           the backend at hand cannot do it
    │   └── InvalidTokenError          a task token that this service never gave out
    ├── WorkflowError                  met inside, or about, a workflow                 exit 1
    │   ├── NonDeterminismError        the code no longer fits its history
    │   ├── DecisionTaskFailedError    the code must be mended before the execution can go on
    │   ├── DeciderFailedError         a decider written by hand raised
    │   ├── ActivityFailedError        an activity failed with a type unknown here
    │   │   └── WorkerLostError        the processes that ran an activity died
    │   ├── ActivityTimedOutError      an activity ran into one of its timeouts
    │   ├── ActivityAbortedError       an activity could not be scheduled at all
    │   ├── ProgramFailedError         a program ended badly, or could not be started
    │   ├── ProgramTimedOutError       a program ran for longer than it may
    │   ├── CancelledError             what was waited for is cancelled
    │   ├── WaitTimeoutError           a wait ran into its own timeout                  exit 4
    │   ├── DeadlockError              a wait that nothing can ever end
    │   ├── UpdateFailedError          the code that was to answer an update raised
    │   └── ExecutionClosedError       the execution ended without a result
    │       ├── WorkflowFailedError     it raised
    │       ├── WorkflowCanceledError   it gave in to a cancel request
    │       ├── WorkflowTerminatedError it was ended from outside
    │       └── WorkflowTimedOutError   it outlived its timeout
    └── ServiceError                   the orchestrator refused, or is out of reach     exit 5
        ├── ExecutionNotFoundError     no such execution                                exit 3
        ├── ExecutionAlreadyStartedError   that workflow id is taken
        ├── NoWorkerError              nobody is there to answer a query                exit 69
        ├── QueryFailedError           the code that was to answer a query raised       exit 1
        ├── DecisionRefusedError       a decision that the execution's state does not allow
        ├── TaskLostError              the task is no longer this worker's
        ├── OperationRefusedError      the orchestrator does not let this account, or anyone, do it
        └── StoreError                                                                  exit 69
            ├── ConflictError          others changed the same executions all the time
            ├── StoreUnavailableError  cannot be opened or reached
            ├── StoreInUseError        others use it, and this cannot be done beside them
            ├── StoreFullError         no room on the disk
            ├── StoreCorruptError      the file is damaged, or not ours
            └── SchemaTooNewError      written by a newer Partita

Classes say whose fault it is; `code` is for programs, the message (one line) for people,
`exit_status` for the command line. Nothing here formats or prints.
"""

from __future__ import annotations

import concurrent.futures
from typing import Any, ClassVar


class PartitaError(Exception):
    """Stand at the root of everything that Partita raises on purpose."""

    code: ClassVar[str] = "ERROR"
    exit_status: ClassVar[int] = 1


class UsageError(PartitaError):
    """Say that the call itself is wrong; repeating it cannot help."""

    code = "USAGE"
    exit_status = 2


class InvalidInputError(UsageError):
    """Say which value does not fit which type."""

    code = "INVALID_INPUT"


class InvalidOptionError(UsageError):
    """Say which option has a value that cannot be meant."""

    code = "INVALID_OPTION"


class SerializationError(UsageError):
    """Say which value has no JSON form."""

    code = "NOT_SERIALIZABLE"


class PayloadTooLargeError(UsageError):
    """Say how large a value's JSON form is, and what the limit is."""

    code = "PAYLOAD_TOO_LARGE"


class UnknownTypeError(UsageError):
    """Say which workflow or activity is not known here, and which are."""

    code = "UNKNOWN_TYPE"


class DuplicateTypeError(UsageError):
    """Say which two functions claim the same name and version."""

    code = "DUPLICATE_TYPE"


class LoadError(UsageError):
    """Say why a user's file or module cannot be imported."""

    code = "LOAD_FAILED"


class UnreadableSourceError(UsageError):
    """Say which path has no Python source that can be read."""

    code = "UNREADABLE_SOURCE"


class UnknownForkPointError(UsageError):
    """Say which event, or activity, an execution does not have."""

    code = "UNKNOWN_FORK_POINT"


class UnsupportedError(UsageError):
    """Say what the backend at hand cannot do, and what does instead."""

    code = "UNSUPPORTED"


class InvalidTokenError(UsageError):
    """Say that a task token was not made by this service."""

    code = "INVALID_TOKEN"


class WorkflowError(PartitaError):
    """Stand above what is met inside, or said about, one workflow."""

    code = "WORKFLOW"


class NonDeterminismError(WorkflowError):
    """The replayed code asks for something that its history does not record.

    Retrying cannot help: run the code that wrote the history, or mend the change.
    """

    code = "NON_DETERMINISM"

    def __init__(
        self, *, location: str, expected: str, found: str, event_id: int = 0, advice: str = ""
    ) -> None:
        at = f" at event {event_id}" if event_id else ""
        advice = advice or (
            "run the code that began this execution, take the change back, or keep both ways "
            "with partita.patched()"
        )
        super().__init__(
            f"{location}: the code asks for {found}, but the history holds {expected}{at}; {advice}"
        )
        self.location = location  # file:line of the user's code
        self.expected = expected  # what the history holds
        self.found = found  # what the code asked for
        self.event_id = event_id  # of what the history holds; 0 if that is nothing


class DecisionTaskFailedError(WorkflowError):
    """The workflow's code broke the decider; the execution is kept and waits for better code.

    Its `code` is that of the error that did it.
    """

    code = "DECISION_TASK_FAILED"

    def __init__(self, cause: PartitaError, advice: str) -> None:
        super().__init__(f"{cause}; {advice}")
        self.code = cause.code  # type: ignore[misc]


class DeciderFailedError(WorkflowError):
    """A decider raised where it should have decided; mend it, and the execution goes on."""

    code = "DECIDER_FAILED"


class ActivityFailedError(WorkflowError):
    """An activity failed with an exception that cannot be rebuilt here."""

    code = "ACTIVITY_FAILED"

    def __init__(self, type: str, message: str, traceback: str = "") -> None:
        super().__init__(f"{type}: {message}" if message else type)
        self.type = type  # the exception's qualified name
        self.message = message
        self.traceback = traceback  # as the worker printed it; may be empty


class WorkerLostError(ActivityFailedError):
    """The processes that ran an activity died, and its attempts are used up.

    The activity may be what kills them, by a crash in native code or by want of memory.
    """

    code = "WORKER_LOST"

    def __init__(self, message: str) -> None:
        super().__init__(type(self).__name__, message)

    def __str__(self) -> str:
        return self.message

    def __reduce__(self) -> tuple[Any, ...]:
        """Say what it is made of, so that it can be made again in another process."""
        return type(self), (self.message,)


class ActivityTimedOutError(WorkflowError, TimeoutError):
    """An activity ran into one of its timeouts, and its retries are used up."""

    code = "ACTIVITY_TIMED_OUT"

    def __init__(self, activity: str, timeout_type: str, details: str | None = None) -> None:
        super().__init__(f"activity {activity} ran out of time ({timeout_type})")
        self.timeout_type = timeout_type
        self.details = details  # JSON of the last heartbeat, if there was one


class ActivityAbortedError(WorkflowError):
    """The orchestrator refused to schedule an activity."""

    code = "ACTIVITY_ABORTED"


class ProgramFailedError(WorkflowError):
    """A program ended with another status than 0, or could not be started."""

    code = "PROGRAM_FAILED"

    def __init__(self, command: list[str], status: int | None, stderr: str) -> None:
        super().__init__(f"{_program(command)} {_ending(status)}{_last_line(stderr)}")
        self.command = command  # the program and its arguments; a very long one is cut short
        self.status = status  # negative: the signal that ended it; None: it was not started
        self.stderr = stderr  # the end of what it said there, or why it was not started

    def __reduce__(self) -> tuple[Any, ...]:
        """Say what it is made of, so that it can be made again in another process."""
        return type(self), (self.command, self.status, self.stderr)


class ProgramTimedOutError(WorkflowError, TimeoutError):
    """A program ran for longer than its `timeout`, and was ended."""

    code = "PROGRAM_TIMED_OUT"

    def __init__(self, command: list[str], timeout: float, stderr: str = "") -> None:
        message = f"{_program(command)} was ended after its timeout of {timeout:g} s"
        super().__init__(message + _last_line(stderr))
        self.command = command  # the program and its arguments; a very long one is cut short
        self.timeout = timeout  # seconds
        self.stderr = stderr  # the end of what it said there

    def __reduce__(self) -> tuple[Any, ...]:
        """Say what it is made of, so that it can be made again in another process."""
        return type(self), (self.command, self.timeout, self.stderr)


def _program(command: list[str]) -> str:
    return " ".join(command[0].split()) if command else "a program"


def _ending(status: int | None) -> str:
    if status is None:
        return "cannot be started"
    if status >= 0:
        return f"ended with status {status}"
    import signal  # which most programs need not pay at `import partita`

    try:
        return f"was ended by {signal.Signals(-status).name}"
    except ValueError:  # a real-time one
        return f"was ended by signal {-status}"


def _last_line(stderr: str) -> str:
    """Return the last line that says something, with a colon before it."""
    lines = stderr.split("\n")
    said = next((line for line in reversed(lines) if line.strip()), "")
    return f": {' '.join(said.split())[:_SHOWN]}" if said else ""


_SHOWN = 300
"""Characters of a program's last line that a message repeats."""


class CancelledError(WorkflowError, concurrent.futures.CancelledError):
    """What was waited for has been cancelled."""

    code = "CANCELLED"


class WaitTimeoutError(WorkflowError, TimeoutError):
    """A wait ran into the timeout that its caller gave; what was waited for goes on."""

    code = "WAIT_TIMED_OUT"
    exit_status = 4


class DeadlockError(WorkflowError):
    """A workflow waits for what nothing can bring about, such as two parts for each other."""

    code = "DEADLOCK"


class UpdateFailedError(WorkflowError):
    """The code that was to answer an update raised; the cause is the exception itself."""

    code = "UPDATE_FAILED"

    def __init__(self, type: str, message: str, traceback: str = "") -> None:
        super().__init__(f"{type}: {message}" if message else type)
        self.type = type
        self.message = message
        self.traceback = traceback


class ExecutionClosedError(WorkflowError):
    """The execution ended, and not with a result."""

    code = "EXECUTION_CLOSED"


class WorkflowFailedError(ExecutionClosedError):
    """The workflow raised; the cause is the exception itself where it can be rebuilt."""

    code = "WORKFLOW_FAILED"

    def __init__(self, type: str, message: str, traceback: str = "") -> None:
        super().__init__(f"{type}: {message}" if message else type)
        self.type = type
        self.message = message
        self.traceback = traceback


class WorkflowCanceledError(ExecutionClosedError):
    """The execution was canceled."""

    code = "WORKFLOW_CANCELED"


class WorkflowTerminatedError(ExecutionClosedError):
    """The execution was terminated."""

    code = "WORKFLOW_TERMINATED"


class WorkflowTimedOutError(ExecutionClosedError):
    """The execution outlived its `execution_start_to_close`."""

    code = "WORKFLOW_TIMED_OUT"


class ServiceError(PartitaError):
    """Stand above what an orchestrator answers instead of a result."""

    code = "SERVICE"
    exit_status = 5


class ExecutionNotFoundError(ServiceError):
    """There is no such execution, or none that is open where one must be."""

    code = "EXECUTION_NOT_FOUND"
    exit_status = 3


class ExecutionAlreadyStartedError(ServiceError):
    """The workflow id is taken, and the reuse policy does not let it be used again."""

    code = "EXECUTION_ALREADY_STARTED"


class NoWorkerError(ServiceError):
    """No worker that has the workflow's code is alive to answer a query."""

    code = "NO_WORKER"
    exit_status = 69


class QueryFailedError(ServiceError):
    """The code that was to answer a query raised; the execution is unharmed."""

    code = "QUERY_FAILED"
    exit_status = 1


class DecisionRefusedError(ServiceError):
    """A list of decisions contradicts itself; none of it was applied."""

    code = "DECISION_REFUSED"


class TaskLostError(ServiceError):
    """The task was given to another worker, timed out, or its execution is closed.

    Drop the result: it will not be used, and another attempt may already run.
    """

    code = "TASK_LOST"


class OperationRefusedError(ServiceError):
    """The orchestrator does not do it: no permission, a limit, or something is deprecated."""

    code = "OPERATION_REFUSED"


class StoreError(ServiceError):
    """Stand above what a database does to us."""

    code = "STORE"
    exit_status = 69


class ConflictError(StoreError):
    """Others changed what a transaction rests on; nothing was changed, so repeating is safe.

    The engine repeats by itself; who meets this had very many others at the same execution.
    """

    code = "CONFLICT"


class StoreUnavailableError(StoreError):
    """The database cannot be opened or reached; nothing was changed, so repeating is safe.

    One case is different, and its message says so: the connection was lost while the database
    committed. What was asked for may or may not have been done then; look before you repeat
    what must not happen twice. Starts and results may always be repeated.
    """

    code = "STORE_UNAVAILABLE"


class StoreInUseError(StoreError):
    """Others use the database; stop them first. Nothing was changed."""

    code = "STORE_IN_USE"


class StoreFullError(StoreError):
    """The disk is full; nothing was changed, so go on once there is room."""

    code = "STORE_FULL"


class StoreCorruptError(StoreError):
    """The file is damaged, or is not a Partita database."""

    code = "STORE_CORRUPT"


class SchemaTooNewError(StoreError):
    """The database was written by a newer Partita than this one."""

    code = "SCHEMA_TOO_NEW"
