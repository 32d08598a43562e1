"""What the templates have in common: the machine, the zip, the function's settings, the policy."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from partita.stepfunctions.deploy.permissions import permissions_of
from partita.stepfunctions.deploy.policies import Statement, statements_of, unknown
from partita.stepfunctions.deploy.wanted import FunctionSettings, Wanted

PLACEHOLDER = "${Function}"
"""Stands for the ARN of the function's version in the machine's file."""

_MARK = "@partita-function@"


@dataclass(frozen=True)
class Emission:
    """A deployment that is left to another tool."""

    wanted: Wanted
    definition: str  # of the machine, with the placeholder
    statements: Sequence[Statement]
    notes: Sequence[str]  # what to tell

    @property
    def machine_file(self) -> str:
        """The name of the machine's file."""
        return f"{self.wanted.name}.asl.json"

    @property
    def zip_file(self) -> str:
        """The name of the bundle's file."""
        return f"{self.wanted.name}.zip"

    @property
    def settings(self) -> FunctionSettings | None:
        """The function's settings; None if the machine calls none of its own."""
        return self.wanted.settings

    @property
    def description(self) -> str:
        """What the template says of itself."""
        return f"{self.wanted.source}, compiled by Partita"


def emission_of(wanted: Wanted) -> Emission:
    """Return what is to be written for a deployment."""
    marked = json.loads(wanted.machine_text(wanted.function or _MARK))
    permissions = permissions_of(marked, wanted.name, _MARK)
    return Emission(
        wanted, placeholder_text(marked), statements_of(permissions), unknown(permissions)
    )


def placeholder_text(marked: object) -> str:
    """Return a definition as text in which nothing but the placeholder looks like one."""
    text = json.dumps(marked, indent=2, ensure_ascii=False)
    return text.replace("${", "\\u0024{").replace(_MARK, PLACEHOLDER)
