"""Rebuild an exception from a description of form 1, as the version that wrote it did.

A history is replayed with the exceptions that its workflow saw, so these rules do not change.
The class is looked up by name in the module of the function that raised it, in the modules that
that one has imported, and among the builtins, and is called with its arguments.
"""

from __future__ import annotations

import builtins
import functools
import inspect
from collections.abc import Iterable, Mapping
from types import ModuleType
from typing import Any, TypeGuard

from partita import errors
from partita.authoring.failure.state import dict_of
from partita.history.failure import Failure


def rebuild(failure: Failure, near: Iterable[Any], otherwise: type[Exception]) -> Exception:
    """Return the exception that was raised, or else `otherwise(type, message, traceback)`."""
    namespace = next((_names(function) for function in near), {})
    error = _rebuilt(failure, namespace)
    if error is None:
        error = otherwise(failure.type, failure.message, failure.traceback)
    if failure.traceback:
        note = f"Where it was raised:\n{failure.traceback.rstrip()}"
        dict_of(error).setdefault("__notes__", []).append(note)
    return error


def _names(function: Any) -> Mapping[str, Any]:
    names: Mapping[str, Any] = getattr(inspect.unwrap(function), "__globals__", {})
    return names


def _rebuilt(failure: Failure, namespace: Mapping[str, Any]) -> Exception | None:
    kind = _find(failure.type, failure.module, namespace)
    if kind is None or failure.args is None:
        return None
    try:
        error = kind(*failure.args)
    except Exception:
        return None
    return error if isinstance(error, Exception) else None


def _find(qualname: str, module: str, namespace: Mapping[str, Any]) -> type[Exception] | None:
    places = [namespace, *_imported(module, namespace)]
    for found in (_walk(place, qualname) for place in places):
        if _is_exception(found) and module in (found.__module__, "__main__"):
            return found
    if module in ("builtins", errors.__name__):
        found = _walk(vars(builtins if module == "builtins" else errors), qualname)
        if _is_exception(found):
            return found
    return None


def _imported(module: str, namespace: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the modules that the namespace has imported and that may hold the class."""
    top = module.partition(".")[0]
    modules = [value for value in namespace.values() if isinstance(value, ModuleType)]
    found: list[Mapping[str, Any]] = []
    for candidate in modules:
        if candidate.__name__ == module:
            found.append(vars(candidate))
        elif candidate.__name__.partition(".")[0] == top:
            found.append(vars(candidate))
            rest = module.removeprefix(candidate.__name__ + ".")
            inner = _walk(vars(candidate), rest)
            if isinstance(inner, ModuleType):
                found.append(vars(inner))
    return found


def _walk(place: Mapping[str, Any], qualname: str) -> Any:
    first, *rest = qualname.split(".")
    return functools.reduce(lambda at, name: getattr(at, name, None), rest, place.get(first))


def _is_exception(found: Any) -> TypeGuard[type[Exception]]:
    return isinstance(found, type) and issubclass(found, Exception)
