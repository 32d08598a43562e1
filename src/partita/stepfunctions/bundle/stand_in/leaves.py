"""Write values without parts: times, decimals, identifiers, bytes, paths, addresses."""

from __future__ import annotations

import base64
import fractions
import ipaddress
import pathlib
import re
import zoneinfo
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID

_DURATION = re.compile(
    r"([+-])?P(?=.)(?:(\d+)D)?(?:T(?=.)(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d{1,6})?)S)?)?",
    re.IGNORECASE,
)
_DATE_TIME = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:?\d\d)?")


class Leaf(NamedTuple):
    """How values of one type are written: as a string, or as a list where that is not enough."""

    name: str  # in tags
    text: Callable[[Any], Any]
    read: Callable[[Any], Any]
    is_key: bool = False

    def write(self, value: Any, *, is_tagged: bool) -> Any:
        """Return a value as data."""
        return self.text(value)


def _write_time(value: Any) -> Any:
    zone = value.tzinfo
    if not value.fold and (zone is None or _is_plain_offset(zone)):
        text = value.isoformat()
        return text.removesuffix("+00:00") + "Z" if text.endswith("+00:00") else text
    local = value.replace(tzinfo=None, fold=0).isoformat()
    return [local, None if zone is None else _write_zone(zone), value.fold]


def _is_plain_offset(zone: tzinfo) -> bool:
    if type(zone) is not timezone:
        return False
    offset, *name = zone.__getinitargs__()  # type: ignore[attr-defined]
    return not name and not offset.microseconds and offset.seconds % 60 == 0


def _write_zone(zone: tzinfo) -> Any:
    if type(zone) is timezone:
        offset, *name = zone.__getinitargs__()  # type: ignore[attr-defined]
        return [offset.total_seconds(), *name]
    if isinstance(zone, zoneinfo.ZoneInfo) and zone.key:
        return zone.key
    kind = type(zone)
    if (kind.__module__, kind.__qualname__) == ("dateutil.tz.tz", "tzutc"):
        return "dateutil.tz.tzutc"
    raise ValueError(f"its time zone, of type {kind.__qualname__}, cannot be kept; use zoneinfo")


def _read_zone(zone: Any) -> tzinfo | None:
    if zone is None:
        return None
    if isinstance(zone, list):
        return timezone(timedelta(seconds=zone[0]), *zone[1:])
    return UTC if zone == "dateutil.tz.tzutc" else zoneinfo.ZoneInfo(zone)


def _read_time(kind: Any) -> Callable[[Any], Any]:
    def read(data: Any) -> Any:
        if isinstance(data, list):
            local, zone, fold = data
            return kind.fromisoformat(local).replace(tzinfo=_read_zone(zone), fold=fold)
        if kind is datetime and _DATE_TIME.fullmatch(data) is None:
            raise ValueError("write it as in RFC 3339, such as 2026-01-31T12:00:00Z")
        return kind.fromisoformat(data.upper().replace("Z", "+00:00"))

    return read


def _write_duration(value: timedelta) -> str:
    sign, size = ("-", -value) if value < timedelta(0) else ("", value)
    seconds = f"{size.seconds}.{size.microseconds:06d}".rstrip("0").rstrip(".")
    if not size.microseconds:
        seconds = str(size.seconds)
    time_part = f"T{seconds}S" if size.seconds or size.microseconds else ""
    day_part = f"{size.days}D" if size.days or not time_part else ""
    return f"{sign}P{day_part}{time_part}"


def _read_duration(data: str) -> timedelta:
    found = _DURATION.fullmatch(data)
    if found is None:
        raise ValueError("write it as in ISO 8601, such as P1DT3600S")
    sign, days, hours, minutes, seconds = found.groups()
    whole, _, fraction = (seconds or "0").partition(".")
    size = timedelta(
        days=int(days or 0),
        hours=int(hours or 0),
        minutes=int(minutes or 0),
        seconds=int(whole),
        microseconds=int(fraction.ljust(6, "0") or 0),
    )
    return -size if sign == "-" else size


def _read_date(data: str) -> date:
    if len(data) != 10:
        raise ValueError("write it as in RFC 3339, such as 2026-01-31")
    return date.fromisoformat(data)


def _read_decimal(data: Any) -> Decimal:
    if type(data) not in (str, int, float):
        raise ValueError(f"got {type(data).__name__}")
    return Decimal(str(data))


def _read_bytes(data: str) -> bytes:
    return base64.b64decode(data, validate=True)


def _write_bytes(value: bytes) -> str:
    return base64.b64encode(value).decode()


def _write_pattern(value: Any) -> list[Any]:
    if isinstance(value.pattern, bytes):
        return [{"$partita": "bytes", "value": _write_bytes(value.pattern)}, int(value.flags)]
    return [value.pattern, int(value.flags)]


def _read_pattern(data: Any) -> Any:
    pattern, flags = data if isinstance(data, list) else (data, 0)
    if isinstance(pattern, dict):
        return re.compile(_read_bytes(pattern["value"]), flags)
    return re.compile(pattern, flags & ~re.UNICODE)


LEAVES: dict[Any, Leaf] = {
    datetime: Leaf("datetime", _write_time, _read_time(datetime), is_key=True),
    time: Leaf("time", _write_time, _read_time(time), is_key=True),
    date: Leaf("date", date.isoformat, _read_date, is_key=True),
    timedelta: Leaf("timedelta", _write_duration, _read_duration, is_key=True),
    Decimal: Leaf("Decimal", str, _read_decimal, is_key=True),
    UUID: Leaf("UUID", str, UUID, is_key=True),
    bytes: Leaf("bytes", _write_bytes, _read_bytes),
    bytearray: Leaf("bytearray", _write_bytes, lambda data: bytearray(_read_bytes(data))),
    range: Leaf("range", lambda r: [r.start, r.stop, r.step], lambda data: range(*data)),
    complex: Leaf("complex", lambda c: [c.real, c.imag], lambda data: complex(*data)),
    re.Pattern: Leaf("Pattern", _write_pattern, _read_pattern),
    fractions.Fraction: Leaf("Fraction", str, fractions.Fraction),
    zoneinfo.ZoneInfo: Leaf("ZoneInfo", str, zoneinfo.ZoneInfo),
}
for _name in ("IPv4Address", "IPv4Network", "IPv4Interface"):
    for _kind in (getattr(ipaddress, _name), getattr(ipaddress, _name.replace("4", "6"))):
        LEAVES[_kind] = Leaf(_kind.__name__, str, _kind)
_path = Leaf("Path", str, pathlib.Path)
LEAVES |= {pathlib.Path: _path, pathlib.PosixPath: _path}
for _kind in (pathlib.PurePath, pathlib.PurePosixPath, pathlib.PureWindowsPath):
    LEAVES[_kind] = Leaf(_kind.__name__, str, _kind)
BY_NAME = {leaf.name: leaf for leaf in LEAVES.values()}
"""Leaves by their names in tags."""
