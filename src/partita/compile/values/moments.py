"""Lower moments and spans of time, to whole milliseconds.

A datetime is its text in JSON, a timedelta a number of milliseconds. A moment that is finer, or
has no zone or one by name, ends the execution where more is asked of it than to be passed on.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from partita.compile.context import Context
from partita.compile.jsonata import made, text_of
from partita.compile.names.objects import target
from partita.compile.templates import fill
from partita.compile.tree import Value
from partita.compile.types import BOOL, DATETIME, FLOAT, INT, NEVER, STR, TIMEDELTA

_FORM = r"/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{3}(000)?)?(Z|[+-]\d\d:\d\d)$/"
_INEXACT = "a moment that is finer than milliseconds, or without a zone"
_UNITS = {
    "milliseconds": 1,
    "seconds": 1000,
    "minutes": 60_000,
    "hours": 3_600_000,
    "days": 86_400_000,
    "weeks": 604_800_000,
}
_IN_ZONE = (
    '(~zone := $contains(@like, /Z$/) ? "Z" : $substring(@like, -6); '
    '~size := ~zone = "Z" ? 0 : '
    "($number($substring(~zone, 1, 2)) * 60 + $number($substring(~zone, 4, 2))) * 60000; "
    '~off := $substring(~zone, 0, 1) = "-" ? 0 - ~size : ~size; '
    "$substring($fromMillis(@x + ~off), 0, 23) & ~zone)"
)
EXACT = replace(DATETIME, cls=UTC)
"""The type of moments that the machine itself made: in UTC, and whole milliseconds."""

Operator = ast.BinOp | ast.AugAssign


def is_time(value: Value) -> bool:
    """Return whether a value is a moment or a span."""
    return value.type.kind in ("datetime", "timedelta")


def millis(node: ast.AST, value: Value, context: Context) -> Value:
    """Return the milliseconds of a span, or of a moment since 1970."""
    if value.type.kind == "timedelta":
        return replace(value, type=INT)
    if value.type.cls is UTC:
        return made(f"$toMillis({value.text})", INT, value)
    return fill(node, context, f"$toMillis({_exact('@x')})", INT, _INEXACT, x=value)


def _exact(text: str) -> str:
    test = f'$type({text}) = "string" ? $contains({text}, {_FORM}) : false'
    return f"(({test}) ? {text} : @guard)"


def moment(node: ast.AST, value: Value, like: Value, context: Context) -> Value:
    """Return the moment of milliseconds since 1970, in the zone of another moment."""
    if like.type.cls is UTC:
        return made(f"$fromMillis({value.text})", EXACT, value)
    return fill(node, context, _IN_ZONE, DATETIME, x=value, like=like)


def constant_time(value: Any) -> Value | None:
    """Return the literal of a datetime or timedelta; None for what is none, or too fine."""
    if isinstance(value, timedelta):
        whole, rest = divmod(value, timedelta(milliseconds=1))
        return None if rest else Value(str(whole), TIMEDELTA, is_atom=whole >= 0)
    if isinstance(value, datetime) and value.tzinfo is not None and value.microsecond % 1000 == 0:
        text = value.isoformat().replace("+00:00", "Z")
        return Value(text_of(text), DATETIME)
    return None


def lower_timedelta(node: Any, context: Context) -> Value:
    """Lower `timedelta(...)`."""
    constant = _constant_span(node)
    if constant is not None:
        return constant
    names = ["days", "seconds", "microseconds", "milliseconds", "minutes", "hours", "weeks"]
    given = [*zip(names, node.args, strict=False), *((k.arg, k.value) for k in node.keywords)]
    total: Value | None = None
    for name, argument in given:
        value = context.read(argument)
        if name == "microseconds" and value.is_constant and value.constant % 1000 == 0:
            part = Value(str(value.constant // 1000), INT)
        elif name in _UNITS and value.type.is_number:
            part = _scaled(node, value, _UNITS[name], context)
        else:
            raise context.refuse(
                node, "timedelta", "it is finer than milliseconds", "give whole milliseconds"
            )
        total = part if total is None else made(f"{total.atom} + {part.atom}", INT, total, part)
    found = total or Value("0", INT)
    return replace(found, type=TIMEDELTA, is_atom=False, is_constant=False)


def _constant_span(node: ast.Call) -> Value | None:
    """Return a span of constants; None for others."""
    given = {one.arg: one.value for one in node.keywords}
    every = [*node.args, *given.values()]
    if None in given or not all(isinstance(one, ast.Constant) for one in every):
        return None
    try:
        values = [one.value for one in node.args]  # type: ignore[attr-defined]
        named: Any = {name: one.value for name, one in given.items()}  # type: ignore[attr-defined]
        return constant_time(timedelta(*values, **named))
    except (TypeError, OverflowError):
        return None


def _scaled(node: ast.AST, value: Value, factor: float, context: Context) -> Value:
    """Return a number of milliseconds, which must be whole."""
    if value.type is INT:
        return made(f"{value.atom} * {factor}", INT, value, is_atom=False)
    template = f"(~n := @x * {factor}; $round(~n) = ~n ? ~n : @guard)"
    return fill(node, context, template, INT, "a time finer than milliseconds", x=value)


def lower_datetime(node: Any, context: Context) -> Value:
    """Lower `datetime(...)` of constants."""
    try:
        code = compile(ast.Expression(node), "<moment>", "eval")
        known = dict(context.module.namespace)  # the user's module is loaded
        value = constant_time(eval(code, known))
    except Exception:
        value = None
    if value is None:
        raise context.refuse(
            node,
            "datetime",
            "only constants with a zone, to whole milliseconds, are compiled",
            "write datetime(2030, 1, 31, tzinfo=UTC), or take it as an argument",
        )
    return value


# -- operators


def time_operator(node: Operator, left: Value, right: Value, context: Context) -> Value | None:
    """Lower an operator of moments and spans; None if Python has none."""
    kinds = (left.type.kind, right.type.kind)
    sign = {ast.Add: "+", ast.Sub: "-"}.get(type(node.op))
    if sign is not None and "timedelta" in kinds and set(kinds) <= {"timedelta", "datetime"}:
        if kinds == ("timedelta", "datetime") and sign == "-":
            return None
        whole = _sum(node, left, sign, right, context)
        if "datetime" not in kinds:
            return replace(whole, type=TIMEDELTA)
        return moment(node, whole, left if kinds[0] == "datetime" else right, context)
    if kinds == ("datetime", "datetime") and sign == "-":
        return replace(_sum(node, left, sign, right, context), type=TIMEDELTA)
    if isinstance(node.op, ast.Mult) and set(kinds) <= {"timedelta", "int", "float"}:
        span, factor = (left, right) if kinds[0] == "timedelta" else (right, left)
        return _product(node, span, factor, context)
    if isinstance(node.op, ast.Div) and kinds == ("timedelta", "timedelta"):
        right = context.simple(node, right)
        message = context.text("division by zero")
        context.check(node, f"{right.atom} != 0", ZeroDivisionError, message, left, right)
        return made(f"{left.atom} / {right.atom}", FLOAT, left, right, is_atom=False)
    return None


def _sum(node: ast.AST, left: Value, sign: str, right: Value, context: Context) -> Value:
    one, two = millis(node, left, context), millis(node, right, context)
    return made(f"{one.atom} {sign} {two.atom}", INT, one, two, is_atom=False)


def _product(node: ast.AST, span: Value, factor: Value, context: Context) -> Value | None:
    if span.type.kind != "timedelta" or not factor.type.is_number:
        return None
    if factor.type is INT:
        return made(f"{span.atom} * {factor.atom}", TIMEDELTA, span, factor, is_atom=False)
    template = "(~n := @x * @y; $round(~n) = ~n ? ~n : @guard)"
    guard = "a time finer than milliseconds"
    return fill(node, context, template, TIMEDELTA, guard, x=span, y=factor)


def compare_times(
    node: ast.AST, sign: str, left: Value, right: Value, context: Context
) -> Value | None:
    """Lower a comparison of two moments, or of two spans."""
    if left.type.kind != right.type.kind:
        return None
    one, two = millis(node, left, context), millis(node, right, context)
    return made(f"{one.atom} {sign} {two.atom}", BOOL, one, two, is_atom=False)


# -- texts, attributes and methods


def iso_text(node: ast.AST, value: Value, context: Context, between: str = "T") -> Value:
    """Return a moment as Python's `isoformat` writes it."""
    if value.type.cls is UTC:
        template = (
            f'$substring(@x, 0, 10) & "{between}" & $substring(@x, 11, 8) & '
            '($substring(@x, 20, 3) = "000" ? "" : "." & $substring(@x, 20, 3) & "000") & "+00:00"'
        )
        return fill(node, context, f"({template})", STR, x=value)
    template = (
        f"(($type(@x) = 'string' ? $contains(@x, {_ISO_FORM}) : false) ? "
        r"(~rest := $substring(@x, 19); ~part := $contains(~rest, /^\.\d{6}/) ? "
        r"$substring(~rest, 0, 7) : $contains(~rest, /^\.\d{3}/) and $substring(~rest, 1, 3) != "
        """"000" ? $substring(~rest, 0, 4) & "000" : ""; """
        f'$substring(@x, 0, 10) & "{between}" & $substring(@x, 11, 8) & ~part & '
        '($contains(@x, /Z$/) ? "+00:00" : $substring(@x, -6))) : @guard)'
    )
    return fill(node, context, template, STR, "the text of a moment in another form", x=value)


