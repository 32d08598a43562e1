"""Lower attributes of exceptions: their own, those of their classes, and their arguments."""

from __future__ import annotations

import ast
import inspect
import typing
from typing import Any

from partita.compile.context import Context
from partita.compile.jsonata import literal, made, object_value
from partita.compile.names.exceptions import reachable
from partita.compile.tree import Value
from partita.compile.types import ANY, BOOL, STR, Type, UnknownHintError, list_of, of_hint, row_of
from partita.compile.values.hints import conforms

_NOT_KEPT = ("__cause__", "__context__", "__traceback__", "__notes__", "with_traceback", "add_note")


def attribute(node: ast.Attribute, value: Value, context: Context) -> Value:
    """Return an attribute of an exception."""
    if value.type.cls is ExceptionGroup and node.attr in ("exceptions", "message"):
        is_text = node.attr == "message"
        member = "text" if is_text else "exceptions"
        return made(f"{value.atom}.{member}", STR if is_text else list_of(Type("error")), value)
    if node.attr == "args":
        return _arguments(node, context.simple(node, value), context)
    if node.attr in _NOT_KEPT:
        raise context.refuse(
            node,
            f"attribute {node.attr} of an exception",
            "a state machine keeps no other error with one",
            "put what you need into attributes of your own",
        )
    known = dict(value.type.fields).get(node.attr)
    found = f"$lookup({value.text}.attributes, {context.text(node.attr).text})"
    if known is not None:
        return made(found, known, value)
    return _looked_up(node, context.simple(node, value), context)


def has_attribute(name: str, value: Value, context: Context) -> Value | None:
    """Return whether an exception has an attribute; None: that is not known."""
    if name in _NOT_KEPT:
        return None
    if name == "args" or name in dict(value.type.fields):
        return literal(True)
    base = value.type.cls or Exception
    kinds = [one for one in reachable(context.module.namespace) if issubclass(one, base)]
    found = [inspect.getattr_static(one, name, None) for one in (base, *kinds)]
    if any(one is not None and literal(one) is None for one in found):
        return None
    own = f"$exists($lookup({value.text}.attributes, {context.text(name).text}))"
    shared = _of_classes(value.type.cls, name, context)
    if shared is None:
        return made(own, BOOL, value)
    text = f"({own} or $exists($lookup({shared.text}, {value.text}.type)))"
    return made(text, BOOL, value, shared)


def _arguments(node: ast.Attribute, value: Value, context: Context) -> Value:
    text = f"($exists({value.text}.args) ? {value.text}.args : [{value.text}.message])"
    wanted = context.compilation.errors.attribute_type(value.type.cls, "args")
    if wanted is None or wanted.kind != "tuple" or any(map(_is_open, wanted.parts)):
        return made(text, row_of(ANY), value)
    found = context.let(node, "args", made(text, list_of(ANY), value))
    tests = [f"$count({found.text}) = {len(wanted.parts)}"]
    tests += [conforms(f"{found.text}[{n}]", one, context) for n, one in enumerate(wanted.parts)]
    error = context.guard_text(node, f"the arguments of an exception are no {wanted}")
    return made(f"({' and '.join(tests)}) ? {found.text} : {error}", wanted, found, is_atom=False)


def _is_open(type: Type) -> bool:
    return type is ANY or type.holds_tuples


def _looked_up(node: ast.Attribute, value: Value, context: Context) -> Value:
    name = context.text(node.attr).text
    own = f"$lookup({value.text}.attributes, {name})"
    wanted = _hinted(value.type.cls, node.attr) if value.type.cls else None
    if wanted is None and not _is_constant(value, node.attr):
        recorded = context.compilation.errors.attribute_type(value.type.cls, node.attr)
        wanted = None if recorded is None or _is_open(recorded) else recorded
        is_certain = value.type.cls is not None
    else:
        is_certain = True
    shared = _of_classes(value.type.cls, node.attr, context)
    text, type = own, wanted or ANY
    if shared is not None:
        text = f"($exists({own}) ? {own} : $lookup({shared.text}, {value.text}.type))"
        type = shared.type.item if wanted is None and _is_constant(value, node.attr) else type
    kept = context.names.new("n")
    whole = f'(${kept} := {text}; $exists(${kept}) ? {{"value": ${kept}}} : {{}})'
    found = context.let(node, "attribute", made(whole, ANY, value))
    there = f"$exists({found.text}.value)"
    if wanted is None or not is_certain:
        end = context.text(f"' object has no attribute '{node.attr}'")
        message = Value(f'"\'" & {value.text}.type & {end.text}', STR, False)
        context.check(node, there, AttributeError, message, value)
    if wanted is None:
        return Value(f"{found.text}.value", type)
    if not wanted.holds_tuples:
        there = f"{there} ? {conforms(f'{found.text}.value', wanted, context)} : false"
    error = context.guard_text(node, f"the attribute {node.attr} is no {wanted}")
    return made(f"({there}) ? {found.text}.value : {error}", wanted, found, is_atom=False)


def _is_constant(value: Value, name: str) -> bool:
    """Return whether an attribute is the class's alone."""
    return value.type.cls is not None and name not in _assigned_names(value.type.cls)


def _assigned_names(kind: Any) -> set[str]:
    codes = [getattr(vars(one).get("__init__"), "__code__", None) for one in kind.__mro__]
    return {name for code in codes if code is not None for name in code.co_names}


def _hinted(kind: Any, name: str) -> Type | None:
    """Return the type of an attribute that the class's hints, or its constructor's, tell."""
    hints = dict(typing.get_type_hints(kind))
    if name not in hints and inspect.isfunction(kind.__init__):
        given = typing.get_type_hints(kind.__init__)
        if name in given and name in _assigned_names(kind):
            hints[name] = given[name]
    if name not in hints:
        return None
    try:
        return of_hint(hints[name])
    except UnknownHintError:
        return None


def _of_classes(kind: Any, name: str, context: Context) -> Value | None:
    """Return the table of what classes have as an attribute; None if none has."""
    base = kind or Exception
    found = {}
    for one in [base, *reachable(context.module.namespace)]:
        constant = inspect.getattr_static(one, name, None)
        value = literal(constant) if issubclass(one, base) and constant is not None else None
        if value is not None:
            found[one.__name__] = value
    return object_value(found) if found else None
