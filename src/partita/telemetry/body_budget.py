"""Bound the bytes of request bodies that are read at a time: in all, and of one address.

Knows no protocol: who reads a body asks whether there is room, and refuses the request if not.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from partita.telemetry.connection_guard import is_bounded

if TYPE_CHECKING:
    from starlette.requests import HTTPConnection, Request

MIB = 1024 * 1024

BODY_BYTES = 128 * MIB
"""Bytes of bodies that are read at a time, at most."""

BODY_BYTES_OF_ADDRESS = 64 * MIB
"""Of these, bytes of one address that is not loopback, at most; the largest body fits in."""

DRAIN_SECONDS = 2.0
"""Seconds that the rest of a refused request's body may take to come."""

TOO_MANY = "too many large requests at a time; try again"


def address_of(request: HTTPConnection) -> str:
    """Return the address that a request came from; a proxy on loopback says its client's."""
    return request.client.host if request.client is not None else ""


class BodyBudget:
    """The bytes of bodies that one server reads at a time."""

    def __init__(
        self,
        limit: int = BODY_BYTES,
        of_address: int = BODY_BYTES_OF_ADDRESS,
        is_bounded: Callable[[str], bool] = is_bounded,
    ) -> None:
        self._limit = limit
        self._of_address = of_address
        self._is_bounded = is_bounded
        self._used: Counter[str] = Counter()  # by address
        self._total = 0

    @contextmanager
    def reading(self, address: str) -> Iterator[Callable[[int], bool]]:
        """Yield what is to be told of each chunk's size; all is given back at the end.

        What is yielded returns whether there is room for the chunk.
        """
        mine = 0
        most = self._of_address if self._is_bounded(address) else self._limit

        def take(size: int) -> bool:
            nonlocal mine
            if self._total + size > self._limit or self._used[address] + size > most:
                return False
            self._used[address] += size
            self._total += size
            mine += size
            return True

        try:
            yield take
        finally:
            self._total -= mine
            self._used[address] -= mine
            if not self._used[address]:
                del self._used[address]


async def is_drained(request: Request, limit: int) -> bool:
    """Read the rest of a body and drop it, so that its sender reads the answer; not for long.

    Return whether all has come.
    """
    from starlette.requests import ClientDisconnect

    size = 0
    try:
        async with asyncio.timeout(DRAIN_SECONDS):
            async for chunk in request.stream():
                size += len(chunk)
                if size > limit:
                    return False
    except (TimeoutError, ClientDisconnect):
        return False
    except RuntimeError:  # it was read to its end
        return True
    return True
