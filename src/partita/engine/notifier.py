"""Pass notices of what was committed to listeners, on a thread of its own."""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import Any

from msgspec import Struct

from partita.engine.timing import Timing
from partita.history import WorkflowExecution
from partita.ports.notices import (
    BY_EVENT,
    EVERYWHERE,
    HEARTBEAT,
    Listen,
    Notice,
    Subscription,
    forget,
    pass_on,
    subscription,
)
from partita.ports.state import Execution, OpenActivity, State
from partita.rules.commands import Change

BACKLOG = 100_000
"""Notices that wait for slow listeners, at most; further ones are dropped."""

_Entry = list[Notice] | Callable[[], None] | None
"""Notices, a call between them, or None for the end."""

log = logging.getLogger("partita.engine")


class Observations(Struct):
    """What a transaction notes for listeners because the events do not say it.

    Made for each transaction that is listened to, so without a Python call; so is the test
    whether a change has events that are `wanted`.
    """

    wanted: frozenset[type[Any]] | None = None  # types of events; None: all of them
    wants_heartbeats: bool = True
    has_news: bool = False  # whether there is something to tell
    heartbeats: list[Any] = []  # states with activity id, details and the activity as it stood
    activities: dict[tuple[int, int], OpenActivity] = {}  # as they were before an event
    quiet: set[int] = set()  # runs that listeners are not told of

    def note_heartbeat(self, state: State, id: str, details: str | None) -> None:
        """Note a heartbeat of an activity."""
        self.heartbeats.append((state, id, details, state.items.get(("activity", id))))
        self.has_news = True

    def note_activities(self, state: State, change: Change) -> None:
        """Note the activities that a change with wanted events ends or changes, before it does."""
        self.has_news = True
        keys = [*change.drop, *((item.kind, item.id) for item in change.put)]
        found = [state.items.get(key) for key in keys if key[0] == "activity"]
        before = {one.scheduled_event_id: one for one in found if isinstance(one, OpenActivity)}
        if not before:
            return
        for event in change.events:
            activity = before.get(getattr(event, "scheduled_event_id", 0))
            if activity is not None:
                self.activities[state.run, event.event_id] = activity

    def notices(self, changed: Iterable[State], now: float) -> Iterator[Notice]:
        """Yield a notice for each heartbeat and each wanted event of a transaction."""
        for state, id, details, activity in self.heartbeats:  # of attempts that began before it
            more = {"activity_id": id, "details": details, "activity": activity}
            yield _notice(state.execution, HEARTBEAT, now, **more)
        for state in changed:
            if state.run in self.quiet:
                continue
            for event in state.new_events:
                if self.wanted is not None and type(event) not in self.wanted:
                    continue
                yield _notice(
                    state.execution,
                    BY_EVENT[type(event)],
                    event.event_timestamp,
                    event=event,
                    activity=self.activities.get((state.run, event.event_id)),
                )


class Notifier:
    """The listeners of one engine."""

    def __init__(self, timing: Timing) -> None:
        self._close_timeout = timing.listener_timeout
        self._listeners: dict[object, Subscription] = {}  # by what stands for one call of `add`
        self._inbox: queue.SimpleQueue[_Entry] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._put = self._passed = 0  # notices; each is counted by one thread alone
        self._is_behind = self._is_closed = False

    def add(self, listener: Listen) -> Callable[[], None]:
        """Add a listener; return a function that removes it.

        Raises:
            InvalidOptionError: it cannot be called with a notice, or wants what never happens.
        """
        key = object()
        self._listeners[key] = subscription(listener)
        return lambda: self._remove(key)

    def _remove(self, key: object) -> None:
        """Remove a listener once it has been told of all that is committed already."""
        is_told = self._thread is None or self._is_closed
        if is_told or self._thread is threading.current_thread():
            forget(self._listeners, key)
            return
        is_done = threading.Event()

        def remove() -> None:
            forget(self._listeners, key)
            is_done.set()

        self._inbox.put(remove)
        if not is_done.wait(self._close_timeout):  # a listener takes its time
            forget(self._listeners, key)

    def observations(self) -> Observations | None:
        """Return what a transaction is to note for its listeners; None without any."""
        if not self._listeners and not EVERYWHERE:
            return None
        wanted: frozenset[type[Any]] = frozenset()
        heartbeats = False
        for one in (*self._listeners.values(), *EVERYWHERE.values()):
            if one.names is None:
                return Observations()
            wanted |= one.types
            heartbeats = heartbeats or HEARTBEAT in one.names
        return Observations(wanted, heartbeats)

    def tell(self, observations: Observations, changed: Iterable[State], now: float) -> None:
        """Queue notices of what a committed transaction has done. Never raises."""
        try:
            self._tell(list(observations.notices(changed, now)))
        except Exception:
            log.exception("listeners were not told of a transaction; the executions go on")

    def _tell(self, notices: list[Notice]) -> None:
        if not notices or self._is_full(len(notices)):
            return
        self._put += len(notices)
        self._inbox.put(notices)
        if self._thread is None:
            thread = threading.Thread(target=self._run, name="partita-notices", daemon=True)
            with suppress(RuntimeError):  # no thread is left: they wait until the next come
                thread.start()
                self._thread = thread

    def _is_full(self, more: int) -> bool:
        """Whether listeners are too far behind; log it when that begins."""
        waiting = self._put - self._passed
        was_behind, self._is_behind = self._is_behind, waiting + more > BACKLOG and waiting > 0
        if self._is_behind and not was_behind:
            log.warning(
                "listeners are %d notices behind and miss what comes now; "
                "have them hand what takes long to a thread of their own",
                waiting,
            )
        return self._is_behind

    def close(self) -> None:
        """Pass on what is left, then end the thread."""
        if self._thread is None:
            return
        self._is_closed = True
        self._inbox.put(None)
        if self._thread is not threading.current_thread():
            self._thread.join(self._close_timeout)

    def _run(self) -> None:
        while (entry := self._inbox.get()) is not None:
            if callable(entry):
                entry()
                continue
            for notice in entry:
                pass_on(notice, [*self._listeners.values(), *EVERYWHERE.values()], log)
                self._passed += 1


def _notice(execution: Execution, name: str, time: float, **more: object) -> Notice:
    return Notice(
        name=name,
        domain=execution.domain,
        execution=WorkflowExecution(execution.workflow_id, execution.run_id),
        workflow_type=execution.workflow_type,
        time=time,
        started_at=execution.started_at,
        trace_context=execution.trace_context,
        **more,  # type: ignore[arg-type]
    )
