"""Lower waits for signals: tasks that hand out a token, and end when it comes back."""

from __future__ import annotations

import ast
from typing import Any

from partita.authoring.messages import Signal
from partita.compile.context import Context
from partita.compile.jsonata import literal
from partita.compile.lowered import located
from partita.compile.names.objects import target
from partita.compile.tree import Call, SignalWait, Value
from partita.compile.types import ANY, INT, NONE, Type, UnknownHintError, of_hint


def lower_wait_signal(node: Any, context: Context) -> Value:
    """Lower `wait_signal(...)`."""
    given = {one.arg: one.value for one in node.keywords}
    limit = given.pop("timeout", None)
    signal = _signal(node, node.args, given, context)
    return _wait(node, signal, limit, context)


def lower_channel(node: Any, context: Context) -> Value:
    """Lower `signals(...)`."""
    given = {one.arg: one.value for one in node.keywords}
    return Value("null", Type("channel", cls=_signal(node, node.args, given, context)))


def channel_method(node: Any, owner: Value, context: Context) -> Value:
    """Lower a method of a channel."""
    given = {one.arg: one.value for one in node.keywords}
    if node.func.attr == "get" and len(node.args) <= 1 and set(given) <= {"timeout"}:
        limit = node.args[0] if node.args else given.get("timeout")
        return _wait(node, owner.type.cls, limit, context)
    raise context.refuse(
        node,
        f"{node.func.attr} of the signals {owner.type.cls.name}",
        "a state machine hears of a signal only while it waits for it",
        "wait for one by wait_signal, or await signals(...).submit() at once",
    )


def awaited_signal(node: ast.expr, context: Context) -> ast.Call | None:
    """Return `signals(...).get()` for `signals(...).submit()`, which is waited for at once."""
    function = node.func if isinstance(node, ast.Call) and not node.args else None
    if not isinstance(function, ast.Attribute) or function.attr != "submit":
        return None
    owner = function.value
    with context.captured():
        is_channel = _is_channel(owner, context)
    if not is_channel:
        return None
    get = ast.Attribute(owner, "get", ast.Load())
    made: ast.Call = located(ast.Call(get, [], []), node)
    return made


def _is_channel(node: ast.expr, context: Context) -> bool:
    if isinstance(node, ast.Name) and node.id in context.variables:
        return context.variables[node.id].type.kind == "channel"
    found = target(node.func, context) if isinstance(node, ast.Call) else None
    return getattr(found, "__name__", "") == "signals" and callable(found)


def _signal(
    node: Any, args: list[ast.expr], given: dict[Any, ast.expr], context: Context
) -> Signal[Any]:
    """Return the signal that arguments name."""
    parts = [*args, *(given[name] for name in ("name", "type") if name in given)]
    found: list[Any] = []
    for one in parts:
        found.append(one.value if isinstance(one, ast.Constant) else target(one, context))
    if len(found) == 1 and isinstance(found[0], Signal):
        return found[0]
    is_named = bool(found) and isinstance(found[0], str) and len(found) <= 2
    if not is_named or not set(given) <= {"name", "type"} or None in found:
        raise context.refuse(
            node,
            "name of a signal",
            "it must be known when the workflow is compiled",
            'give a text such as "approve", or a Signal of the module',
        )
    return Signal(*found)


def _wait(node: Any, signal: Signal[Any], limit: ast.expr | None, context: Context) -> Value:
    variable = context.names.new("signal")
    seconds = None if limit is None else _seconds(limit, context)
    context.block.append(Call(node.lineno, SignalWait(signal, seconds), {}, variable))
    return Value(f"${variable}", _type(node, signal, context))


def _type(node: Any, signal: Signal[Any], context: Context) -> Type:
    try:
        return NONE if signal.type is None else of_hint(signal.type)
    except UnknownHintError as error:
        context.refuse(
            node, f"type of signal {signal.name}", f"it is {error}", "use dict, list or a dataclass"
        )
        return ANY


def _seconds(node: ast.expr, context: Context) -> Value | None:
    """Return the whole seconds that a wait may take, None for no limit."""
    value = context.read(node)
    if value.type is NONE:
        return None
    if value.type.kind == "timedelta" and value.text.isdigit():
        value = literal(int(value.text) / 1000) or value
    constant = value.constant if value.is_constant else None
    if isinstance(constant, int | float) and constant >= 1 and float(constant).is_integer():
        return literal(int(constant))
    if value.is_constant or value.type is not INT:
        raise context.refuse(
            node,
            "timeout of a signal",
            "a state machine limits a task to whole seconds, from 1 on",
            "give an int of at least 1",
        )
    value = context.simple(node, value)
    error = context.guard_text(node, "a time limit below 1 s")
    return context.let(node, "limit", Value(f"{value.text} >= 1 ? {value.text} : {error}", INT))
