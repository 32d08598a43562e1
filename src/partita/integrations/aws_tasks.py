"""Give `services` all that needs AWS's SDK, in one import."""

from __future__ import annotations

from typing import Any

from partita.integrations.clients import Clients
from partita.integrations.jobs import check_job, start_job, stop_job
from partita.integrations.resources import JobStanding, Resource
from partita.integrations.s3_objects import S3Store
from partita.integrations.service_calls import call_service
from partita.integrations.settings import ServiceSettings


class AwsTasks:
    """The services of AWS, where the settings say. Safe for many threads."""

    def __init__(self, settings: ServiceSettings) -> None:
        self._clients = Clients(settings)
        self.objects = S3Store(self._clients)

    def call(self, resource: Resource, arguments: Any, idempotency_key: str | None) -> Any:
        """Return what a service answers; see `call_service`."""
        return call_service(self._clients, resource, arguments, idempotency_key=idempotency_key)

    def start_job(
        self, resource: Resource, arguments: Any, idempotency_key: str | None
    ) -> dict[str, Any]:
        """Start a job; see `jobs.start_job`."""
        return start_job(self._clients, resource, arguments, idempotency_key=idempotency_key)

    def check_job(
        self, resource: Resource, arguments: dict[str, Any], started: dict[str, Any]
    ) -> JobStanding:
        """Return how a job stands; see `jobs.check_job`."""
        return check_job(self._clients, resource, arguments, started)

    def stop_job(
        self, resource: Resource, arguments: dict[str, Any], started: dict[str, Any]
    ) -> None:
        """Stop a job; see `jobs.stop_job`."""
        stop_job(self._clients, resource, arguments, started)
