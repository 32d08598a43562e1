"""Confine one process, watch what it takes, and end it together with all that it has started.

A program of its own, without Partita: `supervisor.py PLAN COMMAND...`. It ends everything as soon
as the pipe `lifeline` is closed, which happens at the latest when the server is killed. Between two
runs, which BUSY and IDLE on that pipe tell, all processes are stopped.
"""

from __future__ import annotations

import ctypes
import json
import math
import os
import resource
import select
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, NamedTuple

BUSY, IDLE = b"b", b"i"
EXHAUSTED = b'{"exhausted": true}\n'
"""The answer to a run that took too much."""

PAUSE_SECONDS = 0.05
"""Seconds between the end of a run and the stop of its processes."""

WATCH_SECONDS = 0.2
"""Seconds between two looks at what a run takes."""

NICENESS = 5
OOM_SCORE = "500"  # the kernel kills actions before it kills the server
ROUNDS = 100
NOSUID, NODEV, BIND, RECURSIVE = 2, 4, 4096, 16384  # flags of mount(2)
DEATH_SIGNAL, DUMPABLE, SUBREAPER, NO_NEW_PRIVILEGES = 1, 4, 36, 38  # options of prctl(2)

_LIBC = ctypes.CDLL(None, use_errno=True)
_PAGE = resource.getpagesize()


class Process(NamedTuple):
    """A process as /proc shows it."""

    id: int
    parent: int
    threads: int
    memory: int  # resident bytes, also of pages that it shares with others


def processes() -> Iterator[Process]:
    """Return all processes that are visible here; none without /proc."""
    try:
        names = os.listdir("/proc")
    except OSError:
        return
    for name in filter(str.isdecimal, names):
        with suppress(OSError), open(f"/proc/{name}/stat", "rb") as file:
            parts = file.read().rpartition(b")")[2].split()
            yield Process(int(name), int(parts[1]), int(parts[17]), int(parts[21]) * _PAGE)


def descendants(of: int) -> list[Process]:
    """Return the processes that a process has started, and those that these have started."""
    children: dict[int, list[Process]] = {}
    for one in processes():
        children.setdefault(one.parent, []).append(one)
    found, waiting = [], [of]
    while waiting:
        inner = children.get(waiting.pop(), [])
        found += inner
        waiting += [one.id for one in inner]
    return found


def exact_memory(id: int) -> int:
    """Return the bytes that a process takes, with its part of the pages that it shares."""
    with open(f"/proc/{id}/smaps_rollup", "rb") as file:
        line = next(line for line in file if line.startswith(b"Pss:"))
    return int(line.split()[1]) * 1024


# -- confining


def mount(source: str, target: str, kind: str, flags: int, data: str) -> None:
    """Mount something; raise OSError if that fails."""
    given = [one.encode() or None for one in (source, target, kind)]
    if _LIBC.mount(*given, ctypes.c_ulong(flags), data.encode() or None):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), target)


def hide(plan: dict[str, Any]) -> None:
    """Put empty folders over those that are hidden, and back into them what the command needs.

    The command's folder and those that it may write share one file system in memory.
    """
    kept = {path: os.open(path, os.O_PATH) for path in plan["kept"]}
    for path in plan["closed"]:
        mount("none", path, "tmpfs", NOSUID | NODEV, "mode=755,size=1m")
    *others, first = plan["temporary"]
    mount(
        "none",
        first,
        "tmpfs",
        NOSUID | NODEV,
        f"mode=755,size={plan['size']},nr_inodes={plan['files']}",
    )
    rooms = {path: room(f"{first}/{number}", 0o1777) for number, path in enumerate(others)}
    rooms[first] = room(f"{first}/first", 0o1777)
    own = room(f"{first}/own", 0o700, plan["uid"])
    for path, descriptor in [*rooms.items(), *kept.items(), (plan["folder"], own)]:
        os.makedirs(path, exist_ok=True)
        mount(f"/proc/self/fd/{descriptor}", path, "", BIND | RECURSIVE, "")
        os.close(descriptor)


def room(path: str, mode: int, uid: int = 0) -> int:
    """Make a folder, and return a descriptor of it."""
    os.mkdir(path)
    os.chmod(path, mode)
    os.chown(path, uid, uid)
    return os.open(path, os.O_PATH)


def confine(plan: dict[str, Any]) -> None:
    """Give up rights, and set limits, for good."""
    os.setsid()
    os.nice(NICENESS)
    with suppress(OSError), open("/proc/self/oom_score_adj", "w", encoding="ascii") as file:
        file.write(OOM_SCORE)
    for name, most in plan["limits"].items():
        lower_limit(getattr(resource, name), most)
    if plan["uid"] is not None:
        os.setgroups([])
        os.setgid(plan["uid"])
        os.setuid(plan["uid"])
    if sys.platform.startswith("linux"):
        _LIBC.prctl(NO_NEW_PRIVILEGES, 1, 0, 0, 0)
        _LIBC.prctl(DEATH_SIGNAL, signal.SIGKILL, 0, 0, 0)


