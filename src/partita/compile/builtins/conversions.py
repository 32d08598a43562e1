"""Lower the functions of Python that make a number or a text of another value."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from partita.compile import number_kinds
from partita.compile.builtins.aggregates import as_int, one_argument, unfit
from partita.compile.builtins.ordering import keywords_of
from partita.compile.context import Context
from partita.compile.jsonata import LARGEST, list_value, made
from partita.compile.operators.arithmetic import check_divisor, floored, guarded, power
from partita.compile.operators.conditions import choose, truth
from partita.compile.templates import fill
from partita.compile.texts.displays import read_shown
from partita.compile.texts.floats import PRODUCT
from partita.compile.texts.formats import formatted
from partita.compile.texts.representations import as_repr, as_text
from partita.compile.tree import Value
from partita.compile.types import ANY, BOOL, FLOAT, INT, NEVER, NUMBER, STR, Type, tuple_of
from partita.compile.values.characters import LETTERS, NO_LETTERS, SPACES
from partita.compile.values.dynamic import narrowed, present
from partita.compile.values.enumerations import plain
from partita.compile.values.type_tests import of_union


def lower_str(node: Any, context: Context) -> Value:
    """Lower `str(x)`."""
    if not node.args and not node.keywords:
        return context.text("")
    argument = one_argument(node, context)
    value = of_union(argument, read_shown(argument, context), context)
    return as_text(node, value, context)


def lower_repr(node: Any, context: Context) -> Value:
    """Lower `repr(x)`."""
    return as_repr(node, read_shown(one_argument(node, context), context), context)


def lower_bool(node: Any, context: Context) -> Value:
    """Lower `bool(x)`."""
    if not node.args and not node.keywords:
        return Value("false", BOOL)
    return truth(node, context.read(one_argument(node, context)), context)


def lower_format(node: Any, context: Context) -> Value:
    """Lower `format(x, spec)`."""
    if not 1 <= len(node.args) <= 2 or node.keywords:
        raise context.refuse(node, "format", "its arguments are not compiled", "use an f-string")
    spec = context.read(node.args[1]) if len(node.args) == 2 else context.text("")
    if not spec.is_constant or spec.type is not STR:
        raise context.refuse(node, "format", "its format must be a constant", "write it there")
    return formatted(node, context.read(node.args[0]), spec.constant, context)


# -- numbers of texts and numbers

_KNOWN = rf"\u0000-\u007f{LETTERS}{NO_LETTERS}"
_BARE = f'$replace($replace(@s, /^[{SPACES}]+/, ""), /[{SPACES}]+$/, "")'
_DIGITS = "[0-9]+(_[0-9]+)*"
_IS_INT = (
    f'(~t := {_BARE}; ~ok := ~t != "" and $replace(~t, /^[+-]?{_DIGITS}/, "", 1) = ""; '
    f"$not(~ok) and $contains(~t, /[^{_KNOWN}]/) ? @guard : ~ok)"
)
_INT = f'(~n := $number($replace({_BARE}, /[+_]/, "")); $abs(~n) <= {LARGEST} ? ~n : @guard)'
_NUMERAL = rf"({_DIGITS}([.]({_DIGITS})?)?|[.]{_DIGITS})([eE][+-]?{_DIGITS})?"
_IS_FLOAT = (
    f'(~t := {_BARE}; ~ok := ~t != "" and $replace(~t, /^[+-]?{_NUMERAL}/, "", 1) = ""; '
    f"$not(~ok) and ($contains(~t, /[^{_KNOWN}]/) or $contains($lowercase(~t), "
    "/^[+-]?(inf|infinity|nan)$/)) ? @guard : ~ok)"
)
_FLOAT = (
    f'(~t := $replace({_BARE}, /[+_]/, ""); ~u := $replace($replace(~t & "|", /[.]([eE|])/, "$1"), '
    '"|", ""); ~v := $replace(~u, /^-?[.]/, function(~m) {$contains(~m.match, "-") ? "-0." : "0."}'
    "); $contains(~v, /[eE]-?[0-9]{3,}/) or $length(~v) > 300 ? @guard : $number(~v))"
)
_TRUNCATED = "(@x < 0 ? $ceil(@x) : $floor(@x))"
_UNFIT = "the argument must be a string or a real number"


def lower_int(node: Any, context: Context) -> Value:
    """Lower `int(x)`."""
    if not node.args and not node.keywords:
        return Value("0", INT)
    if len(node.args) == 2 and not node.keywords:
        return _int_of_base(node, context)
    value = plain(context.read(one_argument(node, context)))
    value = present(node, value, context, TypeError, _UNFIT)
    if value.type is ANY:
        return _open(node, value, context, INT)
    return _int(node, value, context)


def _int(node: Any, value: Value, context: Context) -> Value:
    kind = value.type.kind
    if kind in ("int", "never"):
        return value
    if kind == "bool":
        return as_int(value)
    if value.type.is_number:
        return guarded(node, fill(node, context, _TRUNCATED, INT, x=value), context)
    if kind == "str":
        return _read_as(node, value, _READ_INT, context)
    raise unfit(node, value, context)


@dataclass(frozen=True)
class _Reading:
    """How a text is read as a number."""

    type: Type
    test: str  # the template of the condition that it is one
    template: str
    guard: str
    message: str


_READ_INT = _Reading(
    INT,
    _IS_INT,
    _INT,
    "an int of a text with rare characters, or beyond 2**53",
    "invalid literal for int() with base 10",
)
_READ_FLOAT = _Reading(
    FLOAT,
    _IS_FLOAT,
    _FLOAT,
    "a float of a text that is no finite number, or with rare characters",
    "could not convert string to float",
)


def _read_as(node: Any, value: Value, reading: _Reading, context: Context) -> Value:
    """Return the number that a text is; raise ValueError where it is none."""
    value = context.simple(node, value)
    test = fill(node, context, reading.test, BOOL, reading.guard, s=value)
    message = _literal(node, reading.message, value, context)
    context.check(node, test.text, ValueError, message, test)
    return fill(node, context, reading.template, reading.type, reading.guard, s=value)


def _literal(node: Any, text: str, value: Value, context: Context) -> Value:
    """Return the text of the error that a text is no number."""
    shown = as_repr(node, value, context)
    return made(f"{context.text(text + ': ').text} & {shown.atom}", STR, shown, is_atom=False)


_OF_BASE = (
    "$reduce($match($lowercase(@s), /[0-9a-z]/).match, function(~acc, ~c) "
    '{~acc * BASE + $length($substringBefore("0123456789abcdefghijklmnopqrstuvwxyz", ~c))}, 0)'
)


def _int_of_base(node: Any, context: Context) -> Value:
    text, base = (context.read(one) for one in node.args)
    if not base.is_constant or base.constant not in range(2, 37) or text.type is not STR:
        raise context.refuse(node, "int with a base", "the base must be a constant", "write it")
    text = context.simple(node, text)
    digits = "0123456789abcdefghijklmnopqrstuvwxyz"[: base.constant]
    letters = digits + digits[10:].upper()
    prefix = {16: "(0[xX])?", 8: "(0[oO])?", 2: "(0[bB])?"}.get(base.constant, "")
    pattern = f"/^[+-]?{prefix}[{letters}]+(_[{letters}]+)*/"
    test = f'(~t := {_BARE}; ~t != "" and $replace(~t, {pattern}, "", 1) = "")'
    found = fill(node, context, test, BOOL, s=text)
    message = _literal(node, f"invalid literal for int() with base {base.constant}", text, context)
    context.check(node, found.text, ValueError, message, found)
    bare = f'$replace({_BARE}, /^[+-]?{prefix}/, "", 1)'
    size = _OF_BASE.replace("BASE", str(base.constant)).replace("@s", bare)
    template = f"(~n := {size}; $contains({_BARE}, /^-/) ? 0 - ~n : ~n)"
    return guarded(node, fill(node, context, template, INT, s=text), context)


def lower_float(node: Any, context: Context) -> Value:
    """Lower `float(x)`."""
    if not node.args and not node.keywords:
        return Value("0", FLOAT)
    value = present(node, context.read(one_argument(node, context)), context, TypeError, _UNFIT)
    if value.type is ANY:
        return _open(node, value, context, FLOAT)
    return _float(node, value, context)


def _float(node: Any, value: Value, context: Context) -> Value:
    if value.type is BOOL:
        value = as_int(value)
    if value.type.is_number or value.type is NEVER:
        type = FLOAT if value.type.is_number else NEVER
        return Value(value.text, type, value.is_atom, value.depth, is_guarded=value.is_guarded)
    if value.type is STR:
        return _read_as(node, value, _READ_FLOAT, context)
    raise unfit(node, value, context)


def _open(node: Any, value: Value, context: Context, wanted: Any) -> Value:
    """Convert a value that is a text, a number or a bool: which of them is seen at run time."""
    value = context.simple(node, value)
    kinds = '["string", "number", "boolean"]'
    test = f"$type({value.text}) in {kinds}"
    context.check(node, test, TypeError, context.text(_UNFIT), value)
    lower = _int if wanted is INT else _float
    is_text = Value(f'$type({value.text}) = "string"', BOOL, False)
    return choose(
        node,
        is_text,
        context,
        lambda: lower(node, Value(value.text, STR), context),
        lambda: lower(node, narrowed(node, value, NUMBER, context), context),
    )


# -- arithmetic


def number(node: Any, argument: Any, context: Context) -> Value:
    """Return an argument that must be a number."""
    value = plain(context.read(argument))
    value = present(node, value, context, TypeError, "a number is required")
    if value.type is ANY:
        return narrowed(node, value, NUMBER, context, TypeError, "a number is required")
    if value.type is BOOL:
        return as_int(value)
    if not value.type.is_number and value.type is not NEVER:
        raise unfit(node, value, context)
    return value


def lower_abs(node: Any, context: Context) -> Value:
    """Lower `abs(x)`."""
    value = number(node, one_argument(node, context), context)
    found = made(f"$abs({value.text})", value.type, value)
    return replace(found, floating=number_kinds.either(value))


_ROUNDED = (  # the nearest int to |x| * 10**PLACES, exactly; halves go to the even one
    "(~a := $abs(@x); ~f := POWER; "
    + PRODUCT.replace("X", "~a")
    + "; ~below := $floor(~p); ~part := ~p - ~below; ~near := "
    "~part > 0.5 or (~part = 0.5 and (~e > 0 or (~e = 0 and ~below % 2 = 1))) "
    "? ~below + 1 : ~below; ~p >= 4503599627370496 ? @x : (@x < 0 ? -~near : ~near) / POWER)"
)
_ROUNDED_INT = "(~half := $floor(@x); ~part := @x - ~half; RESULT)".replace(
    "RESULT",
    "~part > 0.5 or (~part = 0.5 and ~half % 2 != 0) ? ~half + 1 : ~half",
)


def lower_round(node: Any, context: Context) -> Value:
    """Lower `round(x)` and `round(x, places)`."""
    named = keywords_of(node, ("ndigits",), context)
    if not 1 <= len(node.args) <= 2:
        raise context.refuse(node, "round", "its arguments are not compiled", "give one number")
    value = number(node, node.args[0], context)
    places = [context.read(one) for one in [*node.args[1:], *named.values()]]
    if not places or places[0].type.kind == "none":
        if value.type is INT or value.type is NEVER:
            return value
        return guarded(node, fill(node, context, _ROUNDED_INT, INT, x=value), context)
    if not places[0].is_constant or places[0].type is not INT:
        raise context.refuse(node, "round", "the places must be a constant", "write a number")
    return _rounded(node, value, places[0].constant, context)


def _rounded(node: Any, value: Value, places: int, context: Context) -> Value:
    if value.type is INT and places >= 0:
        return value
    if places < 0 and value.type is INT:
        return _rounded_up(node, value, 10**-places, context)
    if not 0 <= places <= 22:
        raise context.refuse(
            node, f"round to {places} places", "it is not exact", "use 0 to 22 places"
        )
    template = _ROUNDED.replace("POWER", "1" + "0" * places)
    found = fill(node, context, template, value.type, x=value)
    return replace(found, floating=number_kinds.either(value))


def _rounded_up(node: Any, value: Value, unit: int, context: Context) -> Value:
    template = (
        f"(~rest := (@x % {unit} + {unit}) % {unit}; ~low := @x - ~rest; "
        f"~rest * 2 > {unit} or (~rest * 2 = {unit} and (~low / {unit}) % 2 != 0) "
        f"? ~low + {unit} : ~low)"
    )
    return guarded(node, fill(node, context, template, INT, x=value), context)


def lower_divmod(node: Any, context: Context) -> Value:
    """Lower `divmod(a, b)`."""
    if len(node.args) != 2 or node.keywords:
        raise context.refuse(node, "divmod", "it takes two numbers", "give both")
    left, right = (context.simple(node, number(node, one, context)) for one in node.args)
    check_divisor(node, right, context, left, "divmod")
    parts = [floored(node, left, right, is_rest, context) for is_rest in (False, True)]
    return list_value(parts, tuple_of(*(one.type for one in parts)))


def lower_pow(node: Any, context: Context) -> Value:
    """Lower `pow(a, b)`."""
    if len(node.args) != 2 or node.keywords:
        raise context.refuse(node, "pow", "only two arguments are compiled", "use ** and %")
    left, right = (number(node, one, context) for one in node.args)
    found = power(node, left, right, context)
    if found is None:
        raise unfit(node, left, context)
    return found


def based(base: int, prefix: str) -> Any:
    """Return what lowers hex, oct or bin."""

    def lower(node: Any, context: Context) -> Value:
        value = number(node, one_argument(node, context), context)
        if value.type is not INT:
            raise unfit(node, value, context)
        template = f'((@x < 0 ? "-" : "") & "{prefix}" & $formatBase($abs(@x), {base}))'
        return fill(node, context, template, STR, x=value)

    return lower


# -- characters

_HEX = "0123456789ABCDEF"
_CODE = (  # of the bytes of its UTF-8 form, which encodeUrlComponent shows
    "(~u := $encodeUrlComponent(@s); $length(~u) = 1 ? 32 + $length($substringBefore(TABLE, ~u)) : "
    "(~d := $append([], $match(~u, /[0-9A-F]/).match); ~b := $reduce([0..$count(~d) / 2 - 1], "
    f'function(~acc, ~i) {{$append(~acc, $length($substringBefore("{_HEX}", ~d[2 * ~i])) * 16 + '
    f'$length($substringBefore("{_HEX}", ~d[2 * ~i + 1])))}}, []); ~n := $count(~b); '
    "~n = 1 ? ~b[0] : ~n = 2 ? (~b[0] - 192) * 64 + ~b[1] - 128 : "
    "~n = 3 ? (~b[0] - 224) * 4096 + (~b[1] - 128) * 64 + ~b[2] - 128 : "
    "(~b[0] - 240) * 262144 + (~b[1] - 128) * 4096 + (~b[2] - 128) * 64 + ~b[3] - 128))"
)
_TABLE = "".join(map(chr, range(32, 127)))
_CHARACTER = (
    '(~x := function(~b) {"%" & $uppercase($pad($formatBase(~b, 16), -2, "0"))}; '
    "~l := function(~k) {128 + $floor(@n / $power(64, ~k)) % 64}; "
    "@n >= 55296 and @n < 57344 ? @guard : "
    "$decodeUrlComponent(@n < 128 ? ~x(@n) : @n < 2048 ? ~x(192 + $floor(@n / 64)) & ~x(~l(0)) : "
    "@n < 65536 ? ~x(224 + $floor(@n / 4096)) & ~x(~l(1)) & ~x(~l(0)) : "
    "~x(240 + $floor(@n / 262144)) & ~x(~l(2)) & ~x(~l(1)) & ~x(~l(0))))"
)


def lower_ord(node: Any, context: Context) -> Value:
    """Lower `ord(c)`."""
    value = context.read(one_argument(node, context))
    value = narrowed(node, value, STR, context, TypeError, "ord() expected a character")
    if value.type is not STR:
        raise unfit(node, value, context)
    value = context.simple(node, value)
    message = context.text("ord() expected a character")
    context.check(node, f"$length({value.text}) = 1", TypeError, message, value)
    table = context.text(_TABLE)
    return fill(node, context, _CODE.replace("TABLE", "@t"), INT, s=value, t=table)


def lower_chr(node: Any, context: Context) -> Value:
    """Lower `chr(n)`."""
    value = context.read(one_argument(node, context))
    value = narrowed(node, value, INT, context, TypeError, "an integer is required")
    if value.type is not INT:
        raise unfit(node, value, context)
    value = context.simple(node, value)
    message = context.text("chr() arg not in range(0x110000)")
    context.check(node, f"{value.atom} >= 0 and {value.atom} < 1114112", ValueError, message, value)
    return fill(node, context, _CHARACTER, STR, "half of a character", n=value)
