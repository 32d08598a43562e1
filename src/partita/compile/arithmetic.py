"""Lower arithmetic: integers are exact or end the execution, floats are finite or end it."""

from __future__ import annotations

import ast

from partita.compile.context import Context
from partita.compile.jsonata import LARGEST, made
from partita.compile.tree import Value
from partita.compile.types import FLOAT, INT, NEVER, STR, join, list_of

_SIGNS = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*"}


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


def operate(node: ast.BinOp | ast.AugAssign, left: Value, right: Value, context: Context) -> Value:
    """Lower a binary operator."""
    if NEVER in (left.type, right.type):  # it is never evaluated
        return Value("null", NEVER)
    if left.type.is_number and right.type.is_number:
        return _number(node, left, right, context)
    if isinstance(node.op, ast.Add):
        if left.type is STR and right.type is STR:
            return made(f"{left.atom} & {right.atom}", STR, left, right, is_atom=False)
        if left.type.kind == "list" and right.type.kind == "list":
            item = join(left.type.item, right.type.item)
            return made(f"$append({left.text}, {right.text})", list_of(item), left, right)
    raise refused(node, left, right, context)


def refused(node: ast.AST, left: Value, right: Value, context: Context) -> Exception:
    """Return the refusal of an operator."""
    return context.refuse(
        node,
        f"operator of {left.type} and {right.type}",
        "it is not compiled, or the types are not known",
        "give type hints; else compute it in an activity",
    )


def _number(node: ast.BinOp | ast.AugAssign, left: Value, right: Value, context: Context) -> Value:
    is_int = left.type is INT and right.type is INT
    sign = _SIGNS.get(type(node.op))
    if sign is not None:
        value = made(f"{left.atom} {sign} {right.atom}", INT, left, right, is_atom=False)
        return guarded(node, value, context) if is_int else finite(node, value, context)
    if isinstance(node.op, ast.Div):
        _check_divisor(node, right, context, left)
        value = made(f"{left.atom} / {right.atom}", FLOAT, left, right, is_atom=False)
        return value if is_int else finite(node, value, context)
    if isinstance(node.op, ast.FloorDiv | ast.Mod) and is_int:
        _check_divisor(node, right, context, left)
        return _floor(node, context.simple(node, left), context.simple(node, right), context)
    raise refused(node, left, right, context)


def _check_divisor(node: ast.AST, right: Value, context: Context, left: Value) -> None:
    if not (right.is_constant and right.constant):
        message = context.text("division by zero")
        context.check(node, f"{right.atom} != 0", ZeroDivisionError, message, left, right)


def _floor(node: ast.BinOp | ast.AugAssign, left: Value, right: Value, context: Context) -> Value:
    """Return the remainder with the divisor's sign, or the quotient that goes with it."""
    name, a, b = context.names.new("n"), left.atom, right.atom
    rest = f"${name} = 0 ? 0 : (${name} < 0) != ({b} < 0) ? ${name} + {b} : ${name}"
    if isinstance(node.op, ast.Mod):
        return made(f"(${name} := {a} % {b}; {rest})", INT, left, right)
    return made(f"(${name} := {a} % {b}; ({a} - ({rest})) / {b})", INT, left, right)


def negative(node: ast.UnaryOp, value: Value, context: Context) -> Value:
    """Lower a sign."""
    if not value.type.is_number:
        raise refused(node, value, value, context)
    if isinstance(node.op, ast.UAdd):
        return value
    if value.is_constant and value.constant > 0:
        return Value(f"-{value.text}", value.type, False, 1, -value.constant, True)
    return made(f"0 - {value.atom}", value.type, value, is_atom=False)
