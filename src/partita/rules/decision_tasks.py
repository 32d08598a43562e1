"""Rules for decision tasks, and for each decision in the answer to one.

A decision that the state does not allow becomes an event that says so; a list of
decisions that contradicts itself is refused whole.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import assert_never

from msgspec.structs import replace

from partita import history as h
from partita.errors import DecisionRefusedError, TaskLostError
from partita.ports.state import OpenDecision
from partita.rules.activities import request_cancel_activity, schedule_activity
from partita.rules.commands import (
    CompleteDecisionTask,
    FailDecisionTask,
    Release,
    StartDecisionTask,
)
from partita.rules.draft import Draft, queued
from partita.rules.executions import close, set_search_attributes
from partita.rules.external import cancel_external, signal_external, start_child
from partita.rules.lambdas import schedule_lambda
from partita.rules.refusals import refuse
from partita.rules.timers import cancel_timer, start_timer

MAX_DECISION_DELAY = 10.0
"""Seconds between two tries of a decider that keeps failing, at most."""

MAX_LOSS_DELAY = 300.0
"""The same, where each try ends a worker."""

WORKER_LOST = "WORKER_LOST"
"""The cause of a decision task's failure whose worker died while it decided."""


def start_decision_task(draft: Draft, command: StartDecisionTask) -> None:
    item: OpenDecision | None = draft.get("decision", "")
    if item is None or item.started_event_id:
        raise TaskLostError("the decision task is taken, or not there any more")
    started = draft.event(
        h.DecisionTaskStarted,
        scheduled_event_id=item.scheduled_event_id,
        identity=command.identity,
    )
    timeout = draft.state.execution.task_start_to_close
    draft.put(
        replace(
            item,
            queue=None,
            started_event_id=started,
            owner=command.owner,
            place=command.place,
            due=None if timeout is None else draft.now + timeout,
        )
    )


def _held_decision(draft: Draft, started_event_id: int) -> OpenDecision:
    item: OpenDecision | None = draft.get("decision", "")
    if item is None or item.started_event_id != started_event_id:
        raise TaskLostError("the decision task was answered by, or given to, another decider")
    return item


def complete_decision_task(draft: Draft, command: CompleteDecisionTask) -> None:
    item = _held_decision(draft, command.started_event_id)
    if not item.started_event_id:
        raise TaskLostError("the decision task was not started")
    check_decisions(command.decisions)
    completed = draft.event(
        h.DecisionTaskCompleted,
        scheduled_event_id=item.scheduled_event_id,
        started_event_id=item.started_event_id,
        execution_context=command.execution_context,
        task_list=command.task_list,
        task_list_schedule_to_start=command.task_list_schedule_to_start,
    )
    unseen = draft.field("unseen")
    draft.drop_item("decision", "")
    draft.fields.update(
        previous_started_event_id=item.started_event_id,
        decision_scheduled_event_id=0,
        unseen=False,
    )
    if command.task_list is not None:
        draft.fields.update(
            decision_task_list=command.task_list,
            decision_schedule_to_start=command.task_list_schedule_to_start,
        )
    if command.execution_context is not None:
        draft.fields["execution_context"] = command.execution_context
    _apply_decisions(draft, command, completed, unseen=unseen)
    if (unseen or draft.woken) and "status" not in draft.fields:
        draft.wake()


def _apply_decisions(
    draft: Draft, command: CompleteDecisionTask, completed: int, *, unseen: bool
) -> None:
    draft.holding, draft.terms = True, command.terms
    for place, decision in enumerate(command.decisions):
        if place in command.refusals:
            refuse(draft, decision, command.refusals[place], completed)
        elif decision.closes and unseen:
            refuse(draft, decision, "UNHANDLED_DECISION", completed)
        else:
            _apply_decision(draft, decision, completed)
    draft.holding = False


def check_decisions(decisions: Sequence[h.AnyDecision]) -> None:
    """Check that the decisions of one answer do not contradict each other.

    Raises:
        DecisionRefusedError: it does.
    """
    for position, decision in enumerate(decisions, 1):
        if decision.closes and position < len(decisions):
            raise DecisionRefusedError(
                f"decision {position} of {len(decisions)}, {decision.decision_type}, "
                "closes the execution, so it must be the last"
            )
        if isinstance(decision, h.StartTimer) and not 0 <= decision.start_to_fire < math.inf:
            raise DecisionRefusedError(
                f"timer {decision.timer_id} is to fire in {decision.start_to_fire} s; "
                "give a number of seconds from 0 on"
            )


