"""Lower what runs concurrently to branches: submitted calls, spawned functions, tasks.

A future is the outcome of its branch. Branches end before the next state begins.
"""

from __future__ import annotations

import ast
import asyncio
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from partita.authoring.execution import spawn
from partita.compile.concurrency.outcomes import errors_of
from partita.compile.context import Context
from partita.compile.jsonata import list_value
from partita.compile.lowered import located
from partita.compile.names.callees import KINDS, callee_of, class_of, instance_of
from partita.compile.names.objects import target
from partita.compile.tree import Branch, Check, Let, Node, Parallel, Return, Value
from partita.compile.types import Type, future_of
from partita.compile.variables import Variable
from partita.integrations.aws_calls import Action

_VARIABLE = re.compile(r"\$(\w+)")
_MOST_COPIED = 6  # branches, which are written again for each check between them


@dataclass(frozen=True)
class Work:
    """What begins concurrently: the expression that is evaluated then, and its name."""

    expression: ast.expr
    name: str
    call: ast.Call  # whose arguments are evaluated before
    failures: str | None = None  # the variable with the errors of its task group

    def with_arguments(self, args: list[ast.expr], keywords: list[ast.keyword]) -> ast.expr:
        """Return the expression with other arguments."""
        call: ast.expr = located(ast.Call(self.call.func, args, keywords), self.call)
        is_awaited = isinstance(self.expression, ast.Await)
        return located(ast.Await(call), self.call) if is_awaited else call

    def with_call(self, args: list[ast.expr], keywords: list[ast.keyword]) -> Work:
        """Return the work with other arguments."""
        call = located(ast.Call(self.call.func, args, keywords), self.call)
        return replace(self, call=call, expression=self.with_arguments(args, keywords))


class Beginning(ast.expr):
    """An expression that stands for the future of work, where Python has another one."""

    _fields = ("call",)

    def __init__(self, work: Work) -> None:
        super().__init__()
        self.work = work
        self.call = work.call


def work_of(node: ast.expr, context: Context) -> Work | None:
    """Return what an expression begins; None if it begins nothing."""
    if not isinstance(node, ast.Call):
        return None
    if target(node.func, context) is spawn and node.args:
        return _called(located(ast.Call(node.args[0], node.args[1:], node.keywords), node))
    function = node.func
    if isinstance(function, ast.Attribute) and instance_of(function.value, context) is not None:
        is_submit = function.attr == "submit" and node.args
        rest = node.args[1:]
        return called_work(node, node.args[0], rest, node.keywords, context) if is_submit else None
    if isinstance(function, ast.Attribute) and function.attr in ("submit", "begin"):
        return called_work(node, function.value, node.args, node.keywords, context)
    group = _task_group(node, context)
    if group is None or len(node.args) != 1:
        return None
    work = coroutine_work(node.args[0])
    return None if work is None else replace(work, failures=group or None)


def called_work(
    node: ast.AST,
    function: ast.expr,
    args: list[ast.expr],
    keywords: list[ast.keyword],
    context: Context,
) -> Work | None:
    """Return the work of a call of an activity, a child or a Lambda function; None for others."""
    owner: Any = callee_of(function, context) or class_of(function, context)
    named = target(function, context)
    owner = owner or (named if isinstance(named, Action) else _value_of(function, context))
    if owner is None:
        return None
    call = located(ast.Call(_callable(function, context), args, keywords), node)
    return _awaited(call) if owner_is_awaited(owner, context) else _called(call)


def _value_of(node: ast.expr, context: Context) -> Any:
    """Return one of the activities that a variable may stand for; None if it is no such value."""
    known = context.variables.get(node.id) if isinstance(node, ast.Name) else None
    if known is None or known.type.kind != "function":
        return None
    targets = [one.target for one in known.type.cls or ()]
    is_all = bool(targets) and all(isinstance(one, KINDS) for one in targets)
    return targets[0] if is_all else None


def _callable(node: ast.expr, context: Context) -> ast.expr:
    """Return what calls a definition: of a class its `call`."""
    is_class = class_of(node, context) is not None
    return located(ast.Attribute(node, "call", ast.Load()), node) if is_class else node


def owner_is_awaited(owner: Any, context: Context) -> bool:
    """Return whether a call of a definition gives a coroutine here."""
    return context.code.is_async and bool(getattr(owner, "is_async", False))


def _task_group(node: ast.Call, context: Context) -> str | None:
    """Return the variable of the group for which a call makes a task; None: it makes none."""
    found = target(node.func, context)
    if found in (asyncio.create_task, asyncio.ensure_future):
        return ""
    function = node.func
    if isinstance(function, ast.Attribute) and function.attr == "create_task":
        owner = function.value
        known = context.variables.get(owner.id) if isinstance(owner, ast.Name) else None
        if known is not None and known.type.kind == "task_group":
            return str(known.type.cls)
    return None


def coroutine_work(node: ast.expr) -> Work | None:
    """Return the work of an expression that is a coroutine."""
    return _awaited(node) if isinstance(node, ast.Call) else None


def _called(call: ast.Call) -> Work:
    return Work(call, _name_of(call), call)


