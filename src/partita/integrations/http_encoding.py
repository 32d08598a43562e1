"""Encode the body and the query of an HTTP task.

Source: AWS Step Functions Developer Guide, "Call HTTPS APIs", "Apply URL-encoding on request
body"; WHATWG, application/x-www-form-urlencoded.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote_plus

from partita.integrations.json_texts import text_of

Pair = tuple[str, str]


def query_pairs(parameters: dict[str, Any]) -> list[Pair]:
    """Return QueryParameters as pairs; an array gives one pair for each of its values."""
    pairs = []
    for name, value in parameters.items():
        values = value if isinstance(value, list) else [value]
        pairs += [(name, text_of(one)) for one in values]
    return pairs


def encoded(pairs: list[Pair]) -> str:
    """Return pairs in URL encoding."""
    return "&".join(f"{quote_plus(name)}={quote_plus(value)}" for name, value in pairs)


def form_pairs(body: dict[str, Any], array_format: str) -> list[Pair]:
    """Return a JSON object as the pairs of a form: `{"a": {"b": 1}}` is `a[b]=1`.

    `array_format` says how arrays are written: INDICES `a[0]=1&a[1]=2`, BRACKETS `a[]=1&a[]=2`,
    REPEAT `a=1&a=2`, COMMAS `a=1,2`, NONE the JSON text of the array.
    """
    return [pair for name, value in body.items() for pair in _pairs(name, value, array_format)]


def _pairs(name: str, value: Any, array_format: str) -> Iterator[Pair]:
    if isinstance(value, dict):
        for key, part in value.items():
            yield from _pairs(f"{name}[{key}]", part, array_format)
    elif isinstance(value, list) and array_format != "NONE":
        yield from _array_pairs(name, value, array_format)
    else:
        yield name, "" if value is None else text_of(value)


def _array_pairs(name: str, values: list[Any], array_format: str) -> Iterator[Pair]:
    if array_format == "COMMAS":
        yield name, ",".join(text_of(value) for value in values)
        return
    for index, value in enumerate(values):
        suffix = {"BRACKETS": "[]", "REPEAT": ""}.get(array_format, f"[{index}]")
        yield from _pairs(name + suffix, value, array_format)
