"""Operations on the aliases of state machines' versions.

Source: AWS Step Functions API Reference (2016-11-23), CreateStateMachineAlias and its neighbours.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from msgspec.structs import replace

from partita.aws.faults import ValidationFault
from partita.aws.json_protocol import Answer
from partita.aws.shapes import Members
from partita.ports.session import Catalogue, Session
from partita.stepfunctions.arns import MACHINE, Arn
from partita.stepfunctions.faults import (
    ConflictException,
    ResourceNotFound,
    ServiceQuotaExceededException,
    StateMachineDoesNotExist,
)
from partita.stepfunctions.front.catalogue import (
    Alias,
    Machine,
    Route,
    Version,
    drop,
    enter,
    every,
    find,
)
from partita.stepfunctions.front.front import Front, Read, Write


def create_state_machine_alias(front: Front, session: Session, request: Members) -> Answer:
    """Make an alias; the same request again returns the same alias."""
    machine, routes = _routes(front, session, request["routingConfiguration"])
    was = find(session, Alias, request["name"], machine)
    if was is None:
        if len(every(session, Alias, machine)) >= front.limits.aliases:
            raise ServiceQuotaExceededException(f"a machine has at most {front.limits.aliases}")
        was = Alias(
            name=request["name"],
            created_at=session.now,
            updated_at=session.now,
            routes=routes,
            description=request.get("description"),
        )
        enter(session, was, None, machine)
    elif (was.routes, was.description) != (routes, request.get("description")):
        raise ConflictException(
            "Failed to create alias because an alias with the same name and a different routing "
            "configuration already exists."
        )
    return {
        "stateMachineAliasArn": front.names.arn(MACHINE, machine, was.name),
        "creationDate": was.created_at,
    }


def _routes(
    front: Front, catalogue: Catalogue, given: Sequence[Members]
) -> tuple[str, tuple[Route, ...]]:
    """Return the machine and the routes that a routing configuration means.

    Raises:
        ValidationFault: the configuration contradicts itself, or there is no such version.
    """
    arns = [one["stateMachineVersionArn"] for one in given]
    parsed = [front.names.parse(arn, MACHINE) for arn in arns]
    received = f"Received: [{', '.join(arns)}]"
    if len(set(arns)) < len(arns):
        raise ValidationFault(
            f"Routing configuration must contain distinct state machine version ARNs. {received}"
        )
    weights = [one["weight"] for one in given]
    if sum(weights) != 100:
        raise ValidationFault(
            f"Sum of routing configuration weights must equal 100. Received: {json.dumps(weights)}"
        )
    if any(find(catalogue, Version, arn.rest, arn.name) is None for arn in parsed):
        raise ValidationFault(
            f"Routing configuration must contain state machine version ARNs. {received}"
        )
    if len({arn.name for arn in parsed}) > 1:
        raise ValidationFault(
            f"Routing configuration must contain versions of one state machine. {received}"
        )
    routes = [
        Route(version=int(arn.rest), weight=one["weight"])
        for arn, one in zip(parsed, given, strict=True)
    ]
    return parsed[0].name, tuple(routes)


def _alias(front: Front, catalogue: Catalogue, request: Members) -> tuple[Arn, Alias]:
    text = request["stateMachineAliasArn"]
    arn = front.names.parse(text, MACHINE)
    if not arn.rest or arn.rest.isdecimal():
        raise ValidationFault(f"Expected an alias ARN: {text}")
    found = find(catalogue, Alias, arn.rest, arn.name)
    if found is None:
        raise ResourceNotFound(text)
    return arn, found


def update_state_machine_alias(front: Front, session: Session, request: Members) -> Answer:
    """Change an alias's description, or what it leads to."""
    arn, alias = _alias(front, session, request)
    if "description" not in request and "routingConfiguration" not in request:
        raise ValidationFault("Either description or routingConfiguration must be specified")
    updated = replace(alias, updated_at=session.now)
    if "description" in request:
        updated = replace(updated, description=request["description"])
    if "routingConfiguration" in request:
        machine, routes = _routes(front, session, request["routingConfiguration"])
        if machine != arn.name:
            raise ValidationFault("Routing configuration must be of the alias's state machine")
        updated = replace(updated, routes=routes)
    enter(session, updated, alias, arn.name)
    return {"updateDate": session.now}


def delete_state_machine_alias(front: Front, session: Session, request: Members) -> Answer:
    """Delete an alias."""
    arn, alias = _alias(front, session, request)
    drop(session, alias, arn.name)
    return {}


def describe_state_machine_alias(front: Front, request: Members) -> Answer:
    """Return an alias and what it leads to."""
    arn, alias = _alias(front, front.committed, request)
    answer: Members = {
        "stateMachineAliasArn": request["stateMachineAliasArn"],
        "name": alias.name,
        "creationDate": alias.created_at,
        "updateDate": alias.updated_at,
        "routingConfiguration": [
            {
                "stateMachineVersionArn": front.names.arn(MACHINE, arn.name, str(one.version)),
                "weight": one.weight,
            }
            for one in alias.routes
        ],
    }
    return answer if alias.description is None else {**answer, "description": alias.description}


def list_state_machine_aliases(front: Front, request: Members) -> Answer:
    """List the aliases of a machine, or those that lead to one of its versions."""
    arn = front.names.parse(request["stateMachineArn"], MACHINE)
    if find(front.committed, Machine, arn.name) is None:
        raise StateMachineDoesNotExist(request["stateMachineArn"])
    wanted = int(arn.rest) if arn.rest.isdecimal() else None
    aliases = [
        one
        for one in every(front.committed, Alias, arn.name)
        if wanted is None or any(route.version == wanted for route in one.routes)
    ]
    rows = [
        (
            one.name,
            {
                "stateMachineAliasArn": front.names.arn(MACHINE, arn.name, one.name),
                "creationDate": one.created_at,
            },
        )
        for one in sorted(aliases, key=lambda one: one.name)
    ]
    found, more = front.page("ListStateMachineAliases", request, rows)
    return {"stateMachineAliases": found, **more}


WRITES: dict[str, Write] = {
    "CreateStateMachineAlias": create_state_machine_alias,
    "UpdateStateMachineAlias": update_state_machine_alias,
    "DeleteStateMachineAlias": delete_state_machine_alias,
}
READS: dict[str, Read] = {
    "DescribeStateMachineAlias": describe_state_machine_alias,
    "ListStateMachineAliases": list_state_machine_aliases,
}
