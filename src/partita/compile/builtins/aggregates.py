"""Lower the functions of Python that make one value of many: len, sum, any, all, and containers."""

from __future__ import annotations

import ast
import sys
from dataclasses import replace
from typing import Any

from partita.compile.builtins.ordering import keywords_of, sortable
from partita.compile.context import Context
from partita.compile.jsonata import (
    LARGEST,
    joined_type,
    key_text,
    list_value,
    literal,
    made,
    object_value,
    wrapped,
)
from partita.compile.loops.comprehensions import folded, made_set, reduced
from partita.compile.lowered import located
from partita.compile.names.objects import target
from partita.compile.operators.arithmetic import bounded, result_type
from partita.compile.operators.conditions import lower_test, truth
from partita.compile.templates import fill
from partita.compile.tree import Value
from partita.compile.types import (
    ANY,
    BOOL,
    FLOAT,
    FUTURE_SET,
    INT,
    NEVER,
    STR,
    Type,
    dict_of,
    join,
    list_of,
    row_of,
    set_of,
)
from partita.compile.values.dynamic import as_kind, has_type, present
from partita.compile.values.enumerations import plain
from partita.compile.values.iterables import is_lazy, iterable, lowered, unordered
from partita.compile.values.sequences import as_list


def one_argument(node: Any, context: Context) -> ast.expr:
    """Return the only argument of a call."""
    if len(node.args) != 1 or node.keywords or isinstance(node.args[0], ast.Starred):
        raise context.refuse(
            node,
            f"arguments of {ast.unparse(node.func)[:40]}",
            "only one argument is compiled",
            "leave the others out, or use an activity",
        )
    found: ast.expr = node.args[0]
    return found


def unfit(node: Any, value: Value, context: Context) -> Exception:
    """Return the refusal of a function of a value of such a type."""
    return context.refuse(
        node,
        f"{ast.unparse(node.func)[:40]} of {value.type}",
        "it is not compiled for this type",
        "give a type hint, or use an activity",
    )


_SIZE = (
    '($type(@x) = "string" ? $length(@x) : $type(@x) = "array" ? $count(@x) : '
    "$count($append([], $keys(@x))))"
)


_NO_LENGTH = "object of type 'NoneType' has no len()"


def lower_len(node: Any, context: Context) -> Value:
    """Lower `len(x)`."""
    source = one_argument(node, context)
    value = iterable(node, source, context) if is_lazy(source, context) else context.read(source)
    value = present(node, plain(value), context, TypeError, _NO_LENGTH)
    kind = value.type.kind
    if kind in ("list", "tuple", "row", "set", FUTURE_SET.kind):
        return made(f"$count({value.text})", INT, value)
    if kind == "dict" or (kind == "record" and not hasattr(value.type.cls, "__dataclass_fields__")):
        return made(f"$count($append([], $keys({value.text})))", INT, value)
    if kind == "str":
        return made(f"$length({value.text})", INT, value)
    if kind == "any":
        value = context.simple(node, value)
        message = context.text("object of this type has no len()")
        test = has_type(value, "str", "list", "dict")
        context.check(node, test, TypeError, message, value)
        return fill(node, context, _SIZE, INT, x=value)
    if value.type is NEVER:
        return Value("0", NEVER)
    raise unfit(node, value, context)


# -- sums

_TOTAL = (
    "(~size := $reduce(@x, function(~acc, ~item) {~acc + $abs(~item)}, $abs(@s)); "
    f"~size <= {LARGEST} ? $reduce(@x, function(~sum, ~one) {{~sum + ~one}}, @s) : @guard)"
)
_PLAIN = "$reduce(@x, function(~sum, ~one) {~sum + ~one}, @s)"
_COMPENSATED = (  # of Neumaier, as Python adds floats from 3.12 on
    "(~pair := $reduce(@x, function(~acc, ~v) {(~t := ~acc[0] + ~v; [~t, ~acc[1] + "
    "($abs(~acc[0]) >= $abs(~v) ? (~acc[0] - ~t) + ~v : (~v - ~t) + ~acc[0])])}, [@s, 0]); "
    "~pair[0] + ~pair[1])"
)
_FLOATS = _COMPENSATED if sys.version_info >= (3, 12) else _PLAIN


def lower_sum(node: Any, context: Context) -> Value:
    """Lower `sum(items, start)`."""
    named = keywords_of(node, ("start",), context)
    if not 1 <= len(node.args) <= 2 or len(node.args) + len(named) > 2:
        raise context.refuse(node, "sum", "its arguments are not compiled", "give one list")
    items = _numbers(node, sortable(node, node.args[0], context), context)
    starts = [*node.args[1:], *named.values()]
    start = context.read(starts[0]) if starts else literal(0)
    assert start is not None
    if start.type.kind == "list" and items.type.item.kind in ("list", "never"):
        return _lists(node, items, start, context)
    if start.type is BOOL:
        start = as_int(start)
    number = items.type.item
    if not (number.is_number or number is NEVER) or not start.type.is_number:
        raise unfit(node, items, context)
    return _total(node, items, context.simple(node, start), context)


