"""Lower displays whose text alone is wanted, with the type of each element."""

from __future__ import annotations

import ast

from partita.compile.context import Context
from partita.compile.jsonata import list_value, object_value
from partita.compile.tree import Value
from partita.compile.types import Type, tuple_of


def read_shown(node: ast.expr, context: Context) -> Value:
    """Lower an expression that is only written as a text."""
    if isinstance(node, ast.List | ast.Tuple) and node.elts:
        if any(isinstance(one, ast.Starred) for one in node.elts):
            return context.read(node)
        values = [read_shown(one, context) for one in node.elts]
        types = tuple(one.type for one in values)
        is_list = isinstance(node, ast.List)
        return list_value(values, Type("tuple", types, cls=list) if is_list else tuple_of(*types))
    if isinstance(node, ast.Dict) and node.keys:
        names = [one.value for one in node.keys if isinstance(one, ast.Constant)]
        texts = [one for one in names if isinstance(one, str)]
        if len(set(texts)) == len(node.keys):
            pairs = zip(texts, node.values, strict=True)
            return object_value({name: read_shown(one, context) for name, one in pairs})
    return context.read(node)
