"""Find the modules of a program's own that its modules import, without running anything."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from partita.errors import BundleError
from partita.source.discovery import read

PROVIDED = frozenset({"boto3", "botocore", "dateutil", "jmespath", "s3transfer", "six", "urllib3"})
"""Packages that Lambda's Python runtimes bring along."""


@dataclass(frozen=True)
class Module:
    """A module of the program: its dotted name, its file, and whether it is a package."""

    name: str
    path: Path

    @property
    def is_package(self) -> bool:
        """Whether it is a package's `__init__`."""
        return self.path.name == "__init__.py"

    @property
    def place(self) -> str:
        """Its file's name in a bundle."""
        parts = self.name.replace(".", "/")
        return f"{parts}/__init__.py" if self.is_package else f"{parts}.py"


@dataclass
class Imports:
    """The modules found, by name, and the names of packages that are elsewhere."""

    roots: Sequence[Path]
    modules: dict[str, Module] = field(default_factory=dict)
    outside: set[str] = field(default_factory=set)

    def add(self, module: Module) -> None:
        """Add a module, the packages around it, and all that they import.

        Raises:
            BundleError: one of them is no Python that can be read.
        """
        pending = [module]
        while pending:
            one = pending.pop()
            if one.name in self.modules:
                continue
            self.modules[one.name] = one
            pending += self._around(one.name)
            pending += self._imported_by(one)

    def _around(self, name: str) -> Iterator[Module]:
        parts = name.split(".")
        for count in range(1, len(parts)):
            found = self._find(".".join(parts[:count]))
            if found is not None:
                yield found

    def _imported_by(self, module: Module) -> Iterator[Module]:
        for name, is_needed in imports_of(_parsed(module.path), module.name, module.is_package):
            found = self._find(name)
            top = name.partition(".")[0]
            if found is not None:
                yield found
                yield from self._around(name)
            elif is_needed and not self._is_known(name, top):
                self.outside.add(top)

    def _is_known(self, name: str, top: str) -> bool:
        """Return whether a name needs no package: a part of a module, or of Python or Partita."""
        if top in sys.stdlib_module_names or top in {"partita", "__future__"} | PROVIDED:
            return True
        parent = name.rpartition(".")[0]
        return bool(parent) and (self._find(parent) is not None or self._is_folder(top))

    def _is_folder(self, top: str) -> bool:
        return any((root / top).is_dir() for root in self.roots)

    def _find(self, name: str) -> Module | None:
        if name.partition(".")[0] == "partita":
            return None
        for root in self.roots:
            path = root.joinpath(*name.split("."))
            for one in (path / "__init__.py", path.with_suffix(".py")):
                if one.is_file():
                    return Module(name, one)
        return None


def imports_of(tree: ast.Module, module: str, is_package: bool) -> Iterator[tuple[str, bool]]:
    """Yield the names of modules that a module may import, and whether it fails without them.

    `from a import b` yields `a` and `a.b`; the latter may be no module.
    """
    optional = _optional(tree)
    package = module if is_package else module.rpartition(".")[0]
    for node in ast.walk(tree):
        is_needed = node not in optional
        for name in _names(node, package):
            yield name, is_needed


def _names(node: ast.AST, package: str) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        name = _absolute(node, package)
        return [name, *(f"{name}.{alias.name}" for alias in node.names)] if name else []
    if isinstance(node, ast.Call) and node.args and _is_import_module(node.func):
        first = node.args[0]
        if isinstance(first, ast.Constant) and isinstance(first.value, str):
            return [first.value] if not first.value.startswith(".") else []
    return []


def _is_import_module(function: ast.expr) -> bool:
    name = getattr(function, "attr", getattr(function, "id", ""))
    return name in ("import_module", "__import__")


def _absolute(node: ast.ImportFrom, package: str) -> str:
    if not node.level:
        return node.module or ""
    parts = package.split(".") if package else []
    kept = parts[: len(parts) - node.level + 1]
    return ".".join([*kept, *([node.module] if node.module else [])])


def _optional(tree: ast.Module) -> set[ast.AST]:
    """Return the nodes whose imports may fail or never run: in `try`, functions, TYPE_CHECKING."""
    found: set[ast.AST] = set()
    for node in ast.walk(tree):
        is_typing = isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        if is_typing or isinstance(node, ast.Try | ast.FunctionDef | ast.AsyncFunctionDef):
            found.update(ast.walk(node))
    return found


def _parsed(path: Path) -> ast.Module:
    try:
        return ast.parse(read(path))
    except (SyntaxError, ValueError) as error:
        row = getattr(error, "lineno", None) or 1
        raise BundleError(f"{path}:{row}: {error}; the bundle needs this module") from error


def own_roots(first: Iterable[Path]) -> list[Path]:
    """Return the folders of modules of one's own: some, and those of the import path."""
    installed = [Path(one).resolve() for one in {sys.prefix, sys.base_prefix, sys.exec_prefix}]
    found = dict.fromkeys(one.resolve() for one in first)
    for entry in sys.path:
        path = Path(entry or ".").resolve()
        is_installed = any(path.is_relative_to(one) for one in installed)
        is_package = "site-packages" in path.parts or "dist-packages" in path.parts
        if path.is_dir() and not is_installed and not is_package:
            found[path] = None
    return list(found)
