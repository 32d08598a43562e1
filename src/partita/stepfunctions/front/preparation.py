"""Know, from its beginning, the actions of services that the machines of a database call.

A process learns an action from a definition that it compiles. Tasks that were scheduled by an
earlier process would wait for a worker that has their action.
"""

from __future__ import annotations

import logging

from partita.asl.machines import compiled_text
from partita.errors import InvalidDefinitionError
from partita.ports.session import Catalogue, Committed
from partita.ports.state import ExecutionFilter, Status
from partita.stepfunctions.execution.beginning import DOMAIN, WORKFLOW_TYPE
from partita.stepfunctions.execution.records import beginning_of
from partita.stepfunctions.front.catalogue import Machine, Version, every

CHUNK = 1_000
"""Executions that are read at a time."""

log = logging.getLogger("partita.stepfunctions")


def prepare(committed: Committed) -> None:
    """Compile the definitions of all machines, and of executions that are open."""
    for definition in {*_machines(committed), *_executions(committed)}:
        try:
            compiled_text(definition)
        except InvalidDefinitionError as error:
            log.info("a definition cannot be run: %s", error)


def _machines(catalogue: Catalogue) -> set[str]:
    found = set()
    for machine in every(catalogue, Machine):
        found.add(machine.revision.definition)
        found |= {one.revision.definition for one in every(catalogue, Version, machine.name)}
    return found


def _executions(committed: Committed) -> set[str]:
    filter = ExecutionFilter(
        domain=DOMAIN, type_name=WORKFLOW_TYPE.name, statuses=(Status.OPEN,), limit=CHUNK
    )
    found = set()
    for record in committed.executions(filter):
        beginning = beginning_of(committed.events(record.run, 0)[:1])
        if beginning is not None:
            found.add(beginning.definition)
    return found
