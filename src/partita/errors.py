"""Define every exception that Partita raises, as one tree with a stable code for each class.

    PartitaError
    ├── UsageError                     the call is wrong; repeating it cannot help      exit 2
    │   ├── InvalidInputError          a value does not fit the type it is meant for
    │   ├── InvalidOptionError         an option has an invalid value
    │   │   └── InvalidFilterError     a filter of executions cannot be read
    │   ├── SerializationError         a value has no JSON form
    │   │   └── PayloadTooDeepError    a value is nested too deeply
    │   ├── UnsupportedHintError       a hint names a type whose values cannot be stored
    │   ├── PayloadTooLargeError       a value's JSON form is over the limit
    │   ├── NotAwaitedError            a coroutine was made and never awaited
    │   ├── UnknownTypeError           no such workflow or activity here
    │   ├── DuplicateTypeError         two functions have the same name and version
    │   ├── LoadError                  a user's file cannot be imported
    │   ├── UnreadableSourceError      a path has no Python source that can be read
    │   ├── InvalidDefinitionError     a state machine's definition is not one
    │   ├── ComposerError              a composition of OpenWhisk actions is not one
    │   ├── BundleError                a bundle for AWS Lambda cannot be made
    │   ├── UnknownForkPointError      no such event to fork an execution at
    │   ├── UnsupportedError           this backend cannot do it
    │   └── InvalidTokenError          not a task token of this service
    ├── WorkflowError                  raised in a workflow, or about one               exit 1
    │   ├── NonDeterminismError        the code no longer fits its history
    │   ├── DecisionTaskFailedError    the code must be corrected before the execution continues
    │   ├── DeciderFailedError         a decider written by hand raised
    │   ├── ActivityFailedError        an activity failed with a type unknown here
    │   │   └── WorkerLostError        the processes that ran an activity died
    │   ├── ActivityTimedOutError      an activity exceeded one of its timeouts
    │   ├── ActivityAbortedError       an activity could not be scheduled at all
    │   ├── ProgramFailedError         a program ended with an error, or could not be started
    │   ├── ProgramTimedOutError       a program exceeded its timeout
    │   ├── TaskFailedError            the task of a state machine's state failed
    │   ├── MachineFailedError         a state machine failed
    │   ├── CompositionFailedError     a composition ended with an error object
    │   ├── CancelledError             the awaited operation was cancelled
    │   ├── WaitTimeoutError           a wait exceeded its own timeout                  exit 4
    │   ├── DeadlockError              a wait that nothing can end
    │   ├── UpdateFailedError          the code that answers an update raised
    │   └── ExecutionClosedError       the execution ended without a result
    │       ├── WorkflowFailedError     it raised
    │       ├── WorkflowCanceledError   it was cancelled
    │       ├── WorkflowTerminatedError it was ended from outside
    │       └── WorkflowTimedOutError   it exceeded its timeout
    └── ServiceError                   the orchestrator refused, or is unreachable      exit 5
        ├── ExecutionNotFoundError     no such execution                                exit 3
        ├── ExecutionAlreadyStartedError   that workflow id is taken
        ├── NoWorkerError              no worker can answer a query                     exit 69
        ├── QueryFailedError           the code that answers a query raised             exit 1
        ├── DecisionRefusedError       a decision that the execution's state does not allow
        ├── TaskLostError              the task is no longer this worker's
        ├── OperationRefusedError      no permission, a limit, or a deprecated type
        ├── NotDeployedError           AWS refused a part of a deployment
        ├── OpenWhiskError             OpenWhisk refused a request
        │   └── DeploymentError        a composition was not deployed, or not whole
        └── StoreError                                                                  exit 69
            ├── ConflictError          others kept changing the same executions
            ├── StoreUnavailableError  cannot be opened or reached
            ├── StoreInUseError        others use it, and this needs it alone
            ├── StoreFullError         no room on the disk
            ├── StoreCorruptError      the file is damaged, or not ours
            └── SchemaTooNewError      written by a newer Partita

The class tells who must act; `code` is for programs, the message (one line) for people,
`exit_status` for the command line. Nothing here formats or prints.
"""

from __future__ import annotations

import concurrent.futures
from typing import Any, ClassVar


class PartitaError(Exception):
    """The base of all exceptions of Partita."""

    code: ClassVar[str] = "ERROR"
    exit_status: ClassVar[int] = 1


