"""Write values without parts: numbers, times, paths, identifiers, patterns.

What is not imported anyway is looked up by the fixed names in this file, when a value of such a
type or its hint appears.
"""

from __future__ import annotations

import base64
import importlib
import re
import sys
from collections.abc import Callable, Collection
from datetime import date, datetime, time, timedelta, timezone, tzinfo
from decimal import Decimal
from math import isfinite
from typing import Any, NamedTuple
from uuid import UUID

import msgspec

from partita.codec.form import VALUE, Form, Kinds, misfit, tag_of, tagged, unwritable
from partita.codec.tagged import ANY, are_finite, attempt

_STRING: Kinds = frozenset({"string"})


class Leaf(NamedTuple):
    """How values of one type are written: as a string, or as a list where that is not enough."""

    name: str  # in tags
    write: Callable[[Any], Any]
    read: Callable[[Any], Any]
    is_native: bool = False  # msgspec reads the string in the same way
    kinds: Kinds = _STRING


class ScalarForm(Form):
    """The form of str, int, bool, None and float."""

    is_native = True

    def __init__(self, kind: type[Any], *kinds: str) -> None:
        self.hint = self.kind = kind
        self.kinds = frozenset(kinds)
        self.is_key = kind in (int, str, float)
        self._only = frozenset({kind})

    def fits(self, value: Any) -> bool:
        return type(value) is self.kind

    def encode_all(self, values: Collection[Any]) -> Collection[Any]:
        return (
            values if self._only.issuperset(map(type, values)) else list(map(self.encode, values))
        )

    def encode(self, value: Any) -> Any:
        if type(value) is self.kind:
            return value
        return ANY.encode(value)

    def decode(self, data: Any) -> Any:
        if type(data) is self.kind:
            return data
        if tag_of(data) is None:
            return msgspec.convert(data, self.kind)
        value = ANY.decode(data)
        if isinstance(value, self.kind):
            return value
        raise misfit(self.kind, value)


class FloatForm(ScalarForm):
    """The form of float, which takes an int as Python does."""

    def __init__(self) -> None:
        super().__init__(float, "integer", "float")

    def encode(self, value: Any) -> Any:
        if type(value) is float:
            return value if isfinite(value) else tagged("float", repr(value))
        return value if type(value) is int else ANY.encode(value)

    def encode_all(self, values: Collection[Any]) -> Collection[Any]:
        if self._only.issuperset(map(type, values)) and are_finite(values):
            return values
        return list(map(self.encode, values))


class LeafForm(Form):
    """The form of a type whose values are written as strings."""

    def __init__(self, kind: type[Any], leaf: Leaf) -> None:
        self.hint = self.kind = kind
        self.kinds = leaf.kinds
        self.is_native = leaf.is_native
        self.is_key = leaf.is_native and kind not in (bytes, bytearray)
        self._leaf = leaf

    def fits(self, value: Any) -> bool:
        return leaf_of(type(value)) is self._leaf

    def encode(self, value: Any) -> Any:
        if leaf_of(type(value)) is not self._leaf:
            return ANY.encode(value)
        data = self._leaf.write(value)
        return tagged(self._leaf.name, data) if type(data) is list else data

    def decode(self, data: Any) -> Any:
        name = tag_of(data)
        if name is None:
            if type(data) is not str and not self.is_native:
                raise misfit(self.kind, data)
            return attempt(lambda: self._leaf.read(data), self._leaf.name)
        if name == self._leaf.name:
            return attempt(lambda: self._leaf.read(data[VALUE]), name)
        value = ANY.decode(data)
        if isinstance(value, self.kind):
            return value
        raise misfit(self.kind, value)


# -- times ---------------------------------------------------------------------------------


def _write_time(value: Any) -> Any:
    """Return a datetime or a time; a list if ISO 8601 would lose its zone or its fold."""
    zone = value.tzinfo
    if not value.fold and (zone is None or _is_plain_offset(zone)):
        return value
    local = value.replace(tzinfo=None, fold=0).isoformat()
    return [local, None if zone is None else _write_zone(zone, value), value.fold]


def _is_plain_offset(zone: tzinfo) -> bool:
    if type(zone) is not timezone:
        return False
    (offset, *name) = zone.__getinitargs__()  # type: ignore[attr-defined]
    return not name and not offset.microseconds and offset.seconds % 60 == 0


def _write_zone(zone: tzinfo, owner: Any) -> Any:
    """Return a time zone as its name, or as the offset in seconds with the name, if any."""
    kind = type(zone)
    if kind is timezone:
        (offset, *name) = zone.__getinitargs__()  # type: ignore[attr-defined]
        return [offset.total_seconds(), *name]
    key = getattr(zone, "key", None)
    if kind.__qualname__ == "ZoneInfo" and kind.__module__.startswith("zoneinfo") and key:
        return key
    if (kind.__module__, kind.__qualname__) == ("dateutil.tz.tz", "tzutc"):
        return _TZUTC
    raise unwritable(
        owner,
        f"has a time zone of type {kind.__module__}.{kind.__qualname__}, which cannot be kept; "
        "use zoneinfo.ZoneInfo or datetime.timezone",
    )


_TZUTC = "dateutil.tz.tzutc"


def _read_zone(zone: Any) -> tzinfo | None:
    if zone is None:
        return None
    if isinstance(zone, list):
        return timezone(timedelta(seconds=zone[0]), *zone[1:])
    if zone == _TZUTC:
        made: tzinfo = importlib.import_module("dateutil.tz").tzutc()
        return made
    found: tzinfo = importlib.import_module("zoneinfo").ZoneInfo(zone)
    return found


