"""Keep the domains and types that SWF's clients have registered.

They live in the store's catalogue, so they outlive the endpoint and are shared by all that
serve one database. The engine does not ask for them; the endpoint does, for each request.
"""

from __future__ import annotations

import functools
from typing import Any, Protocol, TypeVar

import msgspec
from msgspec import Struct

from partita.aws.faults import UnknownResourceFault
from partita.ports.store import Transaction

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


class Reader(Protocol):
    """A store, or a transaction on one."""

    def entry(self, kind: str, domain: str, key: str) -> str | None:
        """Return what the catalogue holds under a key."""

    def entries(self, kind: str, domain: str) -> dict[str, str]:
        """Return what the catalogue holds of a kind in a domain."""


class Remembering:
    """A reader that asks another for each entry once: many decisions name one type."""

    def __init__(self, reader: Reader) -> None:
        self.entry = functools.cache(reader.entry)
        self.entries = functools.cache(reader.entries)


E = TypeVar("E", Domain, Registration)


def domain_of(reader: Reader, name: str) -> Domain:
    """Return a domain, deprecated or not.

    Raises:
        UnknownResourceFault: there is none of that name.
    """
    body = reader.entry(DOMAIN, "", name)
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


def domains(reader: Reader) -> list[Domain]:
    """Return all domains, by name."""
    return _all(reader, DOMAIN, "", Domain)


def find_type(reader: Reader, kind: str, domain: str, type: dict[str, str]) -> Registration | None:
    """Return a registered type, if there is one; `type` is SWF's name and version."""
    body = reader.entry(kind, domain, f"{type['name']}/{type['version']}")
    return None if body is None else msgspec.json.decode(body, type=Registration)


def type_of(reader: Reader, kind: str, domain: str, type: dict[str, str]) -> Registration:
    """Return a registered type.

    Raises:
        UnknownResourceFault: there is none.
    """
    found = find_type(reader, kind, domain, type)
    if found is None:
        label = "ActivityType" if kind == ACTIVITY else "WorkflowType"
        named = f"{label}=[name={type['name']}, version={type['version']}]"
        raise UnknownResourceFault(f"Unknown type: {named}")
    return found


def types_of(reader: Reader, kind: str, domain: str) -> list[Registration]:
    """Return all types of a kind, by name and version."""
    return _all(reader, kind, domain, Registration)


def _all(reader: Reader, kind: str, domain: str, cls: type[E]) -> list[E]:
    entries = sorted(reader.entries(kind, domain).items())
    return [msgspec.json.decode(body, type=cls) for _, body in entries]


def keep_domain(transaction: Transaction, domain: Domain, was: Domain | None) -> None:
    """Insert a domain, or replace it."""
    transaction.enter(DOMAIN, "", domain.name, _body(domain), _body_or_none(was))


def keep_type(
    transaction: Transaction, kind: str, domain: str, type: Registration, was: Registration | None
) -> None:
    """Insert a type, or replace it."""
    transaction.enter(kind, domain, type.key, _body(type), _body_or_none(was))


def drop_type(transaction: Transaction, kind: str, domain: str, was: Registration) -> None:
    """Remove a type."""
    transaction.enter(kind, domain, was.key, None, _body(was))


def _body_or_none(value: Struct | None) -> str | None:
    return None if value is None else _body(value)


def _body(value: Struct) -> str:
    return msgspec.json.encode(value).decode()
