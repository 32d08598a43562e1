"""Recognise sets of futures, whose order is the same in every replay.

Futures of Partita and tasks of a workflow's event loop hash by a number of their own.
"""

from __future__ import annotations

import ast

from partita.source.meaning import paths
from partita.source.scope import Assigned, Scope

_MAKERS = {"submit", "begin", "create_task", "ensure_future", "start_timer", "spawn"}
_MANY = {"map", "starmap"}
_COPIES = {f"builtins.{name}" for name in ("set", "frozenset", "list", "tuple", "sorted")}
_MAX_DEPTH = 12


def holds_futures(node: ast.expr, scope: Scope, depth: int = 0) -> bool:
    """Return whether an iterable plainly holds futures."""
    if depth > _MAX_DEPTH:
        return False
    match node:
        case ast.Set(elts=parts) | ast.List(elts=parts) | ast.Tuple(elts=parts):
            return bool(parts) and all(_is_future(part, scope) for part in parts)
        case ast.SetComp(elt=element) | ast.ListComp(elt=element) | ast.GeneratorExp(elt=element):
            return _is_future(element, scope.blocks[node])
        case ast.BinOp(left=left, right=right):
            return holds_futures(left, scope, depth + 1) or holds_futures(right, scope, depth + 1)
        case ast.Attribute(attr="done" | "not_done"):
            return True
        case ast.Call(func=function, args=[only]) if _COPIES & set(paths(function, scope)):
            return holds_futures(only, scope, depth + 1)
        case ast.Call(func=ast.Attribute(attr=name)):
            return name in _MANY
        case ast.Name():
            return _is_bound(node, scope, depth + 1)
    return False


def _is_bound(node: ast.Name, scope: Scope, depth: int) -> bool:
    found = scope.lookup(node.id)
    bindings = [b for b in (found[1] if found else []) if isinstance(b, Assigned)]
    return bool(bindings) and all(
        _says_future(binding.annotation)
        or (binding.value is not None and holds_futures(binding.value, binding.scope, depth))
        for binding in bindings
    )


def _says_future(annotation: ast.expr | None) -> bool:
    words = [] if annotation is None else list(ast.walk(annotation))
    names = {getattr(part, "id", getattr(part, "attr", "")) for part in words}
    return not names.isdisjoint({"Future", "ChildFuture", "Task"})


def _is_future(node: ast.expr, scope: Scope) -> bool:
    if isinstance(node, ast.Name):
        found = scope.lookup(node.id)
        bindings = found[1] if found else []
        values = [b.value for b in bindings if isinstance(b, Assigned) and b.value is not None]
        return len(values) > 0 and all(_is_made(value) for value in values)
    return _is_made(node)


def _is_made(node: ast.expr) -> bool:
    if not isinstance(node, ast.Call):
        return False
    return getattr(node.func, "attr", getattr(node.func, "id", "")) in _MAKERS
