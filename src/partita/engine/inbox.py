"""Run requests on one thread, all that wait in one transaction.

The thread both decides and commits, because a greenlet can be resumed only by the thread
that made it. A request is acknowledged after the commit that holds it, never before.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, Generic, TypeVar

from partita.engine.standby import ENGINE_THREAD, Standby
from partita.engine.transaction import EngineTransaction
from partita.errors import PartitaError, StoreError, StoreUnavailableError, UsageError

T = TypeVar("T")

log = logging.getLogger("partita.engine")

MAX_PAUSE = 86400.0
"""Seconds that the thread sleeps, at most; a clock cannot wait for far moments."""

BATCH_LIMIT = 512
"""Requests that share one transaction, at most."""

CLOSE_INTERVAL = 0.05
"""Seconds between two looks at whether the thread has ended."""

ASIDE_LIMIT = 0.02
"""Seconds after which what runs on the thread between two turns has it no longer."""


class Request(Generic[T]):
    """Work to do in a transaction, and whoever waits for it."""

    __slots__ = ("_done", "_error", "_failed", "_future", "_is_settled", "_result", "_work")

    def __init__(
        self,
        work: Callable[[EngineTransaction], T],
        failed: Callable[[PartitaError], None] | None = None,
        future: Future[T] | None = None,
    ) -> None:
        self._work = work
        self._failed = failed  # called on failure if no caller waits
        self._error: Exception | None = None
        self._result: Any = None
        self._future = future  # for callers that do not wait on a thread
        self._is_settled = False
        self._done = threading.Lock()
        if failed is None and future is None:
            self._done.acquire()

    def run(self, tx: EngineTransaction) -> None:
        """Do the work; may be called again, if the transaction fails."""
        self._error = None
        try:
            self._result = self._work(tx)
        except StoreError:
            raise  # it is the whole transaction that has failed
        except Exception as error:
            self._error = error

    def settle(self, error: PartitaError | None = None) -> None:
        """Acknowledge, or refuse: with `error` if the transaction failed as a whole; once."""
        if self._is_settled:
            return
        self._is_settled = True
        self._error = error or self._error
        if self._future is not None:
            if self._error is not None:
                self._future.set_exception(self._error)
            else:
                self._future.set_result(self._result)
        elif self._failed is None:
            self._done.release()
        elif isinstance(self._error, PartitaError):
            self._failed(self._error)
        elif self._error is not None:
            name = type(self._error).__name__
            self._failed(PartitaError(f"the engine broke: {name}: {self._error}"))

    def wait(self) -> T:
        """Wait for the acknowledgement."""
        self._done.acquire()
        if self._error is not None:
            raise self._error
        result: T = self._result
        return result


WAKE: Request[Any] = Request(lambda _: None, lambda _: None)
"""Wakes the thread of an inbox; is not carried out."""


def acknowledge(batch: list[Request[Any]]) -> None:
    """Acknowledge requests whose transaction is committed."""
    for request in batch:
        try:
            request.settle()
        except BaseException:  # a fault in what is told of the commit; the commit itself stands
            log.exception("the engine goes on after a fault")


class Inbox:
    """A queue of requests and its thread: `transact` does a batch, `pause` limits the wait.

    What is run `aside` shares the thread; if it overstays, another thread goes on with the queue,
    `moved` is called, and what that returns is called on the former thread at its end.
    """

    def __init__(
        self,
        transact: Callable[[list[Request[Any]]], None],
        pause: Callable[[], float | None],
        moved: Callable[[], Callable[[], None]],
    ) -> None:
        self._transact = transact
        self._pause = pause
        self._moved = moved
        self._aside: Callable[[], None] | None = None
        self._standby: Standby | None = None  # belongs to the inbox's own thread
        self._queue: queue.SimpleQueue[Request[Any] | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._closed = False
        self._is_ending = False
        self._ended = threading.Event()
        self.turned_at = time.monotonic()  # when the thread last went round

    def ask(self, work: Callable[[EngineTransaction], T]) -> T:
        """Do `work` in a transaction; return its result once that is committed.

        Raises:
            UsageError: the caller is code that the thread runs in its turn, such as a workflow.
        """
        if self.is_current() and not self._moves_away():
            raise UsageError(
                "code that decides for workflows cannot speak to the engine, which waits for it; "
                "do it in an activity, or by a decision such as SignalExternal"
            )
        request = Request(work)
        self._put(request)
        return request.wait()

    def post(
        self, work: Callable[[EngineTransaction], Any], failed: Callable[[PartitaError], None]
    ) -> None:
        """Do `work` in a transaction, without waiting."""
        self._put(Request(work, failed))

    def submit(self, work: Callable[[EngineTransaction], T]) -> Future[T]:
        """Do `work` in a transaction; the future has its result once that is committed."""
        future: Future[T] = Future()
        future.set_running_or_notify_cancel()  # what was asked for cannot be taken back
        self._put(Request(work, future=future))
        return future

    def run_aside(self, call: Callable[[], None]) -> bool:
        """Run `call` on this thread after its turn; return False if that cannot be now."""
        if self._closed or not self._has_standby():
            return False
        self._aside = call
        return True

    def wake(self) -> None:
        """Ask `pause` again; from any thread."""
        if self._thread is not None:
            self._queue.put(WAKE)

    def is_current(self) -> bool:
        """Whether the caller is on the inbox's own thread."""
        return threading.current_thread() is self._thread

    @property
    def is_closed(self) -> bool:
        """Whether it takes no requests any more."""
        return self._closed

    def is_empty(self) -> bool:
        """Whether no request waits."""
        return self._queue.empty()

    def _put(self, request: Request[Any]) -> None:
        if self._thread is None:
            self._start()
        with self._lock:  # so that nothing is put behind what ends the thread
            if not self._closed:
                self._queue.put(request)
                return
        request.settle(StoreUnavailableError("this engine is closed; open another"))

    def _start(self) -> None:
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name=ENGINE_THREAD, daemon=True)
                self._thread.start()

    def close(self) -> None:
        """Finish what is in the inbox, then end the thread."""
        with self._lock:
            self._closed = True
            if self._thread is not None and not self.is_current():
                self._queue.put(None)
        if self._thread is not None and not self.is_current():
            while self._thread.is_alive() and not self._ended.wait(CLOSE_INTERVAL):
                pass  # a forked process has no such thread, and another may have taken over
            self._thread.join()

    def _run(self) -> None:
        while not self._is_ending:
            self.turned_at = time.monotonic()
            batch: list[Request[Any]] = []
            try:
                self._gather(batch)
                self._transact(batch)
            except BaseException as error:  # such as for want of memory
                log.exception("the engine's thread goes on after a fault")
                for request in batch:  # those that are settled stay as they are
                    request.settle(
                        PartitaError(f"the engine broke: {type(error).__name__}: {error}")
                    )
            if self._aside is not None and not self._is_mine_after_aside():
                return
        if self._standby is not None:
            self._standby.close()
        self._ended.set()

    # -- what shares the thread ------------------------------------------------------------

    def _has_standby(self) -> bool:
        """Whether a thread stands by; start it if there is none."""
        if self._standby is None:
            try:
                self._standby = Standby(ASIDE_LIMIT, self._move, self._run)
            except (RuntimeError, MemoryError):  # the system gives no thread now
                return False
        return True

    def _is_mine_after_aside(self) -> bool:
        """Run what is to be run aside; return whether the loop is still this thread's."""
        call, self._aside, standby = self._aside, None, self._standby
        assert call is not None
        assert standby is not None
        standby.begin()
        try:
            call()
        except BaseException:
            log.exception("a call ended in an error that it should have answered")
        leave = standby.finish()
        if leave is None:
            return True
        leave()
        return False

    def _moves_away(self) -> bool:
        """Give the loop to the thread that stands by, if the caller is run aside."""
        standby = self._standby
        if standby is None or not standby.is_watching:
            return False
        standby.take_over()
        return True

    def _move(self, thread: threading.Thread) -> Callable[[], None]:
        leave = self._moved()
        self._standby = None
        self._thread = thread
        return leave

    def _gather(self, batch: list[Request[Any]]) -> None:
        """Wait for one request, then take all that have come by then."""
        get = self._queue.get_nowait
        try:
            pause = self._pause()
            if pause is None or pause > 0:
                limited = None if pause is None else min(pause, MAX_PAUSE)
                self._take(batch, self._queue.get(timeout=limited))
            while len(batch) < BATCH_LIMIT:
                self._take(batch, get())
        except queue.Empty:
            pass

    def _take(self, batch: list[Request[Any]], request: Request[Any] | None) -> None:
        if request is None:
            self._is_ending = True
        elif request is not WAKE:
            batch.append(request)
