"""Start executions for machines of the same endpoint: `states:startExecution`, also `.sync`.

The action runs in the endpoint's process, by the operations that the API has. A start that is
repeated after a crash finds the execution that it has started before.

Source: AWS Step Functions Developer Guide, "Start workflow executions from a task state".
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any

from partita.asl.frame import timestamp
from partita.asl.json_text import json_text
from partita.asl.tasks.integrations import (
    STOP,
    WAIT,
    Handler,
    activity_of,
    forget_integration,
    register_integration,
)
from partita.asl.tasks.jobs import AWAITED
from partita.authoring.context import ActivityInfo, activity_info
from partita.aws.faults import FaultError
from partita.aws.json_protocol import Answer
from partita.aws.shapes import Members
from partita.errors import TaskFailedError
from partita.history import WorkflowExecution
from partita.ports.capabilities import SupportsWaits, supports
from partita.ports.session import Session
from partita.ports.state import Status
from partita.stepfunctions import arns
from partita.stepfunctions.execution.beginning import DOMAIN
from partita.stepfunctions.faults import ExecutionAlreadyExists
from partita.stepfunctions.front.awaited_executions import (
    ACTION,
    STARTED_BY,
    start_request,
    starter,
)
from partita.stepfunctions.front.executions import (
    describe_execution,
    record_of,
    stop_execution,
)
from partita.stepfunctions.front.front import Front
from partita.stepfunctions.front.orphans import Orphans
from partita.stepfunctions.front.starts import start_execution

WAIT_SECONDS = 1.0
"""Seconds after which one who waits for an execution looks whether its own has ended."""

_TIMES = ("StartDate", "StopDate")
_OMITTED = ("RedriveCount", "RedriveStatus", "RedriveStatusReason", "RedriveDate")


def serve_nested(front: Front) -> Callable[[], None]:
    """Serve the starts of executions in this process; return a function that ends it."""
    actions: dict[str, Handler] = {
        ACTION: partial(_start, front),
        f"{ACTION}.sync": partial(_submit, front),
        f"{ACTION}.sync:2": partial(_submit, front),
        f"{ACTION}.{WAIT}": partial(_wait, front),
        f"{ACTION}.{STOP}": partial(_stop, front),
    }
    for name, handler in actions.items():
        register_integration(name, handler)
        activity_of(name)  # an execution may wait since before this process
    end_orphans = Orphans(front).begin()

    def end() -> None:
        end_orphans()
        for name in actions:
            forget_integration(name)

    return end


def _start(front: Front, parameters: Any) -> Members:
    """Start an execution; return what the API answers, as Task states see it."""
    answer = _started(front, parameters)
    moment = datetime.fromtimestamp(answer["startDate"], UTC)
    return {"ExecutionArn": answer["executionArn"], "StartDate": timestamp(moment)}


def _started(front: Front, parameters: Any, attributes: Members | None = None) -> Members:
    """Start an execution by its task's parameters; return what the API answers.

    Raises:
        TaskFailedError: the API refuses, or the task that asks for it is over.
    """
    info = activity_info()
    request = start_request(parameters, info.idempotency_key)

    def start(session: Session) -> Answer:
        if not _is_task_open(session, info):
            raise TaskFailedError("States.TaskFailed", "The task that starts it is over")
        return start_execution(front, session, request, attributes)

    try:
        answer = front.service.transact(start)
    except ExecutionAlreadyExists:
        if isinstance(parameters, dict) and "Name" in parameters:
            raise _failed("ExecutionAlreadyExists", request["name"]) from None
        arn = request["stateMachineArn"].replace(":stateMachine:", ":execution:")
        found = f"{arn}:{request['name']}"
        record = record_of(front.committed, front.names.parse(found, arns.EXECUTION))
        return {"executionArn": found, "startDate": record.execution.started_at}
    except FaultError as fault:
        raise _failed(fault.wire, str(fault)) from fault
    assert answer is not None
    return answer


def _is_task_open(session: Session, info: ActivityInfo) -> bool:
    """Return whether the result of an activity would still be of use."""
    state = session.find(DOMAIN, info.workflow_id, info.run_id)
    if state is None or state.is_closed:
        return False
    return state.get("activity", info.activity_id) is not None


def _failed(code: str, text: str) -> TaskFailedError:
    cause = (
        f"{text} (Service: AWSStepFunctions; Status Code: 400; Error Code: {code}; "
        f"Request ID: {uuid.uuid4()}; Proxy: null)"
    )
    name = code if code.endswith("Exception") else f"{code}Exception"
    return TaskFailedError(f"StepFunctions.{name}", cause)


def _submit(front: Front, parameters: Any) -> Members:
    """Start an execution; return what `_wait` needs to wait for its end."""
    info = activity_info()
    outer = WorkflowExecution(info.workflow_id, info.run_id)
    answer = _started(front, parameters, {STARTED_BY: starter(outer)})
    start_date = int(answer["startDate"] * 1000)
    return {AWAITED: {"ExecutionArn": answer["executionArn"], "StartDate": start_date}}


def _wait(front: Front, started: Any) -> Members:
    """Wait for the end of an execution; return its description.

    Raises:
        TaskFailedError: it has not succeeded; the cause is its description.
    """
    arn = started["ExecutionArn"]
    parsed = front.names.parse(arn, arns.EXECUTION, arns.EXPRESS)
    service, execution = front.service, WorkflowExecution(f"{parsed.name}:{parsed.rest}", "")
    assert supports(service, SupportsWaits)
    while service.wait_closed(DOMAIN, execution, WAIT_SECONDS) is None:
        if _has_ended(front, activity_info()):
            _stop(front, started)
            raise TaskFailedError("States.TaskFailed", "The outer execution has ended")
    described = describe_execution(front, {"executionArn": arn}) or {}
    shown = {f"{name[0].upper()}{name[1:]}": value for name, value in described.items()}
    shown = {name: value for name, value in shown.items() if name not in _OMITTED}
    for name in _TIMES:
        shown[name] = int(shown[name] * 1000)
    for name in ("InputDetails", "OutputDetails"):
        if name in shown:
            shown[name] = {"Included": True}
    if shown["Status"] != "SUCCEEDED":
        raise TaskFailedError("States.TaskFailed", json_text(shown))
    return dict(sorted(shown.items()))


def _has_ended(front: Front, outer: ActivityInfo) -> bool:
    """Return whether the execution that waits has ended; whoever stops it stops the other, too."""
    record = front.committed.find(DOMAIN, outer.workflow_id, outer.run_id)
    return record is None or record.progress.status is not Status.OPEN


def _stop(front: Front, started: Any) -> None:
    """Stop an execution that was started by one that no longer waits for it."""
    request = {"executionArn": started["ExecutionArn"]}
    front.service.transact(lambda session: stop_execution(front, session, request))
