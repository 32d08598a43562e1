"""Lower json.dumps by the types of values, and json.loads."""

from __future__ import annotations

import ast
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from partita.compile.builtins.aggregates import one_argument
from partita.compile.builtins.ordering import keywords_of
from partita.compile.context import Context
from partita.compile.jsonata import made, member, text_of
from partita.compile.templates import fill, within
from partita.compile.texts.displays import read_shown
from partita.compile.texts.floats import float_text, number_text
from partita.compile.texts.representations import of_scalars
from partita.compile.tree import Value
from partita.compile.types import ANY, BOOL, NUMBER, STR, list_of
from partita.compile.values.dynamic import narrowed


@dataclass(frozen=True)
class _Style:
    """How json.dumps writes."""

    between: str = ", "
    after_key: str = ": "
    is_ascii: bool = True
    is_sorted: bool = False
    indent: str | None = None

    def brackets(self, pair: str, level: int) -> tuple[str, str, str]:
        """Return what stands before, between and after the items of a container."""
        if self.indent is None:
            return pair[0], self.between, pair[1]
        inner, outer = "\n" + self.indent * (level + 1), "\n" + self.indent * level
        return pair[0] + inner, self.between + inner, outer + pair[1]


def lower_dumps(node: Any, context: Context) -> Value:
    """Lower `json.dumps(value, ...)`."""
    known = ("sort_keys", "separators", "indent", "ensure_ascii")
    named = keywords_of(node, known, context)
    if len(node.args) != 1:
        raise context.refuse(node, "json.dumps", "its arguments are not compiled", "give one value")
    style = _style(node, named, context)
    value = read_shown(node.args[0], context)
    found = written(node, value, style, 0, context)
    if found is None:
        raise context.refuse(
            node,
            f"JSON of {value.type}",
            "json.dumps refuses it, or it is not compiled for this type",
            "give a type hint; of a dataclass, write a dict of its fields",
        )
    return found


def _style(node: Any, named: dict[str, ast.expr], context: Context) -> _Style:
    constants: dict[str, Any] = {}
    for name, one in named.items():
        try:
            constants[name] = ast.literal_eval(one)
        except ValueError:
            raise context.refuse(
                one, f"{name} of json.dumps", "it must be a constant", "write it there"
            ) from None
    indent = constants.get("indent")
    if isinstance(indent, int):
        indent = " " * indent
    default = (", ", ": ") if indent is None else (",", ": ")
    between, after = constants.get("separators") or default
    is_ascii = constants.get("ensure_ascii", True)
    return _Style(between, after, is_ascii, constants.get("sort_keys", False), indent)


_ESCAPES = (
    '(~m.match = "\\"" ? "\\\\\\"" : ~m.match = "\\\\" ? "\\\\\\\\" : ~m.match = "\\n" ? "\\\\n" : '
    '~m.match = "\\r" ? "\\\\r" : ~m.match = "\\t" ? "\\\\t" : ~m.match = "\\f" ? "\\\\f" : '
    '~m.match = "\\b" ? "\\\\b" : CODE)'
)
_PLAIN = '("\\"" & $replace(@s, /[\\u0000-\\u001f"\\u005c]/, function(~m) {ESCAPES}) & "\\"")'
_CONTROL = '"\\\\u00" & $pad($formatBase($length($substringBefore(@t, ~m.match)), 16), -2, "0")'
_ASCII = _PLAIN.replace("\\u005c]", "\\u005c]|[^\\u0000-\\u007e]")
_UNITS = (  # the UTF-16 units of a character, from the bytes of its UTF-8 form
    "(~d := $append([], $match($encodeUrlComponent(~m.match), /[0-9A-F]/).match); "
    '~v := function(~i) {$length($substringBefore("0123456789ABCDEF", ~d[2 * ~i])) * 16 + '
    '$length($substringBefore("0123456789ABCDEF", ~d[2 * ~i + 1]))}; ~n := $count(~d) / 2; '
    "~c := ~n = 1 ? ~v(0) : ~n = 2 ? (~v(0) - 192) * 64 + ~v(1) - 128 : "
    "~n = 3 ? (~v(0) - 224) * 4096 + (~v(1) - 128) * 64 + ~v(2) - 128 : "
    "(~v(0) - 240) * 262144 + (~v(1) - 128) * 4096 + (~v(2) - 128) * 64 + ~v(3) - 128; "
    '~u := function(~x) {"\\\\u" & $pad($formatBase(~x, 16), -4, "0")}; '
    "~c < 65536 ? ~u(~c) : ~u(55296 + $floor((~c - 65536) / 1024)) & ~u(56320 + ~c % 1024))"
)
_CONTROLS = "".join(map(chr, range(32)))