def _total(node: Any, items: Value, start: Value, context: Context) -> Value:
    item = INT if items.type.item is NEVER else items.type.item
    type = result_type(item, start.type)
    if type is INT:
        guard = "an integer beyond 2**53"
        return fill(node, context, _TOTAL, INT, guard, x=items, s=start)
    if item is not FLOAT or start.type is not INT:
        return bounded(node, fill(node, context, _FLOATS, type, x=items, s=start), type, context)
    total = fill(node, context, _FLOATS, type, x=items, s=start)
    found = bounded(node, total, join(FLOAT, INT), context)  # of no floats, the sum is the start
    return replace(found, floating=lambda _: f"($count({items.text}) > 0)")


def _numbers(node: Any, items: Value, context: Context) -> Value:
    """Return a list of numbers, or raise TypeError where one is none."""
    item = plain(Value("", items.type.item)).type
    if item is not items.type.item:
        return replace(items, type=list_of(item))
    if item is BOOL:
        template = "$append([], $map(@x, function(~item) {~item ? 1 : 0}))"
        return fill(node, context, template, list_of(INT), x=items)
    if item.kind == "optional" or item.is_plain_union:
        items, item = Value(items.text, list_of(ANY), items.is_atom, items.depth), ANY
    if item is not ANY:
        return items
    items = context.simple(node, items)
    one = Value("~one", ANY)
    test = f"$reduce(@x, function(~acc, ~one) {{~acc and {has_type(one, 'number')}}}, true)"
    found = fill(node, context, test, BOOL, x=items)
    message = context.text("unsupported operand type(s) for +")
    context.check(node, found.text, TypeError, message, found)
    number = as_kind(one, "number")
    template = f"$append([], $map(@x, function(~one) {{{number.text}}}))"
    return fill(node, context, template, list_of(number.type), x=items)


def _lists(node: Any, items: Value, start: Value, context: Context) -> Value:
    inner = items.type.item.item if items.type.item.kind == "list" else NEVER
    type = list_of(join(inner, start.type.item))
    template = "$reduce(@x, function(~acc, ~one) {$append(~acc, ~one)}, @s)"
    return fill(node, context, template, type, x=items, s=start)


def as_int(value: Value) -> Value:
    """Return a bool as an int."""
    return made(f"({value.text} ? 1 : 0)", INT, value)


# -- any and all


def lower_any_all(node: Any, context: Context) -> Value:
    """Lower any and all; a generator expression with calls becomes a loop that ends early."""
    is_any = node.func.id == "any"
    source = one_argument(node, context)
    if isinstance(source, ast.GeneratorExp):
        return _of_generator(source, is_any, context)
    items = sortable(node, source, context)
    if items.type.item is NEVER:
        return Value("false" if is_any else "true", BOOL)
    item = Value("~item", items.type.item)
    holds = truth(node, item, context)
    step = f"~acc ? true : {holds.atom}" if is_any else f"~acc ? {holds.atom} : false"
    template = f"$reduce(@x, function(~acc, ~item) {{{step}}}, {'false' if is_any else 'true'})"
    return fill(node, context, template, BOOL, x=items)


def _of_generator(source: ast.GeneratorExp, is_any: bool, context: Context) -> Value:
    begin = Value("false" if is_any else "true", BOOL)

    def fold(acc: Value, inner: Context) -> Value:
        test = lower_test(source.elt, inner).value
        text = f"{acc.text} ? true : {test.atom}" if is_any else f"{acc.text} ? {test.atom} : false"
        return made(f"({text})", BOOL, test)

    found = reduced(source, begin, fold, context)
    if found is not None:
        return Value(found.text, BOOL, found.is_atom, found.depth, is_guarded=found.is_guarded)

    def ends(acc: Value) -> Value:
        return acc if is_any else made(f"$not({acc.text})", BOOL, acc)

    def tested(_: Value, inner: Context) -> Value:
        return lower_test(source.elt, inner).value

    if len(source.generators) > 1:
        return Value(f"${folded(source, begin, fold, context)}", BOOL)
    return Value(f"${folded(source, begin, tested, context, ends)}", BOOL)


