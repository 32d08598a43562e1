"""Answer imports of names that files of other tools use with modules of ours, while one is loaded.

Nothing of ours is imported before a file asks for it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType


class _Loader(Loader):
    """Gives a module of ours under another name."""

    def __init__(self, own: str) -> None:
        self._own = own

    def create_module(self, spec: ModuleSpec) -> ModuleType:  # noqa: ARG002
        return import_module(self._own)

    def exec_module(self, module: ModuleType) -> None:
        """Do nothing: the module has been imported."""


class _Finder(MetaPathFinder):
    """Finds modules of ours by the names that files use."""

    def __init__(self, modules: Mapping[str, str], folder: Path | None) -> None:
        self._modules = modules
        self._folder = folder

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,  # noqa: ARG002
        target: ModuleType | None = None,  # noqa: ARG002
    ) -> ModuleSpec | None:
        if fullname not in self._modules or self._is_beside(fullname.partition(".")[0]):
            return None
        return ModuleSpec(fullname, _Loader(self._modules[fullname]))

    def _is_beside(self, name: str) -> bool:
        if self._folder is None:
            return False
        return any(one.exists() for one in (self._folder / f"{name}.py", self._folder / name))


@contextmanager
def answered(modules: Mapping[str, str], beside: str | None = None) -> Iterator[None]:
    """Resolve imports of names to modules of ours, given by name, while a file is loaded.

    Modules of these names beside the file `beside` are left alone.
    """
    finder = _Finder(modules, None if beside is None else Path(beside).parent)
    sys.meta_path.insert(0, finder)
    specs = {own: getattr(sys.modules.get(own), "__spec__", None) for own in modules.values()}
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
        for name, own in modules.items():
            if sys.modules.get(name) is sys.modules.get(own, finder):
                del sys.modules[name]
                _restore(sys.modules[own], specs[own], own)


def _restore(module: ModuleType, spec: ModuleSpec | None, name: str) -> None:
    """Give a module its own name back, which importing it by another one has changed."""
    if spec is None:
        paths = getattr(module, "__path__", None)
        spec = ModuleSpec(name, None, origin=module.__file__, is_package=paths is not None)
    module.__spec__, module.__name__ = spec, name
