"""Let cancellation reach activities that do not heartbeat, where they can be stopped at all.

Those on the event loop are cancelled, those in processes are killed. Asking is one read for
all of them, a few times a second, and only while there are any.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Collection

from partita.errors import PartitaError

INTERVAL = 0.25
"""Seconds between two looks."""

log = logging.getLogger("partita.worker")


class Watch:
    """The running activities that can be stopped. Safe to use from many threads."""

    def __init__(self, unwanted: Callable[[Collection[str]], set[str]]) -> None:
        self._unwanted = unwanted
        self._stops: dict[str, Callable[[], object]] = {}  # by token
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._closed = False

    def add(self, token: str, stop: Callable[[], object]) -> None:
        """Call `stop` once the task is unwanted."""
        with self._changed:
            self._stops[token] = stop
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="partita-watch", daemon=True)
                self._thread.start()
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
                    self._changed.wait(INTERVAL)
                if self._closed:
                    return
                tokens = list(self._stops)
            self._look(tokens)

    def _look(self, tokens: list[str]) -> None:
        try:
            unwanted = self._unwanted(tokens)
        except PartitaError as error:
            log.info("could not ask what was cancelled: %s", error)
            return
        for token in unwanted:
            stop = self._stops.pop(token, None)
            if stop is not None:
                stop()
