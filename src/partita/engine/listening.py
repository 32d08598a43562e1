"""Pass on what was committed to those who listen, on a thread that the engine never waits for."""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable, Iterable, Iterator

from partita.engine.unit import Unit
from partita.history import WorkflowExecution
from partita.notices import BY_EVENT, EVERYWHERE, HEARTBEAT, Listen, Notice
from partita.state import Execution

PATIENCE = 5.0
"""Seconds that a closing engine lets listeners finish in."""

log = logging.getLogger("partita.engine")


class Listening:
    """The listeners of one engine."""

    def __init__(self) -> None:
        self._listeners: list[Listen] = []
        self._inbox: queue.SimpleQueue[list[Notice] | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    def add(self, listener: Listen) -> Callable[[], None]:
        """Begin to tell a listener; return what ends it."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener) if listener in self._listeners else None

    @property
    def is_wanted(self) -> bool:
        """Whether anybody listens."""
        return bool(self._listeners or EVERYWHERE)

    def tell(self, unit: Unit) -> None:
        """Tell of what a unit, now committed, has done."""
        notices = list(_notices(unit))
        if not notices:
            return
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="partita-notices", daemon=True)
            self._thread.start()
        self._inbox.put(notices)

    def close(self) -> None:
        """Tell of what is left, then end the thread."""
        if self._thread is not None and self._thread is not threading.current_thread():
            self._inbox.put(None)
            self._thread.join(PATIENCE)

    def _run(self) -> None:
        while (notices := self._inbox.get()) is not None:
            for notice in notices:
                self._pass_on(notice, [*self._listeners, *EVERYWHERE])

    def _pass_on(self, notice: Notice, listeners: Iterable[Listen]) -> None:
        for listener in listeners:
            try:
                listener(notice)
            except Exception:
                log.exception("a listener broke on %s; the execution goes on", notice.name)


def _notices(unit: Unit) -> Iterator[Notice]:
    for state in unit.touched.values():
        if state.run in unit.quiet:
            continue
        for event in state.new_events:
            yield _notice(
                state.execution, BY_EVENT[type(event)], event.event_timestamp, event=event
            )
    for state, id, details in unit.heartbeats:
        yield _notice(state.execution, HEARTBEAT, unit.now, activity_id=id, details=details)


def _notice(execution: Execution, name: str, time: float, **more: object) -> Notice:
    return Notice(
        name=name,
        domain=execution.domain,
        execution=WorkflowExecution(execution.workflow_id, execution.run_id),
        workflow_type=execution.workflow_type,
        time=time,
        **more,  # type: ignore[arg-type]
    )
