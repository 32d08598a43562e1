"""Let executions that have not succeeded go on with the state in which they ended.

The execution goes on in another run of its workflow. A Parallel or Map state begins anew.

Source: AWS Step Functions API Reference (2016-11-23), RedriveExecution.
"""

from __future__ import annotations

import json
from typing import Any

import msgspec
from msgspec.structs import replace

from partita.aws.json_protocol import Answer
from partita.aws.shapes import Members
from partita.ports.service import ReusePolicy, StartRequest
from partita.ports.session import Session
from partita.ports.state import Status
from partita.stepfunctions import arns
from partita.stepfunctions.execution.beginning import TASK_LIST, WORKFLOW_TYPE, Beginning, Redrive
from partita.stepfunctions.execution.projection import project
from partita.stepfunctions.execution.recorder import Recorder
from partita.stepfunctions.execution.records import STATUSES
from partita.stepfunctions.execution.workflow import EVENT_LIMIT
from partita.stepfunctions.faults import ExecutionNotRedrivable
from partita.stepfunctions.front.executions import (
    REDRIVABLE,
    REDRIVES,
    STARTED,
    first_start,
    record_of,
    redrive_count,
)
from partita.stepfunctions.front.front import Front


def plan(front: Front, request: Members) -> StartRequest:
    """Return how an execution would go on, from what is committed.

    Raises:
        ExecutionNotRedrivable: it runs, has succeeded, or was not started through the API.
    """
    arn = front.names.parse(request["executionArn"], arns.EXECUTION)
    record = record_of(front.committed, arn)
    beginning = front.beginning(record)
    if beginning is None or record.progress.status not in REDRIVABLE:
        raise _not_redrivable(record.progress.status)
    recorder = project(front.committed, record, front.token)
    if recorder.last_id >= EVENT_LIMIT - 1:
        raise ExecutionNotRedrivable("Execution history has no room for more events")
    count = redrive_count(record) + 1
    redrive = _redrive(beginning, recorder, count, record.execution.run_id, first_start(record))
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


def redrive_execution(session: Session, start: StartRequest) -> Answer:
    """Let an execution go on as it was planned.

    Raises:
        ExecutionNotRedrivable: it has gone on in the meantime.
    """
    state = session.find(start.domain, start.workflow_id)
    if state is not None and state.progress.status not in REDRIVABLE:
        raise _not_redrivable(state.progress.status)
    session.start(start)
    return {"redriveDate": session.now}


def _redrive(
    beginning: Beginning, recorder: Recorder, count: int, run_id: str, started_at: float
) -> Redrive:
    """Return where an execution goes on: with the last state of the machine that it entered."""
    machine: Any = json.loads(beginning.definition)
    state, input = machine["StartAt"], json.loads(beginning.input)
    variables: dict[str, Any] = {}
    for event in recorder.events:
        name = event.details.get("name")
        if name in machine["States"] and event.type.endswith("StateEntered"):
            state, input = name, event.details["input"]
        elif name in machine["States"] and event.type.endswith("StateExited"):
            variables |= event.details.get("assignedVariables", {})
    return Redrive(
        count=count,
        run_id=run_id,
        events=recorder.last_id,
        started_at=started_at,
        state=state,
        input=input,
        variables=variables,
    )
