"""Write instances of classes with fields: dataclasses, attrs classes, msgspec Structs.

What crosses is an instance's state. It is restored without calling the constructor or
`__post_init__`, which have run already. A class whose constructor does nothing but assign is
written as a plain object; any other is tagged, so that an untagged object is known to come from
outside, and is read by the constructor's rules.
"""

from __future__ import annotations

import dataclasses
import functools
import inspect
import sys
from collections.abc import Callable, Collection, Iterable
from operator import attrgetter
from typing import Any, Literal, NamedTuple

import msgspec

from partita.codec.form import Form, misfit, tagged, unwritable
from partita.codec.hints import raw_annotations
from partita.codec.tagged import ANY, NamedForm, attempt, decode_at

_OBJECT = frozenset({"object"})
_MISSING: Any = object()

FormOf = Callable[[str, type[Any]], Form]
"""Returns the form of a field, by its name and the class whose body defines it."""


class Field(NamedTuple):
    """One field of a class, before its hint is compiled."""

    name: str  # of the attribute
    key: str  # in the object
    argument: str | None = None  # of the constructor; None: it takes none
    default: Callable[[], Any] | None = None  # None: the field is required
    is_state: bool = True  # False: the constructor takes it, and the instance does not keep it


class Shape(NamedTuple):
    """What is known of a class with fields."""

    kind: Literal["dataclass", "attrs", "struct"]
    fields: tuple[Field, ...]
    is_plain: bool  # the constructor only assigns
    is_native: bool  # msgspec reads untagged data as `ClassForm` does
    is_written: bool  # msgspec writes the same object
    calls: bool = False  # untagged data is read by calling the class


def shape_of(cls: type[Any]) -> Shape | None:
    """Return a class's fields; None if it is no class with fields."""
    if dataclasses.is_dataclass(cls):
        return _dataclass(cls)
    if "__attrs_attrs__" in dir(cls):
        return _attrs(cls)
    return _struct(cls) if issubclass(cls, msgspec.Struct) else None


def _dataclass(cls: type[Any]) -> Shape:
    fields = [_field(field) for field in cls.__dataclass_fields__.values() if _is_own(field)]
    own = vars(cls).get("__dataclass_params__")
    is_checked = hasattr(cls, "__pydantic_validator__")
    is_assigned = own is not None and own.init and not hasattr(cls, "__post_init__")
    has_init_vars = not all(field.is_state for field in fields)
    return Shape(
        "dataclass",
        tuple(fields),
        is_plain=is_assigned and not is_checked and all(f.argument for f in fields),
        is_native=not (has_init_vars or is_checked),
        is_written=not has_init_vars,
        calls=is_checked,
    )


def _is_own(field: Any) -> bool:
    return field._field_type is not dataclasses._FIELD_CLASSVAR  # type: ignore[attr-defined]


def _field(field: Any) -> Field:
    default: Callable[[], Any] | None = None
    if field.default_factory is not dataclasses.MISSING:
        default = field.default_factory
    elif field.default is not dataclasses.MISSING:
        default = functools.partial(_same, field.default)
    is_state = field._field_type is not dataclasses._FIELD_INITVAR  # type: ignore[attr-defined]
    return Field(field.name, field.name, field.name if field.init else None, default, is_state)


def _same(value: Any) -> Any:
    return value


def _attrs(cls: type[Any]) -> Shape:
    fields = []
    for one in cls.__attrs_attrs__:
        argument = (one.alias or one.name.lstrip("_")) if one.init else None
        fields.append(Field(one.name, one.name, argument, _attrs_default(one.default)))
    is_plain = all(field.argument == field.name for field in fields) and not any(
        hasattr(cls, name) for name in ("__attrs_post_init__", "__attrs_pre_init__")
    )
    return Shape("attrs", tuple(fields), is_plain, is_plain, is_plain, calls=True)


def _attrs_default(default: Any) -> Callable[[], Any] | None:
    if default is sys.modules["attr"].NOTHING:
        return None
    factory = getattr(default, "factory", None)
    if type(default).__name__ != "Factory" or factory is None:
        return functools.partial(_same, default)
    return None if default.takes_self else factory


