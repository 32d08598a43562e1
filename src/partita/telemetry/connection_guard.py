"""Bound what whoever connects may cost before a request is there: connections, and time.

A connection that sends no request, or no whole request, is closed after a while; so is one whose
TLS handshake does not end, or whose headers do not. When there are too many, or too many of one
address, the one that has been idle for longest is closed, of the address that has most; if none is
idle, one whose request has not come whole. A request that is being answered, such as a long poll,
is never cut off. Loopback addresses, where reverse
proxies connect from, have no bound of their own. Knows no protocol and no keys.
"""

from __future__ import annotations

import contextlib
import ipaddress
import logging
import os
import resource
import socket
import time
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from partita.telemetry.server_log import NowAndThen

if TYPE_CHECKING:
    import asyncio  # loaded where there are connections

HEADER_SECONDS = 20.0
"""Seconds within which a request's headers must have come, since the connection or first byte."""

BODY_SECONDS = 60.0
"""Seconds within which a request's body must have come."""

HEADER_BYTES = 64 * 1024
"""Bytes that a request's headers may have, at most."""

log = logging.getLogger("partita.server")


MOST_CONNECTIONS = 10_000
"""Connections of one server, at most, however many descriptors there are."""

CLOSING = 16
"""Connections beyond the bound that may be open while they are being closed."""


def most_connections() -> int:
    """Return how many connections leave enough descriptors for everything else."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = MOST_CONNECTIONS if soft < 0 else max(8, soft - max(64, soft // 4))
    return min(most, MOST_CONNECTIONS)


def is_bounded(address: str) -> bool:
    """Whether an address has a bound of its own: loopback has none."""
    try:
        return not ipaddress.ip_address(address.partition("%")[0]).is_loopback
    except ValueError:  # no address of the internet
        return False


class _Connection(Struct):
    address: str
    since: float  # when it became idle, or its request's headers had come
    header_bytes: int = 0  # since the last request
    timer: asyncio.TimerHandle | None = None


class _Handshake(Struct):
    """A connection that was accepted and is not made: its TLS handshake goes on."""

    wire: socket.socket
    address: str
    timer: asyncio.TimerHandle


class ConnectionGuard:
    """The connections of one server. Belongs to its event loop."""

    def __init__(
        self,
        *,
        most: int | None = None,
        most_of_address: int | None = None,
        header_seconds: float = HEADER_SECONDS,
        body_seconds: float = BODY_SECONDS,
        is_bounded: Callable[[str], bool] = is_bounded,
    ) -> None:
        """Bound connections to `most`, and those of an address that `is_bounded` to half of it."""
        self._most = most_connections() if most is None else most
        self._most_of_address = most_of_address or max(1, self._most // 2)
        self._is_bounded = is_bounded
        self._header_seconds = header_seconds
        self._body_seconds = body_seconds
        self._open: dict[Any, _Connection] = {}  # by uvicorn's protocol, oldest first
        self._handshakes: dict[int, _Handshake] = {}  # by file descriptor, oldest first
        self._held: Counter[str] = Counter()  # how many each address has open
        self._wires: set[socket.socket] = set()  # accepted; some of them may be closed
        self._closings = NowAndThen()

    def __len__(self) -> int:
        """Return how many are open."""
        return len(self._open)

    def may_accept(self) -> bool:
        """Whether there is a descriptor for one more connection, which may then be closed."""
        if len(self._wires) >= self._most + CLOSING:
            self._wires = {wire for wire in self._wires if wire.fileno() >= 0}
        return len(self._wires) < self._most + CLOSING

    def accepted(self, wire: socket.socket, peer: Any) -> None:
        """Note a connection that was accepted; close the oldest handshake if there are too many."""
        from asyncio import get_running_loop

        late = get_running_loop().call_later(self._header_seconds, self._handshake_is_late, wire)
        if (stale := self._handshakes.pop(wire.fileno(), None)) is not None:
            stale.timer.cancel()  # it has closed the descriptor
        self._wires.add(wire)
        self._handshakes[wire.fileno()] = _Handshake(wire, _address(peer), late)
        if len(self._open) + len(self._handshakes) > self._most and len(self._handshakes) > 1:
            self._forget_ended_handshakes()
            if len(self._open) + len(self._handshakes) > self._most:
                oldest = next(iter(self._handshakes.values()))
                self._end_handshake(oldest.wire, "too many are open")

    def _forget_ended_handshakes(self) -> None:
        for number, one in list(self._handshakes.items()):
            if one.wire.fileno() != number:
                self._handshakes.pop(number).timer.cancel()

    def _handshake_is_late(self, wire: socket.socket) -> None:
        self._end_handshake(wire, "its TLS handshake did not end")

    def _end_handshake(self, wire: socket.socket, why: str) -> None:
        number = wire.fileno()
        found = self._handshakes.get(number)
        if found is None or found.wire is not wire:  # it was made, or has ended
            return
        self._handshakes.pop(number).timer.cancel()
        with contextlib.suppress(OSError):
            wire.shutdown(socket.SHUT_RDWR)  # its transport sees an end, and closes it
        self._note(why)

    def made(self, protocol: Any) -> None:
        """Note a new connection; close one if there are too many."""
        wire = protocol.transport.get_extra_info("socket")
        if wire is not None and (begun := self._handshakes.pop(wire.fileno(), None)) is not None:
            begun.timer.cancel()
        address = _address(protocol.transport.get_extra_info("peername"))
        self._open[protocol] = _Connection(address, time.monotonic())
        self._held[address] += 1
        self._expect_headers(protocol)
        if self._held[address] > self._most_of_address and self._is_bounded(address):
            self._close(self._victim(protocol, address), "its address has too many open")
        elif len(self._open) > self._most:
            self._close(self._victim(protocol), "too many are open")

    def lost(self, protocol: Any) -> None:
        """Forget a connection."""
        found = self._open.pop(protocol, None)
        if found is None:
            return
        if found.timer is not None:
            found.timer.cancel()
        self._held[found.address] -= 1
        if not self._held[found.address]:
            del self._held[found.address]

    def heard(self, protocol: Any, size: int) -> None:
        """Note that bytes have come, of headers or of a body."""
        found = self._open.get(protocol)
        if found is None or _is_busy(protocol):
            return
        found.header_bytes += size
        if found.header_bytes > HEADER_BYTES:
            self._close(protocol, "its request's headers did not end")
        elif found.timer is None:
            self._expect_headers(protocol)

    def begun(self, protocol: Any) -> None:
        """Note that a request's headers have come."""
        if (found := self._open.get(protocol)) is not None:
            found.header_bytes, found.since = 0, time.monotonic()
        self._expect(protocol, self._body_seconds, self._body_is_late)

    def answered(self, protocol: Any) -> None:
        """Note that a request was answered: the connection is idle, or the next one has begun."""
        found = self._open.get(protocol)
        if found is None:
            return
        found.since = time.monotonic()
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

    def _victim(self, newest: Any, address: str | None = None) -> Any:
        """Return the longest idle connection, of an address or of the one with most.

        If none is idle, the one whose request's body is being read for longest; else the newest.
        """
        closable = {
            one: found
            for one, found in self._open.items()
            if one is not newest and not _is_answered(one) and address in (None, found.address)
        }
        if not closable:
            return newest

        def order(one: Any) -> tuple[bool, int, float]:
            found = closable[one]
            return _is_busy(one), -self._held[found.address], found.since

        return min(closable, key=order)

    def _close(self, protocol: Any, why: str) -> None:
        self.lost(protocol)
        # a transport that is being made starts to read after this turn of the loop, and must not
        # be gone by then
        from asyncio import get_running_loop

        get_running_loop().call_soon(protocol.transport.abort)
        self._note(why)

    def _note(self, why: str) -> None:
        if self._closings.happened():
            log.warning(
                "closed a connection: %s (%d closed so far, %d open, at most %d)",
                *(why, self._closings.count, len(self._open), self._most),
            )