def _read_time(kind: type[Any]) -> Callable[[Any], Any]:
    def read(data: Any) -> Any:
        if isinstance(data, list):
            local, zone, fold = data
            return kind.fromisoformat(local).replace(tzinfo=_read_zone(zone), fold=fold)
        return msgspec.convert(data, kind)

    return read


# -- all leaves ----------------------------------------------------------------------------


def _same(value: Any) -> Any:
    return value


def _convert(kind: type[Any]) -> Callable[[Any], Any]:
    return lambda data: msgspec.convert(data, kind)


def _read_bytes(data: str) -> bytes:
    return base64.b64decode(data, validate=True)


def _text(module: str, name: str, write: Callable[[Any], Any] = str) -> Leaf:
    """Return how a class is written that is made from one string."""

    def read(data: str) -> Any:
        return getattr(importlib.import_module(module), name)(data)

    return Leaf(name, write, read)


def _write_pattern(value: re.Pattern[Any]) -> Any:
    return [ANY.encode(value.pattern), int(value.flags)]


def _read_pattern(data: Any) -> Any:
    pattern, flags = data if isinstance(data, list) else (data, 0)
    text = ANY.decode(pattern)
    return re.compile(text, flags if isinstance(text, bytes) else flags & ~re.UNICODE)


def _write_complex(value: complex) -> list[Any]:
    return [ANY.encode(value.real), ANY.encode(value.imag)]


def _read_complex(data: Any) -> complex:
    real, imaginary = data
    return complex(ANY.decode(real), ANY.decode(imaginary))


_ARRAY: Kinds = frozenset({"array"})
_LEAVES: dict[type[Any], Leaf] = {
    datetime: Leaf("datetime", _write_time, _read_time(datetime), is_native=True),
    time: Leaf("time", _write_time, _read_time(time), is_native=True),
    date: Leaf("date", _same, _convert(date), is_native=True),
    timedelta: Leaf("timedelta", _same, _convert(timedelta), is_native=True),
    Decimal: Leaf("Decimal", str, _convert(Decimal), is_native=True),
    UUID: Leaf("UUID", str, _convert(UUID), is_native=True),
    bytes: Leaf("bytes", _same, _read_bytes, is_native=True),
    bytearray: Leaf("bytearray", _same, lambda data: bytearray(_read_bytes(data)), is_native=True),
    complex: Leaf("complex", _write_complex, _read_complex, kinds=frozenset()),
    range: Leaf(
        "range",
        lambda value: [value.start, value.stop, value.step],
        lambda data: range(*data),
        kinds=frozenset(),
    ),
    re.Pattern: Leaf("Pattern", _write_pattern, _read_pattern),
}
_PATHS = {
    **dict.fromkeys(("Path", "PosixPath", "WindowsPath"), "Path"),
    **dict.fromkeys(("PurePath",), "PurePath"),
    **dict.fromkeys(("PurePosixPath",), "PurePosixPath"),
    **dict.fromkeys(("PureWindowsPath",), "PureWindowsPath"),
}
_BY_NAME = {
    ("fractions", "Fraction"): _text("fractions", "Fraction"),
    **{
        ("ipaddress", name): _text("ipaddress", name)
        for name in (
            *("IPv4Address", "IPv4Network", "IPv4Interface"),
            *("IPv6Address", "IPv6Network", "IPv6Interface"),
        )
    },
    ("zoneinfo", "ZoneInfo"): _text("zoneinfo", "ZoneInfo"),
    **{
        (module, name): Leaf(
            name,
            lambda value: value.get_secret_value(),
            _text("pydantic", name).read,
        )
        for module in ("pydantic.types",)
        for name in ("SecretStr",)
    },
    ("pydantic.types", "SecretBytes"): Leaf(
        "SecretBytes",
        lambda value: base64.b64encode(value.get_secret_value()).decode(),
        lambda data: importlib.import_module("pydantic").SecretBytes(_read_bytes(data)),
    ),
}
_BY_NAME |= {
    ("pathlib", name): _text("pathlib", made) for name, made in _PATHS.items() if name == made
}
_BY_NAME |= {("pathlib", name): _BY_NAME["pathlib", made] for name, made in _PATHS.items()}
for _leaf in (*_LEAVES.values(), *_BY_NAME.values()):
    ANY.readers[_leaf.name] = _leaf.read


def leaf_of(kind: type[Any]) -> Leaf | None:
    """Return how a type without parts is written; None if it is not one."""
    leaf = _LEAVES.get(kind)
    if leaf is None and kind.__module__ in sys.modules:
        module = "pathlib" if kind.__module__.startswith("pathlib") else kind.__module__
        leaf = _BY_NAME.get((module, kind.__qualname__)) or _url(kind, module)
        if leaf is not None:
            _LEAVES[kind] = leaf
    return leaf


def _url(kind: type[Any], module: str) -> Leaf | None:
    """Return how a URL or a database's address of pydantic is written."""
    if module != "pydantic.networks" or not hasattr(kind, "unicode_string"):
        return None
    leaf = _text(module, kind.__qualname__)
    ANY.readers[leaf.name] = leaf.read
    return leaf


def _writer(leaf: Leaf) -> Callable[[Any], Any]:
    return lambda value: tagged(leaf.name, leaf.write(value))


def writer_of(kind: type[Any]) -> Callable[[Any], Any] | None:
    """Return what writes values of a type without parts under no hint; None if it is not one."""
    leaf = leaf_of(kind)
    return None if leaf is None else _writer(leaf)


ANY.writers.update({kind: _writer(leaf) for kind, leaf in _LEAVES.items()})
ANY.readers["float"] = float
