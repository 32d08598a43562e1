"""Index the activities and workflows that were defined in this process.

Two functions may have one type; only a lookup of it fails. A function that is defined again, by
another cell of a notebook or by a reload of its module, takes the place of the older one.
"""

from __future__ import annotations

import inspect
import logging
import sys
from collections.abc import Iterable
from typing import Any, NamedTuple, Protocol, TypeVar
from weakref import WeakKeyDictionary

from partita.errors import DuplicateTypeError

log = logging.getLogger("partita")


class _Definition(Protocol):
    @property
    def key(self) -> str: ...
    @property
    def function(self) -> object: ...
    @property
    def label(self) -> str: ...


D = TypeVar("D", bound=_Definition)


class _Origin(NamedTuple):
    """What tells a function that is defined again from another one."""

    name: tuple[str, str]  # module and qualified name
    file: str
    line: int
    load: object  # another one after a reload of the module


_known: dict[tuple[type, str, str], _Definition] = {}
_remote: dict[tuple[type, str], _Definition] = {}
_origins: WeakKeyDictionary[_Definition, _Origin] = WeakKeyDictionary()
_serving: WeakKeyDictionary[object, list[_Definition]] = WeakKeyDictionary()


def register(definition: D) -> D:
    """Add a definition; it replaces an older one of the same function."""
    origin = _origin(definition)
    if origin is not None:
        _origins[definition] = origin
    at = (type(definition), definition.key, place(definition))
    for key, older in list(_known.items()):
        if key == at or (key[1] == definition.key and _is_again(older, definition)):
            del _known[key]
            _warn_if_served(older, definition)
    _known[at] = definition
    return definition


def known(kind: type[D]) -> list[D]:
    """Return all definitions of a kind."""
    return [found for found in _known.values() if isinstance(found, kind)]


def serve(worker: object, definitions: Iterable[_Definition]) -> None:
    """Note what a worker of this process runs, for as long as it does."""
    _serving[worker] = list(definitions)


def stop_serving(worker: object) -> None:
    """Note that a worker runs nothing any more."""
    _serving.pop(worker, None)


def _warn_if_served(older: _Definition, newer: _Definition) -> None:
    served = [one.function for definitions in _serving.values() for one in definitions]
    if older.function is not newer.function and any(one is older.function for one in served):
        log.warning(
            "%s is defined again at %s, but a worker of this process still runs the code of %s; "
            "stop that worker and start a new one",
            *(newer.label, place(newer), place(older)),
        )


def _origin(definition: _Definition) -> _Origin | None:
    function: Any = inspect.unwrap(definition.function)  # type: ignore[arg-type]
    code = getattr(function, "__code__", None)
    if code is None:
        return None
    load = function.__globals__.get("__spec__")  # `importlib.reload` gives the module a new one
    name = (function.__module__, function.__qualname__)
    return _Origin(name, code.co_filename, code.co_firstlineno, load)


def _is_again(older: _Definition, newer: _Definition) -> bool:
    """Return whether the newer function takes its name from the older one.

    Two functions that one load of a file defines under one name are a mistake, and stay two.
    """
    one, other = _origins.get(older), _origins.get(newer)
    if one is None or other is None or one.name != other.name or older.label != newer.label:
        return False
    if (one.file, one.line) == (other.file, other.line):
        return True
    is_typed = one.name[0] == "__main__" and hasattr(sys, "ps1")  # into an interpreter
    return one.file != other.file or one.load is not other.load or is_typed


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
