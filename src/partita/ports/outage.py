"""Say once that something is gone, now and then that it still is, and once that it is back.

For those who try again and again, and would say each time that they do. Knows nothing of what
is tried.
"""

from __future__ import annotations

import logging
import threading
import time

REMINDER = 30.0
"""Seconds between two lines about the same outage, and between outages that are told of."""


class Outage:
    """Whether one thing, such as a database, can be used. Safe to use from many threads."""

    def __init__(self, what: str, log: logging.Logger) -> None:
        self._what = what
        self._log = log
        self._lock = threading.Lock()
        self._since: float | None = None  # by time.monotonic; None: it works
        self._next = 0.0  # when to say the next line, at the earliest
        self._is_told = False  # whether it was said that it does not work

    def failed(self, error: Exception) -> None:
        """Hear that it did not work, and that it will be tried again."""
        now = time.monotonic()
        with self._lock:
            is_new = self._since is None
            self._since = since = now if self._since is None else self._since
            if now < self._next:
                return
            self._next = now + REMINDER
            was_told, self._is_told = self._is_told, True
        if is_new or not was_told:
            self._log.warning("%s cannot be used, trying again: %s", self._what, error)
        else:
            self._log.warning("%s still cannot be used, after %.0f s", self._what, now - since)

    def over(self) -> None:
        """Hear that it worked."""
        if self._since is None:
            return
        with self._lock:
            since, self._since = self._since, None
            was_told, self._is_told = self._is_told, False
        if was_told and since is not None:
            took = time.monotonic() - since
            self._log.warning("%s can be used again, after %.0f s", self._what, took)
