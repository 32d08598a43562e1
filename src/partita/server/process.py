"""Run an application until a signal comes: bind, serve, let go.

The one module that knows the HTTP server, and says in our words what that has to say.
"""

from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import FrameType

import uvicorn
from starlette.applications import Starlette

from partita.errors import InvalidOptionError

GRACE = 5
"""Seconds that requests may take to end after the first signal."""

log = logging.getLogger("partita.server")


class _Server(uvicorn.Server):
    """Lets long polls go before it waits for them."""

    def __init__(self, config: uvicorn.Config, stopping: Callable[[], None]) -> None:
        super().__init__(config)
        self._stopping = stopping

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002
        """End in order at the first signal, at once at the second; the signal is used up."""
        self.force_exit = self.should_exit
        self.should_exit = True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._stopping()
        await super().shutdown(sockets)


def bound(host: str, port: int) -> socket.socket:
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
    application: Starlette, stopping: Callable[[], None], *, host: str = "127.0.0.1", port: int = 0
) -> Iterator[str]:
    """Serve on a thread for as long as the block lasts; give the URL.

    Raises:
        InvalidOptionError: the address cannot be taken.
    """
    with bound(host, port) as listening:
        server = _Server(_config(application), stopping)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()
        try:
            yield url_of(listening)
        finally:
            server.should_exit = True
            thread.join()


def url_of(listening: socket.socket) -> str:
    """Return the URL by which a socket is reached."""
    name, number = listening.getsockname()[:2]
    return f"http://[{name}]:{number}" if ":" in name else f"http://{name}:{number}"


def _config(application: Starlette) -> uvicorn.Config:
    return uvicorn.Config(
        application,
        log_config=None,  # its records go where all others go
        log_level="warning",
        access_log=False,
        lifespan="off",
        timeout_graceful_shutdown=GRACE,
        timeout_keep_alive=75,
    )


def serve(
    application: Starlette, listening: Sequence[socket.socket], stopping: Callable[[], None]
) -> None:
    """Serve until SIGINT or SIGTERM; `stopping` is called before the last requests are awaited."""
    logging.getLogger("uvicorn.error").addFilter(in_our_words)
    _Server(_config(application), stopping).run(sockets=list(listening))


def in_our_words(record: logging.LogRecord) -> bool:
    """Say what the server has to say where that is known; return whether it shall say it."""
    if record.msg == "Invalid HTTP request received.":
        log.info("a request that is not HTTP was answered with status 400")
        return False
    if "timeout graceful shutdown exceeded" in str(record.msg):
        log.warning("requests that did not end within %d s of the signal are cut off", GRACE)
        return False
    return True
