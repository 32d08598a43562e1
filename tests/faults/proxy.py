"""A TCP port before a PostgreSQL socket, whose connections break in the ways that networks know.

Knows nothing of PostgreSQL's protocol: what passes is bytes.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from pathlib import Path

CHUNK = 1 << 16


class Link:
    """One client's connection, and ours to the server on its behalf."""

    def __init__(self, proxy: Proxy, client: socket.socket, server: socket.socket) -> None:
        self.is_silent = False
        self._proxy = proxy
        self._ends = (client, server)
        for source, target, is_reply in ((client, server, False), (server, client, True)):
            pump = threading.Thread(
                target=self._pump, args=[source, target, is_reply], daemon=True, name="proxy"
            )
            pump.start()

    def _pump(self, source: socket.socket, target: socket.socket, is_reply: bool) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(CHUNK):
                self._proxy.hold()
                if is_reply and self._proxy.eats_reply():
                    break
                if not self.is_silent:
                    target.sendall(data)
        self.cut()

    def cut(self) -> None:
        """Break it, for both sides."""
        for end in self._ends:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()


class Proxy:
    """A loopback port; everything it is told holds for all that passes through it."""

    def __init__(self, target: Path) -> None:
        self._target = str(target)
        self._links: list[Link] = []
        self._lock = threading.Lock()
        self._replies_left: int | None = None
        self._delay = 0.0
        self._closed = threading.Event()
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._accept, daemon=True, name="proxy")
        self._thread.start()

    def _accept(self) -> None:
        while not self._closed.is_set():
            try:
                client, _ = self._socket.accept()
            except OSError:
                return
            server = socket.socket(socket.AF_UNIX)
            try:
                server.connect(self._target)
            except OSError:  # the server is down
                client.close()
                server.close()
                continue
            with self._lock:
                self._links.append(Link(self, client, server))

    def hold(self) -> None:
        """Let what passes wait, if there is a delay."""
        if self._delay:
            self._closed.wait(self._delay)

    def eats_reply(self) -> bool:
        """Whether this piece of an answer is the one to be lost."""
        with self._lock:
            if self._replies_left is None:
                return False
            self._replies_left -= 1
            eats = self._replies_left < 0
            if eats:
                self._replies_left = None
            return eats

    def cut(self) -> None:
        """Break every connection."""
        with self._lock:
            links, self._links = self._links, []
        for link in links:
            link.cut()

    def cut_instead_of_reply(self, after: int) -> None:
        """Let `after` pieces of answers pass; break the connection instead of passing the next."""
        with self._lock:
            self._replies_left = after

    def has_cut(self) -> bool:
        """Whether that has happened."""
        return self._replies_left is None

    def pass_all_replies(self) -> None:
        """Take `cut_instead_of_reply` back."""
        with self._lock:
            self._replies_left = None

    def silence(self) -> None:
        """Swallow whatever comes over the connections that there are, in both directions."""
        with self._lock:
            for link in self._links:
                link.is_silent = True

    def delay(self, seconds: float) -> None:
        """Pass everything on later, from now on."""
        self._delay = seconds

    def close(self) -> None:
        """Break everything, and take no more connections."""
        self._closed.set()
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join()
        self.cut()
