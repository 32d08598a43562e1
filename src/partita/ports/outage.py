"""Log an outage when it begins, twice a minute while it lasts, and when it is over.

For callers that try again and again, and would log each attempt. Knows nothing of what is tried.
"""

from __future__ import annotations

import logging
import threading
import time

REMINDER_INTERVAL = 30.0
"""Seconds between two lines about one outage, and between two outages that are logged."""


class Outage:
    """The state of one thing, such as a database. Safe to use from many threads."""

    def __init__(self, what: str, log: logging.Logger) -> None:
        self._what = what
        self._log = log
        self._lock = threading.Lock()
        self._since: float | None = None  # by time.monotonic; None: it works
        self._next = 0.0  # when to log the next line, at the earliest
        self._is_logged = False  # whether the outage was

    def failed(self, error: Exception) -> None:
        """Note that an attempt failed and will be repeated."""
        now = time.monotonic()
        with self._lock:
            is_new = self._since is None
            self._since = since = now if self._since is None else self._since
            if now < self._next:
                return
            self._next = now + REMINDER_INTERVAL
            was_logged, self._is_logged = self._is_logged, True
        if is_new or not was_logged:
            self._log.warning("%s cannot be used, trying again: %s", self._what, error)
        else:
            self._log.warning("%s still cannot be used, after %.0f s", self._what, now - since)

    def over(self) -> None:
        """Note that an attempt succeeded."""
        if self._since is None:
            return
        with self._lock:
            since, self._since = self._since, None
            was_logged, self._is_logged = self._is_logged, False
        if was_logged and since is not None:
            took = time.monotonic() - since
            self._log.warning("%s can be used again, after %.0f s", self._what, took)
