"""Keep worker processes running: start them, replace them, restart those that ended, stop them all.

Knows processes, signals and time. The command that starts a worker says what it does; the worker
itself reports how it is doing (`supervised_process`).

Workers are new interpreters, not forks. A fork would copy one thread of several and the locks
that the others held; an open SQLite file, whose locks belong to the process that opened it,
and a PostgreSQL connection must not be used on both sides of a fork; and a new interpreter is
what loads changed code. The supervisor itself opens no database and loads no code of the
user's, so that nothing of theirs can end or block it.
"""

from __future__ import annotations

import logging
import math
import os
import random
import selectors
import signal
import socket
import subprocess
import time
from collections import deque
from collections.abc import Sequence
from typing import Any

from partita.worker.supervised_process import PLACE, READY, REPLACE, VARIABLE
from partita.worker.timing import SupervisorTiming

log = logging.getLogger("partita.worker")


class Process:
    """One worker process, and our end of the socket that it has."""

    def __init__(self, command: Sequence[str], place: int) -> None:
        ours, theirs = socket.socketpair()
        environment = {**os.environ, VARIABLE: str(theirs.fileno()), PLACE: str(place)}
        with theirs:
            self._process = subprocess.Popen(
                command,
                env=environment,
                pass_fds=[theirs.fileno()],
                process_group=0,  # a Ctrl-C in the terminal is the supervisor's to hand on
            )
        ours.setblocking(False)
        self.socket = ours
        self.pid = self._process.pid
        self.begun = time.monotonic()
        self.is_ready = False
        self.kill_at: float | None = None  # once it was asked to end
        self.was_killed = False
        self.has_hung_up = False  # it has closed its end of the socket
        self._received = b""

    def read_lines(self) -> list[bytes]:
        """Return the lines that it has sent since the last call."""
        try:
            while chunk := self.socket.recv(4096):
                self._received += chunk
            self.has_hung_up = True
        except BlockingIOError:
            pass
        except OSError:
            self.has_hung_up = True
        *lines, self._received = self._received.split(b"\n")
        return lines

    def status(self) -> int | None:
        """Return its exit status, negative for a signal; None while it lives."""
        return self._process.poll()

    def end(self, seconds: float) -> None:
        """Ask it to end; after so many seconds it is to be killed."""
        if self.kill_at is None:
            self.kill_at = time.monotonic() + seconds
            self._process.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """Kill it."""
        self.was_killed = True
        self._process.kill()


class Place:
    """The place of one worker; two share it while one replaces the other."""

    def __init__(self, number: int) -> None:
        self.number = number  # from 1
        self.worker: Process | None = None
        self.successor: Process | None = None  # it takes the place once it is ready
        self.reason = ""  # why the worker is to be replaced; empty: it is not
        self.failures = 0  # in a row
        self.start_at = 0.0  # when the next worker may start


