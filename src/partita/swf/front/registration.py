"""Operations on types of workflows and activities: the same for both.

Source: Amazon SWF API Reference (2012-01-25), RegisterActivityType, RegisterWorkflowType and
their neighbours.
"""

from __future__ import annotations

from msgspec.structs import replace

from partita.aws.faults import (
    LimitExceededFault,
    TypeAlreadyExistsFault,
    TypeDeprecatedFault,
    TypeNotDeprecatedFault,
)
from partita.history import WorkflowType
from partita.ports.session import Session
from partita.swf.front.catalogue import (
    ACTIVITY,
    DEPRECATED,
    REGISTERED,
    WORKFLOW,
    Registration,
    domain_of,
    drop_type,
    find_type,
    keep_type,
    must_be_open,
    type_of,
    types_of,
)
from partita.swf.front.operations import Answer, Front, Given, looks, writes
from partita.swf.front.paging import page

_MEMBER = {ACTIVITY: "activityType", WORKFLOW: "workflowType"}


def _register(front: Front, session: Session, kind: str, given: Given) -> Answer:
    domain = must_be_open(domain_of(session, given["domain"]))
    if find_type(session, kind, domain.name, given) is not None:
        raise TypeAlreadyExistsFault(f"{given['name']}, {given['version']}")
    count = len(session.entries(kind, domain.name))
    if count >= front.limits.types:
        raise LimitExceededFault(f"domain {domain.name} has {count} types already")
    type = Registration(
        name=given["name"],
        version=given["version"],
        created_at=session.now,
        description=given.get("description"),
        defaults={key: value for key, value in given.items() if key.startswith("default")},
    )
    keep_type(session, kind, domain.name, type, None)
    if kind == WORKFLOW:  # so that the engine starts it as a child, too
        session.register_workflow_type(domain.name, WorkflowType(type.name, type.version))
    return None


def _found(session: Session, kind: str, given: Given) -> Registration:
    domain_of(session, given["domain"])
    return type_of(session, kind, given["domain"], given[_MEMBER[kind]])


def _deprecate(session: Session, kind: str, given: Given) -> Answer:
    type = _found(session, kind, given)
    if type.status == DEPRECATED:
        raise TypeDeprecatedFault(f"{type.name}, {type.version}")
    gone = replace(type, status=DEPRECATED, deprecated_at=session.now)
    keep_type(session, kind, given["domain"], gone, type)
    return None


def _undeprecate(session: Session, kind: str, given: Given) -> Answer:
    type = _found(session, kind, given)
    if type.status == REGISTERED:
        raise TypeAlreadyExistsFault(f"{type.name}, {type.version} is not deprecated")
    again = replace(type, status=REGISTERED, deprecated_at=None)
    keep_type(session, kind, given["domain"], again, type)
    return None


def _delete(session: Session, kind: str, given: Given) -> Answer:
    type = _found(session, kind, given)
    if type.status != DEPRECATED:
        raise TypeNotDeprecatedFault(f"{type.name}, {type.version} is not deprecated")
    drop_type(session, kind, given["domain"], type)
    return None


def _info(kind: str, type: Registration) -> Given:
    info: Given = {
        _MEMBER[kind]: {"name": type.name, "version": type.version},
        "status": type.status,
        "creationDate": type.created_at,
    }
    if type.description is not None:
        info["description"] = type.description
    if type.deprecated_at is not None:
        info["deprecationDate"] = type.deprecated_at
    return info


def _describe(front: Front, kind: str, given: Given) -> Given:
    domain_of(front.committed, given["domain"])
    type = type_of(front.committed, kind, given["domain"], given[_MEMBER[kind]])
    return {"typeInfo": _info(kind, type), "configuration": type.defaults}


def _list(front: Front, operation: str, kind: str, given: Given) -> Given:
    domain_of(front.committed, given["domain"])
    wanted = [
        type
        for type in types_of(front.committed, kind, given["domain"])
        if type.status == given["registrationStatus"] and given.get("name") in (None, type.name)
    ]
    wanted.sort(key=lambda one: [one.name, one.version], reverse=given.get("reverseOrder", False))
    rows = [([type.name, type.version], _info(kind, type)) for type in wanted]
    infos, more = page(front, operation, given, rows)
    return {"typeInfos": infos, **more}


@writes("RegisterActivityType")
def register_activity_type(front: Front, session: Session, given: Given) -> Answer:
    """Make a type of activity known, with its defaults."""
    return _register(front, session, ACTIVITY, given)


@writes("RegisterWorkflowType")
def register_workflow_type(front: Front, session: Session, given: Given) -> Answer:
    """Make a type of workflow known, with its defaults."""
    return _register(front, session, WORKFLOW, given)


@writes("DeprecateActivityType")
def deprecate_activity_type(front: Front, session: Session, given: Given) -> Answer:
    """Let no activity of a type be scheduled any more."""
    return _deprecate(session, ACTIVITY, given)


@writes("DeprecateWorkflowType")
def deprecate_workflow_type(front: Front, session: Session, given: Given) -> Answer:
    """Let no workflow of a type be started any more."""
    return _deprecate(session, WORKFLOW, given)


@writes("UndeprecateActivityType")
def undeprecate_activity_type(front: Front, session: Session, given: Given) -> Answer:
    """Take a deprecation back."""
    return _undeprecate(session, ACTIVITY, given)


@writes("UndeprecateWorkflowType")
def undeprecate_workflow_type(front: Front, session: Session, given: Given) -> Answer:
    """Take a deprecation back."""
    return _undeprecate(session, WORKFLOW, given)


@writes("DeleteActivityType")
def delete_activity_type(front: Front, session: Session, given: Given) -> Answer:
    """Forget a deprecated type."""
    return _delete(session, ACTIVITY, given)


@writes("DeleteWorkflowType")
def delete_workflow_type(front: Front, session: Session, given: Given) -> Answer:
    """Forget a deprecated type."""
    return _delete(session, WORKFLOW, given)


@looks("DescribeActivityType")
def describe_activity_type(front: Front, given: Given) -> Answer:
    """Say how a type stands, and its defaults."""
    return _describe(front, ACTIVITY, given)


@looks("DescribeWorkflowType")
def describe_workflow_type(front: Front, given: Given) -> Answer:
    """Say how a type stands, and its defaults."""
    return _describe(front, WORKFLOW, given)


@looks("ListActivityTypes")
def list_activity_types(front: Front, given: Given) -> Answer:
    """List the types of one status by name."""
    return _list(front, "ListActivityTypes", ACTIVITY, given)


@looks("ListWorkflowTypes")
def list_workflow_types(front: Front, given: Given) -> Answer:
    """List the types of one status by name."""
    return _list(front, "ListWorkflowTypes", WORKFLOW, given)
