"""Find what names of the module stand for, which is loaded: the objects themselves."""

from __future__ import annotations

import ast
import builtins
from typing import Any

from partita.compile.context import Context
from partita.compile.variables import Variable
from partita.errors import UsageError


def target(node: ast.expr, context: Context) -> Any:
    """Return what a name, or a member of a module, stands for outside the function; else None."""
    if isinstance(node, ast.Name):
        if node.id in context.local:
            return _object_of(context.variables.get(node.id))
        return context.module.namespace.get(node.id, getattr(builtins, node.id, None))
    if isinstance(node, ast.Attribute):
        owner = target(node.value, context)
        if _is_namespace(owner):
            return _named(node, owner, context)
        is_open = isinstance(owner, type) or type(owner).__name__ == "module"
        return getattr(owner, node.attr, None) if is_open else None
    return None


def _object_of(known: Variable | None) -> Any:
    """Return the object of the module that a variable is known to hold."""
    if known is None or known.type.kind != "function" or len(known.type.cls) != 1:
        return None
    return known.type.cls[0].target


def _is_namespace(owner: Any) -> bool:
    """Return whether an object is one whose attributes are names, as a module's are."""
    return getattr(type(owner), "is_namespace", False) or (
        type(owner).__name__ == "module" and vars(owner).get("is_namespace") is True
    )


def _named(node: ast.Attribute, owner: Any, context: Context) -> Any:
    try:
        return getattr(owner, node.attr)
    except (AttributeError, UsageError) as error:
        shown = ast.unparse(node)[:60]
        raise context.refuse(node, shown, str(error), "correct the name") from error
