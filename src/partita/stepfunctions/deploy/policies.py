"""Write the least policy of a machine's role, and find what a policy lacks."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from partita.stepfunctions.deploy.permissions import Permission

_NOT_WORD = re.compile(r"[^A-Za-z0-9]")


@dataclass(frozen=True)
class Statement:
    """Actions on resources, and the states that need them."""

    actions: tuple[str, ...]
    resources: tuple[str, ...]
    states: tuple[str, ...]

    @property
    def sid(self) -> str:
        """A name that is unique in its policy."""
        parts = [part for one in self.actions for part in one.split(":")]
        return "".join(_NOT_WORD.sub("", part[:1].upper() + part[1:]) for part in parts)[:128]

    def document(self, arn: dict[str, str] | None = None) -> dict[str, Any]:
        """Return the statement for a policy; `arn` has the parts of ARNs by their names."""
        resources = [_filled(one, arn) for one in self.resources]
        return {
            "Sid": self.sid,
            "Effect": "Allow",
            "Action": list(self.actions),
            "Resource": resources,
        }


def _filled(resource: str, arn: dict[str, str] | None) -> str:
    for name, value in (arn or {}).items():
        resource = resource.replace(f"{{{name}}}", value)
    return resource


def statements_of(permissions: Iterable[Permission]) -> list[Statement]:
    """Return the statements that allow all permissions that are known, and nothing else."""
    found: dict[tuple[str, ...], tuple[dict[str, None], dict[str, None]]] = {}
    for one in permissions:
        if one.resource is not None:
            resources, states = found.setdefault(one.actions, ({}, {}))
            resources[one.resource] = states[one.state] = None
    return [
        Statement(actions, tuple(sorted(resources)), tuple(states))
        for actions, (resources, states) in sorted(found.items())
    ]


def unknown(permissions: Iterable[Permission]) -> list[str]:
    """Return what to tell of permissions that are not known."""
    return [
        f"state {one.state!r} needs permissions that are not known here ({one.actions[0]}, at "
        "least); add them to the machine's role"
        for one in permissions
        if one.resource is None
    ]


def missing(permissions: Iterable[Permission], statements: Sequence[Statement]) -> list[Permission]:
    """Return the permissions that no statement allows."""
    return [
        one
        for one in permissions
        if one.resource is not None
        and not all(_is_allowed(action, one.resource, statements) for action in one.actions)
    ]


def _is_allowed(action: str, resource: str, statements: Sequence[Statement]) -> bool:
    return any(
        action in one.actions and any(fnmatchcase(resource, allowed) for allowed in one.resources)
        for one in statements
    )


def policy(statements: Sequence[Statement], arn: dict[str, str] | None = None) -> dict[str, Any]:
    """Return a policy's document."""
    return {"Version": "2012-10-17", "Statement": [one.document(arn) for one in statements]}
