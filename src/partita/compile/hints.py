"""Give values the types of hints; a value whose type is not known is checked at run time."""

from __future__ import annotations

import ast
from dataclasses import replace

from partita.compile.context import Context
from partita.compile.dynamic import opened
from partita.compile.jsonata import made
from partita.compile.tree import Value
from partita.compile.types import ANY, FLOAT, NUMBER, Type, under_hint

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


def _known(wanted: Type) -> Type:
    """Return the type without what JSON does not tell: an int under a hint of float."""
    if wanted is FLOAT:
        return NUMBER
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
