"""Write and read values by type hints, with nothing but the standard library.

The forms are those of `partita.codec`: what JSON has itself is plain, what a hint announces is
written as the hint says, and all else is tagged, as in `{"$partita": "tuple", "value": [1, 2]}`.
"""

from __future__ import annotations

import collections
import collections.abc
import dataclasses
import enum
import inspect
import types
import typing
from collections.abc import Callable, Iterable
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin

from .tags import ANY, LEAVES, TAG, Form, FormError, NamedForm, leaf_form, tag_of, tagged
from .unions import union_form

_SCALARS: dict[Any, frozenset[str]] = {
    str: frozenset({"string"}),
    int: frozenset({"integer"}),
    bool: frozenset({"boolean"}),
    type(None): frozenset({"null"}),
    float: frozenset({"integer", "float"}),
}
_ABC = collections.abc
_ITEMS: dict[Any, tuple[type[Any], bool]] = {  # what untagged data becomes; is it open?
    list: (list, False),
    set: (set, False),
    frozenset: (frozenset, False),
    _ABC.MutableSequence: (list, True),
    _ABC.Sequence: (list, True),
    _ABC.Collection: (list, True),
    _ABC.Iterable: (list, True),
    _ABC.Set: (set, True),
    _ABC.MutableSet: (set, True),
}
_MAPPINGS = (dict, _ABC.Mapping, _ABC.MutableMapping)
_WRAPPERS = {"Final", "ClassVar", "Required", "NotRequired", "ReadOnly"}
_made: dict[Any, Form] = {}


def form_of(hint: Any) -> Form:
    """Return the form of a hint.

    Raises:
        FormError: it is of values that cannot be carried.
    """
    hint = type(None) if hint is None else hint
    try:
        if hint in _made:
            return _made[hint]
    except TypeError:
        return _form(hint)
    form = _made[hint] = Form(hint)
    found = _form(hint)
    form.become(found)
    _made[hint] = found
    return found


def _form(hint: Any) -> Form:
    if hint in (Any, object, typing.Never, typing.NoReturn):
        return ANY
    if hint in _SCALARS:
        return _Scalar(hint)
    origin, args = get_origin(hint), get_args(hint)
    if isinstance(hint, TypeVar):
        return form_of(hint.__bound__) if hint.__bound__ else ANY
    if origin is Annotated or getattr(origin, "_name", None) in _WRAPPERS:
        return form_of(args[0])
    if origin in (Union, types.UnionType):
        return union_form(hint, tuple(dict.fromkeys(map(form_of, args))))
    if origin is Literal:
        return _Literal(hint)
    for name in ("__supertype__", "__value__"):  # NewType, and `type X = ...`
        if hasattr(hint, name):
            return form_of(getattr(hint, name))
    return _class_form(origin if isinstance(origin, type) else hint, hint, args)


def _class_form(cls: Any, hint: Any, args: tuple[Any, ...]) -> Form:
    if not isinstance(cls, type):
        raise FormError(f"{hint} is no type of values that can be carried")
    if cls is tuple:
        is_fixed = args and args[-1] is not ...
        items = form_of(args[0]) if args and not is_fixed else ANY
        return _Tuple(hint, args) if is_fixed else _Items(hint, tuple, items, is_open=False)
    if cls in _ITEMS:
        made, is_open = _ITEMS[cls]
        return _Items(cls, made, form_of(args[0]) if args else ANY, is_open=is_open)
    if cls in _MAPPINGS:
        key, value = map(form_of, args) if args else (ANY, ANY)
        return _Dict(hint, key, value)
    if cls in LEAVES:
        return leaf_form(cls)
    return _user_form(cls, hint)


def _user_form(cls: Any, hint: Any) -> Form:
    if issubclass(cls, enum.Enum):
        return _Enum(cls)
    if typing.is_typeddict(cls):
        return _TypedDict(cls)
    if issubclass(cls, tuple) and hasattr(cls, "_fields"):
        return _NamedTuple(cls)
    if dataclasses.is_dataclass(cls):
        return _Dataclass(cls)
    if hasattr(cls, "model_dump") and hasattr(cls, "model_validate"):
        return _Model(cls)
    if getattr(cls, "_is_protocol", False) or inspect.isabstract(cls):
        return ANY
    raise FormError(f"{hint} is of values that cannot be carried; use a dataclass")


# -- what JSON has itself


