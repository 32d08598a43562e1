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
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin

from .classes import DataclassForm, EnumForm, ModelForm, NamedTupleForm, TypedDictForm
from .containers import SCALARS, DictForm, ItemsForm, LiteralForm, ScalarForm, TupleForm
from .leaves import LEAVES
from .tags import ANY, Form, FormError, NamedForm, leaf_form
from .unions import union_form

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
    if not (isinstance(hint, type) or hasattr(hint, "__value__")):
        return _form(hint)
    if hint in _made:
        return _made[hint]
    form = _made[hint] = Form(hint)
    try:
        found = _form(hint)
    except FormError:
        del _made[hint]
        raise
    form.become(found)
    _made[hint] = found
    return found


def _form(hint: Any) -> Form:
    if hint in (Any, object, typing.Never, typing.NoReturn):
        return ANY
    if hint in SCALARS:
        return ScalarForm(hint)
    origin, args = get_origin(hint), get_args(hint)
    if isinstance(hint, TypeVar):
        return form_of(hint.__bound__) if hint.__bound__ else ANY
    if origin is Annotated or getattr(origin, "_name", None) in _WRAPPERS:
        return form_of(args[0])
    if origin in (Union, types.UnionType):
        return union_form(hint, tuple(dict.fromkeys(map(form_of, args))))
    if origin is Literal:
        return LiteralForm(hint)
    for name in ("__supertype__", "__value__"):  # NewType, and `type X = ...`
        if hasattr(hint, name):
            return form_of(getattr(hint, name))
    return _class_form(origin if isinstance(origin, type) else hint, hint, args)


def _class_form(cls: Any, hint: Any, args: tuple[Any, ...]) -> Form:
    if not isinstance(cls, type):
        raise FormError(f"{hint} is no type of values that can be carried")
    if cls is tuple:
        return _tuple_form(hint, args)
    if cls in _ITEMS:
        made, is_open = _ITEMS[cls]
        return ItemsForm(cls, made, form_of(args[0]) if args else ANY, is_open=is_open)
    if cls in _MAPPINGS:
        key, value = map(form_of, args) if args else (ANY, ANY)
        return DictForm(hint, key, value)
    if cls in LEAVES:
        return leaf_form(cls)
    return _user_form(cls, hint)


def _tuple_form(hint: Any, args: tuple[Any, ...]) -> Form:
    if args and args[-1] is not ...:
        return TupleForm(hint, [form_of(one) for one in args if one != ()])
    return ItemsForm(hint, tuple, form_of(args[0]) if args else ANY, is_open=False)


def _user_form(cls: Any, hint: Any) -> Form:
    if issubclass(cls, enum.Enum):
        return EnumForm(cls)
    if typing.is_typeddict(cls):
        return TypedDictForm(cls)
    if issubclass(cls, tuple) and hasattr(cls, "_fields"):
        return NamedTupleForm(cls)
    if dataclasses.is_dataclass(cls):
        return DataclassForm(cls)
    if hasattr(cls, "model_dump") and hasattr(cls, "model_validate"):
        return ModelForm(cls)
    is_stream = cls.__module__ == "collections.abc"
    if getattr(cls, "_is_protocol", False) or (inspect.isabstract(cls) and not is_stream):
        return ANY
    raise FormError(f"{hint} is of values that cannot be carried; use a dataclass")


def class_form(cls: type[Any]) -> NamedForm | None:
    """Return the form of a class that tagged data may name; None if it is of another kind."""
    try:
        form = form_of(cls)
    except FormError:
        return None
    return form if isinstance(form, NamedForm) else None


ANY.class_form = class_form
ANY.form_of = form_of
