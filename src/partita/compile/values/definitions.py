"""Lower definitions of functions inside others, lambdas, and names of the module's objects."""

from __future__ import annotations

import ast
import enum
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from partita.compile.context import Context
from partita.compile.jsonata import list_value, literal, object_value
from partita.compile.tree import Let, Value
from partita.compile.types import dict_of, tuple_of
from partita.compile.values.closures import Function, function_value, object_function
from partita.compile.values.enumerations import is_enum, members
from partita.compile.variables import Variable


def defined(node: Any, context: Context) -> Value:
    """Lower a lambda, or an inner function, to a value."""
    name = getattr(node, "name", "lambda")
    if getattr(node, "decorator_list", []):
        raise context.refuse(
            node,
            f"decorator of {name}",
            "what it makes of an inner function is not known",
            "define the function in the module, or write its code here",
        )
    defaults = _defaults(node, context)
    return function_value(Function(name, node, context, defaults=defaults), context)


def _defaults(node: Any, context: Context) -> dict[str, Value]:
    arguments = node.args
    positional = [one.arg for one in (*arguments.posonlyargs, *arguments.args)]
    pairs = [*zip(reversed(positional), reversed(arguments.defaults), strict=False)]
    pairs.reverse()
    pairs += [
        (one.arg, default)
        for one, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
        if default is not None
    ]
    found = {}
    for name, default in pairs:
        value = context.lower(default)
        if not value.is_constant and context.enclosing.rounds:
            raise context.refuse(
                default,
                f"default of {name}",
                "the loop would make a function for each of its values",
                "pass it as an argument",
            )
        if value.type.is_mutable:
            raise context.refuse(
                default, f"default of {name}", "calls would share it", "use None, and test for it"
            )
        found[name] = value if value.is_constant else _kept(node, value, context)
    return found


def _kept(node: Any, value: Value, context: Context) -> Value:
    """Return a value as it is now, whatever the variable that it is read from is later."""
    simple = context.simple(node, value)
    return simple if context.names.is_new(simple.text[1:]) else context.let(node, "given", simple)


def define(node: Any, context: Context) -> None:
    """Lower the definition of an inner function."""
    value = defined(node, context)
    name = context.bind(node.name, value.type)
    if node.name in context.code.once:
        context.variables[node.name] = Variable(value.type, value.text)
    else:
        context.block.append(Let(node.lineno, {name: value}))


def object_value_of(found: Any, context: Context) -> Value | None:
    """Return an object of the module as a value: constants, functions, and collections of them."""
    if is_enum(found):
        return members(found)
    constant = literal(found)
    if constant is not None or found is None:
        return constant
    if isinstance(found, list | tuple):
        values = [object_value_of(one, context) for one in found]
        kept = [one for one in values if one is not None]
        if len(kept) < len(values):
            return None
        return list_value(
            kept, tuple_of(*(one.type for one in kept)) if isinstance(found, tuple) else None
        )
    if isinstance(found, dict) and found and all(isinstance(one, enum.Enum) for one in found):
        by_value = object_value_of({one.value: each for one, each in found.items()}, context)
        key = next(iter(found)).__class__
        return by_value and replace(by_value, type=dict_of(by_value.type.item, key))
    if isinstance(found, dict) and all(isinstance(key, str) for key in found):
        named = {key: object_value_of(one, context) for key, one in found.items()}
        known = {key: one for key, one in named.items() if one is not None}
        return object_value(known) if len(known) == len(named) else None
    return object_function(found, context)


@contextmanager
def arguments_kept(node: ast.Call, context: Context) -> Iterator[ast.Call]:
    """Evaluate the arguments of a call once; give the call over variables that hold them."""
    before = dict(context.variables)
    made = ast.copy_location(ast.Call(node.func, [], []), node)
    for one in node.args:
        inner = one.value if isinstance(one, ast.Starred) else one
        named = named_value(inner, context.simple(inner, context.read(inner)), context)
        made.args.append(
            ast.copy_location(ast.Starred(named, ast.Load()), one)
            if isinstance(one, ast.Starred)
            else named
        )
    for keyword in node.keywords:
        value = context.simple(keyword.value, context.read(keyword.value))
        made.keywords.append(ast.keyword(keyword.arg, named_value(keyword.value, value, context)))
    try:
        yield made
    finally:
        for name in set(context.variables) - set(before):
            if name.startswith("<"):
                del context.variables[name]


def named_value(node: ast.expr, value: Value, context: Context) -> ast.expr:
    """Return an expression that stands for a value that has been computed."""
    name = f"<{node.lineno}:{node.col_offset}:{len(context.variables)}>"
    context.variables = {**context.variables, name: Variable(value.type, value.text)}
    return ast.copy_location(ast.Name(name, ast.Load()), node)
