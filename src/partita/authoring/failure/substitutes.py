"""Make a class in place of one that is not loaded here: it has its name, and bases that are.

It derives from the failure of the place, such as ActivityFailedError, and from the nearest bases
that are known here, so that `except ValueError` works as for the class itself.
"""

from __future__ import annotations

import builtins
import functools
from typing import Any

from partita.authoring.failure.classes import Finder
from partita.authoring.failure.description import FAILURE, ORIGIN
from partita.history.failure import Failure


class _Described:
    """Read a member of the description, unless the exception has an attribute of that name."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __get__(self, instance: Any, _: type | None = None) -> Any:
        failure = getattr(instance, FAILURE, None)
        if failure is None:
            raise AttributeError(self._name)
        return getattr(failure, self._name)


def is_substitute(error: BaseException) -> bool:
    """Return whether an exception's class stands in place of one that is not loaded here."""
    return hasattr(type(error), FAILURE)


def substitute(
    failure: Failure, otherwise: Any, finder: Finder, base: type[BaseException]
) -> type[Any]:
    """Return a class for an exception whose own class cannot be had; its bases derive from `base`.

    A base whose class would notice that it is subclassed is passed over.
    """
    bases = tuple(_nearest(failure, finder, base))
    for some in (bases, bases[:1], ()):
        try:
            return _made(failure.module, failure.type, failure.bases, otherwise, some)
        except (TypeError, ValueError):  # they cannot be bases of one class
            continue
    found: type[Any] = otherwise
    return found


@functools.lru_cache(maxsize=500)
def _made(
    module: str,
    qualname: str,
    names: tuple[str, ...],
    otherwise: Any,
    bases: tuple[type, ...],
) -> type[Any]:
    members: dict[str, Any] = {
        "__slots__": (FAILURE,),
        "__module__": module or "builtins",
        "__qualname__": qualname,
        "__doc__": f"Stand in for {qualname}, whose class is not loaded here.",
        "__str__": _text,
        ORIGIN: names,
        "type": _Described("type"),
        "traceback": _Described("traceback"),
    }
    if not any(issubclass(one, BaseExceptionGroup) for one in bases):
        members["message"] = _Described("message")
    return type(qualname.rpartition(".")[2], (otherwise, *bases), members)


def _text(self: Any) -> str:
    failure = getattr(self, FAILURE, None)
    return failure.message if isinstance(failure, Failure) else ""


def _nearest(failure: Failure, finder: Finder, base: type[BaseException]) -> list[type]:
    """Return the nearest bases that are known here, without those that others of them have."""
    found: list[type] = []
    for name in failure.bases:
        kind = _base(name, finder, base)
        if kind is not None and not any(issubclass(one, kind) for one in found):
            found.append(kind)
    return [kind for kind in found if kind not in (Exception, BaseException)]


def _base(name: str, finder: Finder, base: type[BaseException]) -> type | None:
    module, _, qualname = name.rpartition(".")
    if not module:
        kind = getattr(builtins, name, None)
    else:
        kind = finder.find(module, qualname, base)
    if isinstance(kind, type) and issubclass(kind, base) and _may_be_subclassed(kind):
        return kind
    return None


def _may_be_subclassed(kind: type) -> bool:
    return type(kind) is type and "__init_subclass__" not in {
        name for place in kind.__mro__[:-1] for name in vars(place)
    }
