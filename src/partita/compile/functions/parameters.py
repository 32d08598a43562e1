"""Bind the arguments of a call to the parameters of a function whose code is inlined."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from partita.compile.containers.subscripts import element
from partita.compile.context import Context
from partita.compile.jsonata import list_value, literal, object_value
from partita.compile.tree import Value
from partita.compile.types import ANY, Type, fits, tuple_of
from partita.compile.values.hints import hinted


@dataclass(frozen=True)
class Argument:
    """The value of a parameter, and the expression it comes from, if there is one."""

    value: Value
    node: ast.expr | None = None


def bind(
    node: ast.Call,
    arguments: ast.arguments,
    defaults: Mapping[str, Value],
    context: Context,
    place: Context,
) -> dict[str, Argument]:
    """Return the arguments of a call by the names of their parameters, in Python's order.

    `place` knows what the function's hints mean.
    """
    given, rest = _positional(node, arguments, context)
    others = _keywords(node, arguments, given, context)
    if arguments.vararg is not None:
        type = tuple_of(*(one.type for one in rest))
        given[arguments.vararg.arg] = Argument(list_value(rest, type))
    elif rest:
        raise _unfit(node, f"{len(_positions(arguments)) + len(rest)} arguments", context)
    if arguments.kwarg is not None:
        given[arguments.kwarg.arg] = Argument(object_value(others))
    for name in [*_positions(arguments), *(one.arg for one in arguments.kwonlyargs)]:
        if name not in given:
            if name not in defaults:
                raise context.refuse(node, f"argument {name}", "it is missing", "give it")
            given[name] = Argument(defaults[name])
    hints = {name: _hint(name, arguments, place) for name in given}
    return {name: _hinted(node, one, hints[name], context) for name, one in given.items()}


def _positions(arguments: ast.arguments) -> list[str]:
    """Return the names of the parameters that may be given by their places."""
    return [one.arg for one in (*arguments.posonlyargs, *arguments.args)]


def _positional(
    node: ast.Call, arguments: ast.arguments, context: Context
) -> tuple[dict[str, Argument], list[Value]]:
    """Return the arguments that are given by their places, and those for `*args`."""
    names = _positions(arguments)
    every = [item for arg in node.args for item in expanded(arg, context)]
    given = dict(zip(names, every, strict=False))
    return given, [one.value for one in every[len(names) :]]


def _keywords(
    node: ast.Call, arguments: ast.arguments, given: dict[str, Argument], context: Context
) -> dict[str, Value]:
    """Add the arguments that are given by their names; return those for `**kwargs`."""
    names = {one.arg for one in (*arguments.args, *arguments.kwonlyargs)}
    others: dict[str, Value] = {}
    for keyword in node.keywords:
        if keyword.arg is None:
            raise context.refuse(
                keyword.value, "** in a call", "its keys are not known", "name the arguments"
            )
        value = Argument(context.read(keyword.value), keyword.value)
        if keyword.arg in names and keyword.arg not in given:
            given[keyword.arg] = value
        elif arguments.kwarg is not None and keyword.arg not in {*names, *others, *given}:
            others[keyword.arg] = value.value
        else:
            raise _unfit(node, f"argument {keyword.arg}", context)
    return others


def _unfit(node: ast.AST, what: str, context: Context) -> Exception:
    return context.refuse(
        node, what, "they do not fit the function's parameters", "give each parameter once"
    )


def expanded(node: ast.expr, context: Context) -> list[Argument]:
    """Return one argument, or those of `*values`."""
    if not isinstance(node, ast.Starred):
        return [Argument(context.read(node), node)]
    value = context.read(node.value)
    if value.type.kind != "tuple":
        raise context.refuse(
            node, "* in a call", "the number of its elements is not known", "name the arguments"
        )
    kept = context.simple(node, value)
    indices = [literal(number) for number in range(len(value.type.parts))]
    return [
        Argument(element(kept, index, part))
        for index, part in zip(indices, value.type.parts, strict=True)
        if index is not None
    ]


def _hint(name: str, arguments: ast.arguments, place: Context) -> Type | None:
    hint = hint_of(name, arguments)
    return place.hint(hint) if hint is not None else None


def _hinted(node: ast.AST, one: Argument, wanted: Type | None, context: Context) -> Argument:
    """Give an argument the type of its parameter's hint, if it fits."""
    if wanted is None or wanted is ANY or not fits(one.value.type, wanted):
        return one
    return replace(one, value=hinted(one.node or node, one.value, wanted, context))


def hint_of(name: str, arguments: ast.arguments) -> ast.expr | None:
    """Return the annotation of a parameter."""
    every: list[Any] = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    return next((one.annotation for one in every if one.arg == name), None)
