"""Lower futures, which are outcomes: `{"value": ...}` or `{"error": ...}`."""

from __future__ import annotations

from typing import Any

from partita.compile.context import Context
from partita.compile.jsonata import made
from partita.compile.tree import Check, Let, Loop, Value
from partita.compile.types import BOOL, ERROR, NEVER, list_of


def result_of(node: Any, future: Value, context: Context) -> Value:
    """Return the result of a future, or raise its error."""
    future = context.simple(node, future)
    condition = Value(f"$exists({future.text}.value)", BOOL)
    error = Value(f"{future.text}.error", ERROR)
    context.block.append(Check(node.lineno, condition, error))
    return made(f"{future.text}.value", future.type.item, future)


def results_of(node: Any, futures: Value, context: Context) -> Value:
    """Return the results of several futures; raise the first error in their order."""
    futures = context.simple(node, futures)
    at = context.let(node, "index", Value("0", NEVER))
    one = context.names.new("future")
    listed = Value(futures.text, list_of(futures.type.item))
    with context.captured() as body:
        values = {one: made(f"{listed.text}[{at.text}]", futures.type.item)}
        context.block.append(
            Let(node.lineno, {**values, at.text[1:]: Value(f"{at.text} + 1", NEVER)})
        )
        condition = Value(f"$exists(${one}.value)", BOOL)
        context.block.append(Check(node.lineno, condition, Value(f"${one}.error", ERROR)))
    test = Value(f"{at.text} < $count({futures.text})", BOOL, False)
    context.block.append(Loop(node.lineno, [], test, body, []))
    item, acc = context.names.new("future"), context.names.new("acc")
    result = futures.type.item.item
    # a result goes into the list as one element, whatever it is
    wrapped = f'($type(${item}.value) = "array" ? [[${item}.value]] : [${item}.value])'
    text = f"$reduce({futures.text}, function(${acc}, ${item}) {{$append(${acc}, {wrapped})}}, [])"
    return made(text, list_of(result), futures)
