"""Report an activity's heartbeats at most once an interval, and the last one if it failed."""

from __future__ import annotations

import logging
import time
from typing import Any

from partita.codec import ANY, Converter
from partita.errors import CancelledError, PartitaError, StoreError, TaskLostError
from partita.ports.host import Attachable
from partita.ports.service import ActivityAnswer, ActivityTask

log = logging.getLogger("partita.worker")


class Heartbeats:
    """The heartbeats of one task. Belongs to whoever runs the activity."""

    def __init__(
        self, service: Attachable, converter: Converter, interval: float, task: ActivityTask
    ) -> None:
        self._service = service
        self._converter = converter
        self._token = task.token
        self._interval = min(interval, task.heartbeat / 3) if task.heartbeat else interval
        self._next = 0.0
        self._unsent: str | None = None  # the newest details that were not reported

    def __call__(self, details: Any) -> None:
        """Take a heartbeat.

        Raises:
            CancelledError: the activity shall end.
        """
        payload = None if details is None else self._converter.dump(details, "the heartbeat", ANY)
        if self.is_unwanted(payload):
            raise CancelledError("the activity was asked to cancel itself, or is lost")

    def is_unwanted(self, payload: str | None) -> bool:
        """Take a heartbeat as a payload; return whether the activity shall end."""
        if payload is not None:
            self._unsent = payload
        if time.monotonic() < self._next:
            return False
        self._next = time.monotonic() + self._interval
        try:
            unwanted = self._service.heartbeat_activity(self._token, self._unsent)
        except TaskLostError:
            return True
        except StoreError as error:
            log.warning("a heartbeat was not stored: %s", error)
            return False
        self._unsent = None
        return unwanted

    def flush(self, answer: ActivityAnswer | None) -> None:
        """Report details that were held back, if a further attempt may need them."""
        if self._unsent is None or answer is None or answer.outcome != "failed":
            return
        try:
            self._service.heartbeat_activity(self._token, self._unsent)
        except PartitaError as error:
            log.info("the last heartbeat was not stored: %s", error)
