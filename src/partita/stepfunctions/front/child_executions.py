"""Operations on the child executions of distributed Map states, which are told by their ARNs.

Source: AWS Step Functions API Reference (2016-11-23), ListExecutions, DescribeExecution.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import islice
from typing import Any

from msgspec.structs import replace

from partita.asl.json_text import json_text
from partita.aws.faults import ValidationFault
from partita.aws.json_protocol import Answer
from partita.aws.shapes import Members
from partita.stepfunctions.execution.recorder import ChildTrail
from partita.stepfunctions.execution.records import Result
from partita.stepfunctions.faults import ExecutionNotRedrivable
from partita.stepfunctions.front.executions import (
    check_which,
    data_to_api,
    history_page,
    revision_of,
)
from partita.stepfunctions.front.front import Front, Read
from partita.stepfunctions.front.map_run_records import (
    MapRun,
    child_prefix,
    child_status,
    children_of,
    find_child,
    find_run,
    redrive_events,
    runs_in,
)
from partita.stepfunctions.front.map_runs import map_runs_to_api, run_to_api
from partita.stepfunctions.front.state_machines import revision_to_api
from partita.stepfunctions.front.variable_references import states_in


def list_child_executions(front: Front, request: Members) -> Answer:
    """List the child executions of a run, newest first: ListExecutions with a mapRunArn."""
    check_which(request)
    run = find_run(front, request["mapRunArn"])
    item = run_to_api(run)
    place = front.place("ListExecutions", request)
    rows = (
        (list(one.place), _child_to_api(item, run, one.told))
        for one in children_of(front, run, before=None if place is None else tuple(place))
        if _is_wanted(run, one.told, request)
    )
    most = (request.get("maxResults") or front.limits.default_page) + 1
    listed = list(islice(rows, most))
    found, more = front.page("ListExecutions", request, listed, backwards=True)
    return {"executions": found, **more}


def _is_wanted(run: MapRun, child: ChildTrail, request: Members) -> bool:
    """Return whether a child execution is one that the request's filters mean."""
    status, redriven = request.get("statusFilter"), request.get("redriveFilter")
    if status is not None and child_status(run, child) != status:
        return False
    return redriven is None or bool(redrive_events(child)) == (redriven == "REDRIVEN")


def _child_to_api(item: Members, run: MapRun, child: ChildTrail) -> Members:
    last, redrives = child.trail.events[-1], redrive_events(child)
    status = child_status(run, child)
    shown: Members = {
        "executionArn": f"{child_prefix(run)}:{child.name}",
        "stateMachineArn": item["stateMachineArn"],
        "mapRunArn": run.arn,
        "name": child.name,
        "status": status,
        "startDate": child.trail.events[0].at,
        "itemCount": 1,
        "redriveCount": len(redrives),
    }
    if redrives:
        shown["redriveDate"] = redrives[-1].at
    return shown if status == "RUNNING" else {**shown, "stopDate": last.at}


def is_child(request: Members) -> bool:
    """Return whether a request means a child execution, whose ARN has the Map state's label."""
    return "/" in str(request.get("executionArn", "")).partition(":execution:")[2]


def describe_child(front: Front, request: Members) -> Answer:
    """Return a child execution with its input and its result."""
    run, found = find_child(front, request["executionArn"])
    child = found.told
    shown = _child_to_api(run_to_api(run), run, child)
    del shown["itemCount"]
    first, last = child.trail.events[0], child.trail.events[-1]
    has_succeeded = shown["status"] == "SUCCEEDED"
    result = Result(
        output=json_text(last.details.get("output")) if has_succeeded else None,
        error=last.details.get("error"),
        cause=last.details.get("cause"),
    )
    has_data = request.get("includedData") != "METADATA_ONLY"
    return {**shown, **_redrivable(shown["status"])} | data_to_api(
        json_text(first.details["input"]), result, has_data=has_data
    )


def _redrivable(status: str) -> Members:
    if status in ("FAILED", "TIMED_OUT", "ABORTED"):
        return {"redriveStatus": "REDRIVABLE_BY_MAP_RUN"}
    reason = f"Execution is {status} and cannot be redriven"
    return {"redriveStatus": "NOT_REDRIVABLE", "redriveStatusReason": reason}


def get_child_history(front: Front, request: Members) -> Answer:
    """Return one page of a child execution's events."""
    _, child = find_child(front, request["executionArn"])
    return history_page(front, request, child.told.trail)


def list_map_runs_of_child(front: Front, request: Members) -> Answer:
    """List the runs of the Map states within a child execution."""
    _, child = find_child(front, request["executionArn"])
    runs = runs_in(child.record, child.told.trail, request["executionArn"])
    return map_runs_to_api(front, request, runs)


def describe_state_machine_for_child(front: Front, request: Members) -> Answer:
    """Return the machine of a child execution: the processor of its Map state."""
    run, _ = find_child(front, request["executionArn"])
    revision, label = revision_of(front, run.record), child_prefix(run).rpartition("/")[2]
    processor = _processor(json.loads(revision.definition), label)
    machine_arn = run_to_api(run)["stateMachineArn"]
    return {
        "stateMachineArn": machine_arn,
        "name": machine_arn.rpartition(":")[2],
        "updateDate": revision.updated_at,
        **revision_to_api(replace(revision, definition=json_text(processor)), request),
        "mapRunArn": run.arn,
        "label": label,
    }


def _processor(definition: Any, label: str) -> Any:
    """Return the processor of the Map state of a label; `{}` if there is none."""
    found = (
        state.get("ItemProcessor", state.get("Iterator", {}))
        for name, state in states_in(definition)
        if state.get("Type") == "Map" and state.get("Label", name) == label
    )
    return next(found, {})


def refuse_redrive(front: Front, request: Members) -> None:
    """Refuse to redrive a child execution by itself.

    Raises:
        ExecutionDoesNotExist: there is none with that ARN.
        ExecutionNotRedrivable: it is redriven by its run.
    """
    find_child(front, request["executionArn"])
    raise ExecutionNotRedrivable("Child workflow execution can only be redriven by its Map Run")


def refuse_stop(front: Front, request: Members) -> None:
    """Refuse to stop a child execution by itself.

    Raises:
        ExecutionDoesNotExist: there is none with that ARN.
        ValidationFault: it ends with its run.
    """
    run, _ = find_child(front, request["executionArn"])
    raise ValidationFault(
        f"A child execution cannot be stopped by itself here; stop {run.execution_arn}"
    )


REFUSALS: dict[str, Callable[[Front, Members], None]] = {
    "RedriveExecution": refuse_redrive,
    "StopExecution": refuse_stop,
}
"""What refuses operations that child executions do not have."""

READS: dict[str, Read] = {
    "DescribeExecution": describe_child,
    "DescribeStateMachineForExecution": describe_state_machine_for_child,
    "GetExecutionHistory": get_child_history,
    "ListMapRuns": list_map_runs_of_child,
}
