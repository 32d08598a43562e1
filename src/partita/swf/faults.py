"""SWF's own faults, and which of our errors become which of them.

Source: Amazon SWF API Reference (2012-01-25), each action's Errors.
"""

from __future__ import annotations

from partita import errors
from partita.aws.faults import FaultError, ValidationFault, common_fault


class SwfFault(FaultError):
    """A fault of SWF's model."""

    namespace = "com.amazonaws.swf.base.model"


class UnknownResourceFault(SwfFault):
    """There is no such domain, type, execution or task."""

    wire = "UnknownResourceFault"


class OperationNotPermittedFault(SwfFault):
    """The resource does not allow it."""

    wire = "OperationNotPermittedFault"


class LimitExceededFault(SwfFault):
    """There are too many already."""

    wire = "LimitExceededFault"


class DomainAlreadyExistsFault(SwfFault):
    """The domain is registered."""

    wire = "DomainAlreadyExistsFault"


class DomainDeprecatedFault(SwfFault):
    """The domain is deprecated."""

    wire = "DomainDeprecatedFault"


class TypeAlreadyExistsFault(SwfFault):
    """The type is registered, or is not deprecated."""

    wire = "TypeAlreadyExistsFault"


class TypeDeprecatedFault(SwfFault):
    """The type is deprecated."""

    wire = "TypeDeprecatedFault"


class TypeNotDeprecatedFault(SwfFault):
    """Only a deprecated type may be deleted."""

    wire = "TypeNotDeprecatedFault"


class DefaultUndefinedFault(SwfFault):
    """Neither the request nor the type says what is needed."""

    wire = "DefaultUndefinedFault"


class WorkflowExecutionAlreadyStartedFault(SwfFault):
    """The workflow id has an open execution."""

    wire = "WorkflowExecutionAlreadyStartedFault"


class TooManyTagsFault(SwfFault):
    """A resource would have too many tags."""

    wire = "TooManyTagsFault"


def fault_of(error: Exception) -> FaultError:
    """Return the fault that tells a client of SWF of an error."""
    text = " ".join(str(error).split())
    match error:
        case errors.ExecutionNotFoundError():
            what = text.rpartition("; `partita ")[0] or text  # clients of SWF may not have it
            return UnknownResourceFault(f"Unknown execution: {what}")
        case errors.TaskLostError():
            return UnknownResourceFault(f"Unknown task: {text}")
        case errors.ExecutionAlreadyStartedError():
            return WorkflowExecutionAlreadyStartedFault("Already Started")
        case errors.DecisionRefusedError():
            return ValidationFault(text)
        case errors.ServiceError() if not isinstance(error, errors.StoreError):
            return OperationNotPermittedFault(text)
        case _:
            return common_fault(error)
