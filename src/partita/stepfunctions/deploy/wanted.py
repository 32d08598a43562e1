"""Describe what a deployment creates: the Lambda function and the state machine."""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass
from typing import Any

from partita.stepfunctions.bundle import HANDLER
from partita.stepfunctions.deploy.definitions import calling

SOURCE_TAG = "partita:source"
"""The workflow that a function or a machine was deployed from."""

DIGEST_TAG = "partita:digest"
"""The digest of what was deployed; what differs from it has been changed by others."""

VERSION_TAG = "partita:version"
"""The version of the function that its machine calls."""


@dataclass(frozen=True)
class FunctionSettings:
    """How a function runs."""

    role: str
    runtime: str
    architecture: str
    timeout: int  # seconds
    memory: int  # MB
    handler: str = HANDLER

    def members(self) -> dict[str, Any]:
        """Return the settings by Lambda's names."""
        return {
            "Role": self.role,
            "Runtime": self.runtime,
            "Handler": self.handler,
            "Timeout": self.timeout,
            "MemorySize": self.memory,
        }

    def shown(self) -> dict[str, Any]:
        """Return all that a deployment compares."""
        return {**self.members(), "Architectures": [self.architecture]}


@dataclass(frozen=True)
class Wanted:
    """A function and a machine of one name. Without a bundle, the machine calls `function`."""

    name: str
    source: str  # of the workflow, as MODULE:NAME
    definition: dict[str, Any]
    activities: tuple[str, ...]
    role: str
    kind: str = "STANDARD"
    content: bytes | None = None  # the zip
    settings: FunctionSettings | None = None
    function: str | None = None
    own_tags: tuple[tuple[str, str], ...] = ()  # that users give both
    missing: tuple[str, ...] = ()  # packages that the modules import and the zip has not

    @property
    def tags(self) -> dict[str, str]:
        """The tags of both, beside those that tell the state of the deployment."""
        return {**dict(self.own_tags), SOURCE_TAG: self.source}

    @property
    def code_digest(self) -> str:
        """Lambda's digest of the zip."""
        return base64.b64encode(hashlib.sha256(self.content or b"").digest()).decode()

    @property
    def version_digest(self) -> str:
        """A digest of the function's code and settings."""
        assert self.settings is not None
        return digest(self.code_digest, self.settings.shown())

    def machine_text(self, function: str) -> str:
        """Return the definition of the machine that calls a function."""
        made = calling(self.definition, self.activities, function)
        return json.dumps(made, indent=2, ensure_ascii=False)


def digest(*parts: Any) -> str:
    """Return the digest of JSON data."""
    text = json.dumps(parts, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()
