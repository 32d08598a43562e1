"""Turn Amazon SWF's history of a run into the one that our deciders read, event by event.

SWF retries nothing, numbers everything, and has no field for some of what we say. So an
activity of ours may be several of SWF's, with timers between them; an event of ours may be
none of SWF's, or the other way round. The history that comes out has numbers of its own, and
every reference in it names the right one. `Fold` is a pure function of the events fed so far:
whoever feeds the same history gets the same one, at once or piece by piece.

What our decisions become is in `decide`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from msgspec.structs import replace

from partita.history import (
    MORE,
    ActivityTaskCanceled,
    ActivityTaskCancelRequested,
    ActivityTaskCompleted,
    ActivityTaskFailed,
    ActivityTaskRescheduled,
    ActivityTaskScheduled,
    ActivityTaskTimedOut,
    AnyEvent,
    CancelTimerFailed,
    DecisionTaskCompleted,
    DecisionTaskScheduled,
    DecisionTaskStarted,
    DecisionTaskTimedOut,
    Event,
    MarkerRecorded,
    RequestCancelActivityTaskFailed,
    RequestCancelExternalWorkflowExecutionFailed,
    RequestCancelExternalWorkflowExecutionInitiated,
    RescheduleCause,
    ScheduleActivityTaskFailed,
    StartTimerFailed,
    TimeoutType,
    TimerCanceled,
    TimerFired,
    TimerStarted,
    WorkflowExecutionCancelRequested,
    WorkflowExecutionContinuedAsNew,
    WorkflowExecutionSignaled,
    WorkflowExecutionStarted,
    WorkflowExecutionTerminated,
    WorkflowExecutionTimedOut,
)
from partita.rules.activities import LOST, loss, loss_delay
from partita.swf.backend import ids
from partita.swf.backend.envelopes import Again, Failed, Fork, Schedule, Start, Turns, opened
from partita.swf.backend.reusing import Reusing
from partita.swf.backend.work import Activity, Phase

E = TypeVar("E", bound=Event)

_REFERENCES = (
    "scheduled_event_id",
    "started_event_id",
    "initiated_event_id",
    "decision_task_completed_event_id",
    "latest_cancel_requested_event_id",
)

_PASSING = {"OPEN_ACTIVITIES_LIMIT_EXCEEDED", "ACTIVITY_CREATION_RATE_EXCEEDED"}
"""Why SWF refuses a further attempt that it may take later."""


class Fold:
    """One run: its history as we see it, and what of it is open."""

    def __init__(self, find_origin: Callable[[Fork], Reusing] | None = None) -> None:
        self._find_origin = find_origin
        self.reusing: Reusing | None = None  # what another run has done
        self.turns: list[tuple[int | str, ...]] = []  # of the open decision task, so far
        self.started: WorkflowExecutionStarted | None = None
        self.start = Start()
        self.activities: dict[str, Activity] = {}  # those that are open, by our id
        self.last_event_id = 0  # ours
        self.last_swf_id = 0
        self._time = 0.0
        self.now = 0.0  # when the last decision task was started
        self.started_event_id = 0  # ours, of the last decision task
        self.previous_started_event_id = 0  # ours, of the last that was answered
        self.warned = False  # that the history grows too long
        self._ids: dict[int, int] = {0: 0}  # SWF's -> ours
        self._by_scheduled: dict[int, Activity] = {}  # by our event id
        self._task = (0, 0)  # SWF's ids of the open decision task: scheduled and started
        self._unseen: list[AnyEvent] = []  # came since that task began; see `_holds_back`
        self._script: deque[int | str] = deque()  # what the last answer caused, still to come
        self._completed = 0  # SWF's id of that answer, while there is something to come
        self._out: list[AnyEvent] = []

    def feed(self, events: Iterable[AnyEvent]) -> list[AnyEvent]:
        """Take in what SWF has recorded next; return what that is for us."""
        self._out = []
        for event in events:
            if event.event_id <= self.last_swf_id:
                continue
            self.last_swf_id = event.event_id
            if self.reusing is not None and self._holds_back(event):
                self._unseen.append(event)
            else:
                self._take(event)
        return self._out

    def is_answered(self, previous: int) -> bool:
        """Whether the last decision task it knows is `previous`: SWF's id of the last answered."""
        return self._task[1] == previous

    def _take(self, event: AnyEvent) -> None:
        self._time = event.event_timestamp
        rule: Any = _RULES.get(type(event), Fold._plain)
        rule(self, ids.plain(event))
        if self._completed:
            self._follow_script(event)

    def _holds_back(self, event: AnyEvent) -> bool:
        """Whether an event came while the decider was at work, which may have played turns then."""
        if isinstance(event, _ENDS_OF_TASKS):
            if not isinstance(event, DecisionTaskCompleted):
                self._release()
            return False
        return bool(self._task[1])

    def _release(self) -> None:
        """Take in what was held back."""
        self._task = (self._task[0], 0)
        unseen, self._unseen = self._unseen, []
        for event in unseen:
            self._take(event)

    # -- numbering

    def _emit(self, event: Any) -> AnyEvent:
        """Add an event whose references are ours already."""
        self.last_event_id += 1
        made: AnyEvent = replace(event, event_id=self.last_event_id)
        self._out.append(made)
        return made

    def _keep(self, event: E, **changes: Any) -> E:
        """Add one of SWF's events, with our numbers in it."""
        swf_id = event.event_id
        made: Any = self._emit(replace(event, **self._references(event), **changes))
        self._ids[swf_id] = made.event_id
        return made  # type: ignore[no-any-return]

    def _references(self, event: Event) -> dict[str, Any]:
        return {
            field: self._ids.get(value, 0)
            for field in _REFERENCES
            if isinstance(value := getattr(event, field, None), int)
        }

    def _plain(self, event: AnyEvent) -> None:
        self._keep(event)

    # -- the run

    def _begin(self, event: WorkflowExecutionStarted) -> None:
        self.start = opened(event.input, Start)
        changes: dict[str, Any] = {"input": self.start.text}
        if self.start.fork is not None and self._find_origin is not None:
            self.reusing = self._find_origin(self.start.fork)
            changes["original_run_id"] = self.reusing.original_run_id
            changes["reused_markers"] = self.reusing.markers
        self.started = self._keep(event, **changes)

    def _decision_scheduled(self, event: DecisionTaskScheduled) -> None:
        self._task = (event.event_id, 0)
        made = self._keep(event)
        if made.event_id == 2:
            self._begin_with(event.event_timestamp)

    def _begin_with(self, time: float) -> None:
        """Add what the run was given to begin with, besides its input."""
        for signal in self.start.signals:
            self._emit(
                WorkflowExecutionSignaled(
                    event_id=0,
                    event_timestamp=time,
                    signal_name=signal.signal_name,
                    input=signal.input,
                )
            )
        if self.start.cancel:
            self._emit(WorkflowExecutionCancelRequested(event_id=0, event_timestamp=time))
        if self.reusing is not None:
            for theirs in self.reusing.first_signals():
                self._tell(theirs, 0)

    def _decision_started(self, event: DecisionTaskStarted) -> None:
        self.now = event.event_timestamp
        self._task = (event.scheduled_event_id, event.event_id)
        self.turns = []
        self.started_event_id = self._keep(event).event_id

    def _decision_completed(self, event: DecisionTaskCompleted) -> None:
        context = opened(event.execution_context, Turns)
        for turn in context.turns[len(self.turns) : -1]:
            self._play(turn)
        self._release()
        self._time = event.event_timestamp
        made = self._keep(event, execution_context=context.text)
        self.previous_started_event_id = made.started_event_id
        if self.reusing is not None:
            self._script = deque(context.turns[-1] if context.turns else ())
            self._completed = event.event_id

    def _continued(self, event: WorkflowExecutionContinuedAsNew) -> None:
        self._keep(event, input=opened(event.input, Start).text)

    # -- steps of another run

    def _tell(self, event: AnyEvent, begun: int) -> None:
        """Add an end of the origin's."""
        assert self.reusing is not None
        next_id = self.last_event_id + 1
        for ours in self.reusing.told(event, begun, next_id):
            self._emit(replace(ours, event_timestamp=self._time))

    def _begin_step(self, place: str, completed: int) -> None:
        """Add the beginning of a step that the origin has done."""
        assert self.reusing is not None
        begun = self.reusing.begun(place)
        made = self._emit(
            replace(begun, event_timestamp=self._time, decision_task_completed_event_id=completed)
        )
        self.reusing.note(place, made.event_id)

    def _hand_on(self) -> None:
        """Add what the origin's decider heard of next."""
        assert self.reusing is not None
        for event, begun in self.reusing.news():
            self._tell(event, begun)

    def play(self, turn: tuple[int | str, ...]) -> list[AnyEvent]:
        """Live through a turn that asked only for steps of the origin; return its events.

        The decision task goes on: for our code it is answered, and the next one begins.
        """
        self._out = []
        self._play(turn)
        self.turns.append(turn)
        return self._out

    def _play(self, turn: tuple[int | str, ...]) -> None:
        assert self.started is not None
        scheduled, started = (self._ids[one] for one in self._task)
        time = self._time = self.now
        completed = self._emit(
            DecisionTaskCompleted(
                event_id=0,
                event_timestamp=time,
                scheduled_event_id=scheduled,
                started_event_id=started,
            )
        )
        self.previous_started_event_id = started
        for place in turn:
            self._begin_step(str(place), completed.event_id)
        self._hand_on()
        again = DecisionTaskScheduled(
            event_id=0, event_timestamp=time, task_list=self.started.task_list
        )
        self._ids[self._task[0]] = scheduled = self._emit(again).event_id
        begun = DecisionTaskStarted(event_id=0, event_timestamp=time, scheduled_event_id=scheduled)
        self._ids[self._task[1]] = self.started_event_id = self._emit(begun).event_id

    def _follow_script(self, event: AnyEvent) -> None:
        """Put the origin's steps between those that the last answer told SWF of."""
        completed = self._ids[self._completed]
        if getattr(event, "decision_task_completed_event_id", None) == self._completed:
            left = int(self._script.popleft()) - 1
            if left:
                self._script.appendleft(left)
        while self._script and isinstance(self._script[0], str):
            self._begin_step(str(self._script.popleft()), completed)
        if not self._script:
            self._completed = 0
            self._hand_on()

    # -- activities

    def _scheduled(self, event: ActivityTaskScheduled) -> None:
        attempt = ids.attempt_of(event.activity_id)
        activity = self.activities.get(attempt.key)
        if activity is not None and (attempt.number > 1 or attempt.back):
            self._ids[event.event_id] = activity.scheduled_event_id
            activity.phase = Phase.OPEN
            return
        schedule = opened(event.control, Schedule)
        made = self._keep(
            event,
            activity_id=attempt.key,
            input=opened(event.input, Again).text,
            control=schedule.text,
            retry_policy=schedule.retry,
            heartbeat=None if attempt.lease else event.heartbeat,
        )
        activity = Activity(made, attempt)
        self.activities[attempt.key] = activity
        self._by_scheduled[made.event_id] = activity

    def _not_scheduled(self, event: ScheduleActivityTaskFailed) -> None:
        attempt = ids.attempt_of(event.activity_id)
        activity = self.activities.get(attempt.key)
        if activity is None or activity.phase is not Phase.DUE:
            self._keep(event, activity_id=attempt.key)
        elif event.cause not in _PASSING:
            self._end(
                activity,
                ActivityTaskFailed(
                    event_id=0,
                    event_timestamp=event.event_timestamp,
                    scheduled_event_id=activity.scheduled_event_id,
                    started_event_id=0,
                    reason=event.cause,
                ),
            )

    def _ended(self, event: ActivityTaskCompleted | ActivityTaskCanceled) -> None:
        activity = self._of(event)
        made = self._keep(event)
        if activity is not None:
            self._forget(activity, made.scheduled_event_id)

    def _failed(self, event: ActivityTaskFailed) -> None:
        activity, report = self._of(event), opened(event.details, Failed)
        if activity is not None:
            activity.heartbeat = report.heartbeat or activity.heartbeat
            if report.given_back:
                self._given_back(activity, event)
                return
            delay = None if report.final else activity.delay(event.event_timestamp, event.reason)
            if delay is not None:
                cause = RescheduleCause.FAILED
                self._again(activity, event, cause, delay, reason=event.reason, details=report.text)
                return
        made = self._keep(event, details=report.text)
        if activity is not None:
            self._forget(activity, made.scheduled_event_id)

    def _given_back(self, activity: Activity, event: ActivityTaskFailed) -> None:
        """Let another worker have it."""
        if activity.cancel_requested_event_id:
            self._is_canceled(activity, event)
        else:
            self._again(activity, event, RescheduleCause.GIVEN_BACK, 0.0)

    def _lost(self, activity: Activity, event: ActivityTaskTimedOut) -> None:
        """Let another worker have what its worker died over, as often as our engine does."""
        activity.losses += 1
        delay = loss_delay(activity.scheduled.retry_policy, activity.losses)
        if activity.cancel_requested_event_id:
            self._is_canceled(activity, event)
        elif delay is not None:
            self._again(activity, event, RescheduleCause.WORKER_LOST, delay)
        else:
            failed = ActivityTaskFailed(
                event_id=0,
                event_timestamp=event.event_timestamp,
                reason=LOST,
                details=loss(activity.scheduled.activity_type.name, activity.losses),
                **self._references(event),
            )
            self._keep_as(event, failed)
            self._forget(activity, activity.scheduled_event_id)

    def _is_canceled(self, activity: Activity, event: AnyEvent) -> None:
        """End what was to be cancelled and nobody runs any more: nobody need be asked to stop."""
        made = ActivityTaskCanceled(
            event_id=0,
            event_timestamp=event.event_timestamp,
            latest_cancel_requested_event_id=activity.cancel_requested_event_id,
            **self._references(event),
        )
        self._keep_as(event, made)
        self._forget(activity, activity.scheduled_event_id)

    def _timed_out(self, event: ActivityTaskTimedOut) -> None:
        activity = self._of(event)
        which = event.timeout_type
        if activity is not None:
            activity.heartbeat = event.details or activity.heartbeat
            if which is TimeoutType.HEARTBEAT and activity.attempt.lease:
                self._lost(activity, event)
                return
            final = which in (TimeoutType.SCHEDULE_TO_START, TimeoutType.SCHEDULE_TO_CLOSE)
            delay = None if final else activity.delay(event.event_timestamp, which.value)
            if delay is not None:
                self._again(activity, event, RescheduleCause.TIMED_OUT, delay, reason=which.value)
                return
        made = self._keep(event)
        if activity is not None:
            self._forget(activity, made.scheduled_event_id)

    def _again(
        self,
        activity: Activity,
        event: ActivityTaskFailed | ActivityTaskTimedOut,
        cause: RescheduleCause,
        delay: float,
        *,
        reason: str | None = None,
        details: str | None = None,
    ) -> None:
        """Let an attempt be followed by another."""
        self._keep_as(
            event,
            ActivityTaskRescheduled(
                event_id=0,
                event_timestamp=event.event_timestamp,
                cause=cause,
                attempt=activity.attempt.number,
                backoff=delay,
                reason=reason,
                details=details,
                **self._references(event),
            ),
        )
        activity.next(delay, given_back=cause is RescheduleCause.GIVEN_BACK)

    def _keep_as(self, event: AnyEvent, ours: AnyEvent) -> None:
        self._ids[event.event_id] = self._emit(ours).event_id

    def _cancel_requested(self, event: ActivityTaskCancelRequested) -> None:
        key = ids.attempt_of(event.activity_id).key
        made = self._keep(event, activity_id=key)
        activity = self.activities.get(key)
        if activity is not None:
            activity.cancel_requested_event_id = made.event_id

    def _cancel_refused(self, event: RequestCancelActivityTaskFailed) -> None:
        """The attempt had ended before the request; the activity may still have another."""
        key = ids.attempt_of(event.activity_id).key
        activity = self.activities.get(key)
        begun = None if self.reusing is None else self.reusing.drop(f"a{key}")
        if activity is None and begun is not None:
            self._cancel_reused(key, begun, event)
            return
        if activity is None or activity.phase is Phase.OPEN:
            self._keep(event, activity_id=key)
            return
        self._cancel_between(activity, event)
        self._canceled(activity, event.event_timestamp)

    def _cancel_reused(self, key: str, begun: int, event: RequestCancelActivityTaskFailed) -> None:
        """Cancel what SWF does not know, because another run has done it."""
        time, references = event.event_timestamp, self._references(event)
        made = ActivityTaskCancelRequested(
            event_id=0, event_timestamp=time, activity_id=key, **references
        )
        self._keep_as(event, made)
        self._emit(
            ActivityTaskCanceled(
                event_id=0,
                event_timestamp=time,
                scheduled_event_id=begun,
                started_event_id=0,
                latest_cancel_requested_event_id=self.last_event_id,
            )
        )

    def _cancel_between(self, activity: Activity, event: AnyEvent) -> None:
        """Record that an activity was to be cancelled while none of its attempts was open."""
        completed = self._references(event)["decision_task_completed_event_id"]
        made = ActivityTaskCancelRequested(
            event_id=0,
            event_timestamp=event.event_timestamp,
            decision_task_completed_event_id=completed,
            activity_id=activity.attempt.key,
        )
        self._keep_as(event, made)
        activity.cancel_requested_event_id = self.last_event_id
        activity.phase = Phase.CANCELLING

    def _canceled(self, activity: Activity, time: float) -> None:
        self._end(
            activity,
            ActivityTaskCanceled(
                event_id=0,
                event_timestamp=time,
                scheduled_event_id=activity.scheduled_event_id,
                started_event_id=0,
                latest_cancel_requested_event_id=activity.cancel_requested_event_id,
            ),
        )

    def _end(self, activity: Activity, event: AnyEvent) -> None:
        self._emit(event)
        self._forget(activity, activity.scheduled_event_id)

    def _forget(self, activity: Activity, scheduled_event_id: int) -> None:
        if self.activities.get(activity.attempt.key) is activity:
            del self.activities[activity.attempt.key]
        self._by_scheduled.pop(scheduled_event_id, None)

    def _of(self, event: Any) -> Activity | None:
        return self._by_scheduled.get(self._ids.get(event.scheduled_event_id, 0))

    # -- timers

    def _timer_started(self, event: TimerStarted) -> None:
        if (activity := self._between(event.timer_id, ids.RETRY)) is not None:
            activity.phase = Phase.WAITING
        elif (activity := self._between(event.timer_id, ids.CANCEL)) is not None:
            self._cancel_between(activity, event)
        elif not _is_ours(event.timer_id):
            self._keep(event)

    def _timer_fired(self, event: TimerFired) -> None:
        activity = self._between(event.timer_id, ids.RETRY)
        if activity is not None and activity.phase is Phase.WAITING:
            activity.next_at_once()
        elif (activity := self._between(event.timer_id, ids.CANCEL)) is not None:
            self._canceled(activity, event.event_timestamp)
        elif not _is_ours(event.timer_id):
            self._keep(event)

    def _timer_changed(self, event: TimerCanceled | CancelTimerFailed | StartTimerFailed) -> None:
        begun = None if self.reusing is None else self.reusing.drop(f"t{event.timer_id}")
        if begun is not None and isinstance(event, CancelTimerFailed):
            made = TimerCanceled(
                event_id=0,
                event_timestamp=event.event_timestamp,
                timer_id=event.timer_id,
                started_event_id=begun,
                **self._references(event),
            )
            self._keep_as(event, made)
        elif not _is_ours(event.timer_id):
            self._keep(event)

    def _between(self, timer_id: str, kind: str) -> Activity | None:
        """Return the activity whose timer this is."""
        if not timer_id.startswith(kind):
            return None
        return self.activities.get(ids.attempt_of(timer_id[len(kind) :]).key)

    # -- the request that brings the next decision task

    def _asked(self, event: RequestCancelExternalWorkflowExecutionInitiated) -> None:
        if event.control == ids.WAKE:
            return
        if event.control != ids.MORE:
            self._keep(event)
            return
        completed = self._references(event)["decision_task_completed_event_id"]
        self._keep_as(
            event,
            MarkerRecorded(
                event_id=0,
                event_timestamp=event.event_timestamp,
                marker_name=MORE,
                decision_task_completed_event_id=completed,
            ),
        )

    def _answered(self, event: RequestCancelExternalWorkflowExecutionFailed) -> None:
        if event.control not in (ids.MORE, ids.WAKE):
            self._keep(event)


