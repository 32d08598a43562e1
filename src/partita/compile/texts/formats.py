"""Lower format specifications: of f-strings, `format`, `str.format` and `%`."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass, replace
from typing import Any

from partita.compile.context import Context
from partita.compile.jsonata import literal, made
from partita.compile.templates import fill
from partita.compile.texts.floats import PRODUCT
from partita.compile.texts.representations import as_repr, as_text, text_form
from partita.compile.tree import Value
from partita.compile.types import FLOAT, INT, NUMBER, STR, Type, number_of
from partita.compile.values.dynamic import as_kind, narrowed, present
from partita.compile.values.enumerations import plain
from partita.compile.values.moments import formatted_moment

_SPEC = re.compile(
    r"(?:(?P<fill>.)?(?P<align>[<>=^]))?(?P<sign>[-+ ])?(?P<z>z)?(?P<alternate>#)?(?P<zero>0)?"
    r"(?P<width>\d+)?(?P<group>[,_])?(?:\.(?P<precision>\d+))?(?P<kind>[a-zA-Z%])?",
    re.DOTALL,
)
_BASES = {"x": 16, "X": 16, "o": 8, "b": 2}
_MOST_DIGITS = 22
"""Digits after the point: powers of ten are exact up to this one."""

_FIXED = (  # the digits of @x to PLACES places, which is exact: halves go to the even digit
    "(~a := $abs(@x); ~f := POWER; "
    + PRODUCT.replace("X", "~a")
    + "; ~below := $floor(~p); ~part := ~p - ~below; "
    "~p >= 1e22 ? @guard : ~p >= 9007199254740992 ? "
    "(~low := ~p % 100000000; ~high := (~p - ~low) / 100000000; ~rest := $round(~low + ~e); "
    "~over := ~rest < 0 ? -1 : ~rest >= 100000000 ? 1 : 0; "
    '$formatBase(~high + ~over) & $pad($formatBase(~rest - ~over * 100000000), -8, "0")) : '
    "$formatBase(~part > 0.5 or (~part = 0.5 and (~e > 0 or (~e = 0 and ~below % 2 = 1))) "
    "? ~below + 1 : ~below))"
)
_POINTED = (
    '(~digits := $pad(@d, -(PLACES + 1), "0"); ~size := $length(~digits) - PLACES; '
    '$substring(~digits, 0, ~size) & "." & $substring(~digits, ~size))'
)
_GROUPED = (
    '(~whole := $replace(@d, /[.].*/, ""); ~short := $length(~whole) % SIZE; '
    '~wide := (~short = 0 ? "" : $pad("", SIZE - ~short, " ")) & ~whole; '
    '$replace($join($append([], $match(~wide, /DOTS/).match), "SIGN"), /^ +/, "") & '
    "$substring(@d, $length(~whole)))"
)


@dataclass(frozen=True)
class Spec:
    """The parts of a format specification."""

    fill: str
    align: str
    sign: str
    alternate: bool
    width: int
    group: str
    precision: int | None
    kind: str


def parsed(text: str) -> Spec | None:
    """Return the parts of a specification; None if it is none that is known."""
    found = _SPEC.fullmatch(text)
    if found is None or found["z"]:
        return None
    zero = found["zero"] is not None
    return Spec(
        found["fill"] or ("0" if zero else " "),
        found["align"] or ("=" if zero else ""),
        found["sign"] or "-",
        found["alternate"] is not None,
        int(found["width"] or 0),
        found["group"] or "",
        None if found["precision"] is None else int(found["precision"]),
        found["kind"] or "",
    )


def formatted(node: ast.AST, value: Value, text: str, context: Context) -> Value:
    """Return a value formatted by a specification."""
    if not text:
        return as_text(node, value, context)
    value = _settled(node, value, context)
    spec = parsed(text)
    found = None
    if value.type.kind == "datetime":
        found = formatted_moment(node, value, text, context)
    elif spec is not None:
        found = _by_type(node, value, spec, context)
    if found is None:
        raise context.refuse(
            node,
            f"format {text!r} of {value.type}",
            "it is not compiled, or not for this type",
            "see the table of formats in docs/compiling.md, or format in an activity",
        )
    return found


def _settled(node: ast.AST, value: Value, context: Context) -> Value:
    """Return a member of an enum as what its class formats: its value, or its text."""
    if value.type.kind != "enum":
        return value
    is_plain = value.type.cls.__format__ in (str.__format__, int.__format__)
    return plain(value) if is_plain else as_text(node, value, context)


def _by_type(node: ast.AST, value: Value, spec: Spec, context: Context) -> Value | None:
    number = number_of(value.type)
    value = present(node, value, context, TypeError, "unsupported format string")
    if value.type.kind == "any" and spec.kind:
        value = _narrowed(node, value, spec, context)
        if value.type is NUMBER:
            value = Value(value.text, number, value.is_atom, value.depth)
    if value.type.kind == "any":
        return _open(node, value, number, spec, context)
    if value.type.kind == "bool":
        value = made(f"({value.text} ? 1 : 0)", INT, value)
        if not spec.kind:
            spec = replace(spec, kind="d")
    if value.type.kind == "str":
        return _text(node, value, spec, context)
    if value.type.is_number:
        return _number(node, value, spec, context)
    if value.type.kind == "never":
        return Value('""', STR)
    return None


def _open(node: ast.AST, value: Value, kind: Type, spec: Spec, context: Context) -> Value | None:
    """Format a value that is a text or a number: which of them is seen at run time."""
    value = context.simple(node, value)
    message = context.text("unsupported format string")
    kinds = '["string", "number", "boolean"]'
    context.check(node, f"$type({value.text}) in {kinds}", TypeError, message, value)
    number = replace(as_kind(value, "number"), type=kind)
    text = _text(node, Value(value.text, STR), spec, context)
    digits = _number(node, number, spec, context)
    if text is None or digits is None:
        return None
    template = '($type(@x) = "string" ? @t : @n)'
    return fill(node, context, template, STR, x=value, t=text, n=digits)


def _narrowed(node: ast.AST, value: Value, spec: Spec, context: Context) -> Value:
    """Return a value as of the type that a format wants; texts raise another error."""
    value = context.simple(node, value)
    unfit = context.text("unknown format code for an object of this type")
    other = "number" if spec.kind == "s" else "string"
    context.check(node, f'$type({value.text}) != "{other}"', ValueError, unfit, value)
    wanted = STR if spec.kind == "s" else NUMBER
    return narrowed(node, value, wanted, context, TypeError, "unsupported format string")


def _text(node: ast.AST, value: Value, spec: Spec, context: Context) -> Value | None:
    if spec.kind not in ("", "s") or spec.align == "=" or spec.sign != "-" or spec.group:
        if not (spec.kind in ("", "s") and spec.fill == "0" and spec.align == "="):
            return None
        spec = replace(spec, align="<")
    if spec.precision is not None:
        template = f"$join($append([], $match(@s, /^[\\d\\D]{{0,{spec.precision}}}/).match))"
        value = fill(node, context, template, STR, s=value)
    return _aligned(node, None, value, spec, "<", context)


def _aligned(
    node: ast.AST, sign: Value | None, digits: Value, spec: Spec, default: str, context: Context
) -> Value:
    """Return a text with its sign, filled to the width."""
    align = spec.align or default
    whole = digits
    if sign is not None and align != "=":
        whole = made(f"({sign.atom} & {digits.atom})", STR, sign, digits)
    if not spec.width:
        if sign is not None and align == "=":
            return made(f"({sign.atom} & {digits.atom})", STR, sign, digits)
        return whole
    width = literal(spec.width)
    assert width is not None
    if align == "=" and sign is not None:
        template = f"(~more := @n - $length(@d) - $length(@s); @s & {_MORE} & @d)"
        fill_text = context.text(spec.fill)
        return fill(node, context, template, STR, n=width, d=digits, s=sign, a=fill_text)
    return _padded(node, whole, width, replace(spec, align=align), context)


_MORE = '(~more > 0 ? $pad("", ~more, @a) : "")'
_PADDED = {
    "<": f"(~more := @n - $length(@s); @s & {_MORE})",
    ">": f"(~more := @n - $length(@s); {_MORE} & @s)",
    "^": "(~more := @n - $length(@s); ~less := $floor(~more / 2); "
    '(~less > 0 ? $pad("", ~less, @a) : "") & @s & '
    '(~more > 0 ? $pad("", ~more - ~less, @a) : ""))',
}


def _padded(node: ast.AST, text: Value, width: Value, spec: Spec, context: Context) -> Value:
    fill_text = context.text(spec.fill)
    return fill(node, context, _PADDED[spec.align], STR, n=width, s=text, a=fill_text)


def _number(node: ast.AST, value: Value, spec: Spec, context: Context) -> Value | None:
    digits = _digits(node, value, spec, context)
    if digits is None:
        return None
    if spec.group:
        if spec.align == "=" and spec.width and spec.fill == "0":
            return None
        size = 4 if spec.kind in _BASES else 3
        template = _GROUPED.replace("SIZE", str(size)).replace("DOTS", "." * size)
        digits = fill(node, context, template.replace("SIGN", spec.group), STR, d=digits)
    plus = {"+": '"+"', " ": '" "'}.get(spec.sign, '""')
    sign = fill(node, context, f'(@x < 0 ? "-" : {plus})', STR, x=value)
    prefix = f"0{spec.kind}" if spec.alternate and spec.kind in _BASES else ""
    if prefix:
        sign = made(f'({sign.atom} & "{prefix}")', STR, sign)
    return _aligned(node, sign, digits, spec, ">", context)


def _digits(node: ast.AST, value: Value, spec: Spec, context: Context) -> Value | None:
    """Return the digits of a number, without its sign."""
    kind = spec.kind
    if kind in ("d", "n", *_BASES) or (kind == "" and value.type is INT):
        if spec.precision is not None or (value.type is FLOAT) or kind == "n":
            return None
        return _int_digits(node, value, spec, context)
    if kind in ("f", "F", "%"):
        return _fixed(node, value, spec, context)
    if kind == "" and spec.precision is None:
        size = made(f"$abs({value.text})", value.type, value)
        return text_form(node, size, context)
    return None


def _int_digits(node: ast.AST, value: Value, spec: Spec, context: Context) -> Value:
    if value.type is NUMBER:
        template = "($floor(@x) = @x ? @x : @guard)"
        guard = "an int format of a number that is not known to be an int"
        value = fill(node, context, template, INT, guard, x=value)
    base = _BASES.get(spec.kind, 10)
    text = made(f"$formatBase($abs({value.text}), {base})", STR, value)
    return made(f"$uppercase({text.text})", STR, text) if spec.kind == "X" else text


def _fixed(node: ast.AST, value: Value, spec: Spec, context: Context) -> Value | None:
    places = 6 if spec.precision is None else spec.precision
    if places > _MOST_DIGITS or (spec.alternate and not places):
        return None
    if spec.kind == "%":
        value = made(f"({value.atom} * 100)", value.type, value)
    guard = "a float with more digits than a state machine can write exactly"
    template = _FIXED.replace("POWER", "1" + "0" * places)
    digits = fill(node, context, template, STR, guard, x=value)
    if places:
        digits = fill(node, context, _POINTED.replace("PLACES", str(places)), STR, d=digits)
    return made(f'({digits.atom} & "%")', STR, digits) if spec.kind == "%" else digits


# -- str.format and %


def converted(node: ast.AST, value: Value, conversion: str, context: Context) -> Value:
    """Return a value converted as by `!r` or `!s`."""
    if conversion in ("r", "a"):
        return as_repr(node, value, context)
    return as_text(node, value, context) if conversion == "s" else value


_FIELD = re.compile(r"\{\{|\}\}|\{(\w*)(?:!([rs]))?(?::([^{}]*))?\}")


def lower_format(node: Any, owner: Value, context: Context) -> Value | None:
    """Lower `text.format(...)` of a constant text with simple fields."""
    if not owner.is_constant or any(isinstance(one, ast.Starred) for one in node.args):
        return None
    given: dict[str, Value] = {}
    for number, argument in enumerate(node.args):
        given[str(number)] = context.simple(argument, context.read(argument))
    for keyword in node.keywords:
        if keyword.arg is None:
            return None
        given[keyword.arg] = context.simple(keyword.value, context.read(keyword.value))
    pieces, position, count = [], 0, 0
    for found in _FIELD.finditer(owner.constant):
        between = owner.constant[position : found.start()]
        if "{" in between or "}" in between:
            return None
        position = found.end()
        pieces.append(context.text(between))
        if found[0] in ("{{", "}}"):
            pieces.append(context.text(found[0][0]))
            continue
        name = found[1] or str(count)
        count += not found[1]
        if name not in given:
            return None
        value = converted(node, given[name], found[2] or "", context)
        pieces.append(formatted(node, value, found[3] or "", context))
    rest = owner.constant[position:]
    if "{" in rest or "}" in rest:
        return None
    return joined_texts([*pieces, context.text(rest)])


def joined_texts(pieces: list[Value]) -> Value:
    """Return texts put together."""
    kept = [one for one in pieces if one.text != '""']
    if not kept:
        return Value('""', STR)
    if len(kept) == 1:
        return kept[0]
    return made(" & ".join(one.atom for one in kept), STR, *kept, is_atom=False)


_PERCENT = re.compile(r"%(?:%|([-+ #0]*)(\d+)?(?:\.(\d+))?([sdifrxXou]))")


def lower_percent(node: Any, left: Value, right: Value, context: Context) -> Value | None:
    """Lower `text % values` of a constant text."""
    if not left.is_constant:
        return None
    right = context.simple(node, right)
    if right.type.kind == "tuple":
        values = [
            made(f"{right.text}[{number}]", type, right)
            for number, type in enumerate(right.type.parts)
        ]
    elif right.type.kind in ("str", "int", "float", "number", "bool", "none"):
        values = [right]
    else:
        return None
    pieces, position = [], 0
    for found in _PERCENT.finditer(left.constant):
        pieces.append(context.text(left.constant[position : found.start()]))
        position = found.end()
        if found[0] == "%%":
            pieces.append(context.text("%"))
            continue
        if not values:
            return None
        piece = _percent(node, values.pop(0), found, context)
        if piece is None:
            return None
        pieces.append(piece)
    plain = "%" not in _PERCENT.sub("", left.constant)
    return (
        joined_texts([*pieces, context.text(left.constant[position:])])
        if not values and plain
        else None
    )


def _percent(node: ast.AST, value: Value, found: re.Match[str], context: Context) -> Value | None:
    flags, width, precision, kind = found.groups()
    if kind in ("s", "r"):
        value = converted(node, value, kind, context)
    elif kind in ("i", "u"):
        kind = "d"
    if kind == "d" and value.type.kind == "bool":
        value = made(f"({value.text} ? 1 : 0)", INT, value)
    if kind not in ("s", "r") and not value.type.is_number:
        return None
    if (kind in ("d",) and value.type is not INT) or (
        precision and kind != "f" and kind not in "sr"
    ):
        return None
    align = "<" if "-" in flags else ("=" if "0" in flags and kind not in "sr" else ">")
    fill_text = "0" if align == "=" else " "
    sign = "+" if "+" in flags else (" " if " " in flags else "")
    sign = "" if kind in "sr" else sign
    text = f"{fill_text}{align}{sign}{'#' if '#' in flags else ''}{width or ''}"
    text += f".{precision}" if precision else ""
    return formatted(node, value, text + ("s" if kind in "sr" else kind), context)


_OPEN = re.compile(r"(?:(.)?([<>^]))?(0?)", re.DOTALL)


def with_open_width(node: ast.AST, value: Value, parts: list[Value], context: Context) -> Value:
    """Format a text or an int to a width that is computed, such as `{name:>{width}}`."""
    is_last = not parts[-1].is_constant and all(one.is_constant for one in parts[:-1])
    found = _OPEN.fullmatch("".join(one.constant for one in parts[:-1])) if is_last else None
    width = parts[-1]
    if found is None or found[3] or value.type.kind not in ("str", "int") or width.type is not STR:
        raise context.refuse(
            node,
            f"format of {value.type} with a computed part",
            "only the width may be computed, of texts and ints",
            "write the format as a constant, or format in an activity",
        )
    text = context.simple(node, as_text(node, value, context))
    number = made(f"$number({width.text})", INT, width)
    default = "<" if value.type is STR else ">"
    spec = Spec(found[1] or " ", found[2] or default, "-", False, 1, "", None, "")
    return _padded(node, text, number, spec, context)
