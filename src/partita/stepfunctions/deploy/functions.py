"""Find, create, update and restore one Lambda function."""

from __future__ import annotations

import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from partita.errors import NotDeployedError, PartitaError
from partita.stepfunctions.deploy.clients import (
    Clients,
    FunctionMissingError,
    call_functions,
    wait_until,
)
from partita.stepfunctions.deploy.wanted import (
    DIGEST_TAG,
    SOURCE_TAG,
    VERSION_TAG,
    Wanted,
    digest,
)

_COMPARED = ("Role", "Runtime", "Handler", "Timeout", "MemorySize", "Architectures")
_ROLE_PAUSES = (1.0, 2.0, 4.0, 5.0)
"""Seconds to wait for a role that is so new that Lambda cannot assume it yet."""


@dataclass(frozen=True)
class FoundFunction:
    """A function as it is deployed."""

    arn: str
    settings: dict[str, Any]
    code_digest: str
    tags: dict[str, str]
    location: str | None  # the URL of its code

    @property
    def source(self) -> str | None:
        """The workflow that it was deployed from."""
        return self.tags.get(SOURCE_TAG)

    @property
    def version(self) -> str | None:
        """The version that the machine calls."""
        return self.tags.get(VERSION_TAG)

    @property
    def has_drifted(self) -> bool:
        """Whether others have changed it since it was deployed."""
        return self.tags.get(DIGEST_TAG) != digest(self.code_digest, self.settings)

    def is_as(self, wanted: Wanted) -> bool:
        """Return whether there is nothing to change but tags."""
        return not differences(self, wanted) and self.version is not None


def differences(found: FoundFunction | None, wanted: Wanted) -> dict[str, tuple[Any, Any]]:
    """Return what is to be changed, by name: as it is, and as it should be."""
    assert wanted.settings is not None
    new = {**wanted.settings.shown(), "CodeSha256": wanted.code_digest}
    old = {} if found is None else {**found.settings, "CodeSha256": found.code_digest}
    return {key: (old.get(key), one) for key, one in new.items() if old.get(key) != one}


def find_function(clients: Clients, name: str) -> FoundFunction | None:
    """Return the function of that name, or None."""
    try:
        found = call_functions(clients, "get_function", FunctionName=name)
    except FunctionMissingError:
        return None
    about = found["Configuration"]
    return FoundFunction(
        about["FunctionArn"],
        {key: about.get(key) for key in _COMPARED},
        about["CodeSha256"],
        found.get("Tags", {}),
        found.get("Code", {}).get("Location"),
    )


def create_function(clients: Clients, wanted: Wanted) -> str:
    """Create a function; return its ARN. Its first version is not published yet."""
    assert wanted.settings is not None
    members = {**wanted.settings.shown(), "Code": {"ZipFile": wanted.content}}
    members |= {"FunctionName": wanted.name, "Tags": wanted.tags}
    members["Description"] = f"Activities of {wanted.source}"
    for pause in _ROLE_PAUSES:
        try:
            made = call_functions(clients, "create_function", **members)
            break
        except PartitaError as error:
            if "cannot be assumed" not in str(error):
                raise
            clients.pause(pause)
    else:
        made = call_functions(clients, "create_function", **members)
    arn: str = made["FunctionArn"]
    return arn


def publish(clients: Clients, wanted: Wanted, arn: str) -> str:
    """Publish a version of a function as it is wanted; return the version's ARN."""
    assert wanted.settings is not None
    wait_until(clients, "function_active_v2", wanted.name)
    made = call_functions(
        clients, "publish_version", FunctionName=wanted.name, CodeSha256=wanted.code_digest
    )
    version = made["Version"]
    tags = {
        **wanted.tags,
        VERSION_TAG: version,
        DIGEST_TAG: digest(wanted.code_digest, wanted.settings.shown()),
    }
    call_functions(clients, "tag_resource", Resource=arn, Tags=tags)
    return f"{arn}:{version}"


def update_function(clients: Clients, found: FoundFunction, wanted: Wanted) -> None:
    """Change a function to what is wanted."""
    assert wanted.settings is not None
    changes = differences(found, wanted)
    if {"CodeSha256", "Architectures"} & changes.keys():
        _update_code(clients, wanted.name, wanted.content, [wanted.settings.architecture])
    if changes.keys() - {"CodeSha256", "Architectures"}:
        _update_settings(clients, wanted.name, wanted.settings.members())


def _update_code(clients: Clients, name: str, content: Any, architectures: Any) -> None:
    wait_until(clients, "function_updated_v2", name)
    call_functions(
        clients,
        "update_function_code",
        FunctionName=name,
        ZipFile=content,
        Architectures=architectures,
    )
    wait_until(clients, "function_updated_v2", name)


def _update_settings(clients: Clients, name: str, settings: dict[str, Any]) -> None:
    wait_until(clients, "function_updated_v2", name)
    call_functions(clients, "update_function_configuration", FunctionName=name, **settings)
    wait_until(clients, "function_updated_v2", name)


def tag_function(clients: Clients, arn: str, tags: dict[str, str]) -> None:
    """Give a function tags."""
    call_functions(clients, "tag_resource", Resource=arn, Tags=tags)


def delete_function(clients: Clients, name: str) -> None:
    """Delete a function with all its versions."""
    call_functions(clients, "delete_function", FunctionName=name)


def download(url: str) -> bytes:
    """Return the code of a function."""
    with urllib.request.urlopen(url, timeout=60) as answer:
        content: bytes = answer.read()
    return content


def code_of(found: FoundFunction, read: Callable[[str], bytes]) -> bytes:
    """Return the zip of a deployed function, so that it can be restored.

    Raises:
        NotDeployedError: it cannot be read.
    """
    try:
        return read(found.location or "")
    except (OSError, ValueError) as error:
        raise NotDeployedError(
            f"the code of {found.arn} cannot be read ({error}), and --atomic could not restore it; "
            "nothing was changed; deploy without --atomic"
        ) from error


def restore_function(
    clients: Clients, name: str, found: FoundFunction, code: bytes, version: str | None
) -> None:
    """Undo an update: delete the version that it published, and put back code and settings."""
    if version is not None and version != found.version:
        call_functions(clients, "delete_function", FunctionName=name, Qualifier=version)
    _update_code(clients, name, code, found.settings["Architectures"])
    settings = {key: one for key, one in found.settings.items() if key != "Architectures"}
    _update_settings(clients, name, settings)
    call_functions(clients, "tag_resource", Resource=found.arn, Tags=found.tags)
