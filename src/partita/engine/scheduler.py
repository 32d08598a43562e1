"""Run transactions on the engine's one thread: when there is a request, or something to do.

Knows in which order a transaction does its parts, and what becomes of one that fails; what a
request means is in `api`.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from typing import Any

from partita import errors
from partita.engine import catalogue
from partita.engine.agenda import Agenda
from partita.engine.attachment import Attachment
from partita.engine.in_doubt import InDoubt
from partita.engine.inbox import Inbox, Request, acknowledge
from partita.engine.notifier import Notifier
from partita.engine.queries import Queries
from partita.engine.state_cache import StateCache
from partita.engine.timing import Timing
from partita.engine.transaction import EngineTransaction
from partita.engine.waiters import Waiters
from partita.engine.watchdog import CommittedEarlyError, EarlyExit
from partita.ports.host import Host
from partita.ports.outage import Outage
from partita.ports.store import News, Store

Rest = Callable[[float | None, bool], float | None]
"""Is called when there is nothing to do now; see `Engine.on_rest`."""

CONFLICT_RETRIES = 30
"""Times that a transaction is begun anew because others changed what it rests on."""

log = logging.getLogger("partita.engine")


class Scheduler:
    """One store, one thread, and at most one attached worker."""

    def __init__(self, store: Store, clock: Callable[[], float], timing: Timing) -> None:
        self.store = store
        self.timing = timing
        self.rest: Rest | None = None
        self.meters: list[Callable[[int, float], None]] = []  # see `Engine.on_commit`
        self.notifier = Notifier(timing)
        self.inbox = Inbox(self._turn, self._pause, self._moved)
        self.waiters = Waiters(store, self.inbox, timing)
        self.queries = Queries(store, self.inbox, self.waiters, timing)
        self._clock = clock
        self._agenda = Agenda(clock, self._clock_was_set_back)
        self._cache = StateCache()
        self._attachment: Attachment | None = None
        self._in_doubt = InDoubt(timing)
        self._outage = Outage("the database", log)
        self._tx: EngineTransaction | None = None
        store.on_change(self.inbox.wake)

    # -- the two questions of the inbox ----------------------------------------------------

    def _pause(self) -> float | None:
        """Return how long the thread may sleep, in seconds; None: until a request comes."""
        pause = self._time_left()
        if self.rest is None:
            return pause
        if pause == 0.0:  # no time may pass, but what is waited for may have come
            self.rest(self._agenda.now(), self._is_idle())
            return pause
        limit = self.rest(self._next_moment(), self._is_idle())
        left = [each for each in (limit, self._time_left()) if each is not None]
        return min(left) if left else None

    def _next_moment(self) -> float | None:
        """Return when there is something to do even if no request comes."""
        moments = [self._agenda.next_moment()]
        if self._attachment is not None:
            moments.append(self._attachment.dispatcher.retry_at)
        return min((moment for moment in moments if moment is not None), default=None)

    def _is_idle(self) -> bool:
        """Whether no activity runs here and no request waits.

        The order matters: an activity that ends posts its report before it stops to count.
        """
        is_busy = self._attachment is not None and self._attachment.host.is_busy()
        return not is_busy and self.inbox.is_empty()

    def _clock_was_set_back(self, now: float) -> None:
        if self._attachment is not None:
            self._attachment.clock_was_set_back(now)

    def _time_left(self) -> float | None:
        """Return for how long there is nothing to do, by the clock."""
        now = self._agenda.now()
        if self._agenda.retry_at > now:
            return self._agenda.retry_at - now
        if self.waiters.is_unchecked:
            return 0.0
        waits = [self._in_doubt.pause()]
        if self._agenda.next_due is not None:
            waits.append(max(0.0, self._agenda.next_due - now))
        if self._attachment is not None:
            waits.append(self._attachment.pause(now))
        if self._attachment is not None or self.waiters.is_anybody:
            waits.append(self.store.glance)
        return min((wait for wait in waits if wait is not None), default=None)

    def _turn(self, batch: list[Request[Any]]) -> None:
        """Do a batch, then answer queries, outside of the transaction."""
        try:
            self._transact(batch)
        finally:
            self.queries.answer(None if self._attachment is None else self._attachment.watchdog)

    def _moved(self) -> Callable[[], None]:
        """Make the host drop its live runs: they can be resumed only by the former thread."""
        return _nothing if self._attachment is None else self._attachment.host.leave_runs()

    # -- one transaction -------------------------------------------------------------------

    def _transact(self, batch: list[Request[Any]]) -> None:
        """Do a batch in one transaction, and publish what it did."""
        try:
            is_needed = self._is_needed()  # of a busy engine, too: this reads the news
            if not batch and not is_needed:
                return
            begun = time.perf_counter()
            tx = self._commit_at_last(batch)
        except BaseException as error:
            self._failed(batch, error)
            return
        finally:
            self._tx = None
        self._outage.over()
        self.queries.committed(tx)
        if self.meters and tx.executions.changed:
            for meter in self.meters:
                meter(len(batch), time.perf_counter() - begun)
        if tx.observations is not None and tx.observations.has_news:
            self.notifier.tell(tx.observations, tx.executions.changed.values(), tx.now)
        self._publish(tx)

    def _commit_at_last(self, batch: list[Request[Any]]) -> EngineTransaction:
        """Commit a batch; begin anew if another process changed what it rests on."""
        for _ in range(CONFLICT_RETRIES):
            try:
                return self._commit(batch)
            except errors.ConflictError:
                self._roll_back()
        return self._commit(batch)

    def _is_needed(self) -> bool:
        """Whether a transaction without requests has anything to do."""
        now = self._agenda.now()
        news = self.store.changed()
        if news:
            self._look_again(news)
        self.waiters.check()
        attachment = self._attachment
        if news:
            return attachment is not None or self._agenda.is_unknown
        if self._agenda.is_due(now) or self._in_doubt.pause() == 0.0:
            return True
        return attachment is not None and attachment.is_due(now)

    def _look_again(self, news: News) -> None:
        """React to what other processes have done."""
        if News.WORK in news:
            self._agenda.is_unknown = True
            if self._attachment is not None:
                self._attachment.dispatcher.look_again()
        if News.QUESTIONS in news:
            self.queries.may_be_waiting = True
        if News.LIMITS in news:
            self._cache.limits.clear()
        if News.CLOSED in news:
            self.waiters.request_check()
        self.waiters.others_wrote()

    def _commit(self, batch: list[Request[Any]]) -> EngineTransaction:
        """Make and commit one transaction, then acknowledge the requests in it."""
        self._tx = None
        context = EarlyExit(self.store.transaction(), partial(acknowledge, batch))
        with context as stored:
            missed = self._attachment is not None and self._attachment.has_missed_writes()
            if stored.foreign or missed:
                self._cache.invalidate()
                self._look_again(News.ALL)
            observations = self.notifier.observations()
            tx = self._tx = EngineTransaction(
                stored, self._agenda.now(), self._cache, context.exit, observations
            )
            self._agenda.fire(tx)
            self._in_doubt.settle(tx)
            for request in batch:
                request.run(tx)
            try:
                self._serve(tx)
            except CommittedEarlyError:
                self._agenda.is_unknown = True
                return tx
            tx.flush()
            self._agenda.note(tx)
        acknowledge(batch)
        return tx

    def _serve(self, tx: EngineTransaction) -> None:
        """Look after the workers' records, and serve the attached host."""
        attachment = self._attachment
        if attachment is None:
            return
        if attachment.look_after_workers(tx):
            self._agenda.is_unknown = True  # what the dead have put may be due
        self.queries.take(tx, attachment.host)
        attachment.dispatcher.serve(tx)

    def _publish(self, tx: EngineTransaction) -> None:
        """Pass on what a committed transaction has done."""
        for state in tx.executions.changed.values():
            self._cache.keep(state)
        self._in_doubt.dispel(tx.handed_out)
        try:
            if self._attachment is not None:
                self._attachment.dispatcher.publish(tx, self.inbox)
        finally:
            self.waiters.publish(tx)

    # -- a transaction that failed ---------------------------------------------------------

    def _failed(self, batch: list[Request[Any]], error: BaseException) -> None:
        """Undo a transaction; do its requests one by one, so that what broke it fails alone."""
        if isinstance(error, errors.StoreUnavailableError) and self._attachment and self._tx:
            self._in_doubt.add(self._attachment.dispatcher.owner, self._tx.handed_out)
        self._roll_back()
        if len(batch) > 1 and not isinstance(error, errors.StoreError):
            for request in batch:
                self._transact([request])
        else:
            self._refuse(batch, error)

    def _refuse(self, batch: list[Request[Any]], error: BaseException) -> None:
        """Answer a whole batch with the error that undid its transaction."""
        answer: errors.PartitaError
        if isinstance(error, errors.UsageError):
            answer = error  # a value that this database cannot store
        elif not isinstance(error, errors.StoreError):
            log.exception("the engine broke; nothing of this transaction was kept")
            answer = errors.PartitaError(f"the engine broke: {type(error).__name__}: {error}")
        else:
            answer = error
            is_away = (
                isinstance(error, errors.StoreUnavailableError) and self._attachment is not None
            )
            if self._attachment is not None and not isinstance(error, errors.ConflictError):
                self._attachment.put_off_reaping(self._clock())
            if not batch or is_away:  # else no caller would see it
                self._outage.failed(error)
        for request in batch:
            request.settle(answer)
        self._agenda.retry_in(self.timing.retry_after_failure)

    def _roll_back(self) -> None:
        """Forget everything that was made of a transaction that failed."""
        self._agenda.is_unknown = True
        self.waiters.request_check()  # it may have been committed after all
        self.queries.rolled_back()
        self._cache.limits.clear()
        attached = {self._attachment}  # among them one that was to be attached and has decided
        tx = self._tx
        for undo in reversed(tx.after_rollback if tx is not None else []):
            undo()
        attached.add(self._attachment)
        if self._attachment is not None:
            self._attachment.rolled_back()
        if tx is None:
            return
        for run in tx.executions.used:
            self._cache.drop(run)
        for run, state in tx.executions.changed.items():
            self._cache.drop(run)
            for attachment in attached:
                if attachment is not None:
                    attachment.host.forget(state.execution.run_id)

    # -- a worker in this process ----------------------------------------------------------

    def attach(self, host: Host) -> None:
        """Serve `host` from now on."""
        attachment = Attachment(host, self.store, self._clock, self.timing)
        former: list[Attachment] = []

        def begin(tx: EngineTransaction) -> None:
            before = self._attachment
            former[:] = [] if before is None else [before]
            tx.after_rollback.append(partial(self._serve_again, before))
            attachment.register(tx)
            self._attachment = attachment
            self.queries.may_be_waiting = True

        try:
            self.inbox.ask(begin)
        except BaseException:
            attachment.close()
            raise
        for one in former:
            one.close()

    def _serve_again(self, attachment: Attachment | None) -> None:
        self._attachment = attachment

    def current_time(self) -> float:
        """Return the time, in seconds since the epoch."""
        return self._clock()

    def look_again(self) -> None:
        """Look for work at the next transaction; on the engine's thread."""
        self._agenda.is_unknown = True
        if self._attachment is not None:
            self._attachment.dispatcher.look_again()

    def pause(self) -> None:
        """Hand out no new tasks; results are still taken."""

        def hold(_: EngineTransaction) -> None:
            if self._attachment is not None:
                self._attachment.dispatcher.paused = True

        self.inbox.ask(hold)

    def detach(self) -> None:
        """Stop serving the host; what it holds is given back."""
        leaving: list[Attachment] = []  # kept for when the transaction is begun anew

        def end(tx: EngineTransaction) -> None:
            attachment, self._attachment = self._attachment, None
            if attachment is not None:
                leaving.append(attachment)
                attachment.host.detached()
            for one in leaving:
                one.leave(tx)

        try:
            self.inbox.ask(end)
        finally:
            for one in leaving:
                one.close()

    @property
    def is_serving(self) -> bool:
        """Whether a host is attached, and nothing is held back from it."""
        attachment = self._attachment
        return attachment is not None and not attachment.dispatcher.paused

    def is_on_record(self) -> bool:
        """Whether the store has the attached worker on record."""
        workers, attachment = catalogue.workers(self.store), self._attachment
        return attachment is not None and any(one.id == attachment.record.id for one in workers)

    def query(self, run: int, name: str, input: str | None) -> str | None:
        """Answer a query by the attached host; None if there is none, or it has not the code."""
        if self._attachment is None:  # and no transaction, which could fire what is due
            return None

        def work(tx: EngineTransaction) -> Future[str] | None:
            if self._attachment is None:
                return None
            return self.queries.ask(tx, self._attachment.host, run, name, input)

        answered = self.inbox.ask(work)
        return None if answered is None else answered.result()

    def close(self) -> None:
        """Detach the host if there is one, end the thread, and close the store."""
        attachment = self._attachment
        if attachment is not None:
            try:
                self.detach()
            except errors.StoreError as error:
                log.warning("could not give back what this worker held: %s", error)
            attachment.close()
        self.inbox.close()
        self.notifier.close()
        self.store.close()


def _nothing() -> None:
    """Do nothing."""