def fail_decision_task(draft: Draft, command: FailDecisionTask) -> None:
    item = _held_decision(draft, command.started_event_id)
    failure = f"{command.cause}: {command.message}"
    following = draft.field("next_decision_event_id")
    if failure != item.failure or following:
        draft.event(
            h.DecisionTaskFailed,
            scheduled_event_id=item.scheduled_event_id,
            started_event_id=item.started_event_id,
            cause=command.cause,
            message=command.message,
        )
    most = MAX_LOSS_DELAY if command.cause == WORKER_LOST else MAX_DECISION_DELAY
    delay = min(most, 0.5 * 2.0 ** min(item.attempt, 10))
    again = replace(item, attempt=item.attempt + 1, failure=failure)
    draft.fields["unseen"] = False
    if following:  # the next try is that of the task that was recorded meanwhile
        again = replace(again, scheduled_event_id=following)
        draft.fields.update(decision_scheduled_event_id=following, next_decision_event_id=0)
    draft.put(queued(draft, again, draft.now + delay))


def decision_due(draft: Draft, item: OpenDecision) -> None:
    if not item.started_event_id and item.queue is None:
        draft.put(queued(draft, item))
        return
    started = item.started_event_id
    draft.event(
        h.DecisionTaskTimedOut,
        timeout_type=h.TimeoutType.START_TO_CLOSE if started else h.TimeoutType.SCHEDULE_TO_START,
        scheduled_event_id=item.scheduled_event_id,
        started_event_id=started,
    )
    draft.fields["unseen"] = False
    if draft.field("decision_schedule_to_start") is not None:  # who was to answer is gone
        draft.fields.update(decision_task_list=None, decision_schedule_to_start=None)
    draft.schedule_decision()


def release_decision(draft: Draft, command: Release) -> None:
    item: OpenDecision | None = draft.get("decision", "")
    if item is None or not item.started_event_id:
        return
    if command.cause is not h.RescheduleCause.WORKER_LOST:
        decision_due(draft, item)
        return
    message = (
        "the worker died while it decided; if the workflow's code is what kills it (a crash in "
        "native code, want of memory), mend it: it is tried again later and later"
    )
    started = item.started_event_id
    failed = FailDecisionTask(started_event_id=started, cause=WORKER_LOST, message=message)
    fail_decision_task(draft, failed)


def was_lost(item: OpenDecision) -> bool:
    """Whether the worker that decided last died over it."""
    return (item.failure or "").startswith(WORKER_LOST + ":")


def _apply_decision(draft: Draft, decision: h.AnyDecision, completed: int) -> None:
    """Record what one decision does."""
    match decision:
        case h.ScheduleActivityTask():
            schedule_activity(draft, decision, completed)
        case h.RequestCancelActivityTask():
            request_cancel_activity(draft, decision, completed)
        case h.StartTimer():
            start_timer(draft, decision, completed)
        case h.CancelTimer():
            cancel_timer(draft, decision, completed)
        case h.RecordMarker(marker_name=name, details=details):
            draft.event(
                h.MarkerRecorded,
                marker_name=name,
                details=details,
                decision_task_completed_event_id=completed,
            )
            if name == h.SEARCH_ATTRIBUTES:
                set_search_attributes(draft, details)
        case h.StartChildWorkflowExecution():
            start_child(draft, decision, completed)
        case h.SignalExternalWorkflowExecution():
            signal_external(draft, decision, completed)
        case h.RequestCancelExternalWorkflowExecution():
            cancel_external(draft, decision, completed)
        case h.ScheduleLambdaFunction():
            schedule_lambda(draft, decision, completed)
        case (
            h.CompleteWorkflowExecution()
            | h.FailWorkflowExecution()
            | h.CancelWorkflowExecution()
            | h.ContinueAsNewWorkflowExecution()
        ):
            close(draft, decision, completed)
        case _:
            assert_never(decision)
