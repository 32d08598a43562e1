"""Describe the type of a value: its kind, and the types of its parts.

Knows neither hints nor which type fits another.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any


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
        is_own = is_own or self.key != "str" or self.default is not None
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
