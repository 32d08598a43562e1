"""Report to the supervisor of this worker process, and notice when it is gone.

The two share a socket, whose number is in the environment. The worker sends lines of text:
`ready`, once it serves; `replace REASON`, when another should take its place. The supervisor
sends nothing; the end of the socket tells its workers that it has ended, however it did.
"""

from __future__ import annotations

import logging
import os
import resource
import socket
import sys
import sysconfig
import time
from collections.abc import Iterable
from pathlib import Path

from msgspec import Struct

VARIABLE = "PARTITA_SUPERVISOR"
"""The environment variable that holds the socket's number."""

PLACE = "PARTITA_PLACE"
"""The environment variable that says which of the supervisor's workers this is, from 1."""

READY = b"ready"
REPLACE = b"replace"

REMINDER_INTERVAL = 10.0
"""Seconds after which a worker asks again to be replaced."""

log = logging.getLogger("partita.worker")

_PACKAGE = str(Path(__file__).parents[1])


class Limits(Struct, frozen=True, kw_only=True):
    """When a worker is to be replaced."""

    max_rss: int | None = None  # bytes that it holds in memory
    max_tasks: int | None = None  # decisions and activities that it has done
    reload: bool = False  # once a file of its code has changed


class SupervisedProcess:
    """The worker's end of the socket. Make it before the code is loaded; belongs to one thread."""

    def __init__(self, number: int, limits: Limits) -> None:
        self._socket = socket.socket(fileno=number)
        self._socket.set_inheritable(False)
        self._socket.setblocking(False)
        self._limits = limits
        self._files = SourceFiles(time.time()) if limits.reload else None
        if limits.reload:  # compiled code is told from newer source by whole seconds and its size
            sys.dont_write_bytecode = True
        self._is_ready = False
        self._remind_at = 0.0  # when to ask again to be replaced

    def watch(self, files: Iterable[str]) -> None:
        """Count changes of these files, too, as changes of the code."""
        if self._files is not None:
            self._files.others += [os.path.abspath(file) for file in files]

    def is_over(self, tasks: int) -> bool:
        """Report what is due; return whether the supervisor is gone. Call it once a second or so.

        `tasks` is how many this worker has done.
        """
        if not self._is_ready:
            self._is_ready = True
            self._send(READY)
        changed = self._files.changed() if self._files is not None else None
        why = f"{changed} has changed" if changed else None
        if time.monotonic() >= self._remind_at:
            why = why or self._excess(tasks)
        if why is not None:
            self._remind_at = time.monotonic() + REMINDER_INTERVAL
            self._send(REPLACE + b" " + why.encode("utf-8", "replace"))
        is_orphaned = self._is_orphaned()
        if is_orphaned:
            log.warning("the supervisor is gone; ending")
        return is_orphaned

    def _send(self, line: bytes) -> None:
        try:
            self._socket.sendall(line + b"\n")
        except OSError:  # it is gone, which the next read shows
            pass

    def _is_orphaned(self) -> bool:
        try:
            return self._socket.recv(64) == b""
        except BlockingIOError:
            return False
        except OSError:
            return True

    def _excess(self, tasks: int) -> str | None:
        """Return which limit was passed; memory counts only once a task was done."""
        limits = self._limits
        if limits.max_tasks is not None and tasks >= limits.max_tasks:
            return f"it has done {tasks} tasks"
        if tasks and limits.max_rss is not None and (held := resident()) > limits.max_rss:
            return f"it holds {held >> 20} MiB of memory"
        return None


def socket_number() -> int | None:
    """Return the number of the socket, if this process has a supervisor; only the first time."""
    number = os.environ.pop(VARIABLE, "")  # what this process starts is not supervised
    return int(number) if number.isdecimal() else None


def place() -> int:
    """Return which of the supervisor's workers this process is, from 1; only the first time."""
    number = os.environ.pop(PLACE, "")
    return int(number) if number.isdecimal() else 1


def resident() -> int:
    """Return the bytes that this process holds in memory; where that is unknown, its maximum."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        return pages * resource.getpagesize()
    except (OSError, IndexError, ValueError):
        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return most if sys.platform == "darwin" else most * 1024


class SourceFiles:
    """The files of the user's code that this process has loaded, and when they were changed."""

    def __init__(self, begun: float) -> None:
        paths = sysconfig.get_paths()
        names = ("stdlib", "platstdlib", "purelib", "platlib")
        self._foreign = tuple({f"{paths[name]}/" for name in names} | {f"{_PACKAGE}/"})
        self._begun = int(begun * 1e9)  # what changed later may have been loaded before
        self._times: dict[str, int] = {}
        self.others: list[str] = []  # files that are no modules

    def changed(self) -> str | None:
        """Return a file that has changed, once for each of its changes."""
        found = None
        for path in self._loaded():
            changed_at = _changed_at(path)
            if changed_at is None:
                continue
            known = self._times.get(path)
            is_new = changed_at > self._begun if known is None else changed_at != known
            self._times[path] = changed_at
            if is_new and changed_at <= time.time_ns():
                found = path
        return found

    def _loaded(self) -> list[str]:
        files = {getattr(module, "__file__", None) for module in list(sys.modules.values())}
        loaded = [path for path in files if path and not path.startswith(self._foreign)]
        return loaded + self.others


def _changed_at(path: str) -> int | None:
    try:
        return os.stat(path).st_mtime_ns
    except OSError:  # an editor may be replacing it
        return None
