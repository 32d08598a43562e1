"""Count: in the dicts that `collections.Counter` makes."""

from __future__ import annotations

import ast

from partita.compile.context import Context
from partita.compile.jsonata import key_text
from partita.compile.templates import fill
from partita.compile.tree import Value
from partita.compile.types import INT, NEVER, STR, dict_of

_BEFORE = "($exists($lookup(~acc, KEY)) ? $lookup(~acc, KEY) : 0)"
_COUNTED = f"$reduce(@x, function(~acc, ~one) {{$merge([~acc, {{KEY: {_BEFORE} + 1}}])}}, @d)"
_ADDED = (
    "$reduce($append([], $keys(@x)), function(~acc, ~one) "
    f"{{$merge([~acc, {{KEY: {_BEFORE} + $lookup(@x, KEY)}}])}}, @d)"
)


def counted(node: ast.AST, owner: Value, items: Value, context: Context) -> Value | None:
    """Return a Counter with more items; None if it is not compiled for them."""
    item = items.type.item
    if item is NEVER:
        return owner
    if item not in (STR, INT) or (owner.type.item is not NEVER and owner.type.key != item.kind):
        return None
    template = _COUNTED.replace("KEY", key_text(Value("~one", item)))
    type = dict_of(INT, item.kind, "counter")
    return fill(node, context, template, type, x=items, d=owner)


def added(node: ast.AST, owner: Value, counts: Value, context: Context) -> Value | None:
    """Return a Counter with the counts of a dict; None if it is not compiled for them."""
    known = [one.type.key for one in (owner, counts) if one.type.item is not NEVER]
    if len(set(known)) > 1 or counts.type.item not in (INT, NEVER):
        return None
    type = dict_of(INT, known[0] if known else "str", "counter")
    return fill(node, context, _ADDED.replace("KEY", "~one"), type, x=counts, d=owner)
