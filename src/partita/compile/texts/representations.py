"""Write values as `str` and `repr` do, by their types; of type Any by a recursive function."""

from __future__ import annotations

import ast
import dataclasses
from collections.abc import Callable
from dataclasses import replace

from partita.compile.context import Context
from partita.compile.jsonata import made, member, text_of
from partita.compile.templates import fill, within
from partita.compile.texts.floats import float_text, number_text
from partita.compile.tree import Value
from partita.compile.types import ANY, STR, Type
from partita.compile.values.characters import NO_PICTURES, PRINTABLE
from partita.compile.values.enumerations import table
from partita.compile.values.moments import iso_text
from partita.compile.values.special_methods import has_own, special
from partita.compile.values.type_tests import json_type

_QUOTED = (
    (
        "($contains(NO_PICTURES, /[^\\n\\r\\tPRINTABLE]/) ? @guard : "
        '(~quote := $contains(@s, "\'") and $not($contains(@s, "\\"")) ? "\\"" : "\'"; '
        "~escaped := $replace(@s, /[\\\\\\n\\r\\t]/, function(~m) "
        '{~m.match = "\\n" ? "\\\\n" : ~m.match = "\\r" ? "\\\\r" : ~m.match = "\\t" ? "\\\\t" : '
        '"\\\\\\\\"}); '
        '~quote & (~quote = "\'" ? $join($split(~escaped, "\'"), "\\\\\'") : ~escaped) & ~quote))'
    )
    .replace("PRINTABLE", PRINTABLE)
    .replace("NO_PICTURES", NO_PICTURES)
)
_ANY = (
    "(~show := function(~x) {(~kind := $type(~x); "
    '~kind = "string" ? QUOTED : ~kind = "number" ? NUMBER : ~kind = "array" ? '
    '"[" & $join($append([], $map(~x, function(~i) {~show(~i)})), ", ") & "]" : '
    '~kind = "object" ? "{" & $join($append([], $map($append([], $keys(~x)), function(~k) '
    '{KEY & ": " & ~show($lookup(~x, ~k))})), ", ") & "}" : '
    '~x = null ? "None" : ~x ? "True" : "False")}; ~show(@x))'
)
_ANY_TEXT = '($type(@x) = "string" ? @x : @t)'

Show = Callable[[ast.AST, Value, Context], Value | None]


def shown(node: ast.AST, value: Value, context: Context) -> Value | None:
    """Return repr() of a value; None if it is not compiled for its type."""
    if has_own(value, "__repr__"):
        return special(node, value, "__repr__", [], context)
    lower = _SHOW.get(value.type.kind)
    return lower(node, value, context) if lower is not None else None


def as_text(node: ast.AST, value: Value, context: Context) -> Value:
    """Return str() of a value."""
    found = text_form(node, value, context)
    if found is None:
        raise _refused(node, "text", value, context)
    return found


def as_repr(node: ast.AST, value: Value, context: Context) -> Value:
    """Return repr() of a value."""
    found = shown(node, value, context)
    if found is None:
        raise _refused(node, "repr", value, context)
    return found


def _refused(node: ast.AST, what: str, value: Value, context: Context) -> Exception:
    return context.refuse(
        node,
        f"{what} of {value.type}",
        "a state machine cannot write it as Python does",
        "give a type hint, or format it in an activity",
    )


def text_form(node: ast.AST, value: Value, context: Context) -> Value | None:
    """Return str() of a value; None if it is not compiled for its type."""
    kind = value.type.kind
    if has_own(value, "__str__"):
        return special(node, value, "__str__", [], context)
    if kind == "str":
        return value
    if kind == "UUID":
        return replace(value, type=STR)
    if kind == "datetime":
        return iso_text(node, value, context, " ")
    if kind == "enum":
        return table(value, str)
    if kind == "never":
        return Value('""', STR)
    if kind == "error":
        return made(f"{value.text}.message", STR, value)
    if kind == "optional":
        return _if_present(node, value, context, text_form)
    if kind == "union":
        return within(value, context, lambda one: _union_text(node, one, context))
    if kind == "any":
        return within(value, context, lambda one: _any_text(node, one, context))
    return shown(node, value, context)


