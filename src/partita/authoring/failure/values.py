"""Turn the values that an exception holds into JSON and back, each as itself.

No hint says what an exception holds, so the JSON does: a value that JSON cannot say is an
object with one key, `{"$decimal": "0.10"}`. Classes are found among those that are loaded, and
no constructor of a user's class is called. A value that cannot be kept becomes a `LeftOut`.
"""

from __future__ import annotations

import base64
import datetime as dt
import decimal
import fractions
import ipaddress
import math
import pathlib
import sys
import uuid
import zoneinfo
from collections import Counter, OrderedDict, deque
from collections.abc import Callable
from enum import Enum, EnumType
from types import SimpleNamespace
from typing import Any

from partita.authoring.failure.classes import Finder
from partita.authoring.failure.state import is_data_class, new_data, set_state, state_of

MAX_DEPTH = 40
"""Levels of a value that are kept; a value inside itself has no end."""

_SHOWN_CHARACTERS = 200


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


# -- there ---------------------------------------------------------------------------------


def _text_form(text: str) -> Any:
    try:
        text.encode()
    except UnicodeEncodeError:  # as file names may be
        return {"$text": base64.b64encode(text.encode("utf-8", "surrogatepass")).decode()}
    return text


def _float_form(number: float) -> Any:
    return number if math.isfinite(number) else {"$float": repr(number)}


def _bytes_form(value: Any) -> str:
    return base64.b64encode(value).decode()


def _moment_form(value: Any) -> Any:
    if isinstance(value.tzinfo, zoneinfo.ZoneInfo) and value.tzinfo.key:
        return [value.replace(tzinfo=None).isoformat(), value.tzinfo.key, value.fold]
    return [value.isoformat(), None, value.fold]


_SIMPLE: dict[type, tuple[str, Callable[[Any], Any]]] = {
    bytes: ("$bytes", _bytes_form),
    bytearray: ("$bytearray", _bytes_form),
    complex: ("$complex", repr),
    decimal.Decimal: ("$decimal", str),
    fractions.Fraction: ("$fraction", str),
    uuid.UUID: ("$uuid", str),
    dt.date: ("$date", str),
    dt.datetime: ("$datetime", _moment_form),
    dt.time: ("$time", _moment_form),
    dt.timedelta: ("$timedelta", lambda span: [span.days, span.seconds, span.microseconds]),
    dt.timezone: ("$timezone", lambda zone: zone.utcoffset(None).total_seconds()),
    zoneinfo.ZoneInfo: ("$zone", lambda zone: zone.key),
    range: ("$range", lambda span: [span.start, span.stop, span.step]),
    pathlib.PosixPath: ("$path", str),
    pathlib.WindowsPath: ("$path", str),
    pathlib.PurePosixPath: ("$posix_path", str),
    pathlib.PureWindowsPath: ("$windows_path", str),
    ipaddress.IPv4Address: ("$ip", str),
    ipaddress.IPv6Address: ("$ip", str),
    ipaddress.IPv4Network: ("$network", str),
    ipaddress.IPv6Network: ("$network", str),
}
_LISTS: dict[type, str] = {
    tuple: "$tuple",
    set: "$set",
    frozenset: "$frozenset",
    deque: "$deque",
}
_DICTS: dict[type, str] = {dict: "$dict", OrderedDict: "$ordered_dict", Counter: "$counter"}
_BASES: tuple[type, ...] = (str, int, float, bytes, tuple, list, dict, set, frozenset)
_NOT_KEPT = (OrderedDict, Counter, deque)


