"""Lower `type(value).__name__`, the name of a value's class."""

from __future__ import annotations

import ast

from partita.compile.context import Context
from partita.compile.module_names import target
from partita.compile.templates import fill
from partita.compile.tree import Value
from partita.compile.types import ANY, STR

_CLASSES = frozenset(["str", "int", "bool", "float", "list", "dict", "tuple", "set", "none"])
_NAMES = {"none": "NoneType", "row": "tuple"}
_OPEN_NAME = (
    '($type(@x) = "string" ? "str" : $type(@x) = "boolean" ? "bool" : $type(@x) = "array" ? "list" '
    ': $type(@x) = "object" ? "dict" : $type(@x) = "null" ? "NoneType" : '
    '$floor(@x) = @x ? @guard : "float")'
)


def type_name(node: ast.Attribute, context: Context) -> Value | None:
    """Lower `type(value).__name__`; None: it is another attribute."""
    call = node.value
    if node.attr not in ("__name__", "__qualname__") or not isinstance(call, ast.Call):
        return None
    if target(call.func, context) is not type or len(call.args) != 1 or call.keywords:
        return None
    value = context.read(call.args[0])
    kind = value.type.kind
    if kind in _CLASSES or kind == "row":
        return context.text(_NAMES.get(kind, kind))
    if kind == "record":
        is_dict = not hasattr(value.type.cls, "__dataclass_fields__")
        return context.text("dict" if is_dict else value.type.cls.__name__)
    guard = "the class of a number without a hint, which may be an int or a float"
    if value.type is ANY or kind == "number":
        return fill(node, context, _OPEN_NAME, STR, guard, x=value)
    if kind == "optional" and value.type.item.kind in _CLASSES:
        name = context.text(_NAMES.get(value.type.item.kind, value.type.item.kind))
        return fill(node, context, '(@x = null ? "NoneType" : @n)', STR, x=value, n=name)
    return None
