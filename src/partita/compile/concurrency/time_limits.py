"""Lower `result(timeout=...)` of one activity, whose task the time limits.

Nothing but assignments may be between the call and the wait, so that the time is the same.
"""

from __future__ import annotations

import ast
from dataclasses import replace
from typing import Any

from partita.authoring.activity import ActivityFunction, AsyncActivityFunction
from partita.compile.context import Context
from partita.compile.tree import Branch, Call, Let, Node, Parallel, Value
from partita.compile.types import NONE, Type
from partita.compile.variables import Variable

_ASKED = "future whose result was asked for with a timeout"


def limited(node: Any, future: Value, context: Context) -> Value:
    """Return a future that is done within a time; nothing can ask for it again."""
    limit = _limit(node, context)
    if limit is None:
        return future
    block, number, branch = _origin(node, future, context)
    parallel = block[number]
    assert isinstance(parallel, Parallel)
    call = branch.call
    if call is None or not _is_alone(call):
        raise _refused(node, context, "only one attempt of one activity has such a limit")
    settings = call.activity.settings
    own = settings.start_to_close or settings.schedule_to_close
    if own is None or own > limit:
        body = [replace(call, limit=limit), branch.body[-1]]
        changed = replace(branch, body=body)
        branches = [changed if one is branch else one for one in parallel.branches]
        block[number] = replace(parallel, branches=branches)
    _forget(node.func.value, context)
    return future


def _limit(node: Any, context: Context) -> int | None:
    """Return the seconds of `result(timeout)`; None: there is no limit."""
    given = [*node.args, *(one.value for one in node.keywords if one.arg == "timeout")]
    if len(given) != 1 or len(node.args) + len(node.keywords) != 1:
        raise context.refuse(node, "result", "it takes a timeout", "give one argument")
    value = context.read(given[0])
    if value.type is NONE:
        return None
    constant = value.constant if value.is_constant else None
    if value.type.kind == "timedelta" and value.text.isdigit():
        constant = int(value.text) / 1000
    if not isinstance(constant, int | float) or constant < 1 or constant != int(constant):
        raise _refused(node, context, "a task is limited to whole seconds that are known before")
    return int(constant)


def _refused(node: ast.AST, context: Context, why: str) -> Exception:
    return context.refuse(node, "result(timeout)", why, "give the activity a start_to_close")


def _origin(node: ast.AST, future: Value, context: Context) -> tuple[list[Node], int, Branch]:
    """Return where a future begins: the block, the place in it, and the branch."""
    name = future.text[1:]
    places = [
        (block, number)
        for block in [*context.before, context.block]
        for number in range(len(block))
    ]
    for block, number in reversed(places):
        one = block[number]
        if isinstance(one, Parallel):
            found = [branch for branch in one.branches if branch.variable == name]
            if found:
                return block, number, found[0]
        if not isinstance(one, Let):
            break
        known = one.values.get(name)
        name = known.text[1:] if known is not None else name
    raise _refused(node, context, "something is between the call and the wait for its result")


def _is_alone(call: Call) -> bool:
    activity = call.activity
    if not isinstance(activity, ActivityFunction | AsyncActivityFunction):
        return False
    policy = activity.settings.retry_policy
    return policy is None or policy.max_attempts == 1


def _forget(node: ast.expr, context: Context) -> None:
    """Refuse later questions to the future, whose work goes on in Python."""
    if not isinstance(node, ast.Name):
        return
    known = context.variables[node.id]
    asked = Variable(Type(_ASKED, known.type.parts), known.text)
    for seen in [context.variables, *context.enclosing.tries]:
        if node.id in seen:
            seen[node.id] = asked
