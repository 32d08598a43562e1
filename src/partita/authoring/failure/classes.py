"""Find a class by the names that it is stored by. Imports nothing and calls nothing.

A class is looked up in the functions that a call is about and in their modules, then in the
module of its own name, if that is loaded. A class that no name leads to is found as long as it
was raised in this process.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import PurePath
from types import FunctionType, ModuleType
from typing import Any

from partita.authoring.file_modules import is_named_apart
from partita.codec.class_names import module_name

_LOCAL = "<locals>"

MAX_SEEN = 500
"""Classes that are kept because no name leads to them."""

_CLOSURE_DEPTH = 4
"""Functions in the closures of functions that are searched."""

_seen: dict[tuple[str, str], type] = {}


def remember(kind: type) -> None:
    """Keep a class that is raised here, if no name leads to it from its module."""
    module, qualname = kind.__module__, kind.__qualname__
    if _in_module(module, qualname) is kind:
        return
    _seen.pop((module, qualname), None)
    _seen[module, qualname] = kind
    while len(_seen) > MAX_SEEN:
        _seen.pop(next(iter(_seen)), None)


class Finder:
    """Finds classes near some functions: those that raise, and those that are to catch."""

    def __init__(self, near: Iterable[Any] = (), program: str = "") -> None:
        self._program = program  # what the `__main__` of the names is imported by, if known
        self._functions = [function for one in near for function in _layers(one)]

    def find(self, module: str, qualname: str, kind: type) -> type | None:
        """Return the class of that name if it is a subclass of `kind`; else None."""
        for found in self._candidates(module, qualname):
            if isinstance(found, type) and issubclass(found, kind):
                return found
        return None

    def _candidates(self, module: str, qualname: str) -> Iterator[type | None]:
        if _LOCAL in qualname:
            yield from self._enclosed(module, qualname)
        elif module == "__main__":  # which may have another name here
            yield from self._near(module, qualname)
            if self._program in ("", module_name(module)):
                yield _in_module(module, qualname)
            yield _in_module(self._program, qualname)
        else:
            yield _in_module(module, qualname)
            yield from self._near(module, qualname)
        yield _seen.get((module, qualname))

    def _near(self, module: str, qualname: str) -> Iterator[type]:
        for function in self._functions:
            names: Mapping[str, Any] = getattr(function, "__globals__", {})
            found = _walk(names, qualname)
            if found is not None and _is_same(module, found.__module__, names):
                yield found

    def _enclosed(self, module: str, qualname: str) -> Iterator[type]:
        for function in self._functions:
            for value in _closure(function, _CLOSURE_DEPTH, set()):
                if isinstance(value, type) and value.__qualname__ == qualname:
                    if _is_same(module, value.__module__, getattr(function, "__globals__", {})):
                        yield value


def _layers(function: Any) -> list[Callable[..., Any]]:
    """Return a function, and those that it wraps."""
    found = [function]
    while (inner := getattr(found[-1], "__wrapped__", None)) is not None and len(found) < 20:
        found.append(inner)
    return found


def _closure(function: Any, depth: int, seen: set[int]) -> Iterator[Any]:
    """Return what a function's closure holds, and the closures of the functions in it."""
    function = inspect.unwrap(function)
    if id(function) in seen or not isinstance(function, FunctionType):
        return
    seen.add(id(function))
    for cell in function.__closure__ or ():
        try:
            value = cell.cell_contents
        except ValueError:  # it is not assigned yet
            continue
        yield value
        if depth and callable(value) and not isinstance(value, type):
            yield from _closure(value, depth - 1, seen)


def _in_module(module: str, qualname: str) -> type | None:
    loaded = sys.modules.get(module)
    return _walk(vars(loaded), qualname) if isinstance(loaded, ModuleType) else None


def _walk(names: Mapping[str, Any], qualname: str) -> type | None:
    """Return the class of that qualified name, without calling any `__getattr__`."""
    at: Any = None
    for name in qualname.split("."):
        at = names.get(name)
        if not isinstance(at, type):
            break
        names = vars(at)
    if isinstance(at, type) and at.__qualname__ == qualname:
        return at
    return None


def _is_same(module: str, found: str, names: Mapping[str, Any]) -> bool:
    """Return whether the module of a found class is the one that was stored."""
    if module == found or module == "__main__":
        return True
    if is_named_apart(found) or is_named_apart(module):
        return True
    if found == "__main__":
        return module.rpartition(".")[2] == PurePath(str(names.get("__file__") or "")).stem
    return False
