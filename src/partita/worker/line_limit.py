"""Limit how many lines a second a logger writes, and say how many it left out.

A storm of failures must neither fill a disk nor slow down the work; the histories have all of it.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

LINES_PER_SECOND = 20
"""Records of one logger that are written in one second, at most, besides the count."""

_IS_COUNT = "partita_is_count"

Schedule = Callable[[float, Callable[[], None]], object]
"""Call a function after some seconds."""


def _later(seconds: float, function: Callable[[], None]) -> None:
    timer = threading.Timer(seconds, function)
    timer.daemon = True
    timer.start()


class LineLimit(logging.Filter):
    """Drop records beyond the limit, and log at the end of that second how many they were."""

    def __init__(
        self,
        log: logging.Logger,
        lines: int = LINES_PER_SECOND,
        clock: Callable[[], float] = time.monotonic,
        later: Schedule = _later,
    ) -> None:
        super().__init__()
        self._log = log
        self._lines = lines
        self._clock = clock
        self._later = later
        self._lock = threading.Lock()
        self._begun = -1.0  # when the current second began
        self._written = 0
        self._left_out = 0

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether a record is written."""
        if getattr(record, _IS_COUNT, False):
            return True
        with self._lock:
            now = self._clock()
            if self._left_out == 0 and not 0 <= now - self._begun < 1.0:
                self._begun, self._written = now, 0
            if self._written < self._lines:
                self._written += 1
                return True
            self._left_out += 1
            is_first = self._left_out == 1
        if is_first:
            self._later(max(0.0, self._begun + 1.0 - now), self.flush)
        return False

    def flush(self) -> None:
        """Log how many records were left out, if any were; the next second begins."""
        with self._lock:
            count, self._left_out = self._left_out, 0
            self._begun = -1.0
        if count:
            text = "%d more such lines were left out; `partita list` and `partita show` have it all"
            self._log.warning(text, count, extra={_IS_COUNT: True})
