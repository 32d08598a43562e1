"""Relate two types: what both are, which one fits where another is wanted, which compare."""

from __future__ import annotations

import dataclasses
from dataclasses import replace

from partita.compile.types.kinds import (
    ANY,
    DATETIME,
    ERROR,
    FLOAT,
    INT,
    MIXED,
    NEVER,
    NONE,
    NUMBER,
    STR,
    Type,
    optional,
)


def is_tagged(part: Type, union: Type) -> bool:
    """Return whether values of a part of a union are tagged with their class."""
    union = union.item if union.kind == "optional" else union
    records = [one for one in union.parts if one.kind == "record"]
    return union.kind == "union" and part.kind == "record" and len(records) > 1


def join(one: Type, other: Type) -> Type:
    """Return the type of a value that has one of two types."""
    if one is other or one == other or other is NEVER:
        return one
    if one is NEVER:
        return other
    if NONE in (one, other):
        return optional(other if one is NONE else one)
    if "optional" in (one.kind, other.kind):
        inner = join(*(each.item if each.kind == "optional" else each for each in (one, other)))
        return optional(inner)
    scalars = _scalar_union(one, other)
    if scalars is not None:
        return scalars
    if "union" in (one.kind, other.kind):
        return _joined_unions(one, other)
    if one.is_number and other.is_number:
        return NUMBER
    alike = _joined_alike(one, other) if one.kind == other.kind else None
    if alike is not None:
        return alike
    return MIXED if one.holds_tuples or other.holds_tuples else ANY


def _joined_unions(one: Type, other: Type) -> Type:
    """Return the type of a value that has one of two types, of which one is a union."""
    whole = one if one.kind == "union" else other
    third = other if whole is one else one
    if third in whole.parts and not is_tagged(third, whole):
        return whole
    is_plain = all(each.is_plain_union or not each.holds_tuples for each in (one, other))
    return ANY if is_plain else MIXED


def _joined_alike(one: Type, other: Type) -> Type | None:
    """Return the type of a value of one of two types of a kind; None if that is not its kind."""
    kind = one.kind
    if kind == "error":
        return _joined_errors(one, other)
    if kind == "datetime":
        return DATETIME
    if kind == "enum":
        return MIXED
    if kind == "function":
        return Type("function", cls=tuple(dict.fromkeys((*one.cls, *other.cls))))
    if kind == "record" and one.cls is other.cls:
        return _joined_records(one, other)
    if kind == "dict":
        return _joined_dicts(one, other)
    if one.parts and len(one.parts) == len(other.parts):
        return Type(kind, tuple(map(join, one.parts, other.parts)))
    return None


def _scalar_union(one: Type, other: Type) -> Type | None:
    """Return the union of scalars, of which JSON tells the kinds; None if they are others."""
    parts = [
        part for each in (one, other) for part in (each.parts if each.kind == "union" else (each,))
    ]
    numbers = {part for part in parts if part.is_number}
    kinds = {part.kind for part in parts}
    if len(numbers) > 1 or not kinds <= {"int", "float", "str", "bool"} or len(kinds) < 2:
        return None
    return Type("union", tuple(sorted(dict.fromkeys(parts), key=str)))


def number_of(type: Type) -> Type:
    """Return what a number of a type is, of which others may be values, too."""
    found = [part for part in type.parts if part.is_number] if type.kind == "union" else []
    return found[0] if len(found) == 1 else NUMBER


def _joined_records(one: Type, other: Type) -> Type:
    """Return the type of instances of one class, of which some may have ints for floats."""
    pairs = zip(one.fields, other.fields, strict=True)
    return replace(one, fields=tuple((name, join(a, b)) for (name, a), (_, b) in pairs))


def _joined_dicts(one: Type, other: Type) -> Type:
    empty = [each for each in (one, other) if each.item is NEVER and not each.fields]
    whole = other if empty and empty[0] is one else one
    if not empty and one.key != other.key:
        return MIXED
    default = one.default if one.default == other.default else None
    fields = _joined_fields(one, other)
    item = join(one.item, other.item)
    return Type("dict", (item,), fields, key=whole.key, default=default)


def _joined_fields(one: Type, other: Type) -> tuple[tuple[str, Type], ...]:
    """Return the fields of dicts that have the same keys, in the same order."""
    if [name for name, _ in one.fields] != [name for name, _ in other.fields]:
        return ()
    pairs = zip(one.fields, other.fields, strict=True)
    return tuple((name, join(type, others)) for (name, type), (_, others) in pairs)


def _joined_errors(one: Type, other: Type) -> Type:
    """Return what is known of an exception of one of two types."""
    if one.cls is not other.cls:
        return ERROR
    known = dict(other.fields)
    fields = tuple((name, join(type, known[name])) for name, type in one.fields if name in known)
    return Type("error", fields=fields, cls=one.cls)


def fits(value: Type, wanted: Type) -> bool:
    """Return whether a value can be passed where a hint wants another type."""
    if value == wanted or value is NEVER:
        return True
    if value.is_plain_union:
        return fits(ANY, wanted) or all(fits(one, wanted) for one in value.parts)
    if value.kind == wanted.kind == "union":
        same = all(is_tagged(one, value) == is_tagged(one, wanted) for one in value.parts)
        return same and set(value.parts) <= set(wanted.parts)
    if wanted.kind == "union" and value in wanted.parts:
        return not is_tagged(value, wanted)
    if wanted.is_plain_union:
        return value is ANY or any(fits(value, one) for one in wanted.parts)
    if value.kind == wanted.kind == "datetime":
        return True
    if value.kind == wanted.kind == "record" and value.cls is wanted.cls:
        pairs = zip(value.fields, wanted.fields, strict=True)
        return all(fits(one, other) for (_, one), (_, other) in pairs)
    if wanted is ANY:
        return not value.holds_tuples
    if wanted.kind == "optional":
        inner = value.item if value.kind == "optional" else value
        return value is NONE or fits(inner, wanted.item)
    if value.kind == "tuple" and value.cls is list and wanted.kind == "list":
        return all(fits(part, wanted.item) for part in value.parts)
    if value is ANY:
        return not wanted.holds_tuples
    if wanted.is_number:
        is_wide = value is INT and wanted is not INT
        return value is NUMBER or is_wide or (value is FLOAT and wanted is NUMBER)
    if value.kind == wanted.kind and len(value.parts) == len(wanted.parts) and value.parts:
        is_empty = value.item is NEVER and not value.fields
        return (is_empty or value.key == wanted.key) and all(map(fits, value.parts, wanted.parts))
    return False


def comparable(one: Type, other: Type) -> bool:
    """Return whether JSONata's `=` is Python's `==` for values of two types."""
    one, other = (each.item if each.kind == "optional" else each for each in (one, other))
    if one is NEVER or other is NEVER or NONE in (one, other):
        return True
    if one.is_number and other.is_number:
        return True
    if ANY in (one, other):
        return STR in (one, other)
    if one.kind == other.kind and one.parts:
        return len(one.parts) == len(other.parts) and all(map(comparable, one.parts, other.parts))
    if {"error", "future", "function"} & {one.kind, other.kind}:
        return False
    if "enum" in (one.kind, other.kind):
        return one == other
    if one.kind == other.kind == "record" and one.cls is other.cls:
        params = getattr(one.cls, "__dataclass_params__", None)
        if params is not None and not all(each.compare for each in dataclasses.fields(one.cls)):
            return False
        return (params is None or params.eq) and all(comparable(t, t) for _, t in one.fields)
    return one == other or STR in (one, other)
