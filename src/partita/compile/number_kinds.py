"""Tell at run time whether a number is an int or a float, which JSON does not.

`total = 0` followed by `total += price` is an int until the first price. Where the text of such a
variable is asked for, a flag beside it says which it is: each assignment of the variable sets the
flag by the type of what is assigned. Other programs have no flags.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from partita.compile.jsonata import Names
from partita.compile.tree import (
    Let,
    Node,
    Value,
    branches,
    nested,
)
from partita.compile.types import BOOL, FLOAT, INT, NONE, NUMBER

_VARIABLE = re.compile(r"\$([A-Za-z]\w*)")
_UNKNOWN = "null"


@dataclass
class FloatFlags:
    """The flags of a workflow's variables, by the variables."""

    by_variable: dict[str, str] = field(default_factory=dict)

    def test(self, value: Value, names: Names) -> str:
        """Return the expression that says whether a number is a float; null: it is not known."""
        if value.type is FLOAT or value.type is INT:
            return "true" if value.type is FLOAT else "false"
        if value.type is not NUMBER:
            return _UNKNOWN
        if value.floating is not None:
            return str(value.floating(lambda one: self.test(one, names)))
        found = _VARIABLE.fullmatch(value.text)
        return _UNKNOWN if found is None else f"${self._flag(found[1], names)}"

    def _flag(self, variable: str, names: Names) -> str:
        if variable not in self.by_variable:
            self.by_variable[variable] = names.new(f"{variable}_is_float")
        return self.by_variable[variable]

    def assign(self, body: list[Node], names: Names, row: int) -> None:
        """Add the assignments of the flags to a workflow's code."""
        scopes = list(_scopes(body))
        others = {name for one in _nodes(body) for name in _assigned_otherwise(one)}
        number = -1
        while number != len(self.by_variable):  # a flag may depend on another variable's
            number = len(self.by_variable)
            for scope in scopes:
                for let in _lets(scope):
                    self._set(let, others, names)
        for scope in scopes:
            assigned = {name for let in _lets(scope) for name in let.values}
            self._begin(scope, assigned, row)
        unset = set(self.by_variable.values()) - {
            name for scope in scopes for let in _lets(scope) for name in let.values
        }
        if unset:
            body.insert(0, _unknown(sorted(unset), row))

    def _set(self, let: Let, others: set[str], names: Names) -> None:
        for name, value in list(let.values.items()):
            if name in self.by_variable and name not in others:
                let.values[self.by_variable[name]] = Value(self.test(value, names), BOOL)

    def _begin(self, scope: list[Node], assigned: set[str], row: int) -> None:
        """Set the flags of a scope's variables before they have values."""
        flags = [flag for name, flag in self.by_variable.items() if flag in assigned]
        if flags:
            scope.insert(0, _unknown(flags, row))


def either(*values: Value) -> Any:
    """Return what says whether the sum of numbers is a float: it is, if one of them is."""
    return lambda test: _any([test(one) for one in values])


def chosen(condition: str, one: Value, other: Value) -> Any:
    """Return what says whether one of two numbers is a float."""
    return lambda test: f"({condition} ? {test(one)} : {test(other)})"


def _any(tests: list[str]) -> str:
    found = list(dict.fromkeys(one for one in tests if one != "false"))
    if "true" in found:
        return "true"
    if not found:
        return "false"
    if _UNKNOWN in found:
        return _UNKNOWN
    if len(found) == 1:
        return found[0]
    known = " and ".join(f"{one} != null" for one in found)
    return f"({known} ? {' or '.join(found)} : null)"


def _unknown(flags: list[str], row: int) -> Let:
    return Let(row, {flag: Value(_UNKNOWN, NONE) for flag in flags})


def _scopes(body: list[Node]) -> Iterator[list[Node]]:
    """Return the code of a workflow, and that of each branch, which has variables of its own."""
    yield body
    for node in _nodes(body):
        for branch in branches(node):
            yield branch.body


def _lets(scope: list[Node]) -> Iterator[Let]:
    pending = list(scope)
    while pending:
        node = pending.pop()
        if isinstance(node, Let):
            yield node
        pending += nested(node)


def _nodes(body: list[Node]) -> Iterator[Node]:
    """Return all nodes, also those of branches."""
    pending = list(body)
    while pending:
        node = pending.pop()
        yield node
        pending += nested(node)
        pending += [one for branch in branches(node) for one in branch.body]


def _assigned_otherwise(node: Node) -> list[str]:
    """Return the variables that a node assigns and that is no Let."""
    found: list[Any] = [getattr(node, "variable", None), getattr(node, "item", None)]
    for branch in branches(node):
        found += [branch.variable, branch.error]
    found += [getattr(one, "variable", None) for one in getattr(node, "handlers", [])]
    return [name for name in found if isinstance(name, str)]
