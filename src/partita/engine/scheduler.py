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

from partita.engine.dispatcher import Dispatch
from partita.engine.in_doubt import Doubts
from partita.engine.inbox import Loop, Request
from partita.engine.leases import Leases, new_worker
from partita.engine.notifier import Listening
from partita.engine.queries import Answering
from partita.engine.search import Search
from partita.engine.state_cache import States
from partita.engine.transaction import Unit
from partita.engine.waiters import Waiting
from partita.engine.watchdog import Ending, OvertakenError, Watch
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
from partita.ports.state import (
    AnyItem,
)
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


class Core:
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
        self._states = States()
        self._unit: Unit | None = None
        self._given: list[ActivityTask] = []  # to the host, by the transaction that is made now
        self._doubts = Doubts()
        self._dispatch: Dispatch | None = None
        self._worker: WorkerRecord | None = None
        self._watch: Watch | None = None
        self._overlooked = False  # whether it was the watch that first saw what others wrote
        self._registered: tuple[Dispatch | None, WorkerRecord | None] | None = None  # in place of
        self._search = Search()
        self._next_due: float | None = None
        self._due_unknown = True
        self._not_before = 0.0  # after a failed transaction: when to try again
        self._next_renewal = self._next_reap = 0.0
        self._asked = False  # whether other processes may have put questions
        self._next_token: float | None = None  # when a limited task list may go on
        self._outage = Outage("the database", log)
        self.rest: Rest | None = None
        self.meters: list[Callable[[int, float], None]] = []  # see `Engine.on_commit`
        self.listening = Listening()
        self.loop = Loop(self._turn, self._pause)
        self._answering = Answering(store, self.loop)
        self.waiting = Waiting(store, self.loop)
        store.on_change(self.loop.wake)

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
        is_busy = self._dispatch is not None and self._dispatch.host.is_busy()
        return not is_busy and self.loop.is_empty()

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
        if self.waiting.is_unchecked or (self._dispatch and self._dispatch.is_behind):
            return 0.0
        waits = [pause for pause in [self._doubts.pause()] if pause is not None]
        if self._next_due is not None:
            waits.append(max(0.0, self._next_due - now))
        if self._dispatch is not None:
            waits.append(max(0.0, min(self._next_renewal, self._next_reap) - now))
            if self._next_token is not None:
                waits.append(max(0.0, self._next_token - now))
        if self.store.glance and (self._dispatch or self.waiting.is_anybody):
            waits.append(self.store.glance)
        return min(waits) if waits else None

    def _turn(self, batch: list[Request[Any]]) -> None:
        """Do a batch, and then what is not to be done in a transaction."""
        try:
            self._transact(batch)
        finally:
            self._answering.answer(self._watch)

    def _transact(self, batch: list[Request[Any]]) -> None:
        """Do a batch in one transaction, with all that follows from it."""
        self._given = []  # what the last transaction gave is in no doubt
        try:
            is_needed = self._is_needed()  # asked of a busy engine, too: it hears of news so
            if not batch and not is_needed:
                return
            begun = time.perf_counter()
            tasks, unit = self._commit_at_last(batch)
        except BaseException as error:
            if isinstance(error, StoreUnavailableError) and self._dispatch is not None:
                self._doubts.add(self._dispatch.owner, self._given)
            self._undo()
            if self._search.failed(error):
                self._transact(batch)
            elif len(batch) > 1 and not isinstance(error, StoreError):
                for request in batch:  # what broke it refuses only itself
                    self._transact([request])
            else:
                self._refuse(batch, error)
            return
        finally:
            self._unit = None
        self._outage.over()
        self._answering.committed(unit)
        if not unit.overtaken:
            _acknowledge(batch)
        if self.meters and unit.touched:
            for meter in self.meters:
                meter(len(batch), time.perf_counter() - begun)
        if self.listening.is_wanted:
            self.listening.tell(unit)
        self._publish(unit, tasks)
        if batch and self._search.is_on:
            self._transact([])

    def _commit_at_last(self, batch: list[Request[Any]]) -> tuple[list[ActivityTask], Unit]:
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
            away = isinstance(error, StoreUnavailableError) and self._dispatch is not None
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
        self.waiting.check()
        if news:
            return self._dispatch is not None or self._due_unknown
        if self._next_due is not None and self._next_due <= now:
            return True
        if self._doubts.pause() == 0.0:
            return True
        dispatch = self._dispatch
        if self._next_token is not None and self._next_token <= now and dispatch is not None:
            self._next_token = None
            dispatch.look_again()
        return dispatch is not None and (
            dispatch.is_behind or min(self._next_renewal, self._next_reap) <= now
        )

    def _look_again(self, news: News) -> None:
        if News.WORK in news:
            self._due_unknown = True
            if self._dispatch is not None:
                self._dispatch.look_again()
        if News.QUESTIONS in news:
            self._asked = True
        if News.LIMITS in news:
            self._states.limits = None
        if News.CLOSED in news:
            self.waiting.doubt()
        self.waiting.others_wrote()

    def _commit(self, batch: list[Request[Any]]) -> tuple[list[ActivityTask], Unit]:
        self._given = []
        self._registered = None
        self._search.begin()
        ending = Ending(self.store.transaction(), partial(_acknowledge, batch))
        with ending as transaction:
            if transaction.foreign or self._overlooked:
                self._overlooked = False
                self._states.doubt()
                self._look_again(News.ALL)
            now = self._now()
            unit = self._unit = Unit(transaction, now, self._states, self._find_item, ending.end)
            unit.watched = self.listening.is_wanted
            if self._due_unknown or (self._next_due is not None and self._next_due <= now):
                self._due_unknown = True
                unit.fire_due()
            self._doubts.settle(unit)
            for request in batch:
                request.run(unit)
            self._look_after_workers(unit)
            try:
                tasks = self._given = self._serve(unit, alone=not batch)
            except OvertakenError:
                self._due_unknown = unit.overtaken = True
                return [], unit
            unit.flush()
            self._note_due(unit)
        return tasks, unit

    def _serve(self, unit: Unit, *, alone: bool) -> list[ActivityTask]:
        """Let the host do what is to be done, `alone` or with requests."""
        if self._dispatch is None:
            return []
        if self._asked:
            self._asked = False
            self._answering.take_questions(unit, self._dispatch.host)
        tasks = self._dispatch.serve(unit, alone=alone)
        self._next_token = unit.lanes.next_token or self._next_token
        if unit.transaction.skipped:
            self._next_token = min(unit.now + AGAIN, self._next_token or math.inf)
        return tasks

    def _find_item(self, run: int, kind: str, id: str) -> AnyItem | None:
        assert self._unit is not None
        return self._unit.transaction.item(run, kind, id)

    def _note_due(self, unit: Unit) -> None:
        if self._due_unknown:
            self._next_due = unit.transaction.next_due()
            self._due_unknown = False
        elif unit.next_due is not None and (
            self._next_due is None or unit.next_due < self._next_due
        ):
            self._next_due = unit.next_due

    def _undo(self) -> None:
        """Forget everything that was made of a transaction that failed."""
        self._due_unknown = self._asked = True
        self.waiting.doubt()  # it may have been committed after all
        self._answering.undone()
        self._states.limits = None
        self._next_renewal = 0.0  # the record may not be what we take it for, or be gone
        served = {self._dispatch}  # among them a host that was to be attached and has decided
        if self._registered is not None:
            self._dispatch, self._worker = self._registered
            self._registered = None
        if self._dispatch is not None:
            self._dispatch.undone()
        if self._unit is None:
            return
        for state in self._unit.used.values():
            self._states.forget(state)
        for state in self._unit.touched.values():
            self._states.forget(state)
            for dispatch in served | {self._dispatch}:
                if dispatch is not None:
                    dispatch.host.forget(state.execution.run_id)

    def _publish(self, unit: Unit, tasks: list[ActivityTask]) -> None:
        """Let out of the process what is now committed."""
        for state in unit.touched.values():
            self._states.keep(state)
        self._doubts.dispel(tasks)
        try:
            if self._dispatch is not None:
                self._dispatch.publish(tasks, unit.closed)
        finally:
            self.waiting.publish(unit)

    # -- a worker in this process ----------------------------------------------------------

    def attach(self, host: Host) -> None:
        """Serve `host` from now on."""

        def begin(unit: Unit) -> None:
            if self.store.shared and self._watch is None:
                self._watch = Watch(self._renew_apart, self._lease / 3)
            self._register(unit, host)

        self.loop.ask(begin)

    def _register(self, unit: Unit, host: Host) -> Dispatch:
        self._registered = self._registered or (self._dispatch, self._worker)
        self._worker = new_worker(unit.now + self._lease)
        unit.transaction.put_worker(self._worker)
        unit.transaction.add_types(host.domain, host.workflow_keys())
        self._asked = True
        self._next_renewal = unit.now + self._lease / 3
        self._next_reap = unit.now
        self._dispatch = Dispatch(host, self._worker.id, self._search, self._watch)
        return self._dispatch

    def pause(self) -> None:
        """Hand out nothing new; results are still taken."""

        def hold(_: Unit) -> None:
            if self._dispatch is not None:
                self._dispatch.paused = True

        self.loop.ask(hold)

    def detach(self) -> None:
        """Stop serving the host; what it holds is given back."""
        leaving: list[str] = []  # kept for when the transaction is begun anew

        def end(unit: Unit) -> None:
            if self._worker is not None:
                leaving[:] = [self._worker.id]
            for worker in unit.transaction.workers():  # the record may not be what we take it for
                if worker.id in leaving and unit.transaction.drop_worker(worker):
                    unit.release(worker.id, RescheduleCause.GIVEN_BACK)
            if self._dispatch is not None:
                self._dispatch.host.detached()
            self._dispatch = self._worker = None

        self.loop.ask(end)
        self._unwatch()

    def _unwatch(self) -> None:
        watch, self._watch = self._watch, None
        if watch is not None:
            watch.close()

    @property
    def is_serving(self) -> bool:
        """Whether a host is attached, and nothing is held back from it."""
        dispatch = self._dispatch
        return dispatch is not None and not dispatch.paused

    def is_on_record(self) -> bool:
        """Whether the store has this worker on record."""
        workers, me = self.store.workers(), self._worker
        return me is not None and any(worker.id == me.id for worker in workers)

    def _look_after_workers(self, unit: Unit) -> None:
        """Renew our own lease; take from the dead what they hold."""
        dispatch, me = self._dispatch, self._worker
        renews, reaps = unit.now >= self._next_renewal, unit.now >= self._next_reap
        if dispatch is None or me is None or not (renews or reaps):
            return
        workers = unit.transaction.workers()
        if reaps:
            self._reap(unit, [worker for worker in workers if worker.id != me.id])
        if renews:
            self._renew(unit, dispatch, {worker.id for worker in workers})
        if reaps:  # and not at each renewal: short leases are renewed more often than that
            often = self.store.glance is None or self.store.glance <= REAP
            self._next_reap = unit.now + REAP if often else self._next_renewal

    def _reap(self, unit: Unit, others: list[WorkerRecord]) -> None:
        for worker in self._leases.dead(others, unit.now):
            if unit.transaction.drop_worker(worker):
                log.warning("worker %s (pid %d) is gone", worker.id[:8], worker.pid)
                unit.release(worker.id, RescheduleCause.WORKER_LOST)
                self._due_unknown = True  # what it has put may come due before we knew
                if self._dispatch is not None:
                    self._dispatch.beware(unit.now)

    def _renew(self, unit: Unit, dispatch: Dispatch, known: set[str]) -> None:
        assert self._worker is not None
        if self._worker.id not in known:  # taken for dead: suspended for too long, perhaps
            dispatch.host.lost()
            self._register(unit, dispatch.host).follow(dispatch)
            return
        self._next_renewal = unit.now + self._lease / 3
        self._worker = replace(self._worker, lease_until=unit.now + self._lease)
        unit.transaction.put_worker(self._worker)

    def _renew_apart(self) -> None:
        """Renew our own lease from another thread, while the engine's is not to be had."""
        me, dispatch = self._worker, self._dispatch
        if dispatch is not None:
            dispatch.remind()
        with self.store.transaction() as transaction:
            self._overlooked |= transaction.foreign  # the store says so but once
            if me is not None and any(one.id == me.id for one in transaction.workers()):
                transaction.put_worker(replace(me, lease_until=self._clock() + self._lease))

    def query(self, run: int, name: str, input: str | None) -> str | None:
        """Have the host of this process answer a query; None if it does not know the type."""

        def work(unit: Unit) -> Future[str] | None:
            dispatch = self._dispatch
            if dispatch is None:
                return None
            return self._answering.ask(unit, dispatch.host, run, name, input)

        answered = self.loop.ask(work)
        return None if answered is None else answered.result()

    def close(self) -> None:
        """Detach the host if there is one, end the thread, and close the store."""
        if self._dispatch is not None:
            try:
                self.detach()
            except StoreError as error:
                log.warning("could not give back what this worker held: %s", error)
        self._unwatch()
        self.loop.close()
        self.listening.close()
        self.store.close()


def _acknowledge(batch: list[Request[Any]]) -> None:
    for request in batch:
        try:
            request.settle()
        except BaseException:  # a fault in what is told of the commit; the commit itself stands
            log.exception("the engine goes on after a fault")
