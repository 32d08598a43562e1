"""Receive SIGTERM and SIGINT whatever the main thread does, and end the process in time.

Python runs a signal's handler on the main thread, once that comes back to it: not while it waits
inside a library, and, in a gap that no program can close, not if it just begins to wait for a
lock. What Python writes to a pipe at once, wherever the signal lands, another thread can read.

Source: Python's documentation of `signal.set_wakeup_fd`.
"""

from __future__ import annotations

import logging
import os
import queue
import signal
import threading
import time
from collections.abc import Callable
from typing import Any

SIGNALS = (signal.SIGTERM, signal.SIGINT)

LOG_TIMEOUT = 1.0
"""Seconds in which a line of the log must be written; a stuck thread may hold the log's lock."""

_END = 0  # no signal has that number

log = logging.getLogger("partita.worker")


class SignalListener:
    """A block in which `received` is called for each SIGTERM and SIGINT, on one other thread.

    Belongs to the main thread, which alone may install handlers.
    """

    def __init__(self, received: Callable[[int], None]) -> None:
        self._received = received
        self._handlers: dict[int, Any] = {}  # those of before
        self._thread = threading.Thread(target=self._run, name="partita-signals", daemon=True)

    def __enter__(self) -> SignalListener:
        """Install the handlers."""
        self._end, self._pipe = os.pipe()
        os.set_blocking(self._pipe, False)
        self._thread.start()
        self._wakeup = signal.set_wakeup_fd(self._pipe, warn_on_full_buffer=False)
        for number in SIGNALS:
            self._handlers[number] = signal.signal(number, _nothing)
        _listening.append(self)
        return self

    def __exit__(self, *exc: object) -> None:
        """Restore the handlers of before."""
        _listening.remove(self)
        self._restore()
        os.write(self._pipe, bytes([_END]))
        self._thread.join()
        os.close(self._end)
        os.close(self._pipe)

    def forked(self) -> None:
        """Leave the signals of this process, a fork of the listener's, to what was before."""
        self._restore()
        os.close(self._pipe)
        os.close(self._end)

    def _restore(self) -> None:
        for number, handler in self._handlers.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(self._wakeup)

    def _run(self) -> None:
        while True:
            for number in os.read(self._end, 64):
                if number == _END:
                    return
                if number in SIGNALS:
                    self._received(number)


def _nothing(*_: object) -> None:
    """Do nothing: that there is a handler makes Python write to the pipe."""


_listening: list[SignalListener] = []
_blocked = threading.local()  # the signals that this thread had blocked before it forked


def _before_fork() -> None:
    """Block the signals, so that none comes to a child that still has this worker's handlers."""
    if _listening:
        _blocked.before = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)


def _after_fork() -> None:
    before = vars(_blocked).pop("before", None)
    if before is not None:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _forked() -> None:
    """Restore the handlers of before in a child that an activity has forked."""
    while _listening:
        _listening.pop().forked()
    _after_fork()


os.register_at_fork(before=_before_fork, after_in_parent=_after_fork, after_in_child=_forked)


class Shutdown:
    """A block that is left within `limit` seconds of the first SIGTERM or SIGINT.

    If it is not, or at a second signal, the process ends at once, with 128 and the signal's
    number. `state` returns what is awaited, for the log, at the first signal; `obstacle`, why
    the block was not left in time. Both are called on other threads and must not wait.

    Belongs to the main thread, which alone may install handlers.
    """

    def __init__(
        self, limit: float, *, state: Callable[[], str], obstacle: Callable[[], str]
    ) -> None:
        self._limit = limit
        self._state = state
        self._obstacle = obstacle
        self._is_signalled = False
        self._wake: queue.SimpleQueue[int] = queue.SimpleQueue()  # what `wait` waits for
        self._begun: queue.SimpleQueue[int | None] = queue.SimpleQueue()  # None: the block was left
        self._thread = threading.Thread(target=self._watch, name="partita-shutdown", daemon=True)
        self._listener = SignalListener(self._on_signal)

    def __enter__(self) -> Shutdown:
        """Listen to signals from now on."""
        self._thread.start()
        self._listener.__enter__()
        return self

    def __exit__(self, *exc: object) -> None:
        """Restore the handlers of before; the time no longer runs."""
        self._begun.put(None)
        self._thread.join()
        self._listener.__exit__()

    def wait(self, seconds: float) -> bool:
        """Wait for a signal, at most so long; return whether one has come."""
        try:
            self._wake.get(timeout=seconds)
        except queue.Empty:
            pass
        return self._is_signalled

    def begin(self) -> None:
        """Start the time also without a signal, as if SIGTERM had come."""
        self._begun.put(signal.SIGTERM)

    def _on_signal(self, number: int) -> None:
        if self._is_signalled:
            os._exit(128 + number)
        self._is_signalled = True
        self._wake.put(number)
        self._begun.put(number)

    def _watch(self) -> None:
        number = self._begun.get()
        if number is None:
            return
        deadline = time.monotonic() + self._limit
        _log(logging.INFO, lambda: f"stopping: {self._state()}")
        while (left := deadline - time.monotonic()) > 0:
            try:
                if self._begun.get(timeout=left) is None:
                    return
            except queue.Empty:
                break
        _log(logging.ERROR, self._obstacle)
        os._exit(128 + number)


def _log(level: int, message: Callable[[], str]) -> None:
    """Write a line into the log, unless that takes too long."""
    thread = threading.Thread(target=lambda: log.log(level, "%s", message()), daemon=True)
    thread.start()
    thread.join(LOG_TIMEOUT)
