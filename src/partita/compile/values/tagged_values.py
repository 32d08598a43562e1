"""Write values where no hint tells their types: as the tagged JSON that Partita's results have.

Tuples, instances, members of enums and dicts with other keys than texts are tagged one by one, as
long as their types are known.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable
from dataclasses import replace

from partita.codec.class_names import path_of
from partita.compile.context import Context
from partita.compile.jsonata import list_value, made, member, object_value, text_of, wrapped
from partita.compile.templates import fill, within
from partita.compile.tree import Value
from partita.compile.types import ANY, INT, STR, Type, dict_of, fits, list_of, row_of
from partita.compile.values.dicts import key_of

_TAG = "$partita"


def as_hinted(node: ast.AST, value: Value, wanted: Type, context: Context) -> Value | None:
    """Return a value as a hint without types wants it; None if it does not fit."""
    if fits(value.type, wanted) and not _needs_tags(value.type):
        return value
    if wanted.kind == "optional" and value.type.kind != "optional":
        return as_hinted(node, value, wanted.item, context)
    found = within(value, context, lambda one: _tagged(node, one, wanted, context))
    return None if found is None else _typed(found, wanted)


def _typed(value: Value, wanted: Type) -> Value:
    return value if fits(value.type, wanted) else replace(value, type=wanted)


def _needs_tags(type: Type) -> bool:
    """Return whether a part of a value is tagged even where a hint says what it is."""
    is_marked = type.default is not None or _TAG in dict(type.fields)
    return is_marked or any(map(_needs_tags, type.parts))


def _tagged(node: ast.AST, value: Value, wanted: Type, context: Context) -> Value | None:
    match value.type.kind:
        case "optional":
            return _optional(node, value, wanted, context)
        case "tuple" | "row":
            return _tuple(node, value, wanted, context)
        case "dict":
            return _dict(node, value, wanted, context)
        case "list" if wanted is ANY or wanted.kind == "list":
            return _each(node, value, ANY if wanted is ANY else wanted.item, context)
        case "record" if wanted is ANY:
            return _record(node, value, context)
        case "enum" if wanted is ANY:
            return _with_tag(path_of(value.type.cls), value)
        case "datetime" | "UUID" if wanted is ANY:
            return _with_tag(value.type.kind, value)
        case _:
            return None


def _with_tag(name: str, value: Value) -> Value:
    tag = f'"{_TAG}": {text_of(name)}'
    return made(f'{{{tag}, "value": {value.text}}}', dict_of(ANY), value)


def _optional(node: ast.AST, value: Value, wanted: Type, context: Context) -> Value | None:
    if not value.type.item.holds_tuples and not _needs_tags(value.type):
        return value
    inner = wanted.item if wanted.kind == "optional" else wanted
    part = as_hinted(node, Value(value.text, value.type.item), inner, context)
    if part is None:
        return None
    return made(f"({value.atom} = null ? null : {part.atom})", ANY, value, part)


def _tuple(node: ast.AST, value: Value, wanted: Type, context: Context) -> Value | None:
    """Return a tuple as a hint of tuples has it, or tagged."""
    if wanted not in (ANY, row_of(ANY), list_of(ANY)):
        return None
    cls = value.type.cls
    if cls not in (None, list):
        return _with_tag(path_of(cls), value) if wanted is ANY else None
    if value.type.kind == "row":
        found = _each(node, replace(value, type=list_of(value.type.item)), ANY, context)
    else:
        texts = [f"{value.text}[{number}]" for number in range(len(value.type.parts))]
        pairs = zip(texts, value.type.parts, strict=True)
        found = _listed(node, [made(text, type, value) for text, type in pairs], context)
    if found is None or cls is list or wanted is not ANY:
        return found
    return _with_tag("tuple", found)


def _listed(node: ast.AST, parts: Iterable[Value], context: Context) -> Value | None:
    found = [as_hinted(node, one, ANY, context) for one in parts]
    return None if None in found else list_value([one for one in found if one is not None])


def _record(node: ast.AST, value: Value, context: Context) -> Value | None:
    """Return an instance of a class, whose fields are as their hints say; or a TypedDict."""
    cls = value.type.cls
    if hasattr(cls, "__dataclass_fields__"):
        return _with_tag(path_of(cls), value)
    is_plain = all(fits(type, ANY) for _, type in value.type.fields)
    return value if is_plain else None


# -- dicts


def _dict(node: ast.AST, value: Value, wanted: Type, context: Context) -> Value | None:
    type = value.type
    if wanted is not ANY and wanted.kind != "dict":
        return None
    if type.default is not None:
        return _with_default(node, value, wanted, context)
    if type.key != "str":
        return _with_keys(node, value, context) if wanted in (ANY, dict_of(ANY)) else None
    if wanted.key != "str":
        return None
    inner = ANY if wanted is ANY else wanted.item
    lower = _fields if type.fields else _each
    return lower(node, value, inner, context)


def _with_default(node: ast.AST, value: Value, wanted: Type, context: Context) -> Value | None:
    """Return a defaultdict or a Counter."""
    name = str(value.type.default)
    plain = replace(value, type=replace(value.type, default=None))
    inner = as_hinted(node, plain, wanted, context)
    if inner is None:
        return None
    if name == "counter":
        return _with_tag("Counter", list_value([inner]))
    return _with_tag("defaultdict", list_value([inner, Value(text_of(f"builtins:{name}"), STR)]))


def _with_keys(node: ast.AST, value: Value, context: Context) -> Value | None:
    """Return a dict whose keys are no texts, as a list of pairs."""
    name = Value("~item", key_of(value.type))
    key = replace(name, text="$number(~item)") if name.type is INT else name
    part = Value(f"$lookup({value.text}, ~item)", value.type.item)
    pair = _listed(node, [key, part], context)
    if pair is None:
        return None
    keys = f"$append([], $keys({value.text}))"
    template = f"$reduce({keys}, function(~acc, ~item) {{$append(~acc, [{pair.text}])}}, [])"
    pairs = fill(node, context, template, list_of(ANY))
    text = f"({value.atom} = {{}} ? {{}} : {_with_tag('dict', pairs).text})"
    return made(text, ANY, value, pairs)


def _fields(node: ast.AST, value: Value, inner: Type, context: Context) -> Value | None:
    members = {}
    for name, type in value.type.fields:
        one = as_hinted(node, member(value, name, type), inner, context)
        if one is None:
            return None
        members[name] = one
    if _TAG not in members:
        return object_value(members)
    pairs = [list_value([Value(text_of(name), STR), one]) for name, one in members.items()]
    return _with_tag("dict", list_value(pairs))


def _each(node: ast.AST, value: Value, inner: Type, context: Context) -> Value | None:
    is_list = value.type.kind == "list"
    text = "~item" if is_list else f"$lookup({value.text}, ~item)"
    item = as_hinted(node, Value(text, value.type.item), inner, context)
    if item is None:
        return None
    if is_list:
        template = f"$reduce(@x, function(~acc, ~item) {{$append(~acc, {wrapped(item)})}}, [])"
        return fill(node, context, template, list_of(ANY), x=value)
    template = (
        "$reduce($append([], $keys(@x)), function(~acc, ~item) "
        f"{{$merge([~acc, {{~item: {item.text}}}])}}, {{}})"
    )
    return fill(node, context, template, dict_of(ANY), x=value)
