"""Call the special methods that classes of the program define, such as `__str__` and `__eq__`."""

from __future__ import annotations

import ast
import inspect
from types import FunctionType
from typing import Any

from partita.compile.context import Context
from partita.compile.tree import Value
from partita.compile.values.definitions import named_value

COMPARISONS: dict[type, tuple[str, str]] = {
    ast.Eq: ("__eq__", "__eq__"),
    ast.Lt: ("__lt__", "__gt__"),
    ast.LtE: ("__le__", "__ge__"),
    ast.Gt: ("__gt__", "__lt__"),
    ast.GtE: ("__ge__", "__le__"),
}
"""Operators by the special methods of the left operand, and of the right one."""
OPERATORS: dict[type, str] = {
    ast.Add: "__add__",
    ast.Sub: "__sub__",
    ast.Mult: "__mul__",
    ast.FloorDiv: "__floordiv__",
    ast.Div: "__truediv__",
    ast.Mod: "__mod__",
    ast.BitOr: "__or__",
    ast.BitAnd: "__and__",
}


_PYTHON_OWN = ("enum", "typing", "dataclasses", "reprlib", "collections")


def member_of_class(value: Value, name: str) -> Any:
    """Return what the class of an instance has by a name, as it is written there."""
    cls = value.type.cls
    if value.type.kind == "error" and isinstance(cls, type) and not name.startswith("__"):
        return inspect.getattr_static(cls, name, None)
    if value.type.kind not in ("record", "enum", "tuple") or not isinstance(cls, type):
        return None
    return inspect.getattr_static(cls, name, None)


def has_own(value: Value, name: str) -> bool:
    """Return whether code of the program defines a method of a value's class."""
    own = member_of_class(value, name)
    if not isinstance(own, FunctionType) or own.__code__.co_filename == "<string>":
        return False
    return own.__globals__.get("__name__") not in _PYTHON_OWN


def special(node: Any, value: Value, name: str, args: list[Value], context: Context) -> Value:
    """Call a special method of a value."""
    owner = named_value(node, context.simple(node, value), context)
    function = ast.copy_location(ast.Attribute(owner, name, ast.Load()), node)
    given = [named_value(node, context.simple(node, one), context) for one in args]
    return context.lower(ast.copy_location(ast.Call(function, given, []), node))


def by_method(
    node: ast.expr, op: ast.cmpop, left: Value, right: Value, context: Context
) -> Value | None:
    """Compare by special methods of the program; None: it defines none."""
    if isinstance(op, ast.In | ast.NotIn):
        owner, other, name = right, left, "__contains__"
    elif type(op) in COMPARISONS:
        owner, other, name = left, right, COMPARISONS[type(op)][0]
        if not has_own(owner, name):
            owner, other, name = right, left, COMPARISONS[type(op)][1]
    else:
        return None
    return special(node, owner, name, [other], context) if has_own(owner, name) else None
