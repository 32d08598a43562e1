"""Call Amazon SWF by boto3, and say in our errors what went wrong.

The only module that knows AWS's SDK. Throttling, lost connections and 5xx answers are tried
again by botocore's standard mode: up to `ATTEMPTS` times, with a random wait below 20 seconds
that doubles at each time. What is left after that is a StoreUnavailableError. Who tries again
for longer than that anyway, or must be able to stop, has each call made once.

Source: Amazon SWF API Reference (2012-01-25); botocore's guide to retries.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from partita import errors
from partita.ports.outage import Outage
from partita.swf.backend.url import Address

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

    from partita.swf.backend.polls import Polls
except ImportError as error:  # pragma: no cover - the extra is always there in tests
    raise errors.InvalidOptionError(
        f"swf URLs need AWS's SDK, which is not installed ({error}); pip install 'partita[aws]'"
    ) from error

ATTEMPTS = 8
CONNECT = 5.0
"""Seconds that a connection may take to be made."""

READ = 70.0
"""Seconds without a byte after which a connection is given up; a long poll takes 60."""

BRIEF_READ = 10.0
"""Seconds, likewise, of a call that is made once; it never waits for a task."""

log = logging.getLogger("partita.swf")


class Call:
    """SWF's operations. Safe to use from many threads."""

    def __init__(self, address: Address) -> None:
        try:
            session = boto3.Session(profile_name=address.profile, region_name=address.region)
            self._swf = session.client("swf", endpoint_url=address.endpoint, config=_CONFIG)
            self._brief = session.client("swf", endpoint_url=address.endpoint, config=_BRIEF)
            self._poller = session.client("swf", endpoint_url=address.endpoint, config=_ONCE)
        except (BotoCoreError, ValueError) as error:
            raise errors.InvalidOptionError(
                f"{address.region}/{address.domain}: {error}"
            ) from error
        self.session = session
        self.outage = Outage("Amazon SWF", log)  # who tries again says so here
        self.polls = Polls([self._swf, self._poller], CONNECT, READ)
        self._here = threading.local()

    def __call__(self, operation: str, **members: Any) -> dict[str, Any]:
        """Call one operation, such as `start_workflow_execution`, with its members.

        Members that are None are left out.

        Raises:
            PartitaError: what SWF's fault means to us.
        """
        given = {name: value for name, value in members.items() if value is not None}
        try:
            answer: dict[str, Any] = getattr(self._client(operation, given), operation)(**given)
        except ClientError as error:
            raise _meaning(operation, error) from error
        except _NEVER as error:
            raise errors.InvalidOptionError(
                f"Amazon SWF: {error}; run `aws configure`, or name a profile: swf://…?profile=NAME"
            ) from error
        except ParamValidationError as error:
            kind = (
                errors.InvalidTokenError if operation in _ABOUT_TASKS else errors.InvalidOptionError
            )
            raise kind(f"Amazon SWF cannot be asked: {_line(error)}") from error
        except BotoCoreError as error:
            raise errors.StoreUnavailableError(
                f"Amazon SWF is out of reach: {_line(error)}"
            ) from error
        if _is_cut_off(answer):
            raise errors.StoreUnavailableError(
                f"Amazon SWF is out of reach: its answer to {operation} was cut off"
            )
        self.outage.over()
        return answer

    def _client(self, operation: str, given: Mapping[str, Any]) -> Any:
        if operation.startswith("poll_for_") and "nextPageToken" not in given:  # else it has a task
            return self._poller if getattr(self._here, "polls_once", False) else self._swf
        return self._brief if getattr(self._here, "is_brief", False) else self._swf

    @contextmanager
    def at_once(self) -> Iterator[None]:
        """Have this thread's calls succeed or fail at their first attempt; not for polls."""
        self._here.is_brief = True
        try:
            yield
        finally:
            self._here.is_brief = False

    def poll_once(self) -> None:
        """From now on, let each of this thread's polls succeed or fail at its first attempt.

        For a thread that tries again by itself, and that may be told to stop while it waits: the
        SDK's own waits, of up to 20 seconds, cannot be ended.
        """
        self._here.polls_once = True

    def close(self) -> None:
        """Let polls end, and let go of the connections."""
        self.polls.close()
        self._swf.close()
        self._brief.close()
        self._poller.close()


