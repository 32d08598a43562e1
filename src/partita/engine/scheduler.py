"""Run transactions on the engine's one thread, wake up when there is a reason, serve the host.

Knows when to look at the store and who has died; what a request means is in `api`.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from typing import Any, TypeVar

from msgspec.structs import replace

from partita.engine.dispatcher import Dispatcher
from partita.engine.in_doubt import InDoubt
from partita.engine.inbox import Inbox, Request
from partita.engine.leases import Leases, new_worker
from partita.engine.notifier import Notifier, Observations
from partita.engine.queries import Queries
from partita.engine.state_cache import StateCache
from partita.engine.transaction import EngineTransaction
from partita.engine.waiters import Waiters
from partita.engine.watchdog import Ending, OvertakenError, Watchdog
from partita.errors import (
    ConflictError,
    PartitaError,
    StoreError,
    StoreUnavailableError,
    UsageError,
)
from partita.history import (
    RescheduleCause,
)
from partita.ports.host import Host
from partita.ports.outage import Outage
from partita.ports.service import ActivityTask
from partita.ports.store import News, Store, WorkerRecord

T = TypeVar("T")

Rest = Callable[[float | None, bool], float | None]
"""Hear that there is nothing to do now; see `Engine.on_rest`."""

DEFAULT_LEASE = 10.0
"""Seconds after which a silent worker's tasks are given to others."""

REAP = 1.0
"""Seconds between two looks for dead workers, at least."""

AGAIN = 0.02
"""Seconds after which what another process held is looked for again."""

SET_BACK = 1.0
"""Seconds by which a clock must go back for that to be more than a correction."""

TRIES = 30
"""Times that a transaction is begun anew because others got in between."""

log = logging.getLogger("partita.engine")


