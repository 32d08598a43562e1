"""Operations on the runs of distributed Map states, and on their child executions.

What a run has done is a part of the projection of its execution's history. Items that are read in
several pages run in workflows of their own, whose child executions are only counted.

Source: AWS Step Functions API Reference (2016-11-23), DescribeMapRun and its neighbours.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import msgspec
from msgspec import Struct

from partita.asl.json_text import json_text
from partita.asl.map_runs import change_signal
from partita.aws.faults import ValidationFault
from partita.aws.json_protocol import Answer
from partita.aws.shapes import Members
from partita.history import WorkflowExecution
from partita.ports.session import Session
from partita.ports.state import ExecutionFilter, Status
from partita.ports.store import Record
from partita.rules.commands import Signal
from partita.stepfunctions import arns
from partita.stepfunctions.execution.beginning import WORKFLOW_TYPE
from partita.stepfunctions.execution.projection import project
from partita.stepfunctions.execution.recorder import ChildTrail, RecordedEvent, Recorder
from partita.stepfunctions.execution.records import Result, stop_date
from partita.stepfunctions.faults import ExecutionDoesNotExist, ResourceNotFound
from partita.stepfunctions.front.executions import (
    DOMAIN,
    check_which,
    data_to_api,
    history_page,
    machine_name,
    name_of,
    read_executions,
    record_of,
)
from partita.stepfunctions.front.front import Front, Read

_ENDS = {"MapRunSucceeded": "SUCCEEDED", "MapRunFailed": "FAILED"}
_CHILD_ENDS = {"ExecutionSucceeded": "succeeded", "ExecutionFailed": "failed"}
_BOUNDS = ("maxConcurrency", "toleratedFailurePercentage", "toleratedFailureCount")


class MapRun(Struct, frozen=True):
    """A run, and the execution that it is a part of."""

    record: Record
    recorder: Recorder
    started: RecordedEvent
    ended: RecordedEvent | None

    @property
    def arn(self) -> str:
        """The run's ARN."""
        text: str = self.started.details["mapRunArn"]
        return text

    @property
    def status(self) -> str:
        """How the run stands."""
        if self.ended is not None:
            return _ENDS[self.ended.type]
        return "RUNNING" if self.record.progress.status is Status.OPEN else "ABORTED"

    @property
    def stopped_at(self) -> float | None:
        """When it ended, in seconds since the epoch."""
        return stop_date(self.record) if self.ended is None else self.ended.at

    @property
    def children(self) -> list[ChildTrail]:
        """The child executions."""
        return [one for one in self.recorder.children if one.map_run == self.arn]

    @property
    def length(self) -> int:
        """The number of items; 0 if it is not known from the state's input."""
        started = self.recorder.events[self.started.previous - 1]
        return int(started.details.get("length") or 0)


def runs_of(front: Front, record: Record) -> Iterator[MapRun]:
    """Yield the runs of an execution, in the order of their beginning."""
    recorder = project(front.committed, record, front.token)
    for event in recorder.events:
        if event.type == "MapRunStarted":
            ends = (one for one in recorder.events[event.id :] if one.previous == event.id)
            ended = next((one for one in ends if one.type in _ENDS), None)
            yield MapRun(record, recorder, event, ended)


def find_run(front: Front, arn: str) -> MapRun:
    """Return a run. Raises ResourceNotFound."""
    machine = front.names.parse(arn, arns.MAP_RUN).name.partition("/")[0]
    filter = ExecutionFilter(domain=DOMAIN, type_name=WORKFLOW_TYPE.name, tag=machine, limit=100)
    for record in read_executions(front, filter):
        for run in runs_of(front, record):
            if run.arn == arn:
                return run
    raise ResourceNotFound(arn)


def list_map_runs(front: Front, request: Members) -> Answer:
    """List the runs of an execution."""
    arn = front.names.parse(request["executionArn"], arns.EXECUTION)
    record = record_of(front.committed, arn)
    rows = [(run.started.id, _item(front, run)) for run in runs_of(front, record)]
    found, more = front.page("ListMapRuns", request, rows)
    return {"mapRuns": found, **more}


def _item(front: Front, run: MapRun) -> Members:
    machine = machine_name(run.record)
    label = run.arn.partition("/")[2].partition(":")[0]
    item: Members = {
        "executionArn": front.names.arn(arns.EXECUTION, machine, name_of(run.record)),
        "mapRunArn": run.arn,
        "stateMachineArn": front.names.arn(arns.MACHINE, f"{machine}/{label}"),
        "startDate": run.started.at,
    }
    return item if run.stopped_at is None else {**item, "stopDate": run.stopped_at}


def describe_map_run(front: Front, request: Members) -> Answer:
    """Return a run with how many of its executions and items stand how."""
    run = find_run(front, request["mapRunArn"])
    item = _item(front, run)
    del item["stateMachineArn"]
    return {
        **item,
        "status": run.status,
        **{name: run.started.details[name] for name in _BOUNDS},
        **run.recorder.changes.get(run.arn, {}),
        "executionCounts": _counts(run, lambda _: 1),
        "itemCounts": _counts(run, _items_in(run)),
    }


def _items_in(run: MapRun) -> Any:
    """Return what tells how many items a child execution has: one, or a batch."""
    if run.length <= len(run.children):
        return lambda _: 1
    return lambda given: len(given["Items"]) if isinstance(given, dict) else 1


