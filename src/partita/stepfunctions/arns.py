"""Read and write the ARNs of Step Functions' resources.

Source: AWS Service Authorization Reference, "Resource types defined by AWS Step Functions".
"""

from __future__ import annotations

import re

from msgspec import Struct

from partita.aws.faults import ValidationFault
from partita.stepfunctions.faults import InvalidArn

MACHINE, EXECUTION, EXPRESS = "stateMachine", "execution", "express"
ACTIVITY, MAP_RUN = "activity", "mapRun"
"""Kinds of resources."""

_ARN = re.compile(r"arn:aws:states:([a-z0-9-]*):(\d*):(\w+):(.+)", re.DOTALL)


class Arn(Struct, frozen=True):
    """What an ARN names: the parts after its kind, which colons separate."""

    kind: str
    parts: tuple[str, ...]

    @property
    def name(self) -> str:
        """The first part."""
        return self.parts[0]

    @property
    def rest(self) -> str:
        """The parts after the first one; empty if there are none."""
        return ":".join(self.parts[1:])


class Names(Struct, frozen=True):
    """The names of resources at one endpoint."""

    region: str
    account: str

    @property
    def prefix(self) -> str:
        """What all ARNs begin with."""
        return f"arn:aws:states:{self.region}:{self.account}"

    def arn(self, kind: str, *parts: str) -> str:
        """Return the ARN of a resource."""
        return ":".join((self.prefix, kind, *parts))

    def parse(self, text: str, *kinds: str) -> Arn:
        """Return what an ARN names, which must be of one of these kinds.

        Raises:
            InvalidArn: it is none, of another kind, or of another partition, region or account.
            ValidationFault: it is that of a Distributed Map state within a machine.
        """
        found = _ARN.fullmatch(text)
        if found is None:
            raise InvalidArn(f"Invalid ARN prefix: {text}")
        region, account, kind, rest = found.groups()
        if kind not in kinds:
            raise InvalidArn(f"Resource type not valid in this context: {kind}")
        if region != self.region:
            raise InvalidArn(f"The ARN is of region {region}, and this is {self.region}: {text}")
        if account != self.account:
            raise InvalidArn(f"The ARN is of account {account}, and this is {self.account}: {text}")
        if kind == MACHINE and "/" in rest:
            raise ValidationFault(f"The ARN refers to a Distributed Map state: {text}")
        parts = tuple(rest.split(":"))
        if not all(parts):
            raise InvalidArn(f"The ARN has an empty part: {text}")
        return Arn(kind, parts)
