"""Find the operations of AWS's services, by boto3's names, and the resources that they are.

An operation is an optimised integration where Step Functions has one, and `aws-sdk:` otherwise.
"""

from __future__ import annotations

import functools
import keyword
import os
import threading
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from partita.errors import InvalidOptionError
from partita.integrations.job_kinds import JOBS
from partita.integrations.naming import SDK_NAMES, capitalized, java_name
from partita.integrations.optimized import ARGUMENTS, FIRST_SDK, OPERATIONS
from partita.integrations.resources import Resource

if TYPE_CHECKING:
    from botocore.model import OperationModel, ServiceModel

_lock = threading.Lock()
_SDK_OF = {boto: name for name, boto in SDK_NAMES.items()}


@dataclass(frozen=True)
class Operation:
    """An operation of a service."""

    service: str  # boto3's name
    model: OperationModel
    resource: Resource

    @property
    def shown(self) -> str:
        """Its name in code, such as `aws.dynamodb.update_item`."""
        return f"aws.{attribute_name(self.service)}.{_method(self.model.name)}"

    def spell(self, member: str) -> str:
        """Return a member's name as Task states have it."""
        return java_name(member) if self.resource.is_sdk else capitalized(member)


def attribute_name(service: str) -> str:
    """Return the name of a service as an attribute: `lambda_`, `cognito_idp`."""
    name = service.replace("-", "_")
    return f"{name}_" if keyword.iskeyword(name) else name


@functools.cache
def services() -> dict[str, str]:
    """Return boto3's names of all services, by their names as attributes."""
    with _lock:
        return {attribute_name(one): one for one in _loader().list_available_services("service-2")}


@functools.cache
def _loader() -> Any:
    """Return what reads botocore's files; a session would look at the user's settings, too."""
    try:
        from botocore.loaders import create_loader  # AWS's SDK is an extra, and slow to import
    except ImportError as error:
        raise InvalidOptionError(
            f"AWS's SDK is needed, and is not installed ({error}); pip install 'partita[aws]'"
        ) from error
    return create_loader(os.environ.get("AWS_DATA_PATH"))


@functools.cache
def model_of(service: str) -> ServiceModel:
    """Return the API of a service, by boto3's name."""
    from botocore.model import ServiceModel  # AWS's SDK is an extra, and slow to import

    with _lock:
        return ServiceModel(_loader().load_service_model(service, "service-2"), service)


@functools.cache
def methods(service: str) -> dict[str, str]:
    """Return the operations of a service, by boto3's names of its methods."""
    return {_method(name): name for name in model_of(service).operation_names}


@functools.cache
def _method(operation: str) -> str:
    from botocore import xform_name  # AWS's SDK is an extra, and slow to import

    name: str = xform_name(operation)
    return name


@functools.cache
def operation_of(service: str, method: str) -> Operation:
    """Return the operation that a method of boto3's client calls."""
    name = methods(service)[method]
    return Operation(service, model_of(service).operation_model(name), _resource(service, name))


def _resource(service: str, operation: str) -> Resource:
    action = operation[:1].lower() + operation[1:]
    renamed = {name: key for key, name in OPERATIONS.items()}
    for name, optimised in FIRST_SDK.items():
        key = renamed.get(operation, (name, action))
        is_listed = optimised.sdk == service and key[0] == name and key[1] in optimised.actions
        if is_listed and key not in ARGUMENTS:
            return Resource(*key)
    return Resource(sdk_name(service), action, is_sdk=True)


def sdk_name(service: str) -> str:
    """Return the name of a service in `aws-sdk:` resources."""
    return _SDK_OF.get(service, service.replace("-", ""))


def is_job(operation: Operation) -> bool:
    """Return whether Step Functions waits for the end of what an operation begins: `.sync`."""
    found = operation.resource
    return not found.is_sdk and (found.service, found.action) in JOBS


def suggestion(name: str, known: Any) -> str:
    """Return the known names that are like one, for an error's text."""
    close = get_close_matches(name, list(known), 3)
    return f"; did you mean {' or '.join(close)}?" if close else ""
