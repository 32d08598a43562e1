"""Take the body of a function in the place of its call, under names of its own."""

from __future__ import annotations

import ast
import copy
import inspect
from dataclasses import replace
from pathlib import Path
from types import FunctionType

from partita.compile.diagnostics import Diagnostics
from partita.openwhisk.emitter.rewriting import parsed
from partita.openwhisk.emitter.scope import Scope, definition_of, names_of
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
    local = names_of(definition)
    names = {name: scope.program.new(name.lstrip("_") or "name") for name in local}
    body = [_Local(names).visit(one) for one in body]
    inner = replace(
        scope,
        diagnostics=_diagnostics(function, scope),
        namespace=function.__globals__,
        local=frozenset(names.values()),
        result=scope.program.new("returned"),
        path=path,
        loop=None,
        error=None,
    )
    return [*_arguments(node, function, names, scope), *body], inner


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
    signature = inspect.signature(function)
    kinds = {one.kind for one in signature.parameters.values()}
    has_stars = any(isinstance(one, ast.Starred) for one in node.args)
    if {inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL} & kinds or has_stars:
        raise scope.refuse(node, "*args", "they are not compiled", "name the parameters")
    try:
        bound = signature.bind(*node.args, **{one.arg or "**": one.value for one in node.keywords})
    except TypeError as error:
        raise scope.refuse(node, "arguments", str(error), "give each parameter once") from None
    made: list[ast.stmt] = []
    for name, parameter in signature.parameters.items():
        value = bound.arguments.get(name)
        if value is not None:
            target = ast.Name(names[name], ast.Store())
            made.append(placed_assign(target, value, node))
            continue
        try:
            default = ast.literal_eval(repr(parameter.default))
        except (ValueError, SyntaxError):
            default = ...
        if default is ... or default != parameter.default:
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
