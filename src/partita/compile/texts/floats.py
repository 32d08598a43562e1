"""Write floats as Python does: the shortest text that means the same number.

JSONata's own text has 15 digits. Where these are not enough, the exact product with a power of
ten, in two doubles, gives 16 or 17. A number beyond the powers that doubles hold exactly ends the
execution.

Source: Dekker, "A floating-point technique for extending the available precision", 1971.
"""

from __future__ import annotations

import ast

from partita.compile.context import Context
from partita.compile.templates import fill
from partita.compile.tree import Value
from partita.compile.types import BOOL, STR

_SPLITTER = "134217729"
PRODUCT = (  # ~p + ~e is exactly X * ~f
    "~p := X * ~f; ~c := {s} * X; ~h := ~c - (~c - X); ~l := X - ~h; "
    "~d := {s} * ~f; ~g := ~d - (~d - ~f); ~k := ~f - ~g; "
    "~e := ((~h * ~g - ~p) + ~h * ~k + ~l * ~g) + ~l * ~k"
).replace("{s}", _SPLITTER)

_SHORT = (  # digits ~s, without zeros around, and the place of the point in them
    '~t := $string(~a); ~mantissa := $replace(~t, /[eE].*/, ""); '
    '~power := $contains(~t, /[eE]/) ? $number($replace($replace(~t, /.*[eE]/, ""), "+", "")) : 0; '
    '~whole := $substringBefore(~mantissa, "."); ~digits := $replace(~mantissa, ".", ""); '
    '~bare := $replace(~digits, /^0+/, ""); '
    "~guess := $length(~whole) + ~power - ($length(~digits) - $length(~bare)); "
)
_LONG = (  # the same for a number that needs 16 or 17 digits: [digits, place of the point]
    "(~first := 17 - ~guess; ~first > 22 or ~first < 0 ? @guard : "
    '(~scale := ~a * $number("1e" & ~first) < 1e16 ? ~first + 1 : ~first; '
    '~f := $number("1e" & ~scale); '
    + PRODUCT.replace("X", "~a")
    + "; ~low := ~p % 100000000; ~high := (~p - ~low) / 100000000; ~rest := ~low + ~e; "
    "~joined := function(~n, ~w) {(~limit := $power(10, ~w); ~n >= ~limit ? "
    '$string(~high + 1) & $pad($string(~n - ~limit), -~w, "0") : ~n < 0 ? '
    '$string(~high - 1) & $pad($string(~n + ~limit), -~w, "0") : '
    '$string(~high) & $pad($string(~n), -~w, "0"))}; '
    "~near := $round(~rest / 10); ~other := ~near > ~rest / 10 ? ~near - 1 : ~near + 1; "
    "~one := ~joined(~near, 7); ~two := ~joined(~other, 7); ~all := ~joined($round(~rest), 8); "
    '~end := "e" & (1 - ~scale); '
    "~scale > 22 ? @guard : "
    "$number(~one & ~end) = ~a ? [~one, $length(~one) + 1 - ~scale] : "
    "$number(~two & ~end) = ~a ? [~two, $length(~two) + 1 - ~scale] : "
    '$number(~all & "e" & (-~scale)) = ~a ? [~all, $length(~all) - ~scale] : @guard))'
)
_LAID_OUT = (
    '~s := $replace(~found[0], /0+$/, ""); ~point := ~found[1]; ~size := $length(~s); '
    '~s = "" ? ~sign & "0.0" : ~point > 16 or ~point < -3 ? '
    '(~exponent := ~point - 1; ~sign & $substring(~s, 0, 1) & (~size > 1 ? "." : "") & '
    '$substring(~s, 1) & "e" & (~exponent < 0 ? "-" : "+") & ($abs(~exponent) < 10 ? "0" : "") & '
    "$string($abs(~exponent))) : "
    '~sign & (~point <= 0 ? "0." & (~point < 0 ? $pad("", -~point, "0") : "") & ~s : '
    '~size <= ~point ? ~s & (~size < ~point ? $pad("", ~point - ~size, "0") : "") & ".0" : '
    '$substring(~s, 0, ~point) & "." & $substring(~s, ~point))'
)
_TEXT = (
    '(~a := $abs(@x); ~sign := @x < 0 ? "-" : ""; '
    + _SHORT
    + f"~found := $number(~t) = ~a ? [~bare, ~guess] : {_LONG}; "
    + _LAID_OUT
    + ")"
)


def float_text(node: ast.AST, value: Value, context: Context) -> Value:
    """Return the text of a float."""
    guard = "the text of a float with more than 15 digits"
    return fill(node, context, _TEXT, STR, guard, x=value)


def number_text(node: ast.AST, value: Value, context: Context) -> Value:
    """Return the text of a number of which it is not known whether it is an int or a float."""
    guard = "the text of a number without a hint, which may be an int or a float"
    test = context.compilation.flags.test(value, context.names)
    text = float_text(node, value, context)
    if test == "null":
        return fill(node, context, "($floor(@x) = @x ? @guard : @t)", STR, guard, x=value, t=text)
    flag = Value(test, BOOL, False)
    template = "(@f != true and $floor(@x) = @x ? (@f = false ? $formatBase(@x) : @guard) : @t)"
    return fill(node, context, template, STR, guard, x=value, t=text, f=flag)
