"""Lower `uuid4()`, `random()` and its methods, and calls of `side_effect`, which run once."""

from __future__ import annotations

import ast
import random as random_module
import time
import uuid
from collections.abc import Callable
from typing import Any

from partita.compile.containers.subscripts import element
from partita.compile.context import Context
from partita.compile.jsonata import made
from partita.compile.lowered import located
from partita.compile.names.objects import target
from partita.compile.tree import Value
from partita.compile.types import FLOAT, INT, RANDOM, STR, UUID


def lower_uuid4(node: Any, context: Context) -> Value:
    """Lower `uuid4()`."""
    return context.let(node, "uuid", Value("$uuid()", UUID))


def uuid_attribute(node: ast.Attribute, value: Value) -> Value | None:
    """Return `hex` or `urn` of a UUID."""
    if value.type is UUID and node.attr == "hex":
        return made(f'$replace({value.text}, "-", "")', STR, value)
    if value.type is UUID and node.attr == "urn":
        return made(f'"urn:uuid:" & {value.atom}', STR, value, is_atom=False)
    return None


def lower_random(node: Any, context: Context) -> Value:
    """Lower `random()`, a source of random numbers."""
    return Value("null", RANDOM)


def random_method(node: Any, context: Context) -> Value:
    """Lower a method of a source of random numbers."""
    lower = _METHODS.get(node.func.attr)
    args = [context.simple(one, context.read(one)) for one in node.args]
    found = None if lower is None or node.keywords else lower(node, args, context)
    if found is None:
        raise context.refuse(
            node,
            f"random().{node.func.attr}",
            "only random, uniform, randint, randrange and choice are compiled",
            "use one of these, or an activity",
        )
    return context.let(node, "random", found)


def _random(node: Any, args: list[Value], context: Context) -> Value | None:
    return None if args else Value("$random()", FLOAT)


def _uniform(node: Any, args: list[Value], context: Context) -> Value | None:
    if len(args) != 2 or not all(one.type.is_number for one in args):
        return None
    low, high = args
    text = f"{low.atom} + ({high.atom} - {low.atom}) * $random()"
    return made(text, FLOAT, low, high, is_atom=False)


def _randint(node: Any, args: list[Value], context: Context) -> Value | None:
    if len(args) != 2 or any(one.type is not INT for one in args):
        return None
    low, high = args
    return _within(node, low, f"({high.atom} - {low.atom} + 1)", args, context)


def _randrange(node: Any, args: list[Value], context: Context) -> Value | None:
    if not 1 <= len(args) <= 2 or any(one.type is not INT for one in args):
        return None
    low = args[0] if len(args) == 2 else Value("0", INT)
    return _within(node, low, f"({args[-1].atom} - {low.atom})", args, context)


def _within(node: Any, low: Value, count: str, args: list[Value], context: Context) -> Value:
    message = context.text("empty range for randrange()")
    context.check(node, f"{count} > 0", ValueError, message, *args)
    text = f"{low.atom} + $floor($random() * {count})"
    return made(text, INT, *args, is_atom=False)


def _choice(node: Any, args: list[Value], context: Context) -> Value | None:
    if len(args) != 1 or args[0].type.kind != "list":
        return None
    message = context.text("Cannot choose from an empty sequence")
    count = f"$count({args[0].text})"
    context.check(node, f"{count} > 0", IndexError, message, args[0])
    index = context.let(node, "index", Value(f"$floor($random() * {count})", INT))
    return element(args[0], index, args[0].type.item)


_METHODS: dict[str, Callable[[Any, list[Value], Context], Value | None]] = {
    "random": _random,
    "uniform": _uniform,
    "randint": _randint,
    "randrange": _randrange,
    "choice": _choice,
}


def lower_side_effect(node: Any, context: Context) -> Value:
    """Lower `side_effect(function)`: a pure function, or one that asks for chance or time."""
    if len(node.args) != 1 or node.keywords:
        raise context.refuse(node, "side_effect", "it takes a function", "give one argument")
    function = node.args[0]
    call = located(ast.Call(function, [], []), node)
    body = function.body if isinstance(function, ast.Lambda) else call
    known = _known(body, context)
    return context.lower(call) if known is None else context.let(node, "value", known)


def _known(node: ast.expr, context: Context) -> Value | None:
    """Return what a function of Python's asks for that JSONata gives, too."""
    if isinstance(node, ast.Call) and len(node.args) == 1 and not node.keywords:
        inner = _known(node.args[0], context)
        is_text = target(node.func, context) is str
        return Value(inner.text, STR) if inner is not None and is_text else None
    if not isinstance(node, ast.Call) or node.args or node.keywords:
        return None
    found = target(node.func, context)
    return next((value for one, value in _SOURCES if one == found), None)


_SOURCES: list[tuple[Any, Value]] = [
    (uuid.uuid4, Value("$uuid()", UUID)),
    (random_module.random, Value("$random()", FLOAT)),
    (time.time, Value("($millis() / 1000)", FLOAT)),
]
