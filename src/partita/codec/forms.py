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
from partita.codec.generics import Generics, bound_variables, has_variables
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
from partita.codec.wrappers import AliasForm, ConstrainedForm
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


_Make = Callable[[Mapping[Any, Form], Scope], Form]
"""Makes the form of a class, given the forms of its type variables."""


class Compiler:
    """Compile one hint, with all hints that it leads to."""

    def __init__(self, known: Mapping[Any, Form]) -> None:
        self.made: dict[Any, Form] = {}  # by hint
        self._known = known
        self._pending: list[Form] = []
        self._aliases: dict[tuple[str, str], AliasForm] = {}  # by module and text
        self._generics = Generics()

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
        key = hint if _can_be_key(hint) else None
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
        alias = self._aliases[key] = AliasForm(text)
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
            return ConstrainedForm(hint, form)
        return form

    def _union(self, hint: Any, args: tuple[Any, ...], scope: Scope) -> Form:
        members = tuple(dict.fromkeys(self.form(arg, scope) for arg in args))
        if ANY in members:
            return ANY
        return members[0] if len(members) == 1 else self._later(UnionForm(hint, members))

    def _alias(self, hint: Any, origin: Any, args: tuple[Any, ...], scope: Scope) -> Form:
        """Return the form of a `type X = ...`, which may contain itself."""
        alias = origin or hint
        variables = self._bind(alias.__type_params__, args, scope)
        key = self._generics.key(alias, variables, hint)
        if key in self._generics.forms:
            return self._generics.forms[key]
        made = self._generics.forms[key] = AliasForm(str(hint))
        inner = Scope(alias.__module__, local=scope.local, variables=variables)
        self._generics.forms[key] = made.form = self.form(alias.__value__, inner)
        return made.form

    def _bind(
        self, parameters: Iterable[Any], args: tuple[Any, ...], scope: Scope
    ) -> dict[Any, Form]:
        """Return the forms of type variables; those of a TypeVarTuple are not told apart."""
        bound = bound_variables(tuple(parameters), args)
        return {one: self.form(arg, scope) for one, arg in bound}

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
        if type(cls).__name__ == "_TypedDictMeta":  # of typing_extensions as well
            make = functools.partial(self._typed_dict, cls, hint)
            return self._generic_class(cls, hint, args, scope, make)
        if is_model(cls):
            return self._later(ModelForm(cls, functools.partial(self._lenient, cls, scope)))
        if issubclass(cls, tuple) and hasattr(cls, "_fields"):
            return self._generic_class(
                cls,
                hint,
                args,
                scope,
                lambda *of: NamedTupleForm(cls, hint, self._fields(cls, *of)),
            )
        shape = shape_of(cls)
        if shape is not None and not issubclass(cls, (*_STATEFUL, BaseException)):
            return self._generic_class(
                cls,
                hint,
                args,
                scope,
                lambda *of: ClassForm(cls, hint, shape, self._fields(cls, *of)),
            )
        for base in (str, int, float, bytes):
            if issubclass(cls, base) and shape is None:
                form = _SCALARS.get(base) or self.form(base, scope)
                return ScalarSubclassForm(cls, base, form)
        if hasattr(cls, "model_dump") and hasattr(cls, "model_validate"):
            return ForeignForm(cls)
        if _is_abstract(cls):
            return OpenForm(cls)
        raise UnsupportedHintError(shown(hint), _advice(cls))

    def _generic_class(
        self, cls: Any, hint: Any, args: tuple[Any, ...], scope: Scope, make: _Make
    ) -> Form:
        """Return the form of a class; it may contain itself, with the same arguments or others."""
        variables = self._bind(getattr(cls, "__parameters__", ()), args, scope)
        key = self._generics.key(cls, variables, hint)
        found = self._generics.forms.get(key)
        if found is None:
            found = self._generics.forms[key] = self._later(make(variables, scope))
        elif not has_variables(hint):
            found.hint = hint  # the type variables that it was first found by mean nothing outside
        return found

    def _fields(
        self, cls: type[Any], variables: Mapping[Any, Form], scope: Scope
    ) -> Callable[[str, type[Any]], Form]:
        """Return what compiles a class's fields, each where it was defined."""
        scopes = functools.cache(lambda: self._scopes(cls, variables, scope))  # bases may name cls

        def form_of(name: str, owner: type[Any]) -> Form:
            hint = _annotation(cls, owner, name)
            try:
                return self.form(hint, scopes().get(owner, scope))
            except UnsupportedHintError as error:
                raise error.inside(f"field {name!r} of {cls.__qualname__}") from error

        return form_of

    def _scopes(
        self, cls: type[Any], variables: Mapping[Any, Form], scope: Scope
    ) -> dict[type[Any], Scope]:
        """Return the scopes of a class and its bases, each with its type variables' forms."""
        found = {cls: scope.inside(cls, variables)}
        for base in getattr(cls, "__orig_bases__", ()):
            origin = get_origin(base)
            if isinstance(origin, type) and origin is not typing.Generic:
                parameters = getattr(origin, "__parameters__", ())
                bound = self._bind(parameters, get_args(base), found[cls])
                found |= self._scopes(origin, bound, found[cls])
        for one in cls.__mro__:
            if one not in found:
                found[one] = scope.inside(one, {})
        return found

    def _typed_dict(self, cls: Any, hint: Any, variables: Mapping[Any, Form], scope: Scope) -> Form:
        inner = scope.inside(cls, variables)

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

        return TypedDictForm(hint, forms)

    def _lenient(self, cls: type[Any], scope: Scope, hint: Any) -> Form:
        """Return the form of a model's field; types that pydantic alone knows go by their value."""
        try:
            return self.form(hint, scope.inside(cls, {}))
        except (UnsupportedHintError, UnresolvedName):
            return ANY


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
    if has_variables(form.hint):
        return False
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