def _text(node: ast.AST, value: Value, style: _Style, context: Context) -> Value:
    if value.is_constant:
        return context.text(json.dumps(value.constant, ensure_ascii=style.is_ascii))
    template = _ASCII if style.is_ascii else _PLAIN
    if style.is_ascii:
        template = template.replace("ESCAPES", _ESCAPES.replace("CODE", _UNITS))
        return fill(node, context, template, STR, s=value)
    template = template.replace("ESCAPES", _ESCAPES.replace("CODE", _CONTROL))
    return fill(node, context, template, STR, s=value, t=context.text(_CONTROLS))


def written(
    node: ast.AST, value: Value, style: _Style, level: int, context: Context
) -> Value | None:
    """Return the JSON text of a value; None if it has none, or is not compiled."""
    kind = value.type.kind
    scalar = _scalar(node, value, style, context)
    if scalar is not None:
        return scalar
    if kind in _PARTS:
        lower = _PARTS[kind]
        return within(value, context, lambda one: lower(node, one, style, level, context))
    if kind == "any":
        return _any(node, value, style, level, context)
    if kind == "union":
        return within(
            value,
            context,
            lambda one: of_scalars(
                node, one, context, lambda n, v, c: written(n, v, style, level, c)
            ),
        )
    return None


def _scalar(node: ast.AST, value: Value, style: _Style, context: Context) -> Value | None:
    """Return the JSON text of a text, a number, a bool or None; None for others."""
    kind = value.type.kind
    if kind == "str":
        return _text(node, value, style, context)
    if kind == "int":
        return made(f"$formatBase({value.text})", STR, value)
    if kind == "float":
        return float_text(node, value, context)
    if kind == "number":
        return number_text(node, value, context)
    if kind == "bool":
        return made(f'({value.atom} ? "true" : "false")', STR, value)
    return Value('"null"', STR) if kind in ("none", "never") else None


def _present(
    node: ast.AST, value: Value, style: _Style, level: int, context: Context
) -> Value | None:
    inner = written(node, Value(value.text, value.type.item), style, level, context)
    if inner is None:
        return None
    return made(f'({value.atom} = null ? "null" : {inner.atom})', STR, value, inner)


def _enclosed(texts: str, count: str, pair: str, style: _Style, level: int) -> str:
    before, between, after = (text_of(one) for one in style.brackets(pair, level))
    return f'({count} = 0 ? "{pair}" : {before} & $join($append([], {texts}), {between}) & {after})'


def _list(node: ast.AST, value: Value, style: _Style, level: int, context: Context) -> Value | None:
    item = context.names.new("item")
    inner = written(node, Value(f"${item}", value.type.item), style, level + 1, context)
    if inner is None:
        return None
    texts = f"$map({value.text}, function(${item}) {{{inner.text}}})"
    text = _enclosed(texts, f"$count({value.text})", "[]", style, level)
    return made(text, STR, value, inner)


def _tuple(
    node: ast.AST, value: Value, style: _Style, level: int, context: Context
) -> Value | None:
    parts = [
        written(node, made(f"{value.text}[{number}]", type, value), style, level + 1, context)
        for number, type in enumerate(value.type.parts)
    ]
    found = [one for one in parts if one is not None]
    if len(found) < len(parts):
        return None
    texts = "[" + ", ".join(one.text for one in found) + "]"
    return made(_enclosed(texts, str(len(found)), "[]", style, level), STR, *found)


_SORTED = (
    "$sort(KEYS, function(~a, ~b) {(~x := $replace(~a, /[^\\u0000-\\uffff]/, function(~m) "
    '{"\\uffff" & ~m.match}); ~y := $replace(~b, /[^\\u0000-\\uffff]/, function(~n) '
    '{"\\uffff" & ~n.match}); ~x > ~y)})'
)


def _dict(node: ast.AST, value: Value, style: _Style, level: int, context: Context) -> Value | None:
    if value.type.fields:
        return _record(
            node, replace(value, type=replace(value.type, cls=dict)), style, level, context
        )
    key = context.names.new("key")
    found = made(f"$lookup({value.text}, ${key})", value.type.item)
    inner = written(node, found, style, level + 1, context)
    if inner is None:
        return None
    if value.type.key == "int" and style.is_sorted:
        return None
    name = _text(node, Value(f"${key}", STR), style, context)
    keys = Value(f"$append([], $keys({value.text}))", list_of(STR))
    if style.is_sorted:
        keys = fill(node, context, _SORTED.replace("KEYS", "@k"), list_of(STR), k=keys)
    one = f"{name.atom} & {text_of(style.after_key)} & {inner.atom}"
    texts = f"$map({keys.text}, function(${key}) {{{one}}})"
    text = _enclosed(texts, f"$count($append([], $keys({value.text})))", "{}", style, level)
    return made(text, STR, value, inner, name)


