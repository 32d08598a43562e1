"""Lower binary and unary operators by the types of their operands.

Where a type is not known, the machine finds it out: what does not fit raises TypeError.
"""

from __future__ import annotations

import ast
from dataclasses import replace
from typing import Any

from partita.compile.context import Context
from partita.compile.jsonata import list_value, literal, made
from partita.compile.operators.arithmetic import (
    Operator,
    bits_of_bools,
    calculate,
    either,
    negative,
    type_of_bits,
)
from partita.compile.templates import fill
from partita.compile.texts.formats import lower_percent
from partita.compile.tree import Value
from partita.compile.types import (
    ANY,
    FLOAT,
    INT,
    NEVER,
    NONE,
    NUMBER,
    STR,
    TIMEDELTA,
    dict_of,
    join,
    list_of,
    row_of,
    tuple_of,
)
from partita.compile.values.dynamic import is_open, narrowed, present
from partita.compile.values.iterables import is_lazy, iterable
from partita.compile.values.moments import is_time, time_operator
from partita.compile.values.sets import combined, set_from
from partita.compile.values.shared_parts import check_repeated

_UNFIT = "unsupported operand type(s)"


def operate(node: Operator, left: Value, right: Value, context: Context) -> Value:
    """Lower a binary operator."""
    if NEVER in (left.type, right.type):  # it is never evaluated
        return Value("null", NEVER)
    left, right = (present(node, one, context, TypeError, _UNFIT) for one in (left, right))
    if left.type.kind == right.type.kind == "bool" and type_of_bits(node.op) is not None:
        return bits_of_bools(node.op, left, right)
    left, right = _as_number(left), _as_number(right)
    found = None
    if is_time(left) or is_time(right):
        found = time_operator(node, left, right, context)
    elif left.type.is_number and right.type.is_number:
        found = calculate(node, left, right, context)
    elif left.type is ANY or right.type is ANY:
        found = _open(node, left, right, context)
    elif NONE in (left.type, right.type):
        found = _unfit(node, context)
    else:
        found = _combined(node, left, right, context)
    if found is None:
        raise refused(node, left, right, context)
    return found


def operand(node: ast.expr, context: Context) -> Value:
    """Lower an operand; the keys of a dict are a set there."""
    is_view = isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
    if is_view and node.func.attr in ("keys", "items") and is_lazy(node, context):  # type: ignore[attr-defined]
        items = iterable(node, node, context)
        found = set_from(node, items, context)
        if found is not None:
            return found
    return context.read(node)


def refused(node: ast.AST, left: Value, right: Value, context: Context) -> Exception:
    """Return the refusal of an operator."""
    return context.refuse(
        node,
        f"operator of {left.type} and {right.type}",
        "it is not compiled for these types",
        "compute it in an activity",
    )


def _as_number(value: Value) -> Value:
    if value.type.kind != "bool":
        return value
    found = literal(int(value.constant)) if value.is_constant else None
    return found or made(f"({value.text} ? 1 : 0)", INT, value)


def _unfit(node: ast.AST, context: Context) -> Value:
    """Raise TypeError, as Python does for operands of these types."""
    context.check(node, "false", TypeError, context.text(_UNFIT))
    return Value("null", NEVER)


def _combined(node: Operator, left: Value, right: Value, context: Context) -> Value | None:
    kinds = (left.type.kind, right.type.kind)
    op = node.op
    if isinstance(op, ast.Add):
        return _added(node, left, right, context)
    if isinstance(op, ast.Mult):
        if right.type is INT:
            return repeated(node, left, right, context)
        return repeated(node, right, left, context) if left.type is INT else None
    if isinstance(op, ast.Mod) and left.type is STR:
        return lower_percent(node, left, right, context)
    if isinstance(op, ast.BitOr) and kinds == ("dict", "dict"):
        type = join(*(replace(one.type, fields=()) for one in (left, right)))
        if type.kind != "dict" or "counter" in (left.type.default, right.type.default):
            return None
        return made(f"$merge([{left.text}, {right.text}])", type, left, right)
    if kinds == ("set", "set"):
        return combined(node, op, left, right, context)
    return None


