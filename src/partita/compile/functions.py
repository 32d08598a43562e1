"""Lower Python's own functions, such as len and sum."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any

from partita.compile.arithmetic import guarded
from partita.compile.comprehensions import folded
from partita.compile.conditions import lower_test, truth
from partita.compile.context import Context
from partita.compile.iteration import iteration
from partita.compile.jsonata import LARGEST, list_value, made, wrapped
from partita.compile.representations import as_repr, as_text
from partita.compile.sequences import as_list
from partita.compile.tree import Let, Loop, Value
from partita.compile.types import BOOL, FLOAT, FUTURE_SET, INT, NEVER, Type, list_of, tuple_of


def _one(node: Any, context: Context) -> Value:
    if len(node.args) != 1 or node.keywords:
        raise context.refuse(
            node,
            f"arguments of {node.func.id}",
            "only one argument is compiled",
            "leave the others out, or use an activity",
        )
    return context.read(node.args[0])


def _unfit(node: Any, value: Value, context: Context) -> Exception:
    return context.refuse(
        node,
        f"{node.func.id} of {value.type}",
        "it is not compiled for this type, or the type is not known",
        "give a type hint, or use an activity",
    )


def _len(node: Any, context: Context) -> Value:
    value = _one(node, context)
    if value.type.kind in ("list", "tuple", FUTURE_SET.kind):
        return made(f"$count({value.text})", INT, value)
    if value.type.kind == "dict":
        return made(f"$count($append([], $keys({value.text})))", INT, value)
    if value.type.kind == "str":
        return made(f"$length({value.text})", INT, value)
    raise _unfit(node, value, context)


def _sum(node: Any, context: Context) -> Value:
    value = _one(node, context)
    if value.type != list_of(INT):
        raise _unfit(node, value, context)
    value = context.simple(node, value)
    acc, item = context.names.new("acc"), context.names.new("item")
    size = f"$reduce({value.text}, function(${acc}, ${item}) {{${acc} + $abs(${item})}}, 0)"
    error = context.guard_text(node, "an integer beyond 2**53")
    text = f"{size} <= {LARGEST} ? $sum({value.text}) : {error}"
    return made(text, INT, value, is_atom=False)


def _extreme(node: Any, context: Context) -> Value:
    if len(node.args) > 1 and not node.keywords:
        value = list_value([context.read(one) for one in node.args])
    else:
        value = _one(node, context)
    if value.type.kind != "list" or not value.type.item.is_number:
        raise _unfit(node, value, context)
    if len(node.args) == 1:
        value = context.simple(node, value)
        message = context.text(f"{node.func.id}() arg is an empty sequence")
        context.check(node, f"$count({value.text}) > 0", ValueError, message, value)
    return made(f"${node.func.id}({value.text})", value.type.item, value)


def _sorted(node: Any, context: Context) -> Value:
    value = _one(node, context)
    if value.type.kind != "list" or not value.type.item.is_number:
        raise _unfit(node, value, context)
    return made(f"$sort({value.text})", value.type, value)


def _abs(node: Any, context: Context) -> Value:
    value = _one(node, context)
    if not value.type.is_number:
        raise _unfit(node, value, context)
    return made(f"$abs({value.text})", value.type, value)


def _str(node: Any, context: Context) -> Value:
    return as_text(node, _one(node, context), context)


def _repr(node: Any, context: Context) -> Value:
    return as_repr(node, _one(node, context), context)


def _int(node: Any, context: Context) -> Value:
    value = _one(node, context)
    if value.type is INT:
        return value
    if value.type is BOOL:
        return made(f"{value.atom} ? 1 : 0", INT, value, is_atom=False)
    if value.type is FLOAT:
        value = context.simple(node, value)
        text = f"{value.atom} < 0 ? $ceil({value.text}) : $floor({value.text})"
        return guarded(node, made(text, INT, value, is_atom=False), context)
    raise _unfit(node, value, context)


def _float(node: Any, context: Context) -> Value:
    value = _one(node, context)
    if not value.type.is_number:
        raise _unfit(node, value, context)
    return Value(value.text, FLOAT, value.is_atom, value.depth, is_guarded=value.is_guarded)


def _bool(node: Any, context: Context) -> Value:
    return truth(node, _one(node, context), context)


def _list(node: Any, context: Context) -> Value:
    if not node.args:
        return list_value([])
    source = node.args[0]
    if isinstance(source, ast.Call):
        name = getattr(source.func, "id", None) or getattr(source.func, "attr", None)
        if name in ("range", "enumerate", "zip", "items", "values", "keys"):
            return _listed(node, source, context)
    value = as_list(node, _one(node, context), context)
    if value.type.kind == "list":
        return value
    raise _unfit(node, value, context)


def _listed(node: Any, source: ast.expr, context: Context) -> Value:
    """Collect what a loop goes over."""
    over = iteration(node, source, context)
    name = context.names.new("result")
    values = over.values
    item = (
        values[0] if len(values) == 1 else list_value(values, tuple_of(*(v.type for v in values)))
    )
    context.block.append(Let(node.lineno, {name: list_value([])}))
    grown = made(f"$append(${name}, {wrapped(item)})", list_of(item.type))
    body: list[Any] = [Let(node.lineno, {name: grown, **over.advance})]
    context.block.append(Loop(node.lineno, [], over.test, body, []))
    return Value(f"${name}", list_of(item.type))


def _dict(node: Any, context: Context) -> Value:
    if not node.args and not node.keywords:
        return Value("{}", Type("dict", (NEVER,)))
    value = _one(node, context)
    if value.type.kind != "dict":
        raise _unfit(node, value, context)
    return value


def _any_all(node: Any, context: Context) -> Value:
    """Lower any and all: of a generator expression by a loop that ends early."""
    is_any = node.func.id == "any"
    source = node.args[0] if node.args else None
    if isinstance(source, ast.GeneratorExp) and len(source.generators) == 1 and not node.keywords:
        begin = Value("false" if is_any else "true", BOOL)

        def fold(_: Value, inner: Context) -> Value:
            return lower_test(source.elt, inner).value

        def ends(acc: Value) -> Value:
            return acc if is_any else made(f"$not({acc.text})", BOOL, acc)

        return Value(f"${folded(source, begin, fold, context, ends)}", BOOL)
    value = _one(node, context)
    if value.type.kind != "list":
        raise _unfit(node, value, context)
    item, acc = context.names.new("item"), context.names.new("acc")
    holds = truth(node, Value(f"${item}", value.type.item), context)
    step = f"${acc} ? true : {holds.atom}" if is_any else f"${acc} ? {holds.atom} : false"
    text = (
        f"$reduce({value.text}, function(${acc}, ${item}) {{{step}}}, "
        f"{'false' if is_any else 'true'})"
    )
    return made(text, BOOL, value, holds)


Lower = Callable[[Any, Context], Value]
FUNCTIONS: dict[str, Lower] = {
    "len": _len,
    "sum": _sum,
    "min": _extreme,
    "max": _extreme,
    "sorted": _sorted,
    "abs": _abs,
    "str": _str,
    "repr": _repr,
    "int": _int,
    "float": _float,
    "bool": _bool,
    "list": _list,
    "dict": _dict,
    "any": _any_all,
    "all": _any_all,
}
