"""Lower `functools.partial`: a lambda whose defaults are the arguments that are given."""

from __future__ import annotations

import ast
from typing import Any

from partita.compile.context import Context
from partita.compile.lowered import located
from partita.compile.tree import Value


def lower_partial(node: Any, context: Context) -> Value:
    """Lower `partial(function, ...)`; what it makes takes more arguments by their places."""
    given = [*node.args, *(one.value for one in node.keywords)]
    if (
        not node.args
        or any(isinstance(one, ast.Starred) for one in given)
        or None in [one.arg for one in node.keywords]
    ):
        raise context.refuse(node, "partial", "its arguments are not compiled", "write a lambda")
    names = [f"given {number}" for number in range(1, len(given))]
    values = [ast.Name(name, ast.Load()) for name in names]
    count = len(node.args) - 1
    call = ast.Call(
        node.args[0],
        [*values[:count], ast.Starred(ast.Name("more", ast.Load()), ast.Load())],
        [
            ast.keyword(one.arg, value)
            for one, value in zip(node.keywords, values[count:], strict=True)
        ],
    )
    arguments = ast.arguments(
        posonlyargs=[],
        args=[],
        vararg=ast.arg("more"),
        kwonlyargs=[ast.arg(name) for name in names],
        kw_defaults=given[1:],
        defaults=[],
    )
    return context.lower(located(ast.Lambda(arguments, call), node))
