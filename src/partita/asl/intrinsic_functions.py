"""The 18 intrinsic functions of Amazon States Language.

Source: AWS Step Functions Developer Guide, "Intrinsic functions for JSONPath states".
"""

from __future__ import annotations

import base64
import hashlib
import math
import random as random_module
import re
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec

from partita.asl.json_text import is_number, json_text, same_json

Source = Callable[[], random_module.Random]
"""Returns the execution's source of random numbers."""

MAX_RANGE = 1000
"""Items that States.ArrayRange may make."""

MAX_CHARACTERS = 10_000
"""Characters that may be encoded, decoded or hashed."""


class IntrinsicError(Exception):
    """A function was given arguments that it cannot take."""


@dataclass(frozen=True)
class Function:
    """A function and the number of arguments that it takes."""

    name: str
    body: Callable[..., Any]
    least: int
    most: int | None
    needs_random: bool = False

    def check_count(self, count: int) -> None:
        """Raise ValueError if so many arguments cannot be given."""
        if count < self.least or (self.most is not None and count > self.most):
            raise ValueError(f"States.{self.name} does not take {count} arguments")

    def call(self, arguments: list[Any], source: Source) -> Any:
        """Return the function's value.

        Raises:
            IntrinsicError: it cannot take these arguments.
        """
        return self.body(source, *arguments) if self.needs_random else self.body(*arguments)


def _array(*items: Any) -> list[Any]:
    return list(items)


def _format(template: Any, *values: Any) -> str:
    parts = re.split(r"(\\.|\{\})", _text("template", template))
    left = list(values)
    if sum(part == "{}" for part in parts) != len(left):
        raise IntrinsicError(
            "Number of arguments do not match the occurrences of {} in the template"
        )
    read = []
    for part in parts:
        if part == "{}":
            read.append(_shown(left.pop(0)))
        else:
            read.append(part[1:] if part[:1] == "\\" and part[1:] in "{}'\\" else part)
    return "".join(read)


def _shown(value: Any) -> str:
    if isinstance(value, (list, dict)):
        raise IntrinsicError("Arguments must be strings, numbers, booleans or null")
    return value if isinstance(value, str) else json_text(value)


def _string_to_json(text: Any) -> Any:
    try:
        return msgspec.json.decode(_text("input", text))
    except (msgspec.DecodeError, RecursionError) as error:
        raise IntrinsicError("Invalid JSON string") from error


def _array_partition(array: Any, size: Any) -> list[list[Any]]:
    items, count = _items(array), _rounded("chunk size", size)
    if count < 1:
        raise IntrinsicError("The chunk size must be a positive integer")
    return [items[start : start + count] for start in range(0, len(items), count)]


def _array_contains(array: Any, value: Any) -> bool:
    return any(same_json(one, value) for one in _items(array))


def _array_range(first: Any, last: Any, step: Any) -> list[int]:
    start, end, by = (_rounded("range", one) for one in (first, last, step))
    if by == 0:
        raise IntrinsicError("The increment cannot be 0")
    found = range(start, end + (1 if by > 0 else -1), by)
    if len(found) > MAX_RANGE:
        raise IntrinsicError(f"The range cannot have more than {MAX_RANGE} items")
    return list(found)


def _array_get_item(array: Any, index: Any) -> Any:
    items, at = _items(array), _rounded("index", index)
    if not 0 <= at < len(items):
        raise IntrinsicError("The index is out of the bounds of the array")
    return items[at]


def _array_unique(array: Any) -> list[Any]:
    unique: dict[str, Any] = {}
    for one in _items(array):
        key = msgspec.json.encode(one, order="sorted").decode()
        unique.setdefault(key, one)
    return list(unique.values())


def _base64_encode(text: Any) -> str:
    return base64.b64encode(_short(text).encode()).decode()


def _base64_decode(text: Any) -> str:
    try:
        return base64.b64decode(_short(text), validate=True).decode()
    except ValueError as error:  # of Base64, of ASCII or of UTF-8
        raise IntrinsicError("Invalid Base64 string") from error


_ALGORITHMS = {"MD5": "md5"} | {f"SHA-{n}": f"sha{n}" for n in (1, 256, 384, 512)}


def _hash(data: Any, algorithm: Any) -> str:
    if algorithm not in _ALGORITHMS:
        raise IntrinsicError("The algorithm must be MD5, SHA-1, SHA-256, SHA-384 or SHA-512")
    text = _short(data if isinstance(data, str) else json_text(data))
    return hashlib.new(_ALGORITHMS[algorithm], text.encode(), usedforsecurity=False).hexdigest()


def _json_merge(one: Any, other: Any, is_deep: Any) -> dict[str, Any]:
    if is_deep is not False:
        raise IntrinsicError("Only a shallow merge is supported; the third argument must be false")
    if not (isinstance(one, dict) and isinstance(other, dict)):
        raise IntrinsicError("Arguments must be JSON objects")
    return {**one, **other}


def _math_random(source: Source, start: Any, end: Any, *seed: Any) -> int:
    low, high = _rounded("start", start), _rounded("end", end)
    if low >= high:
        raise IntrinsicError("The start must be less than the end")
    chance = random_module.Random(_rounded("seed", seed[0])) if seed else source()
    return chance.randrange(low, high)


def _math_add(one: Any, other: Any) -> int:
    return _rounded("value", one) + _rounded("value", other)


def _string_split(text: Any, delimiters: Any) -> list[str]:
    whole, marks = _text("input", text), _text("delimiter", delimiters)
    parts = re.split(f"[{re.escape(marks)}]", whole) if marks else [whole]
    return [part for part in parts if part]


def _uuid(source: Source) -> str:
    return str(uuid.UUID(int=source().getrandbits(128), version=4))


def _text(what: str, value: Any) -> str:
    if not isinstance(value, str):
        raise IntrinsicError(f"The {what} must be a string")
    return value


def _short(value: Any) -> str:
    text = _text("input", value)
    if len(text) > MAX_CHARACTERS:
        raise IntrinsicError(f"The input has more than {MAX_CHARACTERS} characters")
    return text


def _items(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise IntrinsicError("The first argument must be an array")
    return value


def _rounded(what: str, value: Any) -> int:
    if not is_number(value) or not math.isfinite(value):
        raise IntrinsicError(f"The {what} must be a number")
    return value if isinstance(value, int) else math.floor(value + 0.5)


FUNCTIONS = {
    function.name: function
    for function in (
        Function("Array", _array, 0, None),
        Function("Format", _format, 1, None),
        Function("StringToJson", _string_to_json, 1, 1),
        Function("JsonToString", json_text, 1, 1),
        Function("ArrayPartition", _array_partition, 2, 2),
        Function("ArrayContains", _array_contains, 2, 2),
        Function("ArrayRange", _array_range, 3, 3),
        Function("ArrayGetItem", _array_get_item, 2, 2),
        Function("ArrayLength", lambda array: len(_items(array)), 1, 1),
        Function("ArrayUnique", _array_unique, 1, 1),
        Function("Base64Encode", _base64_encode, 1, 1),
        Function("Base64Decode", _base64_decode, 1, 1),
        Function("Hash", _hash, 2, 2),
        Function("JsonMerge", _json_merge, 3, 3),
        Function("MathRandom", _math_random, 2, 3, needs_random=True),
        Function("MathAdd", _math_add, 2, 2),
        Function("StringSplit", _string_split, 2, 2),
        Function("UUID", _uuid, 0, 0, needs_random=True),
    )
}
