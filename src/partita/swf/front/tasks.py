"""Operations on tasks: what a poll is given, and what is answered.

A decision task comes with the first page of its events; the others are asked for by further polls.

Source: Amazon SWF API Reference (2012-01-25), PollForDecisionTask, PollForActivityTask and the
Respond… actions.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from msgspec import Struct, to_builtins

from partita.aws.faults import ValidationFault
from partita.aws.json_protocol import Answer
from partita.aws.long_polls import HandOut
from partita.aws.shapes import Members
from partita.errors import TaskLostError
from partita.history import AnyEvent
from partita.ports.session import Session
from partita.ports.state import Execution, OpenActivity, State
from partita.rules import commands as c
from partita.swf.faults import UnknownResourceFault
from partita.swf.front.decision_requests import read_decisions
from partita.swf.front.executions import terminate_if_too_long, unknown_execution
from partita.swf.front.front import Front, Write
from partita.swf.wire_format import event_to_swf, execution_to_swf, seconds, type_to_swf

TOKEN_ID_LIMIT = 300
"""Bytes of an activity id beyond which a token, whose length is limited, does without it."""


# -- activities


def start_activity(
    front: Front, session: Session, state: State, id: str, request: Members
) -> Answer:
    """Hand an activity to a poll; None if its task list has no room for another."""
    if not session.start_activity(state, id, request.get("identity", "")):
        return None
    item = state.get("activity", id)
    assert isinstance(item, OpenActivity)
    named = id if len(id.encode()) <= TOKEN_ID_LIMIT else ""
    token = session.token(state, item.started_event_id, named)
    answer: Members = {
        "taskToken": front.seal.close("activity", token),
        "activityId": id,
        "startedEventId": item.started_event_id,
        "workflowExecution": execution_to_swf(state.execution),
        "activityType": type_to_swf(item.activity_type),
    }
    return answer if item.input is None else {**answer, "input": item.input}


def _lost(session: Session, state: State, started: int, task: str) -> UnknownResourceFault:
    """Return Amazon's fault for a task that is over, or whose execution is closed."""
    if state.is_closed:
        return unknown_execution(state.execution.workflow_id, state.execution.run_id)
    begun = next(iter(session.events(state, started - 1)), None)
    scheduled = getattr(begun, "scheduled_event_id", 0)
    return UnknownResourceFault(f"Unknown {task}, scheduledEventId = {scheduled}")


def _on_activity(
    front: Front, session: Session, token: str, make: Callable[[str, int], c.Command]
) -> tuple[State, str]:
    """Do a command on the activity of a token; return its execution's state and its id.

    Raises:
        ValidationFault: it is no token of an activity.
        UnknownResourceFault: the activity is over.
    """
    state, started, id = session.held(front.seal.open("activity", token))
    if not id and not state.is_closed:
        held = (one for one in session.items(state) if isinstance(one, OpenActivity))
        id = next((one.id for one in held if one.started_event_id == started), "")
    try:
        session.do(state, make(id, started))
    except TaskLostError as error:
        raise _lost(session, state, started, "activity") from error
    return state, id


def _end_activity(
    front: Front, session: Session, request: Members, command: type[c.Command], *names: str
) -> Answer:
    """Do a command with these members of the request."""
    given: dict[str, Any] = {name: request.get(name) for name in names}

    def make(id: str, started: int) -> c.Command:
        return command(activity_id=id, started_event_id=started, **given)

    _on_activity(front, session, request["taskToken"], make)
    return None


def respond_activity_task_completed(front: Front, session: Session, request: Members) -> Answer:
    """Record an activity's result."""
    return _end_activity(front, session, request, c.CompleteActivityTask, "result")


def respond_activity_task_failed(front: Front, session: Session, request: Members) -> Answer:
    """Record an activity's error."""
    return _end_activity(front, session, request, c.FailActivityTask, "reason", "details")


def respond_activity_task_canceled(front: Front, session: Session, request: Members) -> Answer:
    """Record that an activity obeyed a cancel request."""
    return _end_activity(front, session, request, c.CancelActivityTask, "details")


def record_activity_task_heartbeat(front: Front, session: Session, request: Members) -> Answer:
    """Record that an activity is alive; return whether it should cancel itself."""
    details = request.get("details")

    def beat(id: str, started: int) -> c.Command:
        return c.Heartbeat(activity_id=id, started_event_id=started, details=details)

    state, id = _on_activity(front, session, request["taskToken"], beat)
    item = state.get("activity", id)
    asked = isinstance(item, OpenActivity) and item.cancel_requested_event_id > 0
    return {"cancelRequested": asked}


# -- decisions


