"""Wait for the jobs of `.sync` tasks: start one, ask how it stands, stop it.

Each of the three is a call that an activity can make; the waiting between two questions is a
timer of whoever waits, so that a restart neither starts a job again nor loses it.

Source: AWS Step Functions Developer Guide, "Run a Job (.sync)", and the guides of the services
for the states of their jobs.
"""

from __future__ import annotations

from typing import Any

from partita.errors import TaskFailedError
from partita.integrations.clients import Clients
from partita.integrations.failures import TASK_FAILED
from partita.integrations.job_kinds import JOBS, JobKind
from partita.integrations.json_texts import json_text
from partita.integrations.resources import JobStanding, Resource
from partita.integrations.service_calls import call_api, call_service
from partita.integrations.service_errors import not_supported

Arguments = dict[str, Any]


def start_job(
    clients: Clients, resource: Resource, arguments: Any, *, idempotency_key: str | None = None
) -> Arguments:
    """Start a job; return what the service answers, which the other two functions are given.

    Raises:
        TaskFailedError: the service refuses, or there is no such job.
    """
    kind = _kind(resource)
    started = call_service(clients, resource, arguments, idempotency_key=idempotency_key)
    if kind.refused is not None:
        kind.refused(started)
    return started


def check_job(
    clients: Clients, resource: Resource, arguments: Arguments, started: Arguments
) -> JobStanding:
    """Return how a job stands; `arguments` and `started` are those of its start.

    Raises:
        TaskFailedError: the job failed, or the service refuses to tell.
    """
    kind = _kind(resource)
    described = call_api(clients, resource, kind.describe, kind.asked(arguments, started))
    job = kind.job(described)
    state = kind.state(job)
    if state in kind.succeeded:
        return JobStanding(is_done=True, output=job)
    if state in kind.failed:
        raise TaskFailedError(TASK_FAILED, json_text(job))
    return JobStanding(is_done=False)


def stop_job(
    clients: Clients, resource: Resource, arguments: Arguments, started: Arguments
) -> None:
    """Stop a job whose task is stopped or has timed out; do nothing where that is impossible.

    Raises:
        TaskFailedError: the service refuses.
    """
    kind = _kind(resource)
    if kind.stop is not None and kind.stopped is not None:
        call_api(clients, resource, kind.stop, kind.stopped(arguments, started))


def _kind(resource: Resource) -> JobKind:
    kind = JOBS.get((resource.service, resource.action))
    if kind is None or resource.is_sdk:
        raise not_supported(resource)
    return kind
