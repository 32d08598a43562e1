"""Write values of Python's own types, and of classes that hold data, under a name; read them.

Shares the tags of the codec: a Decimal is `{"$partita": "Decimal", "value": "0.10"}`.
"""

from __future__ import annotations

import base64
import datetime as dt
import decimal
import fractions
import ipaddress
import math
import pathlib
import uuid
import zoneinfo
from collections.abc import Callable
from enum import Enum, EnumType, Flag
from typing import Any

import msgspec

from partita.authoring.failure.classes import Finder
from partita.authoring.failure.state import is_data_class, new_data, set_state, state_of

TAG, VALUE = "$partita", "value"


def tagged(name: str, data: Any) -> dict[str, Any]:
    """Return data with the name of its type."""
    return {TAG: name, VALUE: data}


_BY_TEXT: dict[type, str] = {
    decimal.Decimal: "Decimal",
    fractions.Fraction: "Fraction",
    uuid.UUID: "UUID",
    pathlib.PosixPath: "Path",
    pathlib.WindowsPath: "Path",
    pathlib.PurePosixPath: "PurePosixPath",
    pathlib.PureWindowsPath: "PureWindowsPath",
    ipaddress.IPv4Address: "IPv4Address",
    ipaddress.IPv6Address: "IPv6Address",
}
_BASES: tuple[type, ...] = (str, int, float, bytes, tuple)


def leaf_form(value: Any) -> Any:
    """Return the JSON value of a value that is no list, dictionary or exception.

    Raises:
        TypeError: it cannot be written.
    """
    kind = type(value)
    if value is None or kind in (bool, int):
        return value
    if kind is float:
        return value if math.isfinite(value) else tagged("float", repr(value))
    if kind in _BY_TEXT:
        return tagged(_BY_TEXT[kind], str(value))
    if kind in (bytes, bytearray):
        return tagged(kind.__name__, base64.b64encode(value).decode())
    if kind in (dt.datetime, dt.time):
        return tagged(kind.__name__, _moment_form(value))
    if kind in (dt.date, dt.timedelta):
        return tagged(kind.__name__, msgspec.to_builtins(value))
    if kind is complex:
        return tagged("complex", [value.real, value.imag])
    if kind is range:
        return tagged("range", [value.start, value.stop, value.step])
    if kind is zoneinfo.ZoneInfo:
        return tagged("ZoneInfo", value.key)
    return tagged(f"{kind.__module__}:{kind.__qualname__}", _state(value, kind))


def _moment_form(value: Any) -> Any:
    zone = value.tzinfo
    if isinstance(zone, zoneinfo.ZoneInfo):
        return [value.replace(tzinfo=None, fold=0).isoformat(), zone.key, value.fold]
    return value.isoformat() if not value.fold else [value.isoformat(), None, value.fold]


def _state(value: Any, kind: type) -> Any:
    if isinstance(value, Enum):
        return value.value if isinstance(value, Flag) else value.name
    if is_data_class(kind):
        return [{key: _part(one) for key, one in state.items()} for state in state_of(value)]
    base = next((one for one in _BASES if isinstance(value, one)), None)
    if base is None or getattr(value, "__dict__", None):
        raise TypeError(f"{kind.__qualname__} has no stored form")
    return _part(base.__new__(base, value) if base is not str else str.__str__(value))


def _part(value: Any) -> Any:
    if type(value) is list:
        return [_part(one) for one in value]
    if type(value) is tuple:
        return tagged("tuple", [_part(one) for one in value])
    if type(value) is dict:
        return {key: _part(one) for key, one in value.items()}
    return value if type(value) is str else leaf_form(value)


def _moment(kind: Any, data: Any) -> Any:
    if isinstance(data, str):
        return kind.fromisoformat(data)
    local, zone, fold = data
    moment = kind.fromisoformat(local).replace(fold=fold)
    return moment if zone is None else moment.replace(tzinfo=zoneinfo.ZoneInfo(zone))


_READ: dict[str, Callable[[Any], Any]] = {
    "float": float,
    **{name: kind for kind, name in _BY_TEXT.items() if name != "Path"},
    "Path": pathlib.Path,
    "bytes": base64.b64decode,
    "bytearray": lambda text: bytearray(base64.b64decode(text)),
    "datetime": lambda data: _moment(dt.datetime, data),
    "time": lambda data: _moment(dt.time, data),
    "date": dt.date.fromisoformat,
    "timedelta": lambda text: msgspec.convert(text, dt.timedelta),
    "complex": lambda parts: complex(*parts),
    "range": lambda parts: range(*parts),
    "ZoneInfo": zoneinfo.ZoneInfo,
    "tuple": lambda parts: tuple(map(_read_part, parts)),
}


def _read_part(data: Any) -> Any:
    if isinstance(data, list):
        return [_read_part(one) for one in data]
    if not isinstance(data, dict):
        return data
    if TAG in data:
        return read_leaf(data[TAG], data[VALUE], Finder())
    return {key: _read_part(one) for key, one in data.items()}


def read_leaf(name: str, data: Any, finder: Finder) -> Any:
    """Return the value that `leaf_form` wrote under a name.

    Raises:
        Exception: its class is not loaded, or the data is damaged.
    """
    if ":" not in name:
        return _READ[name](data)
    module, _, qualname = name.partition(":")
    kind: Any = finder.find(module, qualname, object)
    if kind is None:
        raise LookupError(f"its class {name} is not loaded here")
    if isinstance(kind, EnumType):
        return kind.__members__[data] if isinstance(data, str) else kind(data)
    if is_data_class(kind):
        state = [{key: _read_part(one) for key, one in part.items()} for part in data]
        made = new_data(kind, state[1])
        set_state(made, *state)
        return made
    base = next(one for one in _BASES if issubclass(kind, one))
    return base.__new__(kind, _read_part(data))
