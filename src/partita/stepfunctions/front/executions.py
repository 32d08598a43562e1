"""Operations on executions: describe, list, stop, read the history.

Source: AWS Step Functions API Reference (2016-11-23), DescribeExecution and its neighbours.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from itertools import islice
from typing import Any

from msgspec.structs import replace

from partita.asl.child_executions import PAGE_PREFIX
from partita.asl.machines import recorded_definition, role_of
from partita.aws.faults import ValidationFault
from partita.aws.json_protocol import Answer
from partita.aws.shapes import Members
from partita.history import WorkflowExecution
from partita.ports.session import Committed, Session
from partita.ports.state import ExecutionFilter, State, Status
from partita.ports.store import Record
from partita.rules.commands import Terminate
from partita.stepfunctions import arns
from partita.stepfunctions.arns import Arn
from partita.stepfunctions.execution.beginning import (
    DOMAIN,
    EXPRESS,
    WORKFLOW_TYPE,
    Beginning,
    parts_of,
)
from partita.stepfunctions.execution.events import event_to_api
from partita.stepfunctions.execution.projection import project
from partita.stepfunctions.execution.recorder import Recorder
from partita.stepfunctions.execution.records import (
    STATUSES,
    Result,
    is_served,
    result_of,
    stop_date,
)
from partita.stepfunctions.faults import (
    ExecutionDoesNotExist,
    StateMachineDoesNotExist,
    StateMachineTypeNotSupported,
)
from partita.stepfunctions.front.awaited_executions import awaited_executions
from partita.stepfunctions.front.catalogue import Machine, Revision, find
from partita.stepfunctions.front.front import Front, Read, Write
from partita.stepfunctions.front.state_machines import revision_to_api

REDRIVES, STARTED = "redriveCount", "startedAt"
"""Search attributes of executions that were redriven."""

REDRIVABLE = (Status.FAILED, Status.TERMINATED, Status.TIMED_OUT, Status.CANCELED)

REDRIVE_SECONDS = 14 * 24 * 3600.0
"""Seconds after its end within which an execution can be redriven."""

LONGEST_SECONDS = 365 * 24 * 3600.0
"""Seconds after its first start within which an execution can be redriven."""


def workflow_ids(arn: Arn) -> tuple[str, ...]:
    """Return the workflow ids that an execution may have; `partita run` gives the plain name."""
    return (f"{arn.name}:{arn.rest}", arn.rest)


def record_of(committed: Committed, arn: Arn) -> Record:
    """Return an execution. Raises ExecutionDoesNotExist."""
    for workflow_id in workflow_ids(arn):
        record = committed.find(DOMAIN, workflow_id, None)
        if record is not None and machine_name(record) == arn.name:
            return record
    raise ExecutionDoesNotExist(arn.rest)


def machine_name(record: Record) -> str:
    """Return the name of an execution's machine."""
    if is_served(record):
        return parts_of(record.execution.workflow_id)[0]
    return record.execution.workflow_type.name


def name_of(record: Record) -> str:
    """Return an execution's name."""
    if is_served(record):
        return parts_of(record.execution.workflow_id)[1]
    return record.execution.workflow_id


def _found(front: Front, request: Members) -> tuple[Arn, Record]:
    arn = front.names.parse(request["executionArn"], arns.EXECUTION)
    return arn, record_of(front.committed, arn)


def describe_execution(front: Front, request: Members) -> Answer:
    """Return an execution with its input and its result."""
    _, record = _found(front, request)
    beginning = front.beginning(record)
    answer = {
        "executionArn": request["executionArn"],
        **_item(front, record),
        **_redrivable(record, front.clock()),
    }
    if beginning is not None and beginning.trace_header is not None:
        answer["traceHeader"] = beginning.trace_header
    result = Result()
    if record.progress.status is not Status.OPEN:
        result = result_of(front.committed, record)
    has_data = request.get("includedData") != "METADATA_ONLY"
    return answer | data_to_api(_input(front, record, beginning), result, has_data=has_data)


def _input(front: Front, record: Record, beginning: Beginning | None) -> str:
    if beginning is not None:
        return beginning.input
    first: Any = front.committed.events(record.run, 0)[0]
    text: str = first.input or "[{}]"
    return text[1:-1] or "{}"


