"""Write tuples where no hint tells them: as the tagged JSON that Partita's results have there."""

from __future__ import annotations

import ast
from dataclasses import replace

from partita.compile.context import Context
from partita.compile.jsonata import listed, made, member, object_value, wrapped
from partita.compile.templates import fill, within
from partita.compile.tree import Value
from partita.compile.types import ANY, Type, dict_of, fits, list_of


def as_hinted(node: ast.AST, value: Value, wanted: Type, context: Context) -> Value | None:
    """Return a value as a hint without types wants it; None if it does not fit."""
    if fits(value.type, wanted):
        return value
    if wanted.kind == "optional" and value.type.kind != "optional":
        return as_hinted(node, value, wanted.item, context)
    kind = value.type.kind
    if wanted is not ANY and (kind != wanted.kind or kind not in ("list", "dict", "optional")):
        return None
    inner = ANY if wanted is ANY else wanted.item
    found = within(value, context, lambda one: _tagged(node, one, inner, wanted is ANY, context))
    return None if found is None else replace(found, type=wanted)


def _tagged(
    node: ast.AST, value: Value, inner: Type, is_open: bool, context: Context
) -> Value | None:
    kind = value.type.kind
    if kind == "tuple" and is_open:
        return _tuple(node, value, context)
    if kind == "row" and is_open:
        found = _each(node, replace(value, type=list_of(value.type.item)), ANY, context)
        return found and made(f'{{"$partita": "tuple", "value": {found.text}}}', ANY, found)
    if kind == "optional" and not value.type.item.holds_tuples:
        return value
    if kind == "optional":
        known = Value(value.text, value.type.item)
        part = as_hinted(node, known, ANY if is_open else inner, context)
        if part is None:
            return None
        return made(f"({value.atom} = null ? null : {part.atom})", ANY, value, part)
    if kind == "dict" and value.type.fields:
        return _fields(node, value, inner, context)
    if kind not in ("list", "dict"):
        return None
    return _each(node, value, inner, context)


def _tuple(node: ast.AST, value: Value, context: Context) -> Value | None:
    parts = [
        as_hinted(node, made(f"{value.text}[{number}]", type, value), ANY, context)
        for number, type in enumerate(value.type.parts)
    ]
    found = [one for one in parts if one is not None]
    if len(found) < len(parts):
        return None
    return made(f'{{"$partita": "tuple", "value": {listed(found)}}}', ANY, *found)


def _fields(node: ast.AST, value: Value, inner: Type, context: Context) -> Value | None:
    members = {}
    for name, type in value.type.fields:
        one = as_hinted(node, member(value, name, type), inner, context)
        if one is None:
            return None
        members[name] = one
    return None if "$partita" in members else object_value(members)


def _each(node: ast.AST, value: Value, inner: Type, context: Context) -> Value | None:
    is_list = value.type.kind == "list"
    text = "~item" if is_list else f"$lookup({value.text}, ~item)"
    item = as_hinted(node, Value(text, value.type.item), inner, context)
    if item is None:
        return None
    if is_list:
        template = f"$reduce(@x, function(~acc, ~item) {{$append(~acc, {wrapped(item)})}}, [])"
        return fill(node, context, template, list_of(ANY), x=value)
    template = (
        "$reduce($append([], $keys(@x)), function(~acc, ~item) "
        f"{{$merge([~acc, {{~item: {item.text}}}])}}, {{}})"
    )
    return fill(node, context, template, dict_of(ANY), x=value)