def _struct(cls: type[Any]) -> Shape:
    fields = []
    for one in msgspec.structs.fields(cls):
        default: Callable[[], Any] | None = None
        if one.default_factory is not msgspec.NODEFAULT:
            default = one.default_factory
        elif one.default is not msgspec.NODEFAULT:
            default = functools.partial(_same, one.default)
        fields.append(Field(one.name, one.encode_name, one.name, default))
    is_plain = not hasattr(cls, "__post_init__")
    return Shape("struct", tuple(fields), is_plain, is_native=True, is_written=True, calls=True)


class ClassForm(NamedForm):
    """The form of a class with fields."""

    kinds = _OBJECT

    def __init__(self, cls: type[Any], hint: Any, shape: Shape, form_of: FormOf) -> None:
        super().__init__(cls)
        self.hint = hint
        self.is_native = shape.is_native
        self._shape = shape
        self._form_of = form_of
        self._fields: list[tuple[Field, Form]] = []
        self._state: list[tuple[str, str, Callable[[Any], Any]]] = []
        self._names: frozenset[str] = frozenset()
        self._room = 0  # how many attributes a `__dict__` has that holds nothing but fields
        self._exact: Callable[[Any], bool] = _never
        self._parts: list[tuple[str, Callable[[Any], Any]]] = []  # of the state, but for scalars
        config = getattr(cls, "__struct_config__", None)
        self._is_array = config is not None and config.array_like
        self._tag = (config.tag_field, config.tag) if config is not None and config.tag else None
        if self._is_array:
            self.kinds = frozenset({"array"})

    def prepare(self) -> None:
        for field in self._shape.fields:
            owner = _owner(self.cls, field.name)
            form = self._form_of(field.name, owner)
            self._fields.append((field, form))
            if field.is_state:
                self._state.append((field.name, field.key, form.encode))
        self._prepare_check()
        cached = inspect.getmembers_static(
            self.cls, lambda one: isinstance(one, functools.cached_property)
        )
        names = {name for name, _, _ in self._state}
        self._room = 0 if self._shape.kind == "struct" else len(self._state)
        self._names = frozenset(names | {name for name, _ in cached})

    def _prepare_check(self) -> None:
        """Prepare what tells whether msgspec can write an instance as it stands."""
        if not self._shape.is_written or not self._shape.is_plain:
            return
        scalars = [(f.name, form.hint) for f, form in self._fields if form.hint in _SCALARS]
        self._exact = _types_are(scalars)
        self._parts = [
            (f.name, form.encode) for f, form in self._fields if f.name not in dict(scalars)
        ]

    def children(self) -> Iterable[Form]:
        return [form for _, form in self._fields]

    def tag(self) -> tuple[str, Any] | None:
        """Return the field and the value by which msgspec tells Structs apart, if it does."""
        return self._tag

    def keys(self) -> Collection[str]:
        return [field.key for field, _ in self._fields]

    # -- writing

    def encode(self, value: Any) -> Any:
        if type(value) is not self.cls:
            return ANY.encode(value)
        if self._stands(value):
            return value
        data, is_whole = self._encoded(value)
        return data if is_whole and self._shape.is_plain else tagged(self.path, data)

    def encode_state(self, value: Any) -> Any:
        return value if self._stands(value) else self._encoded(value)[0]

    def _stands(self, value: Any) -> bool:
        """Whether msgspec writes the instance itself, every part exact."""
        try:
            if not self._has_just_fields(value) or not self._exact(value):
                return False
            for name, encode in self._parts:
                part = getattr(value, name)
                if encode(part) is not part:
                    return False
        except AttributeError:
            return False
        return True

    def _has_just_fields(self, value: Any) -> bool:
        """Whether an instance has each field as an attribute of its own, and no others.

        One that msgspec has read lacks those that it was not given: their defaults are the class's.
        """
        kept = getattr(value, "__dict__", None)
        return kept is None or len(kept) == self._room

    def _encoded(self, value: Any) -> tuple[Any, bool]:
        """Return the state, and whether it is just the fields."""
        data: dict[str, Any] = {}
        is_same = self._shape.is_written and self._has_just_fields(value)
        for name, key, encode in self._state:
            part = getattr(value, name, _MISSING)
            if part is not _MISSING:
                data[key] = encoded = encode(part)
                is_same = is_same and encoded is part
        more = getattr(value, "__dict__", {}).keys() - self._names
        if len(data) != len(self._state) or more:
            if self._is_array:
                raise unwritable(value, "lacks a field, or has attributes beside its fields")
            data |= {name: ANY.encode(getattr(value, name)) for name in sorted(more)}
            return data, False
        if is_same:
            return value, True
        if self._tag is not None:
            data = dict([self._tag]) | data
        return (list(data.values()) if self._is_array else data), True

    # -- reading

    def decode_plain(self, data: Any) -> Any:
        values = self._decoded(self._object(data))
        if self._shape.calls:
            given = {
                field.argument: values[field.name]
                for field, _ in self._fields
                if field.argument is not None and field.name in values
            }
            made = attempt(lambda: self.cls(**given), self.cls.__qualname__)
            for field, _ in self._fields:
                if field.argument is None and field.name in values:
                    object.__setattr__(made, field.name, values[field.name])
            return made
        self._fill(values)
        extra = [values.pop(field.name) for field, _ in self._fields if not field.is_state]
        made = _restored(self.cls, values)
        if hasattr(self.cls, "__post_init__"):
            attempt(lambda: made.__post_init__(*extra), self.cls.__qualname__)
        return made

    def decode_state(self, data: Any) -> Any:
        data = self._object(data)
        values = self._decoded(data)
        self._fill(values, state_only=True)
        known = {field.key for field, _ in self._fields}
        more = {key: ANY.decode(data[key]) for key in data if key not in known}
        if self._shape.kind == "struct":
            return self._struct(values, more)
        values |= more
        return attempt(lambda: _restored(self.cls, values), self.cls.__qualname__)

    def _struct(self, values: dict[str, Any], more: dict[str, Any]) -> Any:
        """Return a Struct; where `__post_init__` runs, its effects on the fields are undone."""
        made = attempt(lambda: self.cls(**values), self.cls.__qualname__)
        tag = self._tag and self._tag[0]
        if not self._shape.is_plain:
            for name, value in values.items():
                msgspec.structs.force_setattr(made, name, value)
        if hasattr(made, "__dict__"):
            made.__dict__.update((name, more[name]) for name in more if name != tag)
        return made

    def _object(self, data: Any) -> dict[str, Any]:
        if self._is_array and type(data) is list:
            keys = ([self._tag[0]] if self._tag else []) + [f.key for f, _ in self._fields]
            return dict(zip(keys, data, strict=False))
        if type(data) is not dict:
            raise misfit("object", data)
        return data

    def _decoded(self, data: dict[str, Any]) -> dict[str, Any]:
        if self._tag is not None and data.get(self._tag[0], self._tag[1]) != self._tag[1]:
            raise msgspec.ValidationError(f"Invalid value {data[self._tag[0]]!r} - at `$.type`")
        return {
            field.name: decode_at(form, data[field.key], f".{field.key}")
            for field, form in self._fields
            if field.key in data
        }

    def _fill(self, values: dict[str, Any], *, state_only: bool = False) -> None:
        """Add the defaults of fields that the data lacks."""
        for field, _ in self._fields:
            if field.name not in values and (field.is_state or not state_only):
                if field.default is not None:
                    values[field.name] = field.default()
                elif field.argument is not None:
                    raise msgspec.ValidationError(
                        f"Object missing required field `{field.key}` - at `$`"
                    )


_SCALARS = (str, int, bool, type(None))


def _never(_: Any) -> bool:
    return False


def _types_are(fields: list[tuple[str, type[Any]]]) -> Callable[[Any], bool]:
    """Return what tells whether an instance's attributes are exactly of these types."""
    if not fields:
        return lambda _: True
    names, kinds = zip(*fields, strict=True)
    get = attrgetter(*names)
    if len(names) == 1:
        return lambda value: type(get(value)) is kinds[0]
    return lambda value: tuple(map(type, get(value))) == kinds


def _owner(cls: type[Any], name: str) -> type[Any]:
    """Return the class whose body defines a field."""
    bases = [base for base in cls.__mro__ if name in raw_annotations(base)]
    return bases[0] if bases else cls


def _restored(cls: type[Any], values: dict[str, Any]) -> Any:
    made = object.__new__(cls)
    for name, value in values.items():
        object.__setattr__(made, name, value)
    return made