class Started(Struct, frozen=True, array_like=True):
    """A decision task that was handed out, and what its poll asked for."""

    token: str  # the session's
    workflow_id: str
    run_id: str
    event_id: int  # of its DecisionTaskStarted, the last event that it shows
    previous: int  # of that of the last answered task; 0: there is none
    first: int  # the first event that it shows


def start_decision(
    front: Front, session: Session, state: State, _: str, request: Members
) -> Answer:
    """Hand a decision task to a poll, with the first page of its history."""
    previous = state.progress.previous_started_event_id
    session.do(state, c.StartDecisionTask(identity=request.get("identity")))
    execution, event_id = state.execution, state.progress.last_event_id
    started = Started(
        token=session.token(state, event_id),
        workflow_id=execution.workflow_id,
        run_id=execution.run_id,
        event_id=event_id,
        previous=previous,
        first=previous if request.get("startAtPreviousStartedEvent") and previous else 1,
    )
    place = event_id if request.get("reverseOrder") else started.first
    events = session.events(state, started.first - 1)
    return _page(front, request, started, execution, events, place)


def next_page(front: Front, request: Members) -> Answer:
    """Return a decision task again, with a further page of its events.

    Raises:
        ValidationFault: the token is not ours, or belongs to a poll for something else.
    """
    content, place = front.pager.place(_POLL, _asked(request))
    started = Started(*content)
    record = front.committed.find(request["domain"], started.workflow_id, started.run_id)
    if record is None:
        raise ValidationFault("Invalid page token: its execution is not kept any more")
    low = started.first if request.get("reverseOrder") else place
    events = front.committed.events(record.run, low - 1)
    return _page(front, request, started, record.execution, events, place)


def _page(
    front: Front,
    request: Members,
    started: Started,
    execution: Execution,
    events: Sequence[AnyEvent],
    place: int,
) -> Answer:
    """Return the task with those of its events that belong on the page that begins at `place`."""
    size = front.pager.size(request)
    backwards = request.get("reverseOrder", False)
    low = max(started.first, place - size + 1) if backwards else place
    high = place if backwards else min(started.event_id, place + size - 1)
    shown = [event_to_swf(event) for event in events if low <= event.event_id <= high]
    answer: Members = {
        "taskToken": front.seal.close("decision", started.token),
        "startedEventId": started.event_id,
        "previousStartedEventId": started.previous,
        "workflowExecution": execution_to_swf(execution),
        "workflowType": type_to_swf(execution.workflow_type),
        "events": shown[::-1] if backwards else shown,
    }
    following = low - 1 if backwards else high + 1
    if started.first <= following <= started.event_id:
        answer |= front.pager.after(_POLL, _asked(request), [to_builtins(started), following])
    return answer


_POLL = "PollForDecisionTask"


def _asked(request: Members) -> Members:
    """Return what must be the same from page to page, and the token."""
    names = ("domain", "taskList", "reverseOrder", "nextPageToken")
    return {name: request[name] for name in names if request.get(name)}


def respond_decision_task_completed(front: Front, session: Session, request: Members) -> Answer:
    """Apply all the decisions; each that SWF would refuse is recorded as an event."""
    state, started, _ = session.held(front.seal.open("decision", request["taskToken"]))
    decisions, refusals = read_decisions(session, state, request.get("decisions", []))
    task_list = request.get("taskList")
    schedule_to_start = request.get("taskListScheduleToStartTimeout")
    answer = c.CompleteDecisionTask(
        started_event_id=started,
        decisions=decisions,
        execution_context=request.get("executionContext"),
        task_list=None if task_list is None else task_list["name"],
        task_list_schedule_to_start=seconds(schedule_to_start) if task_list else None,
        refusals=refusals,
        terms=front.terms,
    )
    try:
        session.do(state, answer)
    except TaskLostError as error:
        raise _lost(session, state, started, "decision task") from error
    terminate_if_too_long(front, session, state)
    return None


def hand_out(front: Front) -> dict[str, HandOut]:
    """Return what hands tasks to polls, by the kind of task."""

    def handing(
        start: Callable[[Front, Session, State, str, Members], Answer],
    ) -> HandOut:
        def hand(
            session: Session, state: State, id: str, request: Members
        ) -> tuple[Answer, int] | None:
            answer = start(front, session, state, id, request)
            return None if answer is None else (answer, answer["startedEventId"])

        return hand

    return {"activity": handing(start_activity), "decision": handing(start_decision)}


WRITES: dict[str, Write] = {
    "RespondActivityTaskCompleted": respond_activity_task_completed,
    "RespondActivityTaskFailed": respond_activity_task_failed,
    "RespondActivityTaskCanceled": respond_activity_task_canceled,
    "RecordActivityTaskHeartbeat": record_activity_task_heartbeat,
    "RespondDecisionTaskCompleted": respond_decision_task_completed,
}
