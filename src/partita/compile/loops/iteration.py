"""Lower what loops iterate over: to an index, the condition of a next round, and its values."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Callable
from dataclasses import dataclass

from partita.compile.containers.subscripts import element
from partita.compile.context import Context
from partita.compile.jsonata import list_value, looked_up, made
from partita.compile.names.objects import target
from partita.compile.tree import Value
from partita.compile.types import BOOL, FUTURE_SET, INT, NEVER, STR, Type, list_of, tuple_of
from partita.compile.values.dicts import key_of
from partita.compile.values.iterables import is_lazy, iterable, unordered, view, whole, zero
from partita.compile.values.sequences import as_list


@dataclass(frozen=True)
class Iteration:
    """A loop's source: `values` are those of a round, `advance` makes the next one."""

    test: Value
    values: list[Value]
    advance: dict[str, Value]

    def whole(self) -> Value:
        """Return what a round gives, as one value."""
        if len(self.values) == 1:
            return self.values[0]
        return list_value(self.values, tuple_of(*(one.type for one in self.values)))


def iteration(node: ast.AST, source: ast.expr, context: Context) -> Iteration:
    """Lower the source of a loop."""
    if isinstance(source, ast.Call) and isinstance(source.func, ast.Name):
        special = _SPECIAL.get(source.func.id)
        is_own = target(source.func, context) is getattr(builtins, source.func.id, None)
        if special is not None and is_own and _is_simple(source):
            return special(node, source.args, context)
    if isinstance(source, ast.Call) and isinstance(source.func, ast.Attribute):
        owner = context.read(source.func.value) if is_lazy(source, context) else None
        if owner is not None and owner.type.kind == "dict":
            return _dict(node, owner, source.func.attr, context)
        if owner is not None:
            return _lists(node, [view(source, owner, source.func.attr, context)], context)
    if is_lazy(source, context):
        return _lists(node, [iterable(node, source, context)], context)
    value = context.read(source)
    if value.type.kind == "dict":
        return _dict(node, value, "keys", context)
    if value.type.kind == "set":
        raise unordered(source, context)
    return _lists(node, [value], context)


def _is_simple(source: ast.Call) -> bool:
    """Return whether the items of zip and enumerate are lists, and not made by others."""
    is_range = getattr(source.func, "id", "") == "range"
    are_plain = not any(isinstance(one, ast.Call | ast.Starred) for one in source.args)
    return not source.keywords and (is_range or are_plain)


def index(node: ast.AST, begin: Value, context: Context) -> Value:
    """Return a new variable of a loop."""
    return context.let(node, "index", begin)


def _next(variable: Value, step: str = "+ 1") -> dict[str, Value]:
    return {variable.text[1:]: Value(f"{variable.text} {step}", INT, False)}


def _lists(node: ast.AST, sources: list[Value], context: Context) -> Iteration:
    kept = []
    for one in sources:
        if one.type is NEVER:  # what it stands for is refused, or never there
            one = list_value([])
        one = as_list(node, one, context)
        if one.type == FUTURE_SET:
            raise context.refuse(
                node, "loop over a set of futures", "its order is not known", "go over the list"
            )
        if one.type.kind != "list":
            raise context.refuse(
                node,
                f"loop over {one.type}",
                "only lists, dicts of str, range, enumerate and zip are gone over",
                "give a type hint such as list[int]",
            )
        kept.append(context.let(node, "items", one))
    at = index(node, zero(), context)
    test = " and ".join(f"{at.text} < $count({one.text})" for one in kept)
    values = [element(one, at, one.type.item) for one in kept]
    return Iteration(Value(test, BOOL, False), values, _next(at))


def _dict(node: ast.AST, source: Value, view: str, context: Context) -> Iteration:
    kept = context.let(node, "items", source)
    keys = context.let(node, "keys", keys_of(kept))
    at = index(node, zero(), context)
    key = element(keys, at, STR)
    if isinstance(source.type.key, type):
        key = element(keys, at, key_of(source.type))
    value = looked_up(kept, key)
    if source.type.key == "int":
        key = made(f"$number({key.text})", INT, key)
    values = {"keys": [key], "values": [value], "items": [key, value]}[view]
    test = Value(f"{at.text} < $count({keys.text})", BOOL, False)
    return Iteration(test, values, _next(at))


def keys_of(value: Value) -> Value:
    """Return the list of a dict's keys."""
    return made(f"$append([], $keys({value.text}))", list_of(STR), value)


def _range(node: ast.AST, args: list[ast.expr], context: Context) -> Iteration:
    values = [whole(node, one, context, "range") for one in args]
    if not 1 <= len(values) <= 3:
        raise context.refuse(node, "range", "it takes one to three ints", "give ints")
    step = values[2] if len(values) == 3 else None
    begin, end = (zero(), values[0]) if len(values) == 1 else values[:2]
    end = end if end.is_constant else context.let(node, "end", end)
    if step is not None and not (step.is_constant and step.constant):
        return _stepped(node, begin, end, step, context)
    by = 1 if step is None else step.constant
    at = index(node, begin, context)
    test = Value(f"{at.text} {'<' if by > 0 else '>'} {end.atom}", BOOL, False)
    return Iteration(test, [at], _next(at, f"+ {by}" if by > 0 else f"- {-by}"))


def _stepped(node: ast.AST, begin: Value, end: Value, step: Value, context: Context) -> Iteration:
    """Lower a range whose step is only known at run time."""
    by = context.let(node, "step", step)
    message = context.text("range() arg 3 must not be zero")
    context.check(node, f"{by.atom} != 0", ValueError, message, by)
    at = index(node, begin, context)
    test = f"{by.text} > 0 ? {at.text} < {end.atom} : {at.text} > {end.atom}"
    return Iteration(Value(test, BOOL, False), [at], _next(at, f"+ {by.text}"))


def _enumerate(node: ast.AST, args: list[ast.expr], context: Context) -> Iteration:
    if len(args) != 1:
        call = ast.copy_location(ast.Call(ast.Name("enumerate", ast.Load()), args, []), node)
        return _lists(node, [iterable(node, ast.fix_missing_locations(call), context)], context)
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
