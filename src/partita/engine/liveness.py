"""Tell whether the worker that holds a task is still alive.

Two ways: its lease, which works everywhere and takes as long as a lease; and, on the machine
where it runs, its process id, which works at once.
"""

from __future__ import annotations

import functools
import os
import platform
import uuid
from pathlib import Path

from partita.store import WorkerRecord


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


def is_dead(worker: WorkerRecord, now: float) -> bool:
    """Whether the worker can no longer use what it holds."""
    if worker.lease_until <= now:
        return True
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
