"""Implement the functions that AWS adds to JSONata: partition, range, hash, random, uuid, parse.

Source: AWS Step Functions Developer Guide, "JSONata functions provided by Step Functions".
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable
from typing import Any

from partita.asl.jsonata.failures import MEMORY, JsonataError
from partita.asl.jsonata.java_random import first_double

MAX_ITEMS = 873_782  # of an array; measured on AWS

_HASHES = {
    "MD5": hashlib.md5,
    "SHA-1": hashlib.sha1,
    "SHA-256": hashlib.sha256,
    "SHA-384": hashlib.sha384,
    "SHA-512": hashlib.sha512,
}


def partition(items: Any = None, size: Any = None) -> Any:
    """Return an array in parts of `size` items; nothing for an empty array or a size of 0."""
    if items is None or size is None:
        return None
    if not isinstance(items, list):
        items = [items]
    if not _is_number(size) or size < 0:
        raise _unfit("partition", 2)
    step = int(size)
    if not items or step == 0:
        return None
    return [items[start : start + step] for start in range(0, len(items), step)]


def number_range(first: Any = None, last: Any = None, step: Any = None) -> Any:
    """Return the numbers from `first` to `last`, which is included when a step reaches it."""
    for number, argument in enumerate((first, last, step), 1):
        if not _is_number(argument):
            raise _unfit("range", number)
    if step == 0:
        raise _unfit("range", 3)
    count = max(0, math.floor((last - first) / step) + 1)
    if count > MAX_ITEMS:
        raise JsonataError(None, MEMORY)
    return _sequence([first + number * step for number in range(count)])


def digest(text: Any = None, algorithm: Any = "SHA-256") -> Any:
    """Return the hexadecimal digest of a string's UTF-8 form."""
    if text is None:
        return None
    if not isinstance(text, str):
        raise _unfit("hash", 1)
    if not isinstance(algorithm, str) or algorithm not in _HASHES:
        raise _unfit("hash", 2)
    return _HASHES[algorithm](text.encode()).hexdigest()


def parse(text: Any = None) -> Any:
    """Return the value of a JSON text."""
    if text is None:
        return None
    if not isinstance(text, str):
        raise _unfit("parse", 1)
    try:
        return json.loads(text, parse_constant=_refuse, object_pairs_hook=_unique)
    except ValueError:
        raise JsonataError("D3121", "Dynamic error evaluating the function 'parse'") from None


def seeded_random(random: Callable[[], float]) -> Callable[..., Any]:
    """Return `$random`: of java.util.Random for a seed, else of `random`."""

    def choose(seed: Any = None) -> float:
        if seed is None:
            return random()
        if not _is_number(seed):
            raise _unfit("random", 1)
        return first_double(int(seed))

    return choose


def _sequence(items: list[Any]) -> Any:
    """Return what a JSONata sequence is: nothing, its only item, or the array."""
    return items if len(items) > 1 else items[0] if items else None


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _unfit(name: str, argument: int) -> JsonataError:
    return JsonataError(
        "T0410", f'Argument {argument} of function "{name}" does not match function signature'
    )


def _refuse(text: str) -> Any:
    raise ValueError(text)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        raise ValueError("a repeated key")
    return members
