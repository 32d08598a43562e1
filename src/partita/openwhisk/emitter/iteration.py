"""Lower what a loop goes over to the place in it that is kept between rounds."""

from __future__ import annotations

import ast
from collections.abc import Callable

from partita.openwhisk.emitter.scope import Scope

_LAZY = ("map", "filter", "iter")


def iterator(node: ast.expr, scope: Scope, value: Callable[[ast.expr], ast.expr]) -> ast.expr:
    """Return the expression of the place before the first item.

    `value` lowers the expressions that are gone over, in turn.
    """
    if isinstance(node, ast.GeneratorExp) or (
        isinstance(node, ast.Call) and scope.is_builtin(node.func, *_LAZY)
    ):
        raise scope.refuse(
            node,
            "loop over an iterator",
            "it cannot be kept between two steps",
            "go over a list of it, or write a list comprehension",
        )
    if isinstance(node, ast.Call) and not any(isinstance(a, ast.Starred) for a in node.args):
        if scope.is_builtin(node.func, "zip") and not node.keywords:
            return _place(node, "zip", [iterator(one, scope, value) for one in node.args])
        if scope.is_builtin(node.func, "enumerate") and 1 <= len(node.args) <= 2:
            start = [*node.args[1:], *(one.value for one in node.keywords)]
            inner = iterator(node.args[0], scope, value)
            return _place(node, "enumerate", [inner, *map(value, start)])
        if scope.is_builtin(node.func, "reversed"):
            listed = ast.copy_location(ast.Name("list", ast.Load()), node)
            whole = ast.copy_location(ast.Call(listed, [value(node)], []), node)
            return _place(node, "iterate", [whole])
    return _place(node, "iterate", [value(node)])


def _place(node: ast.expr, method: str, arguments: list[ast.expr]) -> ast.expr:
    function = ast.Attribute(ast.Name("_step", ast.Load()), method, ast.Load())
    made: ast.expr = ast.Call(function, arguments, [])
    for part in (function, function.value, made):
        ast.copy_location(part, node)
    return made
