"""Hear signals on a thread of their own, whatever the main thread does.

Python runs a signal's handler on the main thread, once that comes back to it: not while it waits
inside a library, and, in a gap that no program can close, not if it just begins to wait for a
lock. What Python writes to a pipe at once, wherever the signal lands, another thread can read.

Source: Python's documentation of `signal.set_wakeup_fd`.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from typing import Any

SIGNALS = (signal.SIGTERM, signal.SIGINT)

_END = 0  # no signal has that number


class Hearing:
    """A block in which `heard` is called for each SIGTERM and SIGINT, on one other thread.

    Belongs to the main thread, which alone may say who hears signals.
    """

    def __init__(self, heard: Callable[[int], None]) -> None:
        self._heard = heard
        self._before: dict[int, Any] = {}
        self._thread = threading.Thread(target=self._run, name="partita-signals", daemon=True)

    def __enter__(self) -> Hearing:
        """Hear signals from now on."""
        self._end, self._pipe = os.pipe()
        os.set_blocking(self._pipe, False)
        self._thread.start()
        self._waker = signal.set_wakeup_fd(self._pipe, warn_on_full_buffer=False)
        for number in SIGNALS:
            self._before[number] = signal.signal(number, _nothing)
        return self

    def __exit__(self, *exc: object) -> None:
        """Leave signals to whoever heard them before."""
        for number, handler in self._before.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(self._waker)
        os.write(self._pipe, bytes([_END]))
        self._thread.join()
        os.close(self._end)
        os.close(self._pipe)

    def _run(self) -> None:
        while True:
            for number in os.read(self._end, 64):
                if number == _END:
                    return
                if number in SIGNALS:
                    self._heard(number)


def _nothing(*_: object) -> None:
    """Do nothing: that there is a handler makes Python write to the pipe."""
