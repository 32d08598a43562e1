"""Lower arithmetic: integers are exact or end the execution, floats are finite or end it.

A number that may be an int or a float is exact as both, or ends the execution.
"""

from __future__ import annotations

import ast
from dataclasses import replace
from typing import Any

from partita.compile import number_kinds
from partita.compile.context import Context
from partita.compile.jsonata import LARGEST, made
from partita.compile.operators.error_texts import division_by_zero
from partita.compile.templates import fill
from partita.compile.tree import Value
from partita.compile.types import BOOL, FLOAT, INT, NUMBER, Type

Operator = ast.BinOp | ast.AugAssign

_SIGNS = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*"}
_FLOORED = (  # the remainder with the divisor's sign
    "~r := @a % @b; ~rest := ~r = 0 ? 0 : (~r < 0) != (@b < 0) ? ~r + @b : ~r"
)
_QUOTIENT = "(@a - ~rest) / @b"
_FLOAT_QUOTIENT = "~q := (@a - ~rest) / @b; ~low := $floor(~q); ~q - ~low > 0.5 ? ~low + 1 : ~low"


def guarded(node: ast.AST, value: Value, context: Context) -> Value:
    """Return an integer, or end the execution if it is not exact."""
    name = context.names.new("n")
    error = context.guard_text(node, "an integer beyond 2**53")
    text = f"(${name} := {value.text}; $abs(${name}) <= {LARGEST} ? ${name} : {error})"
    return made(text, INT, value)


def finite(node: ast.AST, value: Value, context: Context) -> Value:
    """Return a float, or end the execution if it is infinite or no number."""
    name = context.names.new("n")
    error = context.guard_text(node, "a float out of range")
    text = f'(${name} := {value.text}; $type(${name}) = "number" ? ${name} : {error})'
    return made(text, FLOAT, value)


def either(node: ast.AST, value: Value, context: Context) -> Value:
    """Return a number that is an int or a float, or end the execution if it may not be exact."""
    template = (
        '(~n := @x; $type(~n) != "number" ? @guard : '
        f"$abs(~n) <= {LARGEST} or $floor(~n) != ~n ? ~n : @guard)"
    )
    return fill(node, context, template, NUMBER, "a number out of the exact range", x=value)


def bounded(node: ast.AST, value: Value, type: Type, context: Context) -> Value:
    """Return the result of arithmetic as exactly as its type wants it."""
    check = {INT: guarded, FLOAT: finite}.get(type, either)
    return check(node, value, context)


def result_type(left: Type, right: Type) -> Type:
    """Return the type of the sum of two numbers."""
    if FLOAT in (left, right):
        return FLOAT
    return INT if left is INT and right is INT else NUMBER


def calculate(node: Operator, left: Value, right: Value, context: Context) -> Value | None:
    """Lower an operator of two numbers; None if it is not compiled."""
    type = result_type(left.type, right.type)
    sign = _SIGNS.get(node.op.__class__)
    if sign is not None:
        value = made(f"{left.atom} {sign} {right.atom}", INT, left, right, is_atom=False)
        found = bounded(node, value, type, context)
        return replace(found, floating=number_kinds.either(left, right))
    if isinstance(node.op, ast.Div):
        check_divisor(node, right, context, left)
        value = made(f"{left.atom} / {right.atom}", FLOAT, left, right, is_atom=False)
        return value if type is INT else finite(node, value, context)
    if isinstance(node.op, ast.FloorDiv | ast.Mod):
        check_divisor(node, right, context, left, "%" if isinstance(node.op, ast.Mod) else "//")
        return floored(node, left, right, isinstance(node.op, ast.Mod), context)
    if isinstance(node.op, ast.Pow):
        return power(node, left, right, context)
    if type is INT and isinstance(node.op, ast.LShift | ast.RShift):
        return _shifted(node, left, right, context)
    if type is INT and type_of_bits(node.op) is not None:
        return bits(node, left, right, context)
    return None


def check_divisor(
    node: ast.AST, right: Value, context: Context, left: Value, sign: str = "/"
) -> None:
    """Raise ZeroDivisionError for a divisor of 0."""
    if not (right.is_constant and right.constant):
        message = context.text(division_by_zero(sign, left, right))
        context.check(node, f"{right.atom} != 0", ZeroDivisionError, message, left, right)


def floored(node: ast.AST, left: Value, right: Value, is_rest: bool, context: Context) -> Value:
    """Return the remainder with the divisor's sign, or the quotient that goes with it."""
    type = result_type(left.type, right.type)
    if type is not INT and not is_rest:
        template = f"({_FLOORED}; {_FLOAT_QUOTIENT})"
        return bounded(node, fill(node, context, template, type, a=left, b=right), type, context)
    template = f"({_FLOORED}; {'~rest' if is_rest else _QUOTIENT})"
    return fill(node, context, template, type, a=left, b=right)


