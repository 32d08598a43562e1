"""Spell the fields of structs as members of a service's JSON, and back.

AWS writes camel case, and each service writes some values its own way. Knows no service: how a
field is spelled is said by the function that a `Spelling` is made with.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import msgspec
from msgspec import Struct

from partita.errors import InvalidInputError

S = TypeVar("S", bound=Struct)


def _same(value: Any) -> Any:
    return value


class Member(Struct, frozen=True):
    """One field of a struct and its member of the JSON."""

    field: str
    name: str
    write: Callable[[Any], Any] = _same
    read: Callable[[Any], Any] = _same
    absent: Any = None  # what is written where the field has no value; None: nothing


class Spelling:
    """How a service spells our structs; `member` returns None for a field that it does not have."""

    def __init__(self, service: str, member: Callable[[str, Any], Member | None]) -> None:
        self._service = service
        self._member = member
        self._members: dict[type[Struct], tuple[Member, ...]] = {}

    def members(self, cls: type[Struct]) -> tuple[Member, ...]:
        """Return the members that a struct's fields have."""
        if cls not in self._members:
            fields = msgspec.structs.fields(cls)
            found = (self._member(field.name, field.type) for field in fields)
            self._members[cls] = tuple(one for one in found if one is not None)
        return self._members[cls]

    def write(self, value: Struct) -> dict[str, Any]:
        """Write a struct's fields."""
        written: dict[str, Any] = {}
        for member in self.members(type(value)):
            field = getattr(value, member.field)
            if field is not None and field != ():
                written[member.name] = member.write(field)
            elif member.absent is not None:
                written[member.name] = member.absent
        return written

    def read(self, cls: type[S], value: Mapping[str, Any], **more: Any) -> S:
        """Read a struct from its members; unknown members are passed over.

        Raises:
            InvalidInputError: a member is missing, or is not what its name says.
        """
        try:
            given = {
                member.field: member.read(value[member.name])
                for member in self.members(cls)
                if value.get(member.name) is not None
            }
            return cls(**more, **given)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            text = " ".join(f"{error}".split())
            name = f"{self._service}'s {cls.__name__}"
            raise InvalidInputError(f"not the members of {name}: {text}") from error


def camel(name: str) -> str:
    """Return `some_name` as `someName`."""
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


def lower_first(name: str) -> str:
    """Return `SomeName` as `someName`."""
    return name[:1].lower() + name[1:]


def moment(value: Any) -> float:
    """Read a timestamp: seconds since the epoch, or the datetime that an SDK makes of it."""
    return float(value.timestamp() if hasattr(value, "timestamp") else value)
