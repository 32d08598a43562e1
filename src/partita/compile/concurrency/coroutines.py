"""Lower `await`: of coroutines, of futures, and of several at once by `asyncio.gather`."""

from __future__ import annotations

import ast
import asyncio
import inspect
from dataclasses import replace
from typing import Any

from partita.compile.concurrency.branches import Beginning, begin, coroutine_work, work_of
from partita.compile.concurrency.outcomes import (
    check_all,
    known_list,
    reduced,
    result_of,
    results_of,
)
from partita.compile.concurrency.signals import awaited_signal
from partita.compile.context import Context
from partita.compile.jsonata import list_value, made
from partita.compile.lowered import located
from partita.compile.names.objects import target
from partita.compile.tree import Value
from partita.compile.types import NEVER, Type, join, list_of, outcome_of

_RACING: dict[Any, str] = {
    asyncio.wait_for: "give the activity a start_to_close",
    asyncio.shield: "await it directly",
    asyncio.as_completed: "await them in their order, or by asyncio.gather",
}


def is_coroutine(found: Any, context: Context) -> bool:
    """Return whether a call of something gives a coroutine."""
    if found is asyncio.sleep:
        return True
    is_async = bool(getattr(found, "is_async", False))
    return (context.code.is_async and is_async) or inspect.iscoroutinefunction(found)


def lower_await(node: Any, context: Context) -> Value:
    """Lower `await` of a call, or of a future."""
    call = awaited_signal(node.value, context) or node.value
    if not isinstance(call, ast.Call) or _gives_future(call, context):
        return _awaited(node, context.read(call), context)
    found = target(call.func, context)
    if found is asyncio.gather:
        return _gather(call, context)
    if inspect.isfunction(found) and found in _RACING:
        raise context.refuse(
            node,
            ast.unparse(call.func),
            "a state machine cannot go on while the work is under way",
            _RACING[found],
        )
    context.point.awaited = call
    return context.lower(call)


def _gives_future(call: ast.Call, context: Context) -> bool:
    is_map = isinstance(call.func, ast.Attribute) and call.func.attr in ("map", "starmap", "submit")
    return is_map or work_of(call, context) is not None


def _awaited(node: ast.Await, value: Value, context: Context) -> Value:
    if value.type is NEVER:
        return value
    if value.type.kind == "future":
        return result_of(node, value, context)
    if value.type.kind == "list" and value.type.item.kind == "future":
        return results_of(node, value, context)
    raise context.refuse(
        node,
        f"await of {value.type}",
        "only calls of coroutines, and futures, are awaited in a state machine",
        "await a call directly",
    )


def _gather(node: ast.Call, context: Context) -> Value:
    """Lower `asyncio.gather(...)`."""
    keeps = [one.value for one in node.keywords if one.arg == "return_exceptions"]
    is_known = len(keeps) == len(node.keywords) and all(isinstance(k, ast.Constant) for k in keeps)
    if not is_known:
        raise context.refuse(
            node, "gather", "its options must be constants", "write return_exceptions=True"
        )
    is_kept = any(one.value for one in keeps if isinstance(one, ast.Constant))
    if any(isinstance(one, ast.Starred) for one in node.args):
        return _gather_lists(node, is_kept, context)
    futures = [_future(one, context) for one in node.args]
    if is_kept:
        kept = [replace(one, type=outcome_of(one.type.item)) for one in futures]
        return known_list(kept)
    return known_list([result_of(node, one, context) for one in futures])


def _future(node: ast.expr, context: Context) -> Value:
    """Return the future of an argument of gather."""
    work = None if _is_future(node, context) else coroutine_work(node)
    value = context.read(node) if work is None else begin(node, work, context)
    return _checked(node, value, context)


def _is_future(node: ast.expr, context: Context) -> bool:
    if not isinstance(node, ast.Call):
        return True
    return work_of(node, context) is not None


def _checked(node: ast.expr, value: Value, context: Context) -> Value:
    if value.type.kind != "future":
        raise context.refuse(
            node, f"gather of {value.type}", "it is no coroutine and no future", "await it alone"
        )
    return value


def _gather_lists(node: ast.Call, is_kept: bool, context: Context) -> Value:
    """Lower `gather(*[...], ...)`, whose result is a list of any length."""
    parts = [_futures(one, context) for one in node.args]
    result: Type = NEVER
    for one in parts:
        result = join(result, one.type.item.item)
    whole = parts[0]
    for one in parts[1:]:
        whole = made(f"$append({whole.text}, {one.text})", whole.type, whole, one)
    whole = context.simple(node, whole)
    if is_kept:
        return replace(whole, type=list_of(outcome_of(result)))
    check_all(node, whole, context)
    return reduced(whole, "{}.value", result, context)


def _futures(node: ast.expr, context: Context) -> Value:
    """Return the list of futures that an argument of gather gives."""
    if not isinstance(node, ast.Starred):
        one = _future(node, context)
        return list_value([one])
    value = context.read(_begun(node.value, context))
    if value.type.kind == "list" and value.type.item is NEVER:
        return replace(value, type=list_of(Type("future", (NEVER,))))
    if value.type.kind == "tuple":
        parts = [_checked(node, Value("", one), context).type for one in value.type.parts]
        item: Type = NEVER
        for part in parts:
            item = join(item, part)
        return replace(value, type=list_of(item))
    if value.type.kind != "list" or value.type.item.kind != "future":
        raise context.refuse(
            node,
            f"gather of {value.type}",
            "it is no list of coroutines or futures",
            "write *[coroutine(x) for x in xs]",
        )
    return value


def _begun(node: ast.expr, context: Context) -> ast.expr:
    """Return the expression of a list with futures in place of coroutines."""
    if isinstance(node, ast.ListComp | ast.GeneratorExp):
        return located(ast.ListComp(_beginning(node.elt, context), node.generators), node)  # type: ignore[no-any-return]
    if isinstance(node, ast.Call) and target(node.func, context) is map and len(node.args) == 2:
        name = "mapped item"  # none of Python's
        context.local = context.local | {name}
        call = located(ast.Call(node.args[0], [ast.Name(name, ast.Load())], []), node)
        goal = ast.comprehension(ast.Name(name, ast.Store()), node.args[1], [], 0)
        return located(ast.ListComp(_beginning(call, context), [goal]), node)  # type: ignore[no-any-return]
    if isinstance(node, ast.List | ast.Tuple):
        elements = [_beginning(one, context) for one in node.elts]
        return located(ast.List(elements, ast.Load()), node)  # type: ignore[no-any-return]
    return node


def _beginning(node: ast.expr, context: Context) -> ast.expr:
    work = None if _is_future(node, context) else coroutine_work(node)
    return node if work is None else located(Beginning(work), node)
