"""Translate Amazon SWF's history of a run into the one that our deciders read, event by event.

SWF has no retries, and no field for some of our attributes. So an activity of ours may be
several of SWF's, with timers between them, and some events exist on one side only. The
translated history has event numbers and references of its own. `TranslatedHistory` is a pure
function of the events fed so far, at once or piece by piece.

What our decisions become is in `translate_decisions`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from typing import Any

from partita import history as h
from partita.swf.backend import ids
from partita.swf.backend.attempts import Activity, Attempts
from partita.swf.backend.envelopes import Fork, Start, Turns, opened
from partita.swf.backend.event_numbers import EventNumbers
from partita.swf.backend.fork_origin import ForkOrigin


class TranslatedHistory:
    """One run: its history as our deciders read it, and what of it is open."""

    def __init__(self, find_origin: Callable[[Fork], ForkOrigin] | None = None) -> None:
        self._find_origin = find_origin
        self.origin: ForkOrigin | None = None  # what another run has done
        self.turns: list[tuple[int | str, ...]] = []  # of the open decision task, so far
        self.started: h.WorkflowExecutionStarted | None = None
        self.start = Start()
        self.numbers = EventNumbers()
        self.attempts = Attempts(self.numbers)
        self.last_swf_id = 0
        self._time = 0.0
        self.now = 0.0  # when the last decision task was started
        self.started_event_id = 0  # ours, of the last decision task
        self.previous_started_event_id = 0  # ours, of the last that was answered
        self.warned = False  # that the history grows too long
        self._task = (0, 0)  # SWF's ids of the open decision task: scheduled and started
        self._unseen: list[h.AnyEvent] = []  # came since that task began; see `_holds_back`
        self._script: deque[int | str] = deque()  # what the last answer caused, still to come
        self._completed = 0  # SWF's id of that answer, while there is something to come

    @property
    def activities(self) -> dict[str, Activity]:
        """Those that are open, by our id."""
        return self.attempts.open

    @property
    def last_event_id(self) -> int:
        """Ours."""
        return self.numbers.last_event_id

    def feed(self, events: Iterable[h.AnyEvent]) -> list[h.AnyEvent]:
        """Add the next of SWF's events; return the events that they are for us."""
        out = self.numbers.begin()
        for event in events:
            if event.event_id <= self.last_swf_id:
                continue
            self.last_swf_id = event.event_id
            if self.origin is not None and self._holds_back(event):
                self._unseen.append(event)
            else:
                self._take(event)
        return out

    def is_answered(self, previous: int) -> bool:
        """Whether the last decision task it knows is `previous`: SWF's id of the last answered."""
        return self._task[1] == previous

    def _take(self, event: h.AnyEvent) -> None:
        self._time = event.event_timestamp
        rule: Any = _RULES.get(type(event), TranslatedHistory._plain)
        rule(self, ids.plain(event))
        if self._completed:
            self._follow_script(event)

    def _holds_back(self, event: h.AnyEvent) -> bool:
        """Whether an event came during a decision task, whose turns may have to be played first."""
        if isinstance(event, _ENDS_OF_TASKS):
            if not isinstance(event, h.DecisionTaskCompleted):
                self._release()
            return False
        return bool(self._task[1])

    def _release(self) -> None:
        """Add what was held back."""
        self._task = (self._task[0], 0)
        unseen, self._unseen = self._unseen, []
        for event in unseen:
            self._take(event)

    def _plain(self, event: h.AnyEvent) -> None:
        self.numbers.keep(event)

    # -- the run

    def _begin(self, event: h.WorkflowExecutionStarted) -> None:
        self.start = opened(event.input, Start)
        changes: dict[str, Any] = {"input": self.start.text}
        if self.start.fork is not None and self._find_origin is not None:
            self.origin = self._find_origin(self.start.fork)
            changes["original_run_id"] = self.origin.original_run_id
            changes["reused_markers"] = self.origin.markers
        self.started = self.numbers.keep(event, **changes)

    def _decision_scheduled(self, event: h.DecisionTaskScheduled) -> None:
        self._task = (event.event_id, 0)
        made = self.numbers.keep(event)
        if made.event_id == 2:
            self._begin_with(event.event_timestamp)

    def _begin_with(self, time: float) -> None:
        """Add the signals and the cancel request that the run was started with."""
        for signal in self.start.signals:
            name, input = signal.signal_name, signal.input
            self.numbers.add(h.WorkflowExecutionSignaled, time, signal_name=name, input=input)
        if self.start.cancel:
            self.numbers.add(h.WorkflowExecutionCancelRequested, time)
        if self.origin is not None:
            for theirs in self.origin.first_signals():
                self._add_end(theirs, 0)

    def _decision_started(self, event: h.DecisionTaskStarted) -> None:
        self.now = event.event_timestamp
        self._task = (event.scheduled_event_id, event.event_id)
        self.turns = []
        self.started_event_id = self.numbers.keep(event).event_id

    def _decision_completed(self, event: h.DecisionTaskCompleted) -> None:
        context = opened(event.execution_context, Turns)
        for turn in context.turns[len(self.turns) : -1]:
            self._play(turn)
        self._release()
        self._time = event.event_timestamp
        made = self.numbers.keep(event, execution_context=context.text)
        self.previous_started_event_id = made.started_event_id
        if self.origin is not None:
            self._script = deque(context.turns[-1] if context.turns else ())
            self._completed = event.event_id

    def _continued(self, event: h.WorkflowExecutionContinuedAsNew) -> None:
        self.numbers.keep(event, input=opened(event.input, Start).text)

    # -- steps of another run

    def _add_end(self, event: h.AnyEvent, begun: int) -> None:
        """Add the end of a step of the origin's."""
        assert self.origin is not None
        next_id = self.last_event_id + 1
        for ours in self.origin.events_of(event, begun, next_id):
            self.numbers.add_copy(ours, self._time)

    def _begin_step(self, place: str, completed: int) -> None:
        """Add the beginning of a step that the origin has done."""
        assert self.origin is not None
        begun = self.origin.begun(place)
        made = self.numbers.add_copy(begun, self._time, decision_task_completed_event_id=completed)
        self.origin.note(place, made.event_id)

    def _hand_on(self) -> None:
        """Add what the origin's decider was told next."""
        assert self.origin is not None
        for event, begun in self.origin.news():
            self._add_end(event, begun)

    def play(self, turn: tuple[int | str, ...]) -> list[h.AnyEvent]:
        """Play a turn that asked only for steps of the origin; return its events.

        SWF's decision task stays open: for our code it is answered, and the next one begins.
        """
        out = self.numbers.begin()
        self._play(turn)
        self.turns.append(turn)
        return out

    def _play(self, turn: tuple[int | str, ...]) -> None:
        assert self.started is not None
        scheduled, started = (self.numbers.ids[one] for one in self._task)
        time = self._time = self.now
        completed = self.numbers.add(
            h.DecisionTaskCompleted, time, scheduled_event_id=scheduled, started_event_id=started
        )
        self.previous_started_event_id = started
        for place in turn:
            self._begin_step(str(place), completed.event_id)
        self._hand_on()
        task_list = self.started.task_list
        again = self.numbers.add(h.DecisionTaskScheduled, time, task_list=task_list).event_id
        begun = self.numbers.add(h.DecisionTaskStarted, time, scheduled_event_id=again).event_id
        self.numbers.ids[self._task[0]] = again
        self.numbers.ids[self._task[1]] = self.started_event_id = begun

    def _follow_script(self, event: h.AnyEvent) -> None:
        """Add the origin's steps between those that the last answer told SWF of."""
        completed = self.numbers.ids[self._completed]
        if getattr(event, "decision_task_completed_event_id", None) == self._completed:
            left = int(self._script.popleft()) - 1
            if left:
                self._script.appendleft(left)
        while self._script and isinstance(self._script[0], str):
            self._begin_step(str(self._script.popleft()), completed)
        if not self._script:
            self._completed = 0
            self._hand_on()

    # -- cancels and timers

    def _cancel_refused(self, event: h.RequestCancelActivityTaskFailed) -> None:
        """Cancel an activity of the origin's, or else one of this run."""
        key = ids.attempt_of(event.activity_id).key
        begun = None if self.origin is None else self.origin.drop(f"a{key}")
        if key in self.activities or begun is None:
            self.attempts.cancel_refused(event)
            return
        references = self.numbers.references(event)
        self.numbers.keep_as(event, h.ActivityTaskCancelRequested, activity_id=key, **references)
        self.numbers.add(
            h.ActivityTaskCanceled,
            event.event_timestamp,
            scheduled_event_id=begun,
            started_event_id=0,
            latest_cancel_requested_event_id=self.last_event_id,
        )

    def _timer_changed(
        self, event: h.TimerCanceled | h.CancelTimerFailed | h.StartTimerFailed
    ) -> None:
        begun = None if self.origin is None else self.origin.drop(f"t{event.timer_id}")
        if begun is not None and isinstance(event, h.CancelTimerFailed):
            self.numbers.keep_as(
                event,
                h.TimerCanceled,
                timer_id=event.timer_id,
                started_event_id=begun,
                **self.numbers.references(event),
            )
        elif not _is_ours(event.timer_id):
            self.numbers.keep(event)

    def _timer_started(self, event: h.TimerStarted) -> None:
        if _is_ours(event.timer_id):
            self.attempts.timer_started(event)
        else:
            self.numbers.keep(event)

    def _timer_fired(self, event: h.TimerFired) -> None:
        if _is_ours(event.timer_id):
            self.attempts.timer_fired(event)
        else:
            self.numbers.keep(event)

    # -- the request that brings the next decision task

    def _asked(self, event: h.RequestCancelExternalWorkflowExecutionInitiated) -> None:
        if event.control == ids.WAKE:
            return
        if event.control != ids.MORE:
            self.numbers.keep(event)
            return
        completed = self.numbers.references(event)["decision_task_completed_event_id"]
        self.numbers.keep_as(
            event,
            h.MarkerRecorded,
            marker_name=h.MORE,
            decision_task_completed_event_id=completed,
        )

    def _answered(self, event: h.RequestCancelExternalWorkflowExecutionFailed) -> None:
        if event.control not in (ids.MORE, ids.WAKE):
            self.numbers.keep(event)


