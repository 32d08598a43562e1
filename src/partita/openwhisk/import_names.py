"""Answer `import composer` with our module while a file is loaded, as Apache's samples write it.

A module of that name beside the file is left alone. Nothing of the package is imported before a
file asks for it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType

_MODULES = {
    "composer": "partita.openwhisk.composer",
    "conductor": "partita.openwhisk.conductor",
}


class _Loader(Loader):
    """Gives a module of ours under another name."""

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return import_module(_MODULES[spec.name])

    def exec_module(self, module: ModuleType) -> None:
        """Do nothing: the module has been imported."""


class _Finder(MetaPathFinder):
    """Finds the modules of Apache's Composer."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,  # noqa: ARG002
        target: ModuleType | None = None,  # noqa: ARG002
    ) -> ModuleSpec | None:
        if fullname not in _MODULES or self._is_beside(fullname):
            return None
        return ModuleSpec(fullname, _Loader())

    def _is_beside(self, name: str) -> bool:
        return any(one.exists() for one in (self._folder / f"{name}.py", self._folder / name))


@contextmanager
def composer_names(file: str) -> Iterator[None]:
    """Resolve `import composer` and `import conductor` to our modules while a file is loaded."""
    finder = _Finder(Path(file).parent)
    sys.meta_path.insert(0, finder)
    specs = {name: getattr(sys.modules.get(name), "__spec__", None) for name in _MODULES.values()}
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
        for name, own in _MODULES.items():
            if sys.modules.get(name) is sys.modules.get(own, finder):
                del sys.modules[name]
                _restore(sys.modules[own], specs[own], own)


def _restore(module: ModuleType, spec: ModuleSpec | None, name: str) -> None:
    """Give a module its own name back, which importing it by another one has changed."""
    found = spec if spec is not None else ModuleSpec(name, None, origin=module.__file__)
    module.__spec__, module.__name__ = found, name