class Storer:
    """Turns the values of one exception into JSON values, and says what it left out."""

    def __init__(self, number: Callable[[BaseException], int | None]) -> None:
        self._number = number  # of an exception among those that are kept
        self.left_out: list[str] = []

    def form(self, value: Any, what: str) -> Any:
        """Return the JSON value of `value`; `what` names it for people."""
        try:
            return self._form(value, what, 0)
        except Exception as fault:  # of the value's own code
            return self._without(value, what, f"it raises {type(fault).__name__}")

    def _form(self, value: Any, what: str, depth: int) -> Any:
        kind = type(value)
        if value is None or kind is bool or kind is int:
            return value
        if kind is str:
            return _text_form(value)
        if kind is float:
            return _float_form(value)
        if depth >= MAX_DEPTH:
            return self._without(value, what, f"it is {MAX_DEPTH} levels deep")
        if kind in _SIMPLE:
            tag, form = _SIMPLE[kind]
            return {tag: form(value)}
        return self._composite(value, kind, what, depth + 1)

    def _composite(self, value: Any, kind: type, what: str, depth: int) -> Any:
        if kind is list:
            return [self._form(one, what, depth) for one in value]
        if _is_headers(value):
            return {"$headers": [[key, str(one)] for key, one in value.items()]}
        if kind in _LISTS:
            return {_LISTS[kind]: [self._form(one, what, depth) for one in value]}
        if kind in _DICTS:
            return self._dict(value, _DICTS[kind], what, depth)
        if isinstance(value, BaseException):
            number = self._number(value)
            if number is None:
                return self._without(value, what, "there are too many exceptions")
            return {"$error": number}
        return self._instance(value, kind, what, depth)

    def _dict(self, value: Any, tag: str, what: str, depth: int) -> Any:
        pairs = [
            [self._form(key, what, depth), self._form(one, what, depth)]
            for key, one in value.items()
        ]
        is_plain = all(type(key) is str for key, _ in pairs)
        if tag == "$dict" and is_plain and not (len(pairs) == 1 and pairs[0][0][:1] == "$"):
            return dict(pairs)
        return {tag: pairs}

    def _instance(self, value: Any, kind: type, what: str, depth: int) -> Any:
        name = [kind.__module__, kind.__qualname__]
        if isinstance(value, Enum):
            return {"$enum": [*name, value.name, self._form(value.value, what, depth)]}
        if isinstance(value, type):
            return {"$class": [value.__module__, value.__qualname__]}
        if is_data_class(kind):
            attributes, fields = state_of(value)
            forms = (
                {key: self._form(one, what, depth) for key, one in state.items()}
                for state in (attributes, fields)
            )
            return {"$object": [*name, *forms]}
        base = next((one for one in _BASES if isinstance(value, one)), None)
        if base is None or isinstance(value, _NOT_KEPT) or not _is_no_more(value):
            return self._without(value, what, f"{kind.__qualname__} has no stored form")
        return {"$subclass": [*name, self._form(_as_base(value, base), what, depth)]}

    def _without(self, value: Any, what: str, why: str) -> Any:
        if not isinstance(value, LeftOut):
            self.left_out.append(f"{what} ({why})")
        return {"$left_out": shown(value)}


def _is_headers(value: Any) -> bool:
    """Return whether it is the headers of a mail or of an HTTP answer."""
    message = sys.modules.get("email.message")
    return message is not None and isinstance(value, message.Message) and not value.get_payload()


def _is_no_more(value: Any) -> bool:
    """Return whether an instance of a subclass holds no more than one of its base does."""
    return not getattr(value, "__dict__", None) and "__missing__" not in dir(type(value))


def _as_base(value: Any, base: Any) -> Any:
    """Return the same value as an instance of its builtin base."""
    if base is str:
        return str.__str__(value)
    if base in (int, float):
        return base.__add__(value, 0)
    return dict(dict.items(value)) if base is dict else base(base.__iter__(value))


# -- and back ------------------------------------------------------------------------------


def _moment(kind: Any, text: str, zone: str | None, fold: int) -> Any:
    moment = kind.fromisoformat(text)
    if zone is not None:
        moment = moment.replace(tzinfo=zoneinfo.ZoneInfo(zone))
    return moment.replace(fold=fold)


def _headers(pairs: list[tuple[str, str]]) -> Any:
    from email.message import Message  # slow to import, and rarely needed

    headers = getattr(sys.modules.get("http.client"), "HTTPMessage", Message)()
    for key, value in pairs:
        headers[key] = value
    return headers


