"""Find, create, update and restore one state machine."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from partita.stepfunctions.deploy.clients import Clients, call_machines
from partita.stepfunctions.deploy.wanted import DIGEST_TAG, SOURCE_TAG, Wanted, digest


@dataclass(frozen=True)
class FoundMachine:
    """A state machine as it is deployed."""

    arn: str
    text: str
    role: str
    kind: str
    tags: dict[str, str]

    @property
    def source(self) -> str | None:
        """The workflow that it was deployed from."""
        return self.tags.get(SOURCE_TAG)

    @property
    def has_drifted(self) -> bool:
        """Whether others have changed it since it was deployed."""
        return self.tags.get(DIGEST_TAG) != _digest(self.text, self.role)

    def is_as(self, wanted: Wanted, text: str) -> bool:
        """Return whether there is nothing to change but tags."""
        return _digest(self.text, self.role) == _digest(text, wanted.role)


def _digest(text: str, role: str) -> str:
    try:
        return digest(json.loads(text), role)
    except ValueError:
        return digest(text, role)


def find_machine(clients: Clients, name: str) -> FoundMachine | None:
    """Return the machine of that name, or None."""
    arn = _arn_of(clients, name)
    if arn is None:
        return None
    found = call_machines(clients, "describe_state_machine", stateMachineArn=arn)
    tags = call_machines(clients, "list_tags_for_resource", resourceArn=arn)["tags"]
    named = {one["key"]: one["value"] for one in tags}
    return FoundMachine(arn, found["definition"], found["roleArn"], found["type"], named)


def _arn_of(clients: Clients, name: str) -> str | None:
    token: dict[str, Any] = {}
    while True:
        page = call_machines(clients, "list_state_machines", **token)
        for one in page["stateMachines"]:
            if one["name"] == name:
                arn: str = one["stateMachineArn"]
                return arn
        if "nextToken" not in page:
            return None
        token = {"nextToken": page["nextToken"]}


def create_machine(clients: Clients, wanted: Wanted, text: str) -> dict[str, Any]:
    """Create a machine, and publish its first version; return what AWS answers."""
    return call_machines(
        clients,
        "create_state_machine",
        name=wanted.name,
        definition=text,
        roleArn=wanted.role,
        type=wanted.kind,
        publish=True,
        versionDescription=f"Compiled from {wanted.source}",
        tags=_tag_list(_tags(wanted, text)),
    )


def update_machine(
    clients: Clients, found: FoundMachine, wanted: Wanted, text: str
) -> dict[str, Any]:
    """Change a machine to what is wanted, and publish a version; return what AWS answers."""
    return call_machines(
        clients,
        "update_state_machine",
        stateMachineArn=found.arn,
        definition=text,
        roleArn=wanted.role,
        publish=True,
        versionDescription=f"Compiled from {wanted.source}",
    )


def tag_machine(clients: Clients, arn: str, wanted: Wanted, text: str) -> None:
    """Note on a machine from what it was deployed."""
    tags = _tag_list(_tags(wanted, text))
    call_machines(clients, "tag_resource", resourceArn=arn, tags=tags)


def restore_machine(clients: Clients, found: FoundMachine) -> None:
    """Undo an update."""
    call_machines(
        clients,
        "update_state_machine",
        stateMachineArn=found.arn,
        definition=found.text,
        roleArn=found.role,
    )
    call_machines(clients, "tag_resource", resourceArn=found.arn, tags=_tag_list(found.tags))


def _tags(wanted: Wanted, text: str) -> dict[str, str]:
    return {**wanted.tags, DIGEST_TAG: _digest(text, wanted.role)}


def _tag_list(tags: dict[str, str]) -> list[dict[str, str]]:
    return [{"key": key, "value": value} for key, value in tags.items()]
