"""State machines for the commands: their files, and the Lambda functions that they call."""

from __future__ import annotations

import json
import os
import uuid
from pathlib import Path
from typing import Any

import msgspec

from partita.asl.machines import load_machine
from partita.asl.tasks.lambdas import forward_lambdas, register_lambda
from partita.asl.tasks.outside import use_services
from partita.authoring.workflow import WorkflowDefinition
from partita.aws.lambda_functions import Context, Handler, InvocationError, LambdaFunctions
from partita.errors import InvalidOptionError, TaskFailedError
from partita.integrations.settings import settings_from
from partita.stepfunctions.local_bundles import bundled_function
from partita.stepfunctions.local_dispatch import dispatcher
from partita.worker.code_loader import load as load_code

LAMBDA_SECONDS = 900.0
"""Seconds that a Lambda function may take."""

RESULT_LIMIT = 6 * 1024 * 1024
"""Characters that a Lambda function may return."""


def load(target: str, test_case: str | None) -> WorkflowDefinition[..., Any]:
    """Return the workflow of the machine in a file."""
    return load_machine(target, test_case)


def register(text: str) -> None:
    """Register a Python callable as a Lambda function, given NAME=FILE:HANDLER."""
    register_lambda(*lambda_function(text))


def lambda_function(text: str) -> tuple[str, Handler]:
    """Return the name and the handler in NAME=FILE:HANDLER.

    NAME=FILE is the function of a deployed machine: it dispatches to the activities of a workflow's
    file, or calls a bundle's zip.

    Raises:
        InvalidOptionError: it is of another form, or the file has no such function.
    """
    name, equals, target = text.partition("=")
    if name and equals and target.endswith(".py"):
        load_code(target)
        return name, dispatcher()
    if name and equals and target.endswith(".zip"):
        return name, bundled_function(target)
    source, colon, attribute = target.rpartition(":")
    if not (name and equals and colon and source):
        raise InvalidOptionError(f"--lambda {text}: write NAME=FILE:HANDLER, or NAME=FILE")
    handler = getattr(load_code(source), attribute, None)
    if not callable(handler):
        raise InvalidOptionError(f"--lambda {text}: {source} has no function {attribute}")
    return name, handler


def forward(url: str) -> None:
    """Invoke the functions that are not here at a Lambda endpoint."""
    functions = LambdaFunctions({}, url, limit=RESULT_LIMIT)

    def invoke(name: str, payload: str) -> str:
        context = Context(
            function_name=name, aws_request_id=str(uuid.uuid4()), timeout=LAMBDA_SECONDS
        )
        try:
            return functions.invoke(payload, context)
        except InvocationError as error:
            raise TaskFailedError(_error_name(error), error.details) from error

    forward_lambdas(invoke)


def use(
    *,
    aws: str | None = None,
    s3_folder: str | None = None,
    http_hosts: tuple[str, ...] = (),
    connections: str | None = None,
) -> None:
    """Set which services the machines of this process may call.

    Raises:
        InvalidOptionError: the file of connections is none.
    """
    given = settings_from(os.environ)
    endpoint = aws if aws is not None and "://" in aws else None
    use_services(
        msgspec.structs.replace(
            given,
            region=given.region if aws is None or endpoint else aws,
            endpoint=endpoint or given.endpoint,
            is_aws_used=aws is not None,
            folder=s3_folder,
            http_hosts=http_hosts,
            connections={} if connections is None else _connections(connections),
        )
    )


def _connections(path: str) -> dict[str, dict[str, Any]]:
    try:
        return msgspec.json.decode(Path(path).read_bytes(), type=dict[str, dict[str, Any]])
    except (OSError, msgspec.DecodeError) as error:
        raise InvalidOptionError(f"--connections {path}: {error}") from error


def _error_name(error: InvocationError) -> str:
    """Return the type of the function's own error, or Lambda's refusal."""
    try:
        details = json.loads(error.details)
        return str(details["errorType"])
    except (ValueError, KeyError, TypeError):
        return f"Lambda.{error.reason}"
