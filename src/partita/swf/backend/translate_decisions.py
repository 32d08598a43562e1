"""Turn our decisions into Amazon SWF's, with what SWF's history of the run makes necessary.

Pure, as the translation of histories is. Retries come first: no code of ours decides them. What
SWF would fill from a type's registration is filled from the run, as the embedded engine does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import assert_never

from msgspec import Struct
from msgspec.structs import replace

from partita import history as h
from partita.rules.decision_tasks import check_decisions
from partita.swf.backend import ids
from partita.swf.backend.attempts import Activity, Phase
from partita.swf.backend.envelopes import Again, Schedule, Start, sealed
from partita.swf.backend.ids import Attempt
from partita.swf.backend.translate_history import TranslatedHistory

EXECUTION_LIMIT = 365 * 24 * 3600.0
"""Seconds that an execution may last."""

REASON_LIMIT = 256
"""Characters of a reason, at most."""

DECISION_LIMIT = 100
"""Decisions in one answer: what Amazon's own framework for SWF keeps to."""


DURATION_LIMIT = 99_999_999.0
"""Seconds that a timeout may last: SWF takes eight digits."""

_TIME_LIMITS = {
    "start_to_fire": DURATION_LIMIT,
    "schedule_to_start": DURATION_LIMIT,
    "schedule_to_close": DURATION_LIMIT,
    "start_to_close": DURATION_LIMIT,
    "heartbeat": DURATION_LIMIT,
    "task_start_to_close": DURATION_LIMIT,
    "execution_start_to_close": EXECUTION_LIMIT,
}


Leases = Callable[[h.ScheduleActivityTask], int]
"""Returns the seconds of an activity's lease, within which its worker must beat; 0: no lease."""


class Answer(Struct, frozen=True):
    """What SWF is told, and which steps were taken from another run instead."""

    decisions: list[h.AnyDecision]
    turn: tuple[int | str, ...] = ()  # how many decisions, or which step of another run, in order


def translate(
    history: TranslatedHistory, decisions: Sequence[h.AnyDecision], leases: Leases
) -> Answer:
    """Return what to tell SWF of these decisions.

    Raises:
        DecisionRefusedError: they contradict themselves.
    """
    check_decisions(decisions)
    fitting = _that_fit(decisions)
    closes = bool(fitting and fitting[-1].closes)
    translator = _Translator(history, leases)
    found: list[h.AnyDecision] = []
    turn: list[int | str] = []
    for decision in fitting:
        place = None if history.origin is None else history.origin.place(decision)
        told = [] if place is not None else list(translator.translate(_with_time_limits(decision)))
        found += told
        turn.append(place if place is not None else len(told))
    if closes:
        return Answer(found, tuple(turn))
    retries = list(_retries(history, decisions))
    room = max(0, DECISION_LIMIT - 1 - len(found))
    reuses = history.origin is not None and (history.origin.has_news or len(found) < len(turn))
    if len(fitting) < len(decisions) or len(retries) > room or reuses:
        found.append(
            h.RequestCancelExternalWorkflowExecution(workflow_id=ids.WAKE, control=ids.WAKE)
        )
    first = retries[:room]
    return Answer(first + found, ((len(first),) if first else ()) + tuple(turn))


def _with_time_limits(decision: h.AnyDecision) -> h.AnyDecision:
    """Return a decision whose timeouts are no longer than SWF takes, or an execution may last."""
    new = {
        field: most
        for field, most in _TIME_LIMITS.items()
        if (value := getattr(decision, field, None)) is not None and value > most
    }
    return replace(decision, **new) if new else decision


def _that_fit(decisions: Sequence[h.AnyDecision]) -> Sequence[h.AnyDecision]:
    """Return the decisions that one answer has room for.

    A replayed run gives no more (see `Bounds`) but for markers; a decider by hand does, and
    decides on the others again when it is asked the next time.
    """
    count = sum(not isinstance(one, h.RecordMarker) for one in decisions)
    return decisions if count < DECISION_LIMIT else decisions[: DECISION_LIMIT - 1]


def _retries(
    history: TranslatedHistory, decisions: Sequence[h.AnyDecision]
) -> Iterator[h.AnyDecision]:
    """Yield the attempts that are due, and a timer for each that must wait."""
    unwanted = {
        one.activity_id for one in decisions if isinstance(one, h.RequestCancelActivityTask)
    }
    for key, activity in history.activities.items():
        if activity.phase is not Phase.DUE or key in unwanted:
            continue
        if activity.wait > 0:
            timer_id = ids.RETRY + activity.attempt.id
            yield h.StartTimer(timer_id=timer_id, start_to_fire=activity.wait)
        else:
            yield _attempt(history, activity)


