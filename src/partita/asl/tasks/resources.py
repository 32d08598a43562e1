"""Read the ARNs of Task states' resources."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class LambdaResource:
    """A Lambda function."""

    arn: str


@dataclass(frozen=True)
class ActivityResource:
    """An activity, whose workers poll for tasks."""

    arn: str
    name: str


@dataclass(frozen=True)
class ServiceResource:
    """An action of a service, such as `sqs:sendMessage`."""

    arn: str
    service: str  # such as `sqs` or `aws-sdk:s3`
    action: str
    pattern: str  # "", "sync", "sync:2" or "waitForTaskToken"

    @property
    def name(self) -> str:
        """Service and action."""
        return f"{self.service}:{self.action}"

    @property
    def described(self) -> dict[str, str]:
        """How AWS's history names it."""
        suffix = f".{self.pattern}" if self.pattern else ""
        return {"resource": self.action + suffix, "resourceType": self.service}


Resource = LambdaResource | ActivityResource | ServiceResource

_LAMBDA = re.compile(r"arn:[\w-]+:lambda:[\w-]*:[\w-]*:function:.+")
_ACTIVITY = re.compile(r"arn:[\w-]+:states:[\w-]*:\d*:activity:(.+)")
_SERVICE = re.compile(
    r"arn:[\w-]+:states:[\w-]*:\d*:((?:aws-sdk:)?[\w-]+):(\w+)(?:\.(sync(?::2)?|waitForTaskToken))?"
)


def parse_resource(arn: str) -> Resource:
    """Return what an ARN names.

    Raises:
        ValueError: it names nothing that a Task state can do.
    """
    if _LAMBDA.fullmatch(arn):
        return LambdaResource(arn)
    found = _ACTIVITY.fullmatch(arn)
    if found is not None:
        return ActivityResource(arn, found[1])
    found = _SERVICE.fullmatch(arn)
    if found is not None:
        return ServiceResource(arn, found[1], found[2], found[3] or "")
    raise ValueError(f"{arn!r} is no ARN of a Lambda function, an activity or a service's action")
