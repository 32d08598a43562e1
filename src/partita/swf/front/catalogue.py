"""Keep the domains and types that SWF's clients have registered.

They live in the store's catalogue, so they outlive the endpoint and are shared by all that
serve one database. The engine does not ask for them; the endpoint does, for each request.
"""

from __future__ import annotations

import functools
from typing import Any, TypeVar

import msgspec
from msgspec import Struct

from partita.aws.faults import UnknownResourceFault
from partita.ports.session import Catalogue, Session

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
        """Where it stands in the catalogue; neither part may contain a slash."""
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
    """Return a domain, if something new may begin in it.

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


def type_of(catalogue: Catalogue, kind: str, domain: str, type: dict[str, str]) -> Registration:
    """Return a registered type.

    Raises:
        UnknownResourceFault: there is none.
    """
    found = find_type(catalogue, kind, domain, type)
    if found is None:
        label = "ActivityType" if kind == ACTIVITY else "WorkflowType"
        named = f"{label}=[name={type['name']}, version={type['version']}]"
        raise UnknownResourceFault(f"Unknown type: {named}")
    return found


def types_of(catalogue: Catalogue, kind: str, domain: str) -> list[Registration]:
    """Return all types of a kind, by name and version."""
    return _all(catalogue, kind, domain, Registration)


def _all(catalogue: Catalogue, kind: str, domain: str, cls: type[E]) -> list[E]:
    entries = sorted(catalogue.entries(kind, domain).items())
    return [msgspec.json.decode(body, type=cls) for _, body in entries]


def keep_domain(session: Session, domain: Domain, was: Domain | None) -> None:
    """Insert a domain, or replace it."""
    session.enter(DOMAIN, "", domain.name, _body(domain), _body_or_none(was))


def keep_type(
    session: Session, kind: str, domain: str, type: Registration, was: Registration | None
) -> None:
    """Insert a type, or replace it."""
    session.enter(kind, domain, type.key, _body(type), _body_or_none(was))


def drop_type(session: Session, kind: str, domain: str, was: Registration) -> None:
    """Remove a type."""
    session.enter(kind, domain, was.key, None, _body(was))


def _body_or_none(value: Struct | None) -> str | None:
    return None if value is None else _body(value)


def _body(value: Struct) -> str:
    return msgspec.json.encode(value).decode()
