"""Name what an AWS service refuses as Step Functions does.

`aws-sdk:` tasks show the SDK for Java 2.x: `DynamoDb.ConditionalCheckFailedException`, with the
cause `TEXT (Service: DynamoDb, Status Code: 400, Request ID: …) (SDK Attempt Count: 1)`. The
optimised integrations show its predecessor: `SNS.NotFoundException`, with
`TEXT (Service: AmazonSNS; Status Code: 404; Error Code: NotFound; Request ID: …; Proxy: null)`.
An error that is not in the API's model has the name of the service's common exception.

Source: recorded executions of AWS Step Functions (shared/conformance/asl).
"""

from __future__ import annotations

import uuid
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from botocore.model import ServiceModel
from msgspec import Struct

from partita.errors import TaskFailedError
from partita.integrations.failures import RUNTIME
from partita.integrations.naming import exception_name, java_name
from partita.integrations.optimized import FIRST_SDK, Service
from partita.integrations.resources import Resource


class Refusal(Struct, frozen=True, kw_only=True):
    """What a service answers instead of a result."""

    code: str
    message: str
    status: int
    request_id: str
    extended_id: str | None = None  # of S3
    attempts: int = 1
    shape: str | None = None  # the error's name in the API's model, if the answer has it


def refusal_of(error: ClientError) -> Refusal:
    """Return what a service has refused."""
    fault = error.response.get("Error", {})
    metadata = error.response.get("ResponseMetadata", {})
    return Refusal(
        code=str(fault.get("Code", "")),
        message=str(fault.get("Message", "")),
        status=int(metadata.get("HTTPStatusCode", 400)),
        request_id=metadata.get("RequestId") or str(uuid.uuid4()),
        extended_id=metadata.get("HostId") or None,
        attempts=1 + int(metadata.get("RetryAttempts", 0)),
        shape=fault.get("QueryErrorCode"),
    )


def null_refusal(service: str, members: list[str]) -> Refusal:
    """Return how a service refuses a request whose required members are null."""
    if service == "sqs":
        code, message = "MissingParameter", f"The request must contain the parameter {members[0]}."
    else:
        code = "ValidationException"
        message = validation_message(members)
    return Refusal(code=code, message=message, status=400, request_id=str(uuid.uuid4()))


def validation_message(members: list[str]) -> str:
    """Return the message for required members that are null, as most services of AWS word it."""
    found = "; ".join(
        f"Value null at '{name[:1].lower() + name[1:]}' failed to satisfy constraint: "
        "Member must not be null"
        for name in members
    )
    errors = "error" if len(members) == 1 else "errors"
    return f"{len(members)} validation {errors} detected: {found}"


def failure(resource: Resource, model: ServiceModel, refusal: Refusal) -> TaskFailedError:
    """Return the failure of a task that a service refused."""
    shape = _error_shape(model, refusal.shape or refusal.code)
    if resource.is_sdk:
        return _sdk_failure(model, refusal, shape)
    service = FIRST_SDK[resource.service]
    return _first_sdk_failure(service, refusal, shape)


def _error_shape(model: ServiceModel, code: str) -> str | None:
    """Return the name of the error in the API's model; None if it is not there."""
    for shape in model.error_shapes:
        if code in (shape.error_code, shape.name, *_aliases(shape.metadata)):
            return str(shape.name)
    return None


def _aliases(metadata: dict[str, Any]) -> tuple[str, ...]:
    found = metadata.get("error", {}).get("code")
    return (found,) if found else ()


def _sdk_failure(model: ServiceModel, refusal: Refusal, shape: str | None) -> TaskFailedError:
    service = java_name(model.service_id)
    name = exception_name(java_name(shape)) if shape else f"{service}Exception"
    return TaskFailedError(f"{service}.{name}", sdk_cause(service, refusal))


def sdk_cause(service: str, refusal: Refusal) -> str:
    """Return the message of an exception of the SDK for Java 2.x."""
    ids = f"Request ID: {refusal.request_id}"
    if refusal.extended_id:
        ids += f", Extended Request ID: {refusal.extended_id}"
    return (
        f"{refusal.message} (Service: {service}, Status Code: {refusal.status}, {ids}) "
        f"(SDK Attempt Count: {refusal.attempts})"
    )


def _first_sdk_failure(service: Service, refusal: Refusal, shape: str | None) -> TaskFailedError:
    name = exception_name(shape) if shape else service.exception
    cause = (
        f"{refusal.message} (Service: {service.title}; Status Code: {refusal.status}; Error Code: "
        f"{refusal.code}; Request ID: {refusal.request_id}; Proxy: null)"
    )
    return TaskFailedError(f"{service.prefix}.{name}", cause)


def unreachable(resource: Resource, model: ServiceModel, error: BotoCoreError) -> TaskFailedError:
    """Return the failure of a task whose service gave no answer."""
    prefix = java_name(model.service_id) if resource.is_sdk else FIRST_SDK[resource.service].prefix
    text = " ".join(str(error).split())
    return TaskFailedError(
        f"{prefix}.SdkClientException", f"Unable to execute HTTP request: {text}"
    )


def not_supported(resource: Resource) -> TaskFailedError:
    """Return the failure of a task whose API action there is not."""
    return TaskFailedError(
        RUNTIME,
        f"The resource arn:aws:states:::{resource} is not supported here",
    )
