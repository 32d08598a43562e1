"""Show tagged data to readers that may lack its classes: without tags, or with fewer."""

from __future__ import annotations

from typing import Any

import msgspec

from partita.codec.class_names import find_class
from partita.codec.form import TAG, VALUE, tag_of, tagged
from partita.codec.tagged import ANY

_PARTS = {"OrderedDict", "Counter", "defaultdict", "deque"}
_SCALARS = {"float", "int"}  # such as NaN, which JSON cannot say
_ITEMS = {"tuple", "set", "frozenset"}


def untagged(data: Any) -> Any:
    """Return data without its tags, as plain JSON."""
    if type(data) is list:
        return list(map(untagged, data))
    if type(data) is not dict:
        return data
    try:
        name = tag_of(data)
    except msgspec.ValidationError:
        name = None
    if name is None:
        return {key: untagged(one) for key, one in data.items()}
    return _value(name, data[VALUE])


def without_unknown(data: Any) -> Any:
    """Return tagged data with instances of classes that are not loaded here as plain fields."""
    if type(data) is list:
        return list(map(without_unknown, data))
    if type(data) is not dict:
        return data
    name = tag_of(data)
    if name is None:
        return {key: without_unknown(one) for key, one in data.items()}
    if ":" in name and find_class(name) is None:
        return untagged(_fields(data[VALUE]))
    return tagged(name, without_unknown(data[VALUE]))


def plain(data: Any) -> Any:
    """Return tagged data as JSON for people; what JSON cannot say keeps its tag."""
    if type(data) is list:
        return list(map(plain, data))
    if type(data) is not dict:
        return data
    if TAG not in data:
        return {key: plain(one) for key, one in data.items()}
    try:
        return _plain(str(tag_of(data)), data)
    except (msgspec.ValidationError, TypeError):
        return data


def _plain(name: str, data: Any) -> Any:
    value = data[VALUE]
    if ":" in name or name in _ITEMS:
        return plain(_fields(value))
    if name in _PARTS:
        return plain(value[0])
    if name == "dict":
        return _plain_pairs([[plain(key), plain(one)] for key, one in value])
    if name in _SCALARS:
        return data
    return value if type(value) is str else msgspec.to_builtins(ANY.read(name, value))


def _plain_pairs(pairs: list[list[Any]]) -> Any:
    keys = {str(key) for key, _ in pairs if type(key) in (str, int)}
    if len(keys) < len(pairs) or TAG in keys:
        return tagged("dict", pairs)
    return {str(key): one for key, one in pairs}


def _fields(data: Any) -> Any:
    """Return the fields of a tagged instance; a model's state says more than those."""
    fields = data.get("fields") if type(data) is dict else None
    return data if fields is None or "set" not in data else fields


def _value(name: str, data: Any) -> Any:
    if ":" in name or name in _ITEMS:
        return untagged(_fields(data))
    if name in _PARTS:
        return untagged(data[0])
    if name == "dict":
        return {str(untagged(key)): untagged(one) for key, one in data}
    try:
        return msgspec.to_builtins(ANY.read(name, data))
    except (msgspec.ValidationError, TypeError):
        return data