def data_to_api(input: str, result: Result, *, has_data: bool) -> Members:
    """Return the members of an execution with its input and its result."""
    answer: Members = {}
    if has_data:
        answer |= {"input": input, "inputDetails": {"included": True}}
        if result.output is not None:
            answer |= {"output": result.output, "outputDetails": {"included": True}}
    if result.error is not None:
        answer["error"] = result.error
    if result.cause is not None:
        answer["cause"] = result.cause
    return answer


def redrive_count(record: Record) -> int:
    """Return how many times an execution was redriven."""
    return int(record.progress.search_attributes.get(REDRIVES, 0))


def first_start(record: Record) -> float:
    """Return when an execution began at first, in seconds since the epoch."""
    return float(record.progress.search_attributes.get(STARTED, record.execution.started_at))


def redrive_problem(record: Record, now: float) -> str | None:
    """Return why an execution cannot be redriven, in AWS's words; None if it can."""
    status = record.progress.status
    if status not in REDRIVABLE:
        return f"Execution is {STATUSES[status]} and cannot be redriven"
    if now - first_start(record) > LONGEST_SECONDS:
        return "Execution has exceeded the max execution time"
    if now - (stop_date(record) or now) > REDRIVE_SECONDS:
        return "Execution redrivable period exceeded"
    return None


def _redrivable(record: Record, now: float) -> Members:
    reason = redrive_problem(record, now)
    if reason is None:
        return {"redriveStatus": "REDRIVABLE"}
    return {"redriveStatus": "NOT_REDRIVABLE", "redriveStatusReason": reason}


def _item(front: Front, record: Record) -> Members:
    """Return an execution as lists show it."""
    machine, name = machine_name(record), name_of(record)
    answer: Members = {
        "executionArn": front.names.arn(arns.EXECUTION, machine, name),
        "stateMachineArn": front.names.arn(arns.MACHINE, machine),
        "name": name,
        "status": STATUSES[record.progress.status],
        "startDate": first_start(record),
        "redriveCount": redrive_count(record),
    }
    if answer["redriveCount"]:
        answer["redriveDate"] = record.execution.started_at
    for tag in record.execution.tag_list[1:]:
        which = tag.rpartition(":")[2]
        kind = "Version" if which.isdecimal() else "Alias"
        answer[f"stateMachine{kind}Arn"] = front.names.arn(arns.MACHINE, tag)
    stopped = stop_date(record)
    return answer if stopped is None else {**answer, "stopDate": stopped}


def describe_state_machine_for_execution(front: Front, request: Members) -> Answer:
    """Return the machine as it was when the execution began."""
    _, record = _found(front, request)
    revision, machine = revision_of(front, record), machine_name(record)
    return {
        "stateMachineArn": front.names.arn(arns.MACHINE, machine),
        "name": machine,
        "updateDate": revision.updated_at,
        **revision_to_api(revision, request),
    }


def revision_of(front: Front, record: Record) -> Revision:
    """Return what an execution runs; one of `partita run` has recorded its definition.

    Raises:
        ExecutionDoesNotExist: it is not of a machine, or has not recorded that yet.
    """
    beginning = front.beginning(record)
    if beginning is not None:
        return Revision(
            definition=beginning.definition,
            role_arn=beginning.role_arn,
            id=beginning.revision_id,
            updated_at=beginning.updated_at,
            settings=beginning.settings,
        )
    recorded = recorded_definition(front.committed.events(record.run, 0))
    if recorded is None:
        raise ExecutionDoesNotExist(name_of(record))
    definition, account = recorded
    started_at = record.execution.started_at
    return Revision(definition=definition, role_arn=role_of(account), updated_at=started_at)


def stop_execution(front: Front, session: Session, request: Members) -> Answer:
    """End an execution at once; one that is closed stays as it is."""
    arn = front.names.parse(request["executionArn"], arns.EXECUTION)
    record_of(front.committed, arn)
    state = next(filter(None, (session.find(DOMAIN, id) for id in workflow_ids(arn))), None)
    if state is None:
        raise ExecutionDoesNotExist(arn.rest)
    if state.is_closed:
        return {"stopDate": state.progress.closed_at}
    _terminate(session, state, Terminate(reason=request.get("error"), details=request.get("cause")))
    return {"stopDate": session.now}


