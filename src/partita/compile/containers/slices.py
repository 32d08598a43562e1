"""Lower `xs[a:b] = values` and `del xs[a:b]`."""

from __future__ import annotations

import ast

from partita.compile.containers.places import is_place, place_of, read, write
from partita.compile.containers.unpacking import between
from partita.compile.context import Context
from partita.compile.jsonata import list_value, made
from partita.compile.tree import Value
from partita.compile.types import INT, join, list_of
from partita.compile.values.sequences import as_list


def store_slice(target: ast.Subscript, value: Value, context: Context) -> None:
    """Replace a part of a list by other elements."""
    assert isinstance(target.slice, ast.Slice)
    step = target.slice.step
    if step is not None or not is_place(target.value, context):
        raise context.refuse(
            target, "assignment to a slice", "only a[b:c] of a variable is compiled", "use a loop"
        )
    items = context.simple(target, as_list(target, value, context))
    place = place_of(target.value, context)
    owner = context.simple(target, read(target.value, place, context))
    if owner.type.kind != "list" or items.type.kind != "list":
        raise context.refuse(
            target,
            f"assignment of {value.type} to a slice of {owner.type}",
            "only lists are compiled",
            "give a type hint",
        )
    size = f"$count({owner.text})"
    begin = _bound(target, target.slice.lower, "0", size, context)
    end = _bound(target, target.slice.upper, size, size, context)
    end = context.let(target, "end", made(f"$max([{begin.text}, {end.text}])", INT, begin, end))
    head = between(owner, "0", begin.text, context)
    tail = between(owner, end.text, size, context)
    type = list_of(join(owner.type.item, items.type.item))
    text = f"$append($append({head.text}, {items.text}), {tail.text})"
    write(target, place, made(text, type, head, items, tail), context)


def delete_slice(target: ast.Subscript, context: Context) -> None:
    """Delete a part of a list."""
    store_slice(target, list_value([]), context)


def _bound(
    node: ast.Subscript, bound: ast.expr | None, default: str, size: str, context: Context
) -> Value:
    """Return a bound of a slice as a place within the list."""
    if bound is None:
        return context.let(node, "bound", Value(default, INT))
    value = context.simple(node, context.read(bound))
    if value.type is not INT:
        raise context.refuse(node, f"bound of type {value.type}", "it is no int", "use an int")
    one = value.atom
    text = f"{one} < 0 ? $max([0, {one} + {size}]) : $min([{one}, {size}])"
    return context.let(node, "bound", made(text, INT, value, is_atom=False))
