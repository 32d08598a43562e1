"""Make boto3's clients for state machines, one per service.

Whoever imports this module pays for boto3: `services` imports it when the first call is made.

Source: botocore's guides to configuration and retries.
"""

from __future__ import annotations

import functools
import threading
from typing import Any

from partita.errors import InvalidOptionError, TaskFailedError
from partita.integrations.failures import RUNTIME
from partita.integrations.naming import SDK_NAMES
from partita.integrations.resources import Resource
from partita.integrations.settings import ServiceSettings

try:
    import boto3
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError
    from botocore.session import Session
except ImportError as error:  # pragma: no cover - the extra is always there in tests
    raise InvalidOptionError(
        f"AWS's SDK is needed, and is not installed ({error}); pip install 'partita[aws]'"
    ) from error

CONNECT_TIMEOUT = 5.0
"""Seconds that a connection may take to be made."""

READ_TIMEOUT = 60.0
"""Seconds without a byte after which a call is given up."""

ATTEMPTS = 3
"""Times that the SDK tries a call that failed on the way."""

CONFIG = Config(
    retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
    connect_timeout=CONNECT_TIMEOUT,
    read_timeout=READ_TIMEOUT,
    max_pool_connections=50,
    parameter_validation=False,  # the service refuses, with its own error
    inject_host_prefix=False,
    request_checksum_calculation="when_required",
    response_checksum_validation="when_required",  # else results show the checksums
    user_agent_extra="partita",
    s3={"addressing_style": "path"},
)


class Clients:
    """The clients of one place, made when they are first needed. Safe for many threads."""

    def __init__(self, settings: ServiceSettings) -> None:
        self.settings = settings
        self._lock = threading.Lock()
        self._clients: dict[str, Any] = {}

    def client(self, service: str) -> Any:
        """Return the client of a service, by boto3's name for it.

        Raises:
            TaskFailedError: region, profile or endpoint cannot be used.
        """
        with self._lock:  # boto3's sessions are not safe for many threads
            if service not in self._clients:
                self._clients[service] = self._new(service)
            return self._clients[service]

    def _new(self, service: str) -> Any:
        settings = self.settings
        endpoint = settings.endpoint_of(service)
        try:
            session = boto3.Session(profile_name=settings.profile, region_name=settings.region)
            return session.client(service, endpoint_url=endpoint, config=CONFIG)
        except (BotoCoreError, ValueError) as error:
            where = endpoint or settings.region
            raise TaskFailedError(
                RUNTIME, f"{service} at {where} cannot be used: {error}"
            ) from error


@functools.cache
def _names() -> dict[str, str]:
    """Return boto3's names of services, by the names of `aws-sdk:` resources."""
    names = {name.replace("-", ""): name for name in Session().get_available_services()}
    return names | SDK_NAMES


def service_name(resource: Resource) -> str:
    """Return boto3's name of the service of an `aws-sdk:` resource.

    Raises:
        TaskFailedError: there is no such service.
    """
    name = _names().get(resource.service.lower())
    if name is None:
        raise TaskFailedError(RUNTIME, f"there is no service named aws-sdk:{resource.service}")
    return name
