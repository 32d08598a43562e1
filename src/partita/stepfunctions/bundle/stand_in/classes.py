"""Write instances of classes with fields: dataclasses, enumerations, named tuples, models."""

from __future__ import annotations

import dataclasses
import enum
import typing
from collections.abc import Iterable
from typing import Any, get_origin

from .tags import ANY, TAG, Form, FormError, NamedForm, tag_of, tagged


class TypedDictForm(Form):
    """A TypedDict; keys that it does not declare are kept in tagged pairs."""

    def __init__(self, cls: Any) -> None:
        super().__init__(cls, frozenset({"object"}))
        self._forms: dict[str, Form] = {}
        self._required: set[str] = set()

    def forms(self) -> dict[str, Form]:
        """Return the forms by key."""
        if not self._forms:
            hints = typing.get_type_hints(self.hint, include_extras=True)
            marked = {key: get_origin(hint) for key, hint in hints.items()}
            free = {key for key, mark in marked.items() if mark is typing.NotRequired}
            self._required = set(self.hint.__required_keys__) - free
            self._required |= {key for key, mark in marked.items() if mark is typing.Required}
            self._forms = {key: ANY.form_of(hint) for key, hint in hints.items()}
        return self._forms

    def children(self) -> list[Form]:
        return list(self.forms().values())

    def fits(self, value: Any) -> bool:
        if type(value) is not dict or not value.keys() <= self.forms().keys():
            return False
        return self._required <= value.keys() and all(
            self.forms()[key].fits(one) for key, one in value.items()
        )

    def encode(self, value: Any) -> Any:
        if type(value) is not dict:
            return ANY.encode(value)
        members = {key: self.forms().get(key, ANY).encode(one) for key, one in value.items()}
        if value.keys() <= self.forms().keys():
            return members
        return tagged("dict", [[ANY.encode(key), one] for key, one in members.items()])

    def decode(self, data: Any) -> Any:
        if tag_of(data) == "dict":
            members = {ANY.decode(key): one for key, one in data["value"]}
        elif type(data) is dict and TAG not in data:
            members = {key: one for key, one in data.items() if key in self.forms()}
        else:
            raise self.misfit(data)
        for key in sorted(self._required - members.keys()):
            raise FormError(f"the member {key} is missing")
        return {k: self.forms().get(k, ANY).decode_at(v, f".{k}") for k, v in members.items()}


class EnumForm(NamedForm):
    """An enumeration: by value if all values are strings or all are ints, else by name."""

    def __init__(self, cls: Any) -> None:
        values = {type(member.value) for member in cls.__members__.values()}
        super().__init__(cls, frozenset({"integer" if values == {int} else "string"}))
        self.by_value = issubclass(cls, enum.Flag) or values in ({str}, {int})
        self.is_key = self.by_value and not issubclass(cls, enum.Flag)

    def state(self, value: Any) -> Any:
        return value.value if self.by_value else value.name

    def plain(self, data: Any) -> Any:
        if not self.by_value and data in self.cls.__members__:
            return self.cls[data]
        if self.by_value and type(data) in (str, int):
            try:
                return self.cls(data)
            except ValueError:
                pass
        raise FormError(f"{data!r} is no {self.cls.__qualname__}")


class NamedTupleForm(NamedForm):
    """A named tuple: an array of its fields."""

    def __init__(self, cls: Any) -> None:
        super().__init__(cls, frozenset({"array"}))

    def _forms(self) -> list[Form]:
        hints = typing.get_type_hints(self.cls)
        return [ANY.form_of(hints.get(name, Any)) for name in self.cls._fields]

    def children(self) -> list[Form]:
        return self._forms()

    def state(self, value: Any) -> Any:
        return [one.encode(v) for one, v in zip(self._forms(), value, strict=True)]

    def plain(self, data: Any) -> Any:
        names = self.cls._fields
        missing = [self.cls._field_defaults.get(one, ...) for one in names[len(data) :]]
        if type(data) is not list or len(data) > len(names) or ... in missing:
            raise FormError(f"expected {len(names)} items, got {str(data)[:80]}")
        given = [one.decode(v) for one, v in zip(self._forms(), data, strict=False)]
        return tuple.__new__(self.cls, (*given, *missing))


