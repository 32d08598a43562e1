"""Find which names a function changes in place, and which expressions make new values.

A state machine copies values: changing one in place is compiled where no other name can see it.
"""

from __future__ import annotations

import ast
from collections.abc import Collection

MUTATORS = frozenset(
    [
        "append",
        "extend",
        "insert",
        "pop",
        "remove",
        "clear",
        "update",
        "setdefault",
        "sort",
        "reverse",
        "popitem",
        "add",
    ]
)
_FRESH = (ast.List, ast.Dict, ast.ListComp, ast.DictComp, ast.Constant, ast.BinOp, ast.Call)


def mutated_names(nodes: list[ast.stmt]) -> frozenset[str]:
    """Return the names whose values statements change in place, or may."""
    found: set[str] = set()
    for node in nodes:
        for part in ast.walk(node):
            found.update(_mutated(part))
    return frozenset(found)


def _mutated(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        return [_root(node.func.value)] if node.func.attr in MUTATORS else []
    if isinstance(node, ast.AugAssign):
        return [_root(node.target)]
    is_place = isinstance(node, ast.Subscript | ast.Attribute)
    return [_root(node.value)] if is_place and not isinstance(node.ctx, ast.Load) else []  # type: ignore[attr-defined]


def _root(node: ast.expr) -> str:
    while isinstance(node, ast.Subscript | ast.Attribute):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


def is_fresh(node: ast.expr, helpers: Collection[str]) -> bool:
    """Return whether an expression makes a value that nothing else holds.

    `helpers` are functions whose results may be what they are given.
    """
    if isinstance(node, ast.Call) and getattr(node.func, "id", "") in helpers:
        return False
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        return node.func.attr not in ("get", "pop", "setdefault")
    if isinstance(node, ast.IfExp):
        return is_fresh(node.body, helpers) and is_fresh(node.orelse, helpers)
    is_slice = isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Slice)
    is_extreme = isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("min", "max")
    return (isinstance(node, _FRESH) and not is_extreme) or is_slice


def local_names(definition: ast.AST) -> frozenset[str]:
    """Return the names that a function binds."""
    found: set[str | None] = set()
    for part in ast.walk(definition):
        if isinstance(part, ast.Name) and not isinstance(part.ctx, ast.Load):
            found.add(part.id)
        elif isinstance(part, ast.arg):
            found.add(part.arg)
        elif isinstance(part, ast.ExceptHandler | ast.MatchAs | ast.MatchStar):
            found.add(part.name)
    return frozenset(name for name in found if name is not None)
