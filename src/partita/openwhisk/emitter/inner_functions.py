"""Define the functions within a function: steps define again those that call nothing elsewhere."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator

from partita.openwhisk.emitter.rewriting import parsed, placed
from partita.openwhisk.emitter.scope import Scope


def with_functions(nodes: list[ast.stmt]) -> list[ast.stmt]:
    """Return statements in which lambdas that get names are functions of these names."""
    counts = Counter(name for node in nodes for name in _bound(node))
    return [_as_function(node, counts) for node in nodes]


def _as_function(node: ast.stmt, counts: Counter[str]) -> ast.stmt:
    if not (isinstance(node, ast.Assign) and isinstance(node.value, ast.Lambda)):
        return node
    target = node.targets[0]
    if len(node.targets) > 1 or not isinstance(target, ast.Name) or counts[target.id] > 1:
        return node
    made = ast.parse(f"def {target.id}():\n    return None").body[0]
    assert isinstance(made, ast.FunctionDef)
    made.args, made.body = node.value.args, [ast.Return(node.value.body)]
    found: ast.stmt = placed_keeping(made, node)
    return found


def placed_keeping(node: ast.FunctionDef, at: ast.stmt) -> ast.FunctionDef:
    """Give a function a place; its body keeps its own."""
    ast.copy_location(node, at)
    for one in node.body:
        ast.copy_location(one, at)
    return node


def _bound(node: ast.AST) -> Iterator[str]:
    for part in ast.walk(node):
        if isinstance(part, ast.FunctionDef):
            yield part.name
        elif isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store):
            yield part.id


def defaults(node: ast.FunctionDef, scope: Scope) -> list[ast.stmt]:
    """Return statements that keep a function's defaults, which it then refers to.

    Raises:
        RefusedError: it is decorated, or is defined twice.
    """
    if node.decorator_list:
        raise scope.refuse(node, f"def {node.name}", "it is decorated", "define it in the module")
    if scope.inner.get(node.name) is not node:
        raise scope.refuse(
            node,
            f"def {node.name}",
            "a function that is defined in a branch, or twice, is not compiled",
            "define it once at the top of the function around it",
        )
    made: list[ast.stmt] = []
    for owner in (node.args.defaults, node.args.kw_defaults):
        for number, value in enumerate(owner):
            if value is None or isinstance(value, ast.Constant):
                continue
            name = scope.program.new("default")
            assign = ast.Assign([ast.Name(name, ast.Store())], value)
            made.append(ast.copy_location(assign, node))
            ast.copy_location(assign.targets[0], node)
            owner[number] = placed(ast.Name(name, ast.Load()), node)
    return made


def without_annotations(node: ast.FunctionDef) -> ast.FunctionDef:
    """Return a function without hints, whose names steps do not have."""
    for part in ast.walk(node):
        if isinstance(part, ast.arg):
            part.annotation = None
        elif isinstance(part, ast.FunctionDef):
            part.returns = None
            part.body = [_plain(one) for one in part.body]
    return node


def _plain(node: ast.stmt) -> ast.stmt:
    if not isinstance(node, ast.AnnAssign):
        return node
    if node.value is None:
        return parsed("pass", node)[0]
    return ast.copy_location(ast.Assign([node.target], node.value), node)