class ModelForm(NamedForm):
    """A class that reads and writes itself by `model_validate` and `model_dump`."""

    def __init__(self, cls: Any) -> None:
        super().__init__(cls, frozenset({"object"}))

    def state(self, value: Any) -> Any:
        return value.model_dump(mode="json")

    def plain(self, data: Any) -> Any:
        try:
            return self.cls.model_validate(data)
        except ValueError as error:
            raise FormError(" ".join(str(error).split())) from error


class DataclassForm(NamedForm):
    """A dataclass; restored without its constructor, as its state was when it was written."""

    def __init__(self, cls: Any) -> None:
        super().__init__(cls, frozenset({"object"}))
        fields = cls.__dataclass_fields__.values()
        self.fields = [one for one in fields if one._field_type.name != "_FIELD_CLASSVAR"]
        self.extra = {one.name for one in self.fields if one._field_type.name == "_FIELD_INITVAR"}
        own = vars(cls).get("__dataclass_params__")
        self.is_checked = hasattr(cls, "__pydantic_validator__")
        self.only_assigns = (
            own is not None
            and own.init
            and not hasattr(cls, "__post_init__")
            and not self.is_checked
            and all(one.init for one in self.fields)
        )
        self._forms: dict[str, Form] = {}

    def forms(self) -> dict[str, Form]:
        """Return the forms of the fields by name."""
        if not self._forms:
            hints = typing.get_type_hints(self.cls, include_extras=True)
            kept = {one.name: hints.get(one.name, Any) for one in self.fields}
            bare = {k: h.type if isinstance(h, dataclasses.InitVar) else h for k, h in kept.items()}
            self._forms = {name: ANY.form_of(hint) for name, hint in bare.items()}
        return self._forms

    def children(self) -> list[Form]:
        return list(self.forms().values())

    def keys(self) -> Iterable[str]:
        return [one.name for one in self.fields]

    def encode(self, value: Any) -> Any:
        if type(value) is not self.cls:
            return ANY.encode(value)
        data = self.state(value)
        is_whole = data.keys() == self.forms().keys() - self.extra
        return data if is_whole and self.only_assigns else tagged(self.path, data)

    def state(self, value: Any) -> dict[str, Any]:
        forms, data = self.forms(), {}
        for name in [one.name for one in self.fields if one.name not in self.extra]:
            if hasattr(value, name):
                data[name] = forms[name].encode(getattr(value, name))
        more = getattr(value, "__dict__", {}).keys() - forms.keys()
        return data | {name: ANY.encode(getattr(value, name)) for name in sorted(more)}

    def restored(self, data: Any) -> Any:
        values = self._values(data)
        more = {key: ANY.decode(data[key]) for key in data if key not in self.forms()}
        return self._made(self._filled(values, self.extra) | more)

    def plain(self, data: Any) -> Any:
        values = self._values(data)
        if self.is_checked:
            return self.cls(**values)
        values = self._filled(values, set())
        extra = [values.pop(one.name) for one in self.fields if one.name in self.extra]
        made = self._made(values)
        if hasattr(self.cls, "__post_init__"):
            made.__post_init__(*extra)
        return made

    def _values(self, data: Any) -> dict[str, Any]:
        if type(data) is not dict:
            raise self.misfit(data)
        forms = self.forms()
        return {k: forms[k].decode_at(data[k], f".{k}") for k in forms if k in data}

    def _filled(self, values: dict[str, Any], without: set[str]) -> dict[str, Any]:
        for one in self.fields:
            if one.name in values or one.name in without:
                continue
            if one.default_factory is not dataclasses.MISSING:
                values[one.name] = one.default_factory()
            elif one.default is not dataclasses.MISSING:
                values[one.name] = one.default
            elif one.init:
                raise FormError(f"the member {one.name} of {self.cls.__qualname__} is missing")
        return values

    def _made(self, values: dict[str, Any]) -> Any:
        made = object.__new__(self.cls)
        for name, value in values.items():
            object.__setattr__(made, name, value)
        return made
