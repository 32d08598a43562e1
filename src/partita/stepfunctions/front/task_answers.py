"""Answer tasks by their tokens: those of activities, and those that wait for a callback.

A token is tied to one attempt. Once that is over, by an answer, a time limit or the end of its
execution, the token does nothing any more.

Source: AWS Step Functions API Reference (2016-11-23), SendTaskSuccess and its neighbours.
"""

from __future__ import annotations

import msgspec

from partita.authoring.failure import describe
from partita.aws.faults import ValidationFault
from partita.aws.json_protocol import Answer as ApiAnswer
from partita.aws.shapes import Members
from partita.errors import InvalidTokenError, TaskFailedError
from partita.history import WorkflowExecution
from partita.integrations.task_tokens import FAILURE, HEARTBEAT, SUCCESS, Answer, TaskToken
from partita.ports.session import Session
from partita.ports.state import OpenActivity, State
from partita.rules import commands as c
from partita.stepfunctions.execution.beginning import DOMAIN
from partita.stepfunctions.faults import (
    InvalidOutput,
    InvalidToken,
    TaskDoesNotExist,
    TaskTimedOut,
)
from partita.stepfunctions.front.activities import TOKEN
from partita.stepfunctions.front.front import Front, Write
from partita.stepfunctions.front.json_errors import json_problem
from partita.stepfunctions.front.tasks_over import over_in

_encode = msgspec.json.encode


def send_task_success(front: Front, session: Session, request: Members) -> ApiAnswer:
    """Complete a task."""
    problem = json_problem(request["output"])
    if problem is not None:
        raise InvalidOutput(problem)
    if len(request["output"].encode()) > front.limits.input:
        raise ValidationFault(f"the output has more than {front.limits.input} bytes")
    output = msgspec.json.decode(request["output"])
    activity = _activity(front, session, request["taskToken"])
    if activity is None:
        _signal(front, session, request, Answer(SUCCESS, output))
    else:
        state, item = activity
        text = _encode(output).decode()
        session.do(
            state,
            c.CompleteActivityTask(
                activity_id=item.id, started_event_id=item.started_event_id, result=text
            ),
        )
    return {}


def send_task_failure(front: Front, session: Session, request: Members) -> ApiAnswer:
    """Fail a task."""
    error, cause = request.get("error"), request.get("cause")
    activity = _activity(front, session, request["taskToken"])
    if activity is None:
        _signal(front, session, request, Answer(FAILURE, None, error, cause))
        return {}
    state, item = activity
    failure = describe(TaskFailedError(error, cause))
    session.do(
        state,
        c.FailActivityTask(
            activity_id=item.id,
            started_event_id=item.started_event_id,
            reason=failure.reason,
            details=_encode(failure).decode(),
        ),
    )
    return {}


def send_task_heartbeat(front: Front, session: Session, request: Members) -> ApiAnswer:
    """Tell that a task is worked on."""
    activity = _activity(front, session, request["taskToken"])
    if activity is None:
        _signal(front, session, request, Answer(HEARTBEAT))
        return {}
    state, item = activity
    session.do(
        state,
        c.Heartbeat(activity_id=item.id, started_event_id=item.started_event_id, details=None),
    )
    return {}


def _activity(front: Front, session: Session, token: str) -> tuple[State, OpenActivity] | None:
    """Return the activity's task that a token stands for; None if it is of another kind.

    Raises:
        TaskTimedOut: the task is over.
    """
    try:
        inner = front.seal.open(TOKEN, token)
    except ValidationFault:
        return None
    state, started, id = session.held(inner)
    item = None if state.is_closed else state.get("activity", id)
    if not isinstance(item, OpenActivity) or item.started_event_id != started:
        raise TaskTimedOut()
    return state, item


def _signal(front: Front, session: Session, request: Members, answer: Answer) -> None:
    """Send a task that waits for a callback its answer.

    Raises:
        InvalidToken: it is no token of ours.
        TaskDoesNotExist: the execution is not here.
        TaskTimedOut: the task is over.
    """
    try:
        token = TaskToken.parse(front.seal.open("task", request["taskToken"]))
    except (ValidationFault, InvalidTokenError) as error:
        raise InvalidToken("Invalid token") from error
    state = session.find(DOMAIN, token.workflow_id, token.run_id)
    if state is None:
        raise TaskDoesNotExist()
    if state.is_closed or _is_over(front, session, state, token.signal):
        raise TaskTimedOut()
    execution = WorkflowExecution(token.workflow_id, token.run_id)
    input = _encode(answer).decode()
    session.do(session.open(DOMAIN, execution), c.Signal(signal_name=token.signal, input=input))


def _is_over(front: Front, session: Session, state: State, signal: str) -> bool:
    """Return whether an answer has come already, or the attempt has ended without one."""
    known = front.over.known(state.execution.run_id)
    return signal in known.signals or signal in over_in(session.events(state, known.last_id))


def check_open(front: Front, request: Members) -> None:
    """Check that the attempt that a token was made for has not ended, by what is committed.

    Raises:
        TaskTimedOut: it was answered, has run out of time, or its state has ended otherwise.
    """
    try:
        token = TaskToken.parse(front.seal.open("task", request["taskToken"]))
    except (ValidationFault, InvalidTokenError):
        return
    record = front.committed.find(DOMAIN, token.workflow_id, token.run_id)
    if record is None:
        raise TaskDoesNotExist()
    if token.signal in front.over.read(front.committed, record).signals:
        raise TaskTimedOut()


WRITES: dict[str, Write] = {
    "SendTaskSuccess": send_task_success,
    "SendTaskFailure": send_task_failure,
    "SendTaskHeartbeat": send_task_heartbeat,
}
