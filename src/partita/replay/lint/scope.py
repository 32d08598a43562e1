"""Tell what the names in a file are bound to, by Python's own rules of scope.

Knows imports, definitions, assignments, parameters and nesting. Knows nothing of workflows, nor
of the order in which code runs: a name is all that its scope binds it to.

Source: The Python Language Reference, 4.2 "Naming and binding".
"""

from __future__ import annotations

import ast
import builtins
from dataclasses import dataclass, field
from typing import TypeAlias

Function: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef
Comprehension: TypeAlias = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp
Block: TypeAlias = ast.Module | Function | ast.Lambda | ast.ClassDef | Comprehension


@dataclass(frozen=True)
class Imported:
    """The module, or the member of one, that has this dotted path."""

    path: str


@dataclass(frozen=True)
class Defined:
    """A function or a class of the file."""

    node: Function | ast.ClassDef
    scope: Scope  # where the definition stands

    @property
    def inner(self) -> Scope:
        """The scope of its body."""
        return self.scope.blocks[self.node]


@dataclass(frozen=True)
class Assigned:
    """A value that is written down, or a type that is; or neither, as in `for x in ...`."""

    value: ast.expr | None
    annotation: ast.expr | None
    scope: Scope


Binding: TypeAlias = Imported | Defined | Assigned


@dataclass(eq=False)
class Scope:
    """One block of code, and what it binds."""

    node: Block
    parent: Scope | None
    names: dict[str, list[Binding]] = field(default_factory=dict)
    stars: list[str] = field(default_factory=list)  # modules of `from ... import *`
    elsewhere: dict[str, Scope] = field(default_factory=dict)  # `global` and `nonlocal`
    attributes: dict[str, list[Assigned]] = field(default_factory=dict)  # of a class's `self`
    blocks: dict[ast.AST, Scope] = field(default_factory=dict, repr=False)  # of the whole file

    @property
    def module(self) -> Scope:
        """The file's own scope."""
        return self if self.parent is None else self.parent.module

    @property
    def is_module(self) -> bool:
        """Whether this is the file's own scope."""
        return self.parent is None

    def around(self, node: Block) -> Scope:
        """Return the scope that a block of the file stands in."""
        return self.blocks[node].parent or self

    def owner(self, name: str) -> Defined | None:
        """Return the class that a method's first parameter, if it is `name`, is of."""
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
        """Add a binding; None makes the name one of this scope and says nothing more."""
        names = self.elsewhere.get(name, self).names.setdefault(name, [])
        if binding is not None:
            names.append(binding)

    def lookup(self, name: str) -> tuple[Scope, list[Binding]] | None:
        """Return the scope that the name belongs to, and its bindings there.

        A class's names are seen in its own body alone, not in its methods.
        """
        at: Scope | None = self
        while at is not None:
            visible = at is self or not isinstance(at.node, ast.ClassDef)
            if visible and name in at.elsewhere:
                at = at.elsewhere[name]
                return at, at.names.get(name, [])
            if visible and name in at.names:
                return at, at.names[name]
            at = at.parent
        return self.module._unbound(name)

    def _unbound(self, name: str) -> tuple[Scope, list[Binding]] | None:
        if hasattr(builtins, name):
            return self, [Imported(f"builtins.{name}")]
        if self.stars:
            return self, [Imported(f"{module}.{name}") for module in self.stars]
        return None


@dataclass(eq=False)
class Names:
    """The scopes of a file, and every call and definition in it."""

    module: Scope
    calls: list[tuple[ast.Call, Scope]]
    definitions: list[Defined]  # in the order of the source


def bind(tree: ast.Module) -> Names:
    """Return the scopes of a file."""
    binder = _Binder(tree)
    for statement in tree.body:
        binder.visit(statement)
    return binder.names


