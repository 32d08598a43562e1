"""Find the variables that a statement assigns inside its expressions.

Such a variable, where the statement reads it before, must be copied: expressions are evaluated
when all that they call has been called.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from partita.compile.analysis.mutation import mutated_names, walked
from partita.compile.context import Context
from partita.compile.values.closures import functions_of

_HEADS: dict[type, str] = {ast.If: "test", ast.While: "test", ast.For: "iter", ast.Match: "subject"}
_LATER = (1 << 30, 0)


def rebound_in(node: ast.stmt, context: Context) -> dict[str, tuple[int, int]]:
    """Return the variables assigned inside the expressions of a statement, and where last."""
    found: dict[str, tuple[int, int]] = {}
    parts = [part for head in _heads(node) for part in walked(head)]
    is_moved = len(parts) > 2 and len({getattr(one, "col_offset", 0) for one in parts}) == 1
    is_mixed = is_moved or any(
        isinstance(one, ast.IfExp | ast.ListComp | ast.DictComp) for one in parts
    )
    whole = node.value if isinstance(node, ast.Expr) else None
    for part in parts:
        if part is whole and isinstance(whole, ast.Call) and isinstance(whole.func, ast.Attribute):
            continue
        for name in _rebound(part, context):
            place = (getattr(part, "lineno", 0), getattr(part, "col_offset", 0))
            found[name] = _LATER if is_mixed else max(found.get(name, (0, 0)), place)
    return found


def _heads(node: ast.stmt) -> Iterator[ast.AST]:
    """Return the expressions of a statement that are not in its blocks."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Try | ast.With):
        return
    head = _HEADS.get(type(node))
    yield getattr(node, head) if head is not None else node
    if isinstance(node, ast.Match):
        yield from (case.guard for case in node.cases if case.guard is not None)


def _rebound(node: ast.AST, context: Context) -> list[str]:
    if isinstance(node, ast.NamedExpr) and isinstance(node.target, ast.Name):
        return [node.target.id]
    if isinstance(node, ast.Call):
        return list(mutated_names([node], context.module.changes))
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
        return [name for one in functions_of(node.id, context) for name in one.writes]
    return []
