"""Convert the arguments of a call to a payload value and back, by the function's signature.

The value is a JSON list where all arguments are positional, else
`{"args": [...], "kwargs": {...}}`. Each argument is written and read by its parameter's hint.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from types import UnionType
from typing import Any, Union, get_args, get_origin

import msgspec

from partita.authoring.results import Result
from partita.codec import ANY, Converter, Form, Reader, form_of, reader_of
from partita.codec.form import shown
from partita.codec.hints import UnresolvedName, function_scope, local_names, raw_annotations
from partita.errors import InvalidInputError, SerializationError, UnsupportedHintError

_raw_list = msgspec.json.Decoder(list[msgspec.Raw]).decode
_POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


_SURE = frozenset({str, int, bool, type(None)})
"""Types whose exact instances can be read by themselves as a hint."""


class _Call(msgspec.Struct, forbid_unknown_fields=True):
    args: list[msgspec.Raw] = []
    kwargs: dict[str, msgspec.Raw] = {}


_read_any = reader_of(ANY)
_call = msgspec.json.Decoder(_Call).decode


def _value_of(hint: Any) -> Any:
    """Return a result's type without the `Result` classes that an activity may return."""
    if isinstance(hint, type) and issubclass(hint, Result):
        return Any
    if get_origin(hint) not in (Union, UnionType):
        return hint
    values = [
        one for one in get_args(hint) if not (isinstance(one, type) and issubclass(one, Result))
    ]
    if len(values) == len(get_args(hint)):
        return hint
    return Union[tuple(values)] if values else Any  # noqa: UP007


class ArgumentsForm(Form):
    """The form of what `Signature.bind` returns: only for writing."""

    def __init__(
        self, positional: list[Form], rest: Form = ANY, named: dict[str, Form] | None = None
    ) -> None:
        self._positional = [form.encode for form in positional]
        self._rest = rest  # of further positional arguments
        self._named = named or {}

    def encode(self, value: Any) -> Any:
        if isinstance(value, dict):
            named = {
                name: self._named.get(name, ANY).encode(one)
                for name, one in value["kwargs"].items()
            }
            return {"args": self._listed(value["args"]), "kwargs": named}
        return self._listed(value)

    def _listed(self, args: Any) -> list[Any]:
        given = [encode(one) for encode, one in zip(self._positional, args, strict=False)]
        if len(args) == len(given):
            return given
        return [*given, *map(self._rest.encode, args[len(given) :])]


UNTYPED_ARGUMENTS = ArgumentsForm([])
"""The form of arguments of a function that is not known here."""


