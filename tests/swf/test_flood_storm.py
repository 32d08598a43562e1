"""Floods of a real process: of `partita serve` by HTTP and HTTPS, and of what `--listen` opens.

`make soak` takes as many connections as were once enough to end a server; `make test` a tenth,
of a process that has a tenth of the descriptors.
"""

from __future__ import annotations

import contextlib
import os
import re
import resource
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.soak import scaled

DESCRIPTORS = scaled(128, 1024)
CONNECTIONS = scaled(150, 1500)
MEGABYTES = scaled(350, 1_200)
"""What the process may grow by; 1,500 half bodies of 1 MB once took 1,800."""

LOG_BYTES = 4_000
BODY = b"x" * 1_000_000
CODE = "from partita import workflow\n@workflow\ndef flow() -> None: ...\n"


def _head(first: str, *headers: str) -> bytes:
    return "\r\n".join((f"{first} HTTP/1.1", "Host: localhost", *headers, "", "")).encode()


def _forged() -> tuple[str, str]:
    """Return headers of a signature that looks right until the body is there."""
    moment = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    scope = f"A/{moment[:8]}/us-east-1/swf/aws4_request"
    signed = "SignedHeaders=host;x-amz-date;x-amz-target, Signature=00"
    return f"X-Amz-Date: {moment}", f"Authorization: AWS4-HMAC-SHA256 Credential={scope}, {signed}"


HALF = ("Content-Length: 1048000", "X-Amz-Target: SimpleWorkflowService.ListDomains")
FLOODS: dict[str, Callable[[], bytes]] = {
    "half requests without a signature": lambda: _head("POST /", *HALF) + BODY,
    "half requests with a forged signature": lambda: _head("POST /", *HALF, *_forged()) + BODY,
    "half requests to OpenWhisk": lambda: _head("POST /api/v1/namespaces", HALF[0]) + BODY,
    "half uploads to OpenWhisk": lambda: (
        _head("PUT /api/v1/namespaces/_/actions/a", "Authorization: Basic QTpi", HALF[0]) + BODY
    ),
    "slow headers": lambda: b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Slow: ",
    "headers without an end": lambda: b"GET /healthz HTTP/1.1\r\n" + b"a: b\r\n" * 50_000,
    "nothing": lambda: b"",
    "what is not HTTP": lambda: b"\x16\x00garbage\r\n\r\n",
}


class Flooded:
    """A process, and where it listens."""

    def __init__(self, process: subprocess.Popen[bytes], log: Path, *, is_tls: bool) -> None:
        self._process = process
        self._log = log
        self._context = ssl._create_unverified_context() if is_tls else None
        while not (found := re.search(r" on https?://127.0.0.1:(\d+)", self.log)):
            assert process.poll() is None, self.log
            time.sleep(0.05)
        self.port = int(found[1])

    @property
    def log(self) -> str:
        return self._log.read_text()

    def megabytes(self) -> int:
        text = Path(f"/proc/{self._process.pid}/status").read_text()
        return int(re.findall(r"VmRSS:\s+(\d+)", text)[0]) // 1024

    def _connected(self, *, in_tls: bool = True) -> socket.socket:
        plain = socket.create_connection(("127.0.0.1", self.port), timeout=60)
        if self._context is None or not in_tls:
            return plain
        try:
            return self._context.wrap_socket(plain)
        except BaseException:
            plain.close()
            raise

    def is_healthy(self) -> bool:
        with self._connected() as wire:
            wire.sendall(_head("GET /healthz"))
            return wire.recv(100).startswith(b"HTTP/1.1 200")

    @contextlib.contextmanager
    def flood(self, data: bytes) -> Iterator[None]:
        """Open connections, send the same on each of them, and hold them."""
        held: list[socket.socket] = []

        def one(_: int) -> None:
            with contextlib.suppress(OSError):  # it is closed meanwhile
                wire = self._connected(in_tls=bool(data))
                held.append(wire)
                wire.sendall(data)

        with ThreadPoolExecutor(30) as pool:
            list(pool.map(one, range(CONNECTIONS)))
        try:
            yield
        finally:
            for wire in held:
                wire.close()


def _bounded() -> None:
    resource.setrlimit(resource.RLIMIT_NOFILE, (DESCRIPTORS, DESCRIPTORS))
    resource.setrlimit(resource.RLIMIT_AS, (6 << 30, 6 << 30))


@pytest.fixture(params=["http", "https", "listen"])
def flooded(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Flooded]:
    code, keys, log = tmp_path / "flow.py", tmp_path / "keys", tmp_path / "log"
    code.write_text(CODE)
    keys.write_text("A:b\n")
    arguments = {
        "http": ["serve", "--port", "0"],
        "https": ["serve", "--port", "0", "--tls-self-signed", f"{tmp_path / 'tls'}"],
        "listen": ["worker", f"{code}", "--listen", "127.0.0.1:0"],
    }[request.param]
    if request.param != "listen":
        arguments += ["--access-key-file", f"{keys}", "--auth-file", f"{keys}"]
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (before[1], before[1]))
    with log.open("wb") as written:
        process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "partita",
                "--backend",
                f"sqlite:///{tmp_path}/x.db",
                *arguments,
            ],
            stderr=written,
            stdout=written,
            preexec_fn=_bounded,  # nothing else runs here
            env={**os.environ, "MALLOC_ARENA_MAX": "2"},
        )
    try:
        yield Flooded(process, log, is_tls=request.param == "https")
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
        process.terminate()
        assert process.wait(60) == 0, log.read_text()


def test_floods_neither_lock_out_nor_fill_anything(flooded: Flooded) -> None:
    before = flooded.megabytes()
    for name, data in FLOODS.items():
        with flooded.flood(data()):
            assert flooded.is_healthy(), name
            assert flooded.megabytes() - before < MEGABYTES, name
    assert flooded.is_healthy()
    assert "Traceback" not in flooded.log
    assert len(flooded.log) < LOG_BYTES, flooded.log
