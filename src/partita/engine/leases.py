"""Tell whether the worker that holds a task is still alive.

Two ways: its lease, which works everywhere and takes as long as a lease; and, on the machine
where it runs, its process id, which works at once: it is dead if there is no process of that id,
or one that began at another time. A lease is a moment of the wall clock; how long it still runs is
counted from when it was first seen, by a clock that nobody sets.

A process of this machine that computes is alive although its lease ran out: its engine may wait
for the interpreter, or for a lock. That is believed for some leases, since code that never lets
the interpreter go computes, too.
"""

from __future__ import annotations

import functools
import math
import os
import platform
import time
import uuid
from collections.abc import Callable, Collection, Iterable
from pathlib import Path
from typing import NamedTuple

from partita.ports.catalogue import WorkerRecord

BUSY_LEASES = 6
"""Leases for which a worker that computes may fail to renew its own."""


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

    def __init__(self, steady: Callable[[], float], lease: float = 0.0) -> None:
        self._steady = steady
        self._lease = lease  # how long one runs, in seconds
        self._computed: dict[str, tuple[int, float]] = {}  # worker -> CPU time, when it grew
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
        self._computed = {one.id: self._cpu_time(one, moment) for one in workers}
        return [one for one in workers if self._is_over(one, moment) or _is_gone(one)]

    def _cpu_time(self, worker: WorkerRecord, moment: float) -> tuple[int, float]:
        ticks = cpu_ticks(worker)
        before, grew_at = self._computed.get(worker.id, (ticks, -math.inf))
        return ticks, moment if ticks > before else grew_at

    def _is_over(self, worker: WorkerRecord, moment: float) -> bool:
        end = self._seen[worker.id][1]
        if end > moment:
            return False
        computes = moment - self._computed[worker.id][1] < self._lease / 2
        return not computes or end + BUSY_LEASES * self._lease <= moment


def is_dead(worker: WorkerRecord, now: float) -> bool:
    """Whether a worker seems to be dead at one look; `now` is by the wall clock."""
    return worker.lease_until <= now or _is_gone(worker)


def living(workers: Iterable[WorkerRecord], now: float | None = None) -> list[WorkerRecord]:
    """Return the workers that are not known to be dead; `now` is by the clock of their engines."""
    now = time.time() if now is None else now
    return [worker for worker in workers if not is_dead(worker, now)]


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


def cpu_ticks(worker: WorkerRecord) -> int:
    """Return the CPU time of a worker's process; 0 for our own, and if it cannot be seen."""
    if worker.machine != machine() or worker.pid == os.getpid():
        return 0
    stat = _stat(worker.pid)
    return 0 if stat is None else stat.cpu_ticks


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
    cpu_ticks: int


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
    return _Stat(fields[19], ended, int(fields[11]) + int(fields[12]))