class Supervisor:
    """Keep `count` workers. Belongs to the main thread, whose signals it handles while it runs."""

    def __init__(
        self,
        command: Sequence[str],
        count: int,
        grace: float,
        timing: SupervisorTiming | None = None,
        max_time: float | None = None,
    ) -> None:
        self._command = command
        self._end_at = math.inf if max_time is None else time.monotonic() + max_time
        self._timing = timing or SupervisorTiming()
        self._stop_limit = grace + self._timing.stop_margin  # seconds
        self._places = [Place(number) for number in range(1, count + 1)]
        self._leaving: list[Process] = []
        self._signals: deque[int] = deque()
        self._selector = selectors.DefaultSelector()
        self._has_served = False  # whether any worker ever has
        self._is_outdated = False  # whether the last try to replace a worker failed
        self._stopped_by: int | None = None
        self._status: int | None = None  # to end with

    def run(self) -> int:
        """Keep the workers until SIGTERM or SIGINT, or for `max_time`; return the exit status.

        0 if all of them ended in time, 1 if one had to be killed, 128 and the signal's number
        after a second signal; the first worker's own status if it could not begin.
        """
        with _Signals(self._signals, self._selector):
            try:
                while self._status is None or self._all():
                    self._handle_signals()
                    if self._stopped_by is None and time.monotonic() >= self._end_at:
                        self._stop(signal.SIGTERM)
                    self._read_messages()
                    self._reap()
                    self._kill_overdue()
                    if self._status is None:
                        self._start_missing()
                        self._replace_one()
                    if self._status is None or self._all():
                        self._wait()
            finally:
                for process in self._all():
                    process.kill()
        return self._status

    @property
    def has_served(self) -> bool:
        """Whether any worker has begun to serve."""
        return self._has_served

    @property
    def is_stopped(self) -> bool:
        """Whether a signal, or the end of its time, ends it."""
        return self._stopped_by is not None

    @property
    def state(self) -> str:
        """How the workers stand: `starting`, `serving`, `replacing`, `outdated` or `stopping`."""
        if self.is_stopped:
            return "stopping"
        if any(place.successor is not None for place in self._places):
            return "replacing"
        workers = [place.worker for place in self._places]
        if any(worker is None or not worker.is_ready for worker in workers):
            return "starting"
        return "outdated" if self._is_outdated else "serving"

    def _all(self) -> list[Process]:
        found = [place.worker for place in self._places] + [
            place.successor for place in self._places
        ]
        return [process for process in found if process is not None] + self._leaving

    def _wait(self) -> None:
        """Wait for a signal, a message, or the next thing to do."""
        now = time.monotonic()
        moments = [self._end_at, *(place.start_at for place in self._places)]
        waits = [at - now for at in moments if at > now]
        self._selector.select(min([self._timing.interval, *waits]))

    # -- signals

    def _handle_signals(self) -> None:
        while self._signals:
            number = self._signals.popleft()
            if number == signal.SIGHUP:
                self._replace_all()
            elif number != signal.SIGCHLD:
                self._stop(number)

    def _replace_all(self) -> None:
        log.warning("replacing all workers, one after the other")
        for place in self._places:
            place.reason = place.reason or "SIGHUP"

    def _stop(self, number: int) -> None:
        if self._stopped_by is not None:
            log.warning("killing all workers")
            self._status = 128 + number
            for process in self._all():
                process.kill()
            return
        self._stopped_by = number
        grace = self._stop_limit - self._timing.stop_margin
        log.info("ending; workers may finish what they run for %g s", grace)
        self._end_all(0)

    def _end_all(self, status: int) -> None:
        """Begin to end; `status` is the exit status unless a worker must be killed."""
        self._status = status
        for process in self._all():
            process.end(self._stop_limit)

    def _kill_overdue(self) -> None:
        now = time.monotonic()
        for process in self._all():
            is_stuck = not process.is_ready and now - process.begun > self._timing.start_timeout
            if is_stuck or (process.kill_at is not None and now > process.kill_at):
                if not process.was_killed:
                    log.warning("worker process %d does not end or begin; killing it", process.pid)
                    process.kill()
                    if self._status == 0:
                        self._status = 1

    # -- messages and exits

    def _read_messages(self) -> None:
        for key, _ in self._selector.select(0):
            if key.data is None:
                _drain(key.fileobj)
                continue
            place, process = key.data
            for line in process.read_lines():
                self._handle_message(place, process, line)
            if process.has_hung_up:
                self._selector.unregister(process.socket)

    def _handle_message(self, place: Place, process: Process, line: bytes) -> None:
        word, _, more = line.partition(b" ")
        if word == READY:
            process.is_ready = self._has_served = True
            if process is place.successor and self._status is None:
                self._promote(place)
        elif word == REPLACE and process is place.worker:
            place.reason = place.reason or more.decode("utf-8", "replace")

    def _promote(self, place: Place) -> None:
        """Give the place to the successor; ask the old worker to end."""
        old, place.worker, place.successor, place.reason = place.worker, place.successor, None, ""
        self._is_outdated = False
        if old is not None:
            self._leaving.append(old)
            old.end(self._stop_limit)

    def _reap(self) -> None:
        for place in self._places:
            if place.successor is not None and place.successor.status() is not None:
                self._drop_successor(place, place.successor)
            if place.worker is not None and place.worker.status() is not None:
                self._handle_exit(place, place.worker)
        for process in [one for one in self._leaving if one.status() is not None]:
            self._leaving.remove(process)
            self._forget(process)

    def _drop_successor(self, place: Place, successor: Process) -> None:
        self._forget(successor)
        place.successor = None
        self._is_outdated = True
        if self._status is None:
            log.error(
                "worker %d is not replaced: the new one %s before it began; the old one goes on",
                place.number,
                _exit_text(successor),
            )
            for one in self._places:  # what stops this one stops the others, too
                one.reason = ""

    def _handle_exit(self, place: Place, worker: Process) -> None:
        """Set when to replace a worker that ended without being asked to."""
        if READY in worker.read_lines():  # sent since the last look
            self._has_served = True
        self._forget(worker)
        place.worker = None
        if self._status is not None:
            return
        status = worker.status()
        if not self._has_served and status is not None and status > 0:
            self._end_all(status)  # it has logged why: its code or its database is not there
            return
        if time.monotonic() - worker.begun > self._timing.stable_after:
            place.failures = 0
        timing = self._timing
        delay = min(timing.max_delay, timing.first_delay * 2.0 ** min(place.failures, 10))
        delay *= random.uniform(0.5, 1.5)
        place.failures += 1
        place.start_at = time.monotonic() + delay
        place.reason = ""
        log.warning(
            "worker %d (process %d) %s; another starts in %.1f s",
            place.number,
            worker.pid,
            _exit_text(worker),
            delay,
        )

    def _forget(self, process: Process) -> None:
        if process.socket in self._selector.get_map():
            self._selector.unregister(process.socket)
        process.socket.close()

    # -- starting

    def _start_missing(self) -> None:
        now = time.monotonic()
        for place in self._places:
            if place.worker is None and place.successor is not None:
                place.worker, place.successor, place.reason = place.successor, None, ""
            if place.worker is None and place.start_at <= now:
                place.worker = self._start(place)
            if not self._has_served:
                return  # the others begin once the first one serves

    def _replace_one(self) -> None:
        """Begin to replace a worker, if none is being replaced."""
        if self._leaving or any(place.successor is not None for place in self._places):
            return
        for place in self._places:
            if place.reason and place.worker is not None:
                log.info("replacing worker %d: %s", place.number, place.reason)
                place.successor = self._start(place)
                return

    def _start(self, place: Place) -> Process:
        process = Process(self._command, place.number)
        self._selector.register(process.socket, selectors.EVENT_READ, (place, process))
        return process


class _Signals:
    """A block in which signals are queued, and wake a selector."""

    _NUMBERS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD)

    def __init__(self, received: deque[int], selector: selectors.BaseSelector) -> None:
        self._received = received
        self._selector = selector
        self._before: dict[int, Any] = {}

    def __enter__(self) -> None:
        self._reader, self._writer = socket.socketpair()
        self._reader.setblocking(False)
        self._writer.setblocking(False)
        self._selector.register(self._reader, selectors.EVENT_READ, None)
        self._wakeup = signal.set_wakeup_fd(self._writer.fileno(), warn_on_full_buffer=False)
        for number in self._NUMBERS:
            self._before[number] = signal.signal(number, lambda it, _: self._received.append(it))

    def __exit__(self, *exc: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(self._wakeup)
        self._selector.close()
        self._reader.close()
        self._writer.close()


def _drain(reader: Any) -> None:
    try:
        while reader.recv(4096):
            pass
    except OSError:
        pass


def _exit_text(process: Process) -> str:
    status = process.status() or 0
    if status >= 0:
        return f"ended with status {status}"
    try:
        return f"was ended by {signal.Signals(-status).name}"
    except ValueError:
        return f"was ended by signal {-status}"
