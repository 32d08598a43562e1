"""Tell from a history what became of each task: activity, Lambda function, timer, child, decision.

Pure: events in, records out. It reads no clock and asks no service; how a record is printed is
the command line's business, and where the time went is `profile`'s.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from msgspec import Struct

from partita import history as h

DECISION = "decision"

_STARTS = (
    h.ActivityTaskStarted,
    h.ChildWorkflowExecutionStarted,
    h.DecisionTaskStarted,
    h.LambdaFunctionStarted,
)
_ENDS: dict[type, str] = {
    h.ActivityTaskCanceled: "canceled",
    h.ActivityTaskCompleted: "completed",
    h.ActivityTaskFailed: "failed",
    h.ActivityTaskTimedOut: "timed out",
    h.ChildWorkflowExecutionCanceled: "canceled",
    h.ChildWorkflowExecutionCompleted: "completed",
    h.ChildWorkflowExecutionFailed: "failed",
    h.ChildWorkflowExecutionTerminated: "terminated",
    h.ChildWorkflowExecutionTimedOut: "timed out",
    h.DecisionTaskCompleted: "completed",
    h.DecisionTaskFailed: "failed",
    h.DecisionTaskTimedOut: "timed out",
    h.LambdaFunctionCompleted: "completed",
    h.LambdaFunctionFailed: "failed",
    h.LambdaFunctionTimedOut: "timed out",
    h.StartChildWorkflowExecutionFailed: "refused",
    h.StartLambdaFunctionFailed: "refused",
    h.TimerCanceled: "canceled",
    h.TimerFired: "fired",
}
_CLOSES = (
    h.WorkflowExecutionCanceled,
    h.WorkflowExecutionCompleted,
    h.WorkflowExecutionContinuedAsNew,
    h.WorkflowExecutionFailed,
    h.WorkflowExecutionTerminated,
    h.WorkflowExecutionTimedOut,
)


class TaskRecord(Struct, frozen=True, kw_only=True):
    """What became of one task. Moments are seconds since the epoch, spans are seconds."""

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


class TaskEvents(Struct, frozen=True, kw_only=True):
    """The events of one task, in order; without a `task`, those of the execution itself."""

    task: TaskRecord | None
    events: list[h.AnyEvent]


def tasks_of(
    events: Iterable[h.AnyEvent], now: float | None = None, *, decisions: bool = False
) -> list[TaskRecord]:
    """Return the tasks of a whole history, in the order in which they were asked for.

    What is open lasts until `now`, or else until the last event. What a closed execution has
    left behind is `left open`, and lasted until then. What was refused was never scheduled.
    """
    told = _told(events)
    return [
        task.record(told.end(now), closed=told.closed)
        for task in told.tasks.values()
        if decisions or task.kind != DECISION
    ]


def grouped(events: Iterable[h.AnyEvent], now: float | None = None) -> list[TaskEvents]:
    """Return a whole history, task by task; first what belongs to none."""
    told = _told(events)
    groups = [
        TaskEvents(task=task.record(told.end(now), closed=told.closed), events=task.events)
        for task in told.tasks.values()
    ]
    return [TaskEvents(task=None, events=told.others), *groups]


def is_open(events: Sequence[h.AnyEvent]) -> bool:
    """Whether a whole history may still go on."""
    return not (events and isinstance(events[-1], _CLOSES))


class _Task:
    """One task while its events are read."""

    def __init__(self, kind: str, id: str, name: str, event: h.AnyEvent, note: str = "") -> None:
        self.kind, self.id, self.name, self.note = kind, id, name, note
        self.scheduled_at = self.since = event.event_timestamp
        self.started_at: float | None = None
        self.closed_at: float | None = None
        self.state = "scheduled"
        self.attempts = 0
        self.waiting = self.running = 0.0
        self.events = [event]

    def _pass(self, at: float) -> None:
        """Count the time since the last change as what it was."""
        spent = max(0.0, at - self.since)
        if self.state == "running":
            self.running += spent
        else:
            self.waiting += spent
        self.since = max(self.since, at)

    def start(self, at: float) -> None:
        self._pass(at)
        self.state, self.started_at, self.closed_at = "running", at, None
        self.attempts += 1

    def end(self, at: float, state: str, note: str) -> None:
        self._pass(at)
        self.state, self.closed_at = state, at
        self.note = note or self.note

    def again(self, event: h.ActivityTaskRescheduled) -> None:
        self._pass(event.event_timestamp)
        self.state = "waiting to retry"
        self.note = f"{event.cause.value}: {event.reason or ''}".strip(": ")

    def record(self, now: float, *, closed: bool) -> TaskRecord:
        waiting, running, state = self.waiting, self.running, self.state
        if self.closed_at is None:
            spent = max(0.0, now - self.since)
            running, waiting = (
                (running + spent, waiting) if state == "running" else (running, waiting + spent)
            )
            state = "left open" if closed else state
        last = self.events[-1]
        return TaskRecord(
            kind=self.kind,
            id=self.id,
            name=self.name,
            state=state,
            attempts=self.attempts,
            scheduled_at=self.scheduled_at,
            started_at=self.started_at,
            closed_at=self.closed_at,
            waiting=waiting,
            running=running,
            last_event_id=last.event_id,
            last_event=last.event_type,
            last_event_at=last.event_timestamp,
            note=self.note,
        )


class _Told:
    """What a history has told so far."""

    def __init__(self) -> None:
        self.tasks: dict[int, _Task] = {}  # by the id of their first event
        self.activities: dict[str, _Task] = {}  # the last of each activity id
        self.others: list[h.AnyEvent] = []
        self.closed = False
        self.last = 0.0

    def end(self, now: float | None) -> float:
        """Return the moment up to which open things have lasted."""
        return self.last if now is None or self.closed else max(self.last, now)

    def add(self, event: h.AnyEvent) -> None:
        self.last = event.event_timestamp
        self.closed = isinstance(event, _CLOSES)
        new = _asked_for(event)
        if new is not None:
            self.tasks[event.event_id] = new
            if new.kind == "activity":
                self.activities[new.id] = new
            return
        task = self._owner(event)
        if task is None:
            self.others.append(event)
            return
        task.events.append(event)
        _update(task, event)

    def _owner(self, event: h.AnyEvent) -> _Task | None:
        """Return the task that an event is about."""
        match event:
            case h.ActivityTaskCancelRequested(activity_id=id):
                return self.activities.get(id)
            case h.TimerFired(started_event_id=first) | h.TimerCanceled(started_event_id=first):
                return self.tasks.get(first)
        scheduled: int | None = getattr(event, "scheduled_event_id", None)
        initiated: int = getattr(event, "initiated_event_id", 0)
        return self.tasks.get(scheduled or initiated)


def _told(events: Iterable[h.AnyEvent]) -> _Told:
    told = _Told()
    for event in events:
        told.add(event)
    return told


def _asked_for(event: h.AnyEvent) -> _Task | None:
    """Return the task that begins with this event."""
    match event:
        case h.ActivityTaskScheduled(activity_id=id, activity_type=kind):
            return _Task("activity", id, kind.name, event)
        case h.LambdaFunctionScheduled(id=id, name=name):
            return _Task("lambda", id, name, event)
        case h.StartChildWorkflowExecutionInitiated(workflow_id=id, workflow_type=child):
            return _Task("child", id, child.name, event)
        case h.TimerStarted(timer_id=id, start_to_fire=seconds):
            timer = _Task("timer", id, "", event, f"{seconds:g} s")
            timer.start(event.event_timestamp)
            return timer
        case h.DecisionTaskScheduled():
            return _Task(DECISION, str(event.event_id), "", event)
    return _refused(event)


def _refused(event: h.AnyEvent) -> _Task | None:
    """Return the task that this event says will never be."""
    match event:
        case h.ScheduleActivityTaskFailed(activity_id=id, activity_type=kind):
            task = _Task("activity", id, kind.name, event)
        case h.ScheduleLambdaFunctionFailed(id=id, name=name):
            task = _Task("lambda", id, name, event)
        case h.StartTimerFailed(timer_id=id):
            task = _Task("timer", id, "", event)
        case h.StartChildWorkflowExecutionFailed(
            workflow_id=id, workflow_type=child, initiated_event_id=0
        ):
            task = _Task("child", id, child.name, event)
        case _:
            return None
    task.end(event.event_timestamp, "refused", event.cause)
    return task


def _update(task: _Task, event: h.AnyEvent) -> None:
    at = event.event_timestamp
    if isinstance(event, _STARTS):
        task.start(at)
    elif isinstance(event, h.ActivityTaskRescheduled):
        task.again(event)
    elif isinstance(event, h.ActivityTaskCancelRequested):
        task.note = "cancel requested"
    elif type(event) in _ENDS:
        task.end(at, _ENDS[type(event)], _why(event))


def _why(event: h.AnyEvent) -> str:
    """Return in short why a task ended as it did, if the event says so."""
    said = (getattr(event, name, None) for name in ("reason", "cause", "timeout_type"))
    return next((str(one) for one in said if one), "")
