"""Operations on state machines: create, update, describe, list, delete.

Source: AWS Step Functions API Reference (2016-11-23), CreateStateMachine and its neighbours.
"""

from __future__ import annotations

import uuid
from typing import Any

from msgspec.structs import replace

from partita.aws.faults import ValidationFault
from partita.aws.json_protocol import Answer
from partita.aws.shapes import Members
from partita.ports.session import Catalogue, Session
from partita.stepfunctions.arns import MACHINE, Arn
from partita.stepfunctions.execution.beginning import STANDARD
from partita.stepfunctions.faults import (
    InvalidArn,
    MissingRequiredParameter,
    StateMachineAlreadyExists,
    StateMachineDoesNotExist,
    StateMachineLimitExceeded,
)
from partita.stepfunctions.front.catalogue import (
    Alias,
    Machine,
    Revision,
    Version,
    drop,
    enter,
    every,
    find,
)
from partita.stepfunctions.front.front import Front, Read, Write
from partita.stepfunctions.front.settings import (
    DEFAULTS,
    checked_definition,
    checked_name,
    settings_of,
    tags_of,
)
from partita.stepfunctions.front.variable_references import variable_references
from partita.stepfunctions.front.versions import publish


def machine_of(catalogue: Catalogue, name: str, shown: str) -> Machine:
    """Return a machine. Raises StateMachineDoesNotExist, with what is `shown`."""
    found = find(catalogue, Machine, name)
    if found is None:
        raise StateMachineDoesNotExist(shown)
    return found


def create_state_machine(front: Front, session: Session, request: Members) -> Answer:
    """Make a machine; the same request again returns the same machine."""
    name, type = checked_name(request["name"]), request.get("type", STANDARD)
    _check_role(request["roleArn"])
    if "versionDescription" in request and not request.get("publish"):
        raise ValidationFault("Version description can only be set when publish is true")
    revision = Revision(
        definition=checked_definition(front, request["definition"], type),
        role_arn=request["roleArn"],
        updated_at=session.now,
        settings=settings_of(request),
    )
    tags = tags_of(front, request.get("tags", ()), {})
    machine = find(session, Machine, name)
    if machine is None:
        if len(session.entries("states.machine", "")) >= front.limits.machines:
            raise StateMachineLimitExceeded(f"there are {front.limits.machines} already")
        made = Machine(name=name, created_at=session.now, revision=revision, type=type, tags=tags)
        enter(session, made, None)
        machine = made
    else:
        _check_same(front, machine, revision, type)
    answer: Members = {
        "stateMachineArn": front.names.arn(MACHINE, name),
        "creationDate": machine.created_at,
    }
    if request.get("publish"):
        version = publish(session, machine, request.get("versionDescription"))
        answer["stateMachineVersionArn"] = front.names.arn(MACHINE, name, version.key)
    return answer


def _check_role(arn: str) -> None:
    if not arn.startswith("arn:"):
        raise InvalidArn(f"Invalid Role Arn: {arn}")


def _check_same(front: Front, machine: Machine, revision: Revision, type: str) -> None:
    """Raise StateMachineAlreadyExists if a machine was made otherwise, apart from role and tags."""
    was = machine.revision
    given = (revision.definition, revision.settings, type)
    if (was.definition, was.settings, machine.type) != given:
        raise StateMachineAlreadyExists(front.names.arn(MACHINE, machine.name))


