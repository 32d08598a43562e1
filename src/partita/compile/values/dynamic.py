"""Find out at run time what a value is whose type is not known, or which may be None.

JSON's types tell texts, numbers, lists, dicts, bools and None apart, but not 1 from 1.0.
"""

from __future__ import annotations

import ast
import json

from partita.compile.context import Context
from partita.compile.jsonata import made
from partita.compile.tree import Value
from partita.compile.types import ANY, BOOL, INT, NUMBER, STR, Type, dict_of, list_of

_JSON_TYPES = {
    "str": ("string",),
    "number": ("number", "boolean"),
    "bool": ("boolean",),
    "list": ("array",),
    "dict": ("object",),
}
_TYPES = {
    "str": STR,
    "number": NUMBER,
    "bool": BOOL,
    "list": list_of(ANY),
    "dict": dict_of(ANY),
}


def opened(value: Value) -> Value:
    """Return a value of a union as one whose type is seen at run time."""
    if value.type.is_plain_union:
        return Value(value.text, ANY, value.is_atom, value.depth, is_guarded=value.is_guarded)
    return value


def is_open(value: Value) -> bool:
    """Return whether a value's type is only known at run time."""
    return value.type.kind in ("any", "optional", "union")


def has_type(value: Value, *kinds: str) -> str:
    """Return the condition that a value is of one of some types."""
    names = [name for kind in kinds for name in _JSON_TYPES[kind]]
    if len(names) == 1:
        return f'$type({value.text}) = "{names[0]}"'
    return f"$type({value.text}) in {json.dumps(names)}"


def as_kind(value: Value, kind: str) -> Value:
    """Return a value that is known to be of a type, as that; bools become numbers."""
    if kind == "number":
        text = f"({value.atom} = true ? 1 : {value.atom} = false ? 0 : {value.atom})"
        return made(text, NUMBER, value)
    return Value(value.text, _TYPES[kind], value.is_atom, value.depth)


def narrowed(
    node: ast.AST,
    value: Value,
    wanted: Type,
    context: Context,
    error: type = TypeError,
    message: str = "the value is not of a type that fits",
) -> Value:
    """Return a value as of a type, or raise an error where it is another one."""
    value = opened(value)
    if value.type.kind == "optional":
        value = context.simple(node, value)
        context.check(node, f"{value.atom} != null", error, context.text(message), value)
        return narrowed(node, as_item(value), wanted, context, error, message)
    if value.type is not ANY:
        return value
    value = context.simple(node, value)
    if wanted is INT:
        return _whole(node, value, context, error, message)
    kind = "number" if wanted.is_number else wanted.kind
    context.check(node, has_type(value, kind), error, context.text(message), value)
    return as_kind(value, kind)


def text_key(node: ast.AST, key: Value, context: Context) -> Value:
    """Return the key of a dict of which it is seen at run time that it is a text."""
    key = context.simple(node, key)
    error = context.guard_text(node, "a key of a dict that is no text")
    text = f'$type({key.text}) = "string" ? {key.atom} : {error}'
    return made(text, STR, key, is_atom=False)


def as_item(value: Value) -> Value:
    """Return a value that may be None, as one that is not."""
    return Value(value.text, value.type.item, value.is_atom, value.depth)


def present(
    node: ast.AST,
    value: Value,
    context: Context,
    error: type = TypeError,
    message: str = "the value is None",
) -> Value:
    """Return a value that may be None, or raise an error where it is."""
    value = opened(value)
    if value.type.kind != "optional":
        return value
    return narrowed(node, value, ANY, context, error, message)


def _whole(node: ast.AST, value: Value, context: Context, error: type, message: str) -> Value:
    """Return a number that an int is wanted of: one without a fraction is taken for an int."""
    test = f'$type({value.text}) = "number" ? $floor({value.text}) = {value.atom} : '
    test += f'$type({value.text}) = "boolean"'
    context.check(node, test, error, context.text(message), value)
    return Value(as_kind(value, "number").text, INT)
