"""Unpack values into the names of targets, nested and with `*rest`, as Python does."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Any

from partita.compile.containers.subscripts import element
from partita.compile.context import Context
from partita.compile.jsonata import list_value, literal, made, wrapped
from partita.compile.tree import Value
from partita.compile.types import NEVER, STR, Type
from partita.compile.values.sequences import as_list

Target = ast.Name | ast.Attribute | ast.Subscript


def unpacked(target: ast.expr, value: Value, context: Context) -> Iterator[tuple[Target, Value]]:
    """Return the single targets of a target, and their values; raise ValueError if they differ."""
    if isinstance(target, ast.Name | ast.Attribute | ast.Subscript):
        yield target, value
        return
    if not isinstance(target, ast.Tuple | ast.List):
        raise context.refuse(target, "assignment", "it is no target", "assign to a name")
    kept = context.simple(target, value)
    for one, part in zip(target.elts, parts_of(target, kept, context), strict=True):
        yield from unpacked(one.value if isinstance(one, ast.Starred) else one, part, context)


def parts_of(target: ast.Tuple | ast.List, value: Value, context: Context) -> list[Value]:
    """Return the values of the elements of a target."""
    stars = [number for number, one in enumerate(target.elts) if isinstance(one, ast.Starred)]
    count, at = len(target.elts), stars[0] if stars else None
    if value.type is NEVER:
        return [Value("null", NEVER)] * count
    if value.type.kind == "tuple":
        return _of_tuple(target, value, count, at, context)
    value = context.simple(target, as_list(target, value, context))
    if value.type.kind != "list":
        raise _unknown(target, value, count, context)
    return _of_list(target, value, count, at, context)


def _unknown(target: ast.AST, value: Value, count: int, context: Context) -> Exception:
    return context.refuse(
        target,
        f"unpacking of {value.type} to {count} names",
        "the number of its elements is not known, or another one",
        "give a type hint such as tuple[int, str]",
    )


def _at(value: Value, number: int, type: Type) -> Value:
    index = literal(number)
    assert index is not None
    return element(value, index, type)


def _of_tuple(
    target: ast.AST, value: Value, count: int, at: int | None, context: Context
) -> list[Value]:
    parts = value.type.parts
    if at is None:
        if len(parts) != count:
            raise _unknown(target, value, count, context)
        return [_at(value, number, one) for number, one in enumerate(parts)]
    after = count - at - 1
    if len(parts) < count - 1:
        raise _unknown(target, value, count, context)
    every = [_at(value, number, one) for number, one in enumerate(parts)]
    middle = every[at : len(parts) - after]
    return [*every[:at], list_value(middle), *every[len(parts) - after :]]


def _of_list(
    target: Any, value: Value, count: int, at: int | None, context: Context
) -> list[Value]:
    size = f"$count({value.text})"
    item = value.type.item
    few = _message("not enough values to unpack (expected {0}, got {1})", size, count, at)
    if at is None:
        many = context.text(f"too many values to unpack (expected {count})")
        text = f"{size} < {count} ? {few.text} : {many.text}"
        message = made(text, STR, value, is_atom=False)
        if value.type.cls != count:  # which is the length, if that is known
            context.check(target, f"{size} = {count}", ValueError, message, value)
        return [_at(value, number, item) for number in range(count)]
    context.check(target, f"{size} >= {count - 1}", ValueError, few, value)
    after = count - at - 1
    begin = [_at(value, number, item) for number in range(at)]
    end = [_at(value, number - after, item) for number in range(after)]
    return [*begin, between(value, f"{at}", f"{size} - {after}", context), *end]


def _message(text: str, size: str, count: int, at: int | None) -> Value:
    expected = f"{count}" if at is None else f"at least {count - 1}"
    head, _, tail = text.format(expected, "|").partition("|")
    return Value(f'"{head}" & $string({size}) & "{tail}"', STR, False)


def between(value: Value, begin: str, end: str, context: Context) -> Value:
    """Return the elements of a list from one index to another, both counted from its begin."""
    acc, item, number = (context.names.new(stem) for stem in ("acc", "item", "index"))
    kept = wrapped(Value(f"${item}", value.type.item))
    text = (
        f"$reduce({value.text}, function(${acc}, ${item}, ${number}) "
        f"{{${number} >= {begin} and ${number} < {end} ? $append(${acc}, {kept}) : ${acc}}}, [])"
    )
    return made(text, value.type, value)


def int_value(number: int) -> Value:
    """Return a constant int."""
    found = literal(number)
    assert found is not None
    return found
