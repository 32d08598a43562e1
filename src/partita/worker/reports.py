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
        self._again: dict[str, ActivityAnswer] = {}  # to be reported again, by token
        self._timerless: set[str] = set()  # tokens of those for which no timer could be started
        self.lost = 0  # results that came too late to be used

    def send(self, answer: ActivityAnswer) -> None:
        """Report an answer, soon and without waiting."""
        if not self._is_closed:
            self._service.report(answer, partial(self._failed, answer))

    def is_pending(self, token: str) -> bool:
        """Return whether a task's answer waits to be reported again."""
        return token in self._again

    def retry(self) -> None:
        """Report what no timer could be started for; call it now and then."""
        while self._timerless:
            self._send_again(self._timerless.pop())

    def close(self) -> None:
        """Report nothing more: what is left belongs to other workers."""
        self._is_closed = True

    def _failed(self, answer: ActivityAnswer, error: errors.PartitaError) -> None:
        if isinstance(error, errors.TaskLostError):  # it timed out, or its workflow is over
            self.lost += 1
            log.info("%s", error)
        elif (
            isinstance(error, errors.UsageError) and (instead := refused(answer, error)) is not None
        ):
            self.send(instead)  # a result that can never be stored would be awaited for ever
        elif isinstance(error, errors.UsageError):
            log.error("a result could not be stored: %s", error)
        else:
            self._not_stored(answer, error)

    def _not_stored(self, answer: ActivityAnswer, error: errors.PartitaError) -> None:
        is_outage = isinstance(error, errors.StoreUnavailableError)  # which the service logs
        if isinstance(error, errors.StoreError) and self._on_store_error and not is_outage:
            self._on_store_error(error)
            return
        self._again[answer.token] = answer
        level = logging.INFO if is_outage else logging.WARNING
        log.log(level, "a result is not stored yet, trying again: %s", error)
        timer = threading.Timer(self._retry_seconds, self._send_again, [answer.token])
        timer.daemon = True
        try:
            timer.start()
        except (RuntimeError, MemoryError):  # there is no thread for it now
            self._timerless.add(answer.token)

    def _send_again(self, token: str) -> None:
        answer = self._again.pop(token, None)
        if answer is not None:
            self.send(answer)