class Signature:
    """The parameters and the result of a function."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function
        self.name = function.__qualname__
        self._local = local_names(function)
        self._is_checked = False
        self._signature = inspect.signature(function)
        parameters = self._signature.parameters.values()
        self._positional = [p.name for p in parameters if p.kind in _POSITIONAL]
        self._required = sum(p.kind in _POSITIONAL and p.default is p.empty for p in parameters)
        self._plain = all(
            p.kind in _POSITIONAL or p.default is not p.empty for p in parameters
        ) and all(p.kind is not p.VAR_POSITIONAL for p in parameters)
        self._variadic = next((p.name for p in parameters if p.kind is p.VAR_POSITIONAL), None)
        self._named = {
            p.name for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)
        }
        self._keywords = next((p.name for p in parameters if p.kind is p.VAR_KEYWORD), None)

    # -- hints, read late, since they may name what is defined further down

    @functools.cached_property
    def _hints(self) -> dict[str, Any]:
        return raw_annotations(_annotated(self.function))

    @functools.cached_property
    def _forms(self) -> dict[str, Form]:
        return {name: self._form(name) for name in self._hints if name != "return"}

    @functools.cached_property
    def _readers(self) -> dict[str, Reader]:
        return {name: reader_of(form) for name, form in self._forms.items()}

    @functools.cached_property
    def _in_order(self) -> list[tuple[str, Reader]]:
        """The positional parameters and their readers."""
        return [(name, self._readers.get(name, _read_any)) for name in self._positional]

    @functools.cached_property
    def result_form(self) -> Form:
        """The form of the function's result."""
        return self._form("return")

    @functools.cached_property
    def arguments(self) -> Form:
        """The form of what `bind` returns."""
        positional = [self._forms.get(name, ANY) for name in self._positional]
        named = _Named({name: self._forms.get(name, ANY) for name in self._named})
        named.default = self._forms.get(self._keywords or "", ANY)
        return ArgumentsForm(positional, self._forms.get(self._variadic or "", ANY), named)

    @functools.cached_property
    def decode_result(self) -> Callable[[str], Any]:
        """The decoder of the function's result."""
        return reader_of(self.result_form)

    def check(self) -> None:
        """Refuse hints of values that cannot be stored, and names that will never be defined.

        Raises:
            UnsupportedHintError: there is one; it names the function and the parameter.
        """
        for name in self._hints:
            try:
                self._compiled(name, may_import=False)
            except UnresolvedName as error:
                if not error.may_come:
                    raise self._unresolved(name, error) from None
        self._is_checked = True

    def _form(self, name: str) -> Form:
        try:
            return self._compiled(name)
        except UnresolvedName as error:
            if self._is_checked:
                raise self._unresolved(name, error) from None
            return ANY

    def _compiled(self, name: str, *, may_import: bool = True) -> Form:
        scope = function_scope(self.function, self._local, may_import=may_import)
        hint = self._hints.get(name, Any)
        try:
            if name == "return":
                hint = _value_of(scope.evaluate(hint) if isinstance(hint, str) else hint)
            return form_of(hint, scope)
        except UnsupportedHintError as error:
            raise error.inside(self._where(name)) from error

    def _where(self, name: str) -> str:
        if name == "return":
            return f"the result of {self.name}"
        return f"parameter {name!r} of {self.name}"

    def _unresolved(self, name: str, error: UnresolvedName) -> UnsupportedHintError:
        reason = f"names {error.name}, which is not defined; import it, or define it in a module"
        return UnsupportedHintError(shown(self._hints[name]), reason, self._where(name))

    def load_result(self, converter: Converter, payload: str | None, what: str) -> Any:
        """Return the result in a payload, read by the return hint.

        Raises:
            InvalidInputError: it does not fit the hint.
        """
        try:
            return converter.load(payload, self.decode_result, what)
        except InvalidInputError as error:
            raise InvalidInputError(f"{error}; return what the hint says, or correct it") from error

    def check_result(self, converter: Converter, result: Any, payload: str, what: str) -> None:
        """Check that a result, whose payload this is, can be read by the return hint.

        Raises:
            InvalidInputError: it cannot, so that no one could ever read it.
        """
        form = self.result_form
        if form is not ANY and not (form.hint is type(result) and form.hint in _SURE):
            self.load_result(converter, payload, what)

    def dump_answer(self, converter: Converter, answer: Any, what: str) -> str:
        """Return the payload of an answer to a client that does not know the return hint.

        The answer is first read by the hint, as a caller in the same process sees it.

        Raises:
            SerializationError: some part of it cannot be stored.
            InvalidInputError: it does not fit the hint.
        """
        form = self.result_form
        payload = converter.dump(answer, what, form)
        if form is ANY or (form.hint is type(answer) and form.hint in _SURE):
            return payload
        answer = self.load_result(converter, payload, what)
        try:
            return converter.dump(answer, what, ANY)
        except SerializationError:  # a class inside a function, which only the hint can name
            return payload

    @property
    def names(self) -> list[str]:
        """The names of the parameters, in order."""
        return list(self._signature.parameters)

    def takes(self, name: str) -> bool:
        """Return whether an argument can be given by that name."""
        return name in self._named or self._keywords is not None

    @functools.cached_property
    def has_types(self) -> bool:
        """Whether an argument can have a wrong type."""
        return any(form is not ANY for form in self._forms.values())

    def bind(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Return the call as a payload value.

        Raises:
            TypeError: the arguments do not fit the parameters.
        """
        if self._plain and not kwargs and self._required <= len(args) <= len(self._positional):
            return args
        try:
            bound = self._signature.bind(*args, **kwargs)
        except TypeError as error:
            raise self._refusal(args, kwargs, error) from None
        if bound.kwargs:
            return {"args": list(bound.args), "kwargs": bound.kwargs}
        return bound.args

    def _refusal(
        self, args: tuple[Any, ...], kwargs: dict[str, Any], error: TypeError
    ) -> TypeError:
        """Return the error of a call that does not fit, with the text that Python gives it."""
        name: str = getattr(self.function, "__name__", self.name)
        try:
            inspect.getcallargs(self.function, *args, **kwargs)
        except TypeError as own:
            if str(own).startswith(f"{name}() "):
                return TypeError(self.name + str(own).removeprefix(name))
        return TypeError(f"{self.name}(): {error}")

    def load(self, converter: Converter, payload: str | None) -> tuple[list[Any], dict[str, Any]]:
        """Return the arguments in a payload, each decoded by its parameter's type.

        Raises:
            InvalidInputError: it has another form, or an argument does not fit.
        """
        text = "[]" if payload is None else converter.text(payload)
        try:
            call = _Call(_raw_list(text)) if text.lstrip()[:1] == "[" else _call(text)
        except msgspec.MsgspecError as error:
            raise InvalidInputError(
                f"the input of {self.name} is not a JSON list of its arguments, "
                f'nor {{"args": [...], "kwargs": {{...}}}}: {error}'
            ) from error
        if (
            self._plain
            and not call.kwargs
            and self._required <= len(call.args) <= len(self._positional)
        ):
            pairs = zip(self._in_order, call.args, strict=False)
            return [self._argument(name, read, raw) for (name, read), raw in pairs], {}
        self._check_names(call)
        args = [self._given(self._name_of(i), raw) for i, raw in enumerate(call.args)]
        kwargs = {
            name: self._given(self._parameter(name), raw, name) for name, raw in call.kwargs.items()
        }
        return args, kwargs

    def _parameter(self, name: str) -> str | None:
        """Return the parameter that takes an argument given by name."""
        return name if name in self._named else self._keywords

    def _check_names(self, call: _Call) -> None:
        try:
            self._signature.bind(*call.args, **call.kwargs)
        except TypeError as error:
            raise InvalidInputError(
                f"the input does not fit {self.name}{self._signature}: {error}"
            ) from error

    def _name_of(self, position: int) -> str | None:
        return self._positional[position] if position < len(self._positional) else self._variadic

    def _given(self, parameter: str | None, raw: msgspec.Raw, shown: str | None = None) -> Any:
        """Return an argument; `shown` is the name that it was given by."""
        reader = self._readers.get(parameter or "", _read_any)
        return self._argument(shown or parameter, reader, raw)

    def _argument(self, name: str | None, reader: Reader, raw: msgspec.Raw) -> Any:
        try:
            return reader(bytes(raw).decode())
        except (msgspec.MsgspecError, NotImplementedError, ValueError, TypeError) as error:
            raise InvalidInputError(f"argument {name!r} of {self.name}: {error}") from error


_KEPT = "_partita_signature"
"""The attribute of a handler that holds its signature, made while its local names were known."""


def keep_signature(function: Callable[..., Any]) -> None:
    """Check the hints of a handler, and keep what they mean.

    Raises:
        UnsupportedHintError: one is of values that cannot be stored.
    """
    signature = Signature(function)
    signature.check()
    if inspect.isfunction(function):
        setattr(function, _KEPT, signature)


def signature_of(function: Callable[..., Any]) -> Signature:
    """Return the signature of a handler."""
    kept = vars(function).get(_KEPT) if inspect.isfunction(function) else None
    if isinstance(kept, Signature) and kept.function is function:
        return kept
    return Signature(function)


class _Named(dict[str, Form]):
    """The forms of arguments by name; those of `**kwargs` have one form."""

    default: Form = ANY

    def get(self, name: str, _: Any = None) -> Any:
        return super().get(name, self.default)


def _annotated(function: Any) -> Any:
    """Return what has the annotations of a function."""
    while isinstance(function, functools.partial):
        function = function.func
    if isinstance(function, type) or inspect.isroutine(function):
        return function
    return function if "__annotations__" in vars(function) else type(function).__call__
