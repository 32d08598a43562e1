"""Read the type that a hint means; refuse hints that mean none."""

from __future__ import annotations

import dataclasses
import datetime
import enum
import types
import typing
import uuid
from typing import Any, Literal, NotRequired, Required, get_args, get_origin, get_type_hints

from partita.compile.types.kinds import (
    ANY,
    BOOL,
    DATETIME,
    FLOAT,
    INT,
    NEVER,
    NONE,
    STR,
    UUID,
    Type,
    dict_of,
    enum_of,
    is_enum_key,
    list_of,
    optional,
    row_of,
    tuple_of,
)

_SCALARS: dict[Any, Type] = {int: INT, float: FLOAT, bool: BOOL, str: STR}
_SCALARS |= {None: NONE, type(None): NONE, datetime.datetime: DATETIME, uuid.UUID: UUID}
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
    if hint is tuple or (origin is tuple and args and args[-1] is Ellipsis):
        return row_of(of_hint(args[0]) if args else ANY)
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
