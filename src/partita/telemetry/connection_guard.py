"""Bound what whoever connects may cost before a request is there: connections, and time.

A connection that sends no request, or no whole request, is closed after a while. When there are
too many, the one that has been idle for longest is closed, of the address that has most. A request
that is being answered, such as a long poll, is never cut off. Knows no protocol and no keys.
"""

from __future__ import annotations

import logging
import resource
import time
from collections import Counter
from typing import TYPE_CHECKING, Any

from msgspec import Struct

if TYPE_CHECKING:
    import asyncio  # loaded where there are connections

HEADER_SECONDS = 20.0
"""Seconds within which a request's headers must have come, since the connection or first byte."""

BODY_SECONDS = 60.0
"""Seconds within which a request's body must have come."""

LOG_SECONDS = 60.0
"""Seconds between two log records about connections that were closed."""

log = logging.getLogger("partita.server")


def most_connections() -> int:
    """Return how many connections leave enough descriptors for everything else."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return 100_000 if soft < 0 else max(8, soft - max(64, soft // 4))


class _Connection(Struct):
    address: str
    idle_since: float
    timer: asyncio.TimerHandle | None = None


class ConnectionGuard:
    """The connections of one server. Belongs to its event loop."""

    def __init__(
        self,
        *,
        most: int | None = None,
        header_seconds: float = HEADER_SECONDS,
        body_seconds: float = BODY_SECONDS,
    ) -> None:
        self._most = most_connections() if most is None else most
        self._header_seconds = header_seconds
        self._body_seconds = body_seconds
        self._open: dict[Any, _Connection] = {}  # by uvicorn's protocol, oldest first
        self._closed = 0  # since the last log record
        self._logged_at = -LOG_SECONDS

    def __len__(self) -> int:
        """Return how many are open."""
        return len(self._open)

    def made(self, protocol: Any) -> None:
        """Note a new connection; close one if there are too many."""
        peer = protocol.transport.get_extra_info("peername")
        address = str(peer[0]) if isinstance(peer, tuple) else ""
        self._open[protocol] = _Connection(address, time.monotonic())
        self._expect_headers(protocol)
        if len(self._open) > self._most:
            self._close(self._victim() or protocol, "too many are open")

    def lost(self, protocol: Any) -> None:
        """Forget a connection."""
        found = self._open.pop(protocol, None)
        if found is not None and found.timer is not None:
            found.timer.cancel()

    def heard(self, protocol: Any) -> None:
        """Note that bytes have come, of headers or of a body."""
        found = self._open.get(protocol)
        if found is not None and found.timer is None and not _is_busy(protocol):
            self._expect_headers(protocol)

    def begun(self, protocol: Any) -> None:
        """Note that a request's headers have come."""
        self._expect(protocol, self._body_seconds, self._body_is_late)

    def answered(self, protocol: Any) -> None:
        """Note that a request was answered: the connection is idle, or the next one has begun."""
        found = self._open.get(protocol)
        if found is None:
            return
        found.idle_since = time.monotonic()
        if _is_busy(protocol):
            self.begun(protocol)
        elif found.timer is not None:
            found.timer.cancel()
            found.timer = None

    def _expect_headers(self, protocol: Any) -> None:
        self._expect(protocol, self._header_seconds, self._headers_are_late)

    def _expect(self, protocol: Any, seconds: float, late: Any) -> None:
        found = self._open.get(protocol)
        if found is not None:
            if found.timer is not None:
                found.timer.cancel()
            from asyncio import get_running_loop

            found.timer = get_running_loop().call_later(seconds, late, protocol)

    def _headers_are_late(self, protocol: Any) -> None:
        self._open[protocol].timer = None
        if not _is_busy(protocol):
            self._close(protocol, "its request did not come")

    def _body_is_late(self, protocol: Any) -> None:
        self._open[protocol].timer = None
        if _is_busy(protocol) and protocol.cycle.more_body:
            self._close(protocol, "its request's body did not come")

    def _victim(self) -> Any:
        """Return the longest idle connection of the address that has most; None: all are busy."""
        idle = {one: found for one, found in self._open.items() if not _is_busy(one)}
        if not idle:
            return None
        held = Counter(found.address for found in self._open.values())
        return min(idle, key=lambda one: (-held[idle[one].address], idle[one].idle_since))

    def _close(self, protocol: Any, why: str) -> None:
        self.lost(protocol)
        # a transport that is being made starts to read after this turn of the loop, and must not
        # be gone by then
        from asyncio import get_running_loop

        get_running_loop().call_soon(protocol.transport.abort)
        self._closed += 1
        now = time.monotonic()
        if now - self._logged_at >= LOG_SECONDS:
            log.warning(
                "closed a connection: %s (%d closed so far, %d open, at most %d)",
                *(why, self._closed, len(self._open), self._most),
            )
            self._logged_at = now


def _is_busy(protocol: Any) -> bool:
    """Whether a request is being read or answered."""
    return protocol.cycle is not None and not protocol.cycle.response_complete


def guarded_protocol(guard: ConnectionGuard) -> type[asyncio.Protocol]:
    """Return uvicorn's HTTP protocol, which tells the guard of what happens to a connection."""
    from uvicorn.protocols.http.auto import AutoHTTPProtocol

    base: Any = AutoHTTPProtocol

    class Guarded(base):  # type: ignore[misc]
        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            guard.made(self)

        def connection_lost(self, exc: Exception | None) -> None:
            guard.lost(self)
            super().connection_lost(exc)

        def data_received(self, data: bytes) -> None:
            before = self.cycle
            super().data_received(data)
            if self.cycle is not before:
                guard.begun(self)
            else:
                guard.heard(self)

        def on_response_complete(self) -> None:
            super().on_response_complete()
            guard.answered(self)

    return Guarded
