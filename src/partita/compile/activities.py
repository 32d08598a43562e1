"""Lower calls of activities: in place, submitted, or mapped over items."""

from __future__ import annotations

import ast
import inspect
import re
from typing import Any

from partita.authoring.activity import ActivityFunction, AsyncActivityFunction
from partita.compile.context import Context
from partita.compile.tree import Call, Let, Map, Parallel, Value
from partita.compile.types import (
    ANY,
    NONE,
    Type,
    UnknownHintError,
    fits,
    future_of,
    of_hint,
)

Activity = ActivityFunction[..., Any] | AsyncActivityFunction[..., Any]

_VARIABLE = re.compile(r"\$(\w+)")


def call_activity(node: Any, activity: Activity, context: Context) -> Value:
    """Call an activity here; return its result."""
    call = _call(node, activity, context, "result")
    context.block.append(call)
    return Value(f"${call.variable}", _result_type(node, activity, context))


def submit(node: Any, activity: Activity, context: Context) -> Value:
    """Lower `activity.submit(...)`: neighbours run together, and end before what follows."""
    call = _call(node, activity, context, "future", is_outcome=True)
    if not _join_parallel(call, context):
        context.block.append(Parallel(node.lineno, [call]))
    return Value(f"${call.variable}", future_of(_result_type(node, activity, context)))


def _join_parallel(call: Call, context: Context) -> bool:
    """Add a call to the calls before it, if nothing but assignments of others is between."""
    used = {name for value in call.arguments.values() for name in _VARIABLE.findall(value.text)}
    for number in range(len(context.block) - 1, -1, -1):
        node = context.block[number]
        if isinstance(node, Parallel):
            if used & {one.variable for one in node.calls}:
                return False
            context.block[number] = Parallel(node.row, [*node.calls, call])
            return True
        if not isinstance(node, Let) or used & set(node.values):
            return False
        if any(value.is_guarded for value in node.values.values()):
            return False
    return False


def lower_map(node: Any, activity: Activity, context: Context) -> Value:
    """Lower `activity.map(items)`."""
    if len(node.args) != 1 or node.keywords:
        raise context.refuse(node, "map", "it takes one list", "give a list")
    items = context.read(node.args[0])
    wanted = _hints(node, activity, context)
    if items.type.kind != "list" or not wanted:
        raise context.refuse(node, "map", "its argument is no list", "give a list")
    names = list(wanted)
    _check(node, names[0], items.type.item, wanted[names[0]], context)
    item = context.names.new("item")
    arguments = {names[0]: Value(f"${item}", items.type.item)}
    _add_defaults(node, activity, arguments, context)
    variable = context.names.new("futures")
    call = Call(node.lineno, activity, arguments, None, is_outcome=True)
    kept = context.simple(node, items)
    context.block.append(Map(node.lineno, kept, call, item, variable))
    return Value(
        f"${variable}", Type("futures", (future_of(_result_type(node, activity, context)),))
    )


def _call(
    node: Any,
    activity: Activity,
    context: Context,
    stem: str,
    *,
    is_outcome: bool = False,
) -> Call:
    wanted = _hints(node, activity, context)
    arguments: dict[str, Value] = {}
    names = list(wanted)
    if len(node.args) > len(names):
        raise context.refuse(node, "arguments", "they are too many", "give each parameter once")
    given = [*zip(names, node.args, strict=False)]
    given += [(one.arg, one.value) for one in node.keywords]
    for name, argument in given:
        if name not in wanted or name in arguments or isinstance(argument, ast.Starred):
            raise context.refuse(
                node,
                "arguments",
                "they do not fit the activity",
                "give each parameter once by name",
            )
        value = context.read(argument)
        _check(argument, name, value.type, wanted[name], context)
        arguments[name] = context.simple(argument, value) if value.is_guarded else value
    _add_defaults(node, activity, arguments, context)
    return Call(node.lineno, activity, arguments, context.names.new(stem), is_outcome=is_outcome)


def _check(node: ast.AST, name: str, found: Type, wanted: Type, context: Context) -> None:
    if not fits(found, wanted):
        context.refuse(
            node,
            f"argument {name} of type {found}",
            f"the activity takes {wanted}",
            "correct the hint, or convert the value",
        )


def _add_defaults(
    node: Any, activity: Activity, arguments: dict[str, Value], context: Context
) -> None:
    """Write the defaults of required parameters that are not given; leave those of Python out."""
    for name, one in inspect.signature(activity.function).parameters.items():
        if name not in arguments and one.default is one.empty:
            raise context.refuse(node, f"argument {name}", "it is missing", "give it")


def _hints(node: Any, activity: Activity, context: Context) -> dict[str, Type]:
    settings = activity.settings
    if settings.middleware or settings.route or not settings.auto_complete or settings.idempotent:
        raise context.refuse(
            node,
            f"activity {activity.activity_type.name}",
            "middleware, routes, idempotent and auto_complete=False are not compiled",
            "leave them out",
        )
    found = {}
    hints = _resolved(node, activity, context)
    for name, one in inspect.signature(activity.function).parameters.items():
        if one.kind in (one.VAR_KEYWORD, one.VAR_POSITIONAL, one.POSITIONAL_ONLY):
            raise context.refuse(
                node,
                f"activity {activity.activity_type.name}",
                "parameters such as *args, **kwargs and positional-only ones have no name",
                "give it named parameters",
            )
        found[name] = hints.get(name, ANY)
    return found


def _resolved(node: Any, activity: Activity, context: Context) -> dict[str, Type]:
    from_hints = inspect.get_annotations(activity.function, eval_str=True)
    found = {}
    for name, hint in from_hints.items():
        if name == "return":
            continue
        try:
            found[name] = of_hint(hint)
        except UnknownHintError as error:
            raise context.refuse(
                node,
                f"parameter {name} of activity {activity.activity_type.name}",
                f"its hint is {error}",
                "use int, float, bool, str, list, dict, dataclasses or Any",
            ) from None
    return found


def _result_type(node: Any, activity: Activity, context: Context) -> Type:
    """Return the type of an activity's result."""
    hint = inspect.get_annotations(activity.function, eval_str=True).get("return", Any)
    try:
        return NONE if hint is None else of_hint(hint)
    except UnknownHintError as error:
        raise context.refuse(
            node,
            f"result of activity {activity.activity_type.name}",
            f"its hint is {error}",
            "use int, float, bool, str, list, dict, dataclasses or Any",
        ) from None