def _counts(run: MapRun, size: Any) -> Members:
    counts: Counter[str] = Counter()
    for child in run.children:
        name = _CHILD_ENDS.get(child.trail.events[-1].type, "")
        if not name:
            name = "running" if run.status == "RUNNING" else "aborted"
        counts[name] += size(child.trail.events[0].details["input"])
    elsewhere, failed = run.recorder.pages.get(run.arn, (0, 0))
    counts.update({"succeeded": elsewhere - failed, "failed": failed})
    names = ("pending", "running", "succeeded", "failed", "timedOut", "aborted")
    shown = {name: counts[name] for name in names}
    written = counts["succeeded"] if run.status == "SUCCEEDED" else 0
    return {**shown, "total": counts.total(), "resultsWritten": written}


def list_child_executions(front: Front, request: Members) -> Answer:
    """List the child executions of a run: ListExecutions with a mapRunArn."""
    check_which(request)
    run = find_run(front, request["mapRunArn"])
    item = _item(front, run)
    rows = [(number, _child(front, item, run, child)) for number, child in enumerate(run.children)]
    wanted = request.get("statusFilter")
    rows = [row for row in rows if wanted is None or row[1]["status"] == wanted]
    found, more = front.page("ListExecutions", request, rows)
    return {"executions": found, **more}


def _labelled(machine_arn: str) -> str:
    return machine_arn.replace(":stateMachine:", ":execution:")


def _child(front: Front, item: Members, run: MapRun, child: ChildTrail) -> Members:
    last = child.trail.events[-1]
    status = _CHILD_ENDS.get(last.type, "running" if run.status == "RUNNING" else "aborted")
    shown: Members = {
        "executionArn": f"{_labelled(item['stateMachineArn'])}:{child.name}",
        "stateMachineArn": item["stateMachineArn"],
        "mapRunArn": run.arn,
        "name": child.name,
        "status": status.upper(),
        "startDate": child.trail.events[0].at,
        "itemCount": 1,
    }
    return shown if status == "running" else {**shown, "stopDate": last.at}


def is_child(request: Members) -> bool:
    """Return whether a request means a child execution, whose ARN has the Map state's label."""
    return "/" in str(request.get("executionArn", "")).partition(":execution:")[2]


def _find_child(front: Front, text: str) -> tuple[MapRun, ChildTrail]:
    """Return a child execution and its run. Raises ExecutionDoesNotExist."""
    arn = front.names.parse(text, arns.EXECUTION)
    machine = arn.name.partition("/")[0]
    filter = ExecutionFilter(domain=DOMAIN, type_name=WORKFLOW_TYPE.name, tag=machine, limit=100)
    for record in read_executions(front, filter):
        for run in runs_of(front, record):
            for child in run.children:
                if child.name == arn.rest:
                    return run, child
    raise ExecutionDoesNotExist(arn.rest)


def describe_child(front: Front, request: Members) -> Answer:
    """Return a child execution with its input and its result."""
    run, child = _find_child(front, request["executionArn"])
    shown = _child(front, _item(front, run), run, child)
    del shown["itemCount"]
    first, last = child.trail.events[0], child.trail.events[-1]
    output = last.details.get("output") if last.type == "ExecutionSucceeded" else None
    result = Result(
        output=json_text(output) if last.type == "ExecutionSucceeded" else None,
        error=last.details.get("error"),
        cause=last.details.get("cause"),
    )
    has_data = request.get("includedData") != "METADATA_ONLY"
    return {**shown, "redriveCount": 0} | data_to_api(
        json_text(first.details["input"]), result, has_data=has_data
    )


def get_child_history(front: Front, request: Members) -> Answer:
    """Return one page of a child execution's events."""
    _, child = _find_child(front, request["executionArn"])
    return history_page(front, request, child.trail)


def run_to_change(front: Front, request: Members) -> WorkflowExecution:
    """Return the execution whose run is to be changed.

    Raises:
        ResourceNotFound: there is no such run.
        ValidationFault: it has ended, or nothing is to be changed.
    """
    if not request.keys() & set(_BOUNDS):
        raise ValidationFault(f"Must specify at least one of {', '.join(_BOUNDS)}")
    run = find_run(front, request["mapRunArn"])
    if run.status != "RUNNING":
        raise ValidationFault(f"Map Run is {run.status} and cannot be updated")
    execution = run.record.execution
    return WorkflowExecution(execution.workflow_id, execution.run_id)


def update_map_run(session: Session, execution: WorkflowExecution, request: Members) -> Answer:
    """Change what a run keeps to; the executions that run go on."""
    change = {name: request[name] for name in _BOUNDS if name in request}
    signal = Signal(
        signal_name=change_signal(request["mapRunArn"]),
        input=msgspec.json.encode(change).decode(),
    )
    session.do(session.open(DOMAIN, execution), signal)
    return {}


READS: dict[str, Read] = {
    "ListMapRuns": list_map_runs,
    "DescribeMapRun": describe_map_run,
}
CHILD_READS: dict[str, Read] = {
    "DescribeExecution": describe_child,
    "GetExecutionHistory": get_child_history,
}
"""Operations on child executions, which are told by their ARNs."""