def _record(
    node: ast.AST, value: Value, style: _Style, level: int, context: Context
) -> Value | None:
    if hasattr(value.type.cls, "__dataclass_fields__") or value.type.missing:
        return None
    names = [name for name, _ in value.type.fields]
    types = dict(value.type.fields)
    pieces = []
    for name in sorted(names) if style.is_sorted else names:
        inner = written(node, member(value, name, types[name]), style, level + 1, context)
        if inner is None:
            return None
        label = json.dumps(name, ensure_ascii=style.is_ascii) + style.after_key
        pieces.append(made(f"({text_of(label)} & {inner.atom})", STR, inner))
    texts = "[" + ", ".join(one.text for one in pieces) + "]"
    return made(_enclosed(texts, str(len(pieces)), "{}", style, level), STR, *pieces)


_ANY = (
    "(~show := function(~x, ~in) {(~kind := $type(~x); "
    '~kind = "string" ? QUOTED : ~kind = "number" ? NUMBER : ~kind = "array" ? '
    '(~x = [] ? "[]" : "[" & BEGIN & $join($append([], $map(~x, function(~i) {~show(~i, ~in & STEP)'
    '})), BETWEEN) & END & "]") : ~kind = "object" ? (~x = {} ? "{}" : "{" & BEGIN & '
    "$join($append([], $map(KEYS, function(~k) {NAME & AFTER & ~show($lookup(~x, ~k), ~in & STEP)"
    '})), BETWEEN) & END & "}") : ~x = null ? "null" : ~x ? "true" : "false")}; ~show(@x, @n))'
)


def _any(node: ast.AST, value: Value, style: _Style, level: int, context: Context) -> Value | None:
    number = number_text(node, Value("~x", NUMBER), context)
    indent = style.indent
    keys = "$append([], $keys(~x))"
    if style.is_sorted:
        keys = _SORTED.replace("KEYS", keys)
        keys = keys.replace("~x :=", "~first :=").replace("~x > ~y", "~first > ~y")
    between = text_of(style.between)
    marks = {
        "QUOTED": _text(node, Value("~x", ANY), style, context).atom,
        "NUMBER": number.atom,
        "NAME": _text(node, Value("~k", STR), style, context).atom,
        "KEYS": keys,
        "BEGIN": '""' if indent is None else "~in & STEP",
        "BETWEEN": between if indent is None else f"{between} & ~in & STEP",
        "END": '""' if indent is None else "~in",
        "AFTER": text_of(style.after_key),
        "STEP": '""' if indent is None else text_of(indent),
    }
    template = _ANY
    for mark, text in marks.items():
        template = template.replace(mark, text.replace("@", "\\u0040"))
    begun = context.text("" if indent is None else "\n" + indent * level)
    found = fill(node, context, template, STR, x=value, n=begun)
    return made(found.text, STR, found, number)


_PARTS: dict[str, Callable[..., Value | None]] = {
    "optional": _present,
    "list": _list,
    "row": _list,
    "tuple": _tuple,
    "dict": _dict,
    "record": _record,
}


# -- json.loads

_TOKENS = (
    '(~a := $replace(@s, /"([^"\\u005c\\u0000-\\u001f]|'
    '\\u005c(["\\u005c\\u002fbfnrt]|u[0-9a-fA-F]{4}))*"/, "s"); '
    '~b := $replace(~a, /-?(0|[1-9][0-9]*)([.][0-9]+)?([eE][+-]?[0-9]+)?|true|false|null/, "v"); '
    '~c := $replace(~b, /[ \\t\\r\\n]+/, ""); '
)
_VALID = (
    _TOKENS + "~d := $reduce([1..30], function(~t, ~i) {$replace($replace(~t, "
    '/\\u005b([vs](,[vs])*)?\\u005d/, "v"), /\\u007b(s:[vs](,s:[vs])*)?\\u007d/, "v")}, ~c); '
    '$contains($replace(@s, /"([^"\\u005c]|\\u005c.)*"/, ""), /NaN|Infinity|[0-9]{16}/) ? @guard : '
    '~d = "v" or ~d = "s")'
)


def lower_loads(node: Any, context: Context) -> Value:
    """Lower `json.loads(text)`."""
    value = context.read(one_argument(node, context))
    message = "the JSON object must be str, bytes or bytearray"
    value = narrowed(node, value, STR, context, TypeError, message)
    if value.type is not STR:
        raise context.refuse(node, "json.loads", f"of {value.type}", "give a text")
    value = context.simple(node, value)
    guard = "JSON with numbers that a state machine does not keep exactly"
    test = fill(node, context, _VALID, BOOL, guard, s=value)
    context.check(node, test.text, json.JSONDecodeError, context.text("the text is not JSON"), test)
    return fill(node, context, "$parse(@s)", ANY, s=value)
