"""Tag ints that Python writes in no decimal digits: by default those of more than 4,300.

They are rare, so they are looked for only where writing has failed.
"""

from __future__ import annotations

from typing import Any

from partita.codec.form import tagged
from partita.codec.tagged import ANY

_BITS = 2_000  # the fewest digits to which Python can be limited are 640


def tag_large_ints(data: Any) -> Any:
    """Return data, of JSON's types alone, with large ints tagged."""
    kind = type(data)
    if kind is int:
        return tagged("int", hex(data)) if data.bit_length() > _BITS else data
    if kind in (list, tuple):
        return list(map(tag_large_ints, data))
    if kind is dict:
        return {key: tag_large_ints(one) for key, one in data.items()}
    return data


def _read_int(data: str) -> int:
    return int(data, 16)


ANY.readers["int"] = _read_int
