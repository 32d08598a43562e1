"""Keep some worker processes at work: start them, replace them, restart the fallen, end them all.

Knows processes, signals and time. What a worker is to do stands in the command that starts it;
how it is getting on, it says itself (`supervised`).

Workers are new interpreters, not forks. A fork would copy one thread of several and the locks
that the others held; an open SQLite file, whose locks belong to the process that opened it,
and a PostgreSQL connection must not be used on both sides of a fork; and a new interpreter is
what loads changed code. The supervisor itself opens no database and loads no code of the
user's, so that nothing of theirs can end or block it.
"""

from __future__ import annotations

import logging
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

from partita.worker.signals import STOP_MARGIN
from partita.worker.supervised_process import PLACE, READY, REPLACE, VARIABLE

START_LIMIT = 60.0
"""Seconds that a worker may take to begin, before it is taken for stuck."""

STEADY = 30.0
"""Seconds after which a worker that falls is no longer one that keeps falling."""

FIRST_DELAY, MAX_DELAY = 0.25, 30.0
"""Seconds before a fallen worker is replaced: at first, and at most, each doubled or halved
at random by up to a half, so that many do not come back at one moment."""

TICK = 1.0
"""Seconds between two looks at everything, whether or not something was heard."""

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
        self.kill_at: float | None = None  # when it has had its time to end
        self.was_killed = False
        self.is_silent = False  # it has closed its end
        self._heard = b""

    def hear(self) -> list[bytes]:
        """Return the lines that it has said since the last call."""
        try:
            while chunk := self.socket.recv(4096):
                self._heard += chunk
            self.is_silent = True
        except BlockingIOError:
            pass
        except OSError:
            self.is_silent = True
        *lines, self._heard = self._heard.split(b"\n")
        return lines

    def status(self) -> int | None:
        """Return its exit status, negative for a signal; None while it lives."""
        return self._process.poll()

    def end(self, grace: float) -> None:
        """Ask it to end within `grace` seconds; it is killed a little later."""
        if self.kill_at is None:
            self.kill_at = time.monotonic() + grace + STOP_MARGIN
            self._process.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it at once."""
        self.was_killed = True
        self._process.kill()


class Place:
    """Where one worker works, one after the other; two at a time while one replaces another."""

    def __init__(self, number: int) -> None:
        self.number = number  # from 1
        self.worker: Process | None = None
        self.heir: Process | None = None  # it takes the worker's place once it is ready
        self.why = ""  # the worker is to be replaced; empty: it is not
        self.falls = 0  # in a row
        self.start_at = 0.0  # when the next worker may start


class Supervisor:
    """Keep `count` workers. Belongs to the main thread, whose signals it handles while it runs."""

    def __init__(self, command: Sequence[str], count: int, grace: float) -> None:
        self._command = command
        self._grace = grace
        self._places = [Place(number) for number in range(1, count + 1)]
        self._leaving: list[Process] = []
        self._signals: deque[int] = deque()
        self._selector = selectors.DefaultSelector()
        self._is_proven = False  # whether a worker has ever begun to serve
        self._stopped_by: int | None = None
        self._status: int | None = None  # to end with

    def run(self) -> int:
        """Keep the workers until SIGTERM or SIGINT; return the exit status.

        0 if all of them ended in time, 1 if one had to be killed, 128 and the signal's number
        after a second signal; the first worker's own status if it could not begin.
        """
        with _Signals(self._signals, self._selector):
            try:
                while self._status is None or self._all():
                    self._handle_signals()
                    self._hear()
                    self._see_who_ended()
                    self._kill_the_late()
                    if self._status is None:
                        self._fill_places()
                        self._replace_one()
                    if self._status is None or self._all():
                        self._rest()
            finally:
                for process in self._all():
                    process.kill()
        return self._status

    def _all(self) -> list[Process]:
        found = [place.worker for place in self._places] + [place.heir for place in self._places]
        return [process for process in found if process is not None] + self._leaving

    def _rest(self) -> None:
        """Wait for a signal, a word, or the time."""
        now = time.monotonic()
        waits = [place.start_at - now for place in self._places if place.start_at > now]
        self._selector.select(min([TICK, *waits]))

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
            place.why = place.why or "SIGHUP"

    def _stop(self, number: int) -> None:
        if self._stopped_by is not None:
            log.warning("killing all workers")
            self._status = 128 + number
            for process in self._all():
                process.kill()
            return
        self._stopped_by = number
        log.info("ending; workers may finish what they run for %g s", self._grace)
        self._end_all(0)

    def _end_all(self, status: int) -> None:
        """Begin to end; `status` is what to end with if nothing worse comes."""
        self._status = status
        for process in self._all():
            process.end(self._grace)

    def _kill_the_late(self) -> None:
        now = time.monotonic()
        for process in self._all():
            is_stuck = not process.is_ready and now - process.begun > START_LIMIT
            if is_stuck or (process.kill_at is not None and now > process.kill_at):
                if not process.was_killed:
                    log.warning("worker process %d does not end or begin; killing it", process.pid)
                    process.kill()
                    if self._status == 0:
                        self._status = 1

    # -- what workers say, and how they end

    def _hear(self) -> None:
        for key, _ in self._selector.select(0):
            if key.data is None:
                _drain(key.fileobj)
                continue
            place, process = key.data
            for line in process.hear():
                self._heed(place, process, line)
            if process.is_silent:
                self._selector.unregister(process.socket)

    def _heed(self, place: Place, process: Process, line: bytes) -> None:
        word, _, more = line.partition(b" ")
        if word == READY:
            process.is_ready = self._is_proven = True
            if process is place.heir and self._status is None:
                self._hand_over(place)
        elif word == REPLACE and process is place.worker:
            place.why = place.why or more.decode("utf-8", "replace")

    def _hand_over(self, place: Place) -> None:
        """Let the heir take the place; who was there gets its time to end."""
        old, place.worker, place.heir, place.why = place.worker, place.heir, None, ""
        if old is not None:
            self._leaving.append(old)
            old.end(self._grace)

    def _see_who_ended(self) -> None:
        for place in self._places:
            if place.heir is not None and place.heir.status() is not None:
                self._give_up_heir(place, place.heir)
            if place.worker is not None and place.worker.status() is not None:
                self._note_fall(place, place.worker)
        for process in [one for one in self._leaving if one.status() is not None]:
            self._leaving.remove(process)
            self._forget(process)

    def _give_up_heir(self, place: Place, heir: Process) -> None:
        self._forget(heir)
        place.heir = None
        if self._status is None:
            log.error(
                "worker %d is not replaced: the new one %s before it began; the old one goes on",
                place.number,
                _ending(heir),
            )
            for one in self._places:  # what keeps this one from beginning keeps others, too
                one.why = ""

    def _note_fall(self, place: Place, worker: Process) -> None:
        """Take note of a worker that ended without being asked to, and when to start another."""
        if READY in worker.hear():  # it has said so since we looked
            self._is_proven = True
        self._forget(worker)
        place.worker = None
        if self._status is not None:
            return
        status = worker.status()
        if not self._is_proven and status is not None and status > 0:
            self._end_all(status)  # it has said why: its code or its database is not there
            return
        if time.monotonic() - worker.begun > STEADY:
            place.falls = 0
        delay = min(MAX_DELAY, FIRST_DELAY * 2.0 ** min(place.falls, 10))
        delay *= random.uniform(0.5, 1.5)
        place.falls += 1
        place.start_at = time.monotonic() + delay
        place.why = ""
        log.warning(
            "worker %d (process %d) %s; another starts in %.1f s",
            place.number,
            worker.pid,
            _ending(worker),
            delay,
        )

    def _forget(self, process: Process) -> None:
        if process.socket in self._selector.get_map():
            self._selector.unregister(process.socket)
        process.socket.close()

    # -- starting

    def _fill_places(self) -> None:
        now = time.monotonic()
        for place in self._places:
            if place.worker is None and place.heir is not None:
                place.worker, place.heir, place.why = place.heir, None, ""
            if place.worker is None and place.start_at <= now:
                place.worker = self._start(place)
            if not self._is_proven:
                return  # the others begin once the first one has shown that they can

    def _replace_one(self) -> None:
        """Begin to replace a worker, if none is being replaced."""
        if self._leaving or any(place.heir is not None for place in self._places):
            return
        for place in self._places:
            if place.why and place.worker is not None:
                log.info("replacing worker %d: %s", place.number, place.why)
                place.heir = self._start(place)
                return

    def _start(self, place: Place) -> Process:
        process = Process(self._command, place.number)
        self._selector.register(process.socket, selectors.EVENT_READ, (place, process))
        return process


class _Signals:
    """Note signals instead of acting on them, and end a selector's waiting when one comes."""

    _NUMBERS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD)

    def __init__(self, came: deque[int], selector: selectors.BaseSelector) -> None:
        self._came = came
        self._selector = selector
        self._before: dict[int, Any] = {}

    def __enter__(self) -> None:
        self._bell, self._rope = socket.socketpair()
        self._bell.setblocking(False)
        self._rope.setblocking(False)
        self._selector.register(self._bell, selectors.EVENT_READ, None)
        self._wakeup = signal.set_wakeup_fd(self._rope.fileno(), warn_on_full_buffer=False)
        for number in self._NUMBERS:
            self._before[number] = signal.signal(number, lambda it, _: self._came.append(it))

    def __exit__(self, *exc: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(self._wakeup)
        self._selector.close()
        self._bell.close()
        self._rope.close()


def _drain(bell: Any) -> None:
    try:
        while bell.recv(4096):
            pass
    except OSError:
        pass


def _ending(process: Process) -> str:
    status = process.status() or 0
    if status >= 0:
        return f"ended with status {status}"
    try:
        return f"was ended by {signal.Signals(-status).name}"
    except ValueError:
        return f"was ended by signal {-status}"
