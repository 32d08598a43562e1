"""Lower statements to nodes of the tree, and follow what is known of variables.

Each kind of statement of some size has a package or module of its own: `assignments`, `loops`,
`exceptions`, `matching`, `concurrency.task_groups`.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any, cast

from partita.compile.assignments import assign, augment, delete_all
from partita.compile.calls.logging_calls import drop, is_logger_call
from partita.compile.calls.refused_functions import reason_of, statement_reason
from partita.compile.concurrency.submissions import begin_in_loop, in_place
from partita.compile.concurrency.task_groups import lower_task_group
from partita.compile.containers.open_displays import open_display, takes_open
from partita.compile.context import Context
from partita.compile.diagnostics import RefusedError
from partita.compile.exceptions.statements import lower_raise, lower_try
from partita.compile.exceptions.values import construct
from partita.compile.faults import fault
from partita.compile.jsonata import literal
from partita.compile.loops.statements import lower_for, lower_while
from partita.compile.matching.statements import lower_match
from partita.compile.names.objects import target
from partita.compile.operators.conditions import lower_test
from partita.compile.rebinding import rebound_in
from partita.compile.tree import Break, Check, Continue, If, Raise, Refused, Return, Value
from partita.compile.types import ANY, NEVER, Type
from partita.compile.values.definitions import define
from partita.compile.values.shared_parts import check_shared_parts
from partita.compile.values.tagged_values import as_hinted
from partita.compile.values.tags import tagged

_Statement = Callable[[Any, Context], None]


def lower_body(nodes: list[ast.stmt], context: Context) -> None:
    """Lower statements; one that is refused does not hide the next ones."""
    for node in in_place(nodes, context):
        if not context.is_reachable:
            return
        before, context.point.rebound = context.point.rebound, rebound_in(node, context)
        outer, context.point.statement = context.point.statement, node
        try:
            _LOWER.get(type(node), _refused)(node, context)
            check_shared_parts(node, context)
        except RefusedError:
            if context.compilation.keeps_refused:
                context.block.append(cast(Any, Refused(node.lineno, node)))
                context.is_reachable = not isinstance(node, ast.Return | ast.Raise)
            _assume_assigned(node, context)
        except Exception as error:
            raise fault(error, node, context.compilation.diagnostics) from error
        finally:
            context.point.rebound, context.point.statement = before, outer


def _assume_assigned(node: ast.stmt, context: Context) -> None:
    """Treat names of a refused statement as assigned, so that their uses are not refused, too."""
    for part in ast.walk(node):
        if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store):
            if part.id not in context.variables:
                context.bind(part.id, NEVER)
        elif isinstance(part, ast.FunctionDef) and part.name not in context.variables:
            context.bind(part.name, NEVER)


def _with(node: Any, context: Context) -> None:
    """Refuse a context manager, by its own reason if it is one of Partita's."""
    for one in node.items:
        call = one.context_expr
        reason = reason_of(target(call.func, context)) if isinstance(call, ast.Call) else None
        if reason is not None:
            raise context.refuse(call, ast.unparse(call.func), *reason)
    _refused(node, context)


def _refused(node: ast.stmt, context: Context) -> None:
    name = type(node).__name__
    raise context.refuse(node, f"statement {name}", *statement_reason(name))


def _expression(node: Any, context: Context) -> None:
    value = node.value
    if isinstance(value, ast.Constant):
        return
    if is_logger_call(value, context):
        drop(value, context)
        return
    found = context.read(value)
    if found.is_guarded:
        context.let(node, "unused", found)


def _if(node: Any, context: Context) -> None:
    test = lower_test(node.test, context)
    before, mark = context.variables, len(context.bindings.order)
    with context.captured() as body:
        context.variables = {**before, **test.when_true}
        lower_body(node.body, context)
        then = context.variables if context.is_reachable else None
    context.is_reachable = True
    with context.captured() as orelse:
        context.variables = {**before, **test.when_false}
        lower_body(node.orelse, context)
        other = context.variables if context.is_reachable else None
    context.block.append(If(node.lineno, test.value, body, orelse))
    merged = context.after_branches(before, mark, then, other)
    context.is_reachable = merged is not None
    context.variables = before if merged is None else merged


def _return(node: Any, context: Context) -> None:
    value = literal(None)
    wanted = context.signature.result_type
    if node.value is not None:
        value = _returned(node.value, wanted, context)
    assert value is not None
    if wanted is not None:
        value = tagged(value, wanted, context)
    context.signature.results.append(value.type)
    hinted = value if wanted is None else as_hinted(node, value, wanted, context)
    if hinted is None:
        context.refuse(
            node,
            f"result of type {value.type}",
            "JSON loses this type" if wanted is ANY else f"the return hint says {wanted}",
            "correct the return hint, or convert the value",
        )
    context.block.append(Return(node.lineno, hinted or value))
    context.is_reachable = False


def _returned(node: ast.expr, wanted: Type | None, context: Context) -> Value:
    is_open = wanted is not None and takes_open(node, wanted)
    lower = open_display if is_open else context.compilation.lower
    context.point.is_leaving = not context.enclosing.finals and not context.point.rebound
    try:
        return lower(node, context)
    finally:
        context.point.is_leaving = False


def _break(node: Any, context: Context) -> None:
    context.enclosing.loops[-1].breaks.append(context.variables)
    context.block.append(Break(node.lineno))
    context.is_reachable = False


def _continue(node: Any, context: Context) -> None:
    context.enclosing.loops[-1].continues.append(context.variables)
    context.block.append(Continue(node.lineno))
    context.is_reachable = False


def _while(node: Any, context: Context) -> None:
    lower_while(node, context)


def _async_with(node: Any, context: Context) -> None:
    lower_task_group(node, context)


def _for(node: Any, context: Context) -> None:
    if begin_in_loop(node, context):
        return
    lower_for(node, context)


def _try(node: Any, context: Context) -> None:
    lower_try(node, context)


def _assert(node: Any, context: Context) -> None:
    test = lower_test(node.test, context)
    name = ast.Name("AssertionError", ast.Load())
    call = ast.copy_location(ast.Call(name, [node.msg] if node.msg else [], []), node)
    before = context.variables
    with context.captured() as body:
        context.variables = {**before, **test.when_false}
        error = construct(call, AssertionError, context)
    context.variables = {**before, **test.when_true}
    if body:
        context.block.append(If(node.lineno, test.value, [], [*body, Raise(node.lineno, error)]))
    else:
        context.block.append(Check(node.lineno, test.value, error))


def _pass(node: Any, context: Context) -> None:
    """Lower nothing."""


_LOWER: dict[type, _Statement] = {
    ast.Expr: _expression,
    ast.Assign: assign,
    ast.AnnAssign: assign,
    ast.AugAssign: augment,
    ast.Delete: delete_all,
    ast.If: _if,
    ast.Return: _return,
    ast.Break: _break,
    ast.Continue: _continue,
    ast.While: _while,
    ast.For: _for,
    ast.With: _with,
    ast.AsyncWith: _async_with,
    ast.Try: _try,
    ast.Raise: lower_raise,
    ast.Assert: _assert,
    ast.Match: lower_match,
    ast.Pass: _pass,
    ast.Nonlocal: _pass,
    ast.FunctionDef: define,
    ast.AsyncFunctionDef: define,
}
