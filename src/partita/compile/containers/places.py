"""Read and write places: items of lists and dicts and attributes, however deep in a variable.

A state machine copies values, so writing a place makes a new value of the whole variable.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass, replace
from typing import Any

from partita.compile.containers.subscripts import (
    check_index,
    check_key,
    element,
    from_start,
    with_element,
    with_key,
)
from partita.compile.context import Context
from partita.compile.diagnostics import RefusedError
from partita.compile.jsonata import key_text, looked_up, made, member, text_of, wrapped
from partita.compile.tree import Let, Value
from partita.compile.types import ANY, INT, NEVER, STR, Type, dict_of, fits, join, list_of
from partita.compile.values.dicts import DEFAULTS, takes_key
from partita.compile.values.dynamic import is_open, narrowed, present, text_key
from partita.compile.values.hints import as_declared


@dataclass(frozen=True)
class Step:
    """One step down: the container, and the key of what is in it."""

    node: ast.expr
    owner: Value
    key: Value | str  # a str: the name of a field


@dataclass(frozen=True)
class Place:
    """A variable, and the steps from its value to the place."""

    name: str
    steps: tuple[Step, ...]
    value: Value | None  # of the variable, if there are no steps


def is_place(node: ast.expr, context: Context) -> bool:
    """Return whether an expression is a variable, or an item or attribute in one."""
    while isinstance(node, ast.Attribute | ast.Subscript):
        if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Slice):
            return False
        node = node.value
    return isinstance(node, ast.Name) and node.id in context.variables


def place_of(node: ast.expr, context: Context) -> Place:
    """Evaluate what a place consists of, but not what is there."""
    if isinstance(node, ast.Name):
        load = ast.copy_location(ast.Name(node.id, ast.Load()), node)
        return Place(node.id, (), context.read(load))
    if not isinstance(node, ast.Attribute | ast.Subscript) or not is_place(node, context):
        raise context.refuse(
            node, "assignment", "only a variable, and what is in it, can be changed", "name it"
        )
    outer = place_of(node.value, context)
    owner = read(node, outer, context)
    if outer.steps:
        owner = context.simple(node, owner)
    key: Value | str
    if isinstance(node, ast.Attribute):
        key = _attribute(node, owner, context)
    else:
        owner, key = _open_key(node, owner, context)
    return Place(outer.name, (*outer.steps, Step(node, owner, key)), None)


def _attribute(node: ast.Attribute, owner: Value, context: Context) -> str:
    if owner.type.kind == "error" and node.attr not in ("args", "__cause__", "__context__"):
        return node.attr
    fields = dict(owner.type.fields) if owner.type.kind == "record" else {}
    params = getattr(owner.type.cls, "__dataclass_params__", None)
    if node.attr not in fields or params is None or params.frozen:
        raise context.refuse(
            node,
            f"assignment to {node.attr} of {owner.type}",
            "it is no field of a dataclass that can be changed",
            "make a new value, for example by dataclasses.replace",
        )
    return node.attr


def _open_key(node: ast.Subscript, owner: Value, context: Context) -> tuple[Value, Value | str]:
    """Return a container and a key of it; what the container is may be seen at run time."""
    message = "the object does not support item assignment"
    owner = present(node, owner, context, TypeError, message)
    if owner.type is not ANY:
        return owner, _key(node, owner, context)
    index = context.read(node.slice)
    if index.type not in (STR, INT):
        return owner, _key(node, owner, context)
    wanted = dict_of(ANY) if index.type is STR else list_of(ANY)
    owner = context.simple(node, owner)
    if index.type is INT:
        error = context.guard_text(node, "a key of a dict that is no text")
        text = f'$type({owner.text}) = "object" ? {error} : {owner.atom}'
        owner = context.let(node, "owner", made(text, ANY, owner, is_atom=False))
    owner = narrowed(node, owner, wanted, context, TypeError, message)
    return owner, context.simple(node, index)


def _key(node: ast.Subscript, owner: Value, context: Context) -> Value | str:
    if (
        owner.type is NEVER and context.compilation.diagnostics.found
    ):  # what it is has been refused before
        raise RefusedError
    if owner.type.kind == "record":
        name = node.slice.value if isinstance(node.slice, ast.Constant) else None
        if name in dict(owner.type.fields) and not hasattr(owner.type.cls, "__dataclass_fields__"):
            return str(name)
    index = context.read(node.slice)
    if owner.type.kind == "dict" and is_open(index) and owner.type.key == "str":
        return context.simple(node, text_key(node, index, context))
    if owner.type.kind == "dict" and takes_key(owner.type, index.type):
        return context.simple(node, index)
    if owner.type.kind == "list" and index.type is INT:
        return context.simple(node, index)
    raise context.refuse(
        node,
        f"assignment to an item of {owner.type}",
        "only items of lists and of dicts of str can be assigned",
        "give a type hint",
    )


def refreshed(place: Place, context: Context) -> Place:
    """Return a place in what the variable is now, if the statement has assigned it meanwhile."""
    if place.name not in context.point.rebound:
        return place
    known = context.variables[place.name]
    owner = Value(known.text, known.type)
    steps: list[Step] = []
    for step in place.steps:
        if steps:
            found = Place(place.name, tuple(steps), None)
            owner = context.simple(step.node, read(step.node, found, context))
        if owner.type is ANY:  # what it is has been seen before
            owner = Value(owner.text, step.owner.type)
        steps.append(Step(step.node, owner, step.key))
    return Place(place.name, tuple(steps), None if steps else owner)


def read(node: ast.AST, place: Place, context: Context) -> Value:
    """Return what is at a place, or raise KeyError or IndexError."""
    if not place.steps:
        assert place.value is not None
        return place.value
    step = place.steps[-1]
    if isinstance(step.key, str) and step.owner.type.kind == "error":
        load = ast.Attribute(step.node.value, step.key, ast.Load())  # type: ignore[attr-defined]
        return context.read(ast.copy_location(load, step.node))
    if isinstance(step.key, str):
        if step.key in step.owner.type.missing:
            check_key(step.node, step.owner, context.text(step.key), context)
        return member(step.owner, step.key, dict(step.owner.type.fields)[step.key])
    if step.owner.type.kind == "dict" and step.owner.type.default is not None:
        return or_default(step.owner, step.key)
    if step.owner.type.kind == "dict":
        check_key(step.node, step.owner, step.key, context)
        return looked_up(step.owner, step.key)
    check_index(step.node, step.owner, step.key, context)
    return element(step.owner, step.key, step.owner.type.item)


def or_default(owner: Value, key: Value) -> Value:
    """Return the member of a defaultdict, or what it makes where it has none."""
    assert owner.type.default is not None
    text, type = DEFAULTS[owner.type.default]
    found = looked_up(owner, key)
    whole = f"($exists({found.text}) ? {found.text} : {text})"
    return made(whole, join(owner.type.item, type), owner, key)


def declared_at(place: Place, context: Context) -> Type | None:
    """Return the type that the hint of a variable says of what is at a place in it."""
    wanted = context.bindings.declared.get(place.name)
    for step in place.steps:
        if wanted is None or wanted.kind not in ("list", "dict") or isinstance(step.key, str):
            return None
        wanted = wanted.item
    return wanted


def write(node: Any, place: Place, value: Value, context: Context) -> None:
    """Put a value at a place."""
    if place.steps:
        value = as_declared(node, value, declared_at(place, context), context)
    for step in reversed(place.steps):
        value = _with(step, value, context)
        value = context.shallow(node, value)
    name = context.bind(place.name, value.type)
    context.block.append(Let(node.lineno, {name: value}))


def _with(step: Step, value: Value, context: Context) -> Value:
    owner, key = step.owner, step.key
    if isinstance(key, str) and owner.type.kind == "error":
        context.compilation.errors.note_attribute(owner.type.cls or Exception, key, value.type)
        return _with_attribute(owner, key, value)
    if isinstance(key, str):
        wanted = dict(owner.type.fields)[key]
        if not fits(value.type, wanted):
            raise context.refuse(
                step.node,
                f"assignment of {value.type} to {key}",
                f"the field's hint says {wanted}",
                "correct the hint, or convert the value",
            )
        text = f"$merge([{owner.text}, {{{text_of(key)}: {value.text}}}])"
        return made(text, owner.type, owner, value)
    if owner.type.kind == "dict":
        return with_key(owner, key, value)
    check_index(step.node, owner, key, context, "list assignment")
    return with_element(owner, key, value, context)


def _with_attribute(owner: Value, name: str, value: Value) -> Value:
    """Return an exception with another value of an attribute."""
    known = {**dict(owner.type.fields), name: value.type}
    old = f"($exists({owner.text}.attributes) ? {owner.text}.attributes : {{}})"
    attributes = f"$merge([{old}, {{{text_of(name)}: {value.text}}}])"
    text = f'$merge([{owner.text}, {{"attributes": {attributes}}}])'
    return made(text, replace(owner.type, fields=tuple(known.items())), owner, value)


def delete(node: ast.Subscript, context: Context) -> None:
    """Delete an item of a list or a dict, or a slice of a list."""
    if isinstance(node.slice, ast.Slice) or not is_place(node, context):
        raise context.refuse(
            node, "del", "only single items of a variable can be deleted", "build a new value"
        )
    place = place_of(node, context)
    step = place.steps[-1]
    read(node, place, context)
    rest = without(step.owner, step.key, context)
    write(node, Place(place.name, place.steps[:-1], None), rest, context)


def without(owner: Value, key: Value | str, context: Context) -> Value:
    """Return a dict or a list without an item that it has."""
    if isinstance(key, str):
        key = context.text(key)
    if owner.type.kind == "list":
        acc, item, number = (context.names.new(stem) for stem in ("acc", "item", "index"))
        counted = from_start(owner, key)
        kept = wrapped(Value(f"${item}", owner.type.item))
        text = (
            f"$reduce({owner.text}, function(${acc}, ${item}, ${number}) "
            f"{{${number} = {counted} ? ${acc} : $append(${acc}, {kept})}}, [])"
        )
        return made(text, owner.type, owner, key)
    value, name = context.names.new("value"), context.names.new("key")
    each = (
        f"$each({owner.text}, function(${value}, ${name}) "
        f"{{${name} = {key_text(key)} ? {{}} : {{${name}: ${value}}}}})"
    )
    return made(f"$merge($append([{{}}], {each}))", owner.type, owner, key)
