"""Sum up the tasks of a history: activities, Lambda functions, timers, children, decisions.

Pure: a timeline in, records out. It reads no clock and asks no service; printing records is left to
the command line, sums of times to `profile`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from msgspec import Struct

from partita import history as h
from partita.history.failure import Failure
from partita.history.references import REFERENCES, Kind, Role
from partita.history.timeline import Operation, Timeline
from partita.views.failures import type_and_message

_TASKS = frozenset({Kind.ACTIVITY, Kind.LAMBDA, Kind.TIMER, Kind.CHILD, Kind.DECISION})


class TaskRecord(Struct, frozen=True, kw_only=True):
    """The course of one task. Moments are seconds since the epoch, spans are seconds."""

    kind: str  # activity, lambda, timer, child or decision
    id: str  # as the decider named it; of a decision task, the id of its first event
    name: str  # of its type or function; empty for timers and decision tasks
    state: str  # scheduled, running, waiting to retry, completed, failed, left open, ...
    attempts: int  # that were started
    scheduled_at: float
    started_at: float | None = None  # when the last attempt was
    closed_at: float | None = None
    waiting: float  # all time in which no attempt ran, with the waits before retries
    running: float  # all attempts together; for a timer, since it was started
    last_event_id: int
    last_event: str  # its type, such as `ActivityTaskStarted`
    last_event_at: float
    note: str = ""  # why it failed, or how long the timer is

    @property
    def is_open(self) -> bool:
        """Whether it may still go on."""
        return self.state in ("scheduled", "running", "waiting to retry")


class Step(Struct, frozen=True, kw_only=True):
    """One activity as its events alone tell of it; moments are seconds since the epoch."""

    id: str
    name: str
    scheduled_at: float
    ended_at: float | None
    state: str
    attempts: int
    note: str


class TaskEvents(Struct, frozen=True, kw_only=True):
    """The events of one task, in order; without a `task`, those of the execution itself."""

    task: TaskRecord | None
    events: list[h.AnyEvent]


def tasks_of(
    events: Iterable[h.AnyEvent],
    now: float | None = None,
    *,
    decisions: bool = False,
    idle: Collection[str] = (),
) -> list[TaskRecord]:
    """Return the tasks of a whole history, in the order in which they were asked for.

    What is open lasts until `now`, or else until the last event. What a closed execution has
    left behind is `left open`, and lasted until then. What was refused was never scheduled.
    `idle` are the ids of activities that look as if they ran, and whose worker is gone.
    """
    timeline = Timeline(events)
    return [
        record_of(operation, timeline, now, idle)
        for operation in timeline.operations.values()
        if operation.kind in _TASKS and (decisions or operation.kind is not Kind.DECISION)
    ]


def grouped(events: Iterable[h.AnyEvent], now: float | None = None) -> list[TaskEvents]:
    """Return a whole history, task by task; first what belongs to none."""
    timeline = Timeline()
    others = [event for event in events if timeline.add(event).kind not in _TASKS]
    groups = [
        TaskEvents(task=record_of(operation, timeline, now), events=operation.events)
        for operation in timeline.operations.values()
        if operation.kind in _TASKS
    ]
    return [TaskEvents(task=None, events=others), *groups]


def activities_of(timeline: Timeline) -> list[Operation]:
    """Return the activities that were scheduled, in their order."""
    return [
        one
        for one in timeline.operations.values()
        if one.kind is Kind.ACTIVITY and not one.is_refused
    ]


def children_of(timeline: Timeline) -> list[TaskRecord]:
    """Return the child workflows, in the order in which they were asked for."""
    operations = timeline.operations.values()
    return [record_of(one, timeline) for one in operations if one.kind is Kind.CHILD]


def step_of(activity: Operation, *, is_left: bool = False) -> Step:
    """Return how an activity stands; one that is open is `left open` if its execution is over."""
    task = _Task()
    for event in activity.events:
        if not isinstance(event, h.ActivityTaskCancelRequested):
            task.take(event)
    return Step(
        id=activity.id,
        name=activity.place,
        scheduled_at=activity.events[0].event_timestamp,
        ended_at=task.closed_at,
        state="left open" if is_left and task.closed_at is None else task.state,
        attempts=activity.attempts,
        note=task.note,
    )


def record_of(
    operation: Operation,
    timeline: Timeline,
    now: float | None = None,
    idle: Collection[str] = (),
) -> TaskRecord:
    """Return what has become of one task of a timeline; see `tasks_of`."""
    task = _Task()
    for event in operation.events:
        task.take(event)
    if task.closed_at is None:
        until = timeline.last_at if now is None or timeline.is_closed else now
        is_idle = operation.kind is Kind.ACTIVITY and operation.id in idle
        task.spend(max(timeline.last_at, until), is_idle=is_idle)
    is_left = task.closed_at is None and timeline.is_closed
    last = operation.events[-1]
    return TaskRecord(
        kind=operation.kind.value,
        id=operation.id,
        name=operation.place,
        state="left open" if is_left else task.state,
        attempts=operation.attempts,
        scheduled_at=operation.events[0].event_timestamp,
        started_at=task.started_at,
        closed_at=task.closed_at,
        waiting=task.waiting,
        running=task.running,
        last_event_id=last.event_id,
        last_event=last.event_type,
        last_event_at=last.event_timestamp,
        note=task.note,
    )


class _Task:
    """One task while its events are read."""

    def __init__(self) -> None:
        self.state = "scheduled"
        self.since: float | None = None  # the last change of its state
        self.started_at: float | None = None
        self.closed_at: float | None = None
        self.waiting = self.running = 0.0
        self.note = ""

    def spend(self, at: float, *, is_idle: bool = False) -> None:
        """Count the time since the last change as waiting or running; `is_idle`: nobody ran it."""
        spent = 0.0 if self.since is None else max(0.0, at - self.since)
        if self.state == "running" and not is_idle:
            self.running += spent
        else:
            self.waiting += spent
        self.since = at if self.since is None else max(self.since, at)

    def take(self, event: h.AnyEvent) -> None:
        row, at = REFERENCES[type(event)], event.event_timestamp
        if row.role is Role.NOTES:
            self.note = "cancel requested"
            return
        self.spend(at, is_idle=_was_lost(event))
        if isinstance(event, h.TimerStarted):
            self.state, self.started_at = "running", at
            self.note = f"{event.start_to_fire:g} s"
        elif row.role is Role.STARTS:
            self.state, self.started_at, self.closed_at = "running", at, None
        elif isinstance(event, h.ActivityTaskRescheduled):
            self.state = "waiting to retry"
            self.note = f"{event.cause.value}: {_failure(event) or event.reason or ''}".strip(": ")
        elif row.outcome is not None:
            self.state, self.closed_at = row.outcome.value, at
            self.note = _why(event) or self.note


def _why(event: h.AnyEvent) -> str:
    """Return in short why a task ended as it did, if the event says so."""
    if (failure := _failure(event)) is not None:
        return failure
    said = (getattr(event, name, None) for name in ("reason", "cause", "timeout_type"))
    return next((str(one) for one in said if one), "")


def _failure(event: h.AnyEvent) -> str | None:
    """Return the type and message of the exception that an event records, if it does."""
    details, reason = getattr(event, "details", None), getattr(event, "reason", None)
    if not details or not reason:
        return None
    return type_and_message(Failure.load(details, reason))


def _was_lost(event: h.AnyEvent) -> bool:
    """Whether an attempt ended with its worker: nobody knows until when that ran."""
    return (
        isinstance(event, h.ActivityTaskRescheduled)
        and event.cause is h.RescheduleCause.WORKER_LOST
    )
