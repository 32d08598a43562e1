"""What an execution begins with. It is the input of the workflow that runs it.

An execution is told from all others by its workflow id: `MACHINE:NAME`, and for an express
machine, whose executions may share a name, `MACHINE:NAME:ID`.
"""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from partita.asl.resumption import Resumption
from partita.history import WorkflowType

WORKFLOW_TYPE = WorkflowType("states:execution")
"""The type of the workflow that runs executions."""

DOMAIN = "default"

TASK_LIST = "states"
"""Where executions wait to be decided, and the tasks that the endpoint itself carries out."""

ACTIVITY_LIST = "states:activity:"
"""What the task lists of activities begin with; the activity's name follows."""

STANDARD, EXPRESS = "STANDARD", "EXPRESS"


class Redrive(Struct, frozen=True, kw_only=True):
    """Where an execution that has ended goes on."""

    count: int  # how many times it was redriven, this time included
    run_id: str  # of the run before
    events: int  # that the history has so far
    started_at: float  # the first run, in seconds since the epoch
    resumption: Resumption
    client_token: str | None = None  # of the request


class Beginning(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A machine as it was when the execution began, and what the start asked for."""

    machine: str  # its name
    name: str  # the execution's
    definition: str
    input: str  # as it was sent
    role_arn: str
    region: str
    account: str
    type: str = STANDARD
    revision_id: str | None = None
    updated_at: float = 0.0  # when the revision was made, in seconds since the epoch
    version: int | None = None  # None: the machine itself was started
    alias: str | None = None
    settings: dict[str, Any] = {}  # logging, tracing and encryption, as the API spells them
    trace_header: str | None = None
    mocks: dict[str, list[dict[str, Any]]] | None = None
    redrive: Redrive | None = None

    @property
    def is_express(self) -> bool:
        """Whether it is an execution of an express machine."""
        return self.type == EXPRESS


def parts_of(workflow_id: str) -> tuple[str, str]:
    """Return the machine's name, and the rest, of a workflow id; no name if it has none."""
    machine, colon, rest = workflow_id.partition(":")
    return (machine, rest) if colon else ("", workflow_id)
