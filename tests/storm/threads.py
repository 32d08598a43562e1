"""Look at the threads of this process: which of them spin, and which have outlived their owner.

Knows the kernel's count of their time, and the names that ours have; knows no engine.
"""

from __future__ import annotations

import os
import sys
import threading
import time
import traceback
from collections.abc import Iterator
from pathlib import Path

from tests.storm.findings import Findings

LOOK = 1.5
"""Seconds that a quiet process is watched for."""

SPIN = 0.4
"""Seconds of a CPU in which a thread has done something in that time."""

ENDING = 20.0
"""Seconds after which a thread that is told to end never will."""


def find_spinning(findings: Findings) -> None:
    """Find threads that have nothing to do, and work."""
    before = _used()
    time.sleep(LOOK)
    names = {thread.native_id: thread.name for thread in threading.enumerate()}
    for id, seconds in _used().items():
        spent = seconds - before.get(id, seconds)
        if spent > SPIN:
            findings.add(f"thread {names.get(id)} spins: {spent:.2f} s of {LOOK} s")


def _used() -> dict[int, float]:
    """Return the seconds of CPU that each thread has used, by its id in the kernel."""
    used = {}
    for folder in Path("/proc/self/task").iterdir():
        try:
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue  # it has ended just now
        used[int(folder.name)] = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return used


def find_left(findings: Findings) -> None:
    """Find threads that go on though everything is closed, such as one that reports for ever."""
    deadline = time.monotonic() + ENDING
    while list(_ours()) and time.monotonic() < deadline:
        time.sleep(0.05)
    frames = sys._current_frames()
    for thread in _ours():
        frame = frames.get(thread.ident or 0)
        findings.add(
            f"thread {thread.name} is left:\n" + "".join(traceback.format_stack(frame)[-4:])
        )


def _ours() -> Iterator[threading.Thread]:
    for thread in threading.enumerate():
        if thread.name.startswith("partita") or isinstance(thread, threading.Timer):
            yield thread
