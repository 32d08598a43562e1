"""Pass notices of what was committed to listeners, on a thread of its own."""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable, Iterable, Iterator

from partita.engine.timing import Timing
from partita.history import WorkflowExecution
from partita.ports.notices import BY_EVENT, EVERYWHERE, HEARTBEAT, Listen, Notice, checked, forget
from partita.ports.state import Execution, OpenActivity, State
from partita.rules.commands import Change

BACKLOG = 100_000
"""Notices that wait for slow listeners, at most; further ones are dropped."""

log = logging.getLogger("partita.engine")


class Observations:
    """What a transaction notes for listeners because the events do not say it."""

    __slots__ = ("activities", "heartbeats", "quiet")

    def __init__(self) -> None:
        self.heartbeats: list[tuple[State, str, str | None]] = []  # with activity id and details
        self.activities: dict[tuple[int, int], OpenActivity] = {}  # as they were before an event
        self.quiet: set[int] = set()  # runs that listeners are not told of

    def note_activities(self, state: State, change: Change) -> None:
        """Note the activities that a change, not yet applied, ends or changes."""
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
        """Yield a notice for each heartbeat and each new event of a transaction."""
        for state, id, details in self.heartbeats:  # of attempts that began before it
            yield _notice(state.execution, HEARTBEAT, now, activity_id=id, details=details)
        for state in changed:
            if state.run in self.quiet:
                continue
            for event in state.new_events:
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
        self._listeners: dict[object, Listen] = {}  # by what stands for one call of `add`
        self._inbox: queue.SimpleQueue[list[Notice] | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._put = self._passed = 0  # notices; each is counted by one thread alone
        self._is_behind = False

    def add(self, listener: Listen) -> Callable[[], None]:
        """Add a listener; return a function that removes it.

        Raises:
            InvalidOptionError: it cannot be called with a notice.
        """
        key = object()
        self._listeners[key] = checked(listener)
        return lambda: forget(self._listeners, key)

    @property
    def is_wanted(self) -> bool:
        """Whether there is a listener."""
        return bool(self._listeners or EVERYWHERE)

    def tell(self, observations: Observations, changed: Iterable[State], now: float) -> None:
        """Queue notices of what a committed transaction has done. Never raises."""
        try:
            self._tell(list(observations.notices(changed, now)))
        except Exception:
            log.exception("listeners were not told of a transaction; the executions go on")

    def _tell(self, notices: list[Notice]) -> None:
        if not notices or self._is_full(len(notices)):
            return
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="partita-notices", daemon=True)
            self._thread.start()
        self._put += len(notices)
        self._inbox.put(notices)

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
        self._inbox.put(None)
        if self._thread is not threading.current_thread():
            self._thread.join(self._close_timeout)

    def _run(self) -> None:
        while (notices := self._inbox.get()) is not None:
            for notice in notices:
                self._pass_on(notice, [*self._listeners.values(), *EVERYWHERE.values()])
                self._passed += 1

    def _pass_on(self, notice: Notice, listeners: Iterable[Listen]) -> None:
        for listener in listeners:
            try:
                listener(notice)
            except BaseException:  # sys.exit() in one must not silence the others
                log.exception("a listener broke on %s; the execution goes on", notice.name)


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
