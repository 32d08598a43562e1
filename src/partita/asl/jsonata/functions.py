"""Implement the functions that AWS adds to JSONata, and those that it changes.

Arguments come as JSON values, and None for nothing; a function that returns None gives nothing.

Source: AWS Step Functions Developer Guide, "JSONata functions provided by Step Functions"; the
codes and texts as published by those who measured AWS.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import json
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote_plus

from partita.asl.jsonata.contract import MAX_ITEMS
from partita.asl.jsonata.failures import MEMORY, JsonataError
from partita.asl.jsonata.java_random import first_double

_HASHES = {
    "SHA-1": hashlib.sha1,
    "SHA-384": hashlib.sha384,
    "SHA-256": hashlib.sha256,
    "SHA-512": hashlib.sha512,
    "MD5": hashlib.md5,
}
_INVALID = "D3137"
_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_SINGLE_QUOTED = re.compile(r"\"(?:[^\"\\]|\\.)*\"|'((?:[^'\\]|\\.)*)'", re.DOTALL)

Function = Callable[..., Any]


def _with_arguments(name: str, most: int) -> Callable[[Function], Function]:
    """Refuse a call with more than `most` arguments, as AWS does."""

    def decorate(function: Function) -> Function:
        @functools.wraps(function)
        def checked(*arguments: Any) -> Any:
            if len(arguments) > most:
                raise unfit(name, most + 1)
            return function(*arguments)

        return checked

    return decorate


@_with_arguments("partition", 2)
def partition(items: Any = None, size: Any = None) -> Any:
    """Return an array in parts of `size` items; nothing for an empty array or a size of 0."""
    if items is None:
        return None
    if not isinstance(items, list):
        raise JsonataError(
            "T0412", 'Argument 1 of function "partition" must be an array of undefined'
        )
    if not items or size is None:
        return [items] if items else None
    step = _whole(size, "partition", 2)
    if step < 0:
        raise JsonataError(_INVALID, "Second argument must be zero or greater")
    return [items[at : at + step] for at in range(0, len(items), step)] if step else None


@_with_arguments("range", 3)
def number_range(first: Any = None, last: Any = None, step: Any = None) -> Any:
    """Return the numbers from `first` to `last`, which is included when a step reaches it."""
    start, end = _whole(first, "range", 1), _whole(last, "range", 2)
    stride = 0 if step is None else _whole(step, "range", 3)
    if stride == 0:
        return None
    numbers = range(start, end + (1 if stride > 0 else -1), stride)
    if len(numbers) > MAX_ITEMS:
        raise JsonataError(None, MEMORY)
    return list(numbers) if len(numbers) > 1 else next(iter(numbers), None)


@_with_arguments("hash", 2)
def digest(text: Any = None, algorithm: Any = None) -> Any:
    """Return the hexadecimal digest of a string's UTF-8 form."""
    if not isinstance(text, str):
        raise unfit("hash", 1)
    if algorithm is None:
        return None
    if not isinstance(algorithm, str):
        raise unfit("hash", 2)
    if algorithm not in _HASHES:
        known = ", ".join(_HASHES)
        raise JsonataError(_INVALID, f"Hash algorithm '{algorithm}' must be one of {known}")
    return _HASHES[algorithm](text.encode(errors="replace")).hexdigest()


@_with_arguments("parse", 1)
def parse(text: Any = None) -> Any:
    """Return the value of a JSON text; strings may be in single quotes."""
    if text is None:
        return None
    if not isinstance(text, str):
        raise unfit("parse", 1)
    try:
        return _json(text)
    except (ValueError, RecursionError):
        raise JsonataError(_INVALID, "Invalid JSON") from None


def boxed_parse(text: Any = None, *more: Any) -> Any:
    """Return `[parse(text)]`, in which null is not nothing; nothing for nothing."""
    return None if text is None and not more else [parse(text, *more)]


def seeded_random(random: Callable[[], float]) -> Function:
    """Return `$random`: of java.util.Random for a seed, else of `random`."""

    @_with_arguments("random", 1)
    def choose(seed: Any = None) -> float:
        return random() if seed is None else first_double(_whole(seed, "random", 1))

    return choose


def new_uuid(uuid: Callable[[], str]) -> Function:
    """Return `$uuid`, which takes no argument."""
    return _with_arguments("uuid", 0)(uuid)


def substring(text: Any = None, start: Any = None, length: Any = None) -> Any:
    """Return a part of a string, counted in UTF-16 units; half a character becomes U+FFFD."""
    if text is None or start is None:
        return None
    units = text.encode("utf-16-le", "surrogatepass")
    count = len(units) // 2
    begin = max(0, count + int(start)) if start < 0 else int(start)
    end = count if length is None else begin + max(0, int(length))
    return units[2 * begin : 2 * end].decode("utf-16-le", "replace")


def decode_url_component(text: Any = None) -> Any:
    """Return a decoded component of a URL, in which `+` is a space."""
    if text is None:
        return None
    if _BAD_ESCAPE.search(text):
        raise JsonataError("D3140", f'Malformed URL passed to $decodeUrlComponent(): "{text}"')
    return unquote_plus(text, errors="replace")


def base64_encode(text: Any = None) -> Any:
    """Return the Base64 form of a string's UTF-8 form."""
    return None if text is None else base64.b64encode(text.encode()).decode()


def base64_decode(text: Any = None) -> Any:
    """Return the string that a Base64 text holds; the padding may be missing."""
    if text is None:
        return None
    try:
        content = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except ValueError:
        raise JsonataError(_INVALID, "Invalid Base64") from None
    return content.decode(errors="replace")


def unfit(name: str, argument: int) -> JsonataError:
    """Return the error of an argument that does not fit a function's signature."""
    return JsonataError(
        "T0410", f'Argument {argument} of function "{name}" does not match function signature'
    )


def _whole(value: Any, name: str, argument: int) -> int:
    """Return a number without its fraction, which AWS cuts off towards zero."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise unfit(name, argument)
    return int(value)


def _json(text: str) -> Any:
    try:
        return json.loads(
            text, parse_constant=_refuse, parse_float=_finite, object_pairs_hook=_unique
        )
    except ValueError:
        quoted = _SINGLE_QUOTED.sub(_double_quoted, text)
        if quoted == text:
            raise
        return json.loads(
            quoted, parse_constant=_refuse, parse_float=_finite, object_pairs_hook=_unique
        )


def _double_quoted(matched: re.Match[str]) -> str:
    content = matched.group(1)
    if content is None:
        return matched.group()
    return '"' + content.replace("\\'", "'").replace('"', '\\"') + '"'


def _refuse(text: str) -> Any:
    raise ValueError(text)


def _finite(text: str) -> float:
    number = float(text)
    return number if abs(number) != float("inf") else _refuse(text)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        raise ValueError("a repeated key")
    return members