class UsageError(PartitaError):
    """The call itself is wrong; repeating it cannot help."""

    code = "USAGE"
    exit_status = 2


class InvalidInputError(UsageError):
    """A value does not fit the type that it is meant for."""

    code = "INVALID_INPUT"


class InvalidOptionError(UsageError):
    """An option has an invalid value."""

    code = "INVALID_OPTION"


class InvalidFilterError(InvalidOptionError):
    """A filter of executions cannot be read; `pointed` shows where."""

    code = "INVALID_FILTER"

    def __init__(self, message: str, text: str = "", start: int = 0, end: int = 0) -> None:
        super().__init__(message)
        self.text = text
        self.start = start
        self.end = end

    def pointed(self) -> str:
        """Return the filter in one line, and a line with carets under what cannot be read."""
        shown = "".join(char if char.isprintable() else " " for char in self.text)
        return f"{shown}\n{' ' * self.start}{'^' * max(1, self.end - self.start)}"


class SerializationError(UsageError):
    """A value has no JSON form."""

    code = "NOT_SERIALIZABLE"


class PayloadTooDeepError(SerializationError):
    """A value, or a payload, is nested more deeply than the limit, or contains itself."""

    code = "PAYLOAD_TOO_DEEP"


class UnsupportedHintError(UsageError):
    """A hint names a type whose values cannot be stored, or a name that is not defined."""

    code = "UNSUPPORTED_HINT"

    def __init__(self, hint: str, reason: str, where: str = "") -> None:
        at = f"{where}: " if where else ""
        super().__init__(f"{at}the hint {hint} {reason}")
        self.hint = hint  # as it is written
        self.reason = reason
        self.where = where  # the function and the parameter, or the class and the field

    def inside(self, where: str) -> UnsupportedHintError:
        """Return the error with a place around the one that it names."""
        return UnsupportedHintError(
            self.hint, self.reason, f"{where}: {self.where}" if self.where else where
        )


class PayloadTooLargeError(UsageError):
    """The JSON form of a value is larger than the limit."""

    code = "PAYLOAD_TOO_LARGE"


class NotAwaitedError(UsageError):
    """A coroutine was made and never awaited, so that its code did not run."""

    code = "NOT_AWAITED"


class UnknownTypeError(UsageError):
    """A workflow or activity is not known here; the message lists those that are."""

    code = "UNKNOWN_TYPE"


class DuplicateTypeError(UsageError):
    """Two functions are defined with the same name and version."""

    code = "DUPLICATE_TYPE"


class LoadError(UsageError):
    """A user's file or module cannot be imported."""

    code = "LOAD_FAILED"


class UnreadableSourceError(UsageError):
    """A path holds no readable Python source."""

    code = "UNREADABLE_SOURCE"


class InvalidDefinitionError(UsageError):
    """A state machine's definition does not follow Amazon States Language.

    `location` is a path into the definition, such as /States/Pay/Next.
    """

    code = "INVALID_DEFINITION"

    def __init__(self, problem: str, location: str = "") -> None:
        super().__init__(f"{location}: {problem}" if location else problem)
        self.problem = problem
        self.location = location

    def __reduce__(self) -> tuple[Any, ...]:
        """Return the arguments from which it can be rebuilt in another process."""
        return type(self), (self.problem, self.location)


class BundleError(UsageError):
    """A bundle of activities for AWS Lambda cannot be made, or does not work."""

    code = "BUNDLE"


class ComposerError(UsageError):
    """A combinator was called with what it does not take, or JSON is no composition.

    `message` has the words of Apache's Composer, `argument` what was given.
    """

    code = "INVALID_COMPOSITION"

    def __init__(self, message: str, *argument: object) -> None:
        shown = f"; argument value: {argument[0]!r}" if argument else ""
        super().__init__(f"{message}{shown}")
        self.message = message
        self.argument = argument[0] if argument else None


class UnknownForkPointError(UsageError):
    """An execution has no such event or activity to fork at."""

    code = "UNKNOWN_FORK_POINT"


class UnsupportedError(UsageError):
    """This backend cannot do it; the message names an alternative."""

    code = "UNSUPPORTED"


class InvalidTokenError(UsageError):
    """A task token was not made by this service."""

    code = "INVALID_TOKEN"


class WorkflowError(PartitaError):
    """The base of errors that are raised in a workflow, or about one."""

    code = "WORKFLOW"


