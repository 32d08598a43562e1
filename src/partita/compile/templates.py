r"""Write JSONata from templates: a table's row for each function or method.

In a template `@name` is an operand and `~name` a variable of the template's own. A template is an
operand itself: a call, or in parentheses. `@guard` ends the execution.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from dataclasses import replace

from partita.compile.context import Context
from partita.compile.jsonata import made
from partita.compile.tree import Value
from partita.compile.types import Type

_OPERAND = re.compile(r"@(\w+)")
_LOCAL = re.compile(r"~(\w+)")
_COST = 2
"""Levels of operators that a template counts for."""


def fill(
    node: ast.AST,
    context: Context,
    template: str,
    type: Type,
    guard: str | None = None,
    /,
    **values: Value,
) -> Value:
    """Return a template over values; `guard` says what `@guard` found."""
    bound, texts = [], {}
    for name, value in values.items():
        is_repeated = len(re.findall(rf"@{name}\b", template)) > 1 and not is_simple(value)
        if is_repeated:
            local = context.names.new(name if len(name) > 1 else "value")
            bound.append(f"${local} := {value.text}; ")
            texts[name] = f"${local}"
        else:
            texts[name] = value.atom
    if guard is not None:
        texts["guard"] = context.guard_text(node, guard)
    text = _OPERAND.sub(lambda found: texts[found[1]], _with_locals(template, context))
    whole = f"({''.join(bound)}{text})" if bound else text
    result = made(whole, type, *values.values())
    return replace(result, depth=result.depth + _COST)


def _with_locals(template: str, context: Context) -> str:
    names: dict[str, str] = {}

    def local(found: re.Match[str]) -> str:
        if found[1] not in names:
            names[found[1]] = context.names.new(found[1])
        return f"${names[found[1]]}"

    return _LOCAL.sub(local, template)


def is_simple(value: Value) -> bool:
    """Return whether a value can be written repeatedly."""
    return value.is_constant or (value.text.startswith("$") and value.text[1:].isidentifier())


def within(value: Value, context: Context, lower: Callable[[Value], Value | None]) -> Value | None:
    """Return an expression over a value that it names itself, so that it is computed once."""
    if is_simple(value):
        return lower(value)
    name = context.names.new("value")
    inner = lower(replace(value, text=f"${name}", is_atom=True, depth=1))
    if inner is None:
        return None
    return made(f"(${name} := {value.text}; {inner.text})", inner.type, value, inner)
