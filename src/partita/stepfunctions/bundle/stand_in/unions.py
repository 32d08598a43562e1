"""Write unions: untagged where the JSON type alone tells the members apart, else tagged."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from .tags import ANY, Form, FormError, NamedForm, kind_of, tag_of, tagged

_CONTAINERS = frozenset({"tuple", "set", "frozenset", "deque", "dict", "OrderedDict", "Counter"})


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
            kinds = [kind for member in self.members for kind in member.kinds]
            self.kinds = frozenset(kinds)
            shared = frozenset(kind for kind in kinds if kinds.count(kind) > 1)
            numbers = {m.hint for m in self.members if m.kinds & {"integer", "float"}}
            is_plain = shared <= {"integer", "float"} and numbers == {int, float}
            self._shared = frozenset() if is_plain else shared
        return self._shared

    def fits(self, value: Any) -> bool:
        return any(member.fits(value) for member in self.members)

    def encode(self, value: Any) -> Any:
        member = self._member_of(value)
        if member is None:
            return self._encode_unfit(value)
        if not self.shared & member.kinds:
            return member.encode(value)
        if isinstance(member, NamedForm) and member.cls is type(value):
            return tagged(member.path, member.state(value))
        return ANY.encode(value)

    def _encode_unfit(self, value: Any) -> Any:
        member = next((one for one in self.members if _may_take(one, value)), None)
        if member is not None and not self.shared & member.kinds:
            return member.encode(value)
        if type(value) is dict and any("object" in one.kinds for one in self.members):
            pairs = [[ANY.encode(key), ANY.encode(one)] for key, one in value.items()]
            if not all(isinstance(one, NamedForm) for one in self.members if "object" in one.kinds):
                return tagged("dict", pairs)
        return ANY.encode(value)

    def _member_of(self, value: Any) -> Form | None:
        for member in self.members:
            if member.hint is type(value):
                return member
        return next((member for member in self.members if member.fits(value)), None)

    def decode(self, data: Any) -> Any:
        name = tag_of(data)
        if name is not None:
            return self._tagged(name, data)
        kind, members = kind_of(data), list(self.members)
        members = [m for m in members if kind in m.kinds or _widens(kind, m)]
        if kind in self.shared:
            value = ANY.decode(data)
            if any(member.fits(value) for member in members):
                return value
        members.sort(key=lambda one: not (one.hint is type(data) or _knows_all_keys(one, data)))
        return self._first(members, data)

    def _tagged(self, name: str, data: Any) -> Any:
        if name in _CONTAINERS:
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


def _widens(kind: str, member: Form) -> bool:
    return kind == "integer" and "float" in member.kinds


def _may_take(member: Form, value: Any) -> bool:
    kind = type(value)
    if kind is int:
        return "float" in member.kinds
    if kind in (list, tuple, set, frozenset):
        return "array" in member.kinds
    return kind is dict and "object" in member.kinds


def _knows_all_keys(member: Form, data: Any) -> bool:
    if type(data) is not dict or not isinstance(member, NamedForm):
        return False
    return data.keys() <= set(member.keys())
