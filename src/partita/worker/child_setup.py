"""Tell child processes which functions the worker's process has registered under names.

A child loads the file of an activity, and knows nothing else of its worker's process. Activities
that look functions up by name find those here that can be imported again; a child that does not
find one has the worker run the activity itself.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from msgspec import Struct

from partita.errors import LoadError
from partita.worker.code_loader import load_again


class Registration(Struct, frozen=True):
    """A function that was registered under a name, and where it can be imported from."""

    kind: str
    name: str
    module: str
    file: str
    path: str  # of the function in its module


_registrations: dict[tuple[str, str], Registration] = {}
_in_child: list[str] = []  # what a child has looked for in vain; its first item marks a child


def remember(kind: str, name: str, function: Callable[..., Any]) -> None:
    """Record a function for child processes, if it can be imported."""
    plain = inspect.unwrap(function)
    path, code = getattr(plain, "__qualname__", "<>"), getattr(plain, "__code__", None)
    if code is None or "<" in path:  # a method, an object, or made within a function
        forget(kind, name)
        return
    found = Registration(kind, name, plain.__module__, code.co_filename, path)
    _registrations[kind, name] = found


def forget(kind: str, name: str) -> None:
    """Undo `remember`."""
    _registrations.pop((kind, name), None)


def registrations() -> list[Registration]:
    """Return what children are told."""
    return list(_registrations.values())


def begin_child() -> None:
    """Set this process up as a child."""
    _in_child.append("")


def learn(told: list[Registration]) -> None:
    """Take over what the worker's process has registered."""
    _registrations.update({(one.kind, one.name): one for one in told})


def find(kind: str, name: str) -> Callable[..., Any] | None:
    """Import and return a function that the worker's process has registered; None: there is none.

    In other processes than children it is always None: they have the function itself.
    """
    one = _registrations.get((kind, name)) if _in_child else None
    if one is None:
        return None
    try:
        found: Any = load_again(one.module, one.file)
    except LoadError:
        return None
    for part in one.path.split("."):
        found = getattr(found, part, None)
    return found if callable(found) else None


def need_worker(what: str) -> None:
    """In a child, have the worker's own process run this activity, since it may have `what`."""
    if _in_child:
        _in_child.append(what)
        raise LoadError(f"a child process has no {what}")


def taken_need() -> str | None:
    """Return what a child has lacked since the last call, if anything."""
    needed = _in_child[1:]
    del _in_child[1:]
    return needed[0] if needed else None
