"""Describe tasks to those who take them, with tokens that stand for them.

A token holds run key, start of the run id, started event id and item id.
"""

from __future__ import annotations

import re

from partita.errors import InvalidTokenError
from partita.history import AnyEvent, WorkflowExecution
from partita.ports.service import ActivityTask, DecisionTask
from partita.ports.state import OpenActivity, State

_TOKEN = re.compile(r"(\d{1,18}):([^:]{8}):(\d{1,18}):(.*)", re.ASCII | re.DOTALL)


def activity_task(state: State, item: OpenActivity) -> ActivityTask:
    """Return the task for an activity that was just started."""
    execution = state.execution
    return ActivityTask(
        token=make_token(state, item.started_event_id, item.id),
        workflow_execution=WorkflowExecution(execution.workflow_id, execution.run_id),
        activity_id=item.id,
        activity_type=item.activity_type,
        started_event_id=item.started_event_id,
        attempt=item.attempt,
        losses=item.losses,
        input=item.input,
        details=item.details,
        start_to_close=item.start_to_close,
        heartbeat=item.heartbeat,
        domain=execution.domain,
        trace_context=execution.trace_context,
    )


def decision_task(state: State, events: list[AnyEvent], started_event_id: int) -> DecisionTask:
    """Return a decision task with the events that the decider has not seen, or with all."""
    execution = state.execution
    return DecisionTask(
        token=make_token(state, started_event_id),
        workflow_execution=WorkflowExecution(execution.workflow_id, execution.run_id),
        workflow_type=execution.workflow_type,
        started_event_id=started_event_id,
        previous_started_event_id=state.progress.previous_started_event_id,
        events=events,
        domain=execution.domain,
        trace_context=execution.trace_context,
    )


def make_token(state: State, started_event_id: int, id: str = "") -> str:
    """Return the token of a task that was just started."""
    return f"{state.run}:{state.execution.run_id[:8]}:{started_event_id}:{id}"


def parse_token(token: str) -> tuple[int, str, int, str]:
    """Return run, start of the run id, started event id and item id.

    Raises:
        InvalidTokenError: it is not of that form.
    """
    found = _TOKEN.fullmatch(token) if isinstance(token, str) else None
    if found is not None:
        run, run_id, started, id = found.groups()
        return int(run), run_id, int(started), id
    shown = repr(token[:40]) if isinstance(token, str) else f"{token!r:.40}"
    raise InvalidTokenError(f"not a task token of this service: {shown}")
