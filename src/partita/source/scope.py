"""Look up what names are bound to, by Python's rules of scope.

Knows nothing of workflows, nor of the order in which code runs: a name stands for everything
that its scope binds it to.

Source: The Python Language Reference, 4.2 "Naming and binding".
"""

from __future__ import annotations

import ast
import builtins
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias

Function: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef
Comprehension: TypeAlias = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp
Block: TypeAlias = ast.Module | Function | ast.Lambda | ast.ClassDef | Comprehension


@dataclass(frozen=True)
class Imported:
    """A module, or a member of one, by its dotted path."""

    path: str


@dataclass(frozen=True)
class Defined:
    """A function or a class."""

    node: Function | ast.ClassDef
    scope: Scope  # that the definition is in

    @property
    def inner(self) -> Scope:
        """The scope of its body."""
        return self.scope.blocks[self.node]


@dataclass(frozen=True)
class Assigned:
    """A value, an annotation, or neither, as in `for x in ...`."""

    value: ast.expr | None
    annotation: ast.expr | None
    scope: Scope


@dataclass(frozen=True)
class Module:
    """Another file of the same project, as a whole."""

    scope: Scope


Binding: TypeAlias = Imported | Defined | Assigned | Module


class Origin(Protocol):
    """The place of a file in its project."""

    def imported(self, path: str) -> list[Binding] | None:
        """Return the bindings of a dotted path; None if it is not in the project."""

    def submodule(self, name: str) -> Module | None:
        """Return a module of the package whose `__init__.py` the file is."""


@dataclass(eq=False)
class Scope:
    """One block of code and its bindings."""

    node: Block
    parent: Scope | None
    names: dict[str, list[Binding]] = field(default_factory=dict)
    imports: set[str] = field(default_factory=set)  # names that an import binds
    stars: list[str] = field(default_factory=list)  # modules of `from ... import *`
    elsewhere: dict[str, Scope] = field(default_factory=dict)  # `global` and `nonlocal`
    attributes: dict[str, list[Assigned]] = field(default_factory=dict)  # of a class's `self`
    blocks: dict[ast.AST, Scope] = field(default_factory=dict, repr=False)  # of the whole file
    origin: Origin | None = None  # of a file whose imports are resolved

    @property
    def module(self) -> Scope:
        """The scope of the file."""
        return self if self.parent is None else self.parent.module

    @property
    def is_module(self) -> bool:
        """Whether this is the scope of the file."""
        return self.parent is None

    def around(self, node: Block) -> Scope:
        """Return the scope that a block of the file is in."""
        return self.blocks[node].parent or self

    def owner(self, name: str) -> Defined | None:
        """Return the class of a method whose first parameter is `name`, else None."""
        node, parent = self.node, self.parent
        if parent is None or not isinstance(parent.node, ast.ClassDef) or parent.parent is None:
            return None
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            return None
        first = [*node.args.posonlyargs, *node.args.args][:1]
        if not first or first[0].arg != name or _is_static(node):
            return None
        return Defined(parent.node, parent.parent)

    def bind(self, name: str, binding: Binding | None) -> None:
        """Add a binding; None only makes the name one of this scope."""
        at = self.elsewhere.get(name, self)
        names = at.names.setdefault(name, [])
        if binding is not None:
            names.append(binding)
        if isinstance(binding, Imported):
            at.imports.add(name)

    def lookup(self, name: str) -> tuple[Scope, list[Binding]] | None:
        """Return the scope that the name belongs to, and its bindings there.

        A class's names are visible in its own body only, not in its methods. Imports from the
        same project are resolved.
        """
        at: Scope | None = self
        while at is not None:
            visible = at is self or not isinstance(at.node, ast.ClassDef)
            if visible and name in at.elsewhere:
                at = at.elsewhere[name]
                return at, at._seen(name)
            if visible and name in at.names:
                return at, at._seen(name)
            at = at.parent
        return self.module._unbound(name)

    def _unbound(self, name: str) -> tuple[Scope, list[Binding]] | None:
        starred = self._starred(name)
        own: list[Binding] = [b for b in starred if not isinstance(b, Imported)]
        if own:
            return self, own
        if hasattr(builtins, name):
            return self, [Imported(f"builtins.{name}")]
        return (self, starred) if starred else None

    def _starred(self, name: str) -> list[Binding]:
        """Return the bindings of a name by `from ... import *`."""
        if name.startswith("_"):
            return []
        return self._followed([Imported(joined(module, name)) for module in self.stars])

    def _seen(self, name: str) -> list[Binding]:
        bindings = self.names.get(name, [])
        if name not in self.imports:
            return bindings
        return self._followed(bindings) or [Assigned(None, None, self)]

    def _followed(self, bindings: list[Binding]) -> list[Binding]:
        """Replace imports by their bindings in other files of the project."""
        found: list[Binding] = []
        for binding in bindings:
            other = self.follow(binding.path) if isinstance(binding, Imported) else None
            found += [binding] if other is None else other
        return (
            found if len(bindings) == 1 else list(dict.fromkeys(found))
        )  # reached in several ways

    def follow(self, path: str) -> list[Binding] | None:
        """Return the bindings of a dotted path; None if it is not in the project."""
        origin = self.module.origin
        return None if origin is None else origin.imported(path)

    def member(self, name: str) -> list[Binding]:
        """Return what importers of this module get for a name."""
        found = self._followed(self.names.get(name, []))
        module = self.origin.submodule(name) if self.origin and not found else None
        return [module] if module else found or self._starred(name)


@dataclass(eq=False)
class Names:
    """The scopes of a file, and every call and definition in it."""

    module: Scope
    calls: list[tuple[ast.Call, Scope]]
    definitions: list[Defined]  # in the order of the source


def _is_static(node: Function) -> bool:
    names = [part.id for part in node.decorator_list if isinstance(part, ast.Name)]
    return "staticmethod" in names


def evaluated_outside(node: Function) -> list[ast.expr]:
    """Return what a definition evaluates in the surrounding scope: decorators and defaults."""
    defaults = [*node.args.defaults, *(part for part in node.args.kw_defaults if part is not None)]
    return [*node.decorator_list, *defaults]


def default_factories(node: ast.ClassDef) -> list[ast.Call]:
    """Return the calls `field(default_factory=...)` in a class, without other arguments."""
    values = [part.value for part in node.body if isinstance(part, (ast.Assign, ast.AnnAssign))]
    found = []
    for call in values:
        if isinstance(call, ast.Call):
            kept = [keyword for keyword in call.keywords if keyword.arg == "default_factory"]
            if kept:
                found.append(ast.copy_location(ast.Call(call.func, [], kept), call))
    return found


def joined(module: str, name: str) -> str:
    """Return the dotted path of a module's member, as in `from . import x` also of `.`."""
    return module + name if module.endswith(".") else f"{module}.{name}"
