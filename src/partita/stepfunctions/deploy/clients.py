"""Connect to AWS for a deployment, and call it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, WaiterError

from partita.aws.calls import RETRIED, Meaning, Refusal, call, one_line
from partita.errors import InvalidOptionError, NotDeployedError, PartitaError, UnsupportedError

_SERVICES = ("lambda", "stepfunctions")
LAMBDA, STEP_FUNCTIONS = "AWS Lambda", "AWS Step Functions"


@dataclass(frozen=True)
class Clients:
    """What a deployment calls, and how it waits (seconds)."""

    functions: Any  # boto3's client of Lambda
    machines: Any  # boto3's client of Step Functions
    endpoint: str | None = None
    pause: Callable[[float], None] = time.sleep


def connect(region: str | None, profile: str | None, endpoint: str | None) -> Clients:
    """Return clients of a region's services.

    Raises:
        InvalidOptionError: region, profile or endpoint cannot be used.
    """
    try:
        session = boto3.Session(profile_name=profile, region_name=region)
        options = {"endpoint_url": endpoint, "config": RETRIED}
        functions, machines = (session.client(one, **options) for one in _SERVICES)
        return Clients(functions, machines, endpoint)
    except (BotoCoreError, ValueError) as error:
        text = one_line(error)
        advice = "" if region else "; give --region, or set AWS_REGION"
        raise InvalidOptionError(f"AWS cannot be called: {text.rstrip('.')}{advice}") from error


def call_functions(clients: Clients, operation: str, **members: Any) -> dict[str, Any]:
    """Call Lambda.

    Raises:
        UnsupportedError: the endpoint has no such API.
        PartitaError: Lambda refuses.
    """
    try:
        return _call(clients.functions, operation, members, LAMBDA, _missing_function)
    except FunctionMissingError:
        raise
    except PartitaError as error:
        if clients.endpoint is not None and _has_no_lambda(error):
            raise UnsupportedError(
                f"{clients.endpoint} has no Lambda API; give --function NAME for the machine to "
                "call, and run that there: `partita serve --lambda NAME=FILE`"
            ) from error
        raise


def call_machines(clients: Clients, operation: str, **members: Any) -> dict[str, Any]:
    """Call Step Functions.

    Raises:
        PartitaError: it refuses.
    """
    return _call(clients.machines, operation, members, STEP_FUNCTIONS, lambda _: None)


def wait_until(clients: Clients, waiter: str, name: str) -> None:
    """Wait until a function is ready, as boto3's waiter of that name has it.

    Raises:
        NotDeployedError: it does not become ready.
    """
    try:
        clients.functions.get_waiter(waiter).wait(FunctionName=name)
    except WaiterError as error:
        found = error.last_response or {}
        text = found.get("Configuration", found).get("StateReason") or one_line(error)
        raise NotDeployedError(f"function {name} did not become ready: {text}") from error


class FunctionMissingError(NotDeployedError):
    """There is no function of that name."""


def _missing_function(refusal: Refusal) -> PartitaError | None:
    if refusal.code == "ResourceNotFoundException":
        return FunctionMissingError(refusal.text)
    return None


def _has_no_lambda(error: PartitaError) -> bool:
    response = getattr(error.__cause__, "response", {})
    status = response.get("ResponseMetadata", {}).get("HTTPStatusCode")
    code = response.get("Error", {}).get("Code", "")
    return status in (404, 405) or "UnknownOperation" in code


def _call(
    client: Any, operation: str, members: dict[str, Any], title: str, meaning: Meaning
) -> dict[str, Any]:
    try:
        return call(client, operation, members, title, meaning)
    except InvalidOptionError as error:
        text = str(error).replace("name a profile in the URL: ?profile=NAME", "give --profile NAME")
        raise InvalidOptionError(text) from error.__cause__
