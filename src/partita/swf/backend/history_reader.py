"""Read histories from Amazon SWF: whole, page by page, or only what is new since.

SWF gives a thousand events a page, the oldest first or the newest first; so what is new is
read backwards until something known comes. The translated history of each run that was read is
kept for a while, because a run is seldom read only once.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from partita.errors import ExecutionNotFoundError
from partita.history import AnyEvent, WorkflowExecution
from partita.swf.backend.calls import Call
from partita.swf.backend.ids import escaped
from partita.swf.backend.payloads import Payloads
from partita.swf.backend.translate_history import TranslatedHistory
from partita.swf.wire_format import event_from_swf

PAGE = 1000
"""Events that SWF gives at a time, at most."""

NEWEST_PAGE = 50
"""Events that are asked for first where only the newest are wanted."""

_CACHE_SIZE = 64
"""Runs that are kept in memory."""

_MISSPELT = {"TimerCancelled": "TimerCanceled"}
"""How servers that are not Amazon's call an event."""


class _Run:
    """What has been read of a run."""

    def __init__(self, history: TranslatedHistory) -> None:
        self.history = history
        self.events: list[AnyEvent] = []  # ours
        self.lock = threading.Lock()


class HistoryReader:
    """The histories of one region. Safe to use from many threads."""

    def __init__(
        self, call: Call, payloads: Payloads, new_history: Callable[..., TranslatedHistory]
    ) -> None:
        self._call = call
        self._payloads = payloads
        self._new_history = new_history
        self._lock = threading.Lock()
        self._cache: OrderedDict[str, _Run] = OrderedDict()  # by run id, most recent last

    def events(self, domain: str, execution: WorkflowExecution) -> Sequence[AnyEvent]:
        """Return all events of a run so far, as we see them.

        Raises:
            ExecutionNotFoundError: there is no such run.
        """
        return self._read(domain, execution).events

    def history(self, domain: str, execution: WorkflowExecution) -> TranslatedHistory:
        """Return a run as it stands now; it must not be fed."""
        return self._read(domain, execution).history

    def _read(self, domain: str, execution: WorkflowExecution) -> _Run:
        with self._lock:
            found = self._cache.get(execution.run_id)
            if found is None:
                found = self._cache[execution.run_id] = _Run(self._new_history(domain))
            self._cache.move_to_end(execution.run_id)
            while len(self._cache) > _CACHE_SIZE:
                self._cache.popitem(last=False)
        with found.lock:
            try:
                self._go_on(domain, execution, found)
            except BaseException:
                with self._lock:  # it may have been fed half of a page
                    self._cache.pop(execution.run_id, None)
                raise
        return found

    def _go_on(self, domain: str, execution: WorkflowExecution, run: _Run) -> None:
        raw = self.since(domain, execution, run.history.last_swf_id)
        run.events = [*run.events, *run.history.feed(map(self.event, raw))]

    def event(self, raw: Mapping[str, Any]) -> AnyEvent:
        """Read one event."""
        name = raw["eventType"]
        if name in _MISSPELT:
            raw = {**raw, "eventType": _MISSPELT[name]}
        return self._payloads.unpacked(event_from_swf(raw))

    def raw(
        self, domain: str, execution: WorkflowExecution, **members: Any
    ) -> Iterator[dict[str, Any]]:
        """Yield the events of a run as SWF gives them, page by page."""
        if not execution.run_id:
            raise ExecutionNotFoundError(f"execution {execution.workflow_id!r} has no run id")
        exact = {"workflowId": escaped(execution.workflow_id), "runId": execution.run_id}
        members = {"maximumPageSize": PAGE, "domain": domain, "execution": exact, **members}
        for page in self._call.pages("get_workflow_execution_history", "events", **members):
            yield from page

    def since(
        self, domain: str, execution: WorkflowExecution, last: int
    ) -> Iterable[dict[str, Any]]:
        """Return the events after number `last` of SWF's, in order; 0: all, page by page."""
        return self.newer(domain, execution, last) if last else self.raw(domain, execution)

    def newer(self, domain: str, execution: WorkflowExecution, last: int) -> list[dict[str, Any]]:
        """Return the events after number `last` of SWF's, in order."""
        found: list[dict[str, Any]] = []
        for raw in self.raw(domain, execution, reverseOrder=True, maximumPageSize=NEWEST_PAGE):
            if raw["eventId"] <= last:
                break
            found.append(raw)
        return found[::-1]

    def first(self, domain: str, execution: WorkflowExecution) -> AnyEvent:
        """Return how a run began, as SWF has it."""
        return self.event(next(self.raw(domain, execution, maximumPageSize=1)))
