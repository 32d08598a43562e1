"""Lower `<` and its like.

Texts are compared by code points: JSONata compares UTF-16 units, which differ where a character
beyond U+FFFF meets one from U+E000 on. Where types are not known, the machine finds them out.
"""

from __future__ import annotations

import ast
import dataclasses

from partita.compile.context import Context
from partita.compile.jsonata import list_value, made, member
from partita.compile.operators.equality import (
    AS_NUMBER,
    equal,
    incomparable,
    way_of,
)
from partita.compile.templates import fill, within
from partita.compile.tree import Value
from partita.compile.types import ANY, BOOL, INT, NUMBER, STR, tuple_of
from partita.compile.values.dynamic import is_open, narrowed, present
from partita.compile.values.enumerations import plain
from partita.compile.values.moments import compare_times, is_time
from partita.compile.values.sets import contains_all

UNFIT = "the comparison is not supported between instances of these types"


_HIGH = r"/[\ue000-\uffff]/"
_KEY = (
    "$replace(@x, /[^\\u0000-\\ufffe]/, function(~m) "
    '{"\\uffff" & (~m.match = "\\uffff" ? "\\u0001" : "\\u0002" & ~m.match)})'
)
_TEXTS = (
    f"($contains(@a & @b, {_HIGH}) ? "
    f"{_KEY.replace('@x', '@a')} SIGN {_KEY.replace('@x', '@b').replace('~m', '~n')} : @a SIGN @b)"
)


def lower_order(node: ast.AST, sign: str, left: Value, right: Value, context: Context) -> Value:
    """Return whether two values are in an order; raise TypeError where they have none."""
    if is_open(left) or is_open(right):
        left, right = (present(node, one, context, TypeError, UNFIT) for one in (left, right))
        if ANY in (left.type, right.type):
            return _open(node, sign, left, right, context)
    found = ordered(node, sign, left, right, context)
    if found is not None:
        return found
    plain = ("str", "int", "float", "number", "bool", "list", "dict", "none", "tuple")
    kinds = {left.type.kind, right.type.kind}
    if kinds <= set(plain) and (len(kinds) > 1 or kinds & {"none", "dict"}):
        context.check(node, "false", TypeError, context.text(UNFIT))
        return Value("false", BOOL)
    raise incomparable(node, left, right, context)


def ordered(
    node: ast.AST,
    sign: str,
    left: Value,
    right: Value,
    context: Context,
    *,
    is_part: bool = False,
) -> Value | None:
    """Return whether two values are in an order; None if it is not compiled for their types.

    Values of type Any are compared as parts of tuples only: others are checked before.
    """
    if ANY in (left.type, right.type):
        return _guarded_order(node, sign, left, right, context) if is_part else None
    if is_time(left) and is_time(right):
        return compare_times(node, sign, left, right, context)
    left, right = _settled(left), _settled(right)
    scalars = ("int", "float", "number", "bool", "never")
    one, other = left.type.kind, right.type.kind
    if one in scalars and other in scalars:
        sides = [_number(left), _number(right)]
        text = f"{sides[0].atom} {sign} {sides[1].atom}"
        return made(text, BOOL, left, right, is_atom=False)
    if one in ("str", "never") and other in ("str", "never"):
        return _texts(node, sign, left, right, context)
    if one == other == "tuple":
        return _tuples(node, sign, left, right, context)
    if one == other == "list":
        return _lists(node, sign, left, right, context)
    if one == other == "set" and sign in ("<=", ">=", "<", ">"):
        return _subset(node, sign, left, right, context)
    return None


def _settled(value: Value) -> Value:
    """Return instances of dataclasses with an order as tuples, enums of texts as texts."""
    cls = value.type.cls
    if value.type.kind != "record" or not getattr(cls, "__dataclass_params__", None):
        return plain(value)
    own = "__lt__" if cls.__dataclass_params__.order else ""
    if own not in vars(cls):
        return value
    types = dict(value.type.fields)
    names = [one.name for one in dataclasses.fields(cls) if one.compare]
    parts = [member(value, name, types[name]) for name in names]
    return list_value(parts, tuple_of(*(one.type for one in parts)))


def _number(value: Value) -> Value:
    return made(f"({value.text} ? 1 : 0)", INT, value) if value.type is BOOL else value


def _texts(node: ast.AST, sign: str, left: Value, right: Value, context: Context) -> Value:
    for one in (left, right):
        if one.is_constant and all(ord(letter) < 0xD800 for letter in one.constant):
            return made(f"{left.atom} {sign} {right.atom}", BOOL, left, right, is_atom=False)
    return fill(node, context, _TEXTS.replace("SIGN", sign), BOOL, a=left, b=right)


