"""Read payloads as data that people can compare: JSON, with what JSON cannot say tagged. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import msgspec
from msgspec import Struct

from partita.codec import Converter, plain_data
from partita.errors import PartitaError

SHOWN = 60
"""Characters of a value that a line shows."""

_UNREADABLE = (PartitaError, msgspec.MsgspecError, ValueError, TypeError, RecursionError)


class Nothing:
    """Stands for a value that is not there."""

    def __repr__(self) -> str:
        return "nothing"


NOTHING = Nothing()


def data_of(payload: str | None, converter: Converter) -> Any:
    """Return the data of a payload; NOTHING without one, and the text of one that is no JSON."""
    if payload is None:
        return NOTHING
    try:
        return plain_data(converter.text(payload))
    except _UNREADABLE:
        return payload


class Difference(Struct, frozen=True):
    """A place at which two values differ."""

    path: str  # such as $.items[0].cents
    a: Any  # NOTHING: it is not there
    b: Any

    def __str__(self) -> str:
        return f"{self.path}: {shown(self.a)} | {shown(self.b)}"


def shown(value: Any) -> str:
    """Return a value in short, as JSON."""
    if value is NOTHING:
        return "nothing"
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 3]}..."


def differences(a: Any, b: Any, path: str = "$") -> Iterator[Difference]:
    """Yield the places at which two values differ, as deep as both have parts."""
    if isinstance(a, dict) and isinstance(b, dict):
        for key in [*a, *(one for one in b if one not in a)]:
            place = f"{path}.{key}" if key.isidentifier() else f"{path}[{json.dumps(key)}]"
            yield from differences(a.get(key, NOTHING), b.get(key, NOTHING), place)
    elif isinstance(a, list) and isinstance(b, list):
        for number in range(max(len(a), len(b))):
            one = a[number] if number < len(a) else NOTHING
            other = b[number] if number < len(b) else NOTHING
            yield from differences(one, other, f"{path}[{number}]")
    elif type(a) is not type(b) or a != b:
        yield Difference(path, a, b)
