"""Remove closed executions once their domain's retention is over.

Any number of engines may serve one store. The engine that finds a domain due for a sweep first
moves the due time for all of them, then removes what may go, a few executions in each
transaction, with rests in between. If it dies, another engine sweeps at the next due time.

Knows when to look and how hard to work; what may go is said in `removal`.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from contextlib import suppress

from partita.engine import catalogue
from partita.engine.inbox import Inbox
from partita.engine.timing import Timing
from partita.errors import StoreError
from partita.ports.capabilities import PruneRequest, Pruning
from partita.ports.catalogue import Retention
from partita.ports.store import Store

MIN_SWEEP_INTERVAL, MAX_SWEEP_INTERVAL = 60.0, 3600.0
"""Seconds between two sweeps of a domain: a twentieth of its retention, within these."""

REST_FACTOR = 4.0
"""How many times as long as it works a sweep rests."""

log = logging.getLogger("partita.engine")


class Sweeper:
    """A thread that looks for due domains."""

    def __init__(
        self,
        service: Pruning,
        store: Store,
        inbox: Inbox,
        clock: Callable[[], float],
        timing: Timing,
    ) -> None:
        self._service = service
        self._store = store
        self._inbox = inbox
        self._clock = clock
        self._interval = timing.retention_interval
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Start the thread, if it does not run."""
        if self._thread is None:
            thread = threading.Thread(target=self._run, name="partita-sweep", daemon=True)
            thread.start()
            self._thread = thread

    def stop(self) -> None:
        """End the thread, after the transaction that it is in."""
        self._stopped.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        self._stopped = threading.Event()

    def _run(self) -> None:
        while not self._stopped.wait(self._interval):
            with suppress(StoreError):  # whoever else uses the store sees it, too
                gone = self.sweep()
                if gone:
                    log.info("retention: %d closed executions were removed", gone)

    def sweep(self) -> int:
        """Remove what may go in every domain that is due; return how many executions went."""
        now = self._clock()
        due = [one for one in catalogue.retentions(self._store) if one.next_at <= now]
        return sum(self._sweep(one, now) for one in due if self._claims(one, now))

    def _claims(self, one: Retention, now: float) -> bool:
        next_at = now + min(MAX_SWEEP_INTERVAL, max(MIN_SWEEP_INTERVAL, one.seconds / 20))
        return self._inbox.ask(lambda tx: catalogue.claim_retention(tx.stored, one, next_at))

    def _sweep(self, one: Retention, now: float) -> int:
        request = PruneRequest(domain=one.domain, closed_before=now - one.seconds)
        after: tuple[float, int] | None = (0.0, 0)
        gone = 0
        while after is not None and not self._stopped.is_set():
            began = time.monotonic()
            page = self._service.prunable(request, after)
            keys = [prunable.key for group in page.groups for prunable in group]
            if keys:
                gone += self._service.prune(request, keys)
            after = page.next
            self._stopped.wait((time.monotonic() - began) * REST_FACTOR)
        return gone
