"""Take the body of a function in the place of its call, under names of its own."""

from __future__ import annotations

import ast
import copy
import inspect
from dataclasses import replace
from pathlib import Path
from types import FunctionType
from typing import Any

from partita.compile.diagnostics import Diagnostics
from partita.openwhisk.emitter.inner_functions import with_functions
from partita.openwhisk.emitter.rewriting import parsed
from partita.openwhisk.emitter.scope import (
    Scope,
    definition_of,
    inner_functions,
    names_of,
    names_of_one,
)
from partita.source.discovery import read


def bound_body(
    node: ast.Call, function: FunctionType, scope: Scope
) -> tuple[list[ast.stmt], Scope]:
    """Return the statements of a call: its arguments, then the body; and the scope of these."""
    path = (*scope.path, function.__name__)
    if function.__name__ in scope.path:
        raise scope.refuse(
            node, "recursion", f"{' calls '.join(path)}", "write it as a loop, or as an activity"
        )
    definition = definition_of(function)
    if definition is None or function.__closure__:
        raise scope.refuse(
            node,
            f"call of {function.__name__}",
            "only plain functions at the top of your modules are compiled in place",
            "make it an activity, or define it beside the workflow",
        )
    body = copy.deepcopy(definition.body)
    scope.program.has_nonlocal |= any(isinstance(one, ast.Nonlocal) for one in ast.walk(definition))
    local = names_of(definition)
    names = {name: scope.program.new(name.lstrip("_") or "name") for name in local}
    body = with_functions([_Local(names).visit(one) for one in body])
    inner = replace(
        scope,
        diagnostics=_diagnostics(function, scope),
        namespace=function.__globals__,
        local=frozenset(names.values()),
        result=scope.program.new("returned"),
        path=path,
        loop=None,
        error=None,
        inner=inner_functions(body),
    )
    return [*_arguments(node, function, names, scope), *body], inner


def inner_body(node: ast.Call, name: str, scope: Scope) -> tuple[list[ast.stmt], Scope]:
    """Return the statements of a call of a function in this one, and the scope of these.

    What it does not bind itself are the variables around it.
    """
    path = (*scope.path, name)
    if name in scope.path:
        raise scope.refuse(
            node, "recursion", f"{' calls '.join(path)}", "write it as a loop, or as an activity"
        )
    definition = copy.deepcopy(scope.inner[name])
    outer = {
        one for part in ast.walk(definition) if isinstance(part, ast.Nonlocal) for one in part.names
    }
    body = [one for one in definition.body if not isinstance(one, ast.Nonlocal)]
    local = _own_names(definition) - outer
    names = {one: scope.program.new(one.lstrip("_") or "name") for one in local}
    body = [_Local(names).visit(one) for one in body]
    body = with_functions(body)
    inner = replace(
        scope,
        local=scope.local | frozenset(names.values()),
        result=scope.program.new("returned"),
        path=path,
        loop=None,
        error=None,
        inner={**scope.inner, **inner_functions(body)},
    )
    bound = _bound(node, _signature(definition.args), scope)
    return [*_assigned(node, bound, names, scope), *body], inner


def _own_names(node: ast.FunctionDef) -> frozenset[str]:
    """Return the names that a function binds, but not those that functions in it do."""
    found = {one.arg for one in ast.walk(node.args) if isinstance(one, ast.arg)}
    waiting: list[ast.AST] = list(node.body)
    while waiting:
        part = waiting.pop()
        if isinstance(part, ast.FunctionDef):
            found.add(part.name)
            continue
        if isinstance(part, ast.Lambda):
            continue
        found |= names_of_one(part)
        waiting.extend(ast.iter_child_nodes(part))
    return frozenset(found)


def _signature(given: ast.arguments) -> inspect.Signature:
    """Return the signature of a definition; its defaults are expressions."""
    kinds = inspect.Parameter
    positional = [*given.posonlyargs, *given.args]
    missing = [kinds.empty] * (len(positional) - len(given.defaults))
    made = [
        kinds(one.arg, kinds.POSITIONAL_OR_KEYWORD, default=default)
        for one, default in zip(positional, [*missing, *given.defaults], strict=True)
    ]
    if given.vararg is not None:
        made.append(kinds(given.vararg.arg, kinds.VAR_POSITIONAL))
    made += [
        kinds(one.arg, kinds.KEYWORD_ONLY, default=kinds.empty if default is None else default)
        for one, default in zip(given.kwonlyargs, given.kw_defaults, strict=True)
    ]
    if given.kwarg is not None:
        made.append(kinds(given.kwarg.arg, kinds.VAR_KEYWORD))
    return inspect.Signature(made)


