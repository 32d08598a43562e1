"""Lower what orders values: sorted, min and max, with keys."""

from __future__ import annotations

import ast
from dataclasses import replace
from typing import Any

from partita.compile.context import Context
from partita.compile.jsonata import list_value, made, wrapped
from partita.compile.number_kinds import chosen
from partita.compile.operators.error_texts import EMPTY
from partita.compile.operators.order import ordered, ordered_at_run_time
from partita.compile.templates import fill
from partita.compile.tree import Value
from partita.compile.types import ANY, BOOL, NEVER, NONE, join, list_of
from partita.compile.values.iterables import applied, is_lazy, iterable, lowered
from partita.compile.values.moments import is_time, millis

_KINDS = (
    "($count(@x) < 2 ? true : (~kind := $reduce(@x, function(~acc, ~item) {("
    '~one := $type(~item) = "boolean" ? "number" : $type(~item); '
    '~acc = "" or ~acc = ~one ? ~one : "mixed")}, ""); '
    '~kind = "array" ? @guard : ~kind in ["number", "string"]))'
)


def keywords_of(node: Any, known: tuple[str, ...], context: Context) -> dict[str, ast.expr]:
    """Return the keyword arguments of a call, or refuse unknown ones."""
    found = {one.arg: one.value for one in node.keywords}
    if not set(found) <= set(known):
        raise context.refuse(
            node,
            f"arguments of {ast.unparse(node.func)[:40]}",
            "they are not compiled",
            "see the table of functions in docs/compiling.md",
        )
    return {str(name): one for name, one in found.items()}


def keys_of(node: Any, items: Value, key: ast.expr | None, context: Context) -> Value:
    """Return the list of what the items are ordered by."""
    if key is None or (isinstance(key, ast.Constant) and key.value is None):
        return items
    found = context.lower(applied(key, ["item 0"], lowered(items, node), node, context))
    return context.simple(node, found)


def _comparable(node: Any, keys: Value, context: Context) -> Value:
    """Return what keys are compared by: moments by their milliseconds, tuples as lists."""
    item = keys.type.item
    if item.kind == "row":
        return replace(keys, type=list_of(list_of(item.item)))
    if not is_time(Value("", item)):
        return keys
    one = millis(node, Value("~one", item), context)
    template = f"$append([], $map(@x, function(~one) {{{one.text}}}))"
    return context.simple(node, fill(node, context, template, list_of(one.type), x=keys))


def before(node: Any, sign: str, one: Value, other: Value, context: Context) -> Value:
    """Return whether a value is before another one."""
    found = ordered(node, sign, one, other, context)
    if found is None and one.type is ANY:
        found = ordered_at_run_time(node, sign, one, other, context)
    if found is None:
        raise context.refuse(
            node,
            f"order of {one.type}",
            "a state machine does not compare such values as Python does",
            "give a key that is a number, a text or a tuple of them",
        )
    return found


def checked(node: Any, keys: Value, context: Context) -> Value:
    """Return a list whose elements can be ordered, or raise TypeError where they cannot."""
    keys = _comparable(node, keys, context)
    item = keys.type.item
    if item.kind == "optional" or item is NONE or item.is_plain_union:
        keys = Value(keys.text, list_of(ANY), keys.is_atom, keys.depth)
    if keys.type.item is ANY:
        keys = context.simple(node, keys)
        test = fill(node, context, _KINDS, BOOL, "the order of lists without hints", x=keys)
        message = context.text("'<' not supported between instances of these types")
        context.check(node, test.text, TypeError, message, test)
    return keys


def in_order(
    node: Any, items: Value, key: ast.expr | None, reverse: ast.expr | None, context: Context
) -> Value:
    """Return a list in order; equal elements stay in theirs.

    The comparison leaves nothing open, as not every engine keeps the order of what is equal.
    """
    items = context.simple(node, items)
    keys = keys_of(node, items, key, context)
    descends = _flag(reverse, context)
    if keys is items and items.type.item is NEVER:
        return items
    keys = checked(node, keys, context)
    has_key = keys.text != items.text
    one, other = Value("~a", keys.type.item), Value("~b", keys.type.item)
    if has_key:
        keys = context.simple(node, keys)
        one = made(f"{keys.text}[~a]", keys.type.item)
        other = made(f"{keys.text}[~b]", keys.type.item)
    test = _comparator(node, one, other, descends, context)
    if not has_key:
        return fill(node, context, f"$sort(@x, function(~a, ~b) {{{test}}})", items.type, x=items)
    if not keys.type.item.is_number or not descends.is_constant:
        again = _comparator(node, other, one, descends, context)
        test = f"({test}) ? true : ({again}) ? false : ~a > ~b"
    else:
        test = f"{one.text} = {other.text} ? ~a > ~b : {test}"
    item = wrapped(made("@x[~i]", items.type.item))
    template = (
        f"$reduce($sort([0..$count(@x) - 1], function(~a, ~b) {{{test}}}), "
        f"function(~acc, ~i) {{$append(~acc, {item})}}, [])"
    )
    found = fill(node, context, template, items.type, x=items)
    return made(found.text, items.type, items, keys)