_READ_SIMPLE: dict[str, Callable[[Any], Any]] = {
    "$text": lambda text: base64.b64decode(text).decode("utf-8", "surrogatepass"),
    "$float": float,
    "$bytes": base64.b64decode,
    "$bytearray": lambda text: bytearray(base64.b64decode(text)),
    "$complex": complex,
    "$decimal": decimal.Decimal,
    "$fraction": fractions.Fraction,
    "$uuid": uuid.UUID,
    "$date": dt.date.fromisoformat,
    "$datetime": lambda parts: _moment(dt.datetime, *parts),
    "$time": lambda parts: _moment(dt.time, *parts),
    "$timedelta": lambda parts: dt.timedelta(*parts),
    "$timezone": lambda seconds: dt.timezone(dt.timedelta(seconds=seconds)),
    "$zone": zoneinfo.ZoneInfo,
    "$range": lambda parts: range(*parts),
    "$path": pathlib.Path,
    "$posix_path": pathlib.PurePosixPath,
    "$windows_path": pathlib.PureWindowsPath,
    "$ip": ipaddress.ip_address,
    "$network": ipaddress.ip_network,
    "$headers": _headers,
    "$left_out": LeftOut,
}
_READ_LISTS: dict[str, Callable[[list[Any]], Any]] = {tag: kind for kind, tag in _LISTS.items()}
_READ_DICTS: dict[str, Callable[[dict[Any, Any]], Any]] = {
    tag: kind for kind, tag in _DICTS.items()
}


class Reader:
    """Turns JSON values back into the values of one exception."""

    def __init__(self, finder: Finder, exception: Callable[[Any], BaseException | None]) -> None:
        self._finder = finder
        self._exception = exception  # the one with a number
        self.missing: list[str] = []  # classes that are not loaded here

    def value(self, form: Any) -> Any:
        """Return the value; never raises."""
        try:
            return self._value(form)
        except Exception:  # written by others, or the data is damaged
            return LeftOut(shown(form))

    def _value(self, form: Any) -> Any:
        if isinstance(form, list):
            return [self._value(one) for one in form]
        if not isinstance(form, dict):
            return form
        if len(form) == 1:
            (tag, inner), *_ = form.items()
            if tag[:1] == "$":
                return self._tagged(tag, inner)
        return {key: self._value(one) for key, one in form.items()}

    def _tagged(self, tag: str, inner: Any) -> Any:
        if tag in _READ_SIMPLE:
            return _READ_SIMPLE[tag](inner)
        if tag in _READ_LISTS:
            return _READ_LISTS[tag]([self._value(one) for one in inner])
        if tag in _READ_DICTS:
            return _READ_DICTS[tag]({self._value(key): self._value(one) for key, one in inner})
        match tag:
            case "$error":
                error = self._exception(inner)
                return LeftOut(f"exception {inner}") if error is None else error
            case "$enum":
                return self._member(*inner)
            case "$class":
                return self._finder.find(inner[0], inner[1], object) or LeftOut(
                    f"<class {inner[1]!r}>"
                )
            case "$object":
                return self._object(*inner)
            case "$subclass":
                return self._subclass(*inner)
        return LeftOut(shown({tag: inner}))

    def _member(self, module: str, qualname: str, name: str | None, value: Any) -> Any:
        kind = self._finder.find(module, qualname, Enum)
        if isinstance(kind, EnumType):
            member = kind.__members__.get(name) if name else None
            return kind(self._value(value)) if member is None else member
        self._miss(module, qualname)
        return self._value(value)

    def _object(self, module: str, qualname: str, attributes: Any, fields: Any) -> Any:
        state = [{k: self._value(v) for k, v in part.items()} for part in (attributes, fields)]
        kind = self._finder.find(module, qualname, object)
        if kind is None or not is_data_class(kind):
            self._miss(module, qualname)
            return SimpleNamespace(**state[0], **state[1])
        made = new_data(kind, state[1])
        set_state(made, *state)
        return made

    def _subclass(self, module: str, qualname: str, form: Any) -> Any:
        value = self._value(form)
        kind = self._finder.find(module, qualname, type(value))
        if kind is None:
            self._miss(module, qualname)
            return value
        base: Any = type(value)
        if base in (list, dict, set):
            made = base.__new__(kind)
            (base.extend if base is list else base.update)(made, value)
            return made
        return base.__new__(kind, value)

    def _miss(self, module: str, qualname: str) -> None:
        name = f"{module}.{qualname}"
        if name not in self.missing:
            self.missing.append(name)
