"""Turn one command into the events, open items and messages it causes.

The only module that knows SWF's rules. It reads no clock, opens no file and imports no
store: a `State`, a command and `now` come in, a `Change` goes out, and nothing is touched.
A command that the state does not allow raises, and then there is no change at all; a
*decision* that the state does not allow is an event, as in SWF.

Where SWF says nothing: a failed or timed-out activity is tried again by its retry policy,
and a decider that could not answer is asked again later.

Source: Amazon SWF API Reference (2012-01-25), RespondDecisionTaskCompleted and the actions
named in `commands`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from partita.errors import TaskLostError, closed_error
from partita.history import TimerFired
from partita.ports import state as s
from partita.ports.state import State, Status
from partita.rules import activities, decision_tasks, executions, external, lambdas, pauses, timers
from partita.rules import commands as c
from partita.rules.draft import Draft


def decide(state: State, command: c.Command, now: float) -> c.Change:
    """Return what `command` does to the execution at `now` (seconds since the epoch).

    Pure: neither `state` nor anything else changes; apply the change with `apply`.

    Raises:
        ExecutionNotFoundError: the execution is closed.
        TaskLostError: the task is closed, or another worker holds it.
        DecisionRefusedError: the list of decisions contradicts itself.
    """
    if state.progress.status is not Status.OPEN:
        raise _closed(state, command)
    draft = Draft(state, now)
    _HANDLERS[type(command)](draft, command)
    return draft.change()


def apply(state: State, change: c.Change) -> None:
    """Make `change`, decided on this very state, true in it."""
    if change.progress.search_attributes is not state.progress.search_attributes:
        state.reindex = True
    state.progress = change.progress
    state.new_events += change.events
    if state.tail is not None:
        state.tail += change.events
    is_paused = change.progress.paused is not None
    for item in change.put:
        state.put(pauses.parked(item) if is_paused else item)
    for key in change.drop:
        state.drop(key)
    if state.is_closed:
        state.items.clear()
        state.changed.clear()


def _closed(state: State, command: c.Command) -> Exception:
    id, run_id = state.execution.workflow_id, state.execution.run_id
    if isinstance(command, _OUTSIDE):
        return closed_error(id, run_id, state.progress.status.name)
    return TaskLostError(f"execution {id} (run {run_id}) is closed; the task is no longer wanted")


_OUTSIDE = (c.Start, c.Signal, c.RequestCancel, c.Terminate, c.Pause, c.Resume)
"""Commands of those who know an execution by its ids."""


def _due(draft: Draft, command: c.Due) -> None:
    item = draft.get(command.kind, command.id)
    if item is None or (not command.early and (item.due is None or item.due > draft.now)):
        return
    match item:
        case s.OpenTimer():
            timers.end_timer(draft, item, TimerFired)
            draft.wake()
        case s.OpenActivity():
            activities.activity_due(draft, item)
        case s.OpenDecision():
            decision_tasks.decision_due(draft, item)
        case s.OpenLambda():
            lambdas.lambda_due(draft, item)
        case s.OpenExecution():
            executions.execution_due(draft)


def _reused(draft: Draft, command: c.Reused) -> None:
    draft.fields.update(reused=command.event_id, reused_signals=command.signal_id)


def _release(draft: Draft, command: c.Release) -> None:
    if command.kind == "decision":
        decision_tasks.release_decision(draft, command)
    else:
        activities.release_activity(draft, command)


_HANDLERS: dict[type[c.Command], Callable[[Draft, Any], None]] = {
    c.Start: executions.start,
    c.Signal: executions.signal,
    c.RequestCancel: executions.request_cancel,
    c.Terminate: executions.terminate,
    c.StartDecisionTask: decision_tasks.start_decision_task,
    c.CompleteDecisionTask: decision_tasks.complete_decision_task,
    c.FailDecisionTask: decision_tasks.fail_decision_task,
    c.StartActivityTask: activities.start_activity_task,
    c.CompleteActivityTask: activities.complete_activity_task,
    c.FailActivityTask: activities.fail_activity_task,
    c.CancelActivityTask: activities.cancel_activity_task,
    c.Heartbeat: activities.heartbeat,
    c.LetGoActivityTask: activities.let_go_activity_task,
    c.StartLambdaFunction: lambdas.start_lambda,
    c.CompleteLambdaFunction: lambdas.complete_lambda,
    c.FailLambdaFunction: lambdas.fail_lambda,
    c.Release: _release,
    c.Pause: pauses.pause,
    c.Resume: pauses.resume,
    c.Park: pauses.park,
    c.Unpark: pauses.unpark,
    c.Due: _due,
    c.Reused: _reused,
    c.ChildStarted: external.child_started,
    c.ChildNotStarted: external.child_not_started,
    c.ChildClosed: external.child_closed,
    c.ExternalAnswered: external.external_answered,
}
