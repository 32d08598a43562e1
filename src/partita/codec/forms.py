"""Compile hints into forms, or refuse them.

A form is compiled once per hint and kept. Recursive types are possible: a class or an alias gets
its form first, and the forms of its parts afterwards.
"""

from __future__ import annotations

import collections
import collections.abc
import dataclasses
import enum
import functools
import numbers
import types
import typing
from collections.abc import Callable, Iterable, Mapping
from typing import Annotated, Any, ForwardRef, Literal, TypeVar, Union, get_args, get_origin

import msgspec

from partita.codec.classes import ClassForm, shape_of
from partita.codec.containers import DictForm, ItemsForm, TupleForm
from partita.codec.form import Form, shown
from partita.codec.hints import Scope, UnresolvedName, raw_annotations
from partita.codec.leaves import FloatForm, LeafForm, ScalarForm, leaf_of, writer_of
from partita.codec.named_values import (
    EnumForm,
    ForeignForm,
    LiteralForm,
    NamedTupleForm,
    OpenForm,
    ScalarSubclassForm,
    TypedDictForm,
)
from partita.codec.pydantic_models import ModelForm, is_model
from partita.codec.tagged import ANY
from partita.codec.unions import UnionForm
from partita.errors import UnsupportedHintError

_SCALARS: dict[Any, Form] = {
    str: ScalarForm(str, "string"),
    int: ScalarForm(int, "integer"),
    bool: ScalarForm(bool, "boolean"),
    type(None): ScalarForm(type(None), "null"),
    float: FloatForm(),
}
_ANYTHING = {Any, object, typing.NoReturn, typing.Never, typing.Self, collections.abc.Hashable}
_ANYTHING_NAMES = {"ParamSpecArgs", "ParamSpecKwargs", "TypeVarTuple", "UnpackedTuple"}
_abc = collections.abc
_ITEMS: dict[Any, tuple[type[Any], bool]] = {  # what untagged data becomes; is it open?
    list: (list, False),
    set: (set, False),
    frozenset: (frozenset, False),
    collections.deque: (collections.deque, False),
    _abc.MutableSequence: (list, True),
    _abc.Sequence: (list, True),
    _abc.Collection: (list, True),
    _abc.Iterable: (list, True),
    _abc.Container: (list, True),
    _abc.Reversible: (list, True),
    _abc.Set: (set, True),
    _abc.MutableSet: (set, True),
}
_DICTS: dict[Any, tuple[type[Any], bool]] = {
    dict: (dict, False),
    collections.OrderedDict: (collections.OrderedDict, False),
    collections.defaultdict: (collections.defaultdict, False),
    collections.Counter: (collections.Counter, False),
    _abc.Mapping: (dict, True),
    _abc.MutableMapping: (dict, True),
}
_WRAPPERS = {typing.Final, typing.ClassVar, typing.Required, typing.NotRequired}
_WRAPPER_NAMES = {"ReadOnly", "Required", "NotRequired"}  # of typing_extensions as well
_STATEFUL = (str, bytes, bytearray, int, float, complex, list, tuple, dict, set, frozenset)
_NEVER: dict[Any, str] = {
    **dict.fromkeys(
        (_abc.Callable,), "is of functions, which cannot be stored; give the name of one"
    ),
    **dict.fromkeys(
        (
            _abc.Iterator,
            _abc.Generator,
            _abc.AsyncIterator,
            _abc.AsyncGenerator,
            _abc.AsyncIterable,
        ),
        "is of a stream of values, which cannot be stored; give a list",
    ),
    **dict.fromkeys(
        (_abc.Awaitable, _abc.Coroutine), "is of something that runs, which cannot be stored"
    ),
    type: "is of classes, which cannot be stored; give the name of one",
}


