"""Make the classes of errors that AWS's operations raise: by boto3's names, as boto3's ClientError.

Step Functions names them by the SDKs for Java, in two ways; a class knows both.
"""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING, Any

from partita.errors import TaskFailedError
from partita.integrations.aws_models import Operation, model_of, suggestion
from partita.integrations.naming import exception_name, java_name
from partita.integrations.optimized import FIRST_SDK

if TYPE_CHECKING:
    from botocore.exceptions import ClientError

_CODE = re.compile(r"Error Code: ([^;]*);")


def state_names(service: str, shape: str) -> tuple[str, ...]:
    """Return the names of an error of a service's API in state machines."""
    found = [
        f"{one.prefix}.{exception_name(shape)}" for one in FIRST_SDK.values() if one.sdk == service
    ]
    prefix = java_name(model_of(service).service_id)
    return tuple(dict.fromkeys([*found, f"{prefix}.{exception_name(java_name(shape))}"]))


@functools.cache
def error_class(service: str, name: str) -> type[ClientError]:
    """Return the class of an error of a service, by the name that boto3's client has for it.

    Raises:
        AttributeError: the service has no such error.
    """
    known = {shape.name: shape for shape in model_of(service).error_shapes}
    if name not in known:
        raise AttributeError(f"{service} has no error {name}{suggestion(name, known)}")
    names = state_names(service, name)
    return type(name, (_refusal(),), {"state_names": names, "__module__": __name__})


@functools.cache
def _refusal() -> type[ClientError]:
    """Return the class of all that AWS refuses; `error` and `cause` are those of a Task state."""
    from botocore.exceptions import ClientError  # AWS's SDK is an extra, and slow to import

    members = {"__init__": _begin, "__str__": _text, "__module__": __name__}
    return type("AwsCallError", (ClientError,), members)


def _begin(self: Any, error: str, cause: str, operation: str) -> None:
    found = _CODE.search(cause)
    code = found[1] if found else error.rpartition(".")[2]
    self.response = {"Error": {"Code": code, "Message": cause}}
    self.operation_name = operation
    self.args = (cause,)
    self.error = error
    self.cause = cause


def _text(self: Any) -> str:
    return str(self.args[0]) if self.args else ""


def refusal(operation: Operation, failed: TaskFailedError) -> Exception:
    """Return the error that a workflow sees of a failed call."""
    error, cause = failed.error or "", failed.cause or ""
    if error.startswith("States."):
        return failed
    kind: Any = _refusal()
    for shape in model_of(operation.service).error_shapes:
        if error in state_names(operation.service, shape.name):
            kind = error_class(operation.service, shape.name)
    made: Exception = kind(error, cause, operation.model.name)
    return made
