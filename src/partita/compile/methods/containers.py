"""Lower methods of lists, tuples and sets that change nothing, and methods of a class."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any

from partita.compile.context import Context
from partita.compile.jsonata import made
from partita.compile.lowered import located
from partita.compile.names.objects import target
from partita.compile.operators.equality import same
from partita.compile.templates import fill
from partita.compile.tree import Value
from partita.compile.types import BOOL, INT, NEVER, NONE, STR, dict_of, list_of
from partita.compile.values.iterables import iterable
from partita.compile.values.sequences import as_list, sliced
from partita.compile.values.sets import combined, contains_all, set_from

Method = Callable[[Any, Value, list[Value], Context], Value | None]


def _places(node: Any, owner: Value, item: Value, context: Context) -> Value | None:
    """Return the list of the places at which a list has an item."""
    item = context.simple(node, item)
    test = same(node, Value("~one", owner.type.item), item, context)
    if test is None:
        return None
    template = (
        f"$reduce(@x, function(~acc, ~one, ~i) {{({test.text}) ? $append(~acc, ~i) : ~acc}}, [])"
    )
    return fill(node, context, template, list_of(INT), x=owner)


def _count(node: Any, owner: Value, args: list[Value], context: Context) -> Value | None:
    owner = as_list(node, owner, context)
    places = _places(node, owner, args[0], context) if len(args) == 1 else None
    return None if places is None else made(f"$count({places.text})", INT, places)


def _index(node: Any, owner: Value, args: list[Value], context: Context) -> Value | None:
    owner = context.simple(node, as_list(node, owner, context))
    bounds = [one for one in args[1:] if one.type is INT]
    if not args or len(bounds) < len(args) - 1 or len(args) > 3:
        return None
    begin = context.simple(node, bounds[0]) if bounds else None
    if begin is not None:
        end = bounds[1] if len(bounds) > 1 else None
        part = sliced(node, owner, [begin, end, None], context)
        part = context.simple(node, part)
    else:
        part = owner
    places = _places(node, part, args[0], context)
    if places is None:
        return None
    places = context.simple(node, places)
    message = context.text("the value is not in list")
    context.check(node, f"$count({places.text}) > 0", ValueError, message, places)
    if begin is None:
        return made(f"{places.text}[0]", INT, places)
    template = "(@p[0] + (@n < 0 ? $max([0, @n + $count(@x)]) : @n))"
    return fill(node, context, template, INT, p=places, n=begin, x=owner)


def _copy(node: Any, owner: Value, args: list[Value], context: Context) -> Value | None:
    return None if args else owner


# -- sets


def _as_sets(node: Any, args: list[Value], context: Context) -> list[Value] | None:
    found = []
    for one in args:
        if one.type.kind == "set":
            found.append(one)
            continue
        items = as_list(node, one, context)
        made_set = set_from(node, items, context) if items.type.kind == "list" else None
        if made_set is None:
            return None
        found.append(context.simple(node, made_set))
    return found


def _operated(op: ast.operator) -> Method:
    def lower(node: Any, owner: Value, args: list[Value], context: Context) -> Value | None:
        others = _as_sets(node, args, context)
        found: Value | None = owner
        for one in others or ():
            found = combined(node, op, found, one, context) if found is not None else None
        return found if others is not None else None

    return lower


def _subset(is_whole: bool) -> Method:
    def lower(node: Any, owner: Value, args: list[Value], context: Context) -> Value | None:
        others = _as_sets(node, args, context)
        if others is None or len(others) != 1:
            return None
        whole, part = (owner, others[0]) if is_whole else (others[0], owner)
        return contains_all(node, whole, part, context)

    return lower


def _disjoint(node: Any, owner: Value, args: list[Value], context: Context) -> Value | None:
    common = _operated(ast.BitAnd())(node, owner, args, context)
    return None if common is None else made(f"($count({common.text}) = 0)", BOOL, common)


def _is_integer(node: Any, owner: Value, args: list[Value], context: Context) -> Value | None:
    return None if args else fill(node, context, "($floor(@x) = @x)", BOOL, x=owner)


def _bit_length(node: Any, owner: Value, args: list[Value], context: Context) -> Value | None:
    template = "(@x = 0 ? 0 : $length($formatBase($abs(@x), 2)))"
    return None if args else fill(node, context, template, INT, x=owner)


METHODS: dict[tuple[str, str], Method] = {
    ("float", "is_integer"): _is_integer,
    ("int", "bit_length"): _bit_length,
    ("row", "count"): _count,
    ("row", "index"): _index,
    ("list", "count"): _count,
    ("list", "index"): _index,
    ("list", "copy"): _copy,
    ("tuple", "count"): _count,
    ("tuple", "index"): _index,
    ("set", "copy"): _copy,
    ("set", "union"): _operated(ast.BitOr()),
    ("set", "intersection"): _operated(ast.BitAnd()),
    ("set", "difference"): _operated(ast.Sub()),
    ("set", "symmetric_difference"): _operated(ast.BitXor()),
    ("set", "issubset"): _subset(False),
    ("set", "issuperset"): _subset(True),
    ("set", "isdisjoint"): _disjoint,
}


# -- methods called by their class, such as `str.upper(text)`


def lower_by_class(node: Any, context: Context) -> Value | None:
    """Lower a call such as `str.upper(text)` or `dict.fromkeys(keys)`; None: it is another one."""
    cls = target(node.func.value, context)
    if cls not in (str, list, dict, int, float, set):
        return None
    if cls is dict and node.func.attr == "fromkeys":
        return _from_keys(node, context)
    if not node.args or isinstance(node.args[0], ast.Starred):
        return None
    method = ast.Attribute(node.args[0], node.func.attr, ast.Load())
    call = ast.Call(method, node.args[1:], node.keywords)
    return context.lower(located(call, node))


def _from_keys(node: Any, context: Context) -> Value | None:
    if not 1 <= len(node.args) <= 2 or node.keywords:
        return None
    keys = iterable(node, node.args[0], context)
    value = context.read(node.args[1]) if len(node.args) == 2 else Value("null", NONE)
    if keys.type.item not in (STR, NEVER) or value.type.is_mutable:
        return None
    template = "$reduce(@k, function(~acc, ~one) {$merge([~acc, {~one: @v}])}, {})"
    return fill(node, context, template, dict_of(value.type), k=keys, v=value)
