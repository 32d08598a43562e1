"""Log in our words what the HTTP server reports, and what anybody can cause only now and then.

Knows the HTTP server's records; knows no requests.
"""

from __future__ import annotations

import logging
import time

SHUTDOWN_SECONDS = 5
"""Seconds that requests may take to end after the first signal."""

LOG_SECONDS = 60.0
"""Seconds between two records of the same kind."""

log = logging.getLogger("partita.server")


class NowAndThen:
    """Counts what happens, and says when it is time to log it."""

    def __init__(self, seconds: float = LOG_SECONDS) -> None:
        self.count = 0
        self._seconds = seconds
        self._logged_at = -seconds

    def happened(self) -> bool:
        """Count one more; return whether to log it."""
        self.count += 1
        now = time.monotonic()
        if now - self._logged_at < self._seconds:
            return False
        self._logged_at = now
        return True


_not_http = NowAndThen()


def translate_record(record: logging.LogRecord) -> bool:
    """Log in our words what the HTTP server reports; return whether to log its own record."""
    if record.msg == "Invalid HTTP request received.":
        if _not_http.happened():
            log.info("a request that is not HTTP was answered with status 400")
        return False
    if record.exc_info and type(record.exc_info[1]).__name__ == "LocalProtocolError":
        return False  # what is not HTTP came amid a request, and was answered before it
    if "timeout graceful shutdown exceeded" in str(record.msg):
        log.warning(
            "requests that did not end within %d s of the signal are cut off", SHUTDOWN_SECONDS
        )
        return False
    return True


def install() -> None:
    """Translate what the HTTP server reports from now on."""
    logging.getLogger("uvicorn.error").addFilter(translate_record)
