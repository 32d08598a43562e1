"""Lower sets: lists without repetitions, whose order is never shown."""

from __future__ import annotations

import ast

from partita.compile.context import Context
from partita.compile.jsonata import made, wrapped
from partita.compile.templates import fill
from partita.compile.tree import Value
from partita.compile.types import ANY, NEVER, Type, join, list_of, set_of

_SCALARS = ("str", "int", "bool", "float", "number", "never", "enum")


def can_hold(item: Type) -> bool:
    """Return whether JSONata tells such elements apart as Python does."""
    if item.kind == "tuple":
        return all(can_hold(one) for one in item.parts)
    return item.kind in _SCALARS or item is ANY


def set_from(node: ast.AST, items: Value, context: Context) -> Value | None:
    """Return the set of a list's elements; None if it is not compiled for their type."""
    if items.type.item is ANY or items.type.item.kind in ("optional", "union"):
        return _open_set(node, items, context)
    if not can_hold(items.type.item):
        return None
    item = wrapped(Value("~item", items.type.item))
    template = (
        "$reduce(@x, function(~acc, ~item) "
        f"{{{_held('~acc', '~item', items.type.item)} ? ~acc : $append(~acc, {item})}}, [])"
    )
    return fill(node, context, template, set_of(items.type.item), x=items)


_OPEN_SET = (
    '$reduce(@x, function(~acc, ~item) {$type(~item) in ["string", "number", "null"] ? '
    "(~item in ~acc ? ~acc : $append(~acc, [~item])) : @guard}, [])"
)


def _open_set(node: ast.AST, items: Value, context: Context) -> Value:
    """Return the set of elements without hints: texts, numbers and None."""
    guard = "a set of bools, lists or dicts without hints"
    return fill(node, context, _OPEN_SET, set_of(ANY), guard, x=items)


def _held(items: str, item: str, type: Type) -> str:
    """Return the condition that a list has an element."""
    if type.kind != "tuple":
        return f"{item} in {items}"
    return f"$reduce({items}, function(~has, ~one) {{~has or ~one = {item}}}, false)"


def has(node: ast.AST, items: Value, item: Value, context: Context) -> Value:
    """Return whether a set has an element."""
    test = _held("@x", "@i", items.type.item if items.type.item is not NEVER else item.type)
    return fill(node, context, f"({test})", BOOL_TYPE, x=items, i=item)


BOOL_TYPE = Type("bool")


def combined(
    node: ast.AST, op: ast.operator, left: Value, right: Value, context: Context
) -> Value | None:
    """Lower `|`, `&`, `-` and `^` of sets."""
    type = set_of(join(left.type.item, right.type.item))
    if not can_hold(type.item):
        return None
    left, right = context.simple(node, left), context.simple(node, right)
    if isinstance(op, ast.BitOr):
        both = made(f"$append({left.text}, {right.text})", list_of(type.item), left, right)
        return set_from(node, both, context)
    if isinstance(op, ast.BitAnd):
        return _kept(node, left, right, True, context)
    if isinstance(op, ast.Sub):
        return _kept(node, left, right, False, context)
    if isinstance(op, ast.BitXor):
        one, two = (
            _kept(node, left, right, False, context),
            _kept(node, right, left, False, context),
        )
        return made(f"$append({one.text}, {two.text})", type, one, two)
    return None


def _kept(node: ast.AST, left: Value, right: Value, is_in: bool, context: Context) -> Value:
    item = wrapped(Value("~item", left.type.item))
    test = _held("@y", "~item", left.type.item)
    kept, dropped = (f"$append(~acc, {item})", "~acc")
    branches = f"{kept} : {dropped}" if is_in else f"{dropped} : {kept}"
    template = f"$reduce(@x, function(~acc, ~item) {{({test}) ? {branches}}}, [])"
    return fill(node, context, template, left.type, x=left, y=right)


def contains_all(node: ast.AST, whole: Value, part: Value, context: Context) -> Value:
    """Return whether a set has every element of another one."""
    test = _held("@y", "~item", whole.type.item)
    template = f"$reduce(@x, function(~acc, ~item) {{~acc and ({test})}}, true)"
    return fill(node, context, template, BOOL_TYPE, x=part, y=whole)
