"""Remember every activity and workflow that was defined in this process, by type.

Two functions may claim one type, as in tests or after a reload; that is an error only for
whoever asks for the type.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from typing import Any, Protocol, TypeVar

from partita.errors import DuplicateTypeError


class _Definition(Protocol):
    @property
    def key(self) -> str: ...
    @property
    def function(self) -> object: ...


D = TypeVar("D", bound=_Definition)

_known: dict[tuple[type, str, str], _Definition] = {}
_elsewhere: dict[tuple[type, str], _Definition] = {}


def register(definition: D) -> D:
    """Remember a definition; one from the same place takes the place of the older."""
    _known[type(definition), definition.key, place(definition)] = definition
    return definition


def known(kind: type[D]) -> list[D]:
    """Return every definition of a kind."""
    return [found for found in _known.values() if isinstance(found, kind)]


def sole(kind: type[D], key: str) -> D | None:
    """Return the definition of that type, if this process has just one."""
    found = [one for one in known(kind) if one.key == key]
    return found[0] if len(found) == 1 else None


def name_elsewhere(definition: D) -> D:
    """Remember that something without its code here is spoken of by name."""
    _elsewhere[type(definition), definition.key] = definition
    return definition


def elsewhere(kind: type[D]) -> list[D]:
    """Return all of a kind that was spoken of by name."""
    return [found for found in _elsewhere.values() if isinstance(found, kind)]


def by_key(definitions: Iterable[D]) -> dict[str, D]:
    """Index definitions by `name@version`.

    Raises:
        DuplicateTypeError: two of them claim one type.
    """
    index: dict[str, D] = {}
    for definition in definitions:
        other = index.setdefault(definition.key, definition)
        if other is not definition:
            raise DuplicateTypeError(
                f"{definition.key} is defined at {place(other)} and at {place(definition)}; "
                "give one of them another name="
            )
    return index


def place(definition: _Definition) -> str:
    """Return file:line of the definition's function."""
    function: Any = definition.function
    code = getattr(inspect.unwrap(function), "__code__", None)
    return f"{code.co_filename}:{code.co_firstlineno}" if code else repr(definition.function)
