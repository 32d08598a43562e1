"""Stop activities that were cancelled, where they can be stopped without a heartbeat.

Those on the event loop are cancelled, those in processes are killed. One request asks for all
of them, a few times a second, and only while there are any.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Collection
from contextlib import suppress

from partita.errors import PartitaError

log = logging.getLogger("partita.worker")


class CancellationWatch:
    """The running activities that can be stopped. Safe to use from many threads."""

    def __init__(
        self, unwanted: Callable[[Collection[str]], set[str]], interval_seconds: float
    ) -> None:
        self._unwanted = unwanted
        self._interval_seconds = interval_seconds
        self._stops: dict[str, Callable[[], object]] = {}  # by token
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._closed = False

    def add(self, token: str, stop: Callable[[], object]) -> None:
        """Call `stop` once the task is unwanted."""
        with self._changed:
            self._stops[token] = stop
            if self._thread is None:
                thread = threading.Thread(target=self._run, name="partita-watch", daemon=True)
                with suppress(RuntimeError):  # no thread is left: the next task tries again
                    thread.start()
                    self._thread = thread
            elif len(self._stops) == 1:
                self._changed.notify()

    def discard(self, token: str) -> None:
        """Forget a task that has ended."""
        self._stops.pop(token, None)

    def close(self) -> None:
        """End the thread."""
        with self._changed:
            self._closed = True
            self._changed.notify()

    def _run(self) -> None:
        while True:
            with self._changed:
                while not self._stops and not self._closed:
                    self._changed.wait()
                if not self._closed:
                    self._changed.wait(self._interval_seconds)
                if self._closed:
                    return
                tokens = list(self._stops)
            self._stop_unwanted(tokens)

    def _stop_unwanted(self, tokens: list[str]) -> None:
        try:
            unwanted = self._unwanted(tokens)
        except PartitaError as error:
            log.info("cannot find out which activities were cancelled: %s", error)
            return
        for token in unwanted:
            stop = self._stops.pop(token, None)
            if stop is not None:
                stop()
