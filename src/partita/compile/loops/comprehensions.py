"""Lower comprehensions: to `$reduce` where they are pure, else to loops."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from partita.compile.concurrency.comprehensions import (
    attempt,
    concurrent_dict,
    concurrent_list,
    sequential_list,
)
from partita.compile.containers.subscripts import with_key
from partita.compile.containers.unpacking import unpacked
from partita.compile.context import Context
from partita.compile.diagnostics import RefusedError
from partita.compile.jsonata import made, wrapped
from partita.compile.loops.iteration import Iteration, iteration
from partita.compile.operators.conditions import lower_test
from partita.compile.tree import Break, If, Let, Loop, Value
from partita.compile.types import NEVER, STR, Type, dict_of, join, kind_of_key, list_of
from partita.compile.values.dicts import takes_key
from partita.compile.values.dynamic import is_open
from partita.compile.values.iterables import iterable
from partita.compile.values.sets import set_from
from partita.compile.variables import Variable

Fold = Callable[[Value, Context], Value]
"""Returns the next value of what is accumulated, given the present one."""


def list_comprehension(node: Any, context: Context) -> Value:
    """Lower a list comprehension or a generator expression."""
    if isinstance(node, ast.ListComp):
        mapped = concurrent_list(node, context) or sequential_list(node, context)
        if mapped is not None:
            return mapped
    types: list[Type] = [NEVER]

    def fold(acc: Value, inner: Context) -> Value:
        item = inner.lower(node.elt)
        types.append(item.type)
        return made(f"$append({acc.text}, {wrapped(item)})", list_of(item.type), acc, item)

    begin = Value("[]", list_of(NEVER))
    found = reduced(node, begin, fold, context)
    if found is None:
        types.clear()
        found = Value(f"${folded(node, begin, fold, context)}", NEVER)
    return replace(found, type=list_of(_all(types)))


def set_comprehension(node: Any, context: Context) -> Value:
    """Lower a set comprehension."""
    items = list_comprehension(
        ast.copy_location(ast.GeneratorExp(node.elt, node.generators), node), context
    )
    return made_set(node, items, context)


def made_set(node: Any, items: Value, context: Context) -> Value:
    """Return the set of the items of a list."""
    found = set_from(node, items, context)
    if found is None:
        raise context.refuse(
            node,
            f"set of {items.type.item}",
            "a state machine does not tell such elements apart as Python does",
            "use a list, or a dict with the keys",
        )
    return found


def dict_comprehension(node: Any, context: Context) -> Value:
    """Lower a dict comprehension."""
    concurrent = concurrent_dict(node, context)
    if concurrent is not None:
        return concurrent
    types: list[Type] = [NEVER]

    def fold(acc: Value, inner: Context) -> Value:
        key, value = inner.lower(node.key), inner.lower(node.value)
        key = as_key(node, key, inner)
        types.append(value.type)
        keys.append(kind_of_key(key.type))
        return with_key(replace(acc, type=dict_of(NEVER)), key, value)

    keys: list[Any] = []
    begin = Value("{}", dict_of(NEVER))
    found = reduced(node, begin, fold, context)
    if found is None:
        types.clear()
        found = Value(f"${folded(node, begin, fold, context)}", NEVER)
    return replace(found, type=dict_of(_all(types), keys[-1] if keys else "str"))


def as_key(node: ast.AST, key: Value, context: Context) -> Value:
    """Return the key of a dict, which is a text."""
    if key.type is NEVER:
        return key
    if is_open(key):
        key = context.simple(node, key)
        error = context.guard_text(node, "a key of a dict that is no text")
        text = f'$type({key.text}) = "string" ? {key.atom} : {error}'
        return made(text, STR, key, is_atom=False)
    if not takes_key(dict_of(NEVER), key.type):
        raise context.refuse(node, "key of a dict", "only str and int are compiled", "use str(...)")
    return key


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
    before, mark = context.variables, len(context.bindings.order)
    local = context.local
    context.enclosing.rounds += 1
    try:
        made = _Accumulation(node, Value(f"${name}", begin.type), fold, ends)
        _loop(made, list(node.generators), context)
    finally:
        context.enclosing.rounds -= 1
        context.variables, context.local = context.merged(before, mark), local
    return name


@dataclass(frozen=True)
class _Accumulation:
    """What the innermost round of a comprehension does."""

    node: Any
    value: Value  # the variable of what is accumulated
    fold: Fold
    ends: Callable[[Value], Value] | None


def _loop(made: _Accumulation, generators: list[ast.comprehension], context: Context) -> None:
    row = made.node.lineno
    if not generators:
        context.block.append(Let(row, {made.value.text[1:]: made.fold(made.value, context)}))
        if made.ends is not None:
            context.block.append(If(row, made.ends(made.value), [Break(row)], []))
        return
    first, rest = generators[0], generators[1:]
    if first.is_async or (rest and made.ends is not None):
        raise context.refuse(
            made.node, "comprehension", "it is not compiled in this form", "use a loop"
        )
    over = iteration(made.node, first.iter, context)
    with context.captured() as body:
        _bind(first.target, over, context)
        context.block.append(Let(row, over.advance))
        _filtered(made, list(first.ifs), rest, context)
    context.block.append(Loop(row, [], over.test, body, []))


def _filtered(
    made: _Accumulation, ifs: list[ast.expr], rest: list[ast.comprehension], context: Context
) -> None:
    if not ifs:
        _loop(made, rest, context)
        return
    test = lower_test(ifs[0], context)
    with context.captured() as body, context.assuming(test.when_true):
        _filtered(made, ifs[1:], rest, context)
    context.block.append(If(made.node.lineno, test.value, body, []))


def _bind(target: ast.expr, over: Iteration, context: Context) -> None:
    """Assign the targets, which are variables of the comprehension alone."""
    values = {}
    for name, value in targets(target, over, context):
        variable = context.names.new(context.names.of(name))
        values[variable] = value
        context.forget(name)
        context.local |= {name}
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
    value = over.values[0] if len(over.values) == 1 else over.whole()
    yield from unpacked(target, value, context)


def _is_starred(node: ast.expr) -> bool:
    return isinstance(node, ast.Starred)


# -- as one expression


def reduced(node: Any, begin: Value, fold: Fold, context: Context) -> Value | None:
    """Return what `folded` accumulates as one expression; None if it needs a loop."""
    if any(one.is_async for one in node.generators):
        return None
    with attempt(context) as tried:
        text, parts = _nested(node, list(node.generators), begin, fold, context)
        tried.is_kept = True
    return made(text, NEVER, *parts) if tried.is_kept else None


class _ImpureError(RefusedError):
    """A part of the comprehension becomes nodes of the tree."""


def _nested(
    node: Any, generators: list[ast.comprehension], acc: Value, fold: Fold, context: Context
) -> tuple[str, list[Value]]:
    if not generators:
        grown = fold(acc, context)
        return grown.text, [grown]
    first = generators[0]
    source = iterable(node, first.iter, context)
    if source.type.kind != "list":
        raise _ImpureError
    stem = context.names.of(first.target.id) if isinstance(first.target, ast.Name) else "item"
    item, inner = context.names.new(stem), context.names.new("acc")
    variables, local = context.variables, context.local
    context.enclosing.rounds += 1
    try:
        with context.captured() as block:
            begun = _round_variables(first.target, Value(f"${item}", source.type.item), context)
            tests = _tests(first.ifs, context)
            text, parts = _nested(node, generators[1:], Value(f"${inner}", acc.type), fold, context)
    finally:
        context.enclosing.rounds -= 1
    context.variables, context.local = variables, local
    if block:
        raise _ImpureError
    for test in reversed(tests):
        text = f"{test.atom} ? {text if text.startswith('$') else f'({text})'} : ${inner}"
    whole = f"({begun}{text})" if begun else text
    reduce = f"$reduce({source.text}, function(${inner}, ${item}) {{{whole}}}, {acc.text})"
    return reduce, [source, *tests, *parts]


def _tests(nodes: list[ast.expr], context: Context) -> list[Value]:
    tests = []
    for one in nodes:
        test = lower_test(one, context)
        context.variables = {**context.variables, **test.when_true}
        tests.append(test.value)
    return tests


def _round_variables(target: ast.expr, item: Value, context: Context) -> str:
    """Bind the names of a target; return the assignments that they need."""
    text = ""
    for one, value in unpacked(target, item, context):
        if not isinstance(one, ast.Name):
            raise _ImpureError
        name = item.text
        if value.text != item.text:
            name = "$" + context.names.new(context.names.of(one.id))
            text += f"{name} := {value.text}; "
        context.forget(one.id)
        context.local |= {one.id}
        context.variables = {**context.variables, one.id: Variable(value.type, name)}
    return text
