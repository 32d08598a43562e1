"""Lower comprehensions that begin work for each item, or ask for the results of futures.

What the work needs of each item is computed first, so that all of it can begin at once. Where
computing it may fail, or calls something, the comprehension is a loop as any other one.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from partita.compile.concurrency.branches import (
    Beginning,
    Work,
    branch_of,
    called_work,
    hoisted,
    note_failures,
    stand_in,
    work_of,
)
from partita.compile.concurrency.outcomes import results_of
from partita.compile.containers.subscripts import element
from partita.compile.context import Context
from partita.compile.diagnostics import RefusedError
from partita.compile.jsonata import literal, made
from partita.compile.lowered import located
from partita.compile.tree import If, Let, Loop, Map, Node, Value
from partita.compile.types import STR, dict_of, future_of, list_of

_CHANGING = re.compile(r"\$(?:uuid|random|now|millis|shuffle)\(|State\.EnteredTime")


@dataclass
class _Attempt:
    """Whether what was tried is compiled."""

    is_kept: bool = False


@contextmanager
def attempt(context: Context) -> Iterator[_Attempt]:
    """Try to lower something; what is not kept leaves nothing behind."""
    found, variables = context.compilation.diagnostics.noted(), context.variables
    tried = _Attempt()
    try:
        with context.captured() as block:
            yield tried
    except RefusedError:
        tried.is_kept = False
    if tried.is_kept:
        context.block.extend(block)
    else:
        context.variables = variables
        context.compilation.diagnostics.restore(found)


def concurrent_list(node: ast.ListComp, context: Context) -> Value | None:
    """Lower a list comprehension of futures, or of their results; None: it is another one."""
    elt = node.elt
    work = elt.work if isinstance(elt, Beginning) else work_of(elt, context)
    if work is not None:
        found = begin_each(node, work, [], context)
        return None if found is None else found.futures
    return _results(node, context)


def sequential_list(node: ast.ListComp, context: Context) -> Value | None:
    """Lower `[activity(item) for item in items]` to calls of a Map state, one after the other.

    None: it is another comprehension, or one whose arguments may fail between the calls.
    """
    call = node.elt.value if isinstance(node.elt, ast.Await) else node.elt
    if not isinstance(call, ast.Call):
        return None
    work = called_work(call, call.func, call.args, call.keywords, context)
    if work is None or isinstance(work.expression, ast.Await) != isinstance(node.elt, ast.Await):
        return None
    found: Begun | None = None
    with attempt(context) as tried:
        found = _begun(node, work, [], context, literal(1))
        last = context.block[-1] if found is not None else None
        is_fixed = not _CHANGING.search(repr(context.block))  # before each call it may be another
        if isinstance(last, Map) and last.branch.call is not None and is_fixed:
            context.block[-1] = replace(last, is_sequential=True)
            tried.is_kept = True
    if found is None or not tried.is_kept:
        return None
    return replace(found.futures, type=list_of(found.futures.type.item.item))


def concurrent_dict(node: ast.DictComp, context: Context) -> Value | None:
    """Lower a dict comprehension of futures; None: it is another one."""
    work = work_of(node.value, context)
    found = None if work is None else begin_each(node, work, [node.key], context)
    if found is None:
        return None
    if found.items.type.item.parts[0] is not STR:
        raise context.refuse(node.key, "key of a dict", "JSON has keys of str only", "use str(...)")
    acc, item, at = (context.names.new(stem) for stem in ("acc", "item", "index"))
    member = f"{{${item}[0]: {found.futures.text}[${at}]}}"
    text = (
        f"$reduce({found.items.text}, function(${acc}, ${item}, ${at}) "
        f"{{$merge([${acc}, {member}])}}, {{}})"
    )
    return made(text, dict_of(found.futures.type.item), found.items, found.futures)


@dataclass(frozen=True)
class Begun:
    """What was begun for each item."""

    items: Value
    futures: Value


def begin_each(
    node: Any,
    work: Work,
    kept: list[ast.expr],
    context: Context,
    concurrency: Value | None = None,
) -> Begun | None:
    """Begin the work of a comprehension for all items; `kept` are wanted of each item, too."""
    with attempt(context) as tried:
        found = _begun(node, work, kept, context, concurrency)
        tried.is_kept = found is not None
    return found if tried.is_kept else None


def _begun(
    node: Any, work: Work, kept: list[ast.expr], context: Context, concurrency: Value | None
) -> Begun | None:
    bound = set(_names(one.target for one in node.generators))
    given = [*work.call.args, *(one.value for one in work.call.keywords)]
    if bound & _free_names(work.call.func) or any(isinstance(a, ast.Starred) for a in given):
        return None
    moving = [one for one in given if bound & set(_names([one])) or _changes(one, context)]
    items = _items(node, [*kept, *moving], context)
    if items is None or not _is_pure(context.block, is_inside=False):
        return None
    items = context.simple(node, items)
    before = len(context.block)
    same = {id(one): hoisted(one, context) for one in given if one not in moving}
    if any(not isinstance(one, Let) for one in context.block[before:]):
        return None
    item = context.names.new("item")
    for number, one in enumerate(moving, len(kept)):
        same[id(one)] = stand_in(one, _part(items, item, number, len(kept) + len(moving)), context)
    args = [same[id(one)] for one in work.call.args]
    keywords = [ast.keyword(one.arg, same[id(one.value)]) for one in work.call.keywords]
    branch, type = branch_of(node, work.name, work.with_arguments(args, keywords), context)
    context.block.append(Map(node.lineno, items, item, branch, concurrency))
    futures = Value(f"${branch.variable}", list_of(future_of(type)))
    note_failures(node, work, futures, context)
    return Begun(items, futures)


def _changes(node: ast.expr, context: Context) -> bool:
    """Return whether an expression has another value each time, such as `uuid4()`."""
    if not any(isinstance(part, ast.Call) for part in ast.walk(node)):
        return False
    told = ""
    with attempt(context):
        told = f"{context.lower(node).text} {context.block!r}"
    return _CHANGING.search(told) is not None


def _names(nodes: Iterable[ast.AST]) -> Iterator[str]:
    for node in nodes:
        yield from (part.id for part in ast.walk(node) if isinstance(part, ast.Name))


def _free_names(function: ast.expr) -> set[str]:
    """Return the names that a function's expression reads, but for a lambda's own."""
    own = {one.arg for one in function.args.args} if isinstance(function, ast.Lambda) else set()
    return set(_names([function])) - own


def _part(items: Value, item: str, number: int, count: int) -> Value:
    whole = Value(f"${item}", items.type.item)
    index = literal(number)
    if count == 1 or index is None:
        return whole
    return element(whole, index, items.type.item.parts[number])


def _items(node: Any, parts: list[ast.expr], context: Context) -> Value | None:
    """Return the list of what is needed of each item."""
    first = node.generators[0]
    is_plain = len(node.generators) == 1 and not first.ifs and isinstance(first.target, ast.Name)
    if is_plain and len(parts) == 1 and ast.unparse(parts[0]) == first.target.id:
        with attempt(context) as tried:
            value = context.lower(first.iter)
            tried.is_kept = value.type.kind == "list"
        if tried.is_kept:
            return value
    if len(parts) == 1:
        elt: ast.expr = parts[0]
    else:
        elt = ast.Tuple([*parts, *([] if parts else [ast.Constant(0)])], ast.Load())
    value = context.lower(located(ast.ListComp(elt, node.generators), node))
    return value if value.type.kind == "list" else None


def _is_pure(nodes: list[Node], is_inside: bool) -> bool:
    """Return whether no round of a loop can fail or do something."""
    for node in nodes:
        match node:
            case If():
                is_pure = _is_pure([*node.body, *node.orelse], is_inside)
            case Loop():
                is_pure = _is_pure([*node.head, *node.body, *node.orelse], True)
            case _:
                is_pure = isinstance(node, Let) or not is_inside
        if not is_pure:
            return False
    return True


def _results(node: ast.ListComp, context: Context) -> Value | None:
    """Lower `[p.result() for p in futures]`."""
    first = node.generators[0]
    if len(node.generators) > 1 or first.ifs or not isinstance(first.target, ast.Name):
        return None
    awaited = f"await {first.target.id}"
    if ast.unparse(node.elt) not in (f"{first.target.id}.result()", awaited):
        return None
    found: Value | None = None
    with attempt(context) as tried:
        futures = context.read(first.iter)
        if futures.type.kind == "list" and futures.type.item.kind == "future":
            found = results_of(node, futures, context)
            tried.is_kept = True
    return found if tried.is_kept else None