_CONFIG = Config(
    retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
    connect_timeout=CONNECT,
    read_timeout=READ,
    max_pool_connections=50,
    user_agent_extra="partita",
)
_ONCE = _CONFIG.merge(Config(retries={"mode": "standard", "total_max_attempts": 1}))
_BRIEF = _ONCE.merge(Config(read_timeout=BRIEF_READ))

_NEVER = (NoCredentialsError, NoRegionError, PartialCredentialsError, SSOError)
"""What is wrong here, and not with the way to SWF."""

_ABOUT_TASKS = {
    "respond_decision_task_completed",
    "respond_activity_task_completed",
    "respond_activity_task_failed",
    "respond_activity_task_canceled",
    "record_activity_task_heartbeat",
}

_UNAVAILABLE = {
    "InternalFailure",
    "InternalServerError",
    "RequestTimeout",
    "ServiceUnavailable",
    "Throttling",
    "ThrottlingException",
}


def _is_cut_off(answer: dict[str, Any]) -> bool:
    """Whether the connection was lost before a body came; the SDK takes that for an empty one."""
    metadata = answer.get("ResponseMetadata", {})
    promised = metadata.get("HTTPHeaders", {}).get("content-length", "0")
    return len(answer) == 1 and promised.isdecimal() and int(promised) > len("{}")


def was_repeated(error: errors.PartitaError) -> bool:
    """Whether what SWF refuses was sent before, unanswered, and may have been done then."""
    cause = error.__cause__
    if not isinstance(cause, ClientError):
        return False
    return bool(cause.response.get("ResponseMetadata", {}).get("RetryAttempts"))


def _meaning(operation: str, error: ClientError) -> errors.PartitaError:
    code = error.response.get("Error", {}).get("Code", "")
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    text = _line(error.response.get("Error", {}).get("Message") or code)
    if code == "UnknownResourceFault":
        return _unknown(operation, text)
    if code in _UNAVAILABLE or (status >= 500 and code not in _FAULTS):
        return errors.StoreUnavailableError(f"Amazon SWF is not available: {text}")
    if code == "ValidationException" and operation in _ABOUT_TASKS and "oken" in text:
        return errors.InvalidTokenError(f"Amazon SWF knows no such task: {text}")
    if code == "ValidationException" and operation == "respond_decision_task_completed":
        return errors.DecisionRefusedError(f"Amazon SWF refuses the decisions: {text}")
    return _FAULTS.get(code, errors.OperationRefusedError)(
        f"Amazon SWF: {text} ({code}){_WHY.get(code, '')}"
    )


_FAULTS: dict[str, type[errors.PartitaError]] = {
    "DefaultUndefinedFault": errors.InvalidOptionError,
    "SerializationException": errors.InvalidOptionError,
    "ValidationException": errors.InvalidOptionError,
    "WorkflowExecutionAlreadyStartedFault": errors.ExecutionAlreadyStartedError,
}


_WHY = {
    "DomainDeprecatedFault": ": the domain is deprecated, so nothing new can begin in it; "
    "take another, or undeprecate it with AWS's tools",
    "TypeDeprecatedFault": ": the type is deprecated, so nothing new of it can begin; give it a "
    "new version, or: partita swf deprecate --undo workflow|activity NAME VERSION",
}
"""What a fault means, and how to mend it, where Amazon SWF only names what it is about."""


def _unknown(operation: str, text: str) -> errors.PartitaError:
    if operation in _ABOUT_TASKS:
        return errors.TaskLostError(f"the task is no longer this worker's: {text}")
    if "type" in text.lower():
        return errors.UnknownTypeError(
            f"Amazon SWF: {text}; start a worker that has it, or register it: partita swf register"
        )
    if "domain" in text.lower() and "execution" not in text.lower():
        return DomainNotFoundError(
            f"Amazon SWF: {text}; a worker registers it, or: partita swf register --domain"
        )
    return errors.ExecutionNotFoundError(
        f"Amazon SWF: {text}; `partita list` shows those that there are"
    )


class DomainNotFoundError(errors.ExecutionNotFoundError):
    """The domain is not registered, so nothing is in it."""


def _line(text: object) -> str:
    return " ".join(str(text).split())
