"""Type the values of compiled programs, from hints.

A type is what the lowering of operators needs: JSON alone tells neither 1 from 1.0 nor a tuple
from a list. Values of ANY are only passed on.
"""

from __future__ import annotations

import dataclasses
import datetime
import enum
import types
import typing
import uuid
from dataclasses import dataclass, replace
from typing import Any, Literal, NotRequired, Required, get_args, get_origin, get_type_hints


@dataclass(frozen=True)
class Type:
    """The kind of a value, and the types of its parts."""

    kind: str
    parts: tuple[Type, ...] = ()
    fields: tuple[tuple[str, Type], ...] = ()  # of records
    cls: Any = None
    missing: frozenset[str] = frozenset()  # fields that may be missing
    key: Any = "str"  # of a dict: the kind of its keys, str or int; or a class of enums
    default: str | None = None  # the name of what a defaultdict makes

    @property
    def item(self) -> Type:
        """The type of the elements of a list, the values of a dict, the result of a future."""
        return self.parts[0]

    @property
    def is_mutable(self) -> bool:
        """Whether Python can change such a value in place."""
        return self.kind in _MUTABLE or any(part.is_mutable for part in self.parts)

    @property
    def is_plain_union(self) -> bool:
        """Whether it is a union of types whose values JSON holds as they are."""
        return self.kind == "union" and not self.holds_tuples

    @property
    def is_scalar_union(self) -> bool:
        """Whether it is a union of numbers, texts and bools, of which JSON tells each."""
        kinds = [part.kind for part in self.parts]
        is_told = set(kinds) <= {"int", "float", "str", "bool"} and not {"int", "float"} <= set(
            kinds
        )
        return self.kind == "union" and is_told

    @property
    def is_number(self) -> bool:
        """Whether it is an int or a float, and never a bool."""
        return self.kind in ("int", "float", "number")

    @property
    def holds_tuples(self) -> bool:
        """Whether JSON would lose that a part is a tuple or an instance."""
        inner = (*self.parts, *(one for _, one in self.fields))
        is_list = self.kind == "tuple" and self.cls is list  # of elements of several types
        is_own = self.kind in _OWN_FORMS and not is_list
        is_own = is_own or self.key == "int" or self.default is not None
        return is_own or any(one.holds_tuples for one in inner)

    def __str__(self) -> str:
        if self.kind == "function":
            return "function"
        if self.kind in ("record", "enum"):
            return str(self.cls.__name__)
        if self.kind == "optional":
            return f"{self.item} | None"
        if self.kind == "union":
            return " | ".join(map(str, self.parts))
        if self.key == "int":
            return f"dict[int, {self.item}]"
        shown = ", ".join(map(str, self.parts))
        name = {"none": "None", "any": "Any"}.get(self.kind, self.kind)
        return f"{name}[{shown}]" if shown else name


INT, FLOAT, BOOL, STR = Type("int"), Type("float"), Type("bool"), Type("str")
NONE, ANY, NEVER, ERROR = Type("none"), Type("any"), Type("never"), Type("error")
FUTURE_SET = Type("set of futures")
DATETIME, TIMEDELTA, UUID = Type("datetime"), Type("timedelta"), Type("UUID")
RANDOM = Type("random source")
MOMENT = Type("moment")
"""Milliseconds since 1970."""
NUMBER = Type("number")
"""An int or a float: which of them is not known."""
MIXED = Type("mixed")
"""Values of several types, of which JSON would lose one, such as a tuple."""
_MUTABLE = ("list", "dict", "record", "any", "set", "mixed", "union", "error")
_OWN_FORMS = frozenset(
    [
        "tuple",
        "row",
        "record",
        "future",
        "outcome",
        "error",
        "function",
        "set",
        "mixed",
        "enum",
        "datetime",
        "timedelta",
        "UUID",
        "random source",
        "channel",
        "shape",
        "workflow",
        "set of futures",
    ]
)
_SCALARS: dict[Any, Type] = {int: INT, float: FLOAT, bool: BOOL, str: STR}
_SCALARS |= {None: NONE, type(None): NONE, datetime.datetime: DATETIME, uuid.UUID: UUID}


