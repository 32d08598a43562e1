"""Lower `try` and `raise`, and follow what is known of variables where an exception is caught."""

from __future__ import annotations

import ast
from dataclasses import replace
from typing import Any

from partita.compile.analysis.names import stored
from partita.compile.context import Context
from partita.compile.exceptions.values import construct, is_exception
from partita.compile.names.exceptions import names_below
from partita.compile.names.objects import target
from partita.compile.tree import Handler, Let, Raise, Try, Value
from partita.compile.types import ERROR, NONE
from partita.compile.variables import Variable, Variables, joined


def lower_try(node: Any, context: Context) -> None:
    """Lower a `try` statement."""
    variable, exit, returned = (context.names.new(one) for one in ("error", "exit", "returned"))
    before = dict(context.variables)
    at_final = dict(before)
    if node.finalbody:
        context.enclosing.finals += 1
        context.enclosing.tries.append(at_final)
    seen = dict(before)
    context.enclosing.tries.append(seen)
    with context.captured(is_next=True) as body:
        context.lower_body(node.body)
    context.enclosing.tries.pop()
    with context.captured() as orelse:
        context.lower_body(node.orelse)
    ends: list[Variables | None] = [context.variables if context.is_reachable else None]
    handlers = []
    for one in node.handlers:
        context.variables, context.is_reachable = dict(seen), True
        handlers.append(_handler(one, variable, context))
        ends.append(context.variables if context.is_reachable else None)
    merged = joined(*ends)
    final: list[Any] = []
    if node.finalbody:
        context.enclosing.finals -= 1
        context.enclosing.tries.pop()
        final = _final(node, at_final, merged, context)
        if not context.is_reachable:
            merged = None
        elif merged is not None:
            merged = {**merged, **_assigned_in(node.finalbody, context)}
    context.block.append(Try(node.lineno, body, handlers, orelse, final, variable, exit, returned))
    context.is_reachable = merged is not None
    context.variables = before if merged is None else merged


def _final(node: Any, seen: Variables, merged: Variables | None, context: Context) -> list[Any]:
    found = joined(seen, merged)
    assert found is not None
    context.variables, context.is_reachable = found, True
    with context.captured() as final:
        context.lower_body(node.finalbody)
    return final


def _assigned_in(nodes: list[ast.stmt], context: Context) -> Variables:
    names = stored(nodes)
    return {name: one for name, one in context.variables.items() if name in names}


def _handler(node: Any, variable: str, context: Context) -> Handler:
    names, classes = _names(node, context)
    with context.captured() as body:
        is_changed = node.name is not None and node.name in context.code.mutated
        context.enclosing.errors.append(context.names.of(node.name) if is_changed else variable)
        if node.name is not None:
            kind = target(node.type, context) if node.type is not None else None
            error = replace(ERROR, cls=kind) if isinstance(kind, type) else ERROR
            name = context.bind(node.name, error)
            context.block.append(Let(node.lineno, {name: Value(f"${variable}", error)}))
        context.lower_body(node.body)
        context.enclosing.errors.pop()
    if node.name is not None and node.name in context.variables:
        known = context.variables[node.name]
        context.variables[node.name] = Variable(known.type, known.text, is_sure=False)
    return Handler(node.lineno, names, classes, body)


def _names(
    node: ast.ExceptHandler, context: Context
) -> tuple[tuple[str, ...] | None, tuple[str, ...]]:
    """Return the names of all classes that a handler handles, None for all; and those it names."""
    if node.type is None:
        return None, ()
    names: dict[str, None] = {}
    named: list[str] = []
    for one, kind in _kinds(node.type, context):
        if not (isinstance(kind, type) and issubclass(kind, BaseException)):
            raise context.refuse(
                one, f"except {ast.unparse(one)}", "it is no class of exceptions", "name a class"
            )
        if kind in (Exception, BaseException):
            return None, ()
        named.append(kind.__name__)
        names.update(dict.fromkeys(names_below(one, kind, context)))
    return tuple(names), tuple(named)


def _kinds(node: ast.expr, context: Context) -> list[tuple[ast.expr, Any]]:
    """Return the classes that a handler names, also by a constant tuple of the module."""
    parts = node.elts if isinstance(node, ast.Tuple) else [node]
    found: list[tuple[ast.expr, Any]] = []
    for one in parts:
        kind = target(one, context)
        found += [(one, each) for each in (kind if isinstance(kind, tuple) else [kind])]
    return found


def lower_raise(node: Any, context: Context) -> None:
    """Lower a `raise` statement."""
    context.block.append(Raise(node.lineno, _raised(node, context)))
    context.is_reachable = False


def _raised(node: ast.Raise, context: Context) -> Value:
    if node.exc is None:
        if not context.enclosing.errors:
            raise context.refuse(node, "raise", "no error is being handled here", "name the error")
        return Value(f"${context.enclosing.errors[-1]}", ERROR)
    call = node.exc if isinstance(node.exc, ast.Call) else None
    kind = target(call.func if call else node.exc, context)
    if is_exception(kind):
        return construct(node.exc, kind, context)
    is_class = isinstance(kind, type) or isinstance(node.exc, ast.Constant)
    value = Value("null", NONE) if is_class else context.read(node.exc)
    changed = (
        context.code.aliases.caught & context.code.mutated if context.code.aliases else frozenset()
    )
    if isinstance(node.exc, ast.Name) and changed - {node.exc.id}:
        raise context.refuse(
            node,
            f"raise {node.exc.id}",
            f"{', '.join(sorted(changed))} changes it where it is caught, which both names see",
            "raise a new exception",
        )
    if value.type.kind not in ("error", "never"):
        raise context.refuse(
            node, "raise", "what is raised is no class of exceptions, or a call of one", "name it"
        )
    return value
