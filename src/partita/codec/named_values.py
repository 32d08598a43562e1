"""Write enumerations, named tuples, typed dictionaries, literals, and subclasses of scalars."""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from partita.codec.form import TAG, VALUE, Form, kind_of, misfit, shown, tag_of, tagged, unwritable
from partita.codec.tagged import ANY, NamedForm, attempt, decode_at

_OBJECT = frozenset({"object"})
_ARRAY = frozenset({"array"})


class EnumForm(NamedForm):
    """The form of an enumeration: by value if all are strings or all are ints, else by name."""

    def __init__(self, cls: type[enum.Enum]) -> None:
        super().__init__(cls)
        kinds = {type(member._value_) for member in cls.__members__.values()}
        self._is_flag = issubclass(cls, enum.Flag)
        self._by_value = self._is_flag or kinds in ({str}, {int})
        self.kinds = frozenset({"integer" if kinds == {int} else "string"})
        self.is_native = self.is_key = self._by_value and not self._is_flag

    def encode(self, value: Any) -> Any:
        return self.encode_state(value) if type(value) is self.cls else ANY.encode(value)

    def encode_state(self, value: Any) -> Any:
        if self._by_value:
            return value._value_
        if value._name_ not in self.cls.__members__:
            raise unwritable(value, "has no such member")
        return value._name_

    def decode_plain(self, data: Any) -> Any:
        if not self._by_value:
            if data not in self.cls.__members__:
                raise msgspec.ValidationError(f"Invalid enum value {data!r}")
            return self.cls[data]
        if self._is_flag:
            if type(data) is not int:
                raise misfit(self.cls, data)
            return attempt(lambda: self.cls(data), self.cls.__qualname__)
        return msgspec.convert(data, self.cls)

    def decode_state(self, data: Any) -> Any:
        return self.decode_plain(data)


class NamedTupleForm(NamedForm):
    """The form of a named tuple: an array of its fields."""

    kinds = _ARRAY
    is_native = True

    def __init__(
        self, cls: type[Any], hint: Any, form_of: Callable[[str, type[Any]], Form]
    ) -> None:
        super().__init__(cls)
        self.hint = hint
        self._form_of = form_of
        self._forms: list[Form] = []

    def prepare(self) -> None:
        owner = next(base for base in self.cls.__mro__ if "_fields" in vars(base))
        self._forms = [self._form_of(name, owner) for name in self.cls._fields]

    def children(self) -> Iterable[Form]:
        return self._forms

    def fits(self, value: Any) -> bool:
        return type(value) is self.cls

    def encode(self, value: Any) -> Any:
        return self.encode_state(value) if type(value) is self.cls else ANY.encode(value)

    def encode_state(self, value: Any) -> Any:
        if getattr(value, "__dict__", None):
            raise unwritable(value, "has attributes beside its fields")
        return [form.encode(one) for form, one in zip(self._forms, value, strict=True)]

    def decode_plain(self, data: Any) -> Any:
        if type(data) is not list:
            raise misfit("array", data)
        names = self.cls._fields
        defaults = [self.cls._field_defaults.get(name, ...) for name in names[len(data) :]]
        if len(data) > len(names) or ... in defaults:
            raise msgspec.ValidationError(
                f"Expected `array` of length {len(names)}, got {len(data)}"
            )
        parts = zip(self._forms, data, strict=False)
        given = [decode_at(form, one, f"[{i}]") for i, (form, one) in enumerate(parts)]
        return tuple.__new__(self.cls, (*given, *defaults))

    def decode_state(self, data: Any) -> Any:
        return self.decode_plain(data)