class Compiler:
    """Compile one hint, with all hints that it leads to."""

    def __init__(self, known: Mapping[Any, Form]) -> None:
        self.made: dict[Any, Form] = {}  # by hint
        self._known = known
        self._pending: list[Form] = []
        self._aliases: dict[tuple[str, str], _Alias] = {}  # by module and text

    def compile(self, hint: Any, scope: Scope) -> Form:
        """Return the form of a hint and prepare all its parts.

        Raises:
            UnsupportedHintError: it is none that can be carried.
            UnresolvedName: it names something that is not known.
        """
        form = self.form(hint, scope)
        while self._pending:
            self._pending.pop().prepare()
        return form

    def form(self, hint: Any, scope: Scope) -> Form:
        """Return the form of a hint; its parts may not be prepared yet."""
        if isinstance(hint, str):
            return self._named(hint, scope)
        if isinstance(hint, ForwardRef):
            return self._named(hint.__forward_arg__, scope)
        if hint is None:
            hint = type(None)
        if isinstance(hint, TypeVar):
            return self._variable(hint, scope)
        if isinstance(hint, dataclasses.InitVar):
            return self.form(hint.type, scope)
        key = hint if _can_be_key(hint) and not scope.variables else None
        found = None if key is None else self.made.get(key) or self._known.get(key)
        if found is None:
            found = self._form(hint, scope)
            if key is not None:
                self.made[key] = found
        return found

    def _later(self, form: Form) -> Form:
        self._pending.append(form)
        return form

    def _named(self, text: str, scope: Scope) -> Form:
        key = (scope.module, text)
        if key in self._aliases:  # an alias that contains itself
            return self._aliases[key]
        alias = self._aliases[key] = _Alias(text)
        try:
            hint = scope.evaluate(text)
        except (UnresolvedName, UnsupportedHintError):
            raise
        except Exception as error:
            raise UnsupportedHintError(text, f"cannot be read: {error}") from error
        try:
            if isinstance(hint, str) and hint == text:
                raise UnsupportedHintError(text, "names itself")
            alias.form = self.form(hint, scope)
        finally:
            del self._aliases[key]
        return alias.form

    def _variable(self, hint: TypeVar, scope: Scope) -> Form:
        found = scope.variables.get(hint)
        if isinstance(found, Form):
            return found
        if hint.__constraints__:
            return self.form(Union[hint.__constraints__], scope)  # noqa: UP007
        return ANY if hint.__bound__ is None else self.form(hint.__bound__, scope)

    def _form(self, hint: Any, scope: Scope) -> Form:
        if _can_be_key(hint) and hint in _SCALARS:
            return _SCALARS[hint]
        if _can_be_key(hint) and hint in _ANYTHING:
            return ANY
        origin, args = get_origin(hint), get_args(hint)
        if type(hint).__name__ in _ANYTHING_NAMES or origin is typing.Unpack:
            return ANY
        if origin is Annotated:
            return self._annotated(hint, scope)
        if origin in (Union, types.UnionType):
            return self._union(hint, args, scope)
        if origin is Literal:
            return LiteralForm(hint, args)
        if origin in _WRAPPERS or getattr(origin, "_name", None) in _WRAPPER_NAMES:
            return self.form(args[0], scope)
        if hasattr(hint, "__supertype__"):
            return self.form(hint.__supertype__, scope)
        if hint is typing.LiteralString:
            return _SCALARS[str]
        if type(hint).__name__ == "TypeAliasType" or type(origin).__name__ == "TypeAliasType":
            return self._alias(hint, origin, args, scope)
        kind = origin if isinstance(origin, type) else hint
        if isinstance(kind, type):
            return self._class(kind, hint, args, scope)
        raise UnsupportedHintError(shown(hint), "is no type of values that can be stored")

    def _annotated(self, hint: Any, scope: Scope) -> Form:
        base, *extras = get_args(hint)
        form = self.form(base, scope)
        if form is not ANY and any(isinstance(one, msgspec.Meta) for one in extras):
            return _Constrained(hint, form)
        return form

    def _union(self, hint: Any, args: tuple[Any, ...], scope: Scope) -> Form:
        members = tuple(dict.fromkeys(self.form(arg, scope) for arg in args))
        if ANY in members:
            return ANY
        return members[0] if len(members) == 1 else self._later(UnionForm(hint, members))

    def _alias(self, hint: Any, origin: Any, args: tuple[Any, ...], scope: Scope) -> Form:
        """Return the form of a `type X = ...`, which may contain itself."""
        alias = origin or hint
        if (alias, args) in self.made:
            return self.made[alias, args]
        made = _Alias(str(hint))
        self.made[alias, args] = made
        variables = self._bind(alias.__type_params__, args, scope)
        inner = Scope(alias.__module__, local=scope.local, variables=variables)
        made.form = self.form(alias.__value__, inner)
        return made.form

    def _bind(self, parameters: Iterable[Any], args: tuple[Any, ...], scope: Scope) -> Any:
        """Return the forms of type variables."""
        return {one: self.form(arg, scope) for one, arg in zip(parameters, args, strict=False)}

    # -- classes

    def _class(self, kind: type[Any], hint: Any, args: tuple[Any, ...], scope: Scope) -> Form:
        if kind in _NEVER:
            raise UnsupportedHintError(shown(hint), _NEVER[kind])
        if kind is tuple:
            return self._tuple(hint, args, scope)
        if kind in _ITEMS:
            made, is_open = _ITEMS[kind]
            item = self.form(args[0], scope) if args else ANY
            return ItemsForm(kind if is_open else hint, made, item, is_open=is_open)
        if kind in _DICTS:
            return self._dict(kind, hint, args, scope)
        if leaf_of(kind) is not None:
            return LeafForm(kind, leaf_of(kind))  # type: ignore[arg-type]
        return self._user_class(kind, hint, args, scope)

    def _tuple(self, hint: Any, args: tuple[Any, ...], scope: Scope) -> Form:
        if len(args) == 2 and args[1] is ...:
            return ItemsForm(hint, tuple, self.form(args[0], scope))
        if not args and hint in (tuple, typing.Tuple):  # noqa: UP006
            return ItemsForm(tuple, tuple, ANY)
        if any(get_origin(arg) is typing.Unpack for arg in args) or hint is tuple:
            return ItemsForm(tuple, tuple, ANY)
        return TupleForm(hint, tuple(self.form(arg, scope) for arg in args))

    def _dict(self, kind: type[Any], hint: Any, args: tuple[Any, ...], scope: Scope) -> Form:
        made, is_open = _DICTS[kind]
        key = self.form(args[0], scope) if args else ANY
        value = self.form(args[1], scope) if len(args) > 1 else ANY
        if kind is collections.Counter:
            value = _SCALARS[int]
        return DictForm(kind if is_open else hint, made, key, value, is_open=is_open)

    def _user_class(self, cls: Any, hint: Any, args: tuple[Any, ...], scope: Scope) -> Form:
        if issubclass(cls, enum.Enum):
            return EnumForm(cls)
        if typing.is_typeddict(cls):
            return self._typed_dict(cls, hint, args, scope)
        if issubclass(cls, tuple) and hasattr(cls, "_fields"):
            return self._later(NamedTupleForm(cls, self._fields(cls, args, scope)))
        if is_model(cls):
            return self._later(ModelForm(cls, functools.partial(self._lenient, cls, scope)))
        shape = shape_of(cls)
        if shape is not None and not issubclass(cls, (*_STATEFUL, BaseException)):
            fields = self._fields(cls, args, scope)
            return self._later(ClassForm(cls, hint, shape, fields))
        for base in (str, int, float, bytes):
            if issubclass(cls, base) and shape is None:
                form = _SCALARS.get(base) or self.form(base, scope)
                return ScalarSubclassForm(cls, base, form)
        if hasattr(cls, "model_dump") and hasattr(cls, "model_validate"):
            return ForeignForm(cls)
        if _is_abstract(cls):
            return OpenForm(cls)
        raise UnsupportedHintError(shown(hint), _advice(cls))

    def _fields(
        self, cls: type[Any], args: tuple[Any, ...], scope: Scope
    ) -> Callable[[str, type[Any]], Form]:
        """Return what compiles a class's fields, each where it was defined."""
        scopes = self._scopes(cls, args, scope)

        def form_of(name: str, owner: type[Any]) -> Form:
            hint = _annotation(cls, owner, name)
            try:
                return self.form(hint, scopes.get(owner, scope))
            except UnsupportedHintError as error:
                raise error.inside(f"field {name!r} of {cls.__qualname__}") from error

        return form_of

    def _scopes(
        self, cls: type[Any], args: tuple[Any, ...], scope: Scope
    ) -> dict[type[Any], Scope]:
        """Return the scopes of a class and its bases, each with its type variables' forms."""
        parameters = getattr(cls, "__parameters__", ())
        found = {cls: scope.inside(cls, self._bind(parameters, args, scope))}
        for base in getattr(cls, "__orig_bases__", ()):
            origin = get_origin(base)
            if isinstance(origin, type) and origin is not typing.Generic:
                found |= self._scopes(origin, get_args(base), found[cls])
        for one in cls.__mro__:
            if one not in found:
                found[one] = scope.inside(one, {})
        return found

    def _typed_dict(self, cls: Any, hint: Any, args: tuple[Any, ...], scope: Scope) -> Form:
        inner = scope.inside(cls, self._bind(getattr(cls, "__parameters__", ()), args, scope))

        def forms() -> tuple[dict[str, Form], set[str]]:
            required = set(cls.__required_keys__)
            for name, one in raw_annotations(cls).items():
                text = getattr(one, "__forward_arg__", one)
                found = inner.evaluate(text) if isinstance(text, str) else one
                if get_origin(found) in (typing.NotRequired, typing.Required):
                    is_required = get_origin(found) is typing.Required
                    required = required | {name} if is_required else required - {name}
            hints = raw_annotations(cls).items()
            return {name: self.form(one, inner) for name, one in hints}, required

        return self._later(TypedDictForm(hint, forms))

    def _lenient(self, cls: type[Any], scope: Scope, hint: Any) -> Form:
        """Return the form of a model's field; types that pydantic alone knows go by their value."""
        try:
            return self.form(hint, scope.inside(cls, {}))
        except (UnsupportedHintError, UnresolvedName):
            return ANY