def lower_limit(which: int, most: int) -> None:
    """Set a limit that is not above the one that there is."""
    hard = resource.getrlimit(which)[1]
    most = most if hard == resource.RLIM_INFINITY else min(most, hard)
    with suppress(ValueError, OSError):  # macOS refuses some
        resource.setrlimit(which, (most, most))


# -- supervising


class Supervisor:
    """The parent of a process, and of what that has started and left."""

    def __init__(self, child: int, plan: dict[str, Any]) -> None:
        self._child = child
        self._lifeline: int = plan["lifeline"]
        self._answers: int = plan["answers"]
        self._memory: int = plan["memory"]
        self._processes: int = plan["processes"]
        self._stopped: set[int] = set()
        self._status = 1
        self._is_busy = False
        self._look_at = math.inf

    def run(self) -> int:
        """Watch until the process or the server has ended, then end everything.

        Returns 0 if the process ended without an error.
        """
        died, wakes = os.pipe()
        os.set_blocking(died, False)
        os.set_blocking(wakes, False)
        signal.set_wakeup_fd(wakes, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        while not self._has_died():
            ready = select.select([self._lifeline, died], [], [], self._wait())[0]
            if died in ready:
                os.read(died, 1024)
            if self._lifeline in ready and not self._follow():
                break
            if self._look_at <= time.monotonic():
                self._look()
        self.end()
        return self._status

    def _wait(self) -> float | None:
        return None if self._look_at == math.inf else max(0, self._look_at - time.monotonic())

    def _follow(self) -> bool:
        """Take note of a run's begin or end; return False if the server has ended."""
        said = os.read(self._lifeline, 1024)[-1:]
        if said:
            self._resume()
            self._is_busy = said == BUSY
            self._look_at = time.monotonic() + (WATCH_SECONDS if self._is_busy else PAUSE_SECONDS)
        return bool(said)

    def _look(self) -> None:
        """Check what a run takes, or pause after it."""
        if self._is_busy:
            self._check()
            self._look_at = time.monotonic() + WATCH_SECONDS
        else:
            self._stop()
            self._look_at = math.inf

    def end(self) -> None:
        """Kill everything, however fast it starts others."""
        self._stop()
        self._signal(self._stopped, signal.SIGKILL)
        with suppress(ChildProcessError):
            while True:
                os.wait()

    def _has_died(self) -> bool:
        """Return whether the process has ended; reap others that have."""
        try:
            while True:
                id, status = os.waitpid(-1, os.WNOHANG)
                if id == self._child:
                    self._status = int(status != 0)
                    return True
                if not id:
                    return False
        except ChildProcessError:
            return True

    def _stop(self) -> None:
        """Stop processes until there are no new ones."""
        for _ in range(ROUNDS):
            new = {one.id for one in descendants(os.getpid())} - self._stopped
            self._signal(new, signal.SIGSTOP)
            self._stopped |= new
            if not new:
                break

    def _resume(self) -> None:
        self._signal(self._stopped, signal.SIGCONT)
        self._stopped = set()

    def _signal(self, ids: set[int], which: int) -> None:
        """Send a signal to processes, and to the child's group, which is all without /proc."""
        with suppress(OSError):
            os.killpg(self._child, which)
        for id in ids:
            with suppress(OSError):
                os.kill(id, which)

    def _check(self) -> None:
        """End everything if there are too many processes, or if they take too much memory."""
        found = descendants(os.getpid())
        if len(found) > self._processes or self._takes_too_much(found):
            self.end()
            os.write(self._answers, EXHAUSTED)

    def _takes_too_much(self, found: list[Process]) -> bool:
        if sum(one.memory for one in found) <= self._memory:
            return False
        taken = 0
        for one in found:
            try:
                taken += exact_memory(one.id)
            except (FileNotFoundError, ProcessLookupError, StopIteration):
                continue
            except OSError:  # its memory may not be looked into
                taken += one.memory
        return taken > self._memory


def main(arguments: list[str]) -> int:
    """Run the command of the arguments as the plan says; return its status."""
    plan = json.loads(arguments[0])
    if sys.platform.startswith("linux"):
        _LIBC.prctl(SUBREAPER, 1, 0, 0, 0)
        _LIBC.prctl(DUMPABLE, 0, 0, 0, 0)
    if plan["temporary"]:
        hide(plan)
    elif plan["uid"] is not None:
        os.chown(plan["folder"], plan["uid"], plan["uid"])
    os.chdir(plan["folder"])
    child = os.fork()
    if not child:
        os.close(plan["lifeline"])
        confine(plan)
        os.execvp(arguments[1], arguments[1:])
    null = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(null, number)
    return Supervisor(child, plan).run()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
