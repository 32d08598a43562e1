"""Give the activities of state machines the services they call.

The one entry to this package for whoever runs machines. What AWS's SDK costs is paid when the
first call is made. All methods may be called by many threads.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from partita.errors import TaskFailedError
from partita.integrations.api_gateway import invoke_api
from partita.integrations.failures import NO_AWS, TASK_FAILED
from partita.integrations.http_tasks import HttpTasks, HttpTrace
from partita.integrations.objects import FolderStore, ObjectStore
from partita.integrations.resources import JobStanding, Resource
from partita.integrations.settings import ServiceSettings

if TYPE_CHECKING:
    from partita.integrations.aws_tasks import AwsTasks


class Services:
    """AWS, HTTP endpoints and object stores, where the settings say."""

    def __init__(self, settings: ServiceSettings | None = None) -> None:
        self.settings = settings or ServiceSettings()
        self._http = HttpTasks(self.settings.http_hosts, self.settings.connections)

    @functools.cached_property
    def _aws(self) -> AwsTasks:
        if not self.settings.is_aws_used:
            raise TaskFailedError(TASK_FAILED, NO_AWS)
        from partita.integrations.aws_tasks import AwsTasks  # AWS's SDK, which is an extra

        return AwsTasks(self.settings)

    @functools.cached_property
    def objects(self) -> ObjectStore:
        """S3, or the folder that stands for it."""
        folder = self.settings.folder
        return self._aws.objects if folder is None else FolderStore(folder)

    def call(
        self,
        resource: Resource,
        arguments: Any,
        *,
        idempotency_key: str | None = None,
        trace: HttpTrace | None = None,
    ) -> Any:
        """Return the result of a Task state that waits for the answer.

        Raises:
            TaskFailedError: the state fails.
        """
        if resource.service == "http" and not resource.is_sdk:
            return self._http.invoke(arguments, trace)
        if resource.service == "apigateway" and not resource.is_sdk:
            return invoke_api(self._http, arguments)
        return self._aws.call(resource, arguments, idempotency_key)

    def start_job(
        self, resource: Resource, arguments: Any, *, idempotency_key: str | None = None
    ) -> dict[str, Any]:
        """Start the job of a `.sync` task; return the answer, which `check_job` is given.

        Raises:
            TaskFailedError: the state fails.
        """
        return self._aws.start_job(resource, arguments, idempotency_key)

    def check_job(
        self, resource: Resource, arguments: dict[str, Any], started: dict[str, Any]
    ) -> JobStanding:
        """Return how the job stands.

        Raises:
            TaskFailedError: the job, and with it the state, has failed.
        """
        return self._aws.check_job(resource, arguments, started)

    def stop_job(
        self, resource: Resource, arguments: dict[str, Any], started: dict[str, Any]
    ) -> None:
        """Stop the job of a task that is stopped or has timed out.

        Raises:
            TaskFailedError: the service refuses.
        """
        self._aws.stop_job(resource, arguments, started)