def _attempt(history: TranslatedHistory, activity: Activity) -> h.ScheduleActivityTask:
    first = activity.scheduled
    left = activity.left(history.now)
    again = h.ScheduleActivityTask(
        activity_type=first.activity_type,
        activity_id="",
        control=first.control,
        input=sealed(Again(text=first.input, details=activity.heartbeat)),
        task_list=first.task_list,
        task_priority=first.task_priority,
        schedule_to_start=first.schedule_to_start,
        start_to_close=first.start_to_close,
        schedule_to_close=None if left is None else max(1.0, left),
        heartbeat=activity.attempt.lease or first.heartbeat,
    )
    return replace(ids.wire(again), activity_id=activity.attempt.id)


class _Translator:
    """Translates the decisions of one answer."""

    def __init__(self, history: TranslatedHistory, leases: Leases) -> None:
        assert history.started is not None
        self._run = history.started
        self._history = history
        self._leases = leases
        self._new: dict[str, Attempt] = {}  # what this answer schedules, by our id

    def translate(self, decision: h.AnyDecision) -> Iterator[h.AnyDecision]:
        """Yield what SWF is told."""
        run = self._run
        match decision:
            case h.ScheduleActivityTask():
                yield self._scheduled(decision)
            case h.RequestCancelActivityTask(activity_id=key):
                yield from self._cancelled(key)
            case h.ContinueAsNewWorkflowExecution():
                yield ids.wire(_continued(run, decision))
            case h.StartChildWorkflowExecution(task_list=task_list):
                yield ids.wire(replace(decision, task_list=task_list or run.task_list))
            case h.FailWorkflowExecution(reason=reason):
                yield replace(decision, reason=None if reason is None else reason[:REASON_LIMIT])
            case h.RecordMarker(marker_name=name) if name == h.MORE:
                yield h.RequestCancelExternalWorkflowExecution(
                    workflow_id=ids.MORE, control=ids.MORE
                )
            case (
                h.CompleteWorkflowExecution()
                | h.CancelWorkflowExecution()
                | h.RecordMarker()
                | h.StartTimer()
                | h.CancelTimer()
                | h.SignalExternalWorkflowExecution()
                | h.RequestCancelExternalWorkflowExecution()
                | h.ScheduleLambdaFunction()
            ):
                yield ids.wire(decision)
            case _:
                assert_never(decision)

    def _scheduled(self, decision: h.ScheduleActivityTask) -> h.AnyDecision:
        schedule = Schedule(text=decision.control, retry=decision.retry_policy)
        attempt = Attempt(decision.activity_id, lease=self._leases(decision))
        self._new[decision.activity_id] = attempt
        return replace(
            ids.wire(replace(decision, task_list=decision.task_list or self._run.task_list)),
            activity_id=attempt.id,
            input=sealed(Again(text=decision.input)),
            control=sealed(schedule),
            heartbeat=attempt.lease or decision.heartbeat,
            retry_policy=None,
        )

    def _cancelled(self, key: str) -> Iterator[h.AnyDecision]:
        """Cancel the open attempt; without one, start a timer, whose end tells the code at once.

        SWF can cancel only what it holds. Between two attempts of ours it holds nothing.
        """
        activity = self._history.activities.get(key)
        if activity is None or activity.phase in (Phase.OPEN, Phase.CANCELLING):
            attempt = self._new.get(key, Attempt(key)) if activity is None else activity.attempt
            yield h.RequestCancelActivityTask(activity_id=attempt.id)
            return
        if activity.phase is Phase.WAITING:
            yield h.CancelTimer(timer_id=ids.RETRY + activity.attempt.id)
        yield h.StartTimer(timer_id=ids.CANCEL + ids.escaped(key), start_to_fire=0.0)


def _continued(
    run: h.WorkflowExecutionStarted, decision: h.ContinueAsNewWorkflowExecution
) -> h.ContinueAsNewWorkflowExecution:
    """Return the decision with what the run has wherever it says nothing."""
    version = decision.workflow_type_version or run.workflow_type.version
    priority = decision.task_priority
    start = Start(
        text=decision.input, signals=decision.unread_signals, cancel=decision.cancel_pending
    )
    return replace(
        decision,
        input=sealed(start),
        execution_start_to_close=decision.execution_start_to_close or run.execution_start_to_close,
        task_start_to_close=decision.task_start_to_close or run.task_start_to_close,
        task_list=decision.task_list or run.task_list,
        task_priority=run.task_priority if priority is None else priority,
        child_policy=decision.child_policy or run.child_policy,
        tag_list=run.tag_list if decision.tag_list is None else decision.tag_list,
        workflow_type_version=ids.escaped(version),
        lambda_role=decision.lambda_role or run.lambda_role,
        unread_signals=(),
        cancel_pending=False,
    )