def lower_next(node: Any, context: Context) -> Value:
    """Lower `next(items, default)` of a generator expression or of `iter(...)`."""
    source = node.args[0] if node.args else None
    is_iter = isinstance(source, ast.Call) and target(source.func, context) in (iter, reversed)
    if len(node.args) > 2 or node.keywords or not (is_iter or isinstance(source, ast.GeneratorExp)):
        raise context.refuse(
            node,
            "next",
            "only next of a generator expression, iter(...) or reversed(...) is compiled",
            "write next((x for x in items), default), or use indices",
        )
    assert source is not None
    found = _first(source, context) if isinstance(source, ast.GeneratorExp) else None
    found = found or iterable(node, source, context)
    found = context.simple(node, found)
    if len(node.args) == 1:
        context.check(node, f"$count({found.text}) > 0", StopIteration, context.text(""), found)
        return made(f"{found.text}[0]", found.type.item, found)
    default = context.lower(node.args[1])
    type = join(found.type.item, default.type)
    return fill(node, context, "($count(@x) > 0 ? @x[0] : @d)", type, x=found, d=default)


def _first(source: ast.GeneratorExp, context: Context) -> Value | None:
    """Return the list of the first item of a generator expression; it ends early."""
    types: list[Type] = [NEVER]

    def fold(acc: Value, inner: Context) -> Value:
        item = inner.lower(source.elt)
        types.append(item.type)
        grown = f"$count({acc.text}) > 0 ? {acc.text} : {wrapped(item)}"
        return made(grown, list_of(item.type), item, is_atom=False)

    begin = Value("[]", list_of(NEVER))
    found = reduced(source, begin, fold, context)
    if found is None:
        del types[1:]
        ends = made("@acc", BOOL)

        def ended(acc: Value) -> Value:
            return replace(ends, text=f"$count({acc.text}) > 0")

        found = Value(f"${folded(source, begin, fold, context, ended)}", NEVER)
    return replace(found, type=list_of(joined_type(types)))


# -- containers


def lower_list(node: Any, context: Context) -> Value:
    """Lower `list(items)`."""
    if not node.args and not node.keywords:
        return list_value([])
    return iterable(node, one_argument(node, context), context)


def lower_tuple(node: Any, context: Context) -> Value:
    """Lower `tuple(items)` of what has a known number of items."""
    if not node.args and not node.keywords:
        return list_value([], Type("tuple"))
    source = one_argument(node, context)
    if isinstance(source, ast.List):
        return context.lower(ast.copy_location(ast.Tuple(source.elts, ast.Load()), source))
    value = iterable(node, source, context) if is_lazy(source, context) else context.read(source)
    if value.type.kind in ("tuple", "row"):
        return value
    items = iterable(node, lowered(value, source), context)
    return replace(items, type=row_of(items.type.item))


def lower_set(node: Any, context: Context) -> Value:
    """Lower `set(items)`."""
    if not node.args and not node.keywords:
        return Value("[]", set_of(NEVER))
    items = sortable(node, one_argument(node, context), context)
    return made_set(node, items, context)


def lower_dict(node: Any, context: Context) -> Value:
    """Lower `dict(...)`: of a dict, of pairs, and of keywords."""
    if len(node.args) > 1:
        raise context.refuse(node, "dict", "its arguments are not compiled", "use {**a, **b}")
    parts = [_dict_from(node, node.args[0], context)] if node.args else []
    if node.keywords:
        keys = [one.arg and ast.Constant(one.arg) for one in node.keywords]
        display = ast.Dict(keys, [one.value for one in node.keywords])
        parts.append(context.lower(located(display, node)))
    elif not parts:
        parts.append(object_value({}))
    if len(parts) == 1:
        return parts[0]
    type = join(*(replace(one.type, fields=(), default=None) for one in parts))
    return made(f"$merge([{', '.join(one.text for one in parts)}])", type, *parts)


def _dict_from(node: Any, source: ast.expr, context: Context) -> Value:
    value = iterable(node, source, context) if is_lazy(source, context) else context.read(source)
    if value.type.kind == "dict":
        return replace(value, type=replace(value.type, default=None))
    if value.type is NEVER:
        return object_value({})
    if value.type.kind == "set":
        raise unordered(node, context)
    pairs = as_list(node, value, context)
    pair = pairs.type.item if pairs.type.kind == "list" else ANY
    if pair is NEVER:
        return object_value({})
    if pair.kind != "tuple" or len(pair.parts) != 2 or pair.parts[0] not in (STR, INT):
        raise unfit(node, value, context)
    key = key_text(Value("~pair[0]", pair.parts[0]))
    template = f"$reduce(@x, function(~acc, ~pair) {{$merge([~acc, {{{key}: ~pair[1]}}])}}, {{}})"
    type = dict_of(pair.parts[1], "int" if pair.parts[0] is INT else "str")
    return fill(node, context, template, type, x=pairs)
