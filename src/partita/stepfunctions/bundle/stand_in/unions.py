"""Write unions: untagged where the JSON type alone tells the members apart, else tagged."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from partita.codec.union_rules import (
    CONTAINERS,
    member_of,
    readers_of,
    shared_kinds,
    taker_of,
)

from .tags import ANY, Form, FormError, NamedForm, kind_of, tag_of, tagged


def union_form(hint: Any, members: tuple[Form, ...]) -> Form:
    """Return the form of a union."""
    if ANY in members:
        return ANY
    return members[0] if len(members) == 1 else _Union(hint, members)


class _Union(Form):
    """A union of at least two members."""

    def __init__(self, hint: Any, members: tuple[Form, ...]) -> None:
        super().__init__(hint)
        self.members = members
        self._shared: frozenset[str] | None = None

    @property
    def shared(self) -> frozenset[str]:
        """The JSON types of more than one member."""
        if self._shared is None:
            self.kinds = frozenset().union(*(member.kinds for member in self.members))
            self._shared = shared_kinds(self.members)
        return self._shared

    def fits(self, value: Any) -> bool:
        return any(member.fits(value) for member in self.members)

    def encode(self, value: Any) -> Any:
        member = member_of(self.members, value)
        if member is None:
            return self._encode_unfit(value)
        if not self.shared & member.kinds:
            return member.encode(value)
        if isinstance(member, NamedForm) and member.cls is type(value):
            return tagged(member.path, member.state(value))
        return ANY.encode(value)

    def _encode_unfit(self, value: Any) -> Any:
        member = taker_of(self.members, value)
        if member is not None and not self.shared & member.kinds:
            return member.encode(value)
        if type(value) is dict and any("object" in one.kinds for one in self.members):
            pairs = [[ANY.encode(key), ANY.encode(one)] for key, one in value.items()]
            if not all(isinstance(one, NamedForm) for one in self.members if "object" in one.kinds):
                return tagged("dict", pairs)
        return ANY.encode(value)

    def decode(self, data: Any) -> Any:
        name = tag_of(data)
        if name is not None:
            return self._tagged(name, data)
        kind = kind_of(data)
        members = readers_of(self.members, data, kind)
        if kind in self.shared:
            value = ANY.decode(data)
            if any(member.fits(value) for member in members):
                return value
        return self._first(members, data)

    def _tagged(self, name: str, data: Any) -> Any:
        if name in CONTAINERS:
            try:
                value = ANY.decode(data)
            except FormError:
                return self._first(self.members, data)
            if self.fits(value):
                return value
        return self._first(self.members, data)

    def _first(self, members: Iterable[Form], data: Any) -> Any:
        found = []
        for member in members:
            try:
                return member.decode(data)
            except FormError as error:
                found.append(error)
        raise found[0] if len(found) == 1 else self.misfit(data)
