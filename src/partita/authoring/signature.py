"""Convert the arguments of a call to a payload value and back, by the function's signature.

The value is a JSON list where all arguments are positional, else
`{"args": [...], "kwargs": {...}}`.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from types import UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

import msgspec

from partita.authoring.results import Result
from partita.codec import Converter, carry, decoder
from partita.errors import InvalidInputError

_raw_list = msgspec.json.Decoder(list[msgspec.Raw]).decode
_POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


_SURE = frozenset({str, int, bool, type(None)})
"""Types whose exact instances can be read by themselves as a hint."""


class _Call(msgspec.Struct, forbid_unknown_fields=True):
    args: list[msgspec.Raw] = []
    kwargs: dict[str, msgspec.Raw] = {}


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


class Signature:
    """The parameters and the result of a function."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function
        self.name = function.__qualname__
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

    @functools.cached_property
    def _hints(self) -> dict[str, Any]:
        """The annotations, read late, since they may name what is defined further down."""
        try:
            return get_type_hints(self.function, include_extras=True)
        except (NameError, TypeError, AttributeError):
            return {}

    @functools.cached_property
    def _decoders(self) -> dict[str, Callable[[str], Any]]:
        return {name: decoder(hint) for name, hint in self._hints.items() if name != "return"}

    @functools.cached_property
    def _any(self) -> Callable[[str], Any]:
        return decoder(Any)

    @functools.cached_property
    def decode_result(self) -> Callable[[str], Any]:
        """The decoder of the function's result."""
        return decoder(_value_of(self._hints.get("return", Any)))

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
        hint = self._hint("return")
        if hint is not Any and not (hint is type(result) and hint in _SURE):
            self.load_result(converter, payload, what)

    def takes(self, name: str) -> bool:
        """Return whether an argument can be given by that name."""
        return name in self._named or self._keywords is not None

    @functools.cached_property
    def has_types(self) -> bool:
        """Whether an argument can have a wrong type."""
        return any(hint is not Any for name, hint in self._hints.items() if name != "return")

    def bind(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Return the call as a payload value.

        Raises:
            TypeError: the arguments do not fit the parameters.
        """
        if self._plain and not kwargs and self._required <= len(args) <= len(self._positional):
            return args
        bound = self._signature.bind(*args, **kwargs)
        if bound.kwargs:
            return {"args": list(bound.args), "kwargs": bound.kwargs}
        return bound.args

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
            not self._plain
            or call.kwargs
            or not self._required <= len(call.args) <= len(self._positional)
        ):
            self._check_names(call)
        args = [self._argument(self._name_of(i), raw) for i, raw in enumerate(call.args)]
        kwargs = {
            name: self._argument(name if name in self._named else self._keywords, raw, name)
            for name, raw in call.kwargs.items()
        }
        return args, kwargs

    def carried(
        self, args: tuple[Any, ...], kwargs: dict[str, Any], what: str = "the arguments"
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Return a call's arguments as the function gets them behind an engine.

        Raises:
            TypeError: they do not fit the parameters.
            SerializationError: one cannot be written.
            InvalidInputError: one does not fit its hint.
        """
        bound = self._signature.bind(*args, **kwargs)
        given = tuple(
            carry(value, self._hint(self._name_of(i)), what) for i, value in enumerate(bound.args)
        )
        named = {
            name: carry(value, self._hint(name if name in self._named else self._keywords), what)
            for name, value in bound.kwargs.items()
        }
        return given, named

    def carried_result(self, result: Any, what: str = "the result") -> Any:
        """Return a result as the caller gets it behind an engine.

        Raises:
            SerializationError: it cannot be written.
            InvalidInputError: it does not fit the return hint.
        """
        return carry(result, _value_of(self._hint("return")), what)

    def _hint(self, parameter: str | None) -> Any:
        return self._hints.get(parameter or "", Any)

    def _check_names(self, call: _Call) -> None:
        try:
            self._signature.bind(*call.args, **call.kwargs)
        except TypeError as error:
            raise InvalidInputError(
                f"the input does not fit {self.name}{self._signature}: {error}"
            ) from error

    def _name_of(self, position: int) -> str | None:
        return self._positional[position] if position < len(self._positional) else self._variadic

    def _argument(self, parameter: str | None, raw: msgspec.Raw, shown: str | None = None) -> Any:
        decode = self._decoders.get(parameter or "", self._any)
        try:
            return decode(bytes(raw).decode())
        except (msgspec.MsgspecError, NotImplementedError, ValueError, TypeError) as error:
            raise InvalidInputError(
                f"argument {shown or parameter!r} of {self.name}: {error}"
            ) from error
