"""Write unions: untagged where the JSON type alone tells the members apart, else tagged.

In `Card | Cash` both members are objects, so both are tagged with their class; in `str | datetime`
the str, which JSON has itself, is plain, and the datetime is tagged. Data from outside has no
tags: then what JSON has itself comes first, and after that the first member that the data fits.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from partita.codec.classes import ClassForm
from partita.codec.containers import DictForm
from partita.codec.form import Form, kind_of, shown, tag_of, tagged
from partita.codec.named_values import TypedDictForm
from partita.codec.tagged import ANY, NamedForm
from partita.codec.union_rules import (
    CONTAINERS,
    member_of,
    readers_of,
    shared_kinds,
    taker_of,
)


class UnionForm(Form):
    """The form of a union."""

    def __init__(self, hint: Any, members: tuple[Form, ...]) -> None:
        self.hint = hint
        self._members = members
        self.kinds = frozenset().union(*(member.kinds for member in members))
        self._shared: frozenset[str] = frozenset()  # JSON types of more than one member

    def prepare(self) -> None:
        self._shared = shared_kinds(self._members)
        if self._shared == {"object"} and _are_told_apart(self._members):
            self._shared = frozenset()
        self.is_native = not self._shared

    def children(self) -> Iterable[Form]:
        return self._members

    def fits(self, value: Any) -> bool:
        return any(member.fits(value) for member in self._members)

    def encode(self, value: Any) -> Any:
        member = member_of(self._members, value)
        if member is None:
            return self._encode_unfit(value)
        if not self._shared & member.kinds:
            return member.encode(value)
        if isinstance(member, NamedForm) and member.cls is type(value):
            return tagged(member.path, member.encode_state(value))
        return ANY.encode(value)

    def _encode_unfit(self, value: Any) -> Any:
        """Return a value that is of no member, though one may take it: an int for a float, say."""
        member = taker_of(self._members, value)
        if member is not None and not self._shared & member.kinds:
            return member.encode(value)
        if type(value) is dict and any(map(_is_dictionary, self._members)):
            pairs = [[ANY.encode(key), ANY.encode(one)] for key, one in value.items()]
            return tagged("dict", pairs)  # so that it is not read as an instance of a class
        return ANY.encode(value)

    def decode(self, data: Any) -> Any:
        name = tag_of(data)
        if name is not None:
            value = _container(data) if name in CONTAINERS else None
            if value is not None:
                for member in self._members:
                    if member.fits(value):
                        return value
            return self._first(self._members, data)
        kind = kind_of(data)
        members = readers_of(self._members, data, kind)
        if kind in self._shared:
            value = ANY.decode(data)  # self-describing, if it was written here
            if any(member.fits(value) for member in members):
                return value
        return self._first(members, data)

    def _first(self, members: Iterable[Form], data: Any) -> Any:
        errors = []
        for member in members:
            try:
                return member.decode(data)
            except msgspec.ValidationError as error:
                errors.append(error)
        if len(errors) == 1:
            raise errors[0]
        got = tag_of(data) or kind_of(data)
        raise msgspec.ValidationError(f"Expected `{shown(self.hint)}`, got `{got}`")


def _is_dictionary(member: Form) -> bool:
    return isinstance(member, (DictForm, TypedDictForm))


def _container(data: Any) -> Any:
    """Return the value of a tagged container by itself; None if only its hint can read it."""
    try:
        return ANY.decode(data)
    except msgspec.ValidationError:
        return None


def _are_told_apart(members: Iterable[Form]) -> bool:
    """Whether all members that are objects are Structs with different tags."""
    objects = [one for one in members if "object" in one.kinds]
    tags = [one.tag() for one in objects if isinstance(one, ClassForm)]
    return None not in tags and len(set(tags)) == len(objects)
