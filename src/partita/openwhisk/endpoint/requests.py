"""Read what requests carry: their bodies, and the parameters of their queries."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import Any

from starlette.requests import Request as HttpRequest

from partita.codec.nesting import check_depth
from partita.errors import PayloadTooDeepError
from partita.openwhisk.endpoint.entities import DEPTH, Json, RequestError
from partita.telemetry.body_budget import TOO_MANY, BodyBudget, address_of

BODY_BYTES = 64 * 1024 * 1024
PARAMETER_BYTES = 1024 * 1024
LONGEST_PAGE = 200
LONGEST_WAIT = 60_000

_INTEGER = re.compile(r"[+-]?[0-9]{1,19}")

Query = Mapping[str, str]


async def data_of(request: HttpRequest, bodies: BodyBudget) -> bytes:
    """Return the bytes of a body.

    Raises:
        RequestError: they are too many, or too many bodies are being read.
    """
    largest = PARAMETER_BYTES if request.method == "POST" else BODY_BYTES
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and (len(declared) > 15 or int(declared) > largest):
        raise RequestError(413, f"Request larger than allowed: {declared} > {largest} bytes.")
    data = bytearray()
    with bodies.reading(address_of(request)) as has_room:
        async for chunk in request.stream():
            data += chunk
            if len(data) > largest:
                raise RequestError(
                    413, f"Request larger than allowed: {len(data)} > {largest} bytes."
                )
            if not has_room(len(chunk)):
                raise RequestError(503, TOO_MANY)
    return bytes(data)


async def body_of(request: HttpRequest, bodies: BodyBudget) -> Any:
    """Return the JSON of a body; None if there is none.

    Raises:
        RequestError: it is too large, or is not JSON.
    """
    data = await data_of(request, bodies)
    return json_of(data) if data else None


def json_of(data: bytes) -> Any:
    """Return the value of JSON text that can be kept.

    Raises:
        RequestError: it cannot, or is not JSON.
    """
    try:
        check_depth(data, "the content", DEPTH)
        found = json.loads(data, parse_constant=_refused, parse_float=_finite)
        json.dumps(found, ensure_ascii=False).encode()
    except (ValueError, RecursionError, PayloadTooDeepError) as error:
        raise RequestError(400, f"The request content was malformed:\n{error}") from None
    return found


def _refused(text: str) -> Any:
    raise ValueError(f"{text} is not JSON")


def _finite(text: str) -> float:
    """Return a number.

    Raises:
        ValueError: it is larger than any that is kept.
    """
    found = float(text)
    if math.isinf(found):
        raise ValueError(f"the number {text[:40]} is too large")
    return found


def object_of(body: Any) -> Json:
    """Return the object of a body; an empty one if there is no body."""
    if body is None:
        return {}
    if not isinstance(body, dict):
        raise RequestError(400, "The request content was malformed:\nObject expected")
    return body


def flag(query: Query, name: str, default: bool) -> bool:
    """Return whether a parameter is true."""
    text = query.get(name)
    if text is None:
        return default
    if text.lower() not in ("true", "false"):
        raise _malformed(name, f"'{text}' is not a valid Boolean value")
    return text.lower() == "true"


def skip(query: Query, collection: str) -> int:
    """Return how many rows are left out at the begin."""
    found = _integer(query, "skip", 0, f"The value '{{}}' is not an integer for {collection}.")
    if found < 0:
        text = f"The value '{found}' is not greater than or equal to 0 for {collection}."
        raise _malformed("skip", text)
    return found


def limit(query: Query, collection: str) -> int:
    """Return how many rows a request wants; 0 stands for as many as there may be."""
    found = _integer(query, "limit", 30, f"The value '{{}}' is not an integer for {collection}.")
    if not 0 <= found <= LONGEST_PAGE:
        text = f"The value '{found}' is not in the range of 0 to {LONGEST_PAGE} for {collection}."
        raise _malformed("limit", text)
    return found or LONGEST_PAGE


def moment(query: Query, name: str) -> int | None:
    """Return a time in milliseconds."""
    if name not in query:
        return None
    said = "Parameter is not a valid value for epoch seconds: {}"
    return _integer(query, name, 0, said, bits=64)


def milliseconds(query: Query) -> int:
    """Return how long a request wants to wait."""
    said = f"Timeout must be number of milliseconds up to {LONGEST_WAIT}."
    found = _integer(query, "timeout", LONGEST_WAIT, said)
    if not 0 < found <= LONGEST_WAIT:
        raise _malformed("timeout", said)
    return found


def name_filter(query: Query) -> str | None:
    """Return the name, or package and name, of activations that are wanted."""
    text = query.get("name", "").strip()
    if text.count("/") > 1:
        said = f"Parameter may be a 'simple' name or 'package-name/simple' name: {text}"
        raise _malformed("name", said)
    return text or None


def paged(rows: list[Json], query: Query, collection: str) -> Any:
    """Return the rows that a request wants, or how many there are."""
    if flag(query, "count", False):
        return {collection: len(rows)}
    first = skip(query, collection)
    return rows[first : first + limit(query, collection)]


def _integer(query: Query, name: str, default: int, said: str, bits: int = 32) -> int:
    """Return the integer that a parameter has, as Java reads it; `said` is told of another text."""
    text = query.get(name)
    if text is None:
        return default
    if not _INTEGER.fullmatch(text) or not -(1 << bits - 1) <= int(text) < 1 << bits - 1:
        raise _malformed(name, said.format(text))
    return int(text)


def _malformed(name: str, said: str) -> RequestError:
    return RequestError(400, f"The query parameter '{name}' was malformed:\n{said}")
