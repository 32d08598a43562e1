"""Keep what Step Functions' clients have made: machines, their versions and aliases, activities.

They are entries of the service's catalogue, so they outlive the endpoint and are shared by all that
serve one database.
"""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec
from msgspec import Struct

from partita.ports.session import Catalogue, Session
from partita.stepfunctions.execution.beginning import STANDARD

MACHINE = "states.machine"
VERSION = "states.version"  # in the machine's domain
ALIAS = "states.alias"  # in the machine's domain
ACTIVITY = "states.activity"
"""Kinds of entries."""


class Revision(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A machine's definition and settings at one time."""

    definition: str
    role_arn: str
    id: str | None = None  # None: the machine was never updated
    updated_at: float = 0.0  # seconds since the epoch
    settings: dict[str, Any] = {}  # logging, tracing and encryption, as the API spells them


class Entry(Struct, frozen=True, kw_only=True):
    """What the catalogue holds."""

    @property
    def key(self) -> str:
        """The key in the catalogue."""
        raise NotImplementedError


class Machine(Entry, frozen=True, kw_only=True, omit_defaults=True):
    """A state machine."""

    name: str
    created_at: float
    revision: Revision
    type: str = STANDARD
    tags: dict[str, str] = {}
    last_version: int = 0  # numbers are never given twice
    label: str | None = None

    @property
    def key(self) -> str:
        """The key in the catalogue."""
        return self.name


class Version(Entry, frozen=True, kw_only=True, omit_defaults=True):
    """A published revision, which never changes."""

    number: int
    created_at: float
    revision: Revision
    description: str | None = None

    @property
    def key(self) -> str:
        """The key in the catalogue."""
        return str(self.number)


class Route(Struct, frozen=True, kw_only=True):
    """A version that an alias leads to, with this percentage of the executions."""

    version: int
    weight: int


class Alias(Entry, frozen=True, kw_only=True, omit_defaults=True):
    """A name for one or two versions."""

    name: str
    created_at: float
    updated_at: float
    routes: tuple[Route, ...]
    description: str | None = None

    @property
    def key(self) -> str:
        """The key in the catalogue."""
        return self.name


class ActivityEntry(Entry, frozen=True, kw_only=True, omit_defaults=True):
    """An activity, whose workers poll for tasks."""

    name: str
    created_at: float
    tags: dict[str, str] = {}
    encryption: dict[str, Any] | None = None

    @property
    def key(self) -> str:
        """The key in the catalogue."""
        return self.name


_KINDS: dict[type[Entry], str] = {
    Machine: MACHINE,
    Version: VERSION,
    Alias: ALIAS,
    ActivityEntry: ACTIVITY,
}

E = TypeVar("E", bound=Entry)


def find(catalogue: Catalogue, kind: type[E], key: str, machine: str = "") -> E | None:
    """Return an entry; versions and aliases are those of a `machine`."""
    body = catalogue.entry(_KINDS[kind], machine, key)
    return None if body is None else msgspec.json.decode(body, type=kind)


def every(catalogue: Catalogue, kind: type[E], machine: str = "") -> list[E]:
    """Return all entries of a kind."""
    bodies = catalogue.entries(_KINDS[kind], machine).values()
    return [msgspec.json.decode(body, type=kind) for body in bodies]


def enter(session: Session, entry: E, was: E | None, machine: str = "") -> None:
    """Insert an entry, or replace it."""
    session.enter(_KINDS[type(entry)], machine, entry.key, _text(entry), _text(was))


def drop(session: Session, was: E, machine: str = "") -> None:
    """Remove an entry."""
    session.enter(_KINDS[type(was)], machine, was.key, None, _text(was))


def _text(value: Struct | None) -> str | None:
    return None if value is None else msgspec.json.encode(value).decode()
