"""Lower calls of activities, of child workflows and of Lambda functions."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from typing import Any

from partita.authoring.activity import ActivityFunction, AsyncActivityFunction
from partita.authoring.remote import LambdaFunction
from partita.compile.concurrency.outcomes import settled
from partita.compile.containers.open_displays import open_display, takes_open
from partita.compile.context import Context
from partita.compile.functions.parameters import expanded
from partita.compile.names.callees import Callee
from partita.compile.tree import Call, Value
from partita.compile.types import ANY, NONE, Type, UnknownHintError, fits, of_hint
from partita.compile.values.iterables import lowered
from partita.compile.values.tagged_values import as_hinted
from partita.compile.values.tags import tagged


def call_activity(node: Any, activity: Callee, context: Context) -> Value:
    """Call an activity here; return its result."""
    wanted = _hints(node, activity, context)
    arguments = _arguments(node, wanted, context)
    _check_given(node, activity, arguments, context)
    call = Call(node.lineno, activity, arguments, context.names.new("result"))
    context.block.append(call)
    return Value(f"${call.variable}", _result_type(node, activity, context))


def _arguments(node: Any, wanted: dict[str, Type], context: Context) -> dict[str, Value]:
    arguments: dict[str, Value] = {}
    for name, argument in _given(node, list(wanted), context):
        if name not in wanted or name in arguments:
            raise context.refuse(
                node,
                "arguments",
                "they do not fit the activity",
                "give each parameter once by name",
            )
        is_open = takes_open(argument, wanted[name])
        found = open_display(argument, context) if is_open else context.read(argument)
        value = settled(argument, found, context)
        value = tagged(value, wanted[name], context)
        value = as_hinted(argument, value, wanted[name], context) or value
        _check(argument, name, value.type, wanted[name], context)
        arguments[name] = context.simple(argument, value) if value.is_guarded else value
    return arguments


def _given(node: Any, names: list[str], context: Context) -> Iterator[tuple[str | None, ast.expr]]:
    """Return arguments with the names of their parameters; each is lowered before the next."""
    rest = iter(names)
    for one in node.args:
        for argument in _expanded(one, context):
            name = next(rest, None)
            if name is None:
                raise context.refuse(
                    node, "arguments", "they are too many", "give each parameter once"
                )
            yield name, argument
    yield from ((one.arg, one.value) for one in node.keywords)


def _expanded(node: ast.expr, context: Context) -> list[ast.expr]:
    """Return an argument, or those of `*values`."""
    if not isinstance(node, ast.Starred):
        return [node]
    return [lowered(one.value, node) for one in expanded(node, context)]


def _check(node: ast.AST, name: str, found: Type, wanted: Type, context: Context) -> None:
    if not fits(found, wanted):
        context.refuse(
            node,
            f"argument {name} of type {found}",
            f"the activity takes {wanted}",
            "correct the hint, or convert the value",
        )


def _check_given(
    node: Any, activity: Callee, arguments: dict[str, Value], context: Context
) -> None:
    """Refuse calls without a required argument; the callee has its own defaults."""
    for name, one in _parameters(activity).items():
        if name not in arguments and one.default is one.empty:
            raise context.refuse(node, f"argument {name}", "it is missing", "give it")


def _parameters(activity: Callee) -> dict[str, inspect.Parameter]:
    if isinstance(activity, LambdaFunction):
        kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
        return {"input": inspect.Parameter("input", kind, default=None)}
    return dict(inspect.signature(activity.function).parameters)


def _hints(node: Any, activity: Callee, context: Context) -> dict[str, Type]:
    _check_settings(node, activity, context)
    found = {}
    hints = {} if isinstance(activity, LambdaFunction) else _resolved(node, activity, context)
    for name, one in _parameters(activity).items():
        if one.kind in (one.VAR_KEYWORD, one.VAR_POSITIONAL, one.POSITIONAL_ONLY):
            raise context.refuse(
                node,
                activity.label,
                "parameters such as *args, **kwargs and positional-only ones have no name",
                "give it named parameters; for one of other workers give local=",
            )
        found[name] = hints.get(name, ANY)
    return found


def _check_settings(node: Any, activity: Callee, context: Context) -> None:
    if not isinstance(activity, ActivityFunction | AsyncActivityFunction):
        return
    settings = activity.settings
    if settings.middleware or settings.route or not settings.auto_complete or settings.idempotent:
        raise context.refuse(
            node,
            activity.label,
            "middleware, routes, idempotent and auto_complete=False are not compiled",
            "leave them out",
        )


def _resolved(node: Any, activity: Callee, context: Context) -> dict[str, Type]:
    from_hints = inspect.get_annotations(inspect.unwrap(activity.function), eval_str=True)
    found = {}
    for name, hint in from_hints.items():
        if name == "return":
            continue
        try:
            found[name] = of_hint(hint)
        except UnknownHintError as error:
            raise context.refuse(
                node,
                f"parameter {name} of {activity.label}",
                f"its hint is {error}",
                "use int, float, bool, str, list, dict, dataclasses or Any",
            ) from None
    return found


def _result_type(node: Any, activity: Callee, context: Context) -> Type:
    """Return the type of an activity's result."""
    if isinstance(activity, LambdaFunction):
        return ANY
    function = inspect.unwrap(activity.function)
    hint = inspect.get_annotations(function, eval_str=True).get("return", Any)
    try:
        return NONE if hint is None else of_hint(hint)
    except UnknownHintError as error:
        raise context.refuse(
            node,
            f"result of {activity.label}",
            f"its hint is {error}",
            "use int, float, bool, str, list, dict, dataclasses or Any",
        ) from None
