"""Operations on types of workflows and activities: the same for both.

Source: Amazon SWF API Reference (2012-01-25), RegisterActivityType, RegisterWorkflowType and
their neighbours.
"""

from __future__ import annotations

from functools import partial

from msgspec.structs import replace

from partita.aws.json_protocol import Answer
from partita.aws.shapes import Members
from partita.history import WorkflowType
from partita.ports.session import Session
from partita.swf.faults import (
    LimitExceededFault,
    TypeAlreadyExistsFault,
    TypeDeprecatedFault,
    TypeNotDeprecatedFault,
)
from partita.swf.front.catalogue import (
    ACTIVITY,
    DEPRECATED,
    REGISTERED,
    WORKFLOW,
    Registration,
    domain_of,
    drop_type,
    enter_type,
    find_type,
    label_of,
    must_be_open,
    type_of,
    types_of,
)
from partita.swf.front.front import Front, Read, Write

_MEMBER = {ACTIVITY: "activityType", WORKFLOW: "workflowType"}


def _register(front: Front, session: Session, request: Members, *, kind: str) -> Answer:
    domain = must_be_open(domain_of(session, request["domain"]))
    if find_type(session, kind, domain.name, request) is not None:
        raise TypeAlreadyExistsFault(label_of(kind, request))
    count = len(session.entries(kind, domain.name))
    if count >= front.limits.types:
        raise LimitExceededFault(f"domain {domain.name} has {count} types already")
    type = Registration(
        name=request["name"],
        version=request["version"],
        created_at=session.now,
        description=request.get("description"),
        defaults={key: value for key, value in request.items() if key.startswith("default")},
    )
    enter_type(session, kind, domain.name, type, None)
    if kind == WORKFLOW:  # so that the engine starts it as a child, too
        session.register_workflow_type(domain.name, WorkflowType(type.name, type.version))
    return None


def _found(session: Session, request: Members, *, kind: str) -> Registration:
    domain_of(session, request["domain"])
    return type_of(session, kind, request["domain"], request[_MEMBER[kind]])


def _deprecate(front: Front, session: Session, request: Members, *, kind: str) -> Answer:
    type = _found(session, request, kind=kind)
    if type.status == DEPRECATED:
        raise TypeDeprecatedFault(label_of(kind, request[_MEMBER[kind]]))
    gone = replace(type, status=DEPRECATED, deprecated_at=session.now)
    enter_type(session, kind, request["domain"], gone, type)
    return None


def _undeprecate(front: Front, session: Session, request: Members, *, kind: str) -> Answer:
    type = _found(session, request, kind=kind)
    if type.status == REGISTERED:
        raise TypeAlreadyExistsFault(label_of(kind, request[_MEMBER[kind]]))
    again = replace(type, status=REGISTERED, deprecated_at=None)
    enter_type(session, kind, request["domain"], again, type)
    return None


def _delete(front: Front, session: Session, request: Members, *, kind: str) -> Answer:
    type = _found(session, request, kind=kind)
    if type.status != DEPRECATED:
        raise TypeNotDeprecatedFault(label_of(kind, request[_MEMBER[kind]]))
    drop_type(session, kind, request["domain"], type)
    return None


def _info(kind: str, type: Registration) -> Members:
    info: Members = {
        _MEMBER[kind]: {"name": type.name, "version": type.version},
        "status": type.status,
        "creationDate": type.created_at,
    }
    if type.description is not None:
        info["description"] = type.description
    if type.deprecated_at is not None:
        info["deprecationDate"] = type.deprecated_at
    return info


def _describe(front: Front, request: Members, *, kind: str) -> Answer:
    domain_of(front.committed, request["domain"])
    type = type_of(front.committed, kind, request["domain"], request[_MEMBER[kind]])
    return {"typeInfo": _info(kind, type), "configuration": type.defaults}


def _list(front: Front, request: Members, *, operation: str, kind: str) -> Answer:
    domain_of(front.committed, request["domain"])
    wanted = [
        type
        for type in types_of(front.committed, kind, request["domain"])
        if type.status == request["registrationStatus"] and request.get("name") in (None, type.name)
    ]
    backwards = bool(request.get("reverseOrder"))
    wanted.sort(key=lambda one: [one.name, one.version], reverse=backwards)
    rows = [([type.name, type.version], _info(kind, type)) for type in wanted]
    infos, more = front.pager.page(operation, request, rows, backwards=backwards)
    return {"typeInfos": infos, **more}


WRITES: dict[str, Write] = {}
READS: dict[str, Read] = {}
for _kind, _noun in ((ACTIVITY, "ActivityType"), (WORKFLOW, "WorkflowType")):
    WRITES |= {
        f"Register{_noun}": partial(_register, kind=_kind),
        f"Deprecate{_noun}": partial(_deprecate, kind=_kind),
        f"Undeprecate{_noun}": partial(_undeprecate, kind=_kind),
        f"Delete{_noun}": partial(_delete, kind=_kind),
    }
    READS |= {
        f"Describe{_noun}": partial(_describe, kind=_kind),
        f"List{_noun}s": partial(_list, operation=f"List{_noun}s", kind=_kind),
    }