class NonDeterminismError(WorkflowError):
    """The replayed code asks for something that its history does not record.

    Retrying cannot help: run the code that wrote the history, or mark the change with `patched`.
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
    """The workflow's code failed its decision task; the execution waits for corrected code.

    Its `code` is that of the cause.
    """

    code = "DECISION_TASK_FAILED"

    def __init__(self, cause: PartitaError, advice: str) -> None:
        super().__init__(f"{cause}; {advice}")
        self.code = cause.code  # type: ignore[misc]


class DeciderFailedError(WorkflowError):
    """A decider written by hand raised; the execution continues with a corrected one."""

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

    The activity itself may have killed them, by a crash in native code or by using too much memory.
    """

    code = "WORKER_LOST"

    def __init__(self, message: str) -> None:
        super().__init__(type(self).__name__, message)

    def __str__(self) -> str:
        return self.message

    def __reduce__(self) -> tuple[Any, ...]:
        """Return the arguments from which it can be rebuilt in another process."""
        return type(self), (self.message,)


class ActivityTimedOutError(WorkflowError, TimeoutError):
    """An activity exceeded one of its timeouts, and its retries are used up."""

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
        self.stderr = stderr  # the end of its stderr, or why it was not started

    def __reduce__(self) -> tuple[Any, ...]:
        """Return the arguments from which it can be rebuilt in another process."""
        return type(self), (self.command, self.status, self.stderr)


class ProgramTimedOutError(WorkflowError, TimeoutError):
    """A program ran for longer than its `timeout`, and was ended."""

    code = "PROGRAM_TIMED_OUT"

    def __init__(self, command: list[str], timeout: float, stderr: str = "") -> None:
        message = f"{_program(command)} was ended after its timeout of {timeout:g} s"
        super().__init__(message + _last_line(stderr))
        self.command = command  # the program and its arguments; a very long one is cut short
        self.timeout = timeout  # seconds
        self.stderr = stderr  # the end of its stderr

    def __reduce__(self) -> tuple[Any, ...]:
        """Return the arguments from which it can be rebuilt in another process."""
        return type(self), (self.command, self.timeout, self.stderr)


class _ErrorAndCause(Exception):  # noqa: N818  # a part of two errors
    """A failure with an error name and a cause, as Amazon States Language has them."""

    def __init__(self, error: str | None, cause: str | None = None) -> None:
        super().__init__(": ".join(part for part in (error, cause) if part) or "no error given")
        self.error = error  # such as States.Timeout
        self.cause = cause

    def __reduce__(self) -> tuple[Any, ...]:
        """Return the arguments from which it can be rebuilt in another process."""
        return type(self), (self.error, self.cause)


class TaskFailedError(_ErrorAndCause, WorkflowError):
    """The task of a state failed; a handler raises it to choose the error's name."""

    code = "TASK_FAILED"


class MachineFailedError(_ErrorAndCause, WorkflowError):
    """A state machine ended in a failure that no state has caught."""

    code = "MACHINE_FAILED"


class CompositionFailedError(WorkflowError):
    """A composition of OpenWhisk actions ended with an error object; `error` is its field."""

    code = "COMPOSITION_FAILED"

    def __init__(self, error: Any) -> None:
        super().__init__(error if isinstance(error, str) else f"the composition failed: {error!r}")
        self.error = error

    def __reduce__(self) -> tuple[Any, ...]:
        """Return the arguments from which it can be rebuilt in another process."""
        return type(self), (self.error,)


def _program(command: list[str]) -> str:
    return " ".join(command[0].split()) if command else "a program"


def _ending(status: int | None) -> str:
    if status is None:
        return "cannot be started"
    if status >= 0:
        return f"ended with status {status}"
    import signal  # rarely needed, and slow to import

    try:
        return f"was ended by {signal.Signals(-status).name}"
    except ValueError:  # a real-time one
        return f"was ended by signal {-status}"


def _last_line(stderr: str) -> str:
    """Return the last line that is not blank, after a colon."""
    lines = stderr.split("\n")
    said = next((line for line in reversed(lines) if line.strip()), "")
    return f": {' '.join(said.split())[:_SHOWN_CHARACTERS]}" if said else ""


_SHOWN_CHARACTERS = 300
"""Characters of a program's last line that a message repeats."""


