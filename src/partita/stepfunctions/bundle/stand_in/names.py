"""Stand in for what a workflow's module imports of Partita and no activity needs."""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.machinery
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

_ERRORS = ("Error", "Exception")
_PACKAGE = __name__.rpartition(".")[0]


class Absent:
    """What is not there: it can be named, called and decorated with, but not used for work."""

    def __init__(self, name: str) -> None:
        self.__name__ = self.__qualname__ = name

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Return a decorated function as it is, and otherwise what is not there either."""
        if len(args) == 1 and not kwargs and callable(args[0]):
            return args[0]
        return Absent(f"{self.__name__}()")

    def __getattr__(self, name: str) -> Absent:
        if name.startswith("__"):
            raise AttributeError(name)
        return Absent(f"{self.__name__}.{name}")

    def __mro_entries__(self, bases: tuple[Any, ...]) -> tuple[type, ...]:
        return ()

    def __getitem__(self, key: Any) -> Absent:
        return self

    def __or__(self, other: Any) -> Any:
        return other

    __ror__ = __or__

    def __iter__(self) -> Any:
        raise TypeError(f"{self.__name__} is of workflows; it is not there on Lambda")

    def __bool__(self) -> bool:
        raise TypeError(f"{self.__name__} is of workflows; it is not there on Lambda")


def _absent(module: str, name: str) -> Any:
    """Return a name of Partita's: an exception of its own, or something that is not there."""
    if name.startswith("__"):
        raise AttributeError(name)
    if Path(__file__).with_name(f"{name}.py").exists() and module == _PACKAGE:
        return importlib.import_module(f"{module}.{name}")
    if name.endswith(_ERRORS):
        return getattr(importlib.import_module(f"{_PACKAGE}.errors"), name)
    return Absent(f"{module}.{name}")


def install() -> Callable[[str], Any]:
    """Make every module of the package importable; return the package's own `__getattr__`."""
    sys.meta_path.append(_Finder())
    return absent_names(_PACKAGE)


def absent_names(module: str) -> Callable[[str], Any]:
    """Return the `__getattr__` of a module of Partita's, for the names that it has not here."""
    return lambda name: _absent(module, name)


class _Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds the modules of Partita that are not in the bundle."""

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: Any = None
    ) -> importlib.machinery.ModuleSpec | None:
        if not name.startswith(f"{_PACKAGE}."):
            return None
        return importlib.machinery.ModuleSpec(name, self, is_package=True)

    def exec_module(self, module: ModuleType) -> None:
        vars(module)["__getattr__"] = absent_names(module.__name__)
