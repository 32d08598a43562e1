"""Lower `==`: by the types of both sides, which say in which way values are compared."""

from __future__ import annotations

import ast

from partita.compile.context import Context
from partita.compile.jsonata import made
from partita.compile.templates import fill
from partita.compile.tree import Value
from partita.compile.types import ANY, BOOL, NEVER, NONE, STR, Type, comparable, tuple_of
from partita.compile.values.sets import contains_all

_NORMAL = (  # a value with 1 for true and 0 for false, at any depth
    '(~norm := function(~x) {$type(~x) = "boolean" ? (~x ? 1 : 0) : $type(~x) = "array" ? '
    '$reduce(~x, function(~acc, ~i) {$append(~acc, [$type(~i) = "array" ? [~norm(~i)] : '
    '~norm(~i)])}, []) : $type(~x) = "object" ? $merge($append([], $map($append([], $keys(~x)), '
    "function(~k) {{~k: ~norm($lookup(~x, ~k))}}))) : ~x}; ~norm(@a) = ~norm(@b))"
)
AS_NUMBER = "(@x = true ? 1 : @x = false ? 0 : @x)"


def item_or_self(type: Type) -> Type:
    """Return the type of a value that is not None; ANY where the machine tells it."""
    type = type.item if type.kind == "optional" else type
    return ANY if type.is_plain_union else type


def same(node: ast.AST, one: Value, other: Value, context: Context) -> Value | None:
    """Return whether two values are equal, as one expression; None if that needs a check."""
    way = way_of(item_or_self(one.type), item_or_self(other.type))
    if way == "numbers":
        sides = [AS_NUMBER.replace("@x", part.text) for part in (one, other)]
        return Value(f"{sides[0]} = {sides[1]}", BOOL, False)
    return None if way in ("sets", "refused") else equal(node, one, other, context)


def equal(node: ast.AST, left: Value, right: Value, context: Context) -> Value:
    """Return whether two values are equal."""
    one, other = item_or_self(left.type), item_or_self(right.type)
    way = way_of(one, other)
    if way == "refused":
        raise incomparable(node, left, right, context)
    if way == "direct":
        return made(f"{left.atom} = {right.atom}", BOOL, left, right, is_atom=False)
    if way == "never" and left.type.kind == right.type.kind == "optional":
        return made(f"({left.atom} = null and {right.atom} = null)", BOOL, left, right)
    if way == "never":
        return Value("false", BOOL)
    if way == "numbers":
        sides = [AS_NUMBER.replace("@x", name) for name in ("@a", "@b")]
        return fill(node, context, f"({sides[0]} = {sides[1]})", BOOL, a=left, b=right)
    if way == "sets":
        return _equal_sets(node, context.simple(node, left), context.simple(node, right), context)
    return fill(node, context, _NORMAL, BOOL, a=left, b=right)


def way_of(one: Type, other: Type) -> str:
    """Return how values of two types, neither of which may be None, are compared."""
    scalars = ("int", "float", "number", "bool")
    if one.kind in scalars and other.kind in scalars:
        return "numbers" if (one is BOOL) != (other is BOOL) else "direct"
    if ANY in (one, other):
        third = other if one is ANY else one
        if third in (STR, NONE):
            return "direct"
        if third.kind in scalars:
            return "numbers"
        return "refused" if third.holds_tuples else "normal"
    if one.kind == other.kind == "set":
        return "sets"
    if one.kind == other.kind == "tuple":
        return _way_of_parts(one, other)
    if {one.kind, other.kind} == {"row", "tuple"}:
        return _way_of_row(*((one, other) if one.kind == "row" else (other, one)))
    if one.kind == other.kind and one.kind in ("list", "dict", "row"):
        inner = way_of(item_or_self(one.item), item_or_self(other.item))
        if NEVER in (one.item, other.item) or NONE in (one.item, other.item):
            return "direct"
        return {"numbers": "normal", "sets": "refused", "never": "direct"}.get(inner, inner)
    if comparable(one, other):
        return "direct"
    plain = ("list", "dict", "tuple", "row", "set", *scalars, "str")
    return "never" if one.kind in plain and other.kind in plain else "refused"


def _way_of_row(row: Type, other: Type) -> str:
    """Return how a tuple of any length is compared with one of known parts."""
    if other.cls is list:
        return "refused"
    return _way_of_parts(tuple_of(*[row.item] * len(other.parts)), other)


def _way_of_parts(one: Type, other: Type) -> str:
    if len(one.parts) != len(other.parts):
        return "never"
    ways = {
        way_of(item_or_self(a), item_or_self(b))
        for a, b in zip(one.parts, other.parts, strict=True)
    }
    if ways & {"refused", "sets"}:
        return "refused"
    if "never" in ways:
        return "direct"
    return "normal" if ways & {"numbers", "normal"} else "direct"


def _equal_sets(node: ast.AST, left: Value, right: Value, context: Context) -> Value:
    inner = contains_all(node, left, right, context)
    text = f"($count({left.text}) = $count({right.text}) and {inner.atom})"
    return made(text, BOOL, left, right, inner)


def incomparable(node: ast.AST, left: Value, right: Value, context: Context) -> Exception:
    """Refuse a comparison of two values."""
    return context.refuse(
        node,
        f"comparison of {left.type} with {right.type}",
        "a state machine does not compare them as Python does",
        "compare their parts, or compare them in an activity",
    )
