"""Lower `Color("red")` and `Color["RED"]`: a member by its value, or by its name."""

from __future__ import annotations

import ast
import enum
from typing import Any

from partita.compile.context import Context
from partita.compile.jsonata import literal, made, object_value
from partita.compile.texts.representations import quoted
from partita.compile.tree import Value
from partita.compile.types import STR, enum_of
from partita.compile.values.enumerations import plain


def by_value(node: Any, cls: Any, context: Context) -> Value:
    """Lower `Color("red")`; raise ValueError if there is no such member."""
    value = context.read(node.args[0]) if len(node.args) == 1 and not node.keywords else None
    found = [one for one in (literal(each.value) for each in cls) if one is not None]
    if value is not None and value.type == enum_of(cls):
        return value
    known = {one.type for one in found}
    if value is None or plain(value).type not in known or _has_own_missing(cls):
        raise context.refuse(
            node,
            f"call of {cls.__name__}",
            "the argument is not of the type of the members' values",
            "give one value, with a type hint",
        )
    value = context.simple(node, value)
    shown = quoted(node, value, context) if value.type is STR else _number(value)
    end = context.text(f" is not a valid {cls.__qualname__}")
    message = made(f"{shown.atom} & {end.text}", STR, shown, is_atom=False)
    texts = ", ".join(one.text for one in found)
    context.check(node, f"{value.atom} in [{texts}]", ValueError, message, value)
    return Value(value.text, enum_of(cls))


def _number(value: Value) -> Value:
    return made(f"$string({value.text})", STR, value)


def _has_own_missing(cls: Any) -> bool:
    kinds = [one for one in cls.__mro__ if one.__module__ != enum.Enum.__module__]
    return any("_missing_" in vars(one) for one in kinds)


def by_name(node: ast.Subscript, cls: Any, context: Context) -> Value:
    """Lower `Color["RED"]`; raise KeyError if there is no such member."""
    key = context.simple(node, context.read(node.slice))
    if key.type is not STR:
        raise context.refuse(node, f"{cls.__name__}[...]", "its names are str", "give a str")
    found = {name: literal(one) for name, one in cls.__members__.items()}
    whole = object_value({name: one for name, one in found.items() if one is not None})
    text = f"$lookup({whole.text}, {key.text})"
    context.check(node, f"$exists({text})", KeyError, quoted(node, key, context), key)
    return made(text, enum_of(cls), key)
