"""Read a file of pyawssfn: its entry point, and what its names mean.

The source tells the names; the module's namespace, if the file is loaded, tells of classes more.
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from partita.compile.diagnostics import CompileError, Diagnostic, Diagnostics
from partita.errors import LoadError

MODULES = ("pysfn", "pysfn.definition")


@dataclass
class Source:
    """The source of a file, and what is found wrong in it."""

    diagnostics: Diagnostics
    tree: ast.Module
    namespace: Mapping[str, Any] | None  # of the loaded module; None: it is not loaded
    members: dict[str, str] = field(default_factory=dict)  # texts in the source to names of ours
    bound: dict[str, ast.stmt] = field(default_factory=dict)  # names of the module

    def member(self, node: ast.expr) -> str | None:
        """Return which member of `pysfn` an expression is; None: it is none."""
        if isinstance(node, ast.Name):
            return self.members.get(node.id)
        if isinstance(node, ast.Attribute) and f"{ast.unparse(node.value)}." in self.members:
            return node.attr
        return None

    def is_function(self, name: str) -> bool:
        """Return whether the module has a function of that name."""
        if self.namespace is not None and name in self.namespace:
            return callable(self.namespace[name])
        return name in self.bound

    def problem_of(self, name: str) -> tuple[str, str] | None:
        """Return why a function of the module is none to call, and a way out; None: it is one."""
        node = self.bound.get(name)
        if node is not None and is_main(node, self):
            return "it is the function that is compiled", "call another one"
        if isinstance(node, ast.AsyncFunctionDef):
            return "it is async, and the Lambda function awaits nothing", "write def"
        if isinstance(node, ast.FunctionDef) and _yields(node):
            return "it is a generator, whose result is no JSON value", "return a list"
        return None

    def error_names(self, name: str) -> list[str] | None:
        """Return the names of a class of exceptions and of those derived from it; None: no class.

        States.ALL stands for all that `Exception` is.
        """
        classes = self._classes()
        if name not in classes:
            return None
        own, _ = classes[name]
        if own in ("Exception", "BaseException") and name not in self.bound:
            return ["States.ALL"]
        below = {other for other, ancestors in classes.values() if own in ancestors}
        return [own, *sorted(below - {own})]

    def _classes(self) -> dict[str, tuple[str, set[str]]]:
        """Return the classes of exceptions by the texts that name them: own name, ancestors'."""
        found: dict[str, tuple[str, set[str]]] = {}
        for name, one in [*vars(builtins).items(), *_reachable(self.namespace or {})]:
            if isinstance(one, type) and issubclass(one, BaseException):
                found[name] = one.__name__, {base.__name__ for base in one.__mro__}
        if self.namespace is None:
            for name, node in self.bound.items():
                found |= _written(name, node, found)
        return found


def _yields(node: ast.AST) -> bool:
    """Return whether a function's own code yields."""
    inner = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)
    parts = [one for one in ast.iter_child_nodes(node) if not isinstance(one, inner)]
    return any(isinstance(one, ast.Yield | ast.YieldFrom) or _yields(one) for one in parts)


def _reachable(namespace: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Return what a module names, and what the modules that it names do."""
    for owner, value in list(namespace.items()):
        if type(value).__name__ == "module":
            yield from ((f"{owner}.{name}", one) for name, one in list(vars(value).items()))
    yield from list(namespace.items())


def _written(
    name: str, node: ast.stmt, known: Mapping[str, tuple[str, set[str]]]
) -> dict[str, tuple[str, set[str]]]:
    """Return the class that a statement defines, as far as the source tells."""
    if isinstance(node, ast.ClassDef):
        bases = [known[text] for one in node.bases if (text := ast.unparse(one)) in known]
        return {name: (name, {name}.union(*(one for _, one in bases)))} if bases else {}
    return {name: (name, {name})} if isinstance(node, ast.Import | ast.ImportFrom) else {}


def read_source(text: str, filename: str, namespace: Mapping[str, Any] | None = None) -> Source:
    """Return the source of a file.

    Raises:
        LoadError: it is not Python.
    """
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError) as error:
        line = getattr(error, "lineno", None)
        told = getattr(error, "msg", None) or str(error)
        raise LoadError(f"{filename}:{line or 1}: {told}") from error
    source = Source(Diagnostics(filename, text.splitlines()), tree, namespace)
    for node in tree.body:
        source.bound.update((name, node) for name in _names_of(node))
    for part in ast.walk(tree):
        if isinstance(part, ast.Import | ast.ImportFrom):
            source.members.update(_members(part))
    return source


def _names_of(node: ast.stmt) -> Iterator[str]:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        yield node.name
        return
    for part in ast.walk(node):
        if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store):
            yield part.id
        elif isinstance(part, ast.Import | ast.ImportFrom):
            yield from (one.asname or one.name.partition(".")[0] for one in part.names)
        elif isinstance(part, ast.FunctionDef | ast.ClassDef):
            yield part.name


def _members(node: ast.Import | ast.ImportFrom) -> Iterator[tuple[str, str]]:
    """Return what an import makes of `pysfn`: names of members, and prefixes that end in a dot."""
    if isinstance(node, ast.Import):
        for one in node.names:
            if one.name in MODULES:
                yield f"{one.asname or one.name}.", ""
                if one.asname is None:
                    yield "pysfn.", ""
    elif node.module in MODULES and not node.level:
        for one in node.names:
            if one.name == "definition":
                yield f"{one.asname or one.name}.", ""
            else:
                yield one.asname or one.name, one.name


def entry_point(source: Source) -> ast.FunctionDef:
    """Return the function that is compiled.

    Raises:
        CompileError: there is none, or more than one.
    """
    found = [one for one in source.tree.body if is_main(one, source)]
    if len(found) == 1 and isinstance(found[0], ast.FunctionDef):
        others = [one for one in found[0].decorator_list if source.member(one) != "main"]
        for one in others:
            what = f"decorator {ast.unparse(one)[:40]}"
            source.diagnostics.add(one, what, "a machine runs none", "leave @PSF.main alone")
        return found[0]
    found = (
        found
        or source.tree.body[:1]
        or [ast.Pass(lineno=1, col_offset=0, end_lineno=1, end_col_offset=0)]
    )
    for node in found:
        problem = _problem(node, len(found), source)
        source.diagnostics.add(node, *problem)
    raise refused(source)


def _problem(node: ast.stmt, count: int, source: Source) -> tuple[str, str, str]:
    if not is_main(node, source):
        return (
            "no function with @PSF.main",
            "it is what is compiled",
            "write `import pysfn as PSF`, and @PSF.main above one function of the module",
        )
    name = getattr(node, "name", "")
    if count > 1:
        why = "a file has one function that is compiled"
        return f"@PSF.main above {name}", why, "leave it at one function"
    return f"async def {name}", "a machine awaits nothing", "write def"


def is_main(node: ast.AST, source: Source) -> bool:
    """Return whether a statement is a function with @PSF.main."""
    if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        return False
    return any(source.member(one) == "main" for one in node.decorator_list)


def refused(source: Source) -> CompileError:
    """Return the error with all that is found wrong."""
    found: list[Diagnostic] = sorted(source.diagnostics.found.values())
    return CompileError(found)
