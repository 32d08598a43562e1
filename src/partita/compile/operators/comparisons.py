"""Lower comparisons of two values: `equality`, `order` and `membership` know how."""

from __future__ import annotations

import ast
from dataclasses import replace
from typing import Any

from partita.compile.context import Context
from partita.compile.jsonata import made
from partita.compile.operators.equality import equal
from partita.compile.operators.membership import contains
from partita.compile.operators.order import lower_order
from partita.compile.tree import Value
from partita.compile.types import BOOL, NEVER, NONE
from partita.compile.values.dynamic import opened
from partita.compile.values.moments import compare_times, is_time

ORDER: dict[type[ast.cmpop], str] = {ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">="}
_SIGNS = {**ORDER, ast.Eq: "=", ast.NotEq: "!="}


def compared(node: Any, op: ast.cmpop, left: Value, right: Value, context: Context) -> Value:
    """Lower one comparison."""
    if NEVER in (left.type, right.type):  # it is never evaluated
        return Value("false", BOOL)
    left, right = opened(left), opened(right)
    if isinstance(op, ast.In | ast.NotIn):
        found = contains(node, left, right, context)
        return found if isinstance(op, ast.In) else _not(found)
    if isinstance(op, ast.Is | ast.IsNot):
        if NONE not in (left.type, right.type) and not _is_bool(left, right):
            raise context.refuse(node, "`is`", "only None can be compared by identity", "use ==")
        test = made(f"{left.atom} = {right.atom}", BOOL, left, right, is_atom=False)
        return test if isinstance(op, ast.Is) else _not(test)
    if is_time(left) and is_time(right):
        time = compare_times(node, _SIGNS[type(op)], left, right, context)
        if time is not None:
            return time
    if isinstance(op, ast.Eq | ast.NotEq):
        test = equal(node, left, right, context)
        if isinstance(op, ast.Eq):
            return test
        is_direct = test.text == f"{left.atom} = {right.atom}"
        return replace(test, text=f"{left.atom} != {right.atom}") if is_direct else _not(test)
    return lower_order(node, ORDER[type(op)], left, right, context)


def _is_bool(left: Value, right: Value) -> bool:
    """Return whether `x is True` means that x is the bool."""
    return any(one.is_constant and one.type is BOOL for one in (left, right))


def _not(value: Value) -> Value:
    return made(f"$not({value.text})", BOOL, value)
