"""Lower attributes, properties and methods that classes of the program give their instances."""

from __future__ import annotations

import ast
import functools
from types import FunctionType, MethodType
from typing import Any

from partita.compile.classes.records import field_of, with_fields
from partita.compile.context import Context
from partita.compile.functions.inlined import inline
from partita.compile.jsonata import joined_type, literal, object_value
from partita.compile.tree import Value
from partita.compile.types import dict_of
from partita.compile.values import enumerations
from partita.compile.values.closures import Function, function_value
from partita.compile.values.definitions import named_value
from partita.compile.values.special_methods import member_of_class


def attribute_of(node: ast.Attribute, value: Value, context: Context) -> Value | None:
    """Return an attribute of an instance that is no field of a dataclass; None: there is none."""
    if value.type.kind == "enum":
        found = enumerations.attribute(node, value, context)
        if found is not None:
            return found
    found = field_of(value, node.attr)
    if found is not None:
        return found
    own = member_of_class(value, node.attr)
    if value.type.kind == "error" and (not isinstance(own, property) or _varies(value, node.attr)):
        return None
    if isinstance(own, property):
        return _called(node, own.fget, node.value, value, context)
    if isinstance(own, functools.cached_property):
        return _called(node, own.func, node.value, value, context)
    is_field = node.attr in dict(value.type.fields)
    return None if own is None or is_field else literal(own)


def _varies(value: Value, name: str) -> bool:
    """Return whether a class derived from an exception's has another member of a name."""
    pending = list(value.type.cls.__subclasses__())
    while pending:
        one = pending.pop()
        if name in vars(one):
            return True
        pending += one.__subclasses__()
    return False


def _called(node: Any, function: Any, owner: ast.expr, value: Value, context: Context) -> Value:
    call = ast.Call(node, [_receiver(owner, value, context)], [])
    ast.copy_location(call, node)
    return inline(call, Function(function.__name__, target=function), context)


def _receiver(owner: ast.expr, value: Value, context: Context) -> ast.expr:
    if isinstance(owner, ast.Name):
        return owner
    return named_value(owner, context.simple(owner, value), context)


def lower_own_method(node: Any, value: Value, context: Context) -> Value | None:
    """Lower the call of a method of the instance's class; None: it has no such method."""
    own = member_of_class(value, node.func.attr)
    if value.type.kind == "tuple" and node.func.attr == "_replace" and not node.args:
        return with_fields(node, value, node.keywords, context)
    if value.type.kind == "tuple" and node.func.attr == "_asdict" and value.type.fields:
        return _as_dict(value, context)
    if isinstance(own, staticmethod):
        return inline(node, Function(node.func.attr, target=own.__func__), context)
    if isinstance(own, classmethod):
        return class_method(node, getattr(value.type.cls, node.func.attr), context)
    if value.type.kind == "error" and _varies(value, node.func.attr):
        return None
    if not isinstance(own, FunctionType) or own.__code__.co_filename == "<string>":
        return None
    receiver = _receiver(node.func.value, value, context)
    call = ast.Call(node.func, [receiver, *node.args], node.keywords)
    ast.copy_location(call, node)
    return inline(call, Function(node.func.attr, target=own), context)


def _as_dict(value: Value, context: Context) -> Value:
    parts = {name: field_of(value, name) for name, _ in value.type.fields}
    found = {name: one for name, one in parts.items() if one is not None}
    return object_value(found, dict_of(joined_type([one.type for one in found.values()])))


def class_method(node: Any, method: MethodType, context: Context) -> Value:
    """Lower the call of a class method: its first argument is the class."""
    owner: Any = method.__self__
    cls = function_value(Function(owner.__name__, target=owner), context)
    call = ast.Call(node.func, [named_value(node, cls, context), *node.args], node.keywords)
    ast.copy_location(call, node)
    return inline(call, Function(method.__name__, target=method.__func__), context)


def super_method(node: Any, context: Context) -> Value | None:
    """Lower `super().method(...)`; None: it is another call."""
    owner = node.func.value if isinstance(node.func, ast.Attribute) else None
    is_super = isinstance(owner, ast.Call) and getattr(owner.func, "id", "") == "super"
    known = context.variables.get("self")
    if not is_super or known is None or known.type.cls is None or not context.frame.path:
        return None
    here = context.frame.path[-1].target.__qualname__.rpartition(".")[0]
    mro = list(known.type.cls.__mro__)
    place = next((n for n, one in enumerate(mro) if one.__qualname__ == here), len(mro))
    for one in mro[place + 1 :]:
        function = vars(one).get(node.func.attr)
        if isinstance(function, FunctionType):
            name = ast.copy_location(ast.Name("self", ast.Load()), node)
            call = ast.copy_location(ast.Call(node.func, [name, *node.args], node.keywords), node)
            return inline(call, Function(node.func.attr, target=function), context)
    return None