class _Scalar(Form):
    """str, int, bool, None and float."""

    def __init__(self, kind: Any) -> None:
        super().__init__(kind, _SCALARS[kind])
        self.is_key = kind in (str, int, float)

    def fits(self, value: Any) -> bool:
        return type(value) is self.hint

    def encode(self, value: Any) -> Any:
        return ANY.encode(value)

    def decode(self, data: Any) -> Any:
        value = ANY.decode(data)
        if type(value) is self.hint:
            return value
        if self.hint is float and type(value) is int:
            return float(value)
        if self.hint is int and type(value) is float and value.is_integer():
            return int(value)
        if tag_of(data) is not None and isinstance(value, self.hint):
            return value
        raise self.misfit(value)


class _Literal(Form):
    """One of some values."""

    def __init__(self, hint: Any) -> None:
        kinds = {str: "string", int: "integer", bool: "boolean", type(None): "null"}
        found = (kinds.get(type(one)) for one in get_args(hint))
        super().__init__(hint, frozenset(one for one in found if one))

    def fits(self, value: Any) -> bool:
        return any(type(value) is type(one) and value == one for one in get_args(self.hint))

    def encode(self, value: Any) -> Any:
        return ANY.encode(value)

    def decode(self, data: Any) -> Any:
        value = ANY.decode(data)
        if self.fits(value):
            return value
        for one in get_args(self.hint):
            if isinstance(one, enum.Enum) and type(data) is type(one.value) and data == one.value:
                return one
        raise FormError(f"invalid value {value!r} for {self.hint}")


# -- containers


class _Items(Form):
    """Lists, tuples of any length, sets."""

    def __init__(self, hint: Any, kind: type[Any], item: Form, *, is_open: bool) -> None:
        super().__init__(hint, frozenset({"array"}))
        self.kind, self.item, self.is_open = kind, item, is_open
        self._alike = (set, frozenset) if kind in (set, frozenset) else (list, tuple)

    def fits(self, value: Any) -> bool:
        is_kind = isinstance(value, self.hint) if self.is_open else type(value) is self.kind
        return is_kind and all(map(self.item.fits, value))

    def encode(self, value: Any) -> Any:
        kind = type(value)
        if kind is self.kind or (not self.is_open and kind in self._alike):
            return [self.item.encode(one) for one in value]
        if kind in (tuple, set, frozenset) and self._takes(kind):
            return tagged(kind.__name__, [self.item.encode(one) for one in value])
        return ANY.encode(value)

    def decode(self, data: Any) -> Any:
        name = tag_of(data)
        if name is None and type(data) is list:
            return self.kind(self._items(data))
        for kind in (tuple, set, frozenset):
            if name == kind.__name__ and self._takes(kind):
                return kind(self._items(data["value"]))
        value = ANY.decode(data)
        if isinstance(value, self.hint if self.is_open else self.kind):
            return value
        raise self.misfit(value)

    def _items(self, data: list[Any]) -> Iterable[Any]:
        return [self.item.decode_at(one, f"[{number}]") for number, one in enumerate(data)]

    def _takes(self, kind: type[Any]) -> bool:
        return issubclass(kind, self.hint) if self.is_open else kind in self._alike


class _Tuple(Form):
    """A tuple of fixed length."""

    def __init__(self, hint: Any, args: tuple[Any, ...]) -> None:
        super().__init__(hint, frozenset({"array"}))
        self.items = [] if args == ((),) else [form_of(one) for one in args]

    def fits(self, value: Any) -> bool:
        is_tuple = type(value) is tuple and len(value) == len(self.items)
        return is_tuple and all(one.fits(v) for one, v in zip(self.items, value, strict=True))

    def encode(self, value: Any) -> Any:
        if type(value) not in (list, tuple) or len(value) != len(self.items):
            return ANY.encode(value)
        return [one.encode(v) for one, v in zip(self.items, value, strict=True)]

    def decode(self, data: Any) -> Any:
        data = data["value"] if tag_of(data) == "tuple" else data
        if type(data) is not list or len(data) != len(self.items):
            raise FormError(f"expected {len(self.items)} items, got {str(data)[:80]}")
        pairs = enumerate(zip(self.items, data, strict=True))
        return tuple(one.decode_at(v, f"[{number}]") for number, (one, v) in pairs)


