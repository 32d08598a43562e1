"""Lower what makes instances: of dataclasses and named tuples, and copies with other fields."""

from __future__ import annotations

import ast
import dataclasses
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from partita.compile.containers.subscripts import element
from partita.compile.context import Context
from partita.compile.jsonata import joined_type, list_value, literal, made, member, object_value
from partita.compile.tree import Let, Value
from partita.compile.types import (
    ANY,
    FLOAT,
    NUMBER,
    Type,
    UnknownHintError,
    dict_of,
    fits,
    of_hint,
)
from partita.compile.values.definitions import named_value
from partita.compile.values.hints import hinted
from partita.compile.values.tags import tagged


def is_record(found: Any) -> bool:
    """Return whether an object is a class whose instances are compiled."""
    if not isinstance(found, type):
        return False
    return dataclasses.is_dataclass(found) or (issubclass(found, tuple) and found is not tuple)


def type_of(node: ast.AST, cls: Any, context: Context) -> Type:
    """Return the type of a class's instances."""
    try:
        return of_hint(cls)
    except UnknownHintError as error:
        raise context.refuse(node, cls.__name__, f"it has {error}", "use simpler hints") from None


def instance(node: Any, cls: Any, context: Context) -> Value:
    """Lower the call of a dataclass or a named tuple."""
    type = type_of(node, cls, context)
    if type.kind == "tuple":
        return _named_tuple(node, cls, type, context)
    fields = {one.name: one for one in dataclasses.fields(cls)}
    positional = [name for name, one in fields.items() if one.init and not one.kw_only]
    keywords = [name for name, one in fields.items() if one.init]
    given = _given(node, cls, positional, keywords, context)
    has_code = hasattr(cls, "__post_init__")
    members = {}
    for name, wanted in type.fields:
        value = given.get(name)
        if value is None:
            value = _default(node, fields[name], context)
        if value is None and has_code and not fields[name].init:
            value = Value("null", wanted)
        members[name] = fitting(node, f"field {name} of {cls.__name__}", value, wanted, context)
    made = object_value(members, _with_ints(type, members))
    return _completed(node, made, context) if has_code else made


def _with_ints(type: Type, members: dict[str, Value]) -> Type:
    """Return the type of an instance whose floats may be ints, as no hint converts them."""
    fields = tuple(
        (name, NUMBER if wanted is FLOAT and members[name].type is not FLOAT else wanted)
        for name, wanted in type.fields
    )
    return type if fields == type.fields else replace(type, fields=fields)


def fitting(node: Any, what: str, value: Value | None, wanted: Type, context: Context) -> Value:
    """Return a value for a field, or refuse it."""
    if value is not None:
        value = tagged(value, wanted, context)
    if value is None or not fits(value.type, wanted):
        raise context.refuse(
            node,
            what,
            "it is missing, or its type is not the one of the hint",
            f"give a value of type {wanted}",
        )
    if value.type is ANY and wanted is not ANY:
        return hinted(node, value, wanted, context)
    return value


def _completed(node: Any, value: Value, context: Context) -> Value:
    """Run `__post_init__` of a new instance."""
    name = context.names.new("instance")
    python = f"new {name}"
    context.names.name_as(python, name)
    context.block.append(Let(node.lineno, {context.bind(python, value.type): value}))
    owner = ast.copy_location(ast.Name(python, ast.Load()), node)
    function = ast.copy_location(ast.Attribute(owner, "__post_init__", ast.Load()), node)
    context.lower(ast.copy_location(ast.Call(function, [], []), node))
    known = context.variables[python]
    return Value(known.text, known.type)


def _default(node: Any, field: Any, context: Context) -> Value | None:
    if field.default is not dataclasses.MISSING:
        return literal(field.default)
    if field.default_factory is not dataclasses.MISSING:
        if field.default_factory in (list, dict):
            return literal(field.default_factory())
        try:
            return literal(field.default_factory())
        except Exception:
            return None
    return None


