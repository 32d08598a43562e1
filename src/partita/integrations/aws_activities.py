"""Define the activities that calls of AWS are: call; and for jobs start, check and stop."""

from __future__ import annotations

import uuid
from typing import Any

from partita.authoring.activity import activity
from partita.authoring.context import activity_info
from partita.integrations.process_services import of_workflows
from partita.integrations.resources import JobStanding, parse_resource


@activity(name="aws:call")
def call(action: str, arguments: dict[str, Any]) -> Any:
    """Return what an action of a service, such as `dynamodb:updateItem`, answers.

    Raises:
        TaskFailedError: it is refused.
    """
    return of_workflows().call(parse_resource(action), arguments, idempotency_key=_key())


@activity(name="aws:start")
def start(action: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """Start a job; return the answer.

    Raises:
        TaskFailedError: it is refused.
    """
    return of_workflows().start_job(parse_resource(action), arguments, idempotency_key=_key())


@activity(name="aws:check")
def check(action: str, arguments: dict[str, Any], started: dict[str, Any]) -> JobStanding:
    """Return how a job stands.

    Raises:
        TaskFailedError: it has failed.
    """
    return of_workflows().check_job(parse_resource(action), arguments, started)


@activity(name="aws:stop")
def stop(action: str, arguments: dict[str, Any], started: dict[str, Any]) -> None:
    """Stop a job.

    Raises:
        TaskFailedError: the service refuses.
    """
    of_workflows().stop_job(parse_resource(action), arguments, started)


def _key() -> str:
    """Return what makes a repeated attempt the same call, where the API knows such a thing."""
    return str(uuid.uuid5(uuid.NAMESPACE_OID, activity_info().idempotency_key))
