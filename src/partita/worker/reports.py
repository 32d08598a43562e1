"""Report how activities ended, again and again where a store does not take it.

Knows answers and errors; what runs, it does not.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from functools import partial

from partita import errors
from partita.ports.host import Attachable
from partita.ports.service import ActivityAnswer
from partita.worker.execute import refused

log = logging.getLogger("partita.worker")

OnStoreError = Callable[[errors.StoreError], None]


class Reports:
    """The reports of one worker. Safe to use from many threads."""

    def __init__(
        self, service: Attachable, retry_seconds: float, on_store_error: OnStoreError | None
    ) -> None:
        self._service = service
        self._retry_seconds = retry_seconds
        self._on_store_error = on_store_error  # instead of a retry, but for outages
        self._is_closed = False
        self.lost = 0  # results that came too late to be used

    def send(self, answer: ActivityAnswer) -> None:
        """Report an answer, soon and without waiting."""
        if not self._is_closed:
            self._service.report(answer, partial(self._failed, answer))

    def close(self) -> None:
        """Report nothing more: what is left belongs to other workers."""
        self._is_closed = True

    def _failed(self, answer: ActivityAnswer, error: errors.PartitaError) -> None:
        if isinstance(error, errors.StoreError):
            self._not_stored(answer, error)
        elif isinstance(error, errors.TaskLostError):  # it timed out, or its workflow is over
            self.lost += 1
            log.info("%s", error)
        elif (
            isinstance(error, errors.UsageError) and (instead := refused(answer, error)) is not None
        ):
            self.send(instead)  # a result that can never be stored would be awaited for ever
        else:
            log.error("a result could not be stored: %s", error)

    def _not_stored(self, answer: ActivityAnswer, error: errors.StoreError) -> None:
        is_outage = isinstance(error, errors.StoreUnavailableError)  # which the service logs
        if self._on_store_error is not None and not is_outage:
            self._on_store_error(error)
            return
        level = logging.INFO if is_outage else logging.WARNING
        log.log(level, "a result is not stored yet, trying again: %s", error)
        timer = threading.Timer(self._retry_seconds, self.send, [answer])
        timer.daemon = True
        timer.start()
