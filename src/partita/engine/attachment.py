"""Register the worker of this process, renew its lease, and reap workers that have died.

Knows leases and records of workers; what a worker gets to do is in `dispatcher`.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection, Iterator

from msgspec.structs import replace

from partita.engine import catalogue
from partita.engine.dispatcher import Dispatcher
from partita.engine.leases import Leases, new_worker
from partita.engine.task_tokens import make_token
from partita.engine.timing import Timing
from partita.engine.transaction import EngineTransaction
from partita.engine.watchdog import Watchdog
from partita.history import RescheduleCause
from partita.ports.catalogue import ALWAYS_SERVED, WorkerRecord
from partita.ports.host import Host
from partita.ports.state import OpenActivity, State
from partita.ports.store import Store
from partita.rules.commands import give_back

log = logging.getLogger("partita.engine")


class Attachment:
    """A host that is attached to the engine. Belongs to the engine's thread."""

    def __init__(
        self, host: Host, store: Store, clock: Callable[[], float], timing: Timing
    ) -> None:
        """Make ready to serve a host; `register` begins."""
        self.host = host
        self.watchdog = (
            Watchdog(self._renew_on_other_thread, timing) if store.glance is not None else None
        )
        self.record = _record_of(host)
        self.dispatcher = self._new_dispatcher(timing)
        self._store = store
        self._clock = clock
        self._timing = timing
        self._leases = Leases(time.monotonic if clock is time.time else clock, timing.lease)
        self._next_renewal = self._next_reap = 0.0
        self._has_missed_writes = False
        self._strays: set[str] = set()  # tokens of what is held and did not run at the last look

    def _new_dispatcher(self, timing: Timing) -> Dispatcher:
        return Dispatcher(self.host, self.record.id, timing, self.watchdog)

    def register(self, tx: EngineTransaction) -> None:
        """Write the worker's record."""
        self._next_reap = tx.now
        catalogue.add_types(tx.stored, self.host.domain, self.host.workflow_keys())
        self._renew(tx)

    def is_due(self, now: float) -> bool:
        """Whether the host can be served or a record must be looked at."""
        dispatcher = self.dispatcher
        if dispatcher.retry_at is not None and dispatcher.retry_at <= now:
            dispatcher.look_again()
        return dispatcher.is_behind or min(self._next_renewal, self._next_reap) <= now

    def pause(self, now: float) -> float:
        """Return the seconds until `is_due`."""
        if self.dispatcher.is_behind:
            return 0.0
        moments = [self._next_renewal, self._next_reap]
        if self.dispatcher.retry_at is not None:
            moments.append(self.dispatcher.retry_at)
        return max(0.0, min(moments) - now)

    def clock_was_set_back(self, now: float) -> None:
        """Treat everything that is scheduled by the clock as due."""
        self._next_renewal = self._next_reap = 0.0
        if self.dispatcher.retry_at is not None:
            self.dispatcher.retry_at = now

    def put_off_reaping(self, now: float) -> None:
        """Reap no worker for a lease: while the store fails, none can renew its lease."""
        self._next_reap = max(self._next_reap, now + self._timing.lease)

    def rolled_back(self) -> None:
        """Renew at once: a transaction failed, and the record may be gone or another one."""
        self._next_renewal = 0.0
        self._strays = set()
        self.dispatcher.rolled_back()

    def look_after_workers(self, tx: EngineTransaction) -> bool:
        """Renew the lease, and reap dead workers; return whether there was one."""
        renews, reaps = tx.now >= self._next_renewal, tx.now >= self._next_reap
        if not renews and not reaps:
            return False
        workers = catalogue.workers(tx.stored)
        self.dispatcher.has_peers = any(map(self._is_peer, workers))
        has_reaped = reaps and self._reap(tx, [one for one in workers if one.id != self.record.id])
        if renews:
            if all(worker.id != self.record.id for worker in workers):
                self._register_anew(tx)
            else:
                self._renew(tx)
                self._release_strays(tx)
        if reaps:  # and not at each renewal: short leases are renewed more often than that
            interval, glance = self._timing.reap_interval, self._store.glance
            often = glance is None or glance <= interval
            self._next_reap = tx.now + interval if often else self._next_renewal
        return has_reaped

    def _is_peer(self, other: WorkerRecord) -> bool:
        """Whether another worker runs activities that this one could run, too."""
        shared = not other.task_lists or not set(other.task_lists).isdisjoint(self.host.task_lists)
        return (
            other.id != self.record.id
            and other.domain in ("", self.host.domain)
            and (other.task_lists is None or (bool(other.activities) and shared))
        )

    def _reap(self, tx: EngineTransaction, others: list[WorkerRecord]) -> bool:
        has_reaped = False
        for worker in self._leases.dead(others, tx.now):
            if catalogue.drop_worker(tx.stored, worker):
                log.warning("worker %s (pid %d) is gone", worker.id[:8], worker.pid)
                tx.release(worker.id, RescheduleCause.WORKER_LOST)
                self.dispatcher.be_careful(tx.now)
                has_reaped = True
        return has_reaped

    def _release_strays(self, tx: EngineTransaction) -> None:
        """Give back activities that this worker holds and that did not run at two looks.

        A hand-over has failed, such as for want of memory. A look counts only if no transaction has
        failed since: what has ended meanwhile is reported by the next one, or once more.
        """
        strays = {token: found for token, found in self._held(tx) if not self.host.holds(token)}
        for token in strays.keys() & self._strays:
            state, item = strays.pop(token)
            tx.do(state, give_back("activity", item.id, item.started_event_id))
            self.host.given_back(item.id)
        self._strays = set(strays)

    def _held(self, tx: EngineTransaction) -> Iterator[tuple[str, tuple[State, OpenActivity]]]:
        """Yield the activities of this worker that were committed before, by their tokens."""
        for run, taken in tx.stored.held(self.record.id):
            state = tx.load(run) if isinstance(taken, OpenActivity) else None
            item = None if state is None or state.is_closed else state.get("activity", taken.id)
            if state is not None and isinstance(item, OpenActivity) and item.owner == taken.owner:
                yield make_token(state, item.started_event_id, item.id), (state, item)

    def _renew(self, tx: EngineTransaction) -> None:
        self._next_renewal = tx.now + self._timing.lease / 3
        self.record = replace(self.record, lease_until=tx.now + self._timing.lease)
        catalogue.put_worker(tx.stored, self.record)

    def _register_anew(self, tx: EngineTransaction) -> None:
        """Register as a new worker: the old one was reaped, after a suspension perhaps."""
        self.host.lost()
        before = self.record, self.dispatcher

        def restore() -> None:
            self.record, self.dispatcher = before

        tx.after_rollback.append(restore)
        self.record = _record_of(self.host)
        self.dispatcher = self._new_dispatcher(self._timing)
        self.dispatcher.follow(before[1])
        self.register(tx)

    def _renew_on_other_thread(self) -> None:
        """Renew the lease while the engine's thread waits for a decider that does not return."""
        self.dispatcher.calls.report_blocked()
        with self._store.transaction() as stored:
            self._has_missed_writes |= stored.foreign  # the store says so but once
            if any(one.id == self.record.id for one in catalogue.workers(stored)):
                until = self._clock() + self._timing.lease
                catalogue.put_worker(stored, replace(self.record, lease_until=until))

    def has_missed_writes(self) -> bool:
        """Return, once, whether the watchdog's thread saw that other processes wrote."""
        missed, self._has_missed_writes = self._has_missed_writes, False
        return missed

    def leave(self, tx: EngineTransaction) -> None:
        """Remove the worker's record, and give back what it holds."""
        for worker in catalogue.workers(tx.stored):  # the record may not be what we take it for
            if worker.id == self.record.id and catalogue.drop_worker(tx.stored, worker):
                tx.release(worker.id, RescheduleCause.GIVEN_BACK)

    def close(self) -> None:
        """End the watchdog."""
        if self.watchdog is not None:
            self.watchdog.close()


def _record_of(host: Host) -> WorkerRecord:
    """Return a new record of this process that says what the host serves."""
    return replace(
        new_worker(0.0),
        domain=host.domain,
        task_lists=tuple(host.task_lists),
        workflows=_own_types(host.workflow_keys()),
        activities=_own_types(host.activity_keys()),
        only=getattr(host, "only", None),
    )


def _own_types(keys: Collection[str]) -> tuple[str, ...]:
    """Return the types but for those that every worker has."""
    return tuple(sorted(key for key in keys if not key.startswith(ALWAYS_SERVED)))
