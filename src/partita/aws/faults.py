"""The errors that clients of any AWS service meet, as Amazon names them.

A fault is what the wire carries: a code, a message, a status. Which other faults a service has,
and which of our errors become them, is said in its own package.

Source: AWS General Reference, Common errors.
"""

from __future__ import annotations

from typing import Any, ClassVar

from partita import errors

SERVICE = "com.amazon.coral.service"
"""Namespace of the faults that all services share."""


class FaultError(Exception):
    """An answer that is an error; `wire` is the code that SDKs name their exceptions after."""

    wire: ClassVar[str] = "InternalFailure"
    namespace: ClassVar[str] = SERVICE
    status: ClassVar[int] = 400

    def body(self) -> dict[str, Any]:
        """Return the JSON of the answer."""
        return {"__type": f"{self.namespace}#{self.wire}", "message": str(self)}


class ValidationFault(FaultError):
    """A value breaks a constraint of the API."""

    wire = "ValidationException"
    namespace = "com.amazon.coral.validate"


class SerializationFault(FaultError):
    """The body is not JSON, or a value has the wrong type."""

    wire = "SerializationException"


class UnknownOperationFault(FaultError):
    """There is no such operation."""

    wire = "UnknownOperationException"


class RequestTooLargeFault(FaultError):
    """The body is over the limit."""

    wire = "RequestEntityTooLargeException"
    status = 413


class MissingAuthenticationFault(FaultError):
    """The request is not signed."""

    wire = "MissingAuthenticationTokenException"
    status = 403


class IncompleteSignatureFault(FaultError):
    """The Authorization header lacks a part, or has one that cannot be read."""

    wire = "IncompleteSignatureException"
    status = 403


class UnrecognizedClientFault(FaultError):
    """Nobody has that access key."""

    wire = "UnrecognizedClientException"
    status = 403


class InvalidSignatureFault(FaultError):
    """The signature is not that of this request by this key, or is too old."""

    wire = "InvalidSignatureException"
    status = 403


class InternalFault(FaultError):
    """This endpoint is at fault."""

    status = 500


class UnavailableFault(FaultError):
    """The database is out of reach; SDKs try again."""

    wire = "ServiceUnavailableException"
    status = 503


def common_fault(error: Exception) -> FaultError:
    """Return the fault that tells a client of an error, whatever the service."""
    text = " ".join(str(error).split())
    match error:
        case FaultError():
            return error
        case errors.UsageError():
            return ValidationFault(text)
        case errors.StoreError():
            return UnavailableFault(text)
        case _:
            return InternalFault(f"{type(error).__name__}: {text}")
