"""Run a router until a signal comes: bind, serve, end what waits.

The one module, besides the probes', that knows the HTTP server.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

import uvicorn

from partita.errors import InvalidOptionError
from partita.server.connections import Connections, closing_each
from partita.server.routes import Router
from partita.telemetry import server_log
from partita.telemetry.connection_guard import ConnectionGuard, guarded_protocol, guarded_socket
from partita.telemetry.server_log import SHUTDOWN_SECONDS

PLAIN = Connections()

ACCEPTED_AT_ONCE = 128
"""Connections that are accepted before the first of them is looked at: fewer than the descriptors
that the guard leaves free."""


class _Server(uvicorn.Server):
    """Ends long polls before it waits for the last requests."""

    def __init__(
        self,
        router: Router,
        shutdown_seconds: int,
        connections: Connections = PLAIN,
        guard: ConnectionGuard | None = None,
    ) -> None:
        server_log.install()
        application = router.application
        self._guard = ConnectionGuard() if guard is None else guard
        config = uvicorn.Config(
            application if connections.keep_alive else closing_each(application),
            log_config=None,  # its records go where all others go
            log_level="warning",
            access_log=False,
            lifespan="off",
            timeout_graceful_shutdown=shutdown_seconds,
            backlog=ACCEPTED_AT_ONCE,
            loop="asyncio",  # which accepts by the socket that tells the guard
            http=guarded_protocol(self._guard),
            timeout_keep_alive=connections.keep_alive,
            ssl_certfile=connections.certificate,
            ssl_keyfile=connections.key,
        )
        super().__init__(config)
        self._router = router

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002
        """End in order at the first signal, at once at the second; the signal is used up."""
        self.force_exit = self.should_exit
        self.should_exit = True

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        self._accepting = [guarded_socket(one, self._guard) for one in sockets or ()]
        await super().startup(list(self._accepting))

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._router.close()
        await super().shutdown([*(sockets or ()), *self._accepting])


def bind(host: str, port: int) -> socket.socket:
    """Return a socket that listens there; port 0 takes a free one.

    Raises:
        InvalidOptionError: the address cannot be taken.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio sets TCP_NODELAY only where the protocol is named; without it, answers wait 40 ms
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host.strip("[]"), port))
        listening.listen(1024)
    except OSError as error:
        listening.close()
        raise InvalidOptionError(
            f"cannot listen on {host}:{port}: {error.strerror or error}; choose another --port"
        ) from error
    return listening


@contextmanager
def in_background(
    router: Router,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    shutdown_seconds: int = SHUTDOWN_SECONDS,
    connections: Connections = PLAIN,
    guard: ConnectionGuard | None = None,
) -> Iterator[str]:
    """Serve on a thread for as long as the block lasts; yield the URL.

    Raises:
        InvalidOptionError: the address cannot be taken.
    """
    with (
        bind(host, port) as listening,
        on_thread(router, listening, shutdown_seconds, connections, guard),
    ):
        yield url_of(listening, connections.scheme)


@contextmanager
def on_thread(
    router: Router,
    listening: socket.socket,
    shutdown_seconds: int = SHUTDOWN_SECONDS,
    connections: Connections = PLAIN,
    guard: ConnectionGuard | None = None,
) -> Iterator[None]:
    """Serve on a thread, at a socket that listens, for as long as the block lasts."""
    server = _Server(router, shutdown_seconds, connections, guard)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.should_exit = True
        thread.join()


def url_of(listening: socket.socket, scheme: str = "http") -> str:
    """Return the URL by which a socket is reached."""
    name, number = listening.getsockname()[:2]
    return f"{scheme}://[{name}]:{number}" if ":" in name else f"{scheme}://{name}:{number}"


def serve(router: Router, listening: socket.socket, connections: Connections = PLAIN) -> None:
    """Serve until SIGINT or SIGTERM, and until the last requests have ended."""
    _Server(router, SHUTDOWN_SECONDS, connections).run(sockets=[listening])
