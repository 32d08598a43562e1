"""Wake threads and listeners that wait for commits, of this engine or of other processes."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from partita.engine.inbox import Inbox
from partita.engine.timing import Timing
from partita.engine.transaction import EngineTransaction
from partita.ports.session import QueueKey, QueueListener
from partita.ports.store import Store


class Waiters:
    """Whoever waits on one engine: for an execution's end, for events, or for a task."""

    def __init__(self, store: Store, inbox: Inbox, timing: Timing) -> None:
        self._store = store
        self._poll_interval = timing.poll_interval
        self._inbox = inbox
        self._closings: dict[int, list[Callable[[], None]]] = {}  # by run; engine's thread only
        self.is_unchecked = False  # whether another process may have closed some of them
        self._followers = 0  # threads that wait for events, and listeners
        self._listeners: list[QueueListener] = []
        self._news = threading.Condition()

    # -- on any thread --------------------------------------------------------------------

    def wait_closed(self, run: int, seconds: float | None) -> bool:
        """Wait until a run seems to be closed, by whatever process; return whether it does.

        Raises:
            StoreUnavailableError: out of reach as the waiting began; later on, it waits for it.
        """
        closed = threading.Event()
        stop = self.on_closed(run, closed.set)
        if closed.wait(seconds):
            return True
        stop()
        return False

    def on_closed(self, run: int, closed: Callable[[], None]) -> Callable[[], None]:
        """Call `closed` once a run seems to be closed; return what undoes that.

        It is called on the engine's thread, where it must not raise.

        Raises:
            StoreUnavailableError: the store is out of reach.
        """

        def work(tx: EngineTransaction) -> None:
            state = tx.load(run)
            if state is None or state.is_closed:
                closed()
            else:
                self._closings.setdefault(run, []).append(closed)

        self._inbox.ask(work)
        return lambda: self._forget(run, closed)

    def _forget(self, run: int, closed: Callable[[], None]) -> None:
        """Undo `on_closed`, whether the store answers or not."""

        def forget(_: object) -> None:
            waiting = self._closings.get(run, [])
            if closed in waiting:
                waiting.remove(closed)
            if not waiting:
                self._closings.pop(run, None)

        self._inbox.post(forget, forget)

    def wait_for_news(self, seconds: float) -> None:
        """Wait until there may be something new to take."""
        with self._news:
            self._news.wait(min(seconds, self._poll_interval))

    def subscribe(self, listener: QueueListener) -> Callable[[], None]:
        """Call `listener`, on the engine's thread, when a queue may have something to take."""
        with self._news:
            self._followers += 1
            self._listeners.append(listener)
        self._inbox.post(lambda _: None, lambda _: None)  # so that a pause is thought over

        def end() -> None:
            with self._news:
                self._followers -= 1
                self._listeners.remove(listener)

        return end

    def follow(self, moved: Callable[[], bool], timeout: float | None) -> bool:
        """Wait until `moved()`, which is asked whenever something was committed."""
        until = None if timeout is None else time.monotonic() + timeout
        with self._news:
            self._followers += 1
        self._inbox.ask(lambda _: None)  # so that a pause without end is thought over
        try:
            while not moved():
                left = None if until is None else until - time.monotonic()
                if left is not None and left <= 0:
                    return False
                with self._news:
                    self._news.wait(min(self._poll_interval, left or 1.0))
        finally:
            with self._news:
                self._followers -= 1
        return True

    # -- on the engine's thread -----------------------------------------------------------

    @property
    def is_anybody(self) -> bool:
        """Whether a thread or a listener waits for other processes."""
        return bool(self._closings or self._followers)

    def request_check(self) -> None:
        """Check again which executions are closed: another process may have closed some."""
        self.is_unchecked = bool(self._closings)

    def check(self) -> None:
        """Wake threads that wait for executions closed by another process."""
        if not self.is_unchecked:
            return
        for run in self._closings.keys() - self._store.open_among(self._closings):
            for closed in self._closings.pop(run):
                closed()
        self.is_unchecked = False  # not before: if the store did not answer, ask again

    def others_wrote(self) -> None:
        """Wake all who wait: another process has committed something."""
        with self._news:
            self._news.notify_all()
        self._call_listeners(None)

    def publish(self, tx: EngineTransaction) -> None:
        """Wake those who wait for what this engine has committed."""
        for state in tx.closed:
            for closed in self._closings.pop(state.run, ()):
                closed()
        if tx.queued_work.queues or tx.queued_work.freed or self._followers:
            with self._news:
                self._news.notify_all()
        if tx.queued_work.queues or tx.queued_work.freed:
            self._call_listeners(None if tx.queued_work.freed else tx.queued_work.queues)

    def _call_listeners(self, queues: set[QueueKey] | None) -> None:
        for listener in tuple(self._listeners):
            listener(queues)