def _awaited(call: ast.Call) -> Work:
    return Work(located(ast.Await(call), call), _name_of(call), call)


def _name_of(call: ast.Call) -> str:
    name = ast.unparse(call.func)
    return name.removesuffix(".call") if name.isascii() and len(name) < 40 else "branch"


# -- one branch


def begin(node: ast.expr, work: Work, context: Context) -> Value:
    """Begin work; neighbours run together. Return its future."""
    is_gather = target(work.call.func, context) is asyncio.gather  # whose arguments begin work
    if is_gather:
        return _begun(node, work, work.expression, context)
    args = [hoisted(one, context) for one in work.call.args]
    keywords = [ast.keyword(one.arg, hoisted(one.value, context)) for one in work.call.keywords]
    return _begun(node, work, work.with_arguments(args, keywords), context)


def _begun(node: ast.expr, work: Work, expression: ast.expr, context: Context) -> Value:
    branch, type = branch_of(node, work.name, expression, context)
    if not _join_parallel(branch, context):
        context.block.append(Parallel(node.lineno, [branch]))
    future = Value(f"${branch.variable}", future_of(type))
    note_failures(node, work, list_value([future]), context)
    return future


def note_failures(node: ast.expr, work: Work, futures: Value, context: Context) -> None:
    """Add the errors of futures to those of their task group."""
    if work.failures is None:
        return
    value = errors_of(futures, context, f"${work.failures}")
    context.block.append(Let(node.lineno, {work.failures: value}))


def hoisted(node: ast.expr, context: Context) -> ast.expr:
    """Evaluate an argument now; return what stands for it."""
    if isinstance(node, ast.Name | ast.Constant | ast.Lambda | ast.Starred):
        return node
    if isinstance(node, ast.Attribute) and target(node, context) is not None:
        return node
    value = context.lower(node)
    return stand_in(node, value, context)


def stand_in(node: ast.expr, value: Value, context: Context) -> ast.expr:
    """Return a name that has a value."""
    if value.is_guarded:
        value = context.simple(node, value)
    name = f"argument {len(context.local)}"  # none of Python's
    context.local = context.local | {name}
    context.variables = {**context.variables, name: Variable(value.type, value.atom)}
    made: ast.expr = located(ast.Name(name, ast.Load()), node)
    return made


def branch_of(
    node: ast.expr, name: str, expression: ast.expr, context: Context
) -> tuple[Branch, Type]:
    """Return the branch that evaluates an expression, and the type of its result."""
    known = context.names.used()
    before = context.variables
    outcome, error = context.names.new("future"), context.names.new("error")
    with context.captured() as body:
        value = context.lower(expression)
    context.variables = before
    body.append(Return(node.lineno, value))
    changed = sorted(set(_assigned(body)) & known)
    if changed:
        raise context.refuse(
            node,
            f"change of {', '.join(changed)} in concurrent code",
            "a branch of a state machine has variables of its own",
            "return the new value, and assign it after result()",
        )
    return Branch(node.lineno, name, body, outcome, error), value.type


def _assigned(nodes: Iterable[Node]) -> Iterable[str]:
    """Return the variables that nodes assign, but for those of branches in them."""
    for node in nodes:
        values = getattr(node, "values", {})
        yield from values
        variable = getattr(node, "variable", None)
        if variable is not None:
            yield variable
        for name in ("head", "body", "orelse", "final"):
            yield from _assigned(getattr(node, name, ()))
        for handler in getattr(node, "handlers", ()):
            yield from _assigned(handler.body)


def _join_parallel(branch: Branch, context: Context) -> bool:
    """Add a branch to those before it, if only assignments of others and checks are between."""
    found = [at for at, node in enumerate(context.block) if isinstance(node, Parallel)]
    if not found:
        return False
    before, between = context.block[found[-1]], context.block[found[-1] + 1 :]
    assert isinstance(before, Parallel)
    used = set(_VARIABLE.findall(repr(branch.body)))
    if used & {one.variable for one in before.branches} or not all(map(_may_move, between)):
        return False
    together = Parallel(before.row, [*before.branches, branch])
    if not any(isinstance(one, Check) for one in between):
        is_apart = not used & set(_assigned(between))
        if is_apart:
            context.block[found[-1]] = together
        return is_apart
    if len(before.branches) > _MOST_COPIED or _depends(before, between):
        return False
    moved = [replace(one, first=(before,)) if isinstance(one, Check) else one for one in between]
    context.block[found[-1] :] = [*moved, together]
    return True


def _may_move(node: Node) -> bool:
    """Return whether a node assigns or checks values that end no execution."""
    values = [node.condition, node.error] if isinstance(node, Check) else []
    values += node.values.values() if isinstance(node, Let) else []
    return isinstance(node, Let | Check) and not any(one.is_guarded for one in values)


def _depends(before: Parallel, nodes: list[Node]) -> bool:
    """Return whether nodes read what branches give, or change what these read."""
    given = {one.variable for one in before.branches}
    changed = set(_assigned(nodes))
    return bool(given & set(_VARIABLE.findall(repr(nodes)))) or bool(
        changed & set(_VARIABLE.findall(repr(before)))
    )
