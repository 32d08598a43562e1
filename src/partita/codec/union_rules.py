"""Choose among the members of a union, for values and for data.

Bundles for Lambda have this file, too, beside forms of their own: it needs nothing but the standard
library, and knows of a form only what `Member` says.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Protocol, TypeVar

CONTAINERS = frozenset(
    {"tuple", "set", "frozenset", "deque", "dict", "OrderedDict", "Counter", "defaultdict"}
)
"""The names by which containers are tagged."""


class Member(Protocol):
    """The form of a member; that of a class has the class as `cls`, and its keys."""

    hint: Any
    kinds: frozenset[str]  # JSON types of its data

    def fits(self, value: Any) -> bool:
        """Return whether a value is of the hinted type."""


M = TypeVar("M", bound=Member)


def shared_kinds(members: Iterable[Member]) -> frozenset[str]:
    """Return the JSON types of more than one member; int and float alone are told apart."""
    found = [*members]
    kinds = [kind for member in found for kind in member.kinds]
    shared = frozenset(kind for kind in kinds if kinds.count(kind) > 1)
    numbers = [one.hint for one in found if one.kinds & {"integer", "float"}]
    is_plain = shared <= {"integer", "float"} and len(numbers) == 2 and set(numbers) == {int, float}
    return frozenset() if is_plain else shared


def member_of(members: Sequence[M], value: Any) -> M | None:
    """Return the member that a value belongs to: by its exact type before its base."""
    kind = type(value)
    for member in members:
        if member.hint is kind or getattr(member, "cls", None) is kind:
            return member
    return next((member for member in members if member.fits(value)), None)


def taker_of(members: Iterable[M], value: Any) -> M | None:
    """Return the member that takes a value of a type that is not its own: an int for a float."""
    return next((member for member in members if _may_take(member, value)), None)


def _may_take(member: Member, value: Any) -> bool:
    kind = type(value)
    if kind is int:
        return "float" in member.kinds
    if kind in (list, tuple, set, frozenset):
        return "array" in member.kinds
    return kind is dict and "object" in member.kinds


def readers_of(members: Iterable[M], data: Any, kind: str) -> list[M]:
    """Return the members that may read untagged data of a JSON type, the likeliest first."""
    found = [one for one in members if kind in one.kinds or _widens(kind, one)]
    found.sort(key=lambda one: not (one.hint is type(data) or _knows_all_keys(one, data)))
    return found


def _widens(kind: str, member: Member) -> bool:
    return kind == "integer" and "float" in member.kinds


def _knows_all_keys(member: Any, data: Any) -> bool:
    if type(data) is not dict or not hasattr(member, "cls"):
        return False
    return data.keys() <= set(member.keys())
