"""Step Functions' own faults, and which of our errors become which of them.

Source: AWS Step Functions API Reference (2016-11-23), each action's Errors.
"""

from __future__ import annotations

from typing import Self

from partita import errors
from partita.aws.faults import FaultError, common_fault


class StepFunctionsFault(FaultError):
    """A fault of Step Functions' model; the classes are named as that names them."""

    namespace = "com.amazonaws.swf.service.v2.model"
    text = "{}"  # the message, of what is at fault

    def __init_subclass__(cls) -> None:
        cls.wire = cls.__name__

    def __init__(self, subject: str = "") -> None:
        super().__init__(self.text.format(subject))

    @classmethod
    def worded(cls, message: str) -> Self:
        """Return a fault with a message that differs from the usual one."""
        fault = cls()
        fault.args = (message,)
        return fault


class ActivityAlreadyExists(StepFunctionsFault):
    """An activity of that name is there, with other settings."""

    text = "Activity Already Exists: '{}'"


class ActivityDoesNotExist(StepFunctionsFault):
    """There is no such activity."""

    text = "Activity Does Not Exist: '{}'"


class ActivityLimitExceeded(StepFunctionsFault):
    """There are too many activities already."""


class ActivityWorkerLimitExceeded(StepFunctionsFault):
    """Too many workers poll for an activity."""


class ConflictException(StepFunctionsFault):
    """The resource is not in the state that the request expects."""


class ExecutionAlreadyExists(StepFunctionsFault):
    """The name was used for an execution with other input, or for one that is closed."""

    text = "Execution Already Exists: '{}'"


class ExecutionDoesNotExist(StepFunctionsFault):
    """There is no such execution."""

    text = "Execution Does Not Exist: '{}'"


class ExecutionNotRedrivable(StepFunctionsFault):
    """The execution cannot be redriven."""


class InvalidArn(StepFunctionsFault):
    """It is no ARN, or the ARN of something else."""

    text = "Invalid Arn: '{}'"


class InvalidDefinition(StepFunctionsFault):
    """The definition is none."""

    text = "Invalid State Machine Definition: '{}'"


class InvalidEncryptionConfiguration(StepFunctionsFault):
    """The encryption configuration contradicts itself."""


class InvalidExecutionInput(StepFunctionsFault):
    """The input is not JSON."""

    text = "Invalid State Machine Execution Input: '{}'"


class InvalidLoggingConfiguration(StepFunctionsFault):
    """The logging configuration contradicts itself."""

    text = "Invalid Logging Configuration: {}"


class InvalidName(StepFunctionsFault):
    """The name has characters that names may not have."""

    text = "Invalid Name: '{}'"


class InvalidOutput(StepFunctionsFault):
    """The output is not JSON."""

    text = "Invalid Output: '{}'"


class InvalidToken(StepFunctionsFault):
    """The token was not made here, for this purpose."""

    text = "Invalid Token: '{}'"


class MissingRequiredParameter(StepFunctionsFault):
    """The request lacks what it needs."""


class ResourceNotFound(StepFunctionsFault):
    """There is no such resource."""

    text = "Resource not found: '{}'"


class ServiceQuotaExceededException(StepFunctionsFault):
    """There are too many already."""


class StateMachineAlreadyExists(StepFunctionsFault):
    """A state machine of that name is there, with other settings."""

    text = "State Machine Already Exists: '{}'"


class StateMachineDeleting(StepFunctionsFault):
    """The state machine is being deleted."""

    text = "State Machine is deleting: '{}'"


class StateMachineDoesNotExist(StepFunctionsFault):
    """There is no such state machine."""

    text = "State Machine Does Not Exist: '{}'"


class StateMachineLimitExceeded(StepFunctionsFault):
    """There are too many state machines already."""


class StateMachineTypeNotSupported(StepFunctionsFault):
    """Only the other type of state machine can do that."""

    text = "This operation is not supported by this type of state machine"


class TaskDoesNotExist(StepFunctionsFault):
    """The execution of the task is not here."""

    text = "Task does not exist"


class TaskTimedOut(StepFunctionsFault):
    """The task was answered, has run out of time, or its execution is closed."""

    text = "Task Timed Out: 'Provided task does not exist anymore'"


class TooManyTags(StepFunctionsFault):
    """A resource would have too many tags."""


def fault_of(error: Exception) -> FaultError:
    """Return the fault that tells a client of Step Functions of an error."""
    match error:
        case errors.TaskLostError():
            return TaskTimedOut()
        case errors.InvalidTokenError():
            return InvalidToken("Invalid token")
        case errors.ExecutionNotFoundError():
            return ExecutionDoesNotExist(" ".join(str(error).split()))
        case _:
            return common_fault(error)
