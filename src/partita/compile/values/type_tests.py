"""Find out of which class a value is: when the program is compiled, or by what JSON tells.

A value of a union of classes that JSON does not tell apart is tagged with its class's name.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from partita.codec.class_names import path_of as class_path
from partita.compile.context import Context
from partita.compile.names.exceptions import named_error
from partita.compile.names.objects import target
from partita.compile.tree import Value
from partita.compile.types import (
    ANY,
    BOOL,
    ERROR,
    NEVER,
    NONE,
    NUMBER,
    STR,
    Type,
    dict_of,
    is_tagged,
    list_of,
    union_of,
)
from partita.compile.variables import Variable

JSON_TYPES = {
    "int": "number",
    "float": "number",
    "number": "number",
    "bool": "boolean",
    "str": "string",
    "none": "null",
    "list": "array",
    "tuple": "array",
    "set": "array",
    "dict": "object",
    "record": "object",
}
_OF_ANY: dict[Any, Type] = {
    str: STR,
    bool: BOOL,
    list: list_of(ANY),
    dict: dict_of(ANY),
    type(None): NONE,
}


@dataclass(frozen=True)
class Split:
    """The condition that a value is of some classes, and what it is then, and else."""

    text: str  # "true" or "false" if that is known
    inside: Variable
    outside: Variable


def classes_named(node: ast.expr, context: Context) -> list[Any] | None:
    """Return the classes that the second argument of isinstance names; None: it names others."""
    if isinstance(node, ast.Tuple):
        parts = [classes_named(one, context) for one in node.elts]
        return None if None in parts else [one for part in parts for one in part or ()]
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        left, right = (classes_named(one, context) for one in (node.left, node.right))
        return None if left is None or right is None else [*left, *right]
    if isinstance(node, ast.Constant) and node.value is None:
        return [type(None)]
    is_none = isinstance(node, ast.Call) and target(node.func, context) is type
    if is_none and ast.unparse(node) == "type(None)":
        return [type(None)]
    found = target(node, context)
    return [found] if isinstance(found, type) else None


def split(node: ast.AST, value: Value, classes: Sequence[Any], context: Context) -> Split | None:
    """Tell a value's classes apart; None if neither JSON nor its type does."""
    type = value.type
    if type.kind == "error":
        return _error(node, value, classes, context)
    if type is ANY:
        return _any(value, classes)
    parts = _parts(type)
    found = [_is_one(part, classes) for part in parts]
    if None in found:
        return None
    inside = [part for part, holds in zip(parts, found, strict=True) if holds]
    outside = [part for part, holds in zip(parts, found, strict=True) if not holds]
    tests = [_test(value, part, type) for part in inside]
    if len(tests) == len(parts) or not tests:
        text = "true" if tests else "false"
    else:
        text = " or ".join(dict.fromkeys(tests))
    return Split(text, _narrowed(value, inside), _narrowed(value, outside))


def _parts(type: Type) -> list[Type]:
    if type.kind == "optional":
        return [*_parts(type.item), NONE]
    return list(type.parts) if type.kind == "union" else [type]


def _is_one(part: Type, classes: Sequence[Any]) -> bool | None:
    """Return whether values of a type are instances of a class; None: some are."""
    found = [_is_instance(part, cls) for cls in classes]
    if True in found:
        return True
    if part is NUMBER and set(classes) >= FLOAT_AND_INT:
        return True
    return None if None in found else False


FLOAT_AND_INT = {int, float}


def _is_instance(part: Type, cls: Any) -> bool | None:
    own = {"int": int, "float": float, "bool": bool, "str": str, "none": type(None)}
    own |= {"list": list, "dict": dict, "tuple": tuple, "set": set}
    if cls is object:
        return True
    if part.kind in ("any", "mixed", "union"):
        return None
    if part is NUMBER:
        return None if cls in FLOAT_AND_INT else False
    kind = part.cls if isinstance(part.cls, type) else own.get(part.kind)
    if part.kind == "record" and not hasattr(kind, "__dataclass_fields__"):
        kind = dict  # a TypedDict
    return None if kind is None else issubclass(kind, cls)


def _test(value: Value, part: Type, whole: Type) -> str:
    """Return the condition that a value is of one part of its type."""
    if part is NONE:
        return f"{value.atom} = null"
    if whole.kind == "optional" and whole.item.kind != "union":
        return f"{value.atom} != null"
    if is_tagged(part, whole):
        tag = f'$lookup({value.text}, "$partita") = "{class_path(part.cls)}"'
        return f'($type({value.text}) = "object" ? {tag} : false)'
    return f'$type({value.text}) = "{json_type(part)}"'


def json_type(part: Type) -> str:
    """Return the JSON type of the values of a type."""
    if part.kind == "enum":
        return "string" if isinstance(next(iter(part.cls)).value, str) else "number"
    return JSON_TYPES.get(part.kind, part.kind)


def _narrowed(value: Value, parts: list[Type]) -> Variable:
    if len(parts) != 1:
        return Variable(union_of(parts) if parts else NEVER, value.text)
    is_inner = value.type.kind in ("union", "optional") and is_tagged(parts[0], value.type)
    text = f'$lookup({value.text}, "value")' if is_inner else value.text
    return Variable(parts[0], text)


def _any(value: Value, classes: Sequence[Any]) -> Split | None:
    """Tell what JSON tells: not ints from floats, nor lists from tuples."""
    types: list[Type] = []
    given = list(dict.fromkeys(classes))
    if set(given) >= FLOAT_AND_INT:
        types += [NUMBER, BOOL]
        given = [one for one in given if one not in FLOAT_AND_INT]
    for one in given:
        if one not in _OF_ANY:
            return None
        types.append(_OF_ANY[one])
    types = list(dict.fromkeys(types))
    text = " or ".join(_test(value, one, ANY) for one in types)
    inside = types[0] if len(types) == 1 else ANY
    return Split(text, Variable(inside, value.text), Variable(ANY, value.text))


def _error(node: ast.AST, value: Value, classes: Sequence[Any], context: Context) -> Split | None:
    if not all(isinstance(one, type) and issubclass(one, BaseException) for one in classes):
        return None
    known = Variable(value.type, value.text)
    if any(one in (Exception, BaseException) for one in classes):
        return Split("true", known, known)
    cls = classes[0] if len(classes) == 1 else None
    text = named_error(value.text, node, list(classes), context)
    return Split(text, Variable(Type(ERROR.kind, cls=cls), value.text), known)


def declared(node: ast.expr, value: Value, context: Context, path: str) -> Value:
    """Return a value with what its hint says, where reading it says less."""
    known = context.variables.get(path)
    if known is not None:
        return Value(known.text, known.type)
    if isinstance(node, ast.Attribute):
        with context.captured():
            owner = context.read(node.value)
        wanted = dict(owner.type.fields).get(node.attr)
        if wanted is not None:
            return Value(value.text, wanted, value.is_atom)
    return value


def of_union(node: ast.expr, value: Value, context: Context) -> Value:
    """Return a value as of the union that its hint says, where reading it says Any."""
    path = ast.unparse(node) if isinstance(node, ast.Name | ast.Attribute) else ""
    if value.type is not ANY or not path:
        return value
    found = declared(node, value, context, path).type
    return Value(value.text, found, value.is_atom) if found.is_plain_union else value
