"""Wait for tasks on connections that can be given up at any moment.

A long poll of SWF's takes a minute, and its answer may be a task: whoever cuts the connection
off may lose one. So polls are sent here rather than by the SDK, on connections whose sockets
can be watched. To stop waiting, our half of the connection is closed; the other half is
read a little longer, because a task may be on its way, and whatever comes is handed to the
caller. Everything else about a request, signing and retries too, stays the SDK's.
"""

from __future__ import annotations

import http.client
import io
import math
import os
import select
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.exceptions import ConnectionClosedError, EndpointConnectionError, ReadTimeoutError

from partita.swf.backend.timing import Timing

OPERATIONS = ("PollForDecisionTask", "PollForActivityTask")


class Polls:
    """Sends the polls of one or more clients. Safe to use from many threads."""

    def __init__(self, clients: Iterable[Any], connect: float, read: float, timing: Timing) -> None:
        self._connect = connect
        self._read = read
        self._timing = timing
        self._here = threading.local()
        self._lock = threading.Lock()
        self._open: set[http.client.HTTPConnection] = set()
        self._end, self._ended = os.pipe()
        self._closed = False
        for client in clients:
            for operation in OPERATIONS:
                client.meta.events.register(f"before-send.swf.{operation}", self._send)

    def wait(self, seconds: float | None) -> Polls:
        """Limit this thread's next polls to `seconds`; None: they last as long as SWF waits."""
        until = math.inf if seconds is None else time.monotonic() + seconds
        return self.until(lambda: until)

    def until(self, moment: Callable[[], float]) -> Polls:
        """Limit this thread's next polls to a moment that may change, and is asked for."""
        self._here.until = moment
        return self

    @property
    def is_stopped(self) -> bool:
        """Whether polls end at once."""
        return self._closed

    def pause(self, seconds: float) -> None:
        """Wait so long, or until polls are stopped."""
        select.select([self._end], [], [], seconds)

    def stop(self) -> None:
        """End every poll now; those that begin later end at once."""
        if not self._closed:
            self._closed = True
            os.write(self._ended, b"x")

    def resume(self) -> None:
        """Allow polls again."""
        if self._closed:
            os.read(self._end, 1)
            self._closed = False

    def close(self) -> None:
        """Stop for good, and close the connections."""
        self.stop()
        with self._lock:
            left, self._open = self._open, set()
        for connection in left:
            connection.close()

    def _send(self, request: AWSPreparedRequest, **_: Any) -> AWSResponse | None:
        """Send a request; None lets the SDK send it, which is so where there is a proxy."""
        url = urlsplit(request.url)
        if url.scheme in getproxies() and not proxy_bypass(url.hostname or ""):
            return None
        try:
            return self._exchange(request)
        except (http.client.HTTPException, ConnectionError) as error:
            self._drop()
            raise ConnectionClosedError(error=error, endpoint_url=request.url) from error
        except TimeoutError as error:
            self._drop()
            raise ReadTimeoutError(error=error, endpoint_url=request.url) from error
        except OSError as error:
            self._drop()
            raise EndpointConnectionError(error=error, endpoint_url=request.url) from error

    def _exchange(self, request: AWSPreparedRequest) -> AWSResponse:
        if self._closed:
            return _nothing(request)
        connection = self._connection(request)
        url = urlsplit(request.url)
        path = (url.path or "/") + (f"?{url.query}" if url.query else "")
        headers = {name: _text(value) for name, value in request.headers.items()}
        connection.request(request.method, path, body=request.body, headers=headers)
        assert connection.sock is not None
        if not self._answers(connection.sock):
            self._drop()
            return _nothing(request)
        found = connection.getresponse()
        body = found.read()
        if found.will_close:
            self._drop()
        return AWSResponse(request.url, found.status, found.headers, _Raw(body))

    def _answers(self, sock: socket.socket) -> bool:
        """Wait for an answer; return whether there is one."""
        readable = self._first([sock, self._end])
        if sock in readable:
            return True
        if select.select([sock], [], [], self._timing.poll_grace)[0]:
            return True
        socket.socket.shutdown(sock, socket.SHUT_WR)  # TLS's own would end reading, too
        coming, _, _ = select.select([sock], [], [], self._timing.poll_linger)
        return bool(coming) and bool(_peeked(sock))

    def _first(self, watched: list[Any]) -> list[Any]:
        """Wait for one of these; return none of them if the poll's time is over.

        Raises:
            TimeoutError: nothing came for so long that nothing will.
        """
        until: Callable[[], float] = getattr(self._here, "until", lambda: math.inf)
        silent_at = time.monotonic() + self._read
        while (left := min(until(), silent_at) - time.monotonic()) > 0:
            readable, _, _ = select.select(watched, [], [], min(left, self._timing.poll_check))
            if readable:
                return readable
        if until() > time.monotonic():
            raise TimeoutError(f"no answer within {self._read:g} s")
        return select.select(watched, [], [], 0)[0]

    def _connection(self, request: AWSPreparedRequest) -> http.client.HTTPConnection:
        url = urlsplit(request.url)
        key = (url.scheme, url.netloc)
        kept: http.client.HTTPConnection | None = getattr(self._here, "connection", None)
        if kept is not None and self._here.key == key and kept.sock is not None:
            if not select.select([kept.sock], [], [], 0)[0]:  # else the other end has closed it
                return kept
            self._drop()
        host = url.hostname or ""
        if url.scheme == "https":
            made: http.client.HTTPConnection = http.client.HTTPSConnection(
                host, url.port, timeout=self._connect, context=_context()
            )
        else:
            made = http.client.HTTPConnection(host, url.port, timeout=self._connect)
        made.connect()
        assert made.sock is not None
        made.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        made.sock.settimeout(self._read)
        self._here.connection, self._here.key = made, key
        with self._lock:
            self._open.add(made)
        return made

    def release(self) -> None:
        """Close this thread's connection: it polls no more."""
        self._drop()

    def _drop(self) -> None:
        kept = getattr(self._here, "connection", None)
        if kept is not None:
            kept.close()
            self._here.connection = None
            with self._lock:
                self._open.discard(kept)


def _peeked(sock: socket.socket) -> bytes:
    """Return a byte that is on its way without taking it; nothing if the other end has gone."""
    try:
        return socket.socket.recv(sock, 1, socket.MSG_PEEK)
    except (OSError, ValueError):  # TLS cannot peek; reading will tell
        return b"?"


def _context() -> ssl.SSLContext:
    bundle = os.environ.get("AWS_CA_BUNDLE") or os.environ.get("REQUESTS_CA_BUNDLE")
    context = ssl.create_default_context(cafile=bundle)
    # TLS 1.3 sends tickets after the handshake, and a socket with one looks as if it had an answer.
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    return context


def _text(value: Any) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)


class _Raw(io.BytesIO):
    def stream(self, **_: Any) -> Iterator[bytes]:
        """Yield what is left, as the SDK reads an answer."""
        if rest := self.read():
            yield rest


def _nothing(request: AWSPreparedRequest) -> AWSResponse:
    """Return the answer that SWF gives when there is no task."""
    headers = http.client.HTTPMessage()
    headers["Content-Type"] = "application/x-amz-json-1.0"
    body = b'{"startedEventId":0,"previousStartedEventId":0}'
    return AWSResponse(request.url, 200, headers, _Raw(body))
