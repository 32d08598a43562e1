"""Lower what is asked of futures: their results and errors, `wait`, `map` and `starmap`."""

from __future__ import annotations

import ast
from dataclasses import replace
from typing import Any

from partita.authoring.future import DoneAndNotDone, Futures
from partita.compile.concurrency.branches import work_of
from partita.compile.concurrency.comprehensions import begin_each
from partita.compile.concurrency.item_sources import (
    MOST_IN_BATCH,
    OUTSIDE_OF_MAPS,
    given_items,
    item_source,
)
from partita.compile.concurrency.outcomes import result_of, results_of
from partita.compile.concurrency.signals import awaited_signal
from partita.compile.concurrency.time_limits import limited
from partita.compile.context import Context
from partita.compile.jsonata import list_value, made
from partita.compile.lowered import located
from partita.compile.names.objects import target
from partita.compile.tree import ItemSource, Map, Value
from partita.compile.types import ERROR, FUTURE_SET, Type, optional, tuple_of


def is_future(type: Type) -> bool:
    """Return whether a value is a future, or the futures of one `map`."""
    return type.kind == "future" or (type.kind == "list" and type.cls is Futures)


def result_of_signal(node: Any, context: Context) -> Value | None:
    """Lower `signals(...).submit().result(...)`; None: it is another call."""
    if node.func.attr != "result":
        return None
    call = awaited_signal(node.func.value, context)
    if call is None:
        return None
    return context.lower(located(ast.Call(call.func, node.args, node.keywords), node))


def future_method(node: Any, owner: Value, context: Context) -> Value:
    """Lower a method of a future."""
    name = node.func.attr
    if name == "result" and (node.args or node.keywords):
        owner = limited(node, owner, context)
    if name == "result" and _is_fulfilled(node.func.value, owner, context):
        return made(f"{owner.text}.value", owner.type.item, owner)
    if name == "result":
        lower = result_of if owner.type.kind == "future" else results_of
        return lower(node, owner, context)
    if name == "exception" and owner.type.kind == "future" and not (node.args or node.keywords):
        owner = context.simple(node, owner)
        error = f"$exists({owner.text}.error) ? {owner.text}.error : null"
        return made(error, optional(ERROR), owner, is_atom=False)
    ways = {
        "cancel": "let the work end, or make it short",
        "add_done_callback": "call the function after result()",
    }
    raise context.refuse(
        node,
        f"{name} of a future",
        "a state machine cannot ask or change how far a branch is",
        ways.get(name, "call result() or exception(), which wait"),
    )


def _is_fulfilled(node: ast.expr, owner: Value, context: Context) -> bool:
    """Return whether a test has told that a future has a result."""
    known = context.variables.get(f"{ast.unparse(node)}.exception()")
    return known is not None and known.text == owner.text


def lower_wait(node: Any, context: Context) -> Value:
    """Lower `wait(futures)`: they are all done."""
    given = {one.arg: one.value for one in node.keywords}
    when = given.pop("return_when", None) or (node.args[2] if len(node.args) > 2 else None)
    limit = given.pop("timeout", None) or (node.args[1] if len(node.args) > 1 else None)
    is_limited = limit is not None and ast.unparse(limit) != "None"
    if given or is_limited or (when is not None and not _is_all(when, context)):
        raise context.refuse(
            node,
            "wait for some of the futures",
            "the branches of a state machine all end before it goes on",
            "wait for all, without timeout and return_when",
        )
    futures = context.read(node.args[0])
    is_list = futures.type.kind in ("list", "tuple")
    if not is_list or any(one.kind not in ("future", "never") for one in futures.type.parts):
        raise context.refuse(
            node, f"wait for {futures.type}", "it is no list of futures", "give a list of futures"
        )
    none = Value("[]", FUTURE_SET)
    type = replace(tuple_of(FUTURE_SET, FUTURE_SET), cls=DoneAndNotDone)
    return list_value([futures, none], type)


