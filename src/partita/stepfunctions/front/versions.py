"""Operations on the versions of state machines.

Source: AWS Step Functions API Reference (2016-11-23), PublishStateMachineVersion and its
neighbours.
"""

from __future__ import annotations

from msgspec.structs import replace

from partita.aws.faults import ValidationFault
from partita.aws.json_protocol import Answer
from partita.aws.shapes import Members
from partita.ports.session import Session
from partita.stepfunctions.arns import MACHINE
from partita.stepfunctions.faults import (
    ConflictException,
    ServiceQuotaExceededException,
    StateMachineDoesNotExist,
)
from partita.stepfunctions.front.catalogue import (
    Alias,
    Machine,
    Version,
    drop,
    enter,
    every,
    find,
)
from partita.stepfunctions.front.front import Front, Read, Write


def publish(session: Session, machine: Machine, description: str | None) -> Version:
    """Return the version of a machine's revision, which is made if there is none."""
    last = find(session, Version, str(machine.last_version), machine.name)
    if last is not None and _same(last, machine):
        return last
    version = Version(
        number=machine.last_version + 1,
        created_at=session.now,
        revision=machine.revision,
        description=description,
    )
    enter(session, version, None, machine.name)
    enter(session, replace(machine, last_version=version.number), machine)
    return version


def _same(version: Version, machine: Machine) -> bool:
    revision = machine.revision
    return version.revision.id == revision.id and version.revision.definition == revision.definition


def publish_state_machine_version(front: Front, session: Session, request: Members) -> Answer:
    """Publish the machine's revision; a second time returns the same version."""
    arn = front.names.parse(request["stateMachineArn"], MACHINE)
    machine = find(session, Machine, arn.name)
    if machine is None or arn.rest:
        raise StateMachineDoesNotExist(request["stateMachineArn"])
    wanted = request.get("revisionId")
    if wanted is not None and wanted != (machine.revision.id or "INITIAL"):
        raise ConflictException(
            f"Failed to publish the State Machine version for revision {wanted}. The current "
            f"State Machine revision is {machine.revision.id or 'INITIAL'}."
        )
    if len(every(session, Version, machine.name)) >= front.limits.versions:
        raise ServiceQuotaExceededException(f"a machine has at most {front.limits.versions}")
    version = publish(session, machine, request.get("description"))
    return {
        "stateMachineVersionArn": front.names.arn(MACHINE, machine.name, version.key),
        "creationDate": version.created_at,
    }


def delete_state_machine_version(front: Front, session: Session, request: Members) -> Answer:
    """Delete a version that no alias leads to; one that is not there is fine."""
    arn = front.names.parse(request["stateMachineVersionArn"], MACHINE)
    if not arn.rest.isdecimal():
        raise ValidationFault(f"Expected a version ARN: {request['stateMachineVersionArn']}")
    version = find(session, Version, arn.rest, arn.name)
    if version is None:
        return {}
    names = [
        alias.name
        for alias in every(session, Alias, arn.name)
        if any(route.version == version.number for route in alias.routes)
    ]
    if names:
        raise ConflictException(
            "Version to be deleted must not be referenced by an alias. Current list of aliases "
            f"referencing this version: [{', '.join(sorted(names))}]"
        )
    drop(session, version, arn.name)
    return {}


def list_state_machine_versions(front: Front, request: Members) -> Answer:
    """List the versions of a machine, newest first."""
    arn = front.names.parse(request["stateMachineArn"], MACHINE)
    if find(front.committed, Machine, arn.name) is None:
        raise StateMachineDoesNotExist(request["stateMachineArn"])
    versions = every(front.committed, Version, arn.name)
    rows = [
        (
            one.number,
            {
                "stateMachineVersionArn": front.names.arn(MACHINE, arn.name, one.key),
                "creationDate": one.created_at,
            },
        )
        for one in sorted(versions, key=lambda one: one.number, reverse=True)
    ]
    found, more = front.page("ListStateMachineVersions", request, rows, backwards=True)
    return {"stateMachineVersions": found, **more}


WRITES: dict[str, Write] = {
    "PublishStateMachineVersion": publish_state_machine_version,
    "DeleteStateMachineVersion": delete_state_machine_version,
}
READS: dict[str, Read] = {"ListStateMachineVersions": list_state_machine_versions}