class _Binder(ast.NodeVisitor):
    def __init__(self, tree: ast.Module) -> None:
        self.scope = Scope(tree, None)
        self.names = Names(self.scope, [], [])

    # -- blocks

    def _enter(self, node: Block, *parts: ast.AST | list[ast.stmt]) -> Scope:
        outer = self.scope
        self.scope = outer.blocks[node] = Scope(node, outer, blocks=outer.blocks)
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            self._parameters(node.args)
        for part in parts:
            for child in part if isinstance(part, list) else [part]:
                self.visit(child)
        entered, self.scope = self.scope, outer
        return entered

    def _parameters(self, args: ast.arguments) -> None:
        for arg in (*args.posonlyargs, *args.args, *args.kwonlyargs):
            self.scope.bind(arg.arg, Assigned(None, arg.annotation, self.scope))
        for rest in (args.vararg, args.kwarg):
            if rest is not None:  # its annotation is that of an element
                self._opaque(rest.arg)

    def visit_FunctionDef(self, node: Function) -> None:
        self._define(node)
        for part in evaluated_outside(node):
            self.visit(part)
        self._enter(node, list(node.body))

    visit_AsyncFunctionDef = visit_FunctionDef

    def visit_Lambda(self, node: ast.Lambda) -> None:
        for default in (*node.args.defaults, *node.args.kw_defaults):
            if default is not None:
                self.visit(default)
        self._enter(node, node.body)

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        self._define(node)
        for part in (*node.decorator_list, *node.bases, *node.keywords):
            self.visit(part)
        self._enter(node, list(node.body))

    def _define(self, node: Function | ast.ClassDef) -> None:
        defined = Defined(node, self.scope)
        self.scope.bind(node.name, defined)
        self.names.definitions.append(defined)

    def _comprehension(self, node: Comprehension) -> None:
        first = node.generators[0]
        self.visit(first.iter)  # the only part that the block around it evaluates
        inner: list[ast.AST] = [first.target, *first.ifs, *node.generators[1:]]
        if isinstance(node, ast.DictComp):
            inner += [node.key, node.value]
        else:
            inner.append(node.elt)
        self._enter(node, *inner)

    visit_ListComp = visit_SetComp = visit_DictComp = visit_GeneratorExp = _comprehension

    # -- bindings

    def _opaque(self, name: str | None) -> None:
        if name is not None:
            self.scope.bind(name, Assigned(None, None, self.scope))

    def visit_Name(self, node: ast.Name) -> None:
        if not isinstance(node.ctx, ast.Load):
            self._opaque(node.id)

    def visit_Assign(self, node: ast.Assign) -> None:
        self.visit(node.value)
        for target in node.targets:
            self._assign(target, node.value)

    def _assign(self, target: ast.expr, value: ast.expr) -> None:
        if isinstance(target, ast.Name):
            self.scope.bind(target.id, Assigned(value, None, self.scope))
        elif _pairs(target, value):
            for part, element in zip(target.elts, value.elts, strict=True):  # type: ignore[attr-defined]
                self._assign(part, element)
        else:
            self._attribute(target, Assigned(value, None, self.scope))
            self.visit(target)

    def _attribute(self, target: ast.expr, assigned: Assigned) -> None:
        """Note what a method gives to an attribute of its `self`."""
        if isinstance(target, ast.Attribute) and isinstance(target.value, ast.Name):
            found = self.scope.lookup(target.value.id)
            owner = found and found[0].owner(target.value.id)
            if owner:
                owner.inner.attributes.setdefault(target.attr, []).append(assigned)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        if node.value is not None:
            self.visit(node.value)
        if isinstance(node.target, ast.Name):
            self.scope.bind(node.target.id, Assigned(node.value, node.annotation, self.scope))
        else:
            self._attribute(node.target, Assigned(node.value, node.annotation, self.scope))
            self.visit(node.target)

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        self.visit(node.value)
        if isinstance(node.target, ast.Name):
            self.scope.bind(node.target.id, None)  # of the kind that it was
        else:
            self.visit(node.target)

    def visit_NamedExpr(self, node: ast.NamedExpr) -> None:
        self.visit(node.value)
        at = self.scope
        while at.parent is not None and isinstance(at.node, Comprehension):
            at = at.parent
        at.bind(node.target.id, Assigned(node.value, None, self.scope))

    def visit_Import(self, node: ast.Import) -> None:
        for alias in node.names:
            path = alias.name if alias.asname else alias.name.partition(".")[0]
            self.scope.bind(alias.asname or path, Imported(path))

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        module = "." * node.level + (node.module or "")
        for alias in node.names:
            if alias.name == "*":
                self.scope.stars.append(module)
            else:
                self.scope.bind(alias.asname or alias.name, Imported(f"{module}.{alias.name}"))

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> None:
        self._opaque(node.name)
        self.generic_visit(node)

    def visit_MatchAs(self, node: ast.MatchAs | ast.MatchStar) -> None:
        self._opaque(node.name)
        self.generic_visit(node)

    visit_MatchStar = visit_MatchAs

    def visit_MatchMapping(self, node: ast.MatchMapping) -> None:
        self._opaque(node.rest)
        self.generic_visit(node)

    def visit_Global(self, node: ast.Global) -> None:
        self.scope.elsewhere |= dict.fromkeys(node.names, self.scope.module)

    def visit_Nonlocal(self, node: ast.Nonlocal) -> None:
        for name in node.names:
            found = self.scope.parent and self.scope.parent.lookup(name)
            if found:
                self.scope.elsewhere[name] = found[0]

    def visit_Call(self, node: ast.Call) -> None:
        self.names.calls.append((node, self.scope))
        self.generic_visit(node)


def _is_static(node: Function) -> bool:
    names = [part.id for part in node.decorator_list if isinstance(part, ast.Name)]
    return "staticmethod" in names


def _pairs(target: ast.expr, value: ast.expr) -> bool:
    """Return whether each target of `a, b = x, y` has a value of its own."""
    sequence = (ast.Tuple, ast.List)
    if not (isinstance(target, sequence) and isinstance(value, sequence)):
        return False
    starred = any(isinstance(part, ast.Starred) for part in (*target.elts, *value.elts))
    return not starred and len(target.elts) == len(value.elts)


def evaluated_outside(node: Function) -> list[ast.expr]:
    """Return what a definition evaluates where it stands: decorators and defaults."""
    defaults = [*node.args.defaults, *(part for part in node.args.kw_defaults if part is not None)]
    return [*node.decorator_list, *defaults]


def default_factories(node: ast.ClassDef) -> list[ast.Call]:
    """Return the `field(default_factory=...)` of a class's body, without their other arguments."""
    values = [part.value for part in node.body if isinstance(part, (ast.Assign, ast.AnnAssign))]
    found = []
    for call in values:
        if isinstance(call, ast.Call):
            kept = [keyword for keyword in call.keywords if keyword.arg == "default_factory"]
            if kept:
                found.append(ast.copy_location(ast.Call(call.func, [], kept), call))
    return found
