"""Find where the names of a module come from: its statements, or another module.

Tells a user's own modules, whose source travels with the code that needs it, from installed ones,
which are imported where it runs.
"""

from __future__ import annotations

import ast
import functools
import importlib.util
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

from partita.compile.analysis.mutation import mutated_names
from partita.source.discovery import read

Namespace = Mapping[str, Any]


class Origin(NamedTuple):
    """A name that a module has from another one; `attribute` None: it is the module itself."""

    module: str
    attribute: str | None


@functools.lru_cache(maxsize=64)
def tree_of(path: str) -> ast.Module:
    """Return the parsed source of a file."""
    return ast.parse(read(Path(path)))


def tree_of_module(namespace: Namespace) -> ast.Module | None:
    """Return the parsed source of a module; None if it has none."""
    path = namespace.get("__file__")
    return tree_of(path) if isinstance(path, str) and path.endswith(".py") else None


def is_own(module: ModuleType | None) -> bool:
    """Return whether a module is the user's own, and not one that is installed."""
    path = getattr(module, "__file__", None)
    if module is None or path is None or not path.endswith(".py"):
        return False
    top = module.__name__.partition(".")[0]
    is_installed = bool({"site-packages", "dist-packages"} & set(Path(path).parts))
    return not (is_installed or top in sys.stdlib_module_names or top == "partita")


def bindings(namespace: Namespace, name: str) -> list[ast.stmt]:
    """Return the statements at the top of a module that make a name's value, imports left out."""
    tree = tree_of_module(namespace)
    found = [one for one in tree.body if name in _bound(one)] if tree else []
    if tree is None or not found or isinstance(found[-1], _DEFINITIONS):
        return found
    return [one for one in tree.body if name in _bound(one) or name in _changed(one)]


_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


def _changed(node: ast.stmt) -> frozenset[str]:
    """Return the names whose values a statement changes in place."""
    return frozenset() if isinstance(node, _DEFINITIONS) else mutated_names([node])


def _bound(node: ast.stmt) -> set[str]:
    if isinstance(node, _DEFINITIONS):
        return {node.name}
    if isinstance(node, ast.Import | ast.ImportFrom):
        return set()
    return {
        part.id
        for part in ast.walk(node)
        if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store)
    }


def origin(namespace: Namespace, name: str) -> Origin | None:
    """Return where a module imports a name from; None if it does not."""
    tree = tree_of_module(namespace)
    for node in ast.walk(tree) if tree else ():
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.asname == name:
                    return Origin(alias.name, None)
                if alias.asname is None and alias.name.partition(".")[0] == name:
                    return Origin(alias.name, None)
        elif isinstance(node, ast.ImportFrom):
            found = _imported(node, namespace, name)
            if found is not None:
                return found
    return None


def _imported(node: ast.ImportFrom, namespace: Namespace, name: str) -> Origin | None:
    source = "." * node.level + (node.module or "")
    if node.level:
        source = importlib.util.resolve_name(source, str(namespace.get("__package__") or ""))
    for alias in node.names:
        if (alias.asname or alias.name) == name:
            inner = sys.modules.get(f"{source}.{alias.name}")
            if inner is not None and namespace.get(name) is inner:
                return Origin(f"{source}.{alias.name}", None)
            return Origin(source, alias.name)
        module = sys.modules.get(source)
        is_there = name in namespace and vars(module or ast).get(name) is namespace[name]
        if alias.name == "*" and is_there:
            return Origin(source, name)
    return None


def names_in(node: ast.AST) -> Iterator[str]:
    """Return the names that code reads."""
    for part in ast.walk(node):
        if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Load):
            yield part.id
