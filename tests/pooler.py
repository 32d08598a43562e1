"""A pooler in transaction mode, for tests: as hard on its clients as any that is in use.

Speaks just enough of PostgreSQL's protocol to know where a transaction ends. Then it takes the
server's connection from the client, and gives it the one that has rested longest for the next:
nothing that a session keeps is there again. Nobody listens through it: it passes on answers,
not what the server says by itself.

Source: https://www.postgresql.org/docs/current/protocol-flow.html
"""

from __future__ import annotations

import os
import queue
import selectors
import shutil
import socket
import struct
import subprocess
import threading
from pathlib import Path
from typing import Any

import psycopg

from tests.conftest import until
from tests.postgres import NOBODY

SERVERS = 4
"""Connections to the server, for all clients together."""

Message = tuple[bytes, bytes]
"""A message's type and all of its bytes."""


class Pooler:
    """Listens on a Unix socket in a folder, with port 6432; `close` it at the end."""

    def __init__(self, folder: Path, server: Path) -> None:
        self.folder = folder
        self.transactions = 0
        self._server = str(server / ".s.PGSQL.5432")
        self._idle: queue.Queue[socket.socket] = queue.Queue()
        self._all: list[socket.socket] = []
        self._greeting = b""
        self._lock = threading.Lock()
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(folder / ".s.PGSQL.6432"))
        self._listener.listen(50)
        threading.Thread(target=self._accept, daemon=True).start()

    def url(self, schema: str, **options: str) -> str:
        return _url(self.folder, schema, options)

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for server in self._all:
            server.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client:
            try:
                hello = _hello(client)
                with self._lock:
                    while len(self._all) < SERVERS:
                        self._idle.put(self._connect(hello))
                client.sendall(self._greeting)
                _Session(client, self._idle, self).run()
            except OSError:
                pass

    def _connect(self, hello: bytes) -> socket.socket:
        server = socket.socket(socket.AF_UNIX)
        server.connect(self._server)
        server.sendall(hello)
        greeting, buffer = b"", bytearray()
        while not greeting.endswith(b"Z\0\0\0\5I"):
            for _, whole in _received(server, buffer):
                greeting += whole
        self._greeting = greeting
        self._all.append(server)
        return server


class PgBouncer:
    """The pooler that most people use, where it is installed."""

    program = shutil.which("pgbouncer")

    def __init__(self, folder: Path, server: Path) -> None:
        assert self.program is not None
        self.folder = folder
        (folder / "users").write_text('"partita" ""\n')
        (folder / "ini").write_text(
            f"[databases]\n* = host={server} port=5432\n"
            f"[pgbouncer]\nlisten_port = 6432\nunix_socket_dir = {folder}\n"
            f"auth_type = trust\nauth_file = {folder / 'users'}\nadmin_users = partita\n"
            f"pool_mode = transaction\ndefault_pool_size = {SERVERS}\n"
        )
        other: dict[str, Any] = {}
        if os.getuid() == 0:
            os.chown(folder, NOBODY, NOBODY)
            other = {"user": NOBODY, "group": NOBODY, "extra_groups": []}
        command = [self.program, "--quiet", str(folder / "ini")]
        with (folder / "said").open("w") as said:
            self._process = subprocess.Popen(command, stderr=said, cwd="/", **other)
        until((folder / ".s.PGSQL.6432").exists)

    @property
    def transactions(self) -> int:
        where = f"host={self.folder} port=6432 dbname=pgbouncer user=partita"
        with psycopg.connect(where, autocommit=True) as connection:
            rows = connection.execute("SHOW STATS_TOTALS").fetchall()
        return sum(row[1] for row in rows)

    def url(self, schema: str, **options: str) -> str:
        return _url(self.folder, schema, options)

    def close(self) -> None:
        self._process.terminate()
        self._process.wait(10)


POOLERS: dict[str, type[Pooler] | type[PgBouncer]] = {"ours": Pooler}
if PgBouncer.program is not None:
    POOLERS["pgbouncer"] = PgBouncer


def _url(folder: Path, schema: str, options: dict[str, str]) -> str:
    more = "".join(f"&{name}={value}" for name, value in options.items())
    return (
        f"postgresql://partita@/postgres?host={folder}&port=6432&schema={schema}&prepare=no{more}"
    )


class _Session:
    """One client, and the server's connection that it has for one transaction."""

    def __init__(
        self, client: socket.socket, idle: queue.Queue[socket.socket], pooler: Pooler
    ) -> None:
        self._client = client
        self._idle = idle
        self._pooler = pooler
        self._server: socket.socket | None = None
        self._owed = 0  # answers that the server has yet to end
        self._from_client, self._from_server = bytearray(), bytearray()

    def run(self) -> None:
        while True:
            with selectors.DefaultSelector() as selector:
                selector.register(self._client, selectors.EVENT_READ)
                if self._server is not None:
                    selector.register(self._server, selectors.EVENT_READ)
                ready = [key.fileobj for key, _ in selector.select()]
            if self._server in ready:
                self._answer()
            elif not self._ask():
                return

    def _ask(self) -> bool:
        messages = _received(self._client, self._from_client)
        if not messages or any(kind == b"X" for kind, _ in messages):
            if self._server is not None:  # it may be within a transaction
                self._server.sendall(_query(b"ROLLBACK"))
                self._owed += 1
                while self._server is not None:
                    self._answer(quietly=True)
            return False
        for kind, whole in messages:
            if self._server is None:
                self._server = self._idle.get()
            self._owed += kind in (b"Q", b"S")
            self._server.sendall(whole)
        return True

    def _answer(self, *, quietly: bool = False) -> None:
        server = self._server
        assert server is not None
        for kind, whole in _received(server, self._from_server):
            if not quietly:
                self._client.sendall(whole)
            if kind == b"Z":
                self._owed -= 1
                if whole.endswith(b"I") and self._owed == 0:
                    self._pooler.transactions += 1
                    self._idle.put(server)
                    self._server = None


def _query(sql: bytes) -> bytes:
    return b"Q" + struct.pack("!I", len(sql) + 5) + sql + b"\0"


def _hello(client: socket.socket) -> bytes:
    """Return the first message, which has no type."""
    length = client.recv(4, socket.MSG_WAITALL)
    return length + client.recv(struct.unpack("!I", length)[0] - 4, socket.MSG_WAITALL)


def _received(source: socket.socket, buffer: bytearray) -> list[Message]:
    """Wait, and return the messages that are whole by then; none at the end."""
    data = source.recv(1 << 16)
    buffer += data
    messages: list[Message] = []
    while len(buffer) >= 5:
        end = 1 + struct.unpack("!I", buffer[1:5])[0]
        if len(buffer) < end:
            break
        messages.append((bytes(buffer[:1]), bytes(buffer[:end])))
        del buffer[:end]
    if data and not messages:
        return _received(source, buffer)
    return messages
