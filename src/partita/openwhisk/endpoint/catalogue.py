"""Keep actions and packages in a service's catalogue."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

import msgspec

from partita.openwhisk.endpoint.entities import (
    COMPONENTS,
    Action,
    Json,
    Package,
    RequestError,
    action_of,
    package_of,
    resolved,
)
from partita.ports.session import Catalogue, Session

DOMAIN = "default"
ACTION, PACKAGE = "openwhisk.action", "openwhisk.package"

E = TypeVar("E", Action, Package)

ECHO = Action(
    path="/whisk.system/utils/echo",
    exec={"kind": "python:default", "code": "def main(args):\n    return args\n"},
)
"""The action that is there without having been created."""

NOT_THERE = "The requested resource does not exist."


def find_action(catalogue: Catalogue, path: str) -> Action | None:
    """Return an action, or None; one of a bound package comes with the binding's parameters."""
    if path == ECHO.path:
        return ECHO
    text = catalogue.entry(ACTION, DOMAIN, path)
    package, slash, name = path.rpartition("/")
    if not slash:
        return None if text is None else msgspec.json.decode(text, type=Action)
    around = find_package(catalogue, package)
    if around is None:
        return None
    if around.binding:
        inner = find_action(catalogue, f"{around.binding['name']}/{name}")
        return None if inner is None else _with_parameters(inner, around)
    return (
        None if text is None else _with_parameters(msgspec.json.decode(text, type=Action), around)
    )


def find_package(catalogue: Catalogue, name: str) -> Package | None:
    """Return a package, or None."""
    text = catalogue.entry(PACKAGE, DOMAIN, name)
    return None if text is None else msgspec.json.decode(text, type=Package)


def _with_parameters(action: Action, package: Package) -> Action:
    """Return an action with the parameters of its package, which its own replace."""
    own = {one["key"] for one in action.parameters}
    outer = [one for one in package.parameters if one["key"] not in own]
    return msgspec.structs.replace(action, parameters=[*outer, *action.parameters])


def stored_action(catalogue: Catalogue, path: str) -> Action:
    """Return an action as it was created.

    Raises:
        RequestError: there is none.
    """
    if path == ECHO.path:
        return ECHO
    text = catalogue.entry(ACTION, DOMAIN, path)
    if text is None:
        raise RequestError(404, NOT_THERE)
    return msgspec.json.decode(text, type=Action)


def actions(catalogue: Catalogue) -> list[Action]:
    """Return all actions, the one that was changed last first."""
    found = [
        msgspec.json.decode(text, type=Action)
        for text in catalogue.entries(ACTION, DOMAIN).values()
    ]
    return sorted(found, key=lambda one: (-one.updated, one.path))


def packages(catalogue: Catalogue) -> list[Package]:
    """Return all packages."""
    found = [
        msgspec.json.decode(text, type=Package)
        for text in catalogue.entries(PACKAGE, DOMAIN).values()
    ]
    return sorted(found, key=lambda one: (-one.updated, one.name))


def put_action(session: Session, path: str, body: Json, *, overwrite: bool) -> Action:
    """Create an action, or change one.

    Raises:
        RequestError: it is there already, or the request is wrong.
    """
    package = path.rpartition("/")[0]
    if package and find_package(session, package) is None:
        raise RequestError(404, NOT_THERE)

    def make(before: Action | None) -> Action:
        made = action_of(path, body, before, time.time())
        if _length(session, path, made.exec.get("components", [])) > COMPONENTS:
            raise RequestError(400, "Too many actions in the sequence.")
        return made

    return _put(session, ACTION, path, Action, make, overwrite=overwrite)


def _length(session: Session, path: str, components: list[str]) -> int:
    """Return how many actions a sequence has, with those of sequences in it; 0 if it is none.

    Raises:
        RequestError: one is not there, or is the sequence itself.
    """
    waiting, count = list(components), 0
    while waiting and count <= COMPONENTS:
        one = resolved(waiting.pop())
        if one == path:
            raise RequestError(400, "Sequence may not refer to itself.")
        found = None if one is None else find_action(session, one)
        if found is None:
            raise RequestError(400, "Sequence component does not exist.")
        inner = found.exec.get("components", [])
        waiting += inner
        count += not inner
    return count


def put_package(session: Session, name: str, body: Json, *, overwrite: bool) -> Package:
    """Create a package, or change one.

    Raises:
        RequestError: it is there already, or the request is wrong.
    """

    def make(before: Package | None) -> Package:
        made = package_of(name, body, before, time.time())
        around = find_package(session, made.binding["name"]) if made.binding else None
        if made.binding and around is None:
            raise RequestError(400, "Binding references a package that does not exist.")
        if around is not None and (around.binding or around.name == name):
            raise RequestError(400, "Cannot bind to another package binding.")
        return made

    return _put(session, PACKAGE, name, Package, make, overwrite=overwrite)


def _put(
    session: Session,
    kind: str,
    key: str,
    type: type[E],
    make: Callable[[E | None], E],
    *,
    overwrite: bool,
) -> E:
    text = session.entry(kind, DOMAIN, key)
    if text is not None and not overwrite:
        raise RequestError(409, "resource already exists")
    before = None if text is None else msgspec.json.decode(text, type=type)
    made = make(before)
    session.enter(kind, DOMAIN, key, msgspec.json.encode(made).decode(), text)
    return made


def delete(session: Session, kind: str, key: str) -> str:
    """Remove an action or a package; return what it was.

    Raises:
        RequestError: there is none.
    """
    text = session.entry(kind, DOMAIN, key)
    if text is None:
        raise RequestError(404, NOT_THERE)
    session.enter(kind, DOMAIN, key, None, text)
    return text
