"""Lower str(): of the types whose text JSONata writes as Python does."""

from __future__ import annotations

import ast

from partita.compile.context import Context
from partita.compile.jsonata import made
from partita.compile.tree import Value
from partita.compile.types import ANY, STR


def as_text(node: ast.AST, value: Value, context: Context) -> Value:
    """Return str() of a value."""
    found = text_form(value)
    if found is None:
        raise context.refuse(
            node,
            f"text of {value.type}",
            "only str, int, bool and None have the same text in JSONata",
            "give a type hint, or format it in an activity",
        )
    return found


def text_form(value: Value) -> Value | None:
    """Return str() of a value; None if JSONata cannot write it as Python does."""
    kind = value.type.kind
    if kind == "str":
        return value
    if kind == "int":
        return made(f"$formatBase({value.text})", STR, value)
    if kind == "bool":
        return made(f'{value.atom} ? "True" : "False"', STR, value, is_atom=False)
    if kind == "never":
        return Value('""', STR)
    if kind == "none":
        return Value('"None"', STR)
    if kind == "error":
        return made(f"{value.text}.message", STR, value)
    if kind == "optional" and value.type.item is not ANY:
        inner = text_form(Value(value.text, value.type.item, value.is_atom))
        if inner is not None:
            text = f'{value.atom} = null ? "None" : {inner.atom}'
            return made(text, STR, value, inner, is_atom=False)
    return None
