"""Tell whether the worker that holds a task is still alive.

Two ways: its lease, which works everywhere and takes as long as a lease; and, on the machine
where it runs, its process id, which works at once: it is dead if there is no process of that id,
or one that began at another time. A lease is a moment of the wall clock; how long it still runs is
counted from when it was first seen, by a clock that nobody sets.
"""

from __future__ import annotations

import functools
import os
import platform
import uuid
from collections.abc import Callable, Collection
from pathlib import Path
from typing import NamedTuple

from partita.ports.catalogue import WorkerRecord


def new_worker(lease_until: float) -> WorkerRecord:
    """Describe this process as a worker."""
    pid = os.getpid()
    return WorkerRecord(
        id=uuid.uuid4().hex,
        machine=machine(),
        pid=pid,
        born="" if (stat := _stat(pid)) is None else stat.born,
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
    """Whether it was a process of this machine, and is certainly none any more.

    What cannot be found out is no death: then the lease decides.
    """
    if worker.machine != machine() or not worker.born:
        return False
    if not _exists(worker.pid):
        return True
    stat = _stat(worker.pid)
    return stat is not None and (stat.born != worker.born or stat.has_ended)


@functools.cache
def machine() -> str:
    """Name the set of processes whose ids mean the same to us: host, boot and pid namespace.

    If one of them cannot be read, the name is that of no other process.
    """
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        namespace = os.readlink("/proc/self/ns/pid")
    except OSError:
        return f"{platform.node()}/{uuid.uuid4().hex}/"
    return f"{platform.node()}/{boot}/{namespace}"


def _exists(pid: int) -> bool:
    """Whether there is a process of that id; costs no descriptor and reads no file."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):  # it is another user's, or no id that a process can have
        pass
    return True


class _Stat(NamedTuple):
    born: str  # in kernel ticks since the machine's start
    has_ended: bool  # nobody has waited for it yet


def _stat(pid: int) -> _Stat | None:
    """Return what the kernel says of a process; None if it cannot be read."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except (OSError, ValueError):
        return None
    fields = text.rpartition(")")[2].split()  # what follows the command's name
    if len(fields) < 20:
        return None
    ended = fields[0] in "ZX" and int(fields[17]) <= 1  # other threads may outlive the first
    return _Stat(fields[19], ended)
