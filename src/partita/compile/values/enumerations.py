"""Lower enums: a member is the JSON of its value; what else it has is in tables of constants."""

from __future__ import annotations

import ast
import enum
from collections.abc import Callable
from typing import Any

from partita.compile.context import Context
from partita.compile.jsonata import joined_type, list_value, literal, made, object_value
from partita.compile.tree import Value
from partita.compile.types import INT, STR


def is_enum(found: Any) -> bool:
    """Return whether an object is a class of enums with members."""
    return isinstance(found, type) and issubclass(found, enum.Enum) and bool(found.__members__)


def members(cls: Any) -> Value:
    """Return the list of all members."""
    return list_value([one for one in map(literal, cls) if one is not None])


def plain(value: Value) -> Value:
    """Return a member of an enum that is a str or an int, as that; other values as they are."""
    if value.type.kind != "enum":
        return value
    for base, type in ((str, STR), (int, INT)):
        if issubclass(value.type.cls, base):
            return Value(value.text, type, value.is_atom, value.depth, is_guarded=value.is_guarded)
    return value


def attribute(node: ast.Attribute, value: Value, context: Context) -> Value | None:
    """Return an attribute of a member, which is a constant for each; None: it is none."""
    cls = value.type.cls
    if node.attr == "value":
        found = [literal(one.value) for one in cls]
        type = joined_type([one.type for one in found if one is not None])
        return Value(value.text, type, value.is_atom, value.depth, is_guarded=value.is_guarded)
    if callable(getattr(next(iter(cls)), node.attr, print)):
        return None
    return table(value, lambda one: getattr(one, node.attr))


def table(value: Value, of: Callable[[Any], Any]) -> Value | None:
    """Return what a function gives for a member; None if it gives no JSON."""
    found: dict[str, Value] = {}
    for one in value.type.cls:
        result = literal(of(one))
        if result is None:
            return None
        found[_key(one)] = result
    if value.is_constant:
        return found[str(value.constant)]
    whole = object_value(found)
    key = value.text if _is_text(value.type.cls) else f"$string({value.text})"
    text = f"$lookup({whole.text}, {key})"
    return made(text, joined_type([one.type for one in found.values()]), value)


def _key(member: Any) -> str:
    return str(member.value)


def _is_text(cls: Any) -> bool:
    return all(isinstance(one.value, str) for one in cls)
