"""SWF's own faults, and which of our errors become which of them.

Source: Amazon SWF API Reference (2012-01-25), each action's Errors.
"""

from __future__ import annotations

from partita import errors
from partita.aws.faults import FaultError, ValidationFault, common_fault


class SwfFault(FaultError):
    """A fault of SWF's model; the classes are named as SWF names them."""

    namespace = "com.amazonaws.swf.base.model"

    def __init_subclass__(cls) -> None:
        cls.wire = cls.__name__


class UnknownResourceFault(SwfFault):
    """There is no such domain, type, execution or task."""


class OperationNotPermittedFault(SwfFault):
    """The resource does not allow it."""


class LimitExceededFault(SwfFault):
    """There are too many already."""


class DomainAlreadyExistsFault(SwfFault):
    """The domain is registered."""


class DomainDeprecatedFault(SwfFault):
    """The domain is deprecated."""


class TypeAlreadyExistsFault(SwfFault):
    """The type is registered, or is not deprecated."""


class TypeDeprecatedFault(SwfFault):
    """The type is deprecated."""


class TypeNotDeprecatedFault(SwfFault):
    """Only a deprecated type may be deleted."""


class DefaultUndefinedFault(SwfFault):
    """Neither the request nor the type says what is needed."""


class WorkflowExecutionAlreadyStartedFault(SwfFault):
    """The workflow id has an open execution."""


class TooManyTagsFault(SwfFault):
    """A resource would have too many tags."""


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
