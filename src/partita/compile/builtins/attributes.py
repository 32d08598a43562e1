"""Lower `getattr` and `hasattr` with constant names: of exceptions, and of fields of instances."""

from __future__ import annotations

import ast
from typing import Any

from partita.compile.context import Context
from partita.compile.exceptions.attributes import has_attribute
from partita.compile.jsonata import literal
from partita.compile.lowered import located
from partita.compile.operators.conditions import choose
from partita.compile.tree import Value
from partita.compile.types import NEVER
from partita.compile.values.iterables import lowered
from partita.compile.values.special_methods import member_of_class


def lower_getattr(node: Any, context: Context) -> Value:
    """Lower `getattr(value, "name")`, and with a default."""
    owner, name = _parts(node, 3, context)
    if dict(owner.type.fields).get(name, NEVER).is_mutable and owner.type.kind == "record":
        raise context.refuse(node, "getattr", "it would be a second name", f"write .{name}")
    attribute = located(ast.Attribute(lowered(owner, node), name, ast.Load()), node)
    if len(node.args) == 2:
        return context.lower(attribute)
    test = _has(node, owner, name, context)

    def found() -> Value:
        return context.lower(attribute)

    def default() -> Value:
        return context.lower(node.args[2])

    if test.is_constant:
        return found() if test.constant else default()
    return choose(node, test, context, found, default)


def lower_hasattr(node: Any, context: Context) -> Value:
    """Lower `hasattr(value, "name")`."""
    owner, name = _parts(node, 2, context)
    return _has(node, owner, name, context)


def _parts(node: Any, most: int, context: Context) -> tuple[Value, str]:
    """Return whose attribute is asked for, and its name."""
    is_named = 2 <= len(node.args) <= most and isinstance(node.args[1], ast.Constant)
    if node.keywords or not is_named or not isinstance(node.args[1].value, str):
        raise _refused(node, context)
    return context.simple(node, context.read(node.args[0])), node.args[1].value


def _has(node: Any, owner: Value, name: str, context: Context) -> Value:
    found = None
    if owner.type.kind == "error":
        found = has_attribute(name, owner, context)
    elif hasattr(owner.type.cls, "__dataclass_fields__"):
        is_known = name in dict(owner.type.fields) or member_of_class(owner, name) is not None
        found = literal(is_known)
    if found is None:
        raise _refused(node, context)
    return found


def _refused(node: Any, context: Context) -> Exception:
    return context.refuse(
        node,
        ast.unparse(node.func),
        "a state machine has values of JSON, and no objects",
        "use a dataclass and its fields, or an activity",
    )