def _added(node: Operator, left: Value, right: Value, context: Context) -> Value | None:
    kinds = (left.type.kind, right.type.kind)
    if kinds == ("str", "str"):
        return made(f"{left.atom} & {right.atom}", STR, left, right, is_atom=False)
    if kinds == ("list", "list"):
        item = join(left.type.item, right.type.item)
        return made(f"$append({left.text}, {right.text})", list_of(item), left, right)
    if kinds == ("tuple", "tuple"):
        parts = (*left.type.parts, *right.type.parts)
        return made(f"$append({left.text}, {right.text})", tuple_of(*parts), left, right)
    if set(kinds) <= {"row", "tuple"}:
        inner = NEVER
        for part in (*left.type.parts, *right.type.parts):
            inner = join(inner, part)
        return made(f"$append({left.text}, {right.text})", row_of(inner), left, right)
    scalars = ("str", "int", "float", "number", "list", "dict", "tuple", "row")
    if kinds[0] != kinds[1] and all(kind in scalars for kind in kinds):
        return _unfit(node, context)
    return None


def repeated(node: ast.AST, whole: Value, count: Value, context: Context) -> Value | None:
    """Return a text or a list, several times."""
    if whole.type is STR:
        if whole.is_constant and count.is_constant and len(whole.constant) * count.constant < 1000:
            return context.text(whole.constant * count.constant)
        template = '$reduce([1..@n], function(~acc, ~i) {~acc & @s}, "")'
        return fill(node, context, template, STR, s=whole, n=count)
    if whole.type.kind == "list":
        check_repeated(node, whole.type.item, context)
        template = "$reduce([1..@n], function(~acc, ~i) {$append(~acc, @s)}, [])"
        return fill(node, context, template, whole.type, s=whole, n=count)
    if whole.type.kind == "tuple" and count.is_constant:
        kept = context.simple(node, whole)
        parts = [
            made(f"{kept.text}[{number}]", type, kept)
            for number, type in enumerate(whole.type.parts)
        ] * max(0, count.constant)
        return list_value(parts, tuple_of(*(one.type for one in parts)))
    return None


# -- operands whose types are not known


def _open(node: Operator, left: Value, right: Value, context: Context) -> Value | None:
    op = node.op
    other = right.type if left.type is ANY else left.type
    if isinstance(op, ast.Add) and other is not ANY:
        wanted = NUMBER if other.is_number else other
        if other.kind not in ("str", "list", "int", "float", "number"):
            return None
        left, right = (
            narrowed(node, one, wanted, context, TypeError, _UNFIT) for one in (left, right)
        )
        return operate(node, left, right, context)
    if isinstance(op, ast.Add):
        return _open_sum(node, left, right, context)
    if isinstance(op, ast.Mult):
        return _open_product(node, left, right, context)
    if isinstance(op, ast.Mod) and left.type is STR:
        return lower_percent(node, left, right, context)
    if isinstance(op, ast.BitOr):
        return _open_merge(node, left, right, context)
    if isinstance(op, ast.Mod) and left.type is ANY:
        left = context.simple(node, left)
        error = context.guard_text(node, "% of a text without a hint")
        text = f'$type({left.text}) = "string" ? {error} : {left.atom}'
        left = context.let(node, "operand", made(text, ANY, left, is_atom=False))
    if not all(one.type is ANY or one.type.is_number for one in (left, right)):
        return _unfit(node, context)
    left, right = (narrowed(node, one, NUMBER, context, TypeError, _UNFIT) for one in (left, right))
    return calculate(node, left, right, context)


_KINDS = '$type(@x) in ["number", "boolean"] ? "number" : $type(@x)'
_NUMBER = "(@x = true ? 1 : @x = false ? 0 : @x)"


def _both(template: str) -> tuple[str, str]:
    return template.replace("@x", "@a"), template.replace("@x", "@b")


