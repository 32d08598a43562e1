"""Name the actions of services that Task states call, and say how their jobs stand."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

_SDK = "aws-sdk:"


class Resource(Struct, frozen=True):
    """An action of a service, such as `sqs:sendMessage` or `aws-sdk:s3:getObject`."""

    service: str  # as the ARN has it: sqs, states, dynamodb, http
    action: str  # as the ARN has it: sendMessage
    is_sdk: bool = False  # of the form aws-sdk:SERVICE:ACTION

    def __str__(self) -> str:
        return f"{_SDK if self.is_sdk else ''}{self.service}:{self.action}"


def parse_resource(name: str) -> Resource:
    """Return the action that a name such as `aws-sdk:s3:getObject` stands for."""
    service, _, action = name.removeprefix(_SDK).partition(":")
    return Resource(service, action, name.startswith(_SDK))


class JobStanding(Struct, frozen=True):
    """How the job of a `.sync` task stands. Plain data, an activity's result."""

    is_done: bool
    output: Any = None  # the task's result once it is done
