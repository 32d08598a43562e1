"""Lower what lists, tuples, texts and dicts have in common: their items, and parts of them."""

from __future__ import annotations

import ast
from collections.abc import Sequence

from partita.compile.context import Context
from partita.compile.jsonata import list_value, literal, made, wrapped
from partita.compile.templates import fill
from partita.compile.tree import Value
from partita.compile.types import ANY, INT, NEVER, NONE, STR, Type, join, list_of
from partita.compile.values.characters import EVERY
from partita.compile.values.dicts import key_of
from partita.compile.values.dynamic import present

CHARACTERS = f"$append([], $match(@s, {EVERY}).match)"
_ITERABLE = '$type(@x) in ["array", "object", "string"]'
_ITEMS = (
    '($type(@x) = "array" ? @x : $type(@x) = "object" ? $append([], $keys(@x)) : '
    + CHARACTERS.replace("@s", "@x")
    + ")"
)


def characters(node: ast.AST, value: Value, context: Context) -> Value:
    """Return the list of a text's characters."""
    return fill(node, context, CHARACTERS, list_of(STR), s=value)


def as_list(node: ast.AST, value: Value, context: Context) -> Value:
    """Return the items of a value as a list; the value itself if it is none that is gone over."""
    value = present(node, value, context, TypeError, "'NoneType' object is not iterable")
    kind = value.type.kind
    if kind == "str":
        return characters(node, value, context)
    if kind == "dict":
        keys = made(f"$append([], $keys({value.text}))", list_of(STR), value)
        if isinstance(value.type.key, type):
            return made(keys.text, list_of(key_of(value.type)), value)
        if value.type.key == "int":
            return made(
                f"$append([], $map({keys.text}, function($text) {{$number($text)}}))",
                list_of(INT),
                keys,
            )
        return keys
    if kind == "row":
        return Value(value.text, list_of(value.type.item), value.is_atom, value.depth)
    if kind == "tuple":
        item = NEVER
        for part in value.type.parts:
            item = join(item, part)
        return Value(value.text, list_of(item), value.is_atom, value.depth)
    if kind == "any":
        value = context.simple(node, value)
        test = fill(node, context, _ITERABLE, ANY, x=value)
        context.check(node, test.text, TypeError, context.text("object is not iterable"), value)
        return fill(node, context, _ITEMS, list_of(ANY), x=value)
    return value


def texts_joined(value: Value) -> Value:
    """Return the text of a list of characters."""
    return made(f"$join({value.text})", STR, value)


# -- slices

_AT = "(@n < 0 ? $max([0, @n + @z]) : @n)"
_DOWN_FROM = "(@n < 0 ? @n + @z : $min([@n, @z - 1]))"
_DOWN_TO = "(@n < 0 ? $max([-1, @n + @z]) : @n)"


def sliced(node: ast.AST, owner: Value, bounds: Sequence[Value | None], context: Context) -> Value:
    """Return a part of a list, a text or a tuple; bounds are ints, None or not given."""
    if owner.type is STR:
        items = context.simple(node, characters(node, owner, context))
        return texts_joined(sliced(node, items, bounds, context))
    step = bounds[2]
    by = 1 if step is None or step.type is NONE else step.constant
    ends = [None if one is None or one.type is NONE else one for one in bounds[:2]]
    if ends == [None, None] and by == 1:
        return owner
    if ends == [None, None] and by == -1:
        return made(f"$reverse({owner.text})", owner.type, owner)
    owner = context.simple(node, owner)
    kept = [None if one is None else context.simple(node, one) for one in ends]
    return _reduced(node, owner, kept[0], kept[1], by, context)


def _reduced(
    node: ast.AST, owner: Value, start: Value | None, stop: Value | None, by: int, context: Context
) -> Value:
    item, number = Value("~item", owner.type.item), "~number"
    size = made(f"$count({owner.text})", INT, owner)
    values = {"z": size}
    tests = []
    if start is not None:
        values["b"] = _place(node, _AT if by > 0 else _DOWN_FROM, start, size, context)
        tests.append(f"{number} {'>=' if by > 0 else '<='} @b")
    if stop is not None:
        values["e"] = _place(node, _AT if by > 0 else _DOWN_TO, stop, size, context)
        tests.append(f"{number} {'<' if by > 0 else '>'} @e")
    if abs(by) > 1:
        begin = "@b" if start is not None else ("0" if by > 0 else "(@z - 1)")
        away = f"{number} - {begin}" if by > 0 else f"{begin} - {number}"
        tests.append(f"({away}) % {abs(by)} = 0")
    grown = f"$append(~acc, {wrapped(item)})" if by > 0 else f"$append({wrapped(item)}, ~acc)"
    template = (
        f"$reduce(@x, function(~acc, ~item, {number}) "
        f"{{{' and '.join(tests)} ? {grown} : ~acc}}, [])"
    )
    return fill(node, context, template, owner.type, x=owner, **values)


def _place(node: ast.AST, template: str, bound: Value, size: Value, context: Context) -> Value:
    """Return a bound of a slice as a place within the list."""
    if template == _AT and bound.is_constant and bound.constant >= 0:
        return bound
    return fill(node, context, template, INT, n=bound, z=size)


def tuple_slice(owner: Value, node: ast.Slice) -> Value | None:
    """Return a part of a tuple whose bounds are constants; None if they are not."""
    bounds: list[int | None] = []
    for one in (node.lower, node.upper, node.step):
        try:
            found = None if one is None else ast.literal_eval(one)
        except ValueError:
            return None
        if found is not None and not isinstance(found, int):
            return None
        bounds.append(found)
    numbers = range(len(owner.type.parts))[slice(*bounds)]
    parts = [made(f"{owner.text}[{number}]", owner.type.parts[number], owner) for number in numbers]
    return list_value(parts, Type("tuple", tuple(one.type for one in parts)))


def zero() -> Value:
    """Return the constant 0."""
    found = literal(0)
    assert found is not None
    return found
