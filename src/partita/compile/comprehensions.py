"""Lower comprehensions: to `$reduce` where they are pure, else to loops."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from typing import Any

from partita.compile.concurrent_comprehensions import concurrent_dict, concurrent_list
from partita.compile.conditions import lower_test
from partita.compile.context import Context, Variable, Variables
from partita.compile.diagnostics import RefusedError
from partita.compile.iteration import Iteration, iteration
from partita.compile.jsonata import list_value, made, wrapped
from partita.compile.subscripts import with_key
from partita.compile.tree import Break, If, Let, Loop, Value
from partita.compile.types import NEVER, STR, Type, dict_of, join, list_of, tuple_of
from partita.compile.unpacking import unpacked

Fold = Callable[[Value, Context], Value]
"""Returns the next value of what is accumulated, given the present one."""


def list_comprehension(node: Any, context: Context) -> Value:
    """Lower a list comprehension or a generator expression."""
    concurrent = concurrent_list(node, context) if isinstance(node, ast.ListComp) else None
    if concurrent is not None:
        return concurrent
    if len(node.generators) == 1:
        pure = _pure(node, node.generators[0], context)
        if pure is not None:
            return pure
    types: list[Type] = [NEVER]

    def fold(acc: Value, inner: Context) -> Value:
        item = inner.lower(node.elt)
        types.append(item.type)
        return made(f"$append({acc.text}, {wrapped(item)})", list_of(item.type), acc, item)

    name = folded(node, Value("[]", list_of(NEVER)), fold, context)
    return Value(f"${name}", list_of(_all(types)))


def dict_comprehension(node: Any, context: Context) -> Value:
    """Lower a dict comprehension."""
    concurrent = concurrent_dict(node, context)
    if concurrent is not None:
        return concurrent
    types: list[Type] = [NEVER]

    def fold(acc: Value, inner: Context) -> Value:
        key, value = inner.lower(node.key), inner.lower(node.value)
        if key.type is not STR:
            raise context.refuse(node, "key of a dict", "JSON has keys of str only", "use str(...)")
        types.append(value.type)
        return with_key(acc, key, value)

    name = folded(node, Value("{}", dict_of(NEVER)), fold, context)
    return Value(f"${name}", dict_of(_all(types)))


def _all(types: list[Type]) -> Type:
    found = NEVER
    for one in types:
        found = join(found, one)
    return found


def folded(
    node: Any,
    begin: Value,
    fold: Fold,
    context: Context,
    ends: Callable[[Value], Value] | None = None,
) -> str:
    """Loop over all generators of a comprehension; return the variable with what is accumulated.

    `ends` gives the condition on which the loop is left.
    """
    name = context.names.new("result")
    context.block.append(Let(node.lineno, {name: begin}))
    before, mark = context.variables, len(context.bound)
    context.rounds += 1
    try:
        _loop(node, list(node.generators), name, begin, fold, context, ends)
    finally:
        context.rounds -= 1
        context.variables = context.merged(before, mark)
    return name


def _loop(
    node: Any,
    generators: list[ast.comprehension],
    name: str,
    begin: Value,
    fold: Fold,
    context: Context,
    ends: Callable[[Value], Value] | None,
) -> None:
    acc = Value(f"${name}", begin.type)
    if not generators:
        context.block.append(Let(node.lineno, {name: fold(acc, context)}))
        if ends is not None:
            context.block.append(If(node.lineno, ends(acc), [Break(node.lineno)], []))
        return
    first, rest = generators[0], generators[1:]
    if first.is_async or (rest and ends is not None):
        raise context.refuse(node, "comprehension", "it is not compiled in this form", "use a loop")
    over = iteration(node, first.iter, context)
    with context.captured() as body:
        _bind(first.target, over, context)
        context.block.append(Let(node.lineno, over.advance))
        _filtered(node, list(first.ifs), generators[1:], name, begin, fold, context, ends)
    context.block.append(Loop(node.lineno, [], over.test, body, []))


def _filtered(
    node: Any,
    ifs: list[ast.expr],
    rest: list[ast.comprehension],
    name: str,
    begin: Value,
    fold: Fold,
    context: Context,
    ends: Callable[[Value], Value] | None,
) -> None:
    if not ifs:
        _loop(node, rest, name, begin, fold, context, ends)
        return
    test = lower_test(ifs[0], context)
    with context.captured() as body, context.assuming(test.when_true):
        _filtered(node, ifs[1:], rest, name, begin, fold, context, ends)
    context.block.append(If(node.lineno, test.value, body, []))


def _bind(target: ast.expr, over: Iteration, context: Context) -> None:
    """Assign the targets, which are variables of the comprehension alone."""
    values = {}
    for name, value in targets(target, over, context):
        variable = context.names.new(context.names.of(name))
        values[variable] = value
        context.forget(name)
        context.variables = {**context.variables, name: Variable(value.type, f"${variable}")}
    context.block.append(Let(target.lineno, values))


def targets(target: ast.expr, over: Iteration, context: Context) -> list[tuple[str, Value]]:
    """Return the names that a round of an iteration assigns, and their values."""
    found = []
    for one, value in _parts(target, over, context):
        if not isinstance(one, ast.Name):
            raise context.refuse(
                one, "loop target", "only names are compiled", "assign the item in the loop"
            )
        found.append((one.id, value))
    return found


def _parts(target: ast.expr, over: Iteration, context: Context) -> Iterator[tuple[ast.expr, Value]]:
    is_pair = isinstance(target, ast.Tuple | ast.List) and len(target.elts) == len(over.values)
    if len(over.values) > 1 and is_pair and not any(_is_starred(e) for e in target.elts):  # type: ignore[attr-defined]
        for one, value in zip(target.elts, over.values, strict=True):  # type: ignore[attr-defined]
            yield from unpacked(one, value, context)
        return
    value = over.values[0] if len(over.values) == 1 else _tuple(over.values)
    yield from unpacked(target, value, context)


def _is_starred(node: ast.expr) -> bool:
    return isinstance(node, ast.Starred)


def _tuple(values: list[Value]) -> Value:
    return list_value(values, tuple_of(*(one.type for one in values)))


def _pure(node: Any, generator: ast.comprehension, context: Context) -> Value | None:
    """Return the comprehension as one expression; None if it needs a loop."""
    if not isinstance(generator.target, ast.Name):
        return None
    with context.captured() as block:
        source = context.read(generator.iter) if not _is_special(generator.iter) else None
    if source is None or source.type.kind != "list":
        return None
    item, acc = context.names.new(context.names.of(generator.target.id)), context.names.new("acc")
    narrowed: Variables = {generator.target.id: Variable(source.type.item, f"${item}")}
    with context.captured() as inner, context.assuming(narrowed):
        found = _body(node, generator, acc, context)
    if inner or found is None:
        return None
    context.block.extend(block)
    text, type, parts = found
    whole = f"$reduce({source.text}, function(${acc}, ${item}) {{{text}}}, [])"
    return made(whole, list_of(type), source, *parts)


def _is_special(node: ast.expr) -> bool:
    if not isinstance(node, ast.Call):
        return False
    name = getattr(node.func, "id", None) or getattr(node.func, "attr", "")
    return name in ("range", "enumerate", "zip", "keys", "values", "items")


def _body(
    node: Any, generator: ast.comprehension, acc: str, context: Context
) -> tuple[str, Type, list[Value]] | None:
    narrowed: Variables = {}
    tests = []
    for one in generator.ifs:
        with context.assuming(narrowed):
            test = lower_test(one, context)
        narrowed = {**narrowed, **test.when_true}
        tests.append(test.value)
    with context.assuming(narrowed):
        try:
            item = context.lower(node.elt)
        except RefusedError:
            return None
    text = f"$append(${acc}, {wrapped(item)})"
    for value in reversed(tests):
        text = f"{value.atom} ? {text if text.startswith('$') else f'({text})'} : ${acc}"
    return text, item.type, [item, *tests]
