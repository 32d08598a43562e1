"""Lower indices, keys and slices; a missing one raises as in Python."""

from __future__ import annotations

import ast
from typing import Any

from partita.compile.context import Context
from partita.compile.jsonata import made, member, wrapped
from partita.compile.tree import Value
from partita.compile.types import INT, NEVER, STR, Type, join

_PLAIN_KEY = r"/^[ -&\x28-\x5b\x5d-~]*$/"
"""Texts whose repr() is the text in single quotes."""


def lower_subscript(node: Any, context: Context) -> Value:
    """Lower `container[index]`."""
    owner = context.read(node.value)
    if isinstance(node.slice, ast.Slice):
        return _slice(node, owner, context)
    if owner.type.kind == "record":
        return _field(node, owner, context)
    index = context.read(node.slice)
    if owner.type is NEVER:
        return Value("null", NEVER)
    if owner.type.kind == "dict" and index.type is STR:
        owner = context.simple(node, owner)
        index = context.simple(node, index)
        check_key(node, owner, index, context)
        return made(f"$lookup({owner.text}, {index.text})", owner.type.item, owner, index)
    if owner.type.kind == "tuple":
        return _part(node, owner, index, context)
    if owner.type.kind == "list" and index.type is INT:
        owner = context.simple(node, owner)
        index = context.simple(node, index)
        check_index(node, owner, index, context)
        return element(owner, index, owner.type.item)
    raise context.refuse(
        node,
        f"index of {owner.type}",
        "only lists, tuples, dicts of str and records have indices here",
        "give a type hint; for a str, cut it in an activity",
    )


def element(owner: Value, index: Value, type: Type) -> Value:
    """Return an element that is known to be there."""
    is_variable = owner.text.startswith("$") and owner.text[1:].isidentifier()
    whole = owner.text if is_variable else f"({owner.text})"  # x[0][1] is not (x[0])[1]
    return made(f"{whole}[{index.text}]", type, owner, index)


def check_index(node: ast.AST, owner: Value, index: Value, context: Context) -> None:
    """Raise IndexError if a list has no such element."""
    count = f"$count({owner.text})"
    if index.is_constant:
        least = index.constant + 1 if index.constant >= 0 else -index.constant
        condition = f"{count} >= {least}"
    else:
        condition = f"{index.atom} < {count} and {index.atom} >= -{count}"
    message = context.text("list index out of range")
    context.check(node, condition, IndexError, message, owner, index)


def check_key(node: ast.AST, owner: Value, key: Value, context: Context) -> None:
    """Raise KeyError if a dict has no such key."""
    condition = f"$exists($lookup({owner.text}, {key.text}))"
    context.check(node, condition, KeyError, _shown(node, key, context), owner, key)


def _shown(node: ast.AST, key: Value, context: Context) -> Value:
    """Return repr() of a key."""
    if key.is_constant:
        return context.text(repr(key.constant))
    error = context.guard_text(node, "a missing key whose repr() is not known")
    text = f'$contains({key.text}, {_PLAIN_KEY}) ? "\'" & {key.atom} & "\'" : {error}'
    return made(text, STR, key, is_atom=False)


def _field(node: Any, owner: Value, context: Context) -> Value:
    name = node.slice.value if isinstance(node.slice, ast.Constant) else None
    fields = dict(owner.type.fields)
    if name not in fields or hasattr(owner.type.cls, "__dataclass_fields__"):
        raise context.refuse(
            node,
            f"index of {owner.type}",
            f"it has no such key; it has {', '.join(fields)}",
            "write one of its keys as a constant; of a dataclass, the attribute",
        )
    if name in owner.type.missing:
        owner = context.simple(node, owner)
        check_key(node, owner, context.text(name), context)
    return member(owner, name, fields[name])


def _part(node: ast.AST, owner: Value, index: Value, context: Context) -> Value:
    parts = owner.type.parts
    if not index.is_constant or not -len(parts) <= index.constant < len(parts):
        raise context.refuse(
            node,
            "index of a tuple",
            f"it must be a constant within its {len(parts)} elements",
            "unpack the tuple, or use a list",
        )
    return element(context.simple(node, owner), index, parts[index.constant])


def _slice(node: Any, owner: Value, context: Context) -> Value:
    parts = (node.slice.lower, node.slice.upper)
    if owner.type.kind != "list" or node.slice.step is not None:
        raise context.refuse(
            node,
            f"slice of {owner.type}",
            "only slices of lists, without a step, are compiled",
            "cut it in an activity",
        )
    owner = context.simple(node, owner)
    bounds = [None if one is None else _bound(node, owner, one, context) for one in parts]
    acc, item, number = (context.names.new(stem) for stem in ("acc", "item", "index"))
    tests = [
        f"${number} {sign} {bound.atom}"
        for sign, bound in zip((">=", "<"), bounds, strict=True)
        if bound is not None
    ]
    if not tests:
        return owner
    kept = wrapped(Value(f"${item}", owner.type.item))
    text = (
        f"$reduce({owner.text}, function(${acc}, ${item}, ${number}) "
        f"{{{' and '.join(tests)} ? $append(${acc}, {kept}) : ${acc}}}, [])"
    )
    return made(text, owner.type, owner, *(one for one in bounds if one is not None))


def _bound(node: ast.AST, owner: Value, bound: ast.expr, context: Context) -> Value:
    """Return a bound of a slice, counted from the beginning."""
    value = context.read(bound)
    if value.type is not INT:
        raise context.refuse(node, f"bound of type {value.type}", "it is no int", "use an int")
    if value.is_constant and value.constant >= 0:
        return value
    value = context.simple(node, value)
    counted = f"{value.atom} < 0 ? {value.atom} + $count({owner.text}) : {value.atom}"
    return made(counted, INT, value, owner, is_atom=False)


def with_key(owner: Value, key: Value, value: Value) -> Value:
    """Return a dict with one more member, or another value of one."""
    item = join(owner.type.item, value.type)
    text = f"$merge([{owner.text}, {{{key.text}: {value.text}}}])"
    return made(text, Type("dict", (item,)), owner, key, value)


def with_element(owner: Value, index: Value, value: Value, context: Context) -> Value:
    """Return a list with another element at an index that it has."""
    item = join(owner.type.item, value.type)
    acc, old, number = (context.names.new(stem) for stem in ("acc", "item", "index"))
    counted = f"({index.atom} < 0 ? {index.atom} + $count({owner.text}) : {index.atom})"
    kept = wrapped(Value(f"${old}", owner.type.item))
    text = (
        f"$reduce({owner.text}, function(${acc}, ${old}, ${number}) {{$append(${acc}, "
        f"${number} = {counted} ? {wrapped(value)} : {kept})}}, [])"
    )
    return made(text, Type("list", (item,)), owner, index, value)