def _union_text(node: ast.AST, value: Value, context: Context) -> Value | None:
    """Return str() of a value of one of several types, by the type that JSON tells."""
    texts = [text_form(node, replace(value, type=one), context) for one in value.type.parts]
    found = [one for one in texts if one is not None]
    if len(found) < len(texts) or not value.type.is_plain_union:
        return None
    whole = found[-1].atom
    for part, one in zip(reversed(value.type.parts[:-1]), reversed(found[:-1]), strict=True):
        whole = f'($type({value.text}) = "{json_type(part)}" ? {one.atom} : {whole})'
    return made(whole, STR, value, *found)


def _any_text(node: ast.AST, value: Value, context: Context) -> Value:
    return fill(node, context, _ANY_TEXT, STR, x=value, t=_any(node, value, context))


def _if_present(node: ast.AST, value: Value, context: Context, lower: Show) -> Value | None:
    def chosen(one: Value) -> Value | None:
        inner = lower(node, Value(one.text, one.type.item, one.is_atom), context)
        if inner is None:
            return None
        text = f'{one.atom} = null ? "None" : {inner.atom}'
        return made(text, STR, one, inner, is_atom=False)

    return within(value, context, chosen)


def _optional(node: ast.AST, value: Value, context: Context) -> Value | None:
    return _if_present(node, value, context, shown)


def _none(node: ast.AST, value: Value, context: Context) -> Value:
    return Value('"None"', STR)


def _int(node: ast.AST, value: Value, context: Context) -> Value:
    return made(f"$formatBase({value.text})", STR, value)


def _bool(node: ast.AST, value: Value, context: Context) -> Value:
    return made(f'{value.atom} ? "True" : "False"', STR, value, is_atom=False)


def quoted(node: ast.AST, value: Value, context: Context) -> Value:
    """Return repr() of a text."""
    if value.is_constant:
        return context.text(repr(value.constant))
    guard = "the repr() of a text with characters that may not be printable"
    return fill(node, context, _QUOTED, STR, guard, s=value)


def _listed(brackets: str) -> Show:
    def lower(node: ast.AST, value: Value, context: Context) -> Value | None:
        item = context.names.new("item")
        inner = shown(node, Value(f"${item}", value.type.item), context)
        if inner is None:
            return None
        texts = f"$append([], $map({value.text}, function(${item}) {{{inner.text}}}))"
        text = f'"{brackets[0]}" & $join({texts}, ", ") & "{brackets[1]}"'
        return made(text, STR, value, inner, is_atom=False)

    return lower


def _row(node: ast.AST, value: Value, context: Context) -> Value | None:
    inner = _listed("()")(node, value, context)
    if inner is None:
        return None
    text = f'$count({value.text}) = 1 ? $replace({inner.text}, /\\u0029$/, ",)") : {inner.atom}'
    return made(text, STR, inner, is_atom=False)


def _named(lower: Show) -> Show:
    """Return what lowers a value that it may write repeatedly."""

    def lowered(node: ast.AST, value: Value, context: Context) -> Value | None:
        return within(value, context, lambda one: lower(node, one, context))

    return lowered


def _tuple(node: ast.AST, value: Value, context: Context) -> Value | None:
    names = [f"{name}=" for name, _ in value.type.fields]
    parts = [
        shown(node, made(f"{value.text}[{number}]", type, value), context)
        for number, type in enumerate(value.type.parts)
    ]
    found = [one for one in parts if one is not None]
    if len(found) < len(parts):
        return None
    labels = names or [""] * len(found)
    texts = [
        f"{text_of(label)} & {one.atom}" if label else one.atom
        for label, one in zip(labels, found, strict=True)
    ]
    inner = ' & ", " & '.join(texts) or '""'
    begin = f"{value.type.cls.__name__}(" if names else "("
    end = ",)" if len(found) == 1 and not names else ")"
    if value.type.cls is list:
        begin, end = "[", "]"
    return made(f'"{begin}" & {inner} & "{end}"', STR, *found, is_atom=False)


def _dict(node: ast.AST, value: Value, context: Context) -> Value | None:
    if value.type.default is not None:
        return None
    if value.type.fields:
        return _record(node, replace(value, type=replace(value.type, cls=dict)), context)
    key = context.names.new("key")
    found = made(f"$lookup({value.text}, ${key})", value.type.item)
    inner = shown(node, found, context)
    if inner is None:
        return None
    if isinstance(value.type.key, type):
        return None
    name = (
        Value(f"${key}", STR)
        if value.type.key == "int"
        else quoted(node, Value(f"${key}", STR), context)
    )
    keys = f"$append([], $keys({value.text}))"
    one = f'{name.atom} & ": " & {inner.atom}'
    text = f'"{{" & $join($append([], $map({keys}, function(${key}) {{{one}}})), ", ") & "}}"'
    return made(text, STR, value, inner, name, is_atom=False)