def _terminate(session: Session, state: State, command: Terminate) -> None:
    """End an execution, and those that its tasks have started and wait for."""
    waiting = awaited_executions(session, state)
    execution = WorkflowExecution(state.execution.workflow_id, state.execution.run_id)
    session.do(session.open(DOMAIN, execution), command)
    for inner in waiting:
        _terminate(session, inner, Terminate())


def get_execution_history(front: Front, request: Members) -> Answer:
    """Return one page of the events that AWS would have recorded."""
    _, record = _found(front, request)
    return history_page(front, request, project(front.committed, record, front.token))


def history_page(front: Front, request: Members, recorder: Recorder) -> Answer:
    """Return one page of recorded events."""
    has_data = request.get("includeExecutionData", True)
    rows = [(one.id, one) for one in recorder.events]
    backwards = bool(request.get("reverseOrder"))
    found, more = front.page(
        "GetExecutionHistory", request, rows[::-1] if backwards else rows, backwards=backwards
    )
    return {"events": [event_to_api(one, has_data=has_data) for one in found], **more}


# -- lists


def check_which(request: Members) -> None:
    """Raise ValidationFault unless a request names either a machine or a map run, and filters."""
    if ("stateMachineArn" in request) == ("mapRunArn" in request):
        raise ValidationFault("Must specify exactly one of stateMachineArn and mapRunArn")
    if "stateMachineArn" in request and "redriveFilter" in request:
        raise ValidationFault("redriveFilter can only be specified with mapRunArn")
    if "stateMachineArn" in request and request.get("statusFilter") == "PENDING_REDRIVE":
        raise ValidationFault("The status PENDING_REDRIVE can only be specified with mapRunArn")


def list_executions(front: Front, request: Members) -> Answer:
    """List the executions of a machine, a version or an alias, newest first."""
    check_which(request)
    text = request["stateMachineArn"]
    arn = front.names.parse(text, arns.MACHINE)
    machine = find(front.committed, Machine, arn.name)
    if machine is None:
        raise StateMachineDoesNotExist(text)
    if machine.type == EXPRESS:
        raise StateMachineTypeNotSupported()
    most = (request.get("maxResults") or front.limits.default_page) + 1
    rows = [(one.run, one) for one in islice(_newest_first(front, request, arn, most), most)]
    found, more = front.page("ListExecutions", request, rows, backwards=True)
    return {"executions": [_item(front, one) for one in found], **more}


def _newest_first(front: Front, request: Members, arn: Arn, chunk: int) -> Iterator[Record]:
    """Yield the executions of a machine that a request means, from its page on."""
    statuses = _statuses(request)
    if statuses == ():
        return
    before = front.place("ListExecutions", request)
    wanted = ExecutionFilter(domain=DOMAIN, limit=chunk, before_run=before, statuses=statuses or ())
    tag = f"{arn.name}:{arn.rest}" if arn.rest else arn.name
    filters = [replace(wanted, type_name=WORKFLOW_TYPE.name, tag=tag)]
    if not arn.rest:  # those of `partita run`
        filters.append(replace(wanted, type_name=arn.name))
    sources = [read_executions(front, one) for one in filters]
    for record in heapq.merge(*sources, key=lambda one: -one.run):
        workflow_id = record.execution.workflow_id
        newest = front.committed.find(DOMAIN, workflow_id, None)
        is_current = newest is not None and newest.run == record.run  # or was redriven
        if is_current and not workflow_id.startswith(PAGE_PREFIX):
            yield record


def _statuses(request: Members) -> tuple[Status, ...] | None:
    """Return the statuses that are wanted; None: all."""
    wanted = request.get("statusFilter")
    if wanted is None:
        return None
    return tuple(one for one, name in STATUSES.items() if name == wanted)


def read_executions(front: Front, wanted: ExecutionFilter) -> Iterator[Record]:
    """Yield all executions that a filter means; its limit is what is read at a time."""
    while True:
        records = front.committed.executions(wanted)
        yield from records
        if len(records) < wanted.limit:
            return
        wanted = replace(wanted, before_run=records[-1].run)


WRITES: dict[str, Write] = {"StopExecution": stop_execution}
READS: dict[str, Read] = {
    "DescribeExecution": describe_execution,
    "DescribeStateMachineForExecution": describe_state_machine_for_execution,
    "GetExecutionHistory": get_execution_history,
    "ListExecutions": list_executions,
}
