"""Name the errors that an SWF client meets, as Amazon names them.

A fault is what the wire carries: a code, a message, a status. Which of our errors becomes
which fault is said here and nowhere else.

Source: Amazon SWF API Reference (2012-01-25), Common Error Types and each action's Errors.
"""

from __future__ import annotations

from typing import Any, ClassVar

from partita import errors

_SWF = "com.amazonaws.swf.base.model"
_SERVICE = "com.amazon.coral.service"
_VALIDATE = "com.amazon.coral.validate"


class FaultError(Exception):
    """An answer that is an error; `wire` is the code that SDKs name their exceptions after."""

    wire: ClassVar[str] = "InternalFailure"
    namespace: ClassVar[str] = _SWF
    status: ClassVar[int] = 400

    def body(self) -> dict[str, Any]:
        """Return the JSON of the answer."""
        return {"__type": f"{self.namespace}#{self.wire}", "message": str(self)}


class ValidationFault(FaultError):
    """A value breaks a constraint of the API."""

    wire = "ValidationException"
    namespace = _VALIDATE


class SerializationFault(FaultError):
    """The body is not JSON, or a value has the wrong type."""

    wire = "SerializationException"
    namespace = _SERVICE


class UnknownOperationFault(FaultError):
    """There is no such operation."""

    wire = "UnknownOperationException"
    namespace = _SERVICE


class RequestTooLargeFault(FaultError):
    """The body is over the limit."""

    wire = "RequestEntityTooLargeException"
    namespace = _SERVICE
    status = 413


class MissingAuthenticationFault(FaultError):
    """The request is not signed."""

    wire = "MissingAuthenticationTokenException"
    namespace = _SERVICE
    status = 403


class IncompleteSignatureFault(FaultError):
    """The Authorization header lacks a part, or has one that cannot be read."""

    wire = "IncompleteSignatureException"
    namespace = _SERVICE
    status = 403


class UnrecognizedClientFault(FaultError):
    """Nobody has that access key."""

    wire = "UnrecognizedClientException"
    namespace = _SERVICE
    status = 403


class InvalidSignatureFault(FaultError):
    """The signature is not that of this request by this key, or is too old."""

    wire = "InvalidSignatureException"
    namespace = _SERVICE
    status = 403


class InternalFault(FaultError):
    """This endpoint is at fault."""

    wire = "InternalFailure"
    namespace = _SERVICE
    status = 500


class UnavailableFault(FaultError):
    """The database is out of reach; SDKs try again."""

    wire = "ServiceUnavailableException"
    namespace = _SERVICE
    status = 503


class UnknownResourceFault(FaultError):
    """There is no such domain, type, execution or task."""

    wire = "UnknownResourceFault"


class OperationNotPermittedFault(FaultError):
    """The resource does not allow it."""

    wire = "OperationNotPermittedFault"


class LimitExceededFault(FaultError):
    """There are too many already."""

    wire = "LimitExceededFault"


class DomainAlreadyExistsFault(FaultError):
    """The domain is registered."""

    wire = "DomainAlreadyExistsFault"


class DomainDeprecatedFault(FaultError):
    """The domain is deprecated."""

    wire = "DomainDeprecatedFault"


class TypeAlreadyExistsFault(FaultError):
    """The type is registered, or is not deprecated."""

    wire = "TypeAlreadyExistsFault"


class TypeDeprecatedFault(FaultError):
    """The type is deprecated."""

    wire = "TypeDeprecatedFault"


class TypeNotDeprecatedFault(FaultError):
    """Only a deprecated type may be deleted."""

    wire = "TypeNotDeprecatedFault"


class DefaultUndefinedFault(FaultError):
    """Neither the request nor the type says what is needed."""

    wire = "DefaultUndefinedFault"


class WorkflowExecutionAlreadyStartedFault(FaultError):
    """The workflow id has an open execution."""

    wire = "WorkflowExecutionAlreadyStartedFault"


class TooManyTagsFault(FaultError):
    """A resource would have too many tags."""

    wire = "TooManyTagsFault"


def fault_of(error: Exception) -> FaultError:
    """Return the fault that tells a client of an error."""
    text = " ".join(str(error).split())
    match error:
        case FaultError():
            return error
        case errors.ExecutionNotFoundError():
            what = text.rpartition("; `partita ")[0] or text  # clients of SWF may not have it
            return UnknownResourceFault(f"Unknown execution: {what}")
        case errors.TaskLostError():
            return UnknownResourceFault(f"Unknown task: {text}")
        case errors.ExecutionAlreadyStartedError():
            return WorkflowExecutionAlreadyStartedFault("Already Started")
        case errors.DecisionRefusedError() | errors.UsageError():
            return ValidationFault(text)
        case errors.ConflictError() | errors.StoreError():
            return UnavailableFault(text)
        case errors.ServiceError():
            return OperationNotPermittedFault(text)
        case _:
            return InternalFault(f"{type(error).__name__}: {text}")