class _Alias(Form):
    """The place of a form that is being compiled."""

    def __init__(self, text: str) -> None:
        self.hint = text
        self.form: Form = ANY

    def children(self) -> Iterable[Form]:
        return (self.form,)

    def fits(self, value: Any) -> bool:
        return self.form.fits(value)

    def encode(self, value: Any) -> Any:
        return self.form.encode(value)

    def decode(self, data: Any) -> Any:
        return self.form.decode(data)


class _Constrained(Form):
    """A form with msgspec's constraints, which are checked on reading."""

    def __init__(self, hint: Any, form: Form) -> None:
        self.hint = hint
        self.kinds = form.kinds
        self.is_native = form.is_native
        self.is_key = form.is_key
        self._form = form

    def children(self) -> Iterable[Form]:
        return (self._form,)

    def fits(self, value: Any) -> bool:
        return self._form.fits(value)

    def encode(self, value: Any) -> Any:
        return self._form.encode(value)

    def decode(self, data: Any) -> Any:
        value = self._form.decode(data)
        if self.is_native and type(value) is type(data):
            msgspec.convert(data, self.hint)
        return value


def _can_be_key(hint: Any) -> bool:
    """Whether a hint says the same wherever it stands."""
    if isinstance(hint, (str, ForwardRef, TypeVar)) or not isinstance(hint, _abc.Hashable):
        return False
    if get_origin(hint) in (Union, types.UnionType):
        return False  # equal to those with another order of members
    if isinstance(hint, type) and not hasattr(hint, "__args__"):
        return True
    try:
        hash(hint)
    except TypeError:
        return False
    return all(
        _can_be_key(arg)
        for arg in get_args(hint)
        if get_origin(hint) is not Literal and not isinstance(arg, list)
    )


