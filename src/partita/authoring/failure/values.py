"""Turn the values that an exception holds into JSON and back, each as itself.

No hint says what an exception holds, so every value is written as under no hint. Other than a
payload's, it may hold exceptions, which are written by their numbers, and a value that cannot
be written does not spoil the rest: it becomes a `LeftOut`.
"""

from __future__ import annotations

import base64
import sys
from collections.abc import Callable
from typing import Any

import msgspec

from partita.authoring.failure.classes import Finder
from partita.codec import ANY
from partita.codec.form import TAG, VALUE, tagged
from partita.codec.nesting import check_depth
from partita.errors import UsageError

MAX_DEPTH = 40
"""Levels of a value that are kept; a value inside itself has no end."""

_SHOWN_CHARACTERS = 200

EXCEPTION, LEFT_OUT = "exception", "left out"
_CLASS, _TEXT, _HEADERS = "class", "text", "headers"
_COLLECTIONS: dict[type, str] = {tuple: "tuple", set: "set", frozenset: "frozenset"}
_KINDS: dict[str, Callable[[list[Any]], Any]] = {tag: kind for kind, tag in _COLLECTIONS.items()}


class LeftOut:
    """Stand for a value that was left out when its exception was stored; it looks the same."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __repr__(self) -> str:
        return self._text

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        raise AttributeError(f"{self._text} was left out when its exception was stored: no {name}")


def shown(value: object) -> str:
    """Return the text of a value, whatever its class does."""
    try:
        text = repr(value)
    except Exception as fault:
        text = f"<{type(value).__name__}: {type(fault).__name__}>"
    cut = text if len(text) <= _SHOWN_CHARACTERS else text[: _SHOWN_CHARACTERS - 3] + "..."
    return cut.encode("utf-8", "backslashreplace").decode()


class Storer:
    """Turns the values of one exception into JSON values, and says what it left out."""

    def __init__(self, number: Callable[[BaseException], int | None]) -> None:
        self._number = number  # of an exception among those that are kept
        self.left_out: list[str] = []

    def form(self, value: Any, what: str) -> Any:
        """Return the JSON value of `value`; `what` names it for people."""
        return self._form(value, what, 0)

    def _form(self, value: Any, what: str, depth: int) -> Any:
        if depth >= MAX_DEPTH:
            return self._without(value, what, f"it is {MAX_DEPTH} levels deep")
        try:
            return self._composite(value, type(value), what, depth + 1)
        except Exception as fault:  # it cannot be written, or its own code is broken
            kind = type(value).__qualname__
            why = f"{kind} has no stored form"
            if not isinstance(fault, (TypeError, ValueError, UsageError)):
                why = f"{kind} raises {type(fault).__name__}"
            return self._without(value, what, why)

    def _composite(self, value: Any, kind: type, what: str, depth: int) -> Any:
        if kind is list:
            return [self._form(one, what, depth) for one in value]
        if kind in _COLLECTIONS:
            return tagged(_COLLECTIONS[kind], [self._form(one, what, depth) for one in value])
        if kind is dict:
            return self._dict(value, what, depth)
        if kind is str:
            return _text_form(value)
        if isinstance(value, type):
            return tagged(_CLASS, [value.__module__, value.__qualname__])
        if isinstance(value, BaseException):
            number = self._number(value)
            if number is None:
                return self._without(value, what, "there are too many exceptions")
            return tagged(EXCEPTION, number)
        if isinstance(value, LeftOut):
            return tagged(LEFT_OUT, repr(value))
        if _is_headers(value):
            return tagged(_HEADERS, [[key, str(one)] for key, one in value.items()])
        return _as_payload(value)

    def _dict(self, value: dict[Any, Any], what: str, depth: int) -> Any:
        pairs = [
            [self._form(key, what, depth), self._form(one, what, depth)]
            for key, one in value.items()
        ]
        if TAG in value or not all(type(key) is str for key, _ in pairs):
            return tagged("dict", pairs)
        return dict(pairs)

    def _without(self, value: Any, what: str, why: str) -> Any:
        self.left_out.append(f"{what} ({why})")
        return tagged(LEFT_OUT, shown(value))


def _as_payload(value: Any) -> Any:
    """Return a value as a payload holds it under no hint.

    Raises:
        SerializationError: it cannot be written.
        UnicodeEncodeError: it holds a text that UTF-8 cannot encode.
    """
    text = msgspec.json.encode(ANY.encode(value))
    check_depth(text)
    return msgspec.json.decode(text)


def _text_form(text: str) -> Any:
    """Return a text; one that UTF-8 cannot encode, as file names may be, is tagged."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return tagged(_TEXT, base64.b64encode(text.encode("utf-8", "surrogatepass")).decode())
    return text


def _is_headers(value: Any) -> bool:
    """Return whether it is the headers of a mail or of an HTTP answer."""
    message = sys.modules.get("email.message")
    return message is not None and isinstance(value, message.Message) and not value.get_payload()


class Reader:
    """Turns JSON values back into the values of one exception."""

    def __init__(self, finder: Finder, exception: Callable[[Any], BaseException | None]) -> None:
        self._finder = finder
        self._exception = exception  # the one with a number
        self.missing: list[str] = []  # values that cannot be read here, for people

    def value(self, form: Any) -> Any:
        """Return the value; never raises."""
        try:
            return self._value(form)
        except RecursionError:
            self.missing.append("it is nested too deeply")
            return LeftOut("...")

    def _value(self, form: Any) -> Any:
        if isinstance(form, list):
            return [self._value(one) for one in form]
        if not isinstance(form, dict):
            return form
        if TAG not in form:
            return {key: self._value(one) for key, one in form.items()}
        try:
            return self._tagged(form[TAG], form[VALUE])
        except RecursionError:
            raise
        except Exception as fault:  # its class is not here, or the data is damaged
            self.missing.append(" ".join(str(fault).split()) or type(fault).__name__)
            return LeftOut(shown(form.get(VALUE)))

    def _tagged(self, name: str, data: Any) -> Any:
        if name in _KINDS:
            return _KINDS[name]([self._value(one) for one in data])
        match name:
            case "dict":
                return {self._value(key): self._value(one) for key, one in data}
            case "exception":
                error = self._exception(data)
                return LeftOut(f"exception {data}") if error is None else error
            case "left out":
                return LeftOut(str(data))
            case "text":
                return base64.b64decode(data).decode("utf-8", "surrogatepass")
            case "class":
                module, qualname = data
                return self._finder.find(module, qualname, object) or LeftOut(f"<class {qualname}>")
            case "headers":
                return _headers(data)
        return ANY.read(name, data)


def _headers(pairs: list[tuple[str, str]]) -> Any:
    from email.message import Message  # slow to import, and rarely needed

    headers = getattr(sys.modules.get("http.client"), "HTTPMessage", Message)()
    for key, value in pairs:
        headers[key] = value
    return headers