def without_fields(type: Type) -> Type:
    """Return a type that does not tell the keys of dicts, which may change."""
    if not type.parts:  # such types are compared by identity
        return type
    fields = () if type.kind == "dict" else type.fields
    return replace(type, parts=tuple(map(without_fields, type.parts)), fields=fields)


def list_of(item: Type) -> Type:
    """Return the type of a list."""
    return Type("list", (item,))


def dict_of(value: Type, key: Any = "str", default: str | None = None) -> Type:
    """Return the type of a dict whose keys are strings or ints."""
    return Type("dict", (value,), key=key, default=default)


def is_enum_key(type: Type) -> bool:
    """Return whether members of an enum are keys: their values are texts."""
    return type.kind == "enum" and isinstance(next(iter(type.cls)).value, str)


def kind_of_key(key: Type) -> Any:
    """Return what a dict with such keys has as `key`."""
    return key.cls if key.kind == "enum" else "int" if key is INT else "str"


def set_of(item: Type) -> Type:
    """Return the type of a set, which is a list without repetitions."""
    return Type("set", (item,))


def tuple_of(*parts: Type) -> Type:
    """Return the type of a tuple of that length."""
    return Type("tuple", parts)


def enum_of(cls: Any) -> Type:
    """Return the type of the members of an enum."""
    return Type("enum", cls=cls)


def row_of(item: Type) -> Type:
    """Return the type of a tuple whose length is not known."""
    return Type("row", (item,))


def future_of(result: Type) -> Type:
    """Return the type of a future."""
    return Type("future", (result,))


def outcome_of(result: Type) -> Type:
    """Return the type of a result or an exception, which is kept as futures are."""
    return Type("outcome", (result,))


def optional(inner: Type) -> Type:
    """Return the type of a value that may be None."""
    return inner if inner.kind in ("optional", "none", "any") else Type("optional", (inner,))


_OWN_CODE = ("__getattr__", "__getattribute__", "__setattr__")


class UnknownHintError(Exception):
    """A hint means nothing to the compiler."""


def of_hint(hint: Any) -> Type:
    """Return the type that a hint means.

    Raises:
        UnknownHintError: it means a type that is not compiled.
    """
    if hint is Any or hint is object:
        return ANY
    if isinstance(hint, typing.Hashable) and hint in _SCALARS:
        return _SCALARS[hint]
    origin, args = get_origin(hint), get_args(hint)
    if origin in (typing.Union, types.UnionType):
        return _union(args)
    if origin is Literal and all(type(one) is str for one in args):
        return STR
    if hint is list or origin is list:
        return list_of(of_hint(args[0]) if args else ANY)
    if hint is dict or origin is dict:
        return _dict(args)
    if origin is tuple and args and args[-1] is Ellipsis:
        return row_of(of_hint(args[0]))
    if origin is tuple and args:
        return tuple_of(*map(of_hint, args))
    if isinstance(hint, type) and issubclass(hint, enum.Enum):
        return _enum(hint)
    if isinstance(hint, type) and issubclass(hint, tuple) and hasattr(hint, "_fields"):
        return _named_tuple(hint)
    if isinstance(hint, type) and (dataclasses.is_dataclass(hint) or typing.is_typeddict(hint)):
        return _record(hint)
    raise UnknownHintError(str(hint))


def _enum(cls: Any) -> Type:
    kinds = {type(one.value) for one in cls}
    if not kinds or len(kinds) > 1 or not kinds <= {str, int}:
        raise UnknownHintError(f"{cls.__name__}, whose values are not all str or all int")
    return enum_of(cls)


def _named_tuple(cls: Any) -> Type:
    hints = get_type_hints(cls)
    if set(hints) != set(cls._fields):
        raise UnknownHintError(f"{cls.__name__}, whose fields have no hints")
    fields = tuple((name, of_hint(hints[name])) for name in cls._fields)
    return Type("tuple", tuple(one for _, one in fields), fields, cls)


def _union(args: tuple[Any, ...]) -> Type:
    others = [one for one in args if one is not type(None)]
    if len(others) == 1 and len(args) == 2:
        return optional(of_hint(others[0]))
    return union_of([of_hint(one) for one in args])


