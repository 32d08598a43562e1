"""The endpoint as people run it: `partita serve`, in a process of its own."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from partita.engine import Engine
from partita.stores.memory import MemoryStore
from partita.swf.front.front import Front
from partita.swf.front.protocol import SwfProtocol
from tests.swf.conftest import Endpoint


class Served(Endpoint):
    """An endpoint in another process."""

    def __init__(self, url: str, process: subprocess.Popen[str]) -> None:
        nothing = Engine(MemoryStore())
        super().__init__(url, nothing, SwfProtocol(Front(nothing)))
        nothing.close()
        self.process = process

    @property
    def port(self) -> int:
        """The port it listens on."""
        return int(self.url.rpartition(":")[2])

    def kill(self) -> None:
        """End it as the kernel does."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(30)

    def stop(self) -> int:
        """End it in order; return its exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(30)


@contextmanager
def served(backend: str, *options: str, folder: Path | None = None) -> Iterator[Served]:
    """Run `partita serve` for as long as the block lasts."""
    command = [sys.executable, "-m", "partita", "--backend", backend, "serve"]
    environment = {**os.environ, "PARTITA_ACCESS_KEYS": "AKID:secret"}
    process = subprocess.Popen(
        [*command, "--port", "0", *options],
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
        cwd=folder,
    )
    assert process.stderr is not None
    with process, process.stderr as told:
        line = told.readline()
        found = re.search(r"https?://\S+:\d+", line)
        try:
            assert found, line + told.read()
            yield Served(found.group(), process)
        finally:
            process.kill()
