"""Redrive executions that have not succeeded from the state in which they ended.

The execution goes on in another run of its workflow. Branches of a Parallel state, iterations of an
inline Map state and child executions of a distributed one that have succeeded are not run again.

Source: AWS Step Functions API Reference (2016-11-23), RedriveExecution.
"""

from __future__ import annotations

import json

import msgspec
from msgspec.structs import replace

from partita.asl.resumption import Resumption
from partita.asl.trail import EVENT_LIMIT
from partita.aws.json_protocol import Answer
from partita.aws.shapes import Members
from partita.ports.service import ReusePolicy, StartRequest
from partita.ports.session import Session
from partita.ports.state import Status
from partita.ports.store import Record
from partita.stepfunctions import arns
from partita.stepfunctions.execution.beginning import TASK_LIST, WORKFLOW_TYPE, Beginning, Redrive
from partita.stepfunctions.execution.projection import project
from partita.stepfunctions.execution.recorder import Recorder
from partita.stepfunctions.execution.records import STATUSES, beginning_of
from partita.stepfunctions.faults import ExecutionNotRedrivable
from partita.stepfunctions.front.executions import (
    REDRIVES,
    STARTED,
    first_start,
    record_of,
    redrive_count,
    redrive_problem,
)
from partita.stepfunctions.front.front import Front

TOKENS = 10
"""Redrives whose client tokens are known."""

TOKEN_SECONDS = 15 * 60.0
"""Seconds for which a client token is known."""

Plan = StartRequest | float
"""How an execution would go on, or when it went on after the same request before."""


def plan(front: Front, request: Members) -> Plan:
    """Return how an execution would go on, from what is committed.

    Raises:
        ExecutionNotRedrivable: it runs, has succeeded, ended too long ago, or was not started
            through the API.
    """
    arn = front.names.parse(request["executionArn"], arns.EXECUTION)
    record = record_of(front.committed, arn)
    beginning = front.beginning(record)
    repeated = _repeated(front, record, request.get("clientToken"))
    if repeated is not None:
        return repeated
    problem = redrive_problem(record, front.clock())
    if problem is not None:
        raise ExecutionNotRedrivable(problem)
    if beginning is None:
        raise ExecutionNotRedrivable("Execution was not started by StartExecution")
    recorder = project(front.committed, record, front.token)
    if recorder.last_id >= EVENT_LIMIT - 1:
        raise ExecutionNotRedrivable("Execution history event limit exceeded")
    count = redrive_count(record) + 1
    rest = _rest(beginning, recorder)
    redrive = Redrive(
        count=count,
        run_id=record.execution.run_id,
        events=recorder.last_id,
        started_at=first_start(record),
        resumption=rest,
        client_token=request.get("clientToken"),
    )
    whole = replace(beginning, redrive=redrive)
    return StartRequest(
        workflow_id=record.execution.workflow_id,
        workflow_type=WORKFLOW_TYPE,
        input=msgspec.json.encode([whole]).decode(),
        task_list=TASK_LIST,
        execution_start_to_close=record.execution.execution_start_to_close,
        tag_list=record.execution.tag_list,
        search_attributes={REDRIVES: count, STARTED: redrive.started_at},
        reuse_policy=ReusePolicy.ALLOW_AFTER_FAILURE,
    )


def _not_redrivable(status: Status) -> ExecutionNotRedrivable:
    return ExecutionNotRedrivable(f"Execution is {STATUSES[status]} and cannot be redriven")


def _repeated(front: Front, record: Record | None, token: str | None) -> float | None:
    """Return when an execution went on by a request with the same token; None if it did not."""
    for _ in range(TOKENS):
        beginning = None if record is None or token is None else front.beginning(record)
        if record is None or beginning is None or beginning.redrive is None:
            return None
        execution, redrive = record.execution, beginning.redrive
        if front.clock() - execution.started_at > TOKEN_SECONDS:
            return None
        if redrive.client_token == token:
            return execution.started_at
        record = front.committed.find(execution.domain, execution.workflow_id, redrive.run_id)
    return None


def redrive_execution(session: Session, start: Plan) -> Answer:
    """Start the run that a redrive has planned; the same request at the same time starts one.

    Raises:
        ExecutionNotRedrivable: it has gone on in the meantime.
    """
    if isinstance(start, float):
        return {"redriveDate": start}
    state, planned = session.find(start.domain, start.workflow_id), _redrive_in(start.input)
    if state is not None and planned is not None and state.execution.run_id != planned.run_id:
        begun = beginning_of(session.events(state, 0)[:1])
        token = None if begun is None or begun.redrive is None else begun.redrive.client_token
        if token is None or token != planned.client_token:
            raise _not_redrivable(Status.OPEN)
        return {"redriveDate": state.execution.started_at}
    session.start(start)
    return {"redriveDate": session.now}


def _redrive_in(input: str | None) -> Redrive | None:
    whole: Beginning = msgspec.json.decode(input or "[]", type=list[Beginning])[0]
    return whole.redrive


def _rest(beginning: Beginning, recorder: Recorder) -> Resumption:
    """Return where an execution goes on: with the last state of the machine that it entered."""
    rest = None if recorder.root is None else recorder.root.progress()
    if rest is not None:
        return rest
    return Resumption(json.loads(beginning.definition)["StartAt"], json.loads(beginning.input))
