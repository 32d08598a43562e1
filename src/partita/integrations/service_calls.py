"""Call AWS for Task states: `aws-sdk:SERVICE:ACTION` and the optimised integrations.

Source: AWS Step Functions Developer Guide, "Integrating services".
"""

from __future__ import annotations

from typing import Any

from botocore import xform_name
from botocore.exceptions import BotoCoreError, ClientError
from botocore.model import OperationModel, ServiceModel, StructureShape

from partita.integrations.clients import Clients, service_name
from partita.integrations.naming import capitalized, java_name
from partita.integrations.optimized import ARGUMENTS, FIRST_SDK, OPERATIONS, RESULTS
from partita.integrations.parameters import build_request
from partita.integrations.resources import Resource
from partita.integrations.results import job_result, optimized_result, sdk_result
from partita.integrations.service_errors import (
    failure,
    not_supported,
    null_refusal,
    refusal_of,
    unreachable,
)


def call_service(
    clients: Clients, resource: Resource, arguments: Any, *, idempotency_key: str | None = None
) -> dict[str, Any]:
    """Return the result of a Task state: what the service answers.

    Calling again with the same `idempotency_key` has the effect of one call where the API has a
    member for that.

    Raises:
        TaskFailedError: the service refuses, is out of reach, or the arguments do not fit.
    """
    client, operation = _operation(clients, resource)
    key = (resource.service, resource.action)
    if not resource.is_sdk and key in ARGUMENTS and isinstance(arguments, dict):
        arguments = ARGUMENTS[key](arguments)
    answer = _answer(client, operation, resource, arguments, idempotency_key)
    if resource.is_sdk:
        return sdk_result(operation.output_shape, answer)
    result = optimized_result(operation.output_shape, answer)
    if key in RESULTS:
        RESULTS[key](result)
    return result


def call_api(
    clients: Clients, resource: Resource, name: str, arguments: dict[str, Any]
) -> dict[str, Any]:
    """Call another operation of an optimised integration's service, such as `DescribeJobs`.

    Arguments that are None are left out. Names of arguments and result are PascalCase.

    Raises:
        TaskFailedError: the service refuses, or is out of reach.
    """
    client = clients.client(FIRST_SDK[resource.service].sdk)
    operation = client.meta.service_model.operation_model(name)
    given = {member: value for member, value in arguments.items() if value is not None}
    answer = _answer(client, operation, resource, given, None)
    return job_result(operation.output_shape, answer)


def _operation(clients: Clients, resource: Resource) -> tuple[Any, OperationModel]:
    """Return the client and the operation of a resource."""
    if resource.is_sdk:
        client, name = clients.client(service_name(resource)), capitalized(resource.action)
    else:
        service = FIRST_SDK.get(resource.service)
        if service is None or resource.action not in service.actions:
            raise not_supported(resource)
        client = clients.client(service.sdk)
        key = (resource.service, resource.action)
        name = OPERATIONS.get(key) or capitalized(resource.action)
    model: ServiceModel = client.meta.service_model
    if name not in model.operation_names:
        raise not_supported(resource)
    return client, model.operation_model(name)


def _answer(
    client: Any, operation: OperationModel, resource: Resource, arguments: Any, key: str | None
) -> dict[str, Any]:
    model: ServiceModel = client.meta.service_model
    shape: StructureShape | None = operation.input_shape
    request = build_request(shape, arguments, java_name if resource.is_sdk else capitalized)
    if request.nulls:
        raise failure(resource, model, null_refusal(model.service_name, request.nulls))
    members = _identified(shape, request.members, key)
    try:
        answer: dict[str, Any] = getattr(client, xform_name(operation.name))(**members)
    except ClientError as error:
        raise failure(resource, model, refusal_of(error)) from error
    except BotoCoreError as error:
        raise unreachable(resource, model, error) from error
    return answer


def _identified(
    shape: StructureShape | None, members: dict[str, Any], key: str | None
) -> dict[str, Any]:
    """Return the members with the API's idempotency token, if it has one and none is given."""
    if shape is None or key is None:
        return members
    tokens = {
        name: key
        for name, member in shape.members.items()
        if member.metadata.get("idempotencyToken") and name not in members
    }
    return members | tokens
