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

from partita.engine.transaction import EngineTransaction
from partita.errors import PartitaError, StoreError, StoreUnavailableError, UsageError

T = TypeVar("T")

log = logging.getLogger("partita.engine")

MAX_PAUSE = 86400.0
"""Seconds that the thread sleeps, at most; a clock cannot wait for far moments."""

BATCH_LIMIT = 512
"""Requests that share one transaction, at most."""


class Request(Generic[T]):
    """Work to do in a transaction, and whoever waits for it."""

    __slots__ = ("_done", "_error", "_failed", "_future", "_result", "_work")

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
        """Acknowledge, or refuse: with `error` if the transaction failed as a whole."""
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
    """A queue of requests and its thread: `transact` does a batch, `pause` limits the wait."""

    def __init__(
        self,
        transact: Callable[[list[Request[Any]]], None],
        pause: Callable[[], float | None],
    ) -> None:
        self._transact = transact
        self._pause = pause
        self._queue: queue.SimpleQueue[Request[Any] | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._closed = False
        self.turned_at = time.monotonic()  # when the thread last went round

    def ask(self, work: Callable[[EngineTransaction], T]) -> T:
        """Do `work` in a transaction; return its result once that is committed.

        Raises:
            UsageError: the caller is code that the thread itself runs, such as a workflow.
        """
        if self.is_current():
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
                self._thread = threading.Thread(target=self._run, name="partita", daemon=True)
                self._thread.start()

    def close(self) -> None:
        """Finish what is in the inbox, then end the thread."""
        with self._lock:
            self._closed = True
            if self._thread is not None and not self.is_current():
                self._queue.put(None)
        if self._thread is not None and not self.is_current():
            self._thread.join()

    def _run(self) -> None:
        running = True
        while running:
            self.turned_at = time.monotonic()
            batch = self._gather()
            running = None not in batch
            try:
                self._transact([one for one in batch if one is not None and one is not WAKE])
            except BaseException:  # a fault in what is told of the commit; the commit itself stands
                log.exception("the engine's thread goes on after a fault")

    def _gather(self) -> list[Request[Any] | None]:
        """Wait for one request, then take all that have come by then."""
        batch: list[Request[Any] | None] = []
        try:
            pause = self._pause()
            if pause is None or pause > 0:
                limited = None if pause is None else min(pause, MAX_PAUSE)
                batch.append(self._queue.get(timeout=limited))
            while len(batch) < BATCH_LIMIT:
                batch.append(self._queue.get_nowait())
        except queue.Empty:
            pass
        return batch
