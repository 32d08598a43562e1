"""Call AWS by boto3, and say in our errors what went wrong.

Throttling, lost connections and 5xx answers are tried again by botocore's standard mode: up to
`ATTEMPTS` times, with a random wait below 20 seconds that doubles at each time. What is left after
that is a StoreUnavailableError. What else a service refuses is for its own package to translate.

Source: botocore's guide to retries.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgspec import Struct

from partita import errors

try:
    import boto3
    from botocore.config import Config
    from botocore.exceptions import (
        BotoCoreError,
        ClientError,
        NoCredentialsError,
        NoRegionError,
        ParamValidationError,
        PartialCredentialsError,
        SSOError,
    )
except ImportError as error:  # pragma: no cover - the extra is always there in tests
    raise errors.InvalidOptionError(
        f"AWS's SDK is needed, and is not installed ({error}); pip install 'partita[aws]'"
    ) from error

ATTEMPTS = 8

CONNECT_TIMEOUT = 5.0
"""Seconds that a connection may take to be made."""

READ_TIMEOUT = 70.0
"""Seconds without a byte after which a connection is given up; a long poll takes 60."""

BRIEF_READ_TIMEOUT = 10.0
"""Seconds, likewise, of a call that is made once and never waits for a task."""

RETRIED = Config(
    retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
    connect_timeout=CONNECT_TIMEOUT,
    read_timeout=READ_TIMEOUT,
    max_pool_connections=50,
    user_agent_extra="partita",
)
ONCE = RETRIED.merge(Config(retries={"mode": "standard", "total_max_attempts": 1}))
ONCE_BRIEFLY = ONCE.merge(Config(read_timeout=BRIEF_READ_TIMEOUT))

_NO_ACCESS = (NoCredentialsError, NoRegionError, PartialCredentialsError, SSOError)
"""What is wrong here, and not with the way to AWS."""

_UNAVAILABLE = {
    "InternalFailure",
    "InternalServerError",
    "RequestTimeout",
    "ServiceUnavailable",
    "Throttling",
    "ThrottlingException",
}


INVALID = "ParamValidationError"
"""The code where the SDK refuses to send a request."""


class Refusal(Struct, frozen=True):
    """What a service, or the SDK for it, refuses."""

    operation: str  # as boto3 spells it
    code: str  # of the fault, or INVALID
    text: str


Meaning = Callable[[Refusal], errors.PartitaError | None]
"""Translates what one service refuses; None where any service may refuse it."""


def connect(
    service: str, region: str, profile: str | None, endpoint: str | None, *configs: Config
) -> tuple[boto3.Session, list[Any]]:
    """Return a session, and a client of a service for each of these configurations.

    Raises:
        InvalidOptionError: region, profile or endpoint cannot be used.
    """
    try:
        session = boto3.Session(profile_name=profile, region_name=region)
        return session, [
            session.client(service, endpoint_url=endpoint, config=config) for config in configs
        ]
    except (BotoCoreError, ValueError) as error:
        raise errors.InvalidOptionError(f"{service} in {region}: {error}") from error


def call(
    client: Any, operation: str, members: dict[str, Any], title: str, meaning: Meaning
) -> dict[str, Any]:
    """Call one operation, such as `start_workflow_execution`; `title` is the service's name.

    Raises:
        StoreUnavailableError: the service is out of reach; repeating may help.
        InvalidOptionError: nobody has credentials.
        PartitaError: what a refusal means.
    """
    try:
        answer: dict[str, Any] = getattr(client, operation)(**members)
    except ClientError as error:
        raise _meaning(operation, error, title, meaning) from error
    except _NO_ACCESS as error:
        raise errors.InvalidOptionError(
            f"{title}: {error}; run `aws configure`, or name a profile in the URL: ?profile=NAME"
        ) from error
    except ParamValidationError as error:
        text = one_line(error)
        raise meaning(Refusal(operation, INVALID, text)) or errors.InvalidOptionError(
            f"{title} cannot be asked: {text}"
        ) from error
    except BotoCoreError as error:
        raise errors.StoreUnavailableError(f"{title} is out of reach: {one_line(error)}") from error
    if _is_cut_off(answer):
        raise errors.StoreUnavailableError(
            f"{title} is out of reach: its answer to {operation} was cut off"
        )
    return answer


def _meaning(
    operation: str, error: ClientError, title: str, meaning: Meaning
) -> errors.PartitaError:
    code = error.response.get("Error", {}).get("Code", "")
    text = one_line(error.response.get("Error", {}).get("Message") or code)
    if code not in _UNAVAILABLE:
        found = meaning(Refusal(operation, code, text))
        if found is not None:
            return found
        if status_of(error) < 500:
            return errors.OperationRefusedError(f"{title}: {text} ({code})")
    return errors.StoreUnavailableError(f"{title} is not available: {text}")


def status_of(error: BaseException) -> int:
    """Return the HTTP status of the answer that an error tells of; 0 if there was none."""
    metadata = getattr(error, "response", {}).get("ResponseMetadata", {})
    return int(metadata.get("HTTPStatusCode", 0))


def was_repeated(error: errors.PartitaError) -> bool:
    """Whether what was refused was sent before, unanswered, and may have been done then."""
    cause = error.__cause__
    if not isinstance(cause, ClientError):
        return False
    return bool(cause.response.get("ResponseMetadata", {}).get("RetryAttempts"))


def _is_cut_off(answer: dict[str, Any]) -> bool:
    """Whether the connection was lost before the body came, which the SDK takes for empty."""
    metadata = answer.get("ResponseMetadata", {})
    promised = metadata.get("HTTPHeaders", {}).get("content-length", "0")
    return len(answer) == 1 and promised.isdecimal() and int(promised) > len("{}")


def one_line(text: object) -> str:
    """Return a text without line breaks."""
    return " ".join(str(text).split())
