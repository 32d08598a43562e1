"""Lower displays of lists, tuples and dicts, with `*` and `**` in them."""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from partita.compile.containers.changes import as_list
from partita.compile.containers.subscripts import element
from partita.compile.context import Context
from partita.compile.jsonata import key_text, list_value, literal, made, object_value
from partita.compile.tree import Value
from partita.compile.types import NEVER, Type, dict_of, join, kind_of_key, list_of, tuple_of
from partita.compile.values.dicts import takes_key
from partita.compile.values.tags import same_tags

_Lower = Callable[[ast.expr, Context], Value]


def _lowered(node: ast.expr, context: Context) -> Value:
    return context.lower(node)


def list_display(
    node: Any, context: Context, lower: _Lower = _lowered, lower_starred: _Lower = as_list
) -> Value:
    """Lower `[...]`."""
    if not any(isinstance(one, ast.Starred) for one in node.elts):
        return list_value(same_tags([lower(one, context) for one in node.elts], context))
    parts: list[Value] = [list_value([])]
    item: Type = NEVER
    single: list[Value] = []
    for one in node.elts:
        if isinstance(one, ast.Starred):
            parts += [list_value(single), lower_starred(one.value, context)]
            single = []
        else:
            single.append(lower(one, context))
    parts.append(list_value(single))
    text = "[]"
    for part in [one for one in parts if one.text != "[]"]:
        item = join(item, part.type.item) if part.type.kind == "list" else item
        text = f"$append({text}, {part.text})"
    return made(text, list_of(item), *parts)


def tuple_display(node: Any, context: Context) -> Value:
    """Lower `(...)`."""
    values: list[Value] = []
    for one in node.elts:
        if isinstance(one, ast.Starred):
            values += _elements(one, context)
        else:
            values.append(context.lower(one))
    return list_value(values, tuple_of(*(one.type for one in values)))


def _elements(node: ast.Starred, context: Context) -> list[Value]:
    value = context.simple(node, context.lower(node.value))
    if value.type.kind != "tuple":
        raise context.refuse(
            node, "* in a tuple", "the number of its elements is not known", "make a list"
        )
    indices = [literal(number) for number in range(len(value.type.parts))]
    return [
        element(value, index, part)
        for index, part in zip(indices, value.type.parts, strict=True)
        if index is not None
    ]


def _read(node: ast.expr, context: Context) -> Value:
    return context.read(node)


def dict_display(
    node: Any, context: Context, lower: _Lower = _lowered, lower_starred: _Lower = _read
) -> Value:
    """Lower `{...}`."""
    groups: list[Value] = []
    members: dict[str, Value] = {}
    for key, one in zip(node.keys, node.values, strict=True):
        found = _constant_key(key, context)
        if found is not None and found not in members:
            members[found] = lower(one, context)
            continue
        groups += [object_value(members)] if members else []
        members = {}
        if key is None:
            groups.append(_merged(one, lower_starred(one, context), context))
        elif found is not None:
            members[found] = lower(one, context)
        else:
            groups.append(_member(key, one, lower, context))
    groups += [object_value(members)] if members or not groups else []
    if len(groups) == 1:
        return groups[0]
    type: Type = NEVER
    for group in groups:
        type = join(type, replace(group.type, fields=(), default=None))
    if type.kind != "dict":
        raise context.refuse(node, "keys of a dict", "some are str, some int", "use str(...)")
    return made(f"$merge([{', '.join(one.text for one in groups)}])", type, *groups)


def _constant_key(node: ast.expr | None, context: Context) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def _merged(node: ast.expr, value: Value, context: Context) -> Value:
    if value.type.kind != "dict":
        raise context.refuse(
            node, f"** of {value.type}", "it is no dict of str", "give a type hint"
        )
    return value


def _member(key: ast.expr, node: ast.expr, lower: _Lower, context: Context) -> Value:
    name = context.read(key)
    value = lower(node, context)
    if not takes_key(dict_of(NEVER), name.type):
        raise context.refuse(
            key, f"key of type {name.type}", "only str and int are compiled", "use str(...)"
        )
    type = dict_of(value.type, kind_of_key(name.type))
    return made(f"{{{key_text(name)}: {value.text}}}", type, name, value)
