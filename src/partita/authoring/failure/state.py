"""Read the state of an instance, and set it in a new one, without running code of its class."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import BuiltinMethodType, GetSetDescriptorType, MemberDescriptorType
from typing import Any, NamedTuple

PRIVATE = "_partita_"
"""The beginning of the names of fields that are ours."""

_IN_PYTHON = 1 << 9  # Py_TPFLAGS_HEAPTYPE: made by a `class` statement


class Field(NamedTuple):
    """State that instances of a class keep outside `__dict__`."""

    name: str
    descriptor: Any
    is_slot: bool  # of `__slots__`; in other places None means that nothing was set


def fields_of(kind: type) -> Iterator[Field]:
    """Return the fields of a class and its bases, nearest first."""
    for place in kind.__mro__:
        if place in (BaseException, BaseExceptionGroup):
            continue  # their state is set in other ways
        for name, found in vars(place).items():
            if not name.startswith(PRIVATE) and _is_field(name, found):
                yield Field(name, found, bool(place.__flags__ & _IN_PYTHON))


def _is_field(name: str, found: Any) -> bool:
    if isinstance(found, GetSetDescriptorType):
        return name == "characters_written"  # of a BlockingIOError
    return isinstance(found, MemberDescriptorType) and name != "__weakref__"


def state_of(instance: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return an instance's `__dict__`, and its fields outside of it."""
    fields: dict[str, Any] = {}
    for field in fields_of(type(instance)):
        try:
            value = field.descriptor.__get__(instance)
        except AttributeError:
            continue
        if value is not None or field.is_slot:
            fields.setdefault(field.name, value)
    return dict(dict_of(instance)), fields


def dict_of(instance: Any) -> dict[str, Any]:
    """Return an instance's `__dict__` itself, whatever its class says; empty without one."""
    if isinstance(instance, BaseException):
        found: dict[str, Any] = _DICT.__get__(instance)
        return found
    return getattr(instance, "__dict__", {})


_DICT: Any = vars(BaseException)["__dict__"]
ARGS: Any = vars(BaseException)["args"]
CAUSE: Any = vars(BaseException)["__cause__"]
CONTEXT: Any = vars(BaseException)["__context__"]
SUPPRESS: Any = vars(BaseException)["__suppress_context__"]
TRACEBACK: Any = vars(BaseException)["__traceback__"]
TITLE: Any = vars(BaseExceptionGroup)["message"]
PARTS: Any = vars(BaseExceptionGroup)["exceptions"]
"""The attributes of every exception, which a class cannot hide by its own."""


def set_state(instance: Any, attributes: Mapping[str, Any], fields: Mapping[str, Any]) -> None:
    """Set the state of a new instance; ignores what its class, by now, does not have."""
    dict_of(instance).update(attributes)
    left = dict(fields)
    for field in fields_of(type(instance)):
        if field.name in left:
            try:
                field.descriptor.__set__(instance, left.pop(field.name))
            except (AttributeError, TypeError, ValueError):  # of another version of the class
                continue


def new(kind: type, *args: Any) -> Any:
    """Return an instance by the `__new__` of the nearest builtin class, without `__init__`.

    Raises:
        Exception: it cannot be made that way.
    """
    for place in kind.__mro__:
        maker = vars(place).get("__new__")
        if isinstance(maker, BuiltinMethodType):
            return maker(kind, *args)
    raise TypeError(f"{kind.__qualname__} has no __new__ of its own")