def waited_attribute(node: ast.Attribute, value: Value) -> Value | None:
    """Return `done` or `not_done` of what `wait` gives."""
    if value.type.cls is not DoneAndNotDone or node.attr not in ("done", "not_done"):
        return None
    return made(f"{value.atom}[{'01'[node.attr == 'not_done']}]", FUTURE_SET, value)


def _is_all(node: ast.expr, context: Context) -> bool:
    constant = node.value if isinstance(node, ast.Constant) else target(node, context)
    return constant == "ALL_COMPLETED"


def lower_map(node: Any, context: Context) -> Value:
    """Lower `activity.map(items)` or `activity.starmap(items)`."""
    is_distributed, batch = _options(node, context)
    if len(node.args) != 1:
        raise context.refuse(node, node.func.attr, "it takes one list", "give a list")
    items = node.args[0]
    source = item_source(items, context)
    if source is not None and not is_distributed:
        raise context.refuse(node, ast.unparse(items.func), *OUTSIDE_OF_MAPS)
    is_star = node.func.attr == "starmap"
    with given_items(items, source, batch, context) as items:
        count = _width(node, items, context) if is_star else 1
        names = [located(ast.Name(f"part {number}", ast.Load()), items) for number in range(count)]
        bound = [located(ast.Name(one.id, ast.Store()), items) for one in names]
        goal = bound[0] if not is_star else located(ast.Tuple(bound, ast.Store()), items)
        function = located(ast.Attribute(node.func.value, "submit", ast.Load()), node)
        call = located(ast.Call(function, names, []), node)
        work = work_of(call, context)
        comprehension = located(ast.ListComp(call, [ast.comprehension(goal, items, [], 0)]), node)
        before = context.local
        context.local = before | {one.id for one in names}
        found = None if work is None else begin_each(comprehension, work, [], context)
        if found is None and (source is not None or batch is not None):
            raise context.refuse(node, "map", "its work is no call of its own", "map an activity")
        if found is None:
            value = context.lower(comprehension)
            context.local = before
            return _as_futures(value)
    _set_options(context, is_distributed, batch, source)
    return _as_futures(found.futures)


def _set_options(
    context: Context, is_distributed: bool, batch: int | None, source: ItemSource | None
) -> None:
    number = max(at for at, one in enumerate(context.block) if isinstance(one, Map))
    one = context.block[number]
    assert isinstance(one, Map)
    if is_distributed:
        made = replace(one, is_distributed=True, batch=batch, source=source)
        context.block[number] = made


def _options(node: Any, context: Context) -> tuple[bool, int | None]:
    """Return whether a map is distributed, and how many items a batch has."""
    options = {str(one.arg): one.value for one in node.keywords}
    values: dict[str, Any] = {name: getattr(one, "value", ...) for name, one in options.items()}
    distributed, batch = values.pop("distributed", False), values.pop("batch", None)
    is_batch = batch is None or (type(batch) is int and 1 <= batch <= MOST_IN_BATCH and distributed)
    is_known = not values and (not options or node.func.attr == "map")
    if not is_known or distributed is ... or not is_batch:
        raise context.refuse(
            node,
            node.func.attr,
            "it has other options",
            "write map(items, distributed=True), with batch=NUMBER",
        )
    return bool(distributed), batch


def _as_futures(value: Value) -> Value:
    return replace(value, type=replace(value.type, cls=Futures))


def _width(node: Any, items: ast.expr, context: Context) -> int:
    """Return how many parts each item has."""
    name = "whole item"
    goal = ast.comprehension(ast.Name(name, ast.Store()), items, [], 0)
    before, context.local = context.local, context.local | {name}
    with context.captured():
        value = context.lower(located(ast.ListComp(ast.Name(name, ast.Load()), [goal]), items))
    context.local = before
    item = value.type.item if value.type.kind == "list" else value.type
    if item.kind != "tuple":
        raise context.refuse(
            node, "starmap", "the number of arguments is not known", "give a list of tuples"
        )
    return len(item.parts)