class Scheduler:
    """One store, one thread, and at most one attached worker."""

    def __init__(
        self,
        store: Store,
        *,
        clock: Callable[[], float] = time.time,
        lease: float = DEFAULT_LEASE,
    ) -> None:
        self.store = store
        self._clock = clock
        self._latest = 0.0  # what the clock has last said
        self._leases = Leases(time.monotonic if clock is time.time else clock)
        self._lease = lease
        self._states = StateCache()
        self._tx: EngineTransaction | None = None
        self._given: list[ActivityTask] = []  # to the host, by the transaction that is made now
        self._in_doubt = InDoubt()
        self._dispatcher: Dispatcher | None = None
        self._worker: WorkerRecord | None = None
        self._watchdog: Watchdog | None = None
        self._overlooked = False  # whether it was the watch that first saw what others wrote
        self._registered: tuple[Dispatcher | None, WorkerRecord | None] | None = None  # in place of
        self._next_due: float | None = None
        self._due_unknown = True
        self._not_before = 0.0  # after a failed transaction: when to try again
        self._next_renewal = self._next_reap = 0.0
        self._asked = False  # whether other processes may have put questions
        self._next_token: float | None = None  # when a limited task list may go on
        self._outage = Outage("the database", log)
        self.rest: Rest | None = None
        self.meters: list[Callable[[int, float], None]] = []  # see `Engine.on_commit`
        self.notifier = Notifier()
        self.inbox = Inbox(self._turn, self._pause)
        self._queries = Queries(store, self.inbox)
        self.waiters = Waiters(store, self.inbox)
        store.on_change(self.inbox.wake)

    # -- the loop's two questions ----------------------------------------------------------

    def _pause(self) -> float | None:
        """Return how long the thread may sleep, in seconds; None: until a request comes."""
        pause = self._time_left()
        if self.rest is None or pause == 0.0:
            return pause
        limit = self.rest(self._next_moment(), self._is_idle())
        left = [each for each in (limit, self._time_left()) if each is not None]
        return min(left) if left else None

    def _next_moment(self) -> float | None:
        """Return when there is something to do even if no request comes."""
        moments = [self._next_due, self._next_token]
        if self._not_before > self._clock():
            moments.append(self._not_before)
        return min((moment for moment in moments if moment is not None), default=None)

    def _is_idle(self) -> bool:
        """Whether no activity runs here and no request waits.

        The order matters: an activity that ends posts its report before it stops to count.
        """
        is_busy = self._dispatcher is not None and self._dispatcher.host.is_busy()
        return not is_busy and self.inbox.is_empty()

    def _now(self) -> float:
        """Read the clock. If it was set back, what was to be done at a moment is due."""
        now = self._clock()
        if now < self._latest - SET_BACK:
            log.warning("the clock was set back by %.0f s", self._latest - now)
            self._not_before = self._next_renewal = self._next_reap = 0.0
            self._next_token = None if self._next_token is None else now
        self._latest = now
        return now

    def _time_left(self) -> float | None:
        """Return for how long there is nothing to do, by the clock."""
        now = self._now()
        if self._not_before > now:
            return self._not_before - now
        if self.waiters.is_unchecked or (self._dispatcher and self._dispatcher.is_behind):
            return 0.0
        waits = [pause for pause in [self._in_doubt.pause()] if pause is not None]
        if self._next_due is not None:
            waits.append(max(0.0, self._next_due - now))
        if self._dispatcher is not None:
            waits.append(max(0.0, min(self._next_renewal, self._next_reap) - now))
            if self._next_token is not None:
                waits.append(max(0.0, self._next_token - now))
        if self.store.glance and (self._dispatcher or self.waiters.is_anybody):
            waits.append(self.store.glance)
        return min(waits) if waits else None

    def _turn(self, batch: list[Request[Any]]) -> None:
        """Do a batch, and then what is not to be done in a transaction."""
        try:
            self._transact(batch)
        finally:
            self._queries.answer(self._watchdog)

    def _transact(self, batch: list[Request[Any]]) -> None:
        """Do a batch in one transaction, with all that follows from it."""
        self._given = []  # what the last transaction gave is in no doubt
        try:
            is_needed = self._is_needed()  # asked of a busy engine, too: it hears of news so
            if not batch and not is_needed:
                return
            begun = time.perf_counter()
            tasks, tx = self._commit_at_last(batch)
        except BaseException as error:
            if isinstance(error, StoreUnavailableError) and self._dispatcher is not None:
                self._in_doubt.add(self._dispatcher.owner, self._given)
            self._undo()
            if len(batch) > 1 and not isinstance(error, StoreError):
                for request in batch:  # what broke it refuses only itself
                    self._transact([request])
            else:
                self._refuse(batch, error)
            return
        finally:
            self._tx = None
        self._outage.over()
        self._queries.committed(tx)
        if self.meters and tx.executions.changed:
            for meter in self.meters:
                meter(len(batch), time.perf_counter() - begun)
        if tx.observations is not None:
            self.notifier.tell(tx.observations, tx.executions.changed.values(), tx.now)
        self._publish(tx, tasks)

    def _commit_at_last(
        self, batch: list[Request[Any]]
    ) -> tuple[list[ActivityTask], EngineTransaction]:
        """Do a batch, from the start again whenever others changed what it rests on."""
        for _ in range(TRIES):
            try:
                return self._commit(batch)
            except ConflictError:
                self._undo()
        return self._commit(batch)

    def _refuse(self, batch: list[Request[Any]], error: BaseException) -> None:
        """Answer a whole batch with the error that undid its transaction."""
        answer: PartitaError
        if isinstance(error, UsageError):
            answer = error  # a value that this database cannot keep
        elif not isinstance(error, StoreError):
            log.exception("the engine broke; nothing of this transaction was kept")
            answer = PartitaError(f"the engine broke: {type(error).__name__}: {error}")
        else:
            answer = error
            if not isinstance(error, ConflictError):  # others could renew no lease either
                self._next_reap = max(self._next_reap, self._clock() + self._lease)
            away = isinstance(error, StoreUnavailableError) and self._dispatcher is not None
            if not batch or away:  # nobody else would say so
                self._outage.failed(error)
        for request in batch:
            request.settle(answer)
        self._not_before = self._clock() + 0.2

    def _is_needed(self) -> bool:
        """Whether a transaction without requests has anything to do."""
        now = self._now()
        news = self.store.changed()
        if news:
            self._look_again(news)
        self.waiters.check()
        if news:
            return self._dispatcher is not None or self._due_unknown
        if self._next_due is not None and self._next_due <= now:
            return True
        if self._in_doubt.pause() == 0.0:
            return True
        dispatcher = self._dispatcher
        if self._next_token is not None and self._next_token <= now and dispatcher is not None:
            self._next_token = None
            dispatcher.look_again()
        return dispatcher is not None and (
            dispatcher.is_behind or min(self._next_renewal, self._next_reap) <= now
        )

    def _look_again(self, news: News) -> None:
        if News.WORK in news:
            self._due_unknown = True
            if self._dispatcher is not None:
                self._dispatcher.look_again()
        if News.QUESTIONS in news:
            self._asked = True
        if News.LIMITS in news:
            self._states.limits = None
        if News.CLOSED in news:
            self.waiters.doubt()
        self.waiters.others_wrote()

    def _commit(self, batch: list[Request[Any]]) -> tuple[list[ActivityTask], EngineTransaction]:
        self._given = []
        self._registered = None
        ending = Ending(self.store.transaction(), partial(_acknowledge, batch))
        with ending as transaction:
            if transaction.foreign or self._overlooked:
                self._overlooked = False
                self._states.invalidate()
                self._look_again(News.ALL)
            now = self._now()
            observations = Observations() if self.notifier.is_wanted else None
            tx = self._tx = EngineTransaction(
                transaction, now, self._states, ending.end, observations
            )
            if self._due_unknown or (self._next_due is not None and self._next_due <= now):
                self._due_unknown = True
                tx.fire_due()
            self._in_doubt.settle(tx)
            for request in batch:
                request.run(tx)
            self._look_after_workers(tx)
            try:
                tasks = self._given = self._serve(tx)
            except OvertakenError:
                self._due_unknown = True
                return [], tx
            tx.flush()
            self._note_due(tx)
        _acknowledge(batch)
        return tasks, tx

    def _serve(self, tx: EngineTransaction) -> list[ActivityTask]:
        """Let the host decide and take activities."""
        if self._dispatcher is None:
            return []
        if self._asked:
            self._asked = False
            self._queries.take_questions(tx, self._dispatcher.host)
        tasks = self._dispatcher.serve(tx)
        self._next_token = tx.rate_limits.next_token or self._next_token
        if tx.stored.skipped:
            self._next_token = min(tx.now + AGAIN, self._next_token or math.inf)
        return tasks

    def _note_due(self, tx: EngineTransaction) -> None:
        if self._due_unknown:
            self._next_due = tx.stored.next_due()
            self._due_unknown = False
        elif tx.queued_work.next_due is not None:
            known = [due for due in (self._next_due, tx.queued_work.next_due) if due is not None]
            self._next_due = min(known)

    def _undo(self) -> None:
        """Forget everything that was made of a transaction that failed."""
        self._due_unknown = self._asked = True
        self.waiters.doubt()  # it may have been committed after all
        self._queries.undone()
        self._states.limits = None
        self._next_renewal = 0.0  # the record may not be what we take it for, or be gone
        served = {self._dispatcher}  # among them a host that was to be attached and has decided
        if self._registered is not None:
            self._dispatcher, self._worker = self._registered
            self._registered = None
        if self._dispatcher is not None:
            self._dispatcher.undone()
        if self._tx is None:
            return
        for state in self._tx.executions.used.values():
            self._states.drop(state.run)
        for state in self._tx.executions.changed.values():
            self._states.drop(state.run)
            for dispatcher in served | {self._dispatcher}:
                if dispatcher is not None:
                    dispatcher.host.forget(state.execution.run_id)

    def _publish(self, tx: EngineTransaction, tasks: list[ActivityTask]) -> None:
        """Let out of the process what is now committed."""
        for state in tx.executions.changed.values():
            self._states.keep(state)
        self._in_doubt.dispel(tasks)
        try:
            if self._dispatcher is not None:
                self._dispatcher.publish(tasks, tx.closed)
        finally:
            self.waiters.publish(tx)

    # -- a worker in this process ----------------------------------------------------------

    def attach(self, host: Host) -> None:
        """Serve `host` from now on."""

        def begin(tx: EngineTransaction) -> None:
            if self.store.shared and self._watchdog is None:
                self._watchdog = Watchdog(self._renew_apart, self._lease / 3)
            self._register(tx, host)

        self.inbox.ask(begin)

    def _register(self, tx: EngineTransaction, host: Host) -> Dispatcher:
        self._registered = self._registered or (self._dispatcher, self._worker)
        self._worker = new_worker(tx.now + self._lease)
        tx.stored.put_worker(self._worker)
        tx.stored.add_types(host.domain, host.workflow_keys())
        self._asked = True
        self._next_renewal = tx.now + self._lease / 3
        self._next_reap = tx.now
        self._dispatcher = Dispatcher(host, self._worker.id, self._watchdog)
        return self._dispatcher

    def pause(self) -> None:
        """Hand out nothing new; results are still taken."""

        def hold(_: EngineTransaction) -> None:
            if self._dispatcher is not None:
                self._dispatcher.paused = True

        self.inbox.ask(hold)

    def detach(self) -> None:
        """Stop serving the host; what it holds is given back."""
        leaving: list[str] = []  # kept for when the transaction is begun anew

        def end(tx: EngineTransaction) -> None:
            if self._worker is not None:
                leaving[:] = [self._worker.id]
            for worker in tx.stored.workers():  # the record may not be what we take it for
                if worker.id in leaving and tx.stored.drop_worker(worker):
                    tx.release(worker.id, RescheduleCause.GIVEN_BACK)
            if self._dispatcher is not None:
                self._dispatcher.host.detached()
            self._dispatcher = self._worker = None

        self.inbox.ask(end)
        self._unwatch()

    def _unwatch(self) -> None:
        watchdog, self._watchdog = self._watchdog, None
        if watchdog is not None:
            watchdog.close()

    @property
    def is_serving(self) -> bool:
        """Whether a host is attached, and nothing is held back from it."""
        dispatcher = self._dispatcher
        return dispatcher is not None and not dispatcher.paused

    def is_on_record(self) -> bool:
        """Whether the store has this worker on record."""
        workers, me = self.store.workers(), self._worker
        return me is not None and any(worker.id == me.id for worker in workers)

    def _look_after_workers(self, tx: EngineTransaction) -> None:
        """Renew our own lease; take from the dead what they hold."""
        dispatcher, me = self._dispatcher, self._worker
        renews, reaps = tx.now >= self._next_renewal, tx.now >= self._next_reap
        if dispatcher is None or me is None or not (renews or reaps):
            return
        workers = tx.stored.workers()
        if reaps:
            self._reap(tx, [worker for worker in workers if worker.id != me.id])
        if renews:
            self._renew(tx, dispatcher, {worker.id for worker in workers})
        if reaps:  # and not at each renewal: short leases are renewed more often than that
            often = self.store.glance is None or self.store.glance <= REAP
            self._next_reap = tx.now + REAP if often else self._next_renewal

    def _reap(self, tx: EngineTransaction, others: list[WorkerRecord]) -> None:
        for worker in self._leases.dead(others, tx.now):
            if tx.stored.drop_worker(worker):
                log.warning("worker %s (pid %d) is gone", worker.id[:8], worker.pid)
                tx.release(worker.id, RescheduleCause.WORKER_LOST)
                self._due_unknown = True  # what it has put may come due before we knew
                if self._dispatcher is not None:
                    self._dispatcher.beware(tx.now)

    def _renew(self, tx: EngineTransaction, dispatcher: Dispatcher, known: set[str]) -> None:
        assert self._worker is not None
        if self._worker.id not in known:  # taken for dead: suspended for too long, perhaps
            dispatcher.host.lost()
            self._register(tx, dispatcher.host).follow(dispatcher)
            return
        self._next_renewal = tx.now + self._lease / 3
        self._worker = replace(self._worker, lease_until=tx.now + self._lease)
        tx.stored.put_worker(self._worker)

    def _renew_apart(self) -> None:
        """Renew our own lease from another thread, while the engine's is not to be had."""
        me, dispatcher = self._worker, self._dispatcher
        if dispatcher is not None:
            dispatcher.remind()
        with self.store.transaction() as transaction:
            self._overlooked |= transaction.foreign  # the store says so but once
            if me is not None and any(one.id == me.id for one in transaction.workers()):
                transaction.put_worker(replace(me, lease_until=self._clock() + self._lease))

    def query(self, run: int, name: str, input: str | None) -> str | None:
        """Have the host of this process answer a query; None if it does not know the type."""

        def work(tx: EngineTransaction) -> Future[str] | None:
            dispatcher = self._dispatcher
            if dispatcher is None:
                return None
            return self._queries.ask(tx, dispatcher.host, run, name, input)

        answered = self.inbox.ask(work)
        return None if answered is None else answered.result()

    def close(self) -> None:
        """Detach the host if there is one, end the thread, and close the store."""
        if self._dispatcher is not None:
            try:
                self.detach()
            except StoreError as error:
                log.warning("could not give back what this worker held: %s", error)
        self._unwatch()
        self.inbox.close()
        self.notifier.close()
        self.store.close()


def _acknowledge(batch: list[Request[Any]]) -> None:
    for request in batch:
        try:
            request.settle()
        except BaseException:  # a fault in what is told of the commit; the commit itself stands
            log.exception("the engine goes on after a fault")
