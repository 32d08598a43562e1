"""Tag values of classes where a hint is a union of classes, as values read from JSON are."""

from __future__ import annotations

from partita.codec.class_names import path_of
from partita.compile.context import Context
from partita.compile.jsonata import made, text_of
from partita.compile.tree import Value
from partita.compile.types import Type, is_tagged, union_of


def tagged(value: Value, wanted: Type, context: Context) -> Value:
    """Return a value as the type of a hint has it; as it is if that is the same."""
    union = wanted.item if wanted.kind == "optional" else wanted
    if value.type.kind == "record" and value.type in union.parts and is_tagged(value.type, union):
        name = text_of(path_of(value.type.cls))
        return made(f'{{"$partita": {name}, "value": {value.text}}}', wanted, value)
    if value.type.kind == wanted.kind == "list" and value.type.item.kind == "record":
        item = context.names.new("item")
        one = tagged(Value(f"${item}", value.type.item), wanted.item, context)
        if one.text != f"${item}":
            text = f"$append([], $map({value.text}, function(${item}) {{{one.text}}}))"
            return made(text, wanted, value)
    return value


def same_tags(values: list[Value], context: Context) -> list[Value]:
    """Return the elements of a list, tagged if they are of several classes."""
    types = list(dict.fromkeys(one.type for one in values))
    if len(types) < 2 or any(
        one.kind != "record" or not hasattr(one.cls, "__dataclass_fields__") for one in types
    ):
        return values
    union = union_of(types)
    return [tagged(one, union, context) for one in values]
