"""Lower displays of lists and dicts where a result takes values of any type.

Tuples in them are tagged one by one, as long as their types are known.
"""

from __future__ import annotations

import ast

from partita.compile.containers.changes import as_list
from partita.compile.containers.displays import dict_display, list_display
from partita.compile.context import Context
from partita.compile.tree import Value
from partita.compile.types import ANY, Type, dict_of, list_of
from partita.compile.values.tagged_values import as_hinted


def takes_open(node: ast.expr, wanted: Type) -> bool:
    """Return whether an expression is a display of values of any type."""
    if isinstance(node, ast.List):
        return wanted in (ANY, list_of(ANY))
    return isinstance(node, ast.Dict) and wanted in (ANY, dict_of(ANY))


def open_display(node: ast.expr, context: Context) -> Value:
    """Lower a display whose parts may be of any type."""
    if isinstance(node, ast.List):
        return list_display(node, context, open_display, _open_list)
    if isinstance(node, ast.Dict):
        value = dict_display(node, context, open_display, _open_dict)
        return _opened(node, value, dict_of(ANY), context)
    return _opened(node, context.lower(node), ANY, context)


def _open_list(node: ast.expr, context: Context) -> Value:
    return _opened(node, as_list(node, context), list_of(ANY), context)


def _open_dict(node: ast.expr, context: Context) -> Value:
    value = context.read(node)
    return _opened(node, value, dict_of(ANY), context) if value.type.kind == "dict" else value


def _opened(node: ast.AST, value: Value, wanted: Type, context: Context) -> Value:
    found = as_hinted(node, value, wanted, context)
    return value if found is None else found