class _Dict(Form):
    """Dictionaries: objects if the keys can be an object's, else tagged pairs."""

    def __init__(self, hint: Any, key: Form, value: Form) -> None:
        super().__init__(hint, frozenset({"object"}))
        self.key, self.value = key, value

    def fits(self, value: Any) -> bool:
        if type(value) is not dict:
            return False
        return all(map(self.key.fits, value)) and all(map(self.value.fits, value.values()))

    def encode(self, value: Any) -> Any:
        if type(value) is not dict:
            return ANY.encode(value)
        keys = [self._written(one) for one in value]
        values = [self.value.encode(one) for one in value.values()]
        if all(type(one) is str for one in keys) and TAG not in keys:
            return dict(zip(keys, values, strict=True))
        pairs = zip(map(self.key.encode, value), values, strict=True)
        return tagged("dict", [list(pair) for pair in pairs])

    def _written(self, key: Any) -> Any:
        """Return a key as an object's key; anything but a string if it cannot be one."""
        if self.key is ANY or self.key.hint is str:
            return key
        if not (self.key.is_key and self.key.fits(key)):
            return None
        data = self.key.encode(key)
        return data if type(data) is str else str(data) if type(data) in (int, float) else None

    def decode(self, data: Any) -> Any:
        name = tag_of(data)
        if name is None and type(data) is dict:
            return {self._key(k): self.value.decode_at(v, f".{k}") for k, v in data.items()}
        pairs = data["value"] if name == "dict" else data
        if type(pairs) is not list or (name is None and self.key.is_key):
            value = ANY.decode(data)
            if isinstance(value, dict):
                return value
            raise self.misfit(value)
        return {self.key.decode(k): self.value.decode_at(v, "[...]") for k, v in pairs}

    def _key(self, text: str) -> Any:
        if self.key.kinds <= {"integer", "float"}:
            try:
                return self.key.decode(int(text) if "integer" in self.key.kinds else float(text))
            except ValueError:
                return self.key.decode(float(text))
        return text if self.key is ANY else self.key.decode(text)


class _TypedDict(Form):
    """A TypedDict; keys that it does not declare are kept in tagged pairs."""

    def __init__(self, cls: Any) -> None:
        super().__init__(cls, frozenset({"object"}))
        self._forms: dict[str, Form] = {}

    def forms(self) -> dict[str, Form]:
        """Return the forms by key."""
        if not self._forms:
            self._forms = {k: form_of(one) for k, one in typing.get_type_hints(self.hint).items()}
        return self._forms

    def fits(self, value: Any) -> bool:
        if type(value) is not dict or not value.keys() <= self.forms().keys():
            return False
        required = self.hint.__required_keys__ <= value.keys()
        return required and all(self.forms()[key].fits(one) for key, one in value.items())

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
        for key in sorted(self.hint.__required_keys__ - members.keys()):
            raise FormError(f"the member {key} is missing")
        return {k: self.forms().get(k, ANY).decode_at(v, f".{k}") for k, v in members.items()}


# -- classes


class _Enum(NamedForm):
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


class _NamedTuple(NamedForm):
    """A named tuple: an array of its fields."""

    def __init__(self, cls: Any) -> None:
        super().__init__(cls, frozenset({"array"}))

    def _forms(self) -> list[Form]:
        hints = typing.get_type_hints(self.cls)
        return [form_of(hints.get(name, Any)) for name in self.cls._fields]

    def state(self, value: Any) -> Any:
        return [one.encode(v) for one, v in zip(self._forms(), value, strict=True)]

    def plain(self, data: Any) -> Any:
        names = self.cls._fields
        missing = [self.cls._field_defaults.get(one, ...) for one in names[len(data) :]]
        if type(data) is not list or len(data) > len(names) or ... in missing:
            raise FormError(f"expected {len(names)} items, got {str(data)[:80]}")
        given = [one.decode(v) for one, v in zip(self._forms(), data, strict=False)]
        return tuple.__new__(self.cls, (*given, *missing))


class _Model(NamedForm):
    """A class that reads and writes itself by `model_validate` and `model_dump`."""

    def state(self, value: Any) -> Any:
        return value.model_dump(mode="json")

    def plain(self, data: Any) -> Any:
        try:
            return self.cls.model_validate(data)
        except ValueError as error:
            raise FormError(" ".join(str(error).split())) from error


class _Dataclass(NamedForm):
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
            self._forms = {name: form_of(hint) for name, hint in bare.items()}
        return self._forms

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


def class_form(cls: type[Any]) -> NamedForm | None:
    """Return the form of a class that tagged data may name; None if it is of another kind."""
    try:
        form = form_of(cls)
    except FormError:
        return None
    return form if isinstance(form, NamedForm) else None


_: Callable[[type[Any]], NamedForm | None] = class_form
ANY.class_form = class_form
