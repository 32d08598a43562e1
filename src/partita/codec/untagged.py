"""Show tagged data as earlier versions wrote it: without tags."""

from __future__ import annotations

from typing import Any

import msgspec

from partita.codec.form import VALUE, tag_of
from partita.codec.tagged import ANY

_PARTS = {"OrderedDict", "Counter", "defaultdict", "deque"}
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


def _value(name: str, data: Any) -> Any:
    if ":" in name or name in _ITEMS:
        fields = data.get("fields") if type(data) is dict else None
        return untagged(data if fields is None or "set" not in data else fields)
    if name in _PARTS:
        return untagged(data[0])
    if name == "dict":
        return {str(untagged(key)): untagged(one) for key, one in data}
    try:
        return msgspec.to_builtins(ANY.read(name, data))
    except (msgspec.ValidationError, TypeError):
        return data
