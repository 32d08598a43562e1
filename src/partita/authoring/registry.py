"""Index the activities and workflows that were defined in this process.

Two functions may have one type, as in tests or after a reload; only a lookup of it fails.
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
_remote: dict[tuple[type, str], _Definition] = {}


def register(definition: D) -> D:
    """Add a definition; it replaces one from the same place."""
    _known[type(definition), definition.key, place(definition)] = definition
    return definition


def known(kind: type[D]) -> list[D]:
    """Return all definitions of a kind."""
    return [found for found in _known.values() if isinstance(found, kind)]


def sole(kind: type[D], key: str) -> D | None:
    """Return the definition of a type if this process has exactly one."""
    found = [one for one in known(kind) if one.key == key]
    return found[0] if len(found) == 1 else None


def register_remote(definition: D) -> D:
    """Add a definition whose code is not here."""
    _remote[type(definition), definition.key] = definition
    return definition


def remote(kind: type[D]) -> list[D]:
    """Return all definitions of a kind whose code is not here."""
    return [found for found in _remote.values() if isinstance(found, kind)]


def by_key(definitions: Iterable[D]) -> dict[str, D]:
    """Index definitions by `name@version`.

    Raises:
        DuplicateTypeError: two of them have one type.
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