def update_state_machine(front: Front, session: Session, request: Members) -> Answer:
    """Make another revision; executions that run go on with theirs."""
    arn = front.names.parse(request["stateMachineArn"], MACHINE)
    if arn.rest:
        raise StateMachineDoesNotExist(request["stateMachineArn"])
    machine = machine_of(session, arn.name, request["stateMachineArn"])
    was = machine.revision
    given = {"definition", "roleArn", *DEFAULTS} & request.keys()
    if not given:
        raise MissingRequiredParameter(
            "Either the definition, the role ARN, the LoggingConfiguration, or the "
            "TracingConfiguration must be specified"
        )
    if "versionDescription" in request and not request.get("publish"):
        raise ValidationFault("Version description can only be set when publish is true")
    if "roleArn" in request:
        _check_role(request["roleArn"])
    definition = request.get("definition")
    if definition is not None:
        checked_definition(front, definition, machine.type)
    revision = Revision(
        definition=was.definition if definition is None else definition,
        role_arn=request.get("roleArn", was.role_arn),
        settings={**was.settings, **settings_of(request)},
        id=str(uuid.uuid4()),
        updated_at=session.now,
    )
    if _content(revision) == _content(was):
        revision = replace(was, updated_at=session.now)
    updated = replace(machine, revision=revision)
    answer: Members = {"updateDate": session.now}
    if revision.id is not None:
        answer["revisionId"] = revision.id
    enter(session, updated, machine)
    if request.get("publish"):
        version = publish(session, updated, request.get("versionDescription"))
        answer["stateMachineVersionArn"] = front.names.arn(MACHINE, machine.name, version.key)
    return answer


def _content(revision: Revision) -> tuple[Any, ...]:
    return revision.definition, revision.role_arn, revision.settings


def delete_state_machine(front: Front, session: Session, request: Members) -> Answer:
    """Delete a machine with its versions and aliases; its executions go on, and stay."""
    arn = front.names.parse(request["stateMachineArn"], MACHINE)
    machine = find(session, Machine, arn.name)
    if machine is not None and not arn.rest:
        for alias in every(session, Alias, arn.name):
            drop(session, alias, arn.name)
        for version in every(session, Version, arn.name):
            drop(session, version, arn.name)
        drop(session, machine)
    return {}


def describe_state_machine(front: Front, request: Members) -> Answer:
    """Return a machine, or one of its versions or what an alias leads to."""
    arn = front.names.parse(request["stateMachineArn"], MACHINE)
    shown = request["stateMachineArn"]
    machine = machine_of(front.committed, arn.name, shown)
    revision, created, description = _revision(front, arn, machine, shown)
    answer: Members = {
        "stateMachineArn": request["stateMachineArn"],
        "name": machine.name,
        "status": "ACTIVE",
        "type": machine.type,
        "creationDate": created,
        **revision_to_api(revision, request),
    }
    return answer if description is None else {**answer, "description": description}


def _revision(
    front: Front, arn: Arn, machine: Machine, shown: str
) -> tuple[Revision, float, str | None]:
    if not arn.rest:
        return machine.revision, machine.created_at, None
    key = arn.rest
    alias = find(front.committed, Alias, key, machine.name)
    if alias is not None:
        key = str(max(alias.routes, key=lambda one: one.weight).version)
    version = find(front.committed, Version, key, machine.name)
    if version is None:
        raise StateMachineDoesNotExist(shown)
    return version.revision, version.created_at, version.description


def revision_to_api(revision: Revision, request: Members) -> Members:
    """Return a revision as the answers that describe one have it."""
    answer = {"roleArn": revision.role_arn, **DEFAULTS, **revision.settings, "definition": "{}"}
    if request.get("includedData") != "METADATA_ONLY":
        answer["definition"] = revision.definition
        references = variable_references(revision.definition)
        if references:
            answer["variableReferences"] = references
    if revision.id is not None:
        answer["revisionId"] = revision.id
    return answer


def list_state_machines(front: Front, request: Members) -> Answer:
    """List machines by name."""
    rows = [(one.name, _item(front, one)) for one in every(front.committed, Machine)]
    rows.sort(key=lambda row: row[0])
    found, more = front.page("ListStateMachines", request, rows)
    return {"stateMachines": found, **more}


def _item(front: Front, machine: Machine) -> Members:
    return {
        "stateMachineArn": front.names.arn(MACHINE, machine.name),
        "name": machine.name,
        "type": machine.type,
        "creationDate": machine.created_at,
    }


WRITES: dict[str, Write] = {
    "CreateStateMachine": create_state_machine,
    "UpdateStateMachine": update_state_machine,
    "DeleteStateMachine": delete_state_machine,
}
READS: dict[str, Read] = {
    "DescribeStateMachine": describe_state_machine,
    "ListStateMachines": list_state_machines,
}