def union_of(parts: list[Type]) -> Type:
    """Return the type of values of one of several types."""
    parts = list(dict.fromkeys(parts))
    others = [one for one in parts if one is not NONE]
    if len(parts) == 1:
        return parts[0]
    if len(others) == 1:
        return optional(others[0])
    if ANY in parts:
        return ANY
    kinds = [one.kind for one in others]
    is_object = kinds.count("dict") + kinds.count("record") > 1
    if is_object and not all(one.kind != "dict" for one in others):
        raise UnknownHintError("a union of classes and dicts")
    if any(one.kind in ("set", "datetime", "UUID", "enum", "union") for one in others):
        raise UnknownHintError("a union of enums, times or sets with others")
    if kinds.count("list") + kinds.count("tuple") > 1:
        raise UnknownHintError("a union of several lists or tuples")
    if any(typing.is_typeddict(one.cls) for one in others) and is_object:
        raise UnknownHintError("a union of TypedDicts")
    others.sort(key=str)
    return Type("union", (*others, *(one for one in parts if one is NONE)))


def _dict(args: tuple[Any, ...]) -> Type:
    if args and isinstance(args[0], type) and issubclass(args[0], enum.Enum):
        if is_enum_key(_enum(args[0])):
            return dict_of(of_hint(args[1]), args[0])
    if args and args[0] not in (str, int):
        raise UnknownHintError("a dict whose keys are neither str nor int")
    return dict_of(of_hint(args[1]), args[0].__name__) if args else dict_of(ANY)


_records: dict[Any, Type] = {}


def _record(cls: Any) -> Type:
    if cls in _records:
        found = _records[cls]
        if found is NEVER:
            raise UnknownHintError(f"{cls.__name__}, which refers to itself")
        return found
    _records[cls] = NEVER
    try:
        _records[cls] = _made_record(cls)
    finally:
        if _records[cls] is NEVER:
            del _records[cls]
    return _records[cls]


def _made_record(cls: Any) -> Type:
    missing: set[str] = set()
    fields = []
    for name, hint in get_type_hints(cls, include_extras=True).items():
        is_marked = get_origin(hint) in (NotRequired, Required)
        if get_origin(hint) is NotRequired or not (is_marked or getattr(cls, "__total__", True)):
            missing.add(name)
        hint = get_args(hint)[0] if is_marked else hint
        fields.append((name, of_hint(hint)))
    if typing.is_typeddict(cls):
        missing |= set(cls.__optional_keys__)
    else:
        _check_dataclass(cls)
        known = {one.name for one in dataclasses.fields(cls)}
        fields = [pair for pair in fields if pair[0] in known]
    return Type("record", fields=tuple(fields), cls=cls, missing=frozenset(missing))


def _check_dataclass(cls: Any) -> None:
    """Refuse classes whose instances are more than their fields."""
    own = [name for one in cls.__mro__[:-1] for name in vars(one) if name in _OWN_CODE]
    own = [name for name in own if not cls.__dataclass_params__.frozen or name != "__setattr__"]
    if own or not cls.__dataclass_params__.init:
        raise UnknownHintError(f"{cls.__name__}, which has code of its own for its attributes")


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
        whole = one if one.kind == "union" else other
        third = other if whole is one else one
        if third in whole.parts and not is_tagged(third, whole):
            return whole
        is_plain = all(each.is_plain_union or not each.holds_tuples for each in (one, other))
        return ANY if is_plain else MIXED
    if one.is_number and other.is_number:
        return NUMBER
    if one.kind == other.kind == "error":
        return _joined_errors(one, other)
    if one.kind == other.kind == "datetime":
        return DATETIME
    if one.kind == other.kind == "enum":
        return MIXED
    if one.kind == other.kind == "function":
        return Type("function", cls=tuple(dict.fromkeys((*one.cls, *other.cls))))
    if one.kind == other.kind == "record" and one.cls is other.cls:
        return _joined_records(one, other)
    same = one.kind == other.kind and len(one.parts) == len(other.parts) and one.parts
    if one.kind == other.kind == "dict":
        return _joined_dicts(one, other)
    if same and one.kind != "error":
        return Type(one.kind, tuple(map(join, one.parts, other.parts)))
    return MIXED if one.holds_tuples or other.holds_tuples else ANY


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