def _tuples(node: ast.AST, sign: str, left: Value, right: Value, context: Context) -> Value | None:
    sizes = len(left.type.parts), len(right.type.parts)
    strict = sign[0]

    def decided(one: Value, other: Value) -> Value | None:
        ends = {"<": sizes[0] < sizes[1], ">": sizes[0] > sizes[1]}[strict]
        ends = ends or (sizes[0] == sizes[1] and "=" in sign)
        value = Value("true" if ends else "false", BOOL)
        for number in reversed(range(min(sizes))):
            a = made(f"{one.text}[{number}]", left.type.parts[number], one)
            b = made(f"{other.text}[{number}]", right.type.parts[number], other)
            before = ordered(node, strict, a, b, context, is_part=True)
            if before is None or way_of(a.type, b.type) == "refused":
                return None
            same = equal(node, a, b, context)
            text = f"({same.atom} ? {value.atom} : {before.atom})"
            value = made(text, BOOL, before, same, value)
        return value

    return within(left, context, lambda a: within(right, context, lambda b: decided(a, b)))


_LISTS = (
    "(~n := $min([$count(@a), $count(@b)]); ~first := $reduce([0..~n - 1], function(~acc, ~i) "
    "{~acc = -1 and $not(SAME) ? ~i : ~acc}, -1); "
    "~first = -1 ? $count(@a) SIGN $count(@b) : (~i := ~first; BEFORE))"
)


def _lists(node: ast.AST, sign: str, left: Value, right: Value, context: Context) -> Value | None:
    one = Value("@a[~i]", left.type.item)
    other = Value("@b[~i]", right.type.item)
    if not (
        one.type.kind in ("int", "float", "number", "str")
        and way_of(one.type, other.type) == "direct"
    ):
        return None
    before = ordered(node, sign[0], one, other, context)
    if before is None:
        return None
    template = _LISTS.replace("SAME", "@a[~i] = @b[~i]").replace("BEFORE", before.text)
    return fill(node, context, template.replace("SIGN", sign), BOOL, a=left, b=right)


def _subset(node: ast.AST, sign: str, left: Value, right: Value, context: Context) -> Value:
    left, right = context.simple(node, left), context.simple(node, right)
    whole, part = (right, left) if sign[0] == "<" else (left, right)
    inner = contains_all(node, whole, part, context)
    if "=" in sign:
        return inner
    text = f"($count({part.text}) < $count({whole.text}) and {inner.atom})"
    return made(text, BOOL, left, right, inner)


_OPEN = (
    '($type(@a) = "string" ? TEXTS : '
    + AS_NUMBER.replace("@x", "@a")
    + " SIGN "
    + AS_NUMBER.replace("@x", "@b")
    + ")"
)
_OPEN_TEST = (
    '($type(@a) = "array" and $type(@b) = "array" ? @guard : '
    '$type(@a) in ["number", "boolean"] ? $type(@b) in ["number", "boolean"] : '
    '$type(@a) = "string" and $type(@b) = "string")'
)


def ordered_at_run_time(
    node: ast.AST, sign: str, left: Value, right: Value, context: Context
) -> Value:
    """Return whether two values are in an order, which are known to be texts or numbers."""
    template = _OPEN.replace("TEXTS", _TEXTS).replace("SIGN", sign)
    return fill(node, context, template, BOOL, a=left, b=right)


def _guarded_order(node: ast.AST, sign: str, left: Value, right: Value, context: Context) -> Value:
    """Return whether two values are in an order, or end the execution if they have none."""
    known = _OPEN_TEST.replace("@guard", "false")
    template = f"({known} ? {_OPEN} : @guard)".replace("TEXTS", _TEXTS).replace("SIGN", sign)
    return fill(node, context, template, BOOL, "the order of such values", a=left, b=right)


def _open(node: ast.AST, sign: str, left: Value, right: Value, context: Context) -> Value:
    third = right if left.type is ANY else left
    if third.type is not ANY and (third.type.is_number or third.type in (STR, BOOL)):
        wanted = STR if third.type is STR else NUMBER
        left, right = (
            narrowed(node, one, wanted, context, TypeError, UNFIT) for one in (left, right)
        )
        found = ordered(node, sign, left, right, context)
        assert found is not None
        return found
    if third.type is not ANY and third.type.kind not in ("list",):
        context.check(node, "false", TypeError, context.text(UNFIT))
        return Value("false", BOOL)
    left, right = context.simple(node, left), context.simple(node, right)
    guard = "the order of lists without hints"
    test = fill(node, context, _OPEN_TEST, BOOL, guard, a=left, b=right)
    context.check(node, test.text, TypeError, context.text(UNFIT), test)
    return ordered_at_run_time(node, sign, left, right, context)