def _flag(reverse: ast.expr | None, context: Context) -> Value:
    if reverse is None:
        return Value("false", BOOL, constant=False, is_constant=True)
    return context.simple(reverse, context.read(reverse))


def _comparator(node: Any, one: Value, other: Value, descends: Value, context: Context) -> str:
    """Return whether one belongs after the other."""
    if descends.is_constant:
        return before(node, "<" if descends.constant else ">", one, other, context).text
    down = before(node, "<", one, other, context)
    up = before(node, ">", one, other, context)
    flag = descends.atom if descends.type is BOOL else f"{descends.atom} != 0"
    return f"{flag} ? {down.atom} : {up.atom}"


def lower_sorted(node: Any, context: Context) -> Value:
    """Lower `sorted(items, key=, reverse=)`."""
    named = keywords_of(node, ("key", "reverse"), context)
    if len(node.args) != 1:
        raise context.refuse(node, "sorted", "it takes one list", "give it")
    items = sortable(node, node.args[0], context)
    return in_order(node, items, named.get("key"), named.get("reverse"), context)


def sortable(node: Any, source: ast.expr, context: Context) -> Value:
    """Return the elements of an iterable, or of a set, whose order does not matter."""
    if isinstance(source, ast.Set | ast.SetComp | ast.Call | ast.Name | ast.BinOp | ast.Attribute):
        if not is_lazy(source, context):
            value = context.read(source)
            if value.type.kind == "set":
                return Value(value.text, list_of(value.type.item), value.is_atom, value.depth)
            source = lowered(value, source)
    return iterable(node, source, context)


def lower_extreme(node: Any, context: Context) -> Value:
    """Lower `min` and `max` of a list or of several values."""
    name = node.func.id
    named = keywords_of(node, ("key", "default"), context)
    if len(node.args) > 1:
        if "default" in named:
            raise context.refuse(node, name, "default goes with one list", "leave it out")
        items = list_value([context.read(one) for one in node.args])
    elif node.args:
        items = sortable(node, node.args[0], context)
    else:
        raise context.refuse(node, name, "it has no arguments", "give a list")
    default = context.lower(named["default"]) if "default" in named else None
    return extreme(node, name, items, named.get("key"), default, context)


def extreme(
    node: Any,
    name: str,
    items: Value,
    key: ast.expr | None,
    default: Value | None,
    context: Context,
) -> Value:
    """Return the first of the smallest or the largest elements."""
    items = context.simple(node, items)
    if default is None and len(getattr(node, "args", [])) < 2:
        message = context.text(EMPTY[name])
        context.check(node, f"$count({items.text}) > 0", ValueError, message, items)
    if items.type.item is NEVER and default is None:
        return Value("null", NEVER)
    if key is None and items.type.item.is_number:
        best = made(f"${name}({items.text})", items.type.item, items)
    else:
        best = _first(node, name, items, key, context)
    if default is None:
        return best
    template = "($count(@x) = 0 ? @d : @b)"
    type = join(default.type, best.type)
    found = fill(node, context, template, type, x=items, d=default, b=best)
    return replace(found, floating=chosen(f"$count({items.text}) = 0", default, best))


def _first(node: Any, name: str, items: Value, key: ast.expr | None, context: Context) -> Value:
    keys = context.simple(node, checked(node, keys_of(node, items, key, context), context))
    if keys.type.item is NEVER:
        return Value("null", NEVER)
    sign = "<" if name == "min" else ">"
    one = made(f"{keys.text}[~i]", keys.type.item)
    best = made(f"{keys.text}[~best]", keys.type.item)
    test = before(node, sign, one, best, context)
    template = (
        f"(~place := $reduce([1..$count(@x) - 1], function(~best, ~i) "
        f"{{{test.text} ? ~i : ~best}}, 0); @x[~place])"
    )
    found = fill(node, context, template, items.type.item, x=items)
    return made(found.text, items.type.item, items, keys, test)
