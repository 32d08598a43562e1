"""Tell whether the worker that holds a task is still alive.

Two ways: its lease, which works everywhere and takes as long as a lease; and, on the machine
where it runs, its process id, which works at once. A lease is a moment of the wall clock; how
long it still runs is counted from when it was first seen, by a clock that nobody sets.
"""

from __future__ import annotations

import functools
import os
import platform
import uuid
from collections.abc import Callable, Collection
from pathlib import Path

from partita.ports.catalogue import WorkerRecord


def new_worker(lease_until: float) -> WorkerRecord:
    """Describe this process as a worker."""
    pid = os.getpid()
    return WorkerRecord(
        id=uuid.uuid4().hex,
        machine=machine(),
        pid=pid,
        born=_born(pid) or "",
        lease_until=lease_until,
    )


class Leases:
    """How long the leases of other workers still run, whatever is done to the wall clock."""

    def __init__(self, steady: Callable[[], float]) -> None:
        self._steady = steady
        self._seen: dict[str, tuple[float, float]] = {}  # worker -> lease, end by `steady`

    def dead(self, workers: Collection[WorkerRecord], now: float) -> list[WorkerRecord]:
        """Return those who can no longer use what they hold; `now` is by the wall clock."""
        moment = self._steady()
        seen: dict[str, tuple[float, float]] = {}
        for worker in workers:
            seen[worker.id] = self._seen.get(worker.id, (0.0, 0.0))
            if seen[worker.id][0] != worker.lease_until:  # renewed, or never seen before
                seen[worker.id] = (worker.lease_until, moment + worker.lease_until - now)
        self._seen = seen
        return [one for one in workers if seen[one.id][1] <= moment or _is_gone(one)]


def is_dead(worker: WorkerRecord, now: float) -> bool:
    """Whether a worker seems to be dead at one look; `now` is by the wall clock."""
    return worker.lease_until <= now or _is_gone(worker)


def _is_gone(worker: WorkerRecord) -> bool:
    """Whether it was a process of this machine, and is none any more."""
    if worker.machine != machine() or not worker.born:
        return False
    return _born(worker.pid) != worker.born


@functools.cache
def machine() -> str:
    """Name the set of processes whose ids mean the same to us: host, boot and pid namespace."""
    boot = _read("/proc/sys/kernel/random/boot_id") or ""
    try:
        namespace = os.readlink("/proc/self/ns/pid")
    except OSError:
        namespace = ""
    return f"{platform.node()}/{boot}/{namespace}"


def _born(pid: int) -> str | None:
    """Return when a process began, in kernel ticks; None if it is gone or cannot be seen."""
    stat = _read(f"/proc/{pid}/stat")
    if stat is None:
        return None
    fields = stat.rpartition(")")[2].split()  # what follows the command's name
    return None if fields[0] in "ZX" else fields[19]


def _read(path: str) -> str | None:
    try:
        return Path(path).read_text().strip()
    except OSError:
        return None