def power(node: ast.AST, left: Value, right: Value, context: Context) -> Value | None:
    """Lower `left ** right`."""
    is_counted = right.is_constant and right.type is INT and right.constant >= 0
    if left.type is INT and is_counted:
        return guarded(node, _power_text(node, left, right, INT, context), context)
    if left.type is INT and right.type is INT:
        return _open_power(node, left, right, context)
    if NUMBER in (left.type, right.type) and not is_counted:
        return None
    left, right = context.simple(node, left), context.simple(node, right)
    message = context.text("zero to a negative power")
    if not (right.is_constant and right.constant >= 0):
        test = f"{left.atom} != 0 or {right.atom} >= 0"
        context.check(node, test, ZeroDivisionError, message, left, right)
    if not (right.is_constant and right.type is INT):
        template = "(@a < 0 and $floor(@b) != @b ? @guard : $power(@a, @b))"
        value = fill(node, context, template, FLOAT, "a complex number", a=left, b=right)
    else:
        value = _power_text(node, left, right, FLOAT, context)
    return bounded(node, value, result_type(left.type, right.type), context)


def _power_text(node: ast.AST, left: Value, right: Value, type: Type, context: Context) -> Value:
    return fill(node, context, "$power(@a, @b)", type, a=left, b=right)


def _open_power(node: ast.AST, left: Value, right: Value, context: Context) -> Value:
    """Lower a power of ints that is a float for a negative exponent."""
    left, right = context.simple(node, left), context.simple(node, right)
    message = context.text("zero to a negative power")
    test = f"{left.atom} != 0 or {right.atom} >= 0"
    context.check(node, test, ZeroDivisionError, message, left, right)
    template = (
        "(@b < 0 ? $power(@a, @b) : ($abs(@a) > 1 and @b > 60 ? @guard : "
        f"(~n := $power(@a, @b); $abs(~n) <= {LARGEST} ? ~n : @guard)))"
    )
    return fill(node, context, template, NUMBER, "an integer beyond 2**53", a=left, b=right)


# -- bits


_BITS: dict[type, str] = {ast.BitAnd: "and", ast.BitOr: "or", ast.BitXor: "!="}
_EACH_BIT = (  # of two's complement: the sum over 53 bits, of which the last is the sign
    "$reduce([0..53], function(~acc, ~i) {(~w := $power(2, ~i); "
    "~x := $floor(@a / ~w) % 2 != 0; ~y := $floor(@b / ~w) % 2 != 0; "
    "TEST ? ~acc + (~i = 53 ? -~w : ~w) : ~acc)}, 0)"
)


def type_of_bits(op: ast.operator) -> str | None:
    """Return how JSONata combines two bits; None if the operator is no such one."""
    return _BITS.get(type(op))


def bits(node: Operator, left: Value, right: Value, context: Context) -> Value:
    """Lower `&`, `|` and `^` of ints."""
    sign = _BITS[type(node.op)]
    test = f"(~x {sign} ~y)"
    return fill(node, context, _EACH_BIT.replace("TEST", test), INT, a=left, b=right)


def bits_of_bools(op: ast.operator, left: Value, right: Value) -> Value:
    """Lower `&`, `|` and `^` of bools, of which both are evaluated."""
    return made(f"{left.atom} {_BITS[type(op)]} {right.atom}", BOOL, left, right, is_atom=False)


def _shifted(node: Operator, left: Value, right: Value, context: Context) -> Value:
    right = context.simple(node, right)
    if not (right.is_constant and right.constant >= 0):
        message = context.text("negative shift count")
        context.check(node, f"{right.atom} >= 0", ValueError, message, right)
    if isinstance(node.op, ast.RShift):
        template = "(@b > 60 ? (@a < 0 ? -1 : 0) : $floor(@a / $power(2, @b)))"
        return fill(node, context, template, INT, a=left, b=right)
    template = "(@a = 0 ? 0 : @b > 60 ? @guard : @a * $power(2, @b))"
    guard = "an integer beyond 2**53"
    return guarded(node, fill(node, context, template, INT, guard, a=left, b=right), context)


def negative(node: Any, value: Value) -> Value:
    """Lower a sign of a number."""
    if isinstance(node.op, ast.UAdd):
        return value
    if value.is_constant and value.constant > 0:
        return Value(f"-{value.text}", value.type, False, 1, -value.constant, True)
    found = made(f"0 - {value.atom}", value.type, value, is_atom=False)
    return replace(found, floating=number_kinds.either(value))
