"""Lower futures, which are outcomes: `{"value": ...}` or `{"error": ...}`."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from partita.compile.context import Context
from partita.compile.jsonata import list_value, made, wrapped
from partita.compile.tree import Check, Value
from partita.compile.types import BOOL, ERROR, STR, Type, list_of, optional, tuple_of


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
    check_all(node, futures, context)
    return reduced(futures, "{}.value", futures.type.item.item, context)


def check_all(node: Any, futures: Value, context: Context) -> None:
    """Raise the first error of several futures in their order."""
    acc, item = context.names.new("acc"), context.names.new("future")
    first = (
        f"$reduce({futures.text}, function(${acc}, ${item}) "
        f"{{${acc} = null and $exists(${item}.error) ? ${item}.error : ${acc}}}, null)"
    )
    error = context.let(node, "error", made(first, ERROR, futures))
    condition = Value(f"{error.text} = null", BOOL, False)
    context.block.append(Check(node.lineno, condition, error))


def reduced(items: Value, text: str, type: Type, context: Context) -> Value:
    """Return the list of an expression over each item; `text` has `{}` for the item."""
    acc, item = context.names.new("acc"), context.names.new("future")
    one = wrapped(Value(text.format(f"${item}"), type))
    whole = f"$reduce({items.text}, function(${acc}, ${item}) {{$append(${acc}, {one})}}, [])"
    return made(whole, list_of(type), items)


def settled(node: Any, value: Value, context: Context) -> Value:
    """Return an argument with the results of the futures in it, or raise their first error."""
    kind = value.type.kind
    if not _holds_futures(value.type):
        return value
    if kind == "future":
        return result_of(node, value, context)
    value = context.simple(node, value)
    if kind == "list" and value.type.item.kind == "future":
        return results_of(node, value, context)
    if kind == "tuple":
        parts = [
            settled(node, made(f"{value.text}[{number}]", part, value), context)
            for number, part in enumerate(value.type.parts)
        ]
        return list_value(parts, tuple_of(*(one.type for one in parts)))
    raise context.refuse(
        node,
        f"argument of type {value.type}",
        "futures deep inside an argument are not waited for in a state machine",
        "pass their results",
    )


def _holds_futures(type: Type) -> bool:
    return type.kind == "future" or any(map(_holds_futures, type.parts))


def known_list(values: list[Value]) -> Value:
    """Return a list whose length is known; its type has all of its elements' types."""
    types = [one.type for one in values]
    if types and types.count(types[0]) == len(types):
        return list_value(values, replace(list_of(types[0]), cls=len(types)))
    return list_value(values, replace(tuple_of(*types), cls=list))


def errors_of(futures: Value, context: Context, begin: str = "[]") -> Value:
    """Return the list of the errors of futures, after those of another list."""
    acc, item = context.names.new("acc"), context.names.new("future")
    text = (
        f"$reduce({futures.text}, function(${acc}, ${item}) "
        f"{{$exists(${item}.error) ? $append(${acc}, ${item}.error) : ${acc}}}, {begin})"
    )
    return made(text, list_of(ERROR), futures)


def reduced_if_any(futures: Value, type: Type, context: Context) -> Value:
    """Return the list of the results of futures, with None for those that failed."""
    text = "$exists({0}.value) ? {0}.value : null"
    return reduced(futures, f"({text})", optional(type), context)


def group_error(text: Value, errors: Value, context: Context) -> Value:
    """Return an ExceptionGroup of a list of errors, which is not empty."""
    count = f"$count({errors.text})"
    ending = f'({count} = 1 ? " sub-exception)" : " sub-exceptions)")'
    message = f'{text.text} & " (" & $string({count}) & {ending}'
    error = context.error(ExceptionGroup, made(message, STR, errors, is_atom=False))
    members = f'{error.text[:-1]}, "text": {text.text}, "exceptions": {errors.text}}}'
    return replace(error, text=members, type=replace(ERROR, cls=ExceptionGroup))