_ISO_FORM = r"/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{3}(\d{3})?)?(Z|[+-]\d\d:\d\d)$/"
_PARTS = {"year": (0, 4), "month": (5, 2), "day": (8, 2), "hour": (11, 2), "minute": (14, 2)}
_PARTS["second"] = (17, 2)
_DIRECTIVES = dict(zip("YmdHMS", _PARTS.values(), strict=True))


def time_attribute(node: ast.Attribute, value: Value, context: Context) -> Value | None:
    """Return an attribute of a moment or a span; None if it is not compiled."""
    if value.type.kind == "datetime" and node.attr in _PARTS:
        begin, length = _PARTS[node.attr]
        template = f"$number($substring({_exact('@x')}, {begin}, {length}))"
        return fill(node, context, template, INT, _INEXACT, x=value)
    if value.type.kind == "timedelta" and node.attr == "days":
        return made(f"$floor({value.atom} / 86400000)", INT, value)
    if value.type.kind == "timedelta" and node.attr == "seconds":
        template = "(~days := $floor(@x / 86400000); $floor((@x - ~days * 86400000) / 1000))"
        return fill(node, context, template, INT, x=value)
    return None


def time_method(node: Any, value: Value, context: Context) -> Value | None:
    """Lower a method of a moment or a span; None if it is not compiled."""
    name, count = node.func.attr, len(node.args) + len(node.keywords)
    if name in ("timestamp", "total_seconds") and not count:
        whole = millis(node, value, context)
        return made(f"{whole.atom} / 1000", FLOAT, whole, is_atom=False)
    if name == "isoformat" and value.type.kind == "datetime" and not count:
        return iso_text(node, value, context)
    if name in _FIRST_DAY and value.type.kind == "datetime" and not count:
        first = _FIRST_DAY[name]
        template = f"((($toMillis({_DATE}) / 86400000 + 3) % 7 + 7) % 7 + {first})"
        return fill(node, context, template.replace("@x", _exact("@x")), INT, _INEXACT, x=value)
    if name == "strftime" and value.type.kind == "datetime" and count == 1:
        form = node.args[0].value if isinstance(node.args[0], ast.Constant) else None
        return formatted_moment(node, value, form, context)
    return None