def _diagnostics(function: FunctionType, scope: Scope) -> Diagnostics:
    if function.__globals__ is scope.namespace:
        return scope.diagnostics
    path = inspect.getsourcefile(function) or ""
    made = Diagnostics(path, read_lines(path))
    made.found = scope.diagnostics.found
    return made


def read_lines(path: str) -> list[str]:
    """Return the lines of a source file."""
    return read(Path(path)).splitlines()


def _arguments(
    node: ast.Call, function: FunctionType, names: dict[str, str], scope: Scope
) -> list[ast.stmt]:
    bound = _bound(node, inspect.signature(function), scope)
    return _assigned(node, bound, names, scope)


def _bound(node: ast.Call, signature: inspect.Signature, scope: Scope) -> dict[str, Any]:
    """Return the arguments of a call by name: expressions, or values of defaults."""
    kinds = {one.kind for one in signature.parameters.values()}
    has_stars = any(isinstance(one, ast.Starred) for one in node.args)
    if {inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL} & kinds or has_stars:
        raise scope.refuse(node, "*args", "they are not compiled", "name the parameters")
    try:
        bound = signature.bind(*node.args, **{one.arg or "**": one.value for one in node.keywords})
    except TypeError as error:
        raise scope.refuse(node, "arguments", str(error), "give each parameter once") from None
    return {
        name: bound.arguments.get(name, one.default) for name, one in signature.parameters.items()
    }


def _assigned(
    node: ast.Call, given: dict[str, Any], names: dict[str, str], scope: Scope
) -> list[ast.stmt]:
    made: list[ast.stmt] = []
    for name, value in given.items():
        if isinstance(value, ast.expr):
            target = ast.Name(names[name], ast.Store())
            made.append(placed_assign(target, value, node))
            continue
        try:
            default = ast.literal_eval(repr(value))
        except (ValueError, SyntaxError):
            default = ...
        if default is ... or default != value:
            raise scope.refuse(
                node, f"argument {name}", "its default is no plain value", "give the argument"
            )
        made.extend(parsed(f"{names[name]} = {default!r}", node))
    return made


def placed_assign(target: ast.expr, value: ast.expr, at: ast.AST) -> ast.stmt:
    """Return an assignment at a place; its value keeps its own."""
    made = ast.Assign([target], value)
    ast.copy_location(target, at)
    ast.copy_location(made, at)
    return made


class _Local(ast.NodeTransformer):
    """Renames the variables of a function."""

    def __init__(self, names: dict[str, str]) -> None:
        self._names = names

    def visit_Name(self, node: ast.Name) -> ast.AST:
        node.id = self._names.get(node.id, node.id)
        return node

    def visit_arg(self, node: ast.arg) -> ast.AST:
        node.arg = self._names.get(node.arg, node.arg)
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        node.name = self._names.get(node.name, node.name)
        own = _own_names(node) - {
            one for part in node.body if isinstance(part, ast.Nonlocal) for one in part.names
        }
        left = {name: one for name, one in self._names.items() if name not in own}
        inside = _Local(left)
        node.args.defaults = [self.visit(one) for one in node.args.defaults]
        node.body = [inside.visit(one) for one in node.body]
        return node

    def visit_Nonlocal(self, node: ast.Nonlocal) -> ast.AST:
        node.names = [self._names.get(name, name) for name in node.names]
        return node

    def _named(self, node: ast.ExceptHandler | ast.MatchAs | ast.MatchStar) -> ast.AST:
        self.generic_visit(node)
        if node.name is not None:
            node.name = self._names.get(node.name, node.name)
        return node

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> ast.AST:
        return self._named(node)

    def visit_MatchAs(self, node: ast.MatchAs) -> ast.AST:
        return self._named(node)

    def visit_MatchStar(self, node: ast.MatchStar) -> ast.AST:
        return self._named(node)

    def visit_MatchMapping(self, node: ast.MatchMapping) -> ast.AST:
        self.generic_visit(node)
        if node.rest is not None:
            node.rest = self._names.get(node.rest, node.rest)
        return node
