"""Find the names that code reads and assigns, wherever in it, also in functions inside it.

Knows no scopes: `mutation` tells which names a function binds itself.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable


def loaded(nodes: Iterable[ast.AST]) -> set[str]:
    """Return the names that are read."""
    return _names(nodes, ast.Load)


def stored(nodes: Iterable[ast.AST]) -> set[str]:
    """Return the names that are assigned."""
    return _names(nodes, ast.Store)


def _names(nodes: Iterable[ast.AST], context: type[ast.expr_context]) -> set[str]:
    return {
        part.id
        for node in nodes
        for part in ast.walk(node)
        if isinstance(part, ast.Name) and isinstance(part.ctx, context)
    }
