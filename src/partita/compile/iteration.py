"""Lower what loops go over to an index, the condition of a next round, and its values."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Callable
from dataclasses import dataclass

from partita.compile.context import Context
from partita.compile.jsonata import list_value, literal, made
from partita.compile.module_names import target
from partita.compile.sequences import as_list
from partita.compile.subscripts import element
from partita.compile.tree import Value
from partita.compile.types import BOOL, INT, NEVER, STR, Type, list_of


@dataclass(frozen=True)
class Iteration:
    """A loop's source: `values` are those of a round, `advance` makes the next one."""

    test: Value
    values: list[Value]
    advance: dict[str, Value]

    def split(self) -> list[Value]:
        """Return the parts of the one value of a round, if it is a tuple."""
        value = self.values[0]
        if value.type.kind != "tuple":
            return self.values
        indices = [literal(number) for number in range(len(value.type.parts))]
        return [
            element(value, index, part)
            for index, part in zip(indices, value.type.parts, strict=True)
            if index is not None
        ]


def iteration(node: ast.AST, source: ast.expr, context: Context) -> Iteration:
    """Lower the source of a loop."""
    if isinstance(source, ast.Call) and isinstance(source.func, ast.Name):
        special = _SPECIAL.get(source.func.id)
        is_own = target(source.func, context) is getattr(builtins, source.func.id, None)
        if special is not None and is_own and not source.keywords:
            return special(node, source.args, context)
    if _is_view(source):
        assert isinstance(source, ast.Call)
        assert isinstance(source.func, ast.Attribute)
        return _dict(node, context.read(source.func.value), source.func.attr, context)
    value = context.read(source)
    if value.type.kind == "dict":
        return _dict(node, value, "keys", context)
    return _lists(node, [value], context)


def _is_view(node: ast.expr) -> bool:
    is_method = isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
    return is_method and not node.args and node.func.attr in ("keys", "values", "items")  # type: ignore[attr-defined]


def index(node: ast.AST, begin: Value, context: Context) -> Value:
    """Return a new variable of a loop."""
    return context.let(node, "index", begin)


def _zero() -> Value:
    found = literal(0)
    assert found is not None
    return found


def _next(variable: Value, step: str = "+ 1") -> dict[str, Value]:
    return {variable.text[1:]: Value(f"{variable.text} {step}", INT, False)}


def _lists(node: ast.AST, sources: list[Value], context: Context) -> Iteration:
    kept = []
    for one in sources:
        if one.type is NEVER:  # what it stands for is refused, or never there
            one = list_value([])
        one = as_list(node, one, context)
        if one.type.kind != "list":
            raise context.refuse(
                node,
                f"loop over {one.type}",
                "only lists, dicts of str, range, enumerate and zip are gone over",
                "give a type hint such as list[int]",
            )
        kept.append(context.let(node, "items", one))
    at = index(node, _zero(), context)
    test = " and ".join(f"{at.text} < $count({one.text})" for one in kept)
    values = [element(one, at, one.type.item) for one in kept]
    return Iteration(Value(test, BOOL, False), values, _next(at))


def _dict(node: ast.AST, source: Value, view: str, context: Context) -> Iteration:
    if source.type.kind != "dict":
        return _lists(node, [source], context)
    kept = context.let(node, "items", source)
    keys = context.let(node, "keys", keys_of(kept))
    at = index(node, _zero(), context)
    key = element(keys, at, STR)
    value = made(f"$lookup({kept.text}, {key.text})", source.type.item, kept, key)
    values = {"keys": [key], "values": [value], "items": [key, value]}[view]
    test = Value(f"{at.text} < $count({keys.text})", BOOL, False)
    return Iteration(test, values, _next(at))


def keys_of(value: Value) -> Value:
    """Return the list of a dict's keys."""
    return made(f"$append([], $keys({value.text}))", list_of(STR), value)


def _range(node: ast.AST, args: list[ast.expr], context: Context) -> Iteration:
    values = [context.read(one) for one in args]
    if not 1 <= len(values) <= 3 or any(one.type is not INT for one in values):
        raise context.refuse(node, "range", "it takes one to three ints", "give ints")
    step = values[2] if len(values) == 3 else None
    if step is not None and not (step.is_constant and step.constant):
        raise context.refuse(node, "range", "its step must be a constant", "use a while loop")
    by = 1 if step is None else step.constant
    begin, end = (_zero(), values[0]) if len(values) == 1 else values[:2]
    end = end if end.is_constant else context.let(node, "end", end)
    at = index(node, begin, context)
    test = Value(f"{at.text} {'<' if by > 0 else '>'} {end.atom}", BOOL, False)
    return Iteration(test, [at], _next(at, f"+ {by}" if by > 0 else f"- {-by}"))


def _enumerate(node: ast.AST, args: list[ast.expr], context: Context) -> Iteration:
    if len(args) != 1:
        raise context.refuse(node, "enumerate", "only its first argument is compiled", "add to it")
    over = _lists(node, [context.read(args[0])], context)
    number = Value(f"${next(iter(over.advance))}", INT)
    return Iteration(over.test, [number, *over.values], over.advance)


def _zip(node: ast.AST, args: list[ast.expr], context: Context) -> Iteration:
    if not args:
        raise context.refuse(node, "zip", "it has no arguments", "give lists")
    found = _lists(node, [context.read(one) for one in args], context)
    return found if len(args) > 1 else Iteration(found.test, [_single(found)], found.advance)


def _single(found: Iteration) -> Value:
    value = found.values[0]
    return Value(f"[{value.text}]", Type("tuple", (value.type,)))


_Lower = Callable[[ast.AST, list[ast.expr], Context], Iteration]
_SPECIAL: dict[str, _Lower] = {"range": _range, "enumerate": _enumerate, "zip": _zip}
