"""Call the outside services of machines, where this process is told that they are.

The services are those of the process, as Lambda functions and integrations are: a worker is
configured once, and its activities find them here. Without configuration none is called, so that
nobody writes to AWS who has not asked for it.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from partita.asl.item_readers.data_sets import ITEM_READER_FAILED
from partita.asl.item_readers.pages import ItemPages
from partita.authoring.context import activity_info
from partita.errors import TaskFailedError
from partita.integrations import process_services
from partita.integrations.failures import NO_AWS, TASK_FAILED
from partita.integrations.http_tasks import HttpTrace
from partita.integrations.objects import ObjectStore
from partita.integrations.resources import parse_resource
from partita.integrations.services import Services
from partita.integrations.settings import ServiceSettings
from partita.worker import child_setup

HTTP = ("http:invoke", "apigateway:invoke")

STARTED_JOB = "partita:job"
"""The one member of a result that is a job to wait for; its value is what started it."""

_pages: list[ItemPages] = []  # of the services' objects


_traces: dict[str, HttpTrace] = {}  # of HTTP tasks, by the id of the workflow


@contextmanager
def traced(workflow_id: str, *, has_secrets: bool) -> Iterator[HttpTrace]:
    """Yield what keeps the last HTTP request of a workflow, and the answer."""
    _traces[workflow_id] = HttpTrace(has_secrets=has_secrets)
    try:
        yield _traces[workflow_id]
    finally:
        del _traces[workflow_id]


def use_services(settings: ServiceSettings | None) -> None:
    """Set which services the machines of this process may call; None: no service."""
    process_services.use(None if settings is None else Services(settings))
    for pages in _pages:
        pages.close()
    _pages.clear()


def perform(name: str, parameters: Any) -> Any:
    """Return the result of an action, such as `sqs:sendMessage`, or the job that `.sync` started.

    Raises:
        TaskFailedError: the task fails.
    """
    found = process_services.configured()
    if found is None:
        child_setup.need_worker("services")
    if found is None or not (found.settings.is_aws_used or name in HTTP):
        raise TaskFailedError(
            TASK_FAILED,
            f"this worker has no integration {name}, and calls no services of AWS: register one "
            "with register_integration, give --aws REGION or --aws URL, or mock the task",
        )
    action, _, pattern = name.partition(".")
    resource = parse_resource(action)
    key = str(uuid.uuid5(uuid.NAMESPACE_OID, activity_info().idempotency_key))
    if pattern.startswith("sync"):
        return {STARTED_JOB: services().start_job(resource, parameters, idempotency_key=key)}
    trace = _traces.get(activity_info().workflow_id)
    return services().call(resource, parameters, idempotency_key=key, trace=trace)


def objects(error: str) -> ObjectStore:
    """Return where this process's data sets and results are.

    Raises:
        TaskFailedError: nowhere; `error` is its name.
    """
    try:
        return services().objects
    except TaskFailedError as failed:
        raise TaskFailedError(error, failed.cause) from failed


def item_pages() -> ItemPages:
    """Return what reads this process's data sets, and keeps readings open between pages.

    Raises:
        TaskFailedError: there is no place for them.
    """
    if not _pages:
        _pages.append(ItemPages(objects(ITEM_READER_FAILED)))
    return _pages[0]


def services() -> Services:
    """Return this process's services.

    Raises:
        TaskFailedError: it has none.
    """
    found = process_services.configured()
    if found is None:
        child_setup.need_worker("services")
        raise TaskFailedError(TASK_FAILED, NO_AWS)
    return found
