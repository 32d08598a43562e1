"""Tell listeners what the histories of some executions on Amazon SWF record.

SWF tells nobody of what it records, so histories are read again and again: those of the executions
that this process starts, decides for or acts for, and those that it is told to follow. Knows when
to read; what becomes of one event, `followed_run` knows.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable

from partita.errors import PartitaError, StoreError
from partita.history import WorkflowExecution
from partita.ports.notices import (
    Listen,
    Notice,
    Subscription,
    forget,
    pass_on,
    subscription,
)
from partita.swf.backend.calls import Call
from partita.swf.backend.followed_run import FollowedRun, Heartbeat
from partita.swf.backend.history_reader import HistoryReader
from partita.swf.backend.translate_history import TranslatedHistory

MAX_FOLLOWED = 1_000
"""Executions that are followed at a time; SWF bounds how often histories are read."""

LAST_LOOK = 5.0
"""Seconds that the end of listening waits for what is recorded already."""

log = logging.getLogger("partita.swf")


class FollowedHistories:
    """The followed executions of one service. Safe to use from many threads."""

    def __init__(
        self,
        call: Call,
        histories: HistoryReader,
        new_history: Callable[[str], TranslatedHistory],
    ) -> None:
        self._call = call
        self._histories = histories
        self._new_history = new_history
        self._changed = threading.Condition()
        self._listeners: dict[object, Subscription] = {}
        self._runs: dict[str, FollowedRun] = {}  # by run id
        self._told: OrderedDict[str, None] = OrderedDict()  # ids of closed runs, the newest last
        self._thread: threading.Thread | None = None
        self._asked: list[threading.Event] = []  # by those who wait until all was looked at
        self._is_closed = self._is_full = False

    @property
    def is_listened(self) -> bool:
        """Whether anybody listens."""
        return bool(self._listeners)

    def listen(self, listener: Listen) -> Callable[[], None]:
        """Add a listener; return what removes it, once it was told of all that is recorded.

        Raises:
            InvalidOptionError: it cannot be called with a notice, or wants what never happens.
        """
        key = object()
        self._listeners[key] = subscription(listener)

        def stop() -> None:
            if key in self._listeners:
                self._look_last()
                forget(self._listeners, key)

        return stop

    def follow(self, domain: str, execution: WorkflowExecution, after: int = 0) -> None:
        """Tell listeners of an execution, soon; `after` is SWF's number of the last known event.

        Does nothing without listeners. One that is followed already is looked at at once.
        """
        if not self.is_listened:
            return
        with self._changed:
            run = self._runs.get(execution.run_id)
            if run is None:
                if execution.run_id in self._told or not self._has_room():
                    return
                run = FollowedRun(domain, execution, self._new_history, after)
                self._runs[execution.run_id] = run
            run.due, run.pause = 0.0, 0.0
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._run, name="partita-follow", daemon=True
                )
                self._thread.start()
            self._changed.notify_all()

    def _has_room(self) -> bool:
        """Return whether one more can be followed; log it when that ends."""
        was_full, self._is_full = self._is_full, len(self._runs) >= MAX_FOLLOWED
        if self._is_full and not was_full:
            log.warning(
                "%d executions are followed; listeners are told of no others until some of them "
                "are closed",
                MAX_FOLLOWED,
            )
        return not self._is_full

    def heartbeat(self, run_id: str, heartbeat: Heartbeat) -> None:
        """Tell listeners of a heartbeat that SWF has taken."""
        with self._changed:
            run = self._runs.get(run_id)
            if run is not None:
                run.add_heartbeat(heartbeat)
                self._changed.notify_all()

    def close(self) -> None:
        """Tell of what is recorded already; read nothing afterwards."""
        if self.is_listened:
            self._look_last()
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()

    # -- the thread that reads

    def _look_last(self) -> None:
        """Look at all histories once more, and wait for that."""
        if self._thread in (None, threading.current_thread()):
            return
        done = threading.Event()
        with self._changed:
            self._asked.append(done)
            self._changed.notify_all()
        done.wait(LAST_LOOK)

    def _run(self) -> None:
        while (due := self._due()) is not None:
            runs, asked = due
            for run in runs:
                try:
                    self._look(run)
                except Exception:  # the other executions are followed all the same
                    log.exception("execution %s is not followed", run.execution.workflow_id)
                    self._drop(run)
            for done in asked:
                done.set()

    def _due(self) -> tuple[list[FollowedRun], list[threading.Event]] | None:
        """Wait until there is something to do; None once it is closed."""
        with self._changed:
            while not self._is_closed:
                if not self.is_listened:
                    self._runs.clear()
                asked, self._asked = self._asked, []
                for run in self._runs.values() if asked else ():
                    run.due = 0.0
                now = time.monotonic()
                due = [one for one in self._runs.values() if one.due <= now or one.has_heartbeats]
                if due or asked:
                    return due, asked
                next = min((run.due for run in self._runs.values()), default=math.inf)
                self._changed.wait(None if next == math.inf else next - now)
        return None

    def _look(self, run: FollowedRun) -> None:
        """Read what is new of a run, if that is due, and pass it on with its heartbeats."""
        with self._changed:
            is_due = run.due <= time.monotonic()
            if is_due:
                run.due = math.inf  # unless it is asked for while it is read
        notices: list[Notice] = []
        try:
            with self._call.at_once():
                notices = run.notices(self._histories if is_due else None)
        except StoreError as error:  # it is looked at again
            self._call.outage.failed(error)
        except PartitaError as error:
            log.info("execution %s is not followed: %s", run.execution.workflow_id, error)
            self._drop(run)
            return
        for notice in notices:
            pass_on(notice, list(self._listeners.values()), log)
        if run.is_closed:
            self._drop(run)
            if run.next_run is not None:
                self.follow(run.domain, run.next_run)
        elif is_due:
            self._rest(run, has_news=bool(notices))

    def _rest(self, run: FollowedRun, *, has_news: bool) -> None:
        """Set when a run is read next, unless somebody has asked for it meanwhile."""
        first, longest = self._call.timing.follow
        with self._changed:
            run.pause = first if has_news else min(longest, max(first, run.pause * 1.5))
            if run.due == math.inf:
                run.due = time.monotonic() + run.pause

    def _drop(self, run: FollowedRun) -> None:
        """Follow a run no longer, nor begin again."""
        with self._changed:
            self._runs.pop(run.execution.run_id, None)
            self._told[run.execution.run_id] = None
            while len(self._told) > MAX_FOLLOWED:
                self._told.popitem(last=False)
