"""Represent functions that are values: which code they stand for, and where it was defined.

A function is known when the program is compiled; only which of several it is, is known when the
machine runs: the value of such a variable is the function's tag.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from partita.compile.analysis.mutation import local_names, mutated_names, outer_names, own_nodes
from partita.compile.context import Context
from partita.compile.jsonata import text_of
from partita.compile.tree import Value
from partita.compile.types import Type

Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda


@dataclass(frozen=True, eq=False)
class Function:
    """A function: its code and the variables around it, or an object of the module."""

    name: str
    definition: Definition | None = None
    scope: Context | None = None  # of the function in which it is defined
    target: Any = None
    defaults: Mapping[str, Value] = field(default_factory=dict)
    receiver: Value | None = None

    @property
    def key(self) -> tuple[Any, ...]:
        """What tells it from other functions."""
        return (id(self.definition), id(self.scope), id(self.target), self.receiver)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Function) and self.key == other.key

    def __hash__(self) -> int:
        return hash(self.key[:3])

    @property
    def body(self) -> list[ast.stmt]:
        """Its statements."""
        if isinstance(self.definition, ast.Lambda):
            value = ast.Return(self.definition.body)
            return [ast.copy_location(value, self.definition.body)]
        return [] if self.definition is None else self.definition.body

    @property
    def writes(self) -> frozenset[str]:
        """The variables around it that it assigns, or changes in place."""
        if self.definition is None or self.scope is None:
            return frozenset()
        inner = [
            name
            for one in own_nodes(self.definition)
            if isinstance(one, ast.FunctionDef)
            for name in outer_names(one) | mutated_names(one.body)
        ]
        changed = mutated_names(self.body, self.scope.module.changes) | set(inner)
        called = _called_writes(self)
        return (outer_names(self.definition) | changed | called) - local_names(self.definition)


def _called_writes(function: Function) -> set[str]:
    """Return what functions around it assign that it may call."""
    assert function.scope is not None
    found: set[str] = set()
    seen = {function.name}
    pending: list[ast.AST] = [*function.body]
    while pending:
        for part in ast.walk(pending.pop()):
            if isinstance(part, ast.Name) and part.id not in seen:
                seen.add(part.id)
                for one in functions_of(part.id, function.scope):
                    if one.definition is not None and one.scope is not None:
                        found |= outer_names(one.definition) | mutated_names(one.body)
                        pending += one.body
    return found


def functions_of(name: str, context: Context) -> list[Function]:
    """Return the functions that a variable may hold."""
    known = context.variables.get(name)
    if known is None:
        return []
    type = known.type.item if known.type.kind == "optional" else known.type
    return list(type.cls) if type.kind == "function" else []


def function_value(function: Function, context: Context) -> Value:
    """Return a function as a value: its tag."""
    tags = context.compilation.tags
    if function not in tags:
        number = sum(1 for one in set(tags.values()) if one.partition("#")[0] == function.name)
        tags[function] = function.name if not number else f"{function.name}#{number + 1}"
    tag = tags[function]
    return Value(text_of(tag), Type("function", cls=(function,)), constant=tag, is_constant=True)


def object_function(found: Any, context: Context) -> Value | None:
    """Return a function, class or activity of the module as a value; None for other objects."""
    name = getattr(found, "__name__", None)
    if not callable(found) or not isinstance(name, str):
        return None
    if name == "<lambda>":
        return function_value(Function("lambda", target=found), context)
    return function_value(Function(name, target=found), context)