class CancelledError(WorkflowError, concurrent.futures.CancelledError):
    """The awaited operation, or the workflow, was cancelled."""

    code = "CANCELLED"


class WaitTimeoutError(WorkflowError, TimeoutError):
    """A wait exceeded its own timeout; the awaited operation continues."""

    code = "WAIT_TIMED_OUT"
    exit_status = 4


class DeadlockError(WorkflowError):
    """A workflow waits for something that cannot happen, such as two parts for each other."""

    code = "DEADLOCK"


class UpdateFailedError(WorkflowError):
    """The code that answers an update raised; `__cause__` is its exception."""

    code = "UPDATE_FAILED"

    def __init__(self, type: str, message: str, traceback: str = "") -> None:
        super().__init__(f"{type}: {message}" if message else type)
        self.type = type
        self.message = message
        self.traceback = traceback


class ExecutionClosedError(WorkflowError):
    """The execution ended without a result."""

    code = "EXECUTION_CLOSED"


class WorkflowFailedError(ExecutionClosedError):
    """The workflow raised; `__cause__` is its exception where that can be rebuilt."""

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
    """The execution exceeded its `execution_start_to_close`."""

    code = "WORKFLOW_TIMED_OUT"


class ServiceError(PartitaError):
    """The base of errors that an orchestrator answers with."""

    code = "SERVICE"
    exit_status = 5


class ExecutionNotFoundError(ServiceError):
    """There is no such execution, or no open one where one is required."""

    code = "EXECUTION_NOT_FOUND"
    exit_status = 3


def closed_error(workflow_id: str, run_id: str, status: str) -> ExecutionNotFoundError:
    """Return the error of a command that needs an open execution, where there is a closed one."""
    name = f"execution {workflow_id} (run {run_id})"
    error = ExecutionNotFoundError(f"{name} is closed: it ended as {status}")
    error.code = ExecutionClosedError.code  # type: ignore[misc]  # it is there
    return error


class ExecutionAlreadyStartedError(ServiceError):
    """The workflow id is taken, and the reuse policy does not allow another run."""

    code = "EXECUTION_ALREADY_STARTED"


class NoWorkerError(ServiceError):
    """No running worker that has the workflow's code answered the query."""

    code = "NO_WORKER"
    exit_status = 69


class QueryFailedError(ServiceError):
    """The code that answers a query raised; the execution is not affected."""

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
    """The orchestrator refused: no permission, a limit, or a deprecated type."""

    code = "OPERATION_REFUSED"


class NotDeployedError(ServiceError):
    """AWS refused a part of a deployment; the message says what exists now."""

    code = "NOT_DEPLOYED"


class OpenWhiskError(ServiceError):
    """OpenWhisk refused a request, or cannot be reached; `error` is the body of its answer."""

    code = "OPENWHISK_REFUSED"

    def __init__(self, message: str, status_code: int | None = None, error: Any = None) -> None:
        super().__init__(message)
        self.status_code = status_code  # of HTTP; None: there was no answer
        self.error = error


class DeploymentError(OpenWhiskError):
    """Not all actions of a composition were deployed; the message says which were created."""

    code = "DEPLOYMENT_FAILED"


class StoreError(ServiceError):
    """The base of errors of databases."""

    code = "STORE"
    exit_status = 69


class ConflictError(StoreError):
    """Others changed what a transaction has read; nothing was changed, so repeating is safe.

    The engine repeats by itself; this error means that others kept changing the same execution.
    """

    code = "CONFLICT"


class StoreUnavailableError(StoreError):
    """The database cannot be opened or reached; nothing was changed, so repeating is safe.

    There is one exception, which the message names: the connection was lost during the commit.
    Then the request may or may not have been carried out; check before you repeat one that
    must not happen twice. Starts and results may always be repeated.
    """

    code = "STORE_UNAVAILABLE"


class StoreInUseError(StoreError):
    """Others use the database; stop them first. Nothing was changed."""

    code = "STORE_IN_USE"


class StoreFullError(StoreError):
    """The disk is full; nothing was changed, so repeat once there is room."""

    code = "STORE_FULL"


class StoreCorruptError(StoreError):
    """The file is damaged, or is not a Partita database."""

    code = "STORE_CORRUPT"


class SchemaTooNewError(StoreError):
    """The database was written by a newer Partita than this one."""

    code = "SCHEMA_TOO_NEW"