def _record(node: ast.AST, value: Value, context: Context) -> Value | None:
    cls = value.type.cls
    is_dataclass = hasattr(cls, "__dataclass_fields__")
    if is_dataclass and not _is_generated(cls):
        return None
    hidden = {one.name for one in dataclasses.fields(cls) if not one.repr} if is_dataclass else ()
    pieces = []
    for name, type in value.type.fields:
        if name in hidden:
            continue
        inner = shown(node, member(value, name, type), context)
        if inner is None:
            return None
        label = f"{name}=" if is_dataclass else f"{name!r}: "
        piece = made(f"{text_of(label)} & {inner.atom}", STR, inner, is_atom=False)
        pieces.append((name, piece))
    return _joined_fields(value, pieces, is_dataclass)


def _is_generated(cls: type) -> bool:
    """Return whether `repr` of a dataclass is the one that Python generates."""
    code = getattr(getattr(cls.__repr__, "__wrapped__", None), "__code__", None)
    return code is not None and code.co_filename == "<string>"


def _joined_fields(
    value: Value, pieces: list[tuple[str, Value]], is_dataclass: bool
) -> Value | None:
    if not is_dataclass and value.type.missing:
        return None
    inner = ' & ", " & '.join(one.text for _, one in pieces) or '""'
    begin, end = (f"{value.type.cls.__qualname__}(", ")") if is_dataclass else ("{", "}")
    text = f"{text_of(begin)} & {inner} & {text_of(end)}"
    return made(text, STR, *(one for _, one in pieces), is_atom=False)


def _error(node: ast.AST, value: Value, context: Context) -> Value | None:
    """Return repr() of an exception: its class, and the arguments."""
    kind = value.type.cls
    if kind is not None and kind.__repr__ is not Exception.__repr__:
        return None
    message = quoted(node, made("@e.message", STR), context)
    text = f'($exists(@e.repr) ? @e.repr : @e.type & "(" & {message.atom} & ")")'
    return fill(node, context, text, STR, e=value)


def _member(node: ast.AST, value: Value, context: Context) -> Value | None:
    return table(value, repr)


_JSON_TYPES = {"str": "string", "bool": "boolean"}


def _union(node: ast.AST, value: Value, context: Context) -> Value | None:
    """Return repr() of a value of a union of scalars; None if it is another one."""
    return of_scalars(node, value, context, shown)


def of_scalars(node: ast.AST, value: Value, context: Context, lower: Show) -> Value | None:
    """Return a text of a value of one of several scalar types; None if some are no scalars."""
    parts = value.type.parts
    if not all(part.is_number or part.kind in _JSON_TYPES for part in parts):
        return lower(node, Value(value.text, ANY), context) if value.type.is_plain_union else None
    text, pieces = "", []
    for part in parts:
        one = lower(node, Value(value.text, part), context)
        if one is None:
            return None
        name = _JSON_TYPES.get(part.kind, "number")
        last = part is parts[-1]
        text += one.atom if last else f'$type({value.text}) = "{name}" ? {one.atom} : '
        pieces.append(one)
    return made(f"({text})", STR, value, *pieces)


def _any(node: ast.AST, value: Value, context: Context) -> Value:
    argument, key = Value("~x", ANY), Value("~k", STR)
    number = number_text(node, Value(argument.text, Type("number")), context)
    template = (
        _ANY.replace("QUOTED", _marked(quoted(node, argument, context)))
        .replace("NUMBER", _marked(number))
        .replace("KEY", _marked(quoted(node, key, context)))
    )
    result = fill(node, context, template, STR, x=value)
    return made(result.text, STR, result, number)


def _marked(value: Value) -> str:
    return value.atom.replace("@", "\\u0040")


_SHOW: dict[str, Show] = {
    "str": quoted,
    "int": _int,
    "float": float_text,
    "number": number_text,
    "bool": _bool,
    "never": _none,
    "none": _none,
    "optional": _optional,
    "list": _listed("[]"),
    "row": _named(_row),
    "tuple": _named(_tuple),
    "dict": _named(_dict),
    "record": _named(_record),
    "any": _any,
    "union": _named(_union),
    "enum": _member,
    "error": _error,
}