_FIRST_DAY = {"weekday": 0, "isoweekday": 1}
"""The number of a Monday."""
_DATE = '$substring(@x, 0, 10) & "T00:00:00Z"'


def formatted_moment(node: Any, value: Value, form: Any, context: Context) -> Value | None:
    """Lower `strftime` of a constant format of two-digit parts."""
    if not isinstance(form, str):
        return None
    parts = form.split("%")
    texts = [text_of(parts[0])]
    for part in parts[1:]:
        if part[:1] not in _DIRECTIVES:
            return None
        begin, length = _DIRECTIVES[part[0]]
        texts += [f"$substring(~t, {begin}, {length})", text_of(part[1:])]
    template = f"(~t := {_exact('@x')}; {' & '.join(texts)})"
    return fill(node, context, template, STR, _INEXACT, x=value)


def is_datetime_method(node: ast.expr, context: Context) -> bool:
    """Return whether a call is of a method of the class `datetime`."""
    return isinstance(node, ast.Attribute) and target(node.value, context) is datetime


def lower_class_method(node: Any, context: Context) -> Value:
    """Lower `datetime.fromisoformat(text)`, and refuse what asks the clock."""
    if node.func.attr == "fromisoformat" and len(node.args) == 1:
        value = context.read(node.args[0])
        if value.type is STR:
            guard = "a text that is no moment with a zone, or finer than milliseconds"
            return fill(node, context, _exact("@x"), DATETIME, guard, x=value)
        if value.type is NEVER:
            return value
    raise context.refuse(
        node,
        f"datetime.{node.func.attr}",
        "it is not compiled; the clock of a workflow is partita.now",
        "write now(), or pass the moment as an argument",
    )


TIME_CLASSES: dict[Any, Callable[[Any, Context], Value]] = {
    timedelta: lower_timedelta,
    datetime: lower_datetime,
}
