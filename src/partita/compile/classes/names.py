"""Lower `type(value).__name__` and `value.__class__.__name__`, the name of a value's class."""

from __future__ import annotations

import ast

from partita.compile.context import Context
from partita.compile.jsonata import made
from partita.compile.names.objects import target
from partita.compile.templates import fill
from partita.compile.tree import Value
from partita.compile.types import ANY, NEVER, STR

_CLASSES = frozenset(["str", "int", "bool", "float", "list", "dict", "tuple", "set", "none"])
_NAMES = {"none": "NoneType", "row": "tuple"}
_OPEN_NAME = (
    '($type(@x) = "string" ? "str" : $type(@x) = "boolean" ? "bool" : $type(@x) = "array" ? "list" '
    ': $type(@x) = "object" ? "dict" : $type(@x) = "null" ? "NoneType" : '
    '$floor(@x) = @x ? @guard : "float")'
)


def type_name(node: ast.Attribute, context: Context) -> Value | None:
    """Lower `type(value).__name__`; None: it is another attribute."""
    if node.attr not in ("__name__", "__qualname__"):
        return None
    owner = _owner(node.value, context)
    if owner is None:
        found = target(node.value, context)
        return context.text(getattr(found, node.attr)) if isinstance(found, type) else None
    return _name_of(node, context.read(owner), context)


def _name_of(node: ast.Attribute, value: Value, context: Context) -> Value | None:
    kind = value.type.kind
    if value.type is NEVER:
        return Value("null", NEVER)
    if kind == "error":
        return made(f"{value.atom}.type", STR, value)
    if kind in ("enum", "tuple") and isinstance(value.type.cls, type):
        return context.text(getattr(value.type.cls, node.attr))
    if kind in _CLASSES or kind == "row":
        return context.text(_NAMES.get(kind, kind))
    if kind == "record":
        is_dict = not hasattr(value.type.cls, "__dataclass_fields__")
        return context.text("dict" if is_dict else getattr(value.type.cls, node.attr))
    guard = "the class of a number without a hint, which may be an int or a float"
    if value.type is ANY or kind == "number":
        return fill(node, context, _OPEN_NAME, STR, guard, x=value)
    if kind != "optional":
        return None
    value = context.simple(node, value)
    name = _name_of(node, Value(value.text, value.type.item), context)
    if name is None:
        return None
    return made(f'({value.text} = null ? "NoneType" : {name.atom})', STR, value, name)


def _owner(node: ast.expr, context: Context) -> ast.expr | None:
    if isinstance(node, ast.Call) and target(node.func, context) is type and len(node.args) == 1:
        return node.args[0]
    if isinstance(node, ast.Attribute) and node.attr == "__class__":
        return node.value
    return None
