"""Start executions of a machine, one of its versions or what an alias leads to.

Source: AWS Step Functions API Reference (2016-11-23), StartExecution, StartSyncExecution.
"""

from __future__ import annotations

import json
import random
import uuid
from pathlib import Path
from typing import Any

import msgspec

from partita.asl.machines import compiled_text
from partita.asl.tasks.mocks import responses_of
from partita.aws.faults import ValidationFault
from partita.aws.json_protocol import Answer
from partita.aws.shapes import Members
from partita.errors import InvalidDefinitionError
from partita.history import WorkflowExecution
from partita.ports.service import ReusePolicy, StartRequest
from partita.ports.session import Catalogue, Session
from partita.ports.state import State
from partita.stepfunctions import arns
from partita.stepfunctions.arns import Arn
from partita.stepfunctions.execution.beginning import (
    TASK_LIST,
    WORKFLOW_TYPE,
    Beginning,
)
from partita.stepfunctions.execution.records import beginning_of
from partita.stepfunctions.faults import (
    ExecutionAlreadyExists,
    InvalidExecutionInput,
    StateMachineDoesNotExist,
    StateMachineTypeNotSupported,
)
from partita.stepfunctions.front.catalogue import Alias, Machine, Revision, Version, find
from partita.stepfunctions.front.front import Front, Write
from partita.stepfunctions.front.json_errors import json_problem
from partita.stepfunctions.front.settings import checked_name

STANDARD_SECONDS = 366 * 24 * 3600.0
"""Seconds that a standard execution may last."""

EXPRESS_SECONDS = 300.0
"""Seconds that an express execution may last."""

Started = tuple[WorkflowExecution, Beginning]
"""An execution that was just started, and what it began with."""


def start_execution(
    front: Front, session: Session, request: Members, attributes: Members | None = None
) -> Answer:
    """Start an execution; the same request again returns the same one while it runs.

    `attributes` are the search attributes of an execution that is new.
    """
    beginning = beginning_for(front, session, request)
    parts = [beginning.machine, beginning.name]
    if beginning.is_express:
        parts.append(str(uuid.uuid4()))
    existing = session.find("default", ":".join(parts))
    if existing is None:
        session.start(_request(beginning, ":".join(parts), attributes))
        started = session.now
    else:
        started = _same_start(front, session, existing, beginning)
    kind = arns.EXPRESS if beginning.is_express else arns.EXECUTION
    return {"executionArn": front.names.arn(kind, *parts), "startDate": started}


def start_sync_execution(front: Front, session: Session, request: Members) -> Started:
    """Start an execution of an express machine, whose result the caller waits for.

    Raises:
        StateMachineTypeNotSupported: it is a standard machine.
    """
    beginning = beginning_for(front, session, request)
    if not beginning.is_express:
        raise StateMachineTypeNotSupported()
    workflow_id = f"{beginning.machine}:{beginning.name}:{uuid.uuid4()}"
    return session.start(_request(beginning, workflow_id)), beginning


def _same_start(front: Front, session: Session, state: State, beginning: Beginning) -> float:
    """Return when the execution of that name was started by the same request.

    Raises:
        ExecutionAlreadyExists: it is closed, or was started with other input.
    """
    was = beginning_of(session.events(state, 0))
    if state.is_closed or was is None or was.input != beginning.input:
        raise ExecutionAlreadyExists(
            front.names.arn(arns.EXECUTION, beginning.machine, beginning.name)
        )
    return state.execution.started_at


def _request(
    beginning: Beginning, workflow_id: str, attributes: Members | None = None
) -> StartRequest:
    try:
        limit = compiled_text(beginning.definition).timeout
    except InvalidDefinitionError:  # the execution fails with that
        limit = None
    longest = EXPRESS_SECONDS if beginning.is_express else STANDARD_SECONDS
    tags = [beginning.machine]
    if beginning.version is not None:
        tags.append(f"{beginning.machine}:{beginning.version}")
    if beginning.alias is not None:
        tags.append(f"{beginning.machine}:{beginning.alias}")
    return StartRequest(
        workflow_id=workflow_id,
        workflow_type=WORKFLOW_TYPE,
        input=msgspec.json.encode([beginning]).decode(),
        task_list=TASK_LIST,
        execution_start_to_close=min(limit or longest, longest),
        tag_list=tuple(tags),
        search_attributes=attributes or {},
        reuse_policy=ReusePolicy.REJECT,
    )


def beginning_for(front: Front, catalogue: Catalogue, request: Members) -> Beginning:
    """Return what an execution begins with.

    Raises:
        StateMachineDoesNotExist: there is no such machine, version or alias.
        InvalidExecutionInput: the input is not JSON, or is too large.
        InvalidName: the name has characters that names may not have.
    """
    text, _, test_case = request["stateMachineArn"].partition("#")
    arn = front.names.parse(text, arns.MACHINE)
    machine = find(catalogue, Machine, arn.name)
    if machine is None:
        raise StateMachineDoesNotExist(text)
    alias, version, revision = _chosen(catalogue, arn, machine, text)
    return Beginning(
        machine=machine.name,
        name=checked_name(request["name"]) if "name" in request else str(uuid.uuid4()),
        definition=revision.definition,
        input=checked_input(front, request.get("input", "{}")),
        role_arn=revision.role_arn,
        region=front.names.region,
        account=front.names.account,
        type=machine.type,
        revision_id=revision.id,
        updated_at=revision.updated_at,
        version=version,
        alias=alias,
        settings=revision.settings,
        trace_header=request.get("traceHeader"),
        mocks=_mocks(front, machine.name, test_case),
    )


def _chosen(
    catalogue: Catalogue, arn: Arn, machine: Machine, text: str
) -> tuple[str | None, int | None, Revision]:
    """Return the alias, the version and the revision that an ARN means."""
    if not arn.rest:
        return None, None, machine.revision
    alias = find(catalogue, Alias, arn.rest, machine.name)
    key = arn.rest if alias is None else str(_drawn(alias))
    version = find(catalogue, Version, key, machine.name)
    if version is None:
        raise StateMachineDoesNotExist(text)
    return None if alias is None else alias.name, version.number, version.revision


def _drawn(alias: Alias) -> int:
    """Return one of an alias's versions, at random by their weights."""
    weights = [route.weight for route in alias.routes]
    return random.choices(alias.routes, weights)[0].version


def checked_input(front: Front, text: str) -> str:
    """Return an execution's input.

    Raises:
        InvalidExecutionInput: it is not JSON, or is too large.
    """
    if not text.strip():
        raise InvalidExecutionInput("Invalid execution input.")
    problem = json_problem(text)
    if problem is not None:
        raise InvalidExecutionInput(problem)
    if len(text.encode()) > front.limits.input:
        raise ValidationFault(
            "1 validation error detected: Value at 'input' failed to satisfy constraint: Member "
            f"must have length less than or equal to {front.limits.input}"
        )
    return text


def _mocks(front: Front, machine: str, test_case: str) -> dict[str, list[dict[str, Any]]] | None:
    """Return the responses of a test case, which follows the machine's ARN behind a `#`."""
    if not test_case:
        return None
    if front.mocks is None:
        raise ValidationFault(f"test case {test_case}: this endpoint has no mock file")
    config = json.loads(Path(front.mocks).read_text("utf-8"))
    return dict(responses_of(config, machine, test_case))


WRITES: dict[str, Write] = {"StartExecution": start_execution}
