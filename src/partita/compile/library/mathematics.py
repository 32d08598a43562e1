"""Lower functions of the module math, as far as JSONata has them exactly."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from partita.compile.builtins.aggregates import one_argument, unfit
from partita.compile.builtins.conversions import number
from partita.compile.builtins.ordering import keywords_of
from partita.compile.context import Context
from partita.compile.operators.arithmetic import finite, guarded, power
from partita.compile.templates import fill
from partita.compile.tree import Value
from partita.compile.types import BOOL, FLOAT, INT
from partita.compile.values.sequences import as_list

Lower = Callable[[Any, Context], Value]


def _whole(template: str) -> Lower:
    """Return what lowers a function that makes an int of a number."""

    def lower(node: Any, context: Context) -> Value:
        value = number(node, one_argument(node, context), context)
        if value.type is INT:
            return value
        return guarded(node, fill(node, context, template, INT, x=value), context)

    return lower


def _sqrt(node: Any, context: Context) -> Value:
    value = context.simple(node, number(node, one_argument(node, context), context))
    message = context.text("math domain error")
    context.check(node, f"{value.atom} >= 0", ValueError, message, value)
    return fill(node, context, "$sqrt(@x)", FLOAT, x=value)


_ISQRT = (
    "(~r := $floor($sqrt(@x)); ~r * ~r > @x ? ~r - 1 : (~r + 1) * (~r + 1) <= @x ? ~r + 1 : ~r)"
)


def _isqrt(node: Any, context: Context) -> Value:
    value = context.simple(node, _int(node, 0, context))
    message = context.text("isqrt() argument must be nonnegative")
    context.check(node, f"{value.atom} >= 0", ValueError, message, value)
    return fill(node, context, _ISQRT, INT, x=value)


def _int(node: Any, place: int, context: Context) -> Value:
    value = number(node, node.args[place], context)
    if value.type is not INT:
        raise unfit(node, value, context)
    return value


def _always(found: bool) -> Lower:
    """Return what lowers a test that all numbers of JSON pass, or none."""

    def lower(node: Any, context: Context) -> Value:
        value = number(node, one_argument(node, context), context)
        return fill(node, context, f"(@x = @x ? {str(found).lower()} : false)", BOOL, x=value)

    return lower


_CLOSE = "(@a = @b or $abs(@a - @b) <= $max([@r * $max([$abs(@a), $abs(@b)]), @t]))"


def _isclose(node: Any, context: Context) -> Value:
    named = keywords_of(node, ("rel_tol", "abs_tol"), context)
    if len(node.args) != 2:
        raise context.refuse(node, "isclose", "it takes two numbers", "give both")
    left, right = (number(node, one, context) for one in node.args)
    tolerances = [Value("1e-9", FLOAT), Value("0", FLOAT)]
    for place, name in enumerate(("rel_tol", "abs_tol")):
        if name in named:
            tolerances[place] = number(node, named[name], context)
    return fill(node, context, _CLOSE, BOOL, a=left, b=right, r=tolerances[0], t=tolerances[1])


_GCD = "(~f := function(~a, ~b) {~b = 0 ? ~a : ~f(~b, ~a % ~b)}; ~f($abs(@x), $abs(@y)))"


def _gcd(node: Any, context: Context) -> Value:
    if node.keywords:
        raise context.refuse(node, "gcd", "its arguments are not compiled", "give ints")
    found = Value("0", INT)
    for place in range(len(node.args)):
        found = fill(node, context, _GCD, INT, x=found, y=_int(node, place, context))
    return found


def _lcm(node: Any, context: Context) -> Value:
    found = Value("1", INT)
    for place in range(len(node.args)):
        other = _int(node, place, context)
        template = f"(@x = 0 or @y = 0 ? 0 : $abs(@x) / {_GCD} * $abs(@y))"
        found = guarded(node, fill(node, context, template, INT, x=found, y=other), context)
    return found


def _pow(node: Any, context: Context) -> Value:
    if len(node.args) != 2:
        raise context.refuse(node, "pow", "it takes two numbers", "give both")
    left, right = (
        Value(one.text, FLOAT, one.is_atom, one.depth)
        for one in (number(node, argument, context) for argument in node.args)
    )
    found = power(node, left, right, context)
    assert found is not None
    return found


def _fabs(node: Any, context: Context) -> Value:
    value = number(node, one_argument(node, context), context)
    return fill(node, context, "$abs(@x)", FLOAT, x=value)


def _prod(node: Any, context: Context) -> Value:
    named = keywords_of(node, ("start",), context)
    if len(node.args) != 1:
        raise context.refuse(node, "prod", "its arguments are not compiled", "give one list")
    items = as_list(node, context.read(node.args[0]), context)
    start = number(node, named["start"], context) if "start" in named else Value("1", INT)
    if items.type.kind != "list" or items.type.item not in (INT, FLOAT) or start.type is not INT:
        raise unfit(node, items, context)
    is_int = items.type.item is INT
    step = "$abs(~acc) > 9007199254740991 ? @guard : ~acc * ~one" if is_int else "~acc * ~one"
    template = f"$reduce(@x, function(~acc, ~one) {{{step}}}, @s)"
    guard = "an integer beyond 2**53"
    found = fill(node, context, template, items.type.item, guard, x=items, s=start)
    return guarded(node, found, context) if is_int else finite(node, found, context)


_FACTORIAL = "(@x > 18 ? @guard : $reduce([1..@x], function(~acc, ~i) {~acc * ~i}, 1))"


def _factorial(node: Any, context: Context) -> Value:
    value = context.simple(node, _int(node, 0, context))
    message = context.text("factorial() not defined for negative values")
    context.check(node, f"{value.atom} >= 0", ValueError, message, value)
    return fill(node, context, _FACTORIAL, INT, "an integer beyond 2**53", x=value)


FUNCTIONS: dict[Any, Lower] = {
    math.floor: _whole("$floor(@x)"),
    math.ceil: _whole("$ceil(@x)"),
    math.trunc: _whole("(@x < 0 ? $ceil(@x) : $floor(@x))"),
    math.sqrt: _sqrt,
    math.isqrt: _isqrt,
    math.isnan: _always(False),
    math.isinf: _always(False),
    math.isfinite: _always(True),
    math.isclose: _isclose,
    math.gcd: _gcd,
    math.lcm: _lcm,
    math.pow: _pow,
    math.fabs: _fabs,
    math.prod: _prod,
    math.factorial: _factorial,
}