def _is_ours(timer_id: str) -> bool:
    return timer_id.startswith((ids.RETRY, ids.CANCEL))


_ENDS_OF_TASKS = (
    DecisionTaskCompleted,
    DecisionTaskTimedOut,
    WorkflowExecutionTerminated,
    WorkflowExecutionTimedOut,
)

_RULES: dict[type[Any], Callable[[Fold, Any], None]] = {
    WorkflowExecutionStarted: Fold._begin,
    WorkflowExecutionContinuedAsNew: Fold._continued,
    DecisionTaskScheduled: Fold._decision_scheduled,
    DecisionTaskStarted: Fold._decision_started,
    DecisionTaskCompleted: Fold._decision_completed,
    ActivityTaskScheduled: Fold._scheduled,
    ScheduleActivityTaskFailed: Fold._not_scheduled,
    ActivityTaskCompleted: Fold._ended,
    ActivityTaskCanceled: Fold._ended,
    ActivityTaskFailed: Fold._failed,
    ActivityTaskTimedOut: Fold._timed_out,
    ActivityTaskCancelRequested: Fold._cancel_requested,
    RequestCancelActivityTaskFailed: Fold._cancel_refused,
    TimerStarted: Fold._timer_started,
    TimerFired: Fold._timer_fired,
    TimerCanceled: Fold._timer_changed,
    CancelTimerFailed: Fold._timer_changed,
    StartTimerFailed: Fold._timer_changed,
    RequestCancelExternalWorkflowExecutionInitiated: Fold._asked,
    RequestCancelExternalWorkflowExecutionFailed: Fold._answered,
}
