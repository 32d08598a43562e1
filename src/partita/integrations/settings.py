"""Define where services are, and which of them state machines may call."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct, field


class ServiceSettings(Struct, frozen=True, kw_only=True):
    """Where the services of state machines are."""

    is_aws_used: bool = True  # False: only the folder and the hosts are
    region: str = "us-east-1"
    profile: str | None = None  # of ~/.aws; None: the SDK's own order
    endpoint: str | None = None  # URL of all of AWS; None: AWS itself
    endpoints: dict[str, str] = field(default_factory=dict)  # boto3's name of a service -> URL
    folder: str | None = None  # stands for S3: FOLDER/BUCKET/KEY
    http_hosts: tuple[str, ...] = ()  # that http:invoke may call: host or host:port
    connections: dict[str, dict[str, Any]] = field(default_factory=dict)
    """ConnectionArn, or the connection's name -> members of EventBridge's CreateConnection."""

    def endpoint_of(self, service: str) -> str | None:
        """Return the URL of a service, by boto3's name for it; None: AWS itself."""
        return self.endpoints.get(service, self.endpoint)


def settings_from(environment: Mapping[str, str]) -> ServiceSettings:
    """Return the settings that AWS's own variables give: AWS_ENDPOINT_URL, AWS_REGION, ..."""
    region = environment.get("AWS_REGION") or environment.get("AWS_DEFAULT_REGION")
    return ServiceSettings(
        region=region or "us-east-1",
        profile=environment.get("AWS_PROFILE"),
        endpoint=environment.get("AWS_ENDPOINT_URL"),
    )
