"""Lower `in`: keys of dicts, parts of texts, and items that are equal."""

from __future__ import annotations

import ast

from partita.compile.context import Context
from partita.compile.jsonata import key_text, made
from partita.compile.operators.equality import (
    equal,
    incomparable,
    item_or_self,
    same,
    way_of,
)
from partita.compile.templates import fill
from partita.compile.tree import Value
from partita.compile.types import ANY, BOOL, NEVER, STR
from partita.compile.values.dicts import takes_key
from partita.compile.values.dynamic import is_open, narrowed, present
from partita.compile.values.sets import has


def contains(node: ast.AST, item: Value, container: Value, context: Context) -> Value:
    """Return whether a container has an item."""
    container = present(node, container, context, TypeError, "'NoneType' is not iterable")
    kind = container.type.kind
    if kind == "any":
        return _open_contains(node, item, container, context)
    if kind == "dict":
        return _has_key(node, item, container, context)
    if kind == "str":
        if item.type is not STR:
            message = "'in <string>' requires string as left operand"
            item = narrowed(node, item, STR, context, TypeError, message)
        if item.type is STR:
            text = f'{item.atom} = "" ? true : $contains({container.text}, {item.text})'
            return made(text, BOOL, item, container, is_atom=False)
    if kind == "set":
        return has(node, container, item, context)
    if kind in ("list", "row", "tuple"):
        found = _has_item(node, item, container, context)
        if found is not None:
            return found
    if kind == "record" and not hasattr(container.type.cls, "__dataclass_fields__"):
        return _has_key(node, item, container, context)
    raise context.refuse(
        node,
        f"{item.type} in {container.type}",
        "a state machine does not compare them as Python does",
        "use a loop with ==",
    )


def _has_key(node: ast.AST, item: Value, container: Value, context: Context) -> Value:
    if container.type.kind != "dict" or takes_key(container.type, item.type):
        if item.type.kind in ("str", "int", "enum"):
            text = f"$exists($lookup({container.text}, {key_text(item)}))"
            return made(text, BOOL, item, container)
    if is_open(item) and container.type.key == "str":
        item = context.simple(node, item)
        test = f"$not($type({item.text}) in {_UNHASHABLE})"
        context.check(node, test, TypeError, context.text("unhashable type"), item)
        template = '($type(@i) = "string" ? $exists($lookup(@d, @i)) : false)'
        return fill(node, context, template, BOOL, i=item, d=container)
    if item.type.kind == "bool" or is_open(item):
        raise incomparable(node, item, container, context)
    return Value("false", BOOL)


def _has_item(node: ast.AST, item: Value, container: Value, context: Context) -> Value | None:
    if container.type.kind == "list" and container.type.item is NEVER:
        return Value("false", BOOL)
    if container.type.kind == "tuple":
        return _in_tuple(node, item, container, context)
    element = container.type.item
    scalars = ("int", "float", "number")
    if (item.type.kind in scalars and element.kind in scalars) or item.type == element == STR:
        return made(f"{item.atom} in {container.atom}", BOOL, item, container, is_atom=False)
    if way_of(item_or_self(item.type), item_or_self(element)) == "refused":
        return None
    test = same(node, Value("~one", element), Value("@i", item.type), context)
    if test is None:
        return None
    template = f"$reduce(@x, function(~has, ~one) {{~has ? true : {test.atom}}}, false)"
    return fill(node, context, template, BOOL, x=container, i=item)


def _in_tuple(node: ast.AST, item: Value, container: Value, context: Context) -> Value | None:
    """Return whether a tuple has an item; each of its parts has a type of its own."""
    kept, item = context.simple(node, container), context.simple(node, item)
    tests = []
    for number, type in enumerate(container.type.parts):
        part = made(f"{kept.text}[{number}]", type, kept)
        if way_of(item_or_self(item.type), item_or_self(type)) == "refused":
            return None
        tests.append(equal(node, part, item, context))
    text = " or ".join(one.atom for one in tests) or "false"
    return made(f"({text})", BOOL, *tests)


_UNHASHABLE = '["array", "object"]'
_OPEN_CONTAINS = (
    '($type(@x) = "array" ? $reduce(@x, function(~has, ~one) {~has ? true : SAME}, false) : '
    '$type(@x) = "object" ? ($type(@i) = "string" ? $exists($lookup(@x, @i)) : false) : '
    '@i = "" ? true : $contains(@x, @i))'
)


def _open_contains(node: ast.AST, item: Value, container: Value, context: Context) -> Value:
    container, item = context.simple(node, container), context.simple(node, item)
    message = context.text("the argument is not iterable")
    test = f'$type({container.text}) in ["array", "object"]'
    test += f' or ($type({container.text}) = "string" and $type({item.text}) = "string")'
    context.check(node, test, TypeError, message, container, item)
    if item.type is ANY:
        plain = f'$type({container.text}) = "array" or $not($type({item.text}) in {_UNHASHABLE})'
        context.check(node, plain, TypeError, context.text("unhashable type"), container, item)
    match = same(node, Value("~one", ANY), Value("@i", item.type), context)
    if match is None or way_of(ANY, item_or_self(item.type)) == "refused":
        raise incomparable(node, item, container, context)
    template = _OPEN_CONTAINS.replace("SAME", match.atom)
    if item.type is not STR:
        template = template.replace("$contains(@x, @i)", "$contains(@x, $string(@i))")
    return fill(node, context, template, BOOL, x=container, i=item)