def _given(
    node: Any, cls: Any, positional: list[str], keywords: list[str], context: Context
) -> dict[str, Value]:
    given: dict[str, Value] = {}
    for one in node.args:
        parts = _expanded(one, context) if isinstance(one, ast.Starred) else [context.lower(one)]
        for part in parts:
            if len(given) >= len(positional):
                raise context.refuse(node, "arguments", "they are too many", "give each field once")
            given[positional[len(given)]] = part
    for keyword in node.keywords:
        if keyword.arg not in keywords or keyword.arg in given:
            raise context.refuse(node, "arguments", "they do not fit", "give each field once")
        given[keyword.arg] = context.lower(keyword.value)
    return given


def _expanded(node: ast.Starred, context: Context) -> list[Value]:
    value = context.simple(node, context.lower(node.value))
    if value.type.kind != "tuple":
        raise context.refuse(
            node, "* in a call", "the number of its elements is not known", "name the arguments"
        )
    return [
        made(f"{value.text}[{number}]", part, value) for number, part in enumerate(value.type.parts)
    ]


def _named_tuple(node: Any, cls: Any, type: Type, context: Context) -> Value:
    names = [name for name, _ in type.fields]
    given = _given(node, cls, names, names, context)
    values = []
    for name, wanted in type.fields:
        value = given.get(name)
        if value is None and name in cls._field_defaults:
            value = literal(cls._field_defaults[name])
        values.append(fitting(node, f"field {name} of {cls.__name__}", value, wanted, context))
    return list_value(values, type)


def field_of(value: Value, name: str) -> Value | None:
    """Return a field of a named tuple."""
    names = [one for one, _ in value.type.fields]
    if value.type.kind != "tuple" or name not in names:
        return None
    index = literal(names.index(name))
    assert index is not None
    return element(value, index, dict(value.type.fields)[name])


def replaced(node: Any, context: Context) -> Value:
    """Lower `dataclasses.replace(instance, field=...)`."""
    value = context.lower(node.args[0]) if len(node.args) == 1 else None
    if value is None or value.type.kind != "record":
        raise context.refuse(
            node, "replace", "its argument is no dataclass", "give a type hint of a dataclass"
        )
    return with_fields(node, value, node.keywords, context)


def with_fields(node: Any, value: Value, keywords: list[ast.keyword], context: Context) -> Value:
    """Return a copy of an instance with other values of fields."""
    wanted = dict(value.type.fields)
    value = context.simple(node, value)
    changed: dict[str, Value] = {}
    for one in keywords:
        if one.arg not in wanted:
            raise context.refuse(node, f"field {one.arg}", "there is none", "name a field")
        found = context.lower(one.value)
        changed[one.arg] = fitting(one.value, f"field {one.arg}", found, wanted[one.arg], context)
    if value.type.kind == "tuple":
        kept = {name: field_of(value, name) for name in wanted}
        parts = [changed.get(name) or kept[name] for name in wanted]
        return list_value([one for one in parts if one is not None], value.type)
    if hasattr(value.type.cls, "__post_init__"):
        call = ast.Call(node.func, [], _all_fields(node, value, changed, context))
        return instance(ast.copy_location(call, node), value.type.cls, context)
    text = f"$merge([{value.text}, {object_value(changed).text}])"
    return made(text, value.type, value, *changed.values())


def _all_fields(
    node: Any, value: Value, changed: Mapping[str, Value], context: Context
) -> list[ast.keyword]:
    found = []
    for one in dataclasses.fields(value.type.cls):
        if one.init:
            kept = member(value, one.name, dict(value.type.fields)[one.name])
            named = named_value(node, changed.get(one.name, kept), context)
            found.append(ast.keyword(one.name, named))
    return found


def as_dict(node: Any, context: Context) -> Value:
    """Lower `dataclasses.asdict(instance)`."""
    value = context.read(node.args[0]) if len(node.args) == 1 and not node.keywords else None
    if value is None or value.type.kind != "record":
        raise context.refuse(
            node, "asdict", "its argument is no dataclass", "give a type hint of a dataclass"
        )
    return Value(value.text, _plain(value.type), value.is_atom, value.depth)


def _plain(type: Type) -> Type:
    """Return a type with dicts in place of dataclasses."""
    if type.kind == "record" and hasattr(type.cls, "__dataclass_fields__"):
        fields = tuple((name, _plain(one)) for name, one in type.fields)
        return replace(dict_of(joined_type([one for _, one in fields])), fields=fields)
    if type.kind in ("list", "dict", "optional"):
        return replace(type, parts=tuple(map(_plain, type.parts)))
    return type
