"""Keep the domains and types that SWF's clients have registered, and fill in types' defaults.

They are entries of the service's catalogue, so they outlive the endpoint and are shared by all that
serve one database. The service does not ask for them; the endpoint does, for each request.

Source: Amazon SWF API Reference (2012-01-25): the `default…` members of RegisterActivityType and
RegisterWorkflowType, and the causes named DEFAULT_…_UNDEFINED.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec
from msgspec import Struct

from partita.aws.shapes import Members
from partita.ports.session import Catalogue, Session
from partita.swf.faults import UnknownResourceFault

REGISTERED, DEPRECATED = "REGISTERED", "DEPRECATED"

DOMAIN = "swf.domain"
ACTIVITY = "swf.activity"
WORKFLOW = "swf.workflow"
"""Kinds of entries."""


class Domain(Struct, frozen=True, kw_only=True):
    """A registered domain."""

    name: str
    retention: str  # days that closed executions are kept, or NONE
    description: str | None = None
    status: str = REGISTERED
    tags: dict[str, str] = {}


class Registration(Struct, frozen=True, kw_only=True):
    """A registered type of workflow or activity."""

    name: str
    version: str
    created_at: float  # seconds since the epoch
    description: str | None = None
    status: str = REGISTERED
    deprecated_at: float | None = None
    defaults: dict[str, Any] = {}  # SWF's `default…` members, as they were given

    @property
    def key(self) -> str:
        """The key in the catalogue; neither part may contain a slash."""
        return f"{self.name}/{self.version}"


class CachedCatalogue:
    """A catalogue that asks another for each entry once: many decisions name one type."""

    def __init__(self, catalogue: Catalogue) -> None:
        self.entry = functools.cache(catalogue.entry)
        self.entries = functools.cache(catalogue.entries)


E = TypeVar("E", Domain, Registration)


def domain_of(catalogue: Catalogue, name: str) -> Domain:
    """Return a domain, deprecated or not.

    Raises:
        UnknownResourceFault: there is none of that name.
    """
    body = catalogue.entry(DOMAIN, "", name)
    if body is None:
        raise UnknownResourceFault(f"Unknown domain: {name}")
    return msgspec.json.decode(body, type=Domain)


def must_be_open(domain: Domain) -> Domain:
    """Return a domain that is not deprecated.

    Raises:
        UnknownResourceFault: it is deprecated.
    """
    if domain.status == DEPRECATED:
        raise UnknownResourceFault(f"Unknown domain: {domain.name} is deprecated")
    return domain


def domains(catalogue: Catalogue) -> list[Domain]:
    """Return all domains, by name."""
    return _all(catalogue, DOMAIN, "", Domain)


def find_type(
    catalogue: Catalogue, kind: str, domain: str, type: dict[str, str]
) -> Registration | None:
    """Return a registered type, if there is one; `type` is SWF's name and version."""
    body = catalogue.entry(kind, domain, f"{type['name']}/{type['version']}")
    return None if body is None else msgspec.json.decode(body, type=Registration)


def label_of(kind: str, type: Mapping[str, Any]) -> str:
    """Return a type as Amazon's faults name it; `type` has SWF's name and version."""
    label = "ActivityType" if kind == ACTIVITY else "WorkflowType"
    return f"{label}=[name={type['name']}, version={type['version']}]"


def type_of(catalogue: Catalogue, kind: str, domain: str, type: dict[str, str]) -> Registration:
    """Return a registered type.

    Raises:
        UnknownResourceFault: there is none.
    """
    found = find_type(catalogue, kind, domain, type)
    if found is None:
        raise UnknownResourceFault(f"Unknown type: {label_of(kind, type)}")
    return found


def types_of(catalogue: Catalogue, kind: str, domain: str) -> list[Registration]:
    """Return all types of a kind, by name and version."""
    return _all(catalogue, kind, domain, Registration)


def _all(catalogue: Catalogue, kind: str, domain: str, cls: type[E]) -> list[E]:
    entries = sorted(catalogue.entries(kind, domain).items())
    return [msgspec.json.decode(body, type=cls) for _, body in entries]


def enter_domain(session: Session, domain: Domain, was: Domain | None) -> None:
    """Insert a domain, or replace it."""
    session.enter(DOMAIN, "", domain.name, _text(domain), _text(was))


def enter_type(
    session: Session, kind: str, domain: str, type: Registration, was: Registration | None
) -> None:
    """Insert a type, or replace it."""
    session.enter(kind, domain, type.key, _text(type), _text(was))


def drop_type(session: Session, kind: str, domain: str, was: Registration) -> None:
    """Remove a type."""
    session.enter(kind, domain, was.key, None, _text(was))


def _text(value: Struct | None) -> str | None:
    return None if value is None else msgspec.json.encode(value).decode()


# -- defaults ------------------------------------------------------------------------------


class Default(Struct, frozen=True):
    """One member that may come from the type."""

    member: str  # of the request or decision
    registered: str  # of the type
    undefined: str | None  # the cause if neither has it; None: it may be left out


ACTIVITY_DEFAULTS = (
    Default("taskList", "defaultTaskList", "DEFAULT_TASK_LIST_UNDEFINED"),
    Default(
        "scheduleToStartTimeout",
        "defaultTaskScheduleToStartTimeout",
        "DEFAULT_SCHEDULE_TO_START_TIMEOUT_UNDEFINED",
    ),
    Default(
        "scheduleToCloseTimeout",
        "defaultTaskScheduleToCloseTimeout",
        "DEFAULT_SCHEDULE_TO_CLOSE_TIMEOUT_UNDEFINED",
    ),
    Default(
        "startToCloseTimeout",
        "defaultTaskStartToCloseTimeout",
        "DEFAULT_START_TO_CLOSE_TIMEOUT_UNDEFINED",
    ),
    Default(
        "heartbeatTimeout", "defaultTaskHeartbeatTimeout", "DEFAULT_HEARTBEAT_TIMEOUT_UNDEFINED"
    ),
    Default("taskPriority", "defaultTaskPriority", None),
)

WORKFLOW_DEFAULTS = (
    Default("taskList", "defaultTaskList", "DEFAULT_TASK_LIST_UNDEFINED"),
    Default(
        "executionStartToCloseTimeout",
        "defaultExecutionStartToCloseTimeout",
        "DEFAULT_EXECUTION_START_TO_CLOSE_TIMEOUT_UNDEFINED",
    ),
    Default(
        "taskStartToCloseTimeout",
        "defaultTaskStartToCloseTimeout",
        "DEFAULT_TASK_START_TO_CLOSE_TIMEOUT_UNDEFINED",
    ),
    Default("childPolicy", "defaultChildPolicy", "DEFAULT_CHILD_POLICY_UNDEFINED"),
    Default("taskPriority", "defaultTaskPriority", None),
    Default("lambdaRole", "defaultLambdaRole", None),
)


def with_defaults(
    members: Members, type: Registration, defaults: tuple[Default, ...]
) -> tuple[Members, str | None]:
    """Return the members with the type's defaults, and the cause if one is undefined."""
    whole = dict(members)
    for default in defaults:
        if default.member not in whole and default.registered in type.defaults:
            whole[default.member] = type.defaults[default.registered]
    missing = (one.undefined for one in defaults if one.undefined and one.member not in whole)
    return whole, next(missing, None)
