"""Open the files of a project and resolve what one imports from another.

Knows where Python looks for a module, and reads it there: nothing is imported, nothing runs.
The standard library, installed packages and Partita are no part of a project. Knows nothing of
workflows.

Source: The Python Language Reference, 5 "The import system"; PEP 420 for folders without
`__init__.py`.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from pathlib import Path

from partita.source.discovery import read
from partita.source.file import File, parse
from partita.source.scope import Binding, Imported, Module, Scope

_NEVER = sys.stdlib_module_names | {"partita"}
_INSTALLED = {"site-packages", "dist-packages"}
_PACKAGE = "__init__.py"
MAX_OPEN_FILES = 250
"""Parsed files to keep for others that import them; about 100 MB."""


class Project:
    """The files that a user names, and those that they import.

    `here` is the current folder, `paths` are the files that the user names.
    """

    def __init__(
        self, here: Path, paths: Iterable[Path], *, max_open: int = MAX_OPEN_FILES
    ) -> None:
        self._here = here
        self._max_open = max_open
        self._named: dict[str, str] = {}
        for path in paths:
            self._named.setdefault(os.path.realpath(here / path), str(path))
        self._opened: dict[str, File] = {}
        self._keys: dict[File, str] = {}
        self._found: dict[Path, File | None] = {}  # by the path that was tried
        self._kept: set[File] = set()  # that another file imports
        self.files: dict[Scope, File] = {}

    def open(self, path: Path) -> File:
        """Open a file that the user names.

        Raises:
            UnreadableSourceError: it is not UTF-8, or cannot be read.
        """
        place = Path(os.path.abspath(self._here / path))
        roots = [_root(place.parent), self._here, self._here / "src"]
        return self._open(place, self._filename(place, str(path)), roots)

    def close(self, file: File) -> list[File]:
        """Drop a file that no other imports, or all files once they are too many; return them."""
        gone = [] if file in self._kept or file.scope not in self.files else [file]
        if len(self.files) > self._max_open:
            gone = list(self.files.values())
            self._found.clear()
            self._kept.clear()
        for one in gone:
            del self.files[one.scope]
            self._opened.pop(self._keys.pop(one, ""), None)  # a folder without a file has no key
        return gone

    def _open(self, path: Path, filename: str, roots: list[Path]) -> File:
        key = os.path.realpath(path)
        if key not in self._opened:
            file = self._opened[key] = parse(read(path), filename)
            self._keys[file] = key
            self._place(file, path, roots)
        return self._opened[key]

    def _place(self, file: File, path: Path, roots: list[Path]) -> None:
        file.scope.origin = _Origin(self, file, path, roots)
        self.files[file.scope] = file

    def find(self, path: Path, origin: _Origin) -> File | None:
        """Return the file at a path that an import names, if there is one.

        Raises:
            UnreadableSourceError: it is not UTF-8, or cannot be read.
        """
        if path not in self._found:
            self._found[path] = None
            if os.path.isfile(path) and _INSTALLED.isdisjoint(path.parts):
                self._found[path] = file = self._open_imported(path, origin)
                self._kept.add(file)
        return self._found[path]

    def _open_imported(self, path: Path, origin: _Origin) -> File:
        roots = dict.fromkeys([_root(path.parent), *origin.roots])
        return self._open(path, self._filename(path, origin.file.filename), list(roots))

    def folder(self, path: Path, origin: _Origin) -> File | None:
        """Return the package of a folder, also without `__init__.py`; None if it is no folder."""
        init = path / _PACKAGE
        if self.find(init, origin) is None and os.path.isdir(path):
            self._found[init] = file = parse("", self._filename(init, origin.file.filename))
            self._place(file, init, origin.roots)
        return self._found[init]

    def _filename(self, path: Path, other: str) -> str:
        """Name a file absolutely or relatively, as another one is named."""
        if named := self._named.get(os.path.realpath(path)):
            return named
        return str(path) if os.path.isabs(other) else os.path.relpath(path, self._here)


class _Origin:
    """Where a file lies, to resolve its imports."""

    def __init__(self, project: Project, file: File, path: Path, roots: list[Path]) -> None:
        self.file = file
        self.roots = roots
        self._project = project
        self._path = path
        self._known: dict[str, list[Binding] | None] = {}

    def imported(self, path: str) -> list[Binding] | None:
        """Return the bindings of a dotted path; None if it is not in the project."""
        if path not in self._known:
            self._known[path] = []  # for circular imports
            self._known[path] = self._look_up(path)
        return self._known[path]

    def _look_up(self, path: str) -> list[Binding] | None:
        name = path.lstrip(".")
        parts = name.split(".")
        if name != path:
            return self._relative(len(path) - len(name), parts)
        found = (self._below(root, parts) for root in self.roots if parts[0] not in _NEVER)
        return next((bindings for bindings in found if bindings is not None), None)

    def _relative(self, level: int, parts: list[str]) -> list[Binding]:
        folder = self._path.parents[min(level, len(self._path.parents)) - 1]
        package = self._project.folder(folder, self)
        return [] if package is None else _members([Module(package.scope)], parts)

    def _below(self, folder: Path, parts: list[str]) -> list[Binding] | None:
        """Search for the first part that is a file; folders alone are no evidence of a module."""
        for count, part in enumerate(parts, 1):
            if file := self._module(folder, part):
                return _members([Module(file.scope)], parts[count:])
            folder = folder / part
            if not os.path.isdir(folder):
                break
        return None

    def _module(self, folder: Path, name: str) -> File | None:
        found = self._project.find(folder / name / _PACKAGE, self)
        return found or self._project.find(folder / f"{name}.py", self)

    def submodule(self, name: str) -> Module | None:
        """Return a module of the package whose `__init__.py` this file is."""
        if self._path.name != _PACKAGE:
            return None
        folder = self._path.parent
        file = self._module(folder, name) or self._project.folder(folder / name, self)
        return None if file is None else Module(file.scope)


def _root(folder: Path) -> Path:
    """Return the folder that the outermost package around a folder's files lies in."""
    while os.path.isfile(folder / _PACKAGE) and folder.parent != folder:
        folder = folder.parent
    return folder


def _members(bindings: list[Binding], parts: list[str]) -> list[Binding]:
    for part in parts:
        bindings = [member for binding in bindings for member in _member(binding, part)]
    return list(dict.fromkeys(bindings))


def _member(binding: Binding, name: str) -> list[Binding]:
    if isinstance(binding, Module):
        return binding.scope.member(name)
    if isinstance(binding, Imported):
        return [Imported(f"{binding.path}.{name}")]
    return []
