"""Activities that compute and activities that wait; each returns the process that ran it."""

from __future__ import annotations

import os
import time
from pathlib import Path

from partita import activity, workflow


@activity
def computes(folder: str, processes: int, seconds: float) -> int:
    """Compute for so long, and until so many processes do."""
    begun, are_all_busy = time.thread_time(), _together(folder, "computes", processes)
    while time.thread_time() - begun < seconds or not are_all_busy():
        pass
    return os.getpid()


@activity
def waits(folder: str, processes: int) -> int:
    """Wait until so many processes do."""
    are_all_busy = _together(folder, "waits", processes)
    while not are_all_busy():
        time.sleep(0.01)
    return os.getpid()


class _together:  # noqa: N801
    """Tell whether so many processes run an activity of a kind, or will not in a minute."""

    def __init__(self, folder: str, kind: str, processes: int) -> None:
        self._folder, self._kind, self._processes = Path(folder), kind, processes
        self._deadline = time.monotonic() + 60
        self._is_so = False
        (self._folder / f"{kind}-{os.getpid()}").touch()

    def __call__(self) -> bool:
        if not self._is_so:
            here = len(list(self._folder.glob(f"{self._kind}-*")))
            self._is_so = here >= self._processes or time.monotonic() > self._deadline
        return self._is_so


@workflow
def computing(count: int, folder: str, processes: int, seconds: float) -> list[int]:
    futures = [computes.submit(folder, processes, seconds) for _ in range(count)]
    return [future.result() for future in futures]


@workflow
def waiting(count: int, folder: str, processes: int) -> list[int]:
    futures = [waits.submit(folder, processes) for _ in range(count)]
    return [future.result() for future in futures]