def _annotation(cls: type[Any], owner: type[Any], name: str) -> Any:
    found = raw_annotations(owner)
    if name in found:
        return found[name]
    fields = {one.name: one for one in getattr(cls, "__attrs_attrs__", ())}
    return (fields[name].type if name in fields else None) or Any


def _is_abstract(cls: type[Any]) -> bool:
    is_protocol = getattr(cls, "_is_protocol", False)
    return bool(is_protocol or getattr(cls, "__abstractmethods__", None)) or cls in (
        numbers.Number,
        numbers.Complex,
        numbers.Real,
        numbers.Rational,
        numbers.Integral,
    )


def _advice(cls: type[Any]) -> str:
    if issubclass(cls, BaseException):
        return "is an exception; raise it, or give its arguments"
    if issubclass(cls, _STATEFUL):
        base = next(one for one in cls.__mro__ if one in _STATEFUL)
        return f"is a subclass of {base.__name__}, which would be lost; use {base.__name__} itself"
    return "has no JSON form"


# -- forms that are kept -------------------------------------------------------------------

_forms: dict[Any, Form] = dict(_SCALARS)
_EVERYWHERE = Scope("builtins")


def form_of(hint: Any, scope: Scope | None = None) -> Form:
    """Return the form of a hint.

    Raises:
        UnsupportedHintError: it is none that can be carried.
        UnresolvedName: it names something that is not known.
    """
    try:
        found = _forms.get(hint)
    except TypeError:  # it cannot be hashed
        found = None
    if found is not None:
        return found
    compiler = Compiler(_forms)
    form = compiler.compile(hint, scope or _EVERYWHERE)
    _forms.update(compiler.made)
    if _can_be_key(hint):
        _forms[hint] = form
    return form


def form_of_class(cls: type[Any]) -> Form:
    """Return the form of a value's own class."""
    writer = writer_of(cls)
    if writer is not None:
        ANY.writers[cls] = writer
    try:
        return form_of(cls)
    except UnresolvedName as error:
        raise UnsupportedHintError(
            shown(cls), f"has a field whose hint names {error.name}, which is not defined"
        ) from None


ANY.form_of_class = form_of_class


def is_native(form: Form) -> bool:
    """Whether msgspec reads untagged text as the form does, all its parts included."""
    seen: set[int] = set()
    pending = [form]
    while pending:
        one = pending.pop()
        if not one.is_native:
            return False
        if id(one) not in seen:
            seen.add(id(one))
            pending.extend(one.children())
    return True
