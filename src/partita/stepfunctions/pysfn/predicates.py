"""Lower the conditions of pyawssfn: predicates of Choice states over lookups, and/or/not of them.

As in Python, a lookup that finds nothing is a KeyError. It is checked before the condition, and
only where Python would get there.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from partita.compile.diagnostics import RefusedError
from partita.compile.jsonata import literal, member, text_of
from partita.compile.tree import Check, Value
from partita.compile.types import ANY, BOOL, ERROR
from partita.compile.variables import Variable
from partita.stepfunctions.pysfn import definition
from partita.stepfunctions.pysfn.source import Source

MOST_KEYS = 50
"""Keys of one lookup."""

_SIGNS = {
    "LessThanEquals": "<=",
    "GreaterThanEquals": ">=",
    "LessThan": "<",
    "GreaterThan": ">",
    "Equals": "=",
}
_JSONATA_TYPES = {"String": "string", "Numeric": "number", "Boolean": "boolean", "Null": "null"}
_TIMESTAMP = f"/^(?:{definition.TIMESTAMP})(?![\\s\\S])/"
_LITERALS: dict[str, tuple[Callable[[Any], bool], str]] = {
    "String": (lambda one: isinstance(one, str), "a text, such as 'a'"),
    "Numeric": (lambda one: type(one) in (int, float), "a number"),
    "Boolean": (lambda one: isinstance(one, bool), "True or False"),
    "Timestamp": (
        lambda one: definition.IsTimestamp(one, True),
        "a timestamp, such as '2024-01-31T12:00:00Z'",
    ),
}
_KINDS = ("String", "Numeric", "Boolean", "Timestamp")


@dataclass
class Conditions:
    """Lowers one condition; collects the checks that Python makes on the way."""

    source: Source
    variable: Callable[[ast.Name], Variable]  # of a name, or it is refused
    known: frozenset[tuple[str, str]] = frozenset()  # lookups that are found: variable, condition
    checks: list[Check] = field(default_factory=list)
    guards: list[str] = field(default_factory=list)  # what holds where evaluation is

    def lower(self, node: ast.expr) -> str:
        """Return the JSONata of a condition."""
        if isinstance(node, ast.BoolOp):
            return self._operands(node.values, isinstance(node.op, ast.And))
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            return f"$not({self.lower(node.operand)})"
        name = self.source.member(node.func) if isinstance(node, ast.Call) else None
        if name is None or name not in definition.__all__ or name[0].islower() or name == "Fail":
            raise self._refuse(
                node,
                "condition",
                "a Choice state tests by its own predicates",
                'write PSF.StringEquals(name["key"], "text") or the like, and and, or, not',
            )
        assert isinstance(node, ast.Call)
        if len(node.args) != 2 or node.keywords or isinstance(node.args[0], ast.Starred):
            raise self._refuse(
                node, f"PSF.{name}", "it takes two arguments", "give a lookup and a constant"
            )
        return self._predicate(name, node)

    def _operands(self, nodes: list[ast.expr], is_and: bool) -> str:
        first = self.lower(nodes[0])
        if len(nodes) == 1:
            return first
        self.guards.append(first if is_and else f"$not({first})")
        rest = self._operands(nodes[1:], is_and)
        self.guards.pop()
        return f"({first} ? {rest} : false)" if is_and else f"({first} ? true : {rest})"

    def _predicate(self, name: str, node: ast.Call) -> str:
        if name == "IsPresent":
            present = self._presence(node.args[0])
            return self._wanted(name, present, node.args[1])
        value = self._lookup(node.args[0])
        if name.startswith("Is"):
            test = _is(name.removeprefix("Is"), value)
            return self._wanted(name, test, node.args[1])
        if name == "StringMatches":
            pattern = self._constant(name, "String", node.args[1])
            return (
                f'($type({value}) = "string" ? $contains({value}, {_wildcards(pattern)}) : false)'
            )
        kind = next(one for one in _KINDS if name.startswith(one))
        sign = _SIGNS[name.removeprefix(kind).removesuffix("Path")]
        if name.endswith("Path"):
            return _compared(kind, sign, value, self._path(name, node.args[1]), is_typed=False)
        other = self._literal(name, kind, node.args[1])
        return _compared(kind, sign, value, other, is_typed=True)

    def _wanted(self, name: str, test: str, node: ast.expr) -> str:
        is_wanted: bool = self._constant(name, "Boolean", node)
        return f"({test})" if is_wanted else f"$not({test})"

    # -- operands

    def _literal(self, name: str, kind: str, node: ast.expr) -> str:
        value = literal(self._constant(name, kind, node))
        if value is None:
            raise self._refuse(
                node, f"PSF.{name}", "JSON has no such number", "use one below 2**53"
            )
        return value.text

    def _constant(self, name: str, kind: str, node: ast.expr) -> Any:
        fits, wanted = _LITERALS[kind]
        try:
            value = ast.literal_eval(node)
        except (ValueError, TypeError, SyntaxError):
            value = None
        if value is None or not fits(value):
            raise self._refuse(
                node,
                f"PSF.{name}",
                f"its second argument is {wanted}",
                "write such a constant here",
            )
        return value

    def _path(self, name: str, node: ast.expr) -> str:
        found = definition.lookup(node)
        if found is None:
            raise self._refuse(
                node,
                f"PSF.{name}",
                "its second argument is a path to a variable",
                'write it as text, such as "$.locals.name.key"',
            )
        return self._lookup(found)

    def _lookup(self, node: ast.expr) -> str:
        """Return the text of a lookup, and check it as Python does."""
        name, keys = self._chain(node)
        value = Value(self.variable(name).text, ANY)
        for key, part in keys:
            self._check(part, value, key, name.id)
            value = member(value, key, ANY)
        return value.text

    def _presence(self, node: ast.expr) -> str:
        name, keys = self._chain(node)
        value = Value(self.variable(name).text, ANY)
        test = "true"
        for key, _ in keys:
            test = f'({test} ? $type({value.text}) = "object" : false)'
            test = f"({test} ? $exists($lookup({value.text}, {text_of(key)})) : false)"
            value = member(value, key, ANY)
        return test

    def _chain(self, node: ast.expr) -> tuple[ast.Name, list[tuple[str, ast.expr]]]:
        keys: list[tuple[str, ast.expr]] = []
        part = node
        while isinstance(part, ast.Subscript) and isinstance(part.slice, ast.Constant):
            if not isinstance(part.slice.value, str):
                break
            keys.append((part.slice.value, part))
            part = part.value
        if not isinstance(part, ast.Name) or len(keys) > MOST_KEYS:
            raise self._refuse(
                node,
                f"lookup {ast.unparse(node)[:40]}",
                "a variable is looked up by texts that are written here",
                'write name or name["key"]["other"]; compute the rest in a function',
            )
        return part, keys[::-1]

    def _check(self, node: Any, value: Value, key: str, name: str) -> None:
        """Note that Python fails here unless the value is a dict with that key."""
        is_dict = f'$type({value.text}) = "object"'
        has_key = f"{is_dict} ? $exists($lookup({value.text}, {text_of(key)})) : false"
        if (name, has_key) in self.known:
            return
        if not self.guards:
            self.known |= {(name, has_key)}
        condition = has_key
        for guard in reversed(self.guards):
            condition = f"{guard} ? ({condition}) : true"
        kind = f'{is_dict} ? "KeyError" : "TypeError"'
        told = text_of(f"{ast.unparse(node.value)} is no dict")
        message = f"{is_dict} ? {text_of(repr(key))} : {told}"
        error = Value("", ERROR, constant=(kind, message))
        self.checks.append(Check(node.lineno, Value(condition, BOOL), error))

    def _refuse(self, node: ast.expr, what: str, why: str, way_out: str) -> RefusedError:
        return self.source.diagnostics.add(node, what, why, way_out)


def _is(kind: str, value: str) -> str:
    if kind == "Timestamp":
        return _is_timestamp(value)
    return f'$type({value}) = "{_JSONATA_TYPES[kind]}"'


def _is_timestamp(value: str) -> str:
    return f'($type({value}) = "string" ? $contains({value}, {_TIMESTAMP}) : false)'


def _compared(kind: str, sign: str, value: str, other: str, *, is_typed: bool) -> str:
    """Return a comparison, which is false for values of other types."""
    operands = (value,) if is_typed else (value, other)
    if kind == "Timestamp":
        value = _instant(value)
        other = _instant(other)
        tests = [_is_timestamp(one) for one in operands]
    else:
        tests = [f'$type({one}) = "{_JSONATA_TYPES[kind]}"' for one in operands]
    if is_typed and sign == "=" and kind != "Timestamp":
        return f"({value} = {other})"
    text = f"{value} {sign} {other}"
    for test in reversed(tests):
        text = f"({test} ? {text} : false)"
    return text


def _instant(value: str) -> str:
    """Return a timestamp with all nine digits of its second, which are in order as texts."""
    digits = f'$pad($substringBefore($substring({value}, 20), "Z"), 9, "0")'
    return f'($substring({value}, 0, 19) & "." & {digits})'


def _wildcards(pattern: str) -> str:
    """Return the regular expression of a pattern."""
    return f"/^{''.join(_pieces(pattern))}(?![\\s\\S])/"


def _pieces(pattern: str) -> Iterator[str]:
    for one in definition.pieces(pattern):
        yield "[\\s\\S]*" if one is None else "".join(map(_escaped, one))


def _escaped(one: str) -> str:
    """Return a character of a regular expression that stands for itself."""
    is_plain = (one.isalnum() and one.isascii()) or ord(one) > 0xFFFF
    return one if is_plain else f"\\u{ord(one):04x}"
