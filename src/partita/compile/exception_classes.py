"""Lower what classes of exceptions add: constructors that set attributes, and the attributes.

A constructor may pass one text on to `super().__init__`, and assign attributes of `self`.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
import typing
from dataclasses import replace
from typing import Any

from partita.compile.context import Context, Variable
from partita.compile.jsonata import Names, made
from partita.compile.representations import as_text
from partita.compile.tree import Value
from partita.compile.types import BOOL, ERROR, INT, STR, Type, UnknownHintError, list_of, of_hint

_CHECKS = {
    "int": '$type({0}) = "number" ? $floor({0}) = {0} : false',
    "str": '$type({0}) = "string"',
    "bool": '$type({0}) = "boolean"',
}


def attribute(node: ast.Attribute, value: Value, context: Context) -> Value | None:
    """Return an attribute of an exception; None if its class says nothing of it."""
    if value.type.cls is ExceptionGroup and node.attr in ("exceptions", "message"):
        is_text = node.attr == "message"
        return made(
            f"{value.atom}.{'text' if is_text else 'exceptions'}",
            STR if is_text else list_of(ERROR),
            value,
        )
    wanted = _attribute_types(value.type.cls).get(node.attr) if value.type.cls else None
    if wanted is None:
        return None
    name = context.names.new("attribute")
    test = _CHECKS[wanted.kind].format(f"${name}")
    error = context.guard_text(node, f"the attribute {node.attr} is no {wanted}")
    found = f"$lookup({value.text}.attributes, {context.text(node.attr).text})"
    return made(f"(${name} := {found}; ({test}) ? ${name} : {error})", wanted, value)


def _attribute_types(kind: Any) -> dict[str, Type]:
    """Return the attributes whose types are known, of int, str and bool."""
    hints = dict(typing.get_type_hints(kind))
    definition = constructor_of(kind)
    if definition is not None:
        parameters = typing.get_type_hints(kind.__init__)
        for name, value in _assigned(definition).items():
            if isinstance(value, ast.Name) and value.id in parameters:
                hints.setdefault(name, parameters[value.id])
    found = {}
    for name, hint in hints.items():
        try:
            type = of_hint(hint)
        except UnknownHintError:
            continue
        if type in (INT, STR, BOOL):
            found[name] = type
    return found


def constructor_of(kind: Any) -> ast.FunctionDef | None:
    """Return the definition of the class's own constructor, or of the one that it inherits."""
    function = kind.__init__
    if not inspect.isfunction(function):
        return None
    try:
        lines, row = inspect.getsourcelines(function)
        node = ast.parse(textwrap.dedent("".join(lines))).body[0]
    except (OSError, SyntaxError):
        return None
    ast.increment_lineno(node, row - 1)
    return node if isinstance(node, ast.FunctionDef) else None


def _assigned(definition: ast.FunctionDef) -> dict[str, ast.expr]:
    """Return what a constructor assigns to attributes of `self`."""
    found = {}
    for node in definition.body:
        target = node.targets[0] if isinstance(node, ast.Assign) else getattr(node, "target", None)
        if isinstance(target, ast.Attribute) and isinstance(node, ast.Assign | ast.AnnAssign):
            if node.value is not None:
                found[target.attr] = node.value
    return found


def constructed(node: ast.Call, kind: Any, context: Context) -> Value | None:
    """Return an exception that its class's constructor makes; None if that is not compiled."""
    definition = constructor_of(kind)
    if definition is None or any("__str__" in vars(one) for one in kind.__mro__[:-3]):
        return None
    text = _passed_on(definition)
    if text is None or not _is_simple(definition):
        return None
    try:
        bound = inspect.signature(kind.__init__).bind(None, *node.args, **_keywords(node))
    except TypeError:
        return None
    given = dict(list(bound.arguments.items())[1:])
    if len(given) != len(definition.args.args) - 1:
        return None
    inner = _inner(definition, given, context)
    message = as_text(node, inner.lower(text), context)
    values = {name: inner.lower(one) for name, one in _assigned(definition).items()}
    return context.error(kind, message, values)


def _keywords(node: ast.Call) -> dict[str, Any]:
    return {one.arg: one.value for one in node.keywords if one.arg is not None}


def _passed_on(definition: ast.FunctionDef) -> ast.expr | None:
    """Return the one argument of `super().__init__(...)`."""
    for node in definition.body:
        call = node.value if isinstance(node, ast.Expr) else None
        if isinstance(call, ast.Call) and len(call.args) == 1 and not call.keywords:
            if ast.unparse(call.func) == "super().__init__":
                return call.args[0]
    return None


def _is_simple(definition: ast.FunctionDef) -> bool:
    """Return whether a constructor does nothing but to call `super` and to assign attributes."""
    others = [
        node
        for node in definition.body
        if not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))
    ]
    return len(others) == 1 + len(_assigned(definition))


def _inner(definition: ast.FunctionDef, given: dict[str, ast.expr], context: Context) -> Context:
    variables = {}
    for name, argument in given.items():
        value = context.simple(argument, context.lower(argument))
        variables[name] = Variable(value.type, value.text)
    inner: Context = replace(
        context,
        local=frozenset(given),
        mutated=frozenset(),
        lower=lambda one: context.lower_in(one, inner),
        names=Names(context.names),
        variables=variables,
        is_kept=True,
    )
    return inner
