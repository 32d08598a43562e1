"""Operations on tasks: what a poll is given, and what is answered.

Source: Amazon SWF API Reference (2012-01-25), PollForDecisionTask, PollForActivityTask and the
Respond… actions.
"""

from __future__ import annotations

from typing import Any

from partita.aws.names import execution_to_swf, seconds, type_to_swf
from partita.errors import TaskLostError
from partita.history import WorkflowExecution
from partita.ports.session import Session
from partita.ports.state import OpenActivity, State
from partita.rules import commands as c
from partita.swf.front.decision_requests import decided
from partita.swf.front.executions import end_if_too_long
from partita.swf.front.history_pages import Started, first_page
from partita.swf.front.operations import Answer, Front, Given, writes

LONG = 300
"""Bytes of an activity id beyond which a token, whose length is limited, does without it."""


def _execution(state: State) -> dict[str, str]:
    execution = state.execution
    return execution_to_swf(WorkflowExecution(execution.workflow_id, execution.run_id))


# -- activities


def start_activity(front: Front, session: Session, state: State, id: str, given: Given) -> Answer:
    """Hand an activity to a poll; None if its task list has no room for another."""
    if not session.start_activity(state, id, given.get("identity", "")):
        return None
    item = state.get("activity", id)
    assert isinstance(item, OpenActivity)
    named = id if len(id.encode()) <= LONG else ""
    token = session.token(state, item.started_event_id, named)
    answer: Given = {
        "taskToken": front.seal.close("activity", token),
        "activityId": id,
        "startedEventId": item.started_event_id,
        "workflowExecution": _execution(state),
        "activityType": type_to_swf(item.activity_type),
    }
    return answer if item.input is None else {**answer, "input": item.input}


def held_activity(front: Front, session: Session, token: str) -> tuple[State, int, str]:
    """Return what the token of an activity stands for: state, started event id, activity id.

    Raises:
        ValidationFault: it is no token of an activity.
        TaskLostError: the activity is over.
    """
    state, started, id = session.held(front.seal.open("activity", token))
    if id or state.is_closed:
        return state, started, id
    for item in session.items(state):
        if isinstance(item, OpenActivity) and item.started_event_id == started:
            return state, started, item.id
    raise TaskLostError("the activity is closed, timed out, or was given to another worker")


def _answer(
    front: Front, session: Session, given: Given, make: type[c.Command], **more: Any
) -> Answer:
    state, started, id = held_activity(front, session, given["taskToken"])
    session.do(state, make(activity_id=id, started_event_id=started, **more))
    return None


@writes("RespondActivityTaskCompleted")
def respond_activity_task_completed(front: Front, session: Session, given: Given) -> Answer:
    """Record an activity's result."""
    return _answer(front, session, given, c.CompleteActivityTask, result=given.get("result"))


@writes("RespondActivityTaskFailed")
def respond_activity_task_failed(front: Front, session: Session, given: Given) -> Answer:
    """Record an activity's error."""
    reason, details = given.get("reason"), given.get("details")
    return _answer(front, session, given, c.FailActivityTask, reason=reason, details=details)


@writes("RespondActivityTaskCanceled")
def respond_activity_task_canceled(front: Front, session: Session, given: Given) -> Answer:
    """Record that an activity obeyed a cancel request."""
    return _answer(front, session, given, c.CancelActivityTask, details=given.get("details"))


@writes("RecordActivityTaskHeartbeat")
def record_activity_task_heartbeat(front: Front, session: Session, given: Given) -> Answer:
    """Record that an activity is alive; say whether it should cancel itself."""
    state, started, id = held_activity(front, session, given["taskToken"])
    details = given.get("details")
    session.do(state, c.Heartbeat(activity_id=id, started_event_id=started, details=details))
    item = state.get("activity", id)
    asked = isinstance(item, OpenActivity) and item.cancel_requested_event_id > 0
    return {"cancelRequested": asked}


# -- decisions


def start_decision(front: Front, session: Session, state: State, id: str, given: Given) -> Answer:
    """Hand a decision task to a poll, with the first page of its history."""
    previous = state.progress.previous_started_event_id
    session.do(state, c.StartDecisionTask(identity=given.get("identity")))
    started = state.progress.last_event_id
    floor = previous if given.get("startAtPreviousStartedEvent") and previous else 1
    execution = state.execution
    task = Started(
        token=session.token(state, started),
        workflow_id=execution.workflow_id,
        run_id=execution.run_id,
        event_id=started,
        previous=previous,
        floor=floor,
    )
    return first_page(front, given, task, execution, session.events(state, floor - 1))


@writes("RespondDecisionTaskCompleted")
def respond_decision_task_completed(front: Front, session: Session, given: Given) -> Answer:
    """Apply all the decisions; those that SWF would refuse become events that say so."""
    state, started, _ = session.held(front.seal.open("decision", given["taskToken"]))
    decisions, refusals = decided(session, state, given.get("decisions", []))
    task_list = given.get("taskList")
    patience = given.get("taskListScheduleToStartTimeout")
    session.do(
        state,
        c.CompleteDecisionTask(
            started_event_id=started,
            decisions=decisions,
            execution_context=given.get("executionContext"),
            task_list=None if task_list is None else task_list["name"],
            task_list_schedule_to_start=seconds(patience) if task_list else None,
            refusals=refusals,
            terms=front.terms,
        ),
    )
    end_if_too_long(front, session, state)
    return None
