"""Bind the names of a file: visit it once and note what each scope binds.

Knows the syntax of definitions, assignments and imports. Knows nothing of workflows.

Source: The Python Language Reference, 4.2 "Naming and binding".
"""

from __future__ import annotations

import ast

from partita.source.scope import (
    Assigned,
    Block,
    Comprehension,
    Defined,
    Function,
    Imported,
    Names,
    Scope,
    evaluated_outside,
    joined,
)


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
        self.visit(first.iter)  # evaluated in the surrounding block
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
        """Note what a method assigns to an attribute of its `self`."""
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
            self.scope.bind(node.target.id, None)  # its kind stays
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
                self.scope.bind(alias.asname or alias.name, Imported(joined(module, alias.name)))

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


def _pairs(target: ast.expr, value: ast.expr) -> bool:
    """Return whether each target of `a, b = x, y` has a value of its own."""
    sequence = (ast.Tuple, ast.List)
    if not (isinstance(target, sequence) and isinstance(value, sequence)):
        return False
    starred = any(isinstance(part, ast.Starred) for part in (*target.elts, *value.elts))
    return not starred and len(target.elts) == len(value.elts)
