"""Find what names of the module stand for, which is loaded: the objects themselves."""

from __future__ import annotations

import ast
import builtins
from typing import Any

from partita.compile.context import Context


def target(node: ast.expr, context: Context) -> Any:
    """Return what a name, or a member of a module, stands for outside the function; else None."""
    if isinstance(node, ast.Name):
        if node.id in context.local:
            return None
        return context.namespace.get(node.id, getattr(builtins, node.id, None))
    if isinstance(node, ast.Attribute):
        owner = target(node.value, context)
        is_module = type(owner).__name__ == "module"
        return getattr(owner, node.attr, None) if is_module else None
    return None
