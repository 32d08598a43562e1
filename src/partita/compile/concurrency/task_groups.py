"""Lower `async with asyncio.TaskGroup()`: its tasks are branches, its errors one ExceptionGroup."""

from __future__ import annotations

import ast
import asyncio
from collections.abc import Callable
from typing import Any

from partita.compile.concurrency.outcomes import group_error
from partita.compile.context import Context
from partita.compile.jsonata import made, wrapped
from partita.compile.lowered import Lowered, located
from partita.compile.names.objects import target
from partita.compile.tree import Check, Let, Raise, Value
from partita.compile.types import BOOL, ERROR, NEVER, NONE, Type, list_of
from partita.compile.variables import Variable

_RACING = ("timeout", "timeout_at")


def lower_task_group(node: Any, context: Context) -> None:
    """Lower an `async with` statement."""
    item = node.items[0]
    call = item.context_expr
    found = target(call.func, context) if isinstance(call, ast.Call) else None
    if len(node.items) > 1 or found is not asyncio.TaskGroup:
        raise _refused(node, found, context)
    for part in [each for one in node.body for each in ast.walk(one)]:
        if isinstance(part, ast.Raise):
            raise context.refuse(
                part,
                "raise in a TaskGroup",
                "Python cancels those of its tasks that have not begun",
                "raise after the group",
            )
    failures = context.names.new("failures")
    context.block.append(Let(node.lineno, {failures: Value("[]", list_of(NEVER))}))
    if isinstance(item.optional_vars, ast.Name):
        name = item.optional_vars.id
        group = Type("task_group", cls=failures)
        context.variables = {**context.variables, name: Variable(group, "null")}
    context.lower_body([_statement(node, failures)])


def _refused(node: Any, found: Any, context: Context) -> Exception:
    name = getattr(found, "__name__", "")
    if name in _RACING:
        return context.refuse(
            node,
            f"asyncio.{name}",
            "a state machine cannot leave work that is under way",
            "give the activity a start_to_close",
        )
    return context.refuse(
        node,
        "statement AsyncWith",
        "a state machine has no context managers but asyncio.TaskGroup",
        "write it with try and finally, or put it in an activity",
    )


def _statement(node: Any, failures: str) -> ast.stmt:
    """Return the body with what ends it: an error in it is one of the group's."""
    error = f"error of {failures}"  # none of Python's names

    def note(context: Context) -> Value:
        context.local = context.local | {error}
        known = context.variables[error]
        raised = wrapped(Value(known.text, ERROR))
        value = made(f"$append(${failures}, {raised})", list_of(ERROR))
        context.block.append(Let(node.lineno, {failures: value}))
        context.block.append(Raise(node.lineno, group(context)))
        context.is_reachable = False
        return Value("null", NONE)

    def group(context: Context) -> Value:
        raised = Value(f"${failures}", list_of(ERROR))
        text = context.text("unhandled errors in a TaskGroup")
        return group_error(text, raised, context)

    def check(context: Context) -> Value:
        condition = Value(f"$count(${failures}) = 0", BOOL, False)
        context.block.append(Check(node.lineno, condition, group(context)))
        return Value("null", NONE)

    handler = ast.ExceptHandler(None, error, [_effect(note)])
    made_try = ast.Try(node.body, [handler], [], [_effect(check)])
    return located(made_try, node)  # type: ignore[no-any-return]


def _effect(lower: Callable[[Context], Value]) -> ast.stmt:
    return ast.Expr(Lowered(lower))