def _open_sum(node: Operator, left: Value, right: Value, context: Context) -> Value:
    left, right = context.simple(node, left), context.simple(node, right)
    kinds = _both(_KINDS)
    template = f'(~k := {kinds[0]}; ~k in ["number", "string", "array"] and ~k = ({kinds[1]}))'
    test = fill(node, context, template, ANY, a=left, b=right)
    context.check(node, test.text, TypeError, context.text(_UNFIT), test)
    numbers = _both(_NUMBER)
    total = fill(node, context, f"({numbers[0]} + {numbers[1]})", NUMBER, a=left, b=right)
    template = '($type(@a) = "string" ? @a & @b : $type(@a) = "array" ? $append(@a, @b) : @t)'
    total = either(node, total, context)
    return fill(node, context, template, ANY, a=left, b=right, t=total)


_REPEATED = (
    '$reduce([1..NUMBER], function(~acc, ~i) {$type(WHOLE) = "string" ? ~acc & WHOLE : '
    '$append(~acc, WHOLE)}, $type(WHOLE) = "string" ? "" : [])'
)


def _open_product(node: Operator, left: Value, right: Value, context: Context) -> Value | None:
    for one, other in ((left, right), (right, left)):
        if one.type.kind in ("str", "list"):
            count = narrowed(node, other, INT, context, TypeError, _UNFIT)
            return repeated(node, one, count, context)
    if not all(one.type is ANY or one.type.is_number for one in (left, right)):
        return None
    if FLOAT in (left.type, right.type):
        left, right = (
            narrowed(node, one, NUMBER, context, TypeError, _UNFIT) for one in (left, right)
        )
        return calculate(node, left, right, context)
    left, right = context.simple(node, left), context.simple(node, right)
    kinds = _both('$type(@x) in ["number", "boolean"]')
    counts = _both('($type(@x) = "number" ? $floor(@x) = @x : $type(@x) = "boolean")')
    parts = _both('$type(@x) in ["string", "array"]')
    template = (
        f"({kinds[0]} and {kinds[1]} or {parts[0]} and {counts[1]} or {counts[0]} and {parts[1]})"
    )
    test = fill(node, context, template, ANY, a=left, b=right)
    context.check(node, test.text, TypeError, context.text(_UNFIT), test)
    numbers = _both(_NUMBER)
    product = fill(node, context, f"({numbers[0]} * {numbers[1]})", NUMBER, a=left, b=right)
    first = _REPEATED.replace("NUMBER", numbers[1]).replace("WHOLE", "@a")
    second = _REPEATED.replace("NUMBER", numbers[0]).replace("WHOLE", "@b")
    second = second.replace("~acc", "~sum").replace("~i", "~j")
    template = f"({parts[0]} ? {first} : {parts[1]} ? {second} : @t)"
    product = either(node, product, context)
    is_number = all(one.type.is_number for one in (left, right))
    return fill(node, context, template, NUMBER if is_number else ANY, a=left, b=right, t=product)


def _open_merge(node: Operator, left: Value, right: Value, context: Context) -> Value | None:
    if any(one.type.kind not in ("any", "dict") for one in (left, right)):
        return None
    if any(one.type.key == "int" or one.type.default for one in (left, right)):
        return None
    left, right = (
        narrowed(node, one, dict_of(ANY), context, TypeError, _UNFIT) for one in (left, right)
    )
    return made(f"$merge([{left.text}, {right.text}])", dict_of(ANY), left, right)


# -- unary operators


def signed(node: Any, value: Value, context: Context) -> Value:
    """Lower `-x`, `+x` and `~x`."""
    if value.type is NEVER:
        return value
    if is_open(value):
        value = narrowed(node, value, NUMBER, context, TypeError, "bad operand type for unary")
    value = _as_number(value)
    if isinstance(node.op, ast.Invert) and value.type is INT:
        return made(f"(-1 - {value.atom})", INT, value)
    is_signed = value.type.is_number or value.type is TIMEDELTA
    if not is_signed or isinstance(node.op, ast.Invert):
        raise refused(node, value, value, context)
    return negative(node, value)
