"""Write values of any type so that they can be read without a hint, and read them.

`None`, bool, int, str, finite floats, lists, and dictionaries with string keys are plain JSON.
All else is tagged with the name of its type: a short one of Python's own types, or the
`module:name` of a class.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from math import isfinite
from typing import Any

import msgspec

from partita.codec.class_names import find_class, path_of
from partita.codec.form import TAG, VALUE, Form, located, misfit, tag_of, tagged, unwritable
from partita.errors import SerializationError, UnsupportedHintError

_PLAIN = frozenset({str, int, bool, type(None)})
_TEXT = frozenset({str})
_NUMBERS = frozenset({float, int})

Writer = Callable[[Any], Any]
Reader = Callable[[Any], Any]


def are_finite(numbers: Collection[float]) -> bool:
    """Whether none of the numbers is infinite or not a number."""
    try:
        return isfinite(sum(numbers))
    except OverflowError:  # an int is larger than any float
        return all(map(isfinite, (one for one in numbers if type(one) is float)))


class NamedForm(Form):
    """The form of a class that tagged values name."""

    def __init__(self, cls: type[Any]) -> None:
        self.cls = cls
        self.hint = cls
        self.path = path_of(cls)

    def encode_state(self, value: Any) -> Any:
        """Return what the class's own instance holds, as data."""
        raise NotImplementedError

    def decode_state(self, data: Any) -> Any:
        """Return an instance that holds it; no code of the class runs."""
        raise NotImplementedError

    def decode_plain(self, data: Any) -> Any:
        """Return the value of untagged data, which may come from outside."""
        raise NotImplementedError

    def keys(self) -> Collection[str]:
        """Return the keys that its untagged object may have."""
        return ()

    def fits(self, value: Any) -> bool:
        return isinstance(value, self.cls)

    def decode(self, data: Any) -> Any:
        name = tag_of(data)
        if name is None:
            return self.decode_plain(data)
        if self.is_named(name):
            return self.decode_state(data[VALUE])
        value = ANY.decode(data)
        if isinstance(value, self.cls):
            return value
        raise misfit(self.hint, value)

    def is_named(self, name: str) -> bool:
        """Whether a tag names this class; the same code may be loaded by another module's name."""
        if name == self.path:
            return True
        qualname = name.partition(":")[2]
        return qualname == self.cls.__qualname__ and find_class(name) is None


class AnyForm(Form):
    """The form of values under no hint."""

    is_native = True

    def __init__(self) -> None:
        self.form_of_class: Callable[[type[Any]], Form]  # given by the compiler of forms
        self.writers: dict[type[Any], Writer] = {}
        self.readers: dict[str, Reader] = {}

    def fits(self, value: Any) -> bool:  # noqa: ARG002
        return True

    def encode(self, value: Any) -> Any:
        kind = type(value)
        if kind in _PLAIN:
            return value
        if kind is float:
            return value if isfinite(value) else tagged("float", repr(value))
        if kind is list:
            return self.encode_all(value)
        if kind is dict:
            return self._dict(value)
        writer = self.writers.get(kind)
        return self._named(value, kind) if writer is None else writer(value)

    def encode_all(self, values: Collection[Any]) -> Collection[Any]:
        if _PLAIN.issuperset(map(type, values)):
            return values
        if _NUMBERS.issuperset(map(type, values)) and are_finite(values):
            return values
        return list(map(self.encode, values))

    def _dict(self, value: dict[Any, Any]) -> Any:
        if TAG in value or not _TEXT.issuperset(map(type, value)):
            return tagged("dict", list(map(self.encode, map(list, value.items()))))
        changed = {}
        for key, part in value.items():
            if type(part) not in _PLAIN:
                data = self.encode(part)
                if data is not part:
                    changed[key] = data
        return {**value, **changed} if changed else value

    def _named(self, value: Any, kind: type[Any]) -> Any:
        try:
            form = self.form_of_class(kind)
        except UnsupportedHintError as error:
            raise unwritable(value, error.reason) from None
        if kind in self.writers:  # a type without parts, met for the first time
            return self.writers[kind](value)
        if not isinstance(form, NamedForm):
            raise unwritable(value)
        if find_class(form.path) is not kind:
            raise unwritable(
                value,
                "cannot be found by its name; define it at the top of a module, "
                "or give the parameter or result its hint",
            )
        return tagged(form.path, form.encode_state(value))

    def decode(self, data: Any) -> Any:
        kind = type(data)
        if kind is list:
            return list(map(self.decode, data))
        if kind is not dict:
            return data
        name = tag_of(data)
        if name is None:
            return dict(zip(data, map(self.decode, data.values()), strict=True))
        return self.read(name, data[VALUE])

    def read(self, name: str, data: Any) -> Any:
        """Return the value of data that is tagged with a type's name."""
        if ":" not in name:
            reader = self.readers.get(name)
            if reader is None:
                raise msgspec.ValidationError(f"{TAG!r} names no type that is known: {name!r}")
            return attempt(lambda: reader(data), name)
        cls = find_class(name)
        if cls is None:
            raise msgspec.ValidationError(
                f"its class {name} is not loaded here; import its module first"
            )
        form = self._loaded_form(cls)
        if not isinstance(form, NamedForm):
            raise msgspec.ValidationError(f"{name} is no class of values")
        return form.decode_state(data)

    def _loaded_form(self, cls: type[Any]) -> Form:
        try:
            return self.form_of_class(cls)
        except UnsupportedHintError as error:
            raise msgspec.ValidationError(str(error)) from None


ANY = AnyForm()
"""The form of values under no hint."""


def attempt(read: Callable[[], Any], name: str) -> Any:
    """Return what reading gives; any error means that the data does not fit.

    Raises:
        ValidationError: it failed.
    """
    try:
        return read()
    except (msgspec.ValidationError, RecursionError):
        raise
    except SerializationError as error:
        raise msgspec.ValidationError(str(error)) from error
    except Exception as error:  # the code of a user's class may raise anything
        text = " ".join(str(error).split())
        raise msgspec.ValidationError(f"Invalid {name}: {text or type(error).__name__}") from error


def decode_at(form: Form, data: Any, at: str) -> Any:
    """Return the value of a part; an error names the place of the part."""
    try:
        return form.decode(data)
    except msgspec.ValidationError as error:
        raise located(error, at) from error.__cause__
