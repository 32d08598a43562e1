"""Read what requests carry: their bodies, and the parameters of their queries."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from starlette.requests import Request as HttpRequest

from partita.openwhisk.endpoint.entities import Json, RequestError
from partita.telemetry.body_budget import TOO_MANY, BodyBudget, address_of

BODY_BYTES = 64 * 1024 * 1024
PARAMETER_BYTES = 1024 * 1024
LONGEST_PAGE = 200

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
    if not data:
        return None
    try:
        found = json.loads(data, parse_constant=_refused, parse_float=_finite)
        json.dumps(found, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
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
        raise RequestError(
            400,
            f"The query parameter '{name}' was malformed:\n'{text}' is not a valid Boolean value",
        )
    return text.lower() == "true"


def number(query: Query, name: str, default: int | None, low: int, high: int) -> int | None:
    """Return the number that a parameter has, within bounds."""
    text = query.get(name)
    if text is None:
        return default
    if not text.isdecimal() or not low <= int(text) <= high:
        raise RequestError(
            400, f"The query parameter '{name}' was malformed:\n'{text}' is not a valid value"
        )
    return int(text)


def limit(query: Query) -> int:
    """Return how many rows a request wants; 0 stands for as many as there may be."""
    return number(query, "limit", 30, 0, LONGEST_PAGE) or LONGEST_PAGE


def milliseconds(query: Query) -> int:
    """Return how long a request wants to wait."""
    return number(query, "timeout", 60_000, 1, 60_000) or 60_000


def paged(rows: list[Json], query: Query, name: str) -> Any:
    """Return the rows that a request wants, or how many there are."""
    if query.get("count") == "true":
        return {name: len(rows)}
    skip = number(query, "skip", 0, 0, 2**53) or 0
    return rows[skip : skip + limit(query)]
