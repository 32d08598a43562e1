"""Turn what is new in the history of one run on Amazon SWF into notices.

Knows what a listener is told of each event; when to read, and who listens, it does not.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from msgspec import Struct
from msgspec.structs import replace

from partita import history as h
from partita.history.references import CLOSING
from partita.ports.notices import BY_EVENT, HEARTBEAT, Notice
from partita.ports.state import OpenActivity
from partita.swf.backend.history_reader import HistoryReader
from partita.swf.backend.ids import unescaped
from partita.swf.backend.translate_history import TranslatedHistory
from partita.views.open_items import scheduled_activity

MAX_HEARTBEATS = 1_000
"""Heartbeats of a run that wait for slow listeners; the oldest are dropped."""


STARTED = BY_EVENT[h.ActivityTaskStarted]


class Heartbeat(Struct, frozen=True, kw_only=True):
    """A heartbeat that SWF has taken, and that no history records."""

    activity_id: str
    details: str | None  # its payload
    time: float  # seconds since the epoch


class FollowedRun:
    """One run, and how much of it listeners were told. Read by one thread."""

    def __init__(
        self,
        domain: str,
        execution: h.WorkflowExecution,
        new_history: Callable[[str], TranslatedHistory],
        after: int,
    ) -> None:
        self.domain = domain
        self.execution = execution
        self.due = 0.0  # when it is to be read, by `time.monotonic`
        self.pause = 0.0  # seconds between the last two reads
        self.is_closed = False
        self.next_run: h.WorkflowExecution | None = None  # of one that continued as new
        self._new_history = new_history
        self._told = after  # SWF's number of the last event that needs no notice
        self._history: TranslatedHistory | None = None
        self._open: dict[int, OpenActivity] = {}  # by the number of the event that scheduled it
        self._heartbeats: deque[Heartbeat] = deque(maxlen=MAX_HEARTBEATS)  # listeners wait for them

    def add_heartbeat(self, heartbeat: Heartbeat) -> None:
        """Keep a heartbeat for the next call of `notices`; on any thread."""
        self._heartbeats.append(heartbeat)

    @property
    def has_heartbeats(self) -> bool:
        """Whether there are heartbeats to tell of, of activities that are known to run."""
        known = {one.id for one in self._open.values()} if self._heartbeats else ()
        return all(one.activity_id in known for one in self._heartbeats) if known else False

    def notices(self, histories: HistoryReader | None) -> list[Notice]:
        """Return a notice for each event and each heartbeat since the last call.

        Without `histories` nothing is read: heartbeats alone.

        Raises:
            PartitaError: it cannot be read; what was not told is told by a later call.
        """
        found = [] if histories is None else self._read(histories)
        while self._heartbeats:
            self._insert(found, self._heartbeats.popleft())
        return found

    def _read(self, histories: HistoryReader) -> list[Notice]:
        history, self._history = self._history, None  # a read that fails may feed half a page
        if history is None:
            history, self._open = self._new_history(self.domain), {}
        raw = [*histories.since(self.domain, self.execution, history.last_swf_id)]
        for event in history.feed(histories.event(one) for one in raw if self._is_told(one)):
            self._note(event)
        fresh = history.feed(histories.event(one) for one in raw if not self._is_told(one))
        self._history, self._told = history, history.last_swf_id
        return [self._notice(event) for event in fresh]

    def _insert(self, found: list[Notice], heartbeat: Heartbeat) -> None:
        """Insert the notice of a heartbeat before the end of its activity, if that was found."""
        id = heartbeat.activity_id
        ends = (n for n, one in enumerate(found) if one.activity and one.activity.id == id)
        place = next((n for n in ends if found[n].name != STARTED), len(found))
        open = next((one for one in self._open.values() if one.id == id), None)
        notice = self._of(
            HEARTBEAT,
            heartbeat.time,
            activity=open if place == len(found) else found[place].activity,
            activity_id=id,
            details=heartbeat.details,
        )
        found.insert(place, notice)

    def _is_told(self, raw: dict[str, int]) -> bool:
        return raw["eventId"] <= self._told

    def _notice(self, event: h.AnyEvent) -> Notice:
        activity = self._note(event)
        if type(event) in CLOSING:
            self.is_closed = True
        if isinstance(event, h.WorkflowExecutionContinuedAsNew):
            id, run_id = self.execution.workflow_id, event.new_execution_run_id
            self.next_run = h.WorkflowExecution(id, run_id)
        name = BY_EVENT[type(event)]
        return self._of(name, event.event_timestamp, event=event, activity=activity)

    def _note(self, event: h.AnyEvent) -> OpenActivity | None:
        """Take in an event; return the activity that it is about, as it stood before."""
        if isinstance(event, h.ActivityTaskScheduled):
            self._open[event.event_id] = scheduled_activity(event)
            return None
        number = getattr(event, "scheduled_event_id", 0)
        found = self._open.get(number)
        if found is None:
            return None
        if isinstance(event, h.ActivityTaskStarted):
            self._open[number] = replace(
                found,
                queue=None,
                started_event_id=event.event_id,
                started_at=event.event_timestamp,
            )
        elif isinstance(event, h.ActivityTaskRescheduled):
            self._open[number] = _rescheduled(found, event)
        else:
            del self._open[number]
        return found

    def _of(self, name: str, time: float, **more: object) -> Notice:
        started = None if self._history is None else self._history.started
        assert started is not None
        return Notice(
            name=name,
            domain=unescaped(self.domain),
            execution=self.execution,
            workflow_type=started.workflow_type,
            time=time,
            started_at=started.event_timestamp,
            trace_context=started.trace_context,
            **more,  # type: ignore[arg-type]
        )


def _rescheduled(activity: OpenActivity, event: h.ActivityTaskRescheduled) -> OpenActivity:
    waits, counts = event.backoff > 0, event.cause is not h.RescheduleCause.GIVEN_BACK
    return replace(
        activity,
        queue=None if waits else activity.task_list,
        since=event.event_timestamp,
        due=event.event_timestamp + event.backoff if waits else None,
        started_event_id=0,
        started_at=0.0,
        attempt=event.attempt + counts,
        reason=event.reason or activity.reason,
        failure=event.details or activity.failure,
    )
