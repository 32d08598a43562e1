"""Lower `functools.reduce`: a loop, or one expression where the function is pure."""

from __future__ import annotations

import ast
from typing import Any

from partita.compile.containers.subscripts import element
from partita.compile.containers.unpacking import int_value
from partita.compile.context import Context
from partita.compile.loops.comprehensions import folded, reduced
from partita.compile.lowered import located
from partita.compile.tree import Value
from partita.compile.types import NEVER, join
from partita.compile.values.iterables import iterable, lowered
from partita.compile.values.sequences import sliced

_MOST_ROUNDS = 4


def lower_reduce(node: Any, context: Context) -> Value:
    """Lower `reduce(function, items, initial)`."""
    if not 2 <= len(node.args) <= 3 or node.keywords:
        raise context.refuse(node, "reduce", "its arguments are not compiled", "write a loop")
    items = context.simple(node, iterable(node, node.args[1], context))
    if len(node.args) == 3:
        begin = context.lower(node.args[2])
    else:
        message = context.text("reduce() of empty iterable with no initial value")
        context.check(node, f"$count({items.text}) > 0", TypeError, message, items)
        begin = element(items, int_value(0), items.type.item)
        items = context.simple(node, sliced(node, items, [int_value(1), None, None], context))
    return _reduced(node, items, context.simple(node, begin), context)


def _reduced(node: Any, items: Value, begin: Value, context: Context) -> Value:
    """Lower the rounds; the accumulator has the type of all of them."""
    target = ast.Name("item 1", ast.Store())
    generator = ast.comprehension(target, lowered(items, node), [], 0)
    loop = located(ast.ListComp(ast.Constant(0), [generator]), node)
    type = begin.type
    for _ in range(_MOST_ROUNDS):
        found: list[Value] = []

        def fold(acc: Value, inner: Context, type: Any = type, found: Any = found) -> Value:
            one = lowered(Value(acc.text, type), node)
            call = ast.Call(node.args[0], [one, ast.Name("item 1", ast.Load())], [])
            found.append(inner.lower(located(call, node)))
            made: Value = found[-1]
            return made

        start = Value(begin.text, type, begin.is_atom)
        value = reduced(loop, start, fold, context)
        if value is None:
            found.clear()
            value = Value(f"${folded(loop, start, fold, context)}", NEVER)
        whole = join(type, found[-1].type)
        if whole == type:
            return Value(value.text, type, value.is_atom, value.depth)
        type = whole
    raise context.refuse(node, "reduce", "its type grows with each round", "write a loop")
