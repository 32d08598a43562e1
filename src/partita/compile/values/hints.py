"""Give values the types of hints; a value whose type is not known is checked at run time."""

from __future__ import annotations

import ast
from dataclasses import replace

from partita.compile.context import Context
from partita.compile.jsonata import made
from partita.compile.tree import Value
from partita.compile.types import ANY, FLOAT, INT, NEVER, NONE, NUMBER, Type, optional
from partita.compile.values.dynamic import opened

_JSON_TYPES = {
    "number": "number",
    "str": "string",
    "bool": "boolean",
    "none": "null",
    "list": "array",
    "dict": "object",
}


def hinted(node: ast.AST, value: Value, wanted: Type, context: Context) -> Value:
    """Return a value that is assigned to a name with a hint."""
    if value.type.kind == "union" and wanted.kind != "union":
        value = opened(value)
    found = under_hint(value.type, wanted)
    if found is ANY and wanted is not ANY:
        return _checked(node, value, wanted, context)
    return replace(value, type=found)


def _checked(node: ast.AST, value: Value, wanted: Type, context: Context) -> Value:
    """Return a value that is of the type of a hint, or end the execution."""
    value = context.simple(node, value)
    test = conforms(value.text, wanted, context)
    error = context.guard_text(node, f"a value that is not {wanted}, as its hint says")
    text = f"{test} ? {value.atom} : {error}"
    return made(text, _known(wanted), value, is_atom=False)


def as_declared(node: ast.AST, value: Value, wanted: Type | None, context: Context) -> Value:
    """Return a value that a hinted variable is to hold; its hint tells ints from other numbers.

    `wanted`: the type that the hint says of that value; None: there is no hint.
    """
    if wanted is None or not _is_of_ints(wanted):
        return value
    is_open = value.type in (ANY, NUMBER) if wanted is INT else _is_open(value.type, wanted)
    return _checked(node, value, wanted, context) if is_open else value


def _is_of_ints(wanted: Type) -> bool:
    return wanted is INT or (wanted.kind in ("list", "dict") and _is_of_ints(wanted.item))


def _is_open(found: Type, wanted: Type) -> bool:
    """Return whether some ints of a container are not known to be ints."""
    if found is ANY or wanted is INT:
        return found in (ANY, NUMBER)
    return found.kind == wanted.kind and found.key == "str" and _is_open(found.item, wanted.item)


def _known(wanted: Type) -> Type:
    """Return the type without what JSON does not tell: an int under a hint of float."""
    if wanted is FLOAT:
        return NUMBER
    if not wanted.parts:  # such types are compared by identity
        return wanted
    return replace(wanted, parts=tuple(map(_known, wanted.parts)))


def conforms(text: str, wanted: Type, context: Context) -> str:
    """Return the condition that a JSON value is of a type."""
    kind = wanted.kind
    if kind == "any":
        return "true"
    if kind == "int":
        return f'($type({text}) = "number" ? $floor({text}) = {text} : false)'
    if kind == "optional":
        return f"({text} = null ? true : {conforms(text, wanted.item, context)})"
    if kind == "union":
        return f"({' or '.join(conforms(text, one, context) for one in wanted.parts)})"
    test = f'$type({text}) = "{_JSON_TYPES.get(kind, "number")}"'
    if kind not in ("list", "dict") or wanted.item is ANY:
        return f"({test})"
    item, acc = context.names.new("item"), context.names.new("acc")
    items = text
    inner = conforms(f"${item}", wanted.item, context)
    if kind == "dict":
        items = f"$append([], $keys({text}))"
        inner = conforms(f"$lookup({text}, ${item})", wanted.item, context)
    body = f"$reduce({items}, function(${acc}, ${item}) {{${acc} ? {inner} : false}}, true)"
    return f"({test} ? {body} : false)"


def under_hint(found: Type, wanted: Type) -> Type:
    """Return what is known of a value that is assigned to a name with a hint.

    The hint tells what an empty list will hold; it changes no number of the value itself.
    """
    if found is NEVER:
        return wanted
    if found.is_number and wanted.is_number:
        return found
    if found.kind == wanted.kind == "record" and found.cls is wanted.cls:
        return found
    if wanted.kind == "optional":
        inner = found.item if found.kind == "optional" else found
        return optional(wanted.item if inner is NONE else under_hint(inner, wanted.item))
    if found.kind == wanted.kind and len(found.parts) == len(wanted.parts) and found.parts:
        is_empty = found.kind == "dict" and found.item is NEVER and not found.fields
        key = wanted.key if is_empty else found.key
        return replace(found, parts=tuple(map(under_hint, found.parts, wanted.parts)), key=key)
    return found if found is ANY else wanted