class TypedDictForm(Form):
    """The form of a TypedDict; keys that it does not declare are kept, in a tagged dictionary."""

    kinds = _OBJECT
    is_native = True

    def __init__(self, hint: Any, parts: Callable[[], tuple[dict[str, Form], set[str]]]) -> None:
        self.hint = hint
        self._parts = parts  # the forms by key, and the keys that are required
        self._forms: dict[str, Form] = {}
        self._required: set[str] = set()

    def prepare(self) -> None:
        self._forms, self._required = self._parts()

    def children(self) -> Iterable[Form]:
        return self._forms.values()

    def fits(self, value: Any) -> bool:
        return (
            type(value) is dict
            and self._required <= value.keys() <= self._forms.keys()
            and all(self._forms[key].fits(one) for key, one in value.items())
        )

    def encode(self, value: Any) -> Any:
        if type(value) is not dict:
            return ANY.encode(value)
        members = {key: self._forms.get(key, ANY).encode(one) for key, one in value.items()}
        if value.keys() <= self._forms.keys():
            return members
        return tagged("dict", [[ANY.encode(key), one] for key, one in members.items()])

    def decode(self, data: Any) -> Any:
        if tag_of(data) == "dict":
            members = {ANY.decode(key): one for key, one in data[VALUE]}
        elif type(data) is dict and TAG not in data:
            members = {key: one for key, one in data.items() if key in self._forms}
        else:
            raise misfit("object", ANY.decode(data))
        for key in sorted(self._required - members.keys()):
            raise msgspec.ValidationError(f"Object missing required field `{key}`")
        return {
            key: decode_at(self._forms.get(key, ANY), one, f".{key}")
            for key, one in members.items()
        }


class LiteralForm(Form):
    """The form of a Literal."""

    def __init__(self, hint: Any, values: tuple[Any, ...]) -> None:
        self.hint = hint
        self.is_native = all(type(value) in (str, int, type(None)) for value in values)
        self.kinds = frozenset(
            kind_of(value) for value in values if type(value) in (str, int, bool, type(None))
        )
        self._values = values

    def fits(self, value: Any) -> bool:
        return any(type(value) is type(one) and value == one for one in self._values)

    def encode(self, value: Any) -> Any:
        return ANY.encode(value)

    def decode(self, data: Any) -> Any:
        value = ANY.decode(data)
        if self.fits(value):
            return value
        for one in self._values:  # an enumeration's member may come from outside by its value
            if isinstance(one, enum.Enum) and type(data) is type(one.value) and data == one.value:
                return one
        raise msgspec.ValidationError(f"Invalid value {value!r} for {shown(self.hint)}")


_PLAIN_VALUE: dict[type[Any], Callable[[Any], Any]] = {
    str: str.__str__,
    int: int.__index__,
    float: float.__float__,
    bytes: lambda value: bytes.__getitem__(value, slice(None)),
}
"""How a value of a subclass becomes one of the type itself, whatever the subclass overrides."""


class ScalarSubclassForm(NamedForm):
    """The form of a subclass of str, int, float or bytes."""

    def __init__(self, cls: type[Any], base: type[Any], form: Form) -> None:
        super().__init__(cls)
        self.kinds = form.kinds
        self._base = base
        self._form = form

    def encode(self, value: Any) -> Any:
        return self.encode_state(value) if type(value) is self.cls else ANY.encode(value)

    def encode_state(self, value: Any) -> Any:
        if getattr(value, "__dict__", None):
            raise unwritable(value, "has attributes of its own")
        plain = _PLAIN_VALUE[self._base](value)
        try:
            self._base.__new__(self.cls, plain)
        except TypeError as error:
            raise unwritable(value, "cannot be made without its constructor") from error
        return self._form.encode(plain)

    def decode_plain(self, data: Any) -> Any:
        plain = self._form.decode(data)
        return attempt(lambda: self._base.__new__(self.cls, plain), self.cls.__qualname__)

    def decode_state(self, data: Any) -> Any:
        return self.decode_plain(data)


class ForeignForm(NamedForm):
    """The form of a class that reads and writes itself by `model_validate` and `model_dump`."""

    def encode(self, value: Any) -> Any:
        return self.encode_state(value) if type(value) is self.cls else ANY.encode(value)

    def encode_state(self, value: Any) -> Any:
        return value.model_dump(mode="json")

    def decode_plain(self, data: Any) -> Any:
        return attempt(lambda: self.cls.model_validate(data), self.cls.__qualname__)

    def decode_state(self, data: Any) -> Any:
        return self.decode_plain(data)


class OpenForm(Form):
    """The form of an abstract class or a protocol: values are tagged with their own class."""

    def __init__(self, hint: Any) -> None:
        self.hint = hint

    def fits(self, value: Any) -> bool:
        try:
            return isinstance(value, self.hint)
        except TypeError:  # a protocol that cannot be checked
            return True

    def encode(self, value: Any) -> Any:
        return ANY.encode(value)

    def decode(self, data: Any) -> Any:
        value = ANY.decode(data)
        if self.fits(value):
            return value
        raise misfit(self.hint, value)