def _is_ours(timer_id: str) -> bool:
    return timer_id.startswith((ids.RETRY, ids.CANCEL))


def _attempts(rule: Callable[[Attempts, Any], None]) -> Callable[[TranslatedHistory, Any], None]:
    return lambda history, event: rule(history.attempts, event)


_ENDS_OF_TASKS = (
    h.DecisionTaskCompleted,
    h.DecisionTaskTimedOut,
    h.WorkflowExecutionTerminated,
    h.WorkflowExecutionTimedOut,
)

_RULES: dict[type[Any], Callable[[TranslatedHistory, Any], None]] = {
    h.WorkflowExecutionStarted: TranslatedHistory._begin,
    h.WorkflowExecutionContinuedAsNew: TranslatedHistory._continued,
    h.DecisionTaskScheduled: TranslatedHistory._decision_scheduled,
    h.DecisionTaskStarted: TranslatedHistory._decision_started,
    h.DecisionTaskCompleted: TranslatedHistory._decision_completed,
    h.ActivityTaskScheduled: _attempts(Attempts.scheduled),
    h.ScheduleActivityTaskFailed: _attempts(Attempts.not_scheduled),
    h.ActivityTaskCompleted: _attempts(Attempts.ended),
    h.ActivityTaskCanceled: _attempts(Attempts.ended),
    h.ActivityTaskFailed: _attempts(Attempts.failed),
    h.ActivityTaskTimedOut: _attempts(Attempts.timed_out),
    h.ActivityTaskCancelRequested: _attempts(Attempts.cancel_requested),
    h.RequestCancelActivityTaskFailed: TranslatedHistory._cancel_refused,
    h.TimerStarted: TranslatedHistory._timer_started,
    h.TimerFired: TranslatedHistory._timer_fired,
    h.TimerCanceled: TranslatedHistory._timer_changed,
    h.CancelTimerFailed: TranslatedHistory._timer_changed,
    h.StartTimerFailed: TranslatedHistory._timer_changed,
    h.RequestCancelExternalWorkflowExecutionInitiated: TranslatedHistory._asked,
    h.RequestCancelExternalWorkflowExecutionFailed: TranslatedHistory._answered,
}