def _address(peer: Any) -> str:
    return str(peer[0]) if isinstance(peer, tuple) else ""


def _is_busy(protocol: Any) -> bool:
    """Whether a request is being read or answered."""
    return protocol.cycle is not None and not protocol.cycle.response_complete


def _is_answered(protocol: Any) -> bool:
    """Whether a whole request has come and is being answered."""
    return _is_busy(protocol) and not protocol.cycle.more_body


def guarded_protocol(guard: ConnectionGuard) -> type[asyncio.Protocol]:
    """Return uvicorn's HTTP protocol, which tells the guard of what happens to a connection."""
    from uvicorn.protocols.http.h11_impl import H11Protocol

    base: Any = H11Protocol

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
                guard.heard(self, len(data))

        def on_response_complete(self) -> None:
            super().on_response_complete()
            guard.answered(self)

    return Guarded


class GuardedSocket(socket.socket):
    """A listening socket that tells a guard of each connection that it accepts."""

    guard: ConnectionGuard

    def accept(self) -> tuple[socket.socket, Any]:
        """Accept a connection; see `socket.socket`.

        Raises:
            BlockingIOError: none waits, or there is no room before others are closed.
        """
        if not self.guard.may_accept():
            raise BlockingIOError
        made, peer = super().accept()
        self.guard.accepted(made, peer)
        return made, peer


def guarded_socket(listening: socket.socket, guard: ConnectionGuard) -> GuardedSocket:
    """Return a duplicate of a listening socket that tells the guard of what it accepts."""
    made = GuardedSocket(fileno=os.dup(listening.fileno()))
    made.guard = guard
    return made
