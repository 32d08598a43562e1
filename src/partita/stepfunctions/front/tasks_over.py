"""Know which tasks that wait for their token are over, without reading a history again and again.

What is known of a run is kept in memory, up to an event; a later question reads only the events
after that one. It can be forgotten at any time.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterable

import msgspec
from msgspec import Struct

from partita import history as h
from partita.asl.tasks.callbacks import TASK_OVER
from partita.integrations.task_tokens import HEARTBEAT
from partita.ports.session import Committed
from partita.ports.store import Record

RUNS = 1_000
"""Runs of which something is kept in memory."""


class Over(Struct, frozen=True):
    """The tasks of a run that are over, by the signals of their answers."""

    last_id: int = 0  # of the events that were read
    signals: frozenset[str] = frozenset()


class _Kind(Struct):
    """The one member of an answer that tells whether it ends the task."""

    kind: str = ""


_read_kind = msgspec.json.Decoder(_Kind).decode


class TasksOver:
    """The tasks of many runs that are over."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: OrderedDict[str, Over] = OrderedDict()

    def known(self, run_id: str) -> Over:
        """Return what is known of a run."""
        with self._lock:
            return self._known.get(run_id, Over())

    def read(self, committed: Committed, record: Record) -> Over:
        """Return what is committed of a run."""
        run_id = record.execution.run_id
        known = self.known(run_id)
        events = committed.events(record.run, known.last_id)
        if not events:
            return known
        found = Over(events[-1].event_id, known.signals | over_in(events))
        with self._lock:
            self._known[run_id] = found
            self._known.move_to_end(run_id)
            if len(self._known) > RUNS:
                self._known.popitem(last=False)
        return found


def over_in(events: Iterable[h.AnyEvent]) -> frozenset[str]:
    """Return the signals of the tasks that are over because of some events."""
    return frozenset(filter(None, map(_over_by, events)))


def _over_by(event: h.AnyEvent) -> str:
    match event:
        case h.WorkflowExecutionSignaled(signal_name=name, input=text):
            return name if _read_kind(text or "{}").kind != HEARTBEAT else ""
        case h.MarkerRecorded(marker_name=name) if name.startswith(TASK_OVER):
            return name.removeprefix(TASK_OVER)
        case _:
            return ""
