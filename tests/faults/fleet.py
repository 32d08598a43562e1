"""Worker processes that can be killed, stopped, and put on another clock."""

from __future__ import annotations

import mmap
import os
import signal
import struct
import subprocess
import sys
import threading
import time
from functools import partial
from pathlib import Path

from partita.connect import connect
from partita.engine import Engine
from partita.engine.timing import Timing
from partita.ports.store import Store
from partita.worker import Worker

ROOT = Path(__file__).parents[2]


class Process:
    """One worker process, started at once; what it says is kept in a file."""

    def __init__(self, url: str, ledger: Path, *, lease: float = 10.0, clock: Path | None = None):
        given = [url, str(lease), *([str(clock)] if clock else [])]
        code = "import sys; from tests.faults.fleet import work; work(*sys.argv[1:])"
        with ledger.with_suffix(".log").open("a") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-c", code, *given],
                env={**os.environ, "LEDGER": str(ledger)},
                cwd=ROOT,
                stderr=log,
            )

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    def send(self, number: int) -> None:
        """Send a signal."""
        self._process.send_signal(number)

    def kill(self) -> None:
        """End it as the kernel does when memory runs out."""
        self._process.kill()
        self._process.wait()

    @property
    def is_alive(self) -> bool:
        """Whether it still runs, or is stopped."""
        return self._process.poll() is None

    def stop(self) -> None:
        """Let it end well; one that has hardly begun may not have learnt how."""
        self._process.send_signal(signal.SIGTERM)
        assert self._process.wait(timeout=60) in (0, -signal.SIGTERM)


class Fleet:
    """Some workers of one store, each replaced when it is killed."""

    def __init__(
        self,
        url: str,
        ledger: Path,
        *,
        size: int = 2,
        lease: float = 10.0,
        clock: Path | None = None,
    ) -> None:
        self._begin = partial(Process, url, ledger, lease=lease, clock=clock)
        self.workers = [self._begin() for _ in range(size)]

    def __enter__(self) -> Fleet:
        """Do nothing: they run already."""
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        """End them: well if all went well; nobody may have ended by himself before."""
        alive = [worker.is_alive for worker in self.workers]
        try:
            if kind is None:
                for worker in self.workers:
                    worker.stop()
        finally:
            for worker in self.workers:
                worker.kill()
        assert kind is not None or all(alive), "a worker ended without being killed"

    def replace(self, place: int) -> None:
        """Kill one, and start another in its place."""
        assert self.workers[place].is_alive, "a worker ended without being killed"
        self.workers[place].kill()
        self.workers[place] = self._begin()


def work(url: str, lease: str, clock: str | None = None) -> None:
    """Be a worker until SIGTERM; `clock` is a file that says by how much this process errs."""
    if clock is not None:
        shift(Path(clock))
    from tests.faults import flow  # after the clock was shifted: activities read it, too

    engine = Engine(opened(url), clock=time.time, timing=Timing(lease=float(lease)))
    worker = Worker(
        engine,
        workflows=[flow.order, flow.part, flow.waiting, flow.sleeping],
        activities=[flow.effect, flow.gated],
        slots=4,
    )
    worker.run()
    engine.close()


def opened(url: str) -> Store:
    """Return the store that a URL names."""
    found = connect(url)
    assert isinstance(found, Engine)
    return found.store


def shift(file: Path) -> None:
    """Put `time.time` off by as many seconds as a file says at each moment."""
    with file.open("rb") as opened:
        view = mmap.mmap(opened.fileno(), 8, access=mmap.ACCESS_READ)
    real = time.time
    time.time = lambda: real() + struct.unpack("d", view[:8])[0]


def set_shift(file: Path, seconds: float) -> None:
    """Say by how much the processes that look there shall err."""
    if not file.exists():
        file.write_bytes(bytes(8))
    with file.open("r+b") as opened:
        opened.write(struct.pack("d", seconds))


def pause(seconds: float) -> None:
    """Let what runs run: a moment at random, for which nobody waits."""
    threading.Event().wait(seconds)
