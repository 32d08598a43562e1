"""Lower statements to nodes of the tree, and follow what is known of variables.

Loops are in `loops`, errors in `exceptions`.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from partita.compile.conditions import lower_test
from partita.compile.context import Context, Variable, joined
from partita.compile.definitions import define
from partita.compile.diagnostics import RefusedError
from partita.compile.exceptions import lower_raise, lower_try
from partita.compile.hints import hinted
from partita.compile.jsonata import literal, made, wrapped
from partita.compile.logging_calls import drop, is_logger_call
from partita.compile.loops import lower_for, lower_while
from partita.compile.matches import lower_match
from partita.compile.mutation import is_fresh
from partita.compile.operators import operate
from partita.compile.rebinding import rebound_in
from partita.compile.submissions import begin_in_loop, in_place
from partita.compile.subscripts import check_index, element, with_element, with_key
from partita.compile.task_groups import lower_task_group
from partita.compile.tree import Break, Call, Check, Continue, If, Let, Return, Value
from partita.compile.types import BOOL, INT, NEVER, STR, Type, fits, join, list_of

_Statement = Callable[[Any, Context], None]


def lower_body(nodes: list[ast.stmt], context: Context) -> None:
    """Lower statements; one that is refused does not hide the next ones."""
    for node in in_place(nodes, context):
        if not context.is_reachable:
            return
        before, context.rebound = context.rebound, rebound_in(node, context)
        try:
            _LOWER.get(type(node), _refused)(node, context)
        except RefusedError:
            _assume_assigned(node, context)
        finally:
            context.rebound = before


def _assume_assigned(node: ast.stmt, context: Context) -> None:
    """Treat names of a refused statement as assigned, so that their uses are not refused, too."""
    for part in ast.walk(node):
        if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store):
            if part.id not in context.variables:
                context.bind(part.id, NEVER)
        elif isinstance(part, ast.FunctionDef) and part.name not in context.variables:
            context.bind(part.name, NEVER)


def _refused(node: ast.stmt, context: Context) -> None:
    name = type(node).__name__
    reasons = {
        "AsyncFor": "a state machine has no async generators",
        "With": "a state machine has no context managers",
        "ClassDef": "a state machine makes no classes",
        "Global": "a state machine has no module to change",
        "Delete": "del is not compiled yet",
    }
    raise context.refuse(
        node,
        f"statement {name}",
        reasons.get(name, "it is not compiled"),
        "write it with if, while, for, try and assignments, or put it in an activity",
    )


def _expression(node: Any, context: Context) -> None:
    value = node.value
    if isinstance(value, ast.Constant):
        return
    if isinstance(value, ast.Call) and isinstance(value.func, ast.Attribute):
        if isinstance(value.func.value, ast.Name) and value.func.attr in _CHANGES:
            if value.func.value.id in context.variables:
                _change(value, value.func.value, context)
                return
    if is_logger_call(value, context):
        drop(value, context)
        return
    found = context.read(value)
    if found.is_guarded:
        context.let(node, "unused", found)


def _change(node: ast.Call, owner: ast.Name, context: Context) -> None:
    """Lower a method that changes a list or a dict."""
    assert isinstance(node.func, ast.Attribute)
    before = context.read(owner)
    args = [context.lower(one) for one in node.args]
    if before.type is NEVER:  # what assigns it is refused
        return
    change = _CHANGES[node.func.attr]
    value = None if node.keywords else change(context.read(owner), args)
    if value is None or before.type.kind not in ("list", "dict"):
        raise context.refuse(
            node,
            f"method {node.func.attr} of {before.type}",
            "it is not compiled with these arguments, or for this type",
            "build a new value with +, a comprehension or d[key] = value",
        )
    name = context.bind(owner.id, value.type)
    context.block.append(Let(node.lineno, {name: value}))


def _append(owner: Value, args: list[Value]) -> Value | None:
    if owner.type.kind != "list" or len(args) != 1:
        return None
    type = list_of(join(owner.type.item, args[0].type))
    return made(f"$append({owner.text}, {wrapped(args[0])})", type, owner, args[0])


def _extend(owner: Value, args: list[Value]) -> Value | None:
    if owner.type.kind != "list" or len(args) != 1 or args[0].type.kind != "list":
        return None
    type = list_of(join(owner.type.item, args[0].type.item))
    return made(f"$append({owner.text}, {args[0].text})", type, owner, args[0])


def _update(owner: Value, args: list[Value]) -> Value | None:
    if owner.type.kind != "dict" or len(args) != 1 or args[0].type.kind != "dict":
        return None
    type = Type("dict", (join(owner.type.item, args[0].type.item),))
    return made(f"$merge([{owner.text}, {args[0].text}])", type, owner, args[0])


def _clear(owner: Value, args: list[Value]) -> Value | None:
    if args or owner.type.kind not in ("list", "dict"):
        return None
    return Value("[]" if owner.type.kind == "list" else "{}", owner.type)


_CHANGES = {"append": _append, "extend": _extend, "update": _update, "clear": _clear}


def _assign(node: Any, context: Context) -> None:
    if isinstance(node, ast.AnnAssign):
        if node.value is None:
            return
        targets = [node.target]
    else:
        targets = node.targets
    if len(targets) > 1:
        raise context.refuse(
            node, "a = b = ...", "several names for one value are not compiled", "assign each name"
        )
    value = context.lower(node.value)
    if isinstance(node, ast.AnnAssign):
        value = _hinted(node, value, context)
    _store(targets[0], value, is_fresh(node.value, _helpers(context)), context)


def _helpers(context: Context) -> set[str]:
    """Return the names of plain functions of the module."""
    return {name for name, one in context.functions.items() if not one.decorator_list}


def _hinted(node: ast.AnnAssign, value: Value, context: Context) -> Value:
    """Give an empty list or dict the type of its hint."""
    wanted = context.hint(node.annotation)
    if wanted is None or not fits(value.type, wanted):
        return value
    return hinted(node, value, wanted, context)


def _store(target: ast.expr, value: Value, fresh: bool, context: Context) -> None:
    if isinstance(target, ast.Name):
        check_alias(target, value.type, fresh, context)
        name = context.bind(target.id, value.type)
        if value.type.kind == "function" and value.is_constant and target.id in context.once:
            context.variables[target.id] = Variable(value.type, value.text)
            return
        last = context.block[-1] if context.block else None
        known = {one.text for other, one in context.variables.items() if other != target.id}
        if isinstance(last, Call) and value.text == f"${last.variable}" not in known:
            context.block[-1] = replace(last, variable=name)
        else:
            context.block.append(Let(target.lineno, {name: value}))
    elif isinstance(target, ast.Subscript):
        _store_item(target, value, context)
    elif isinstance(target, ast.Tuple | ast.List):
        _unpack(target, value, context)
    else:
        raise context.refuse(
            target, "assignment", "attributes cannot be changed", "make a new value"
        )


def check_alias(target: ast.Name, type: Type, fresh: bool, context: Context) -> None:
    """Refuse a second name for a value that is changed in place."""
    if target.id in context.mutated and type.is_mutable and not fresh:
        raise context.refuse(
            target,
            f"second name {target.id}",
            "its value is changed in place, which the other name would see",
            "copy it first: list(...), dict(...)",
        )


def _store_item(target: ast.Subscript, value: Value, context: Context) -> None:
    if not isinstance(target.value, ast.Name) or target.value.id not in context.variables:
        raise context.refuse(
            target, "assignment", "only an item of a variable can be assigned", "build a new value"
        )
    owner = context.read(target.value)
    index = context.read(target.slice)
    if owner.type.kind == "dict" and index.type is STR:
        changed = with_key(owner, index, value)
    elif owner.type.kind == "list" and index.type is INT:
        index = context.simple(target, index)
        check_index(target, owner, index, context)
        changed = with_element(owner, index, value, context)
    else:
        raise context.refuse(
            target,
            f"assignment to an item of {owner.type}",
            "only items of lists and of dicts of str can be assigned",
            "give a type hint",
        )
    name = context.bind(target.value.id, changed.type)
    context.block.append(Let(target.lineno, {name: changed}))


def _unpack(target: ast.Tuple | ast.List, value: Value, context: Context) -> None:
    names = [one for one in target.elts if isinstance(one, ast.Name)]
    if len(names) < len(target.elts) or len({one.id for one in names}) < len(names):
        raise context.refuse(
            target, "unpacking", "only to different names", "unpack in several statements"
        )
    kept = context.simple(target, value)
    types = _part_types(target, kept, len(names), context)
    values = {}
    for number, (name, type) in enumerate(zip(names, types, strict=True)):
        check_alias(name, type, False, context)
        index = literal(number)
        assert index is not None
        values[context.bind(name.id, type)] = element(kept, index, type)
    context.block.append(Let(target.lineno, values))


def _part_types(target: ast.AST, value: Value, count: int, context: Context) -> list[Type]:
    if value.type.kind == "tuple" and len(value.type.parts) == count:
        return list(value.type.parts)
    if value.type.kind == "list":
        message = context.text(f"not enough or too many values to unpack (expected {count})")
        test = Value(f"$count({value.text}) = {count}", BOOL, False)
        error = context.error(ValueError, message)
        context.block.append(Check(target.lineno, test, error))  # type: ignore[attr-defined]
        return [value.type.item] * count
    raise context.refuse(
        target,
        f"unpacking of {value.type} to {count} names",
        "the number of its elements is not known, or another one",
        "give a type hint such as tuple[int, str]",
    )


def _augment(node: Any, context: Context) -> None:
    if isinstance(node.target, ast.Subscript):
        if not isinstance(node.target.slice, ast.Name | ast.Constant | ast.UnaryOp):
            raise context.refuse(
                node.target, "index", "it would be computed twice", "keep it in a variable"
            )
        item = ast.Subscript(node.target.value, node.target.slice, ast.Load())
        left = context.read(ast.copy_location(item, node.target))
    elif isinstance(node.target, ast.Name):
        load = ast.copy_location(ast.Name(node.target.id, ast.Load()), node.target)
        left = context.read(load)
    else:
        raise context.refuse(node, "assignment", "attributes cannot be changed", "use a variable")
    if left.text.startswith("$lookup") or "[" in left.text:
        left = context.simple(node, left)
    right = context.lower(node.value)
    _store(node.target, operate(node, left, right, context), True, context)


def _if(node: Any, context: Context) -> None:
    test = lower_test(node.test, context)
    before = context.variables
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
    merged = joined(then, other)
    context.is_reachable = merged is not None
    context.variables = before if merged is None else merged


def _return(node: Any, context: Context) -> None:
    value = literal(None)
    if node.value is not None:
        value = _returned(node.value, context)
    assert value is not None
    context.results.append(value.type)
    wanted = context.result_type
    if wanted is not None and not fits(value.type, wanted):
        context.refuse(
            node,
            f"result of type {value.type}",
            f"the return hint says {wanted}" if wanted.kind != "any" else "JSON loses this type",
            "correct the return hint, or convert the value",
        )
    context.block.append(Return(node.lineno, value))
    context.is_reachable = False


def _returned(node: ast.expr, context: Context) -> Value:
    if context.finals or context.rebound:
        return context.lower(node)
    context.is_leaving = True
    try:
        return context.lower(node)
    finally:
        context.is_leaving = False


def _break(node: Any, context: Context) -> None:
    context.loops[-1].breaks.append(context.variables)
    context.block.append(Break(node.lineno))
    context.is_reachable = False


def _continue(node: Any, context: Context) -> None:
    context.loops[-1].continues.append(context.variables)
    context.block.append(Continue(node.lineno))
    context.is_reachable = False


def _while(node: Any, context: Context) -> None:
    lower_while(node, context, lower_body)


def _async_with(node: Any, context: Context) -> None:
    lower_task_group(node, context, lower_body)


def _for(node: Any, context: Context) -> None:
    if begin_in_loop(node, context, lower_body):
        return
    lower_for(node, context, lower_body)


def _try(node: Any, context: Context) -> None:
    lower_try(node, context, lower_body)


def _assert(node: Any, context: Context) -> None:
    test = lower_test(node.test, context)
    text = node.msg.value if isinstance(node.msg, ast.Constant) else None
    if node.msg is not None and not isinstance(text, str):
        raise context.refuse(node, "assert", "its text must be a constant", "raise an error")
    message = context.text(text if isinstance(text, str) else "")
    error = context.error(AssertionError, message)
    context.block.append(Check(node.lineno, test.value, error))


def _pass(node: Any, context: Context) -> None:
    """Lower nothing."""


_LOWER: dict[type, _Statement] = {
    ast.Expr: _expression,
    ast.Assign: _assign,
    ast.AnnAssign: _assign,
    ast.AugAssign: _augment,
    ast.If: _if,
    ast.Return: _return,
    ast.Break: _break,
    ast.Continue: _continue,
    ast.While: _while,
    ast.For: _for,
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
