"""Operations on the runs of distributed Map states.

Source: AWS Step Functions API Reference (2016-11-23), DescribeMapRun and its neighbours.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from partita.asl.map_runs import change_signal
from partita.asl.page_tasks import PageResult
from partita.aws.faults import ValidationFault
from partita.aws.json_protocol import Answer
from partita.aws.shapes import Members
from partita.history import WorkflowExecution
from partita.ports.session import Session
from partita.rules.commands import Signal
from partita.stepfunctions import arns
from partita.stepfunctions.execution.beginning import DOMAIN
from partita.stepfunctions.execution.recorder import ChildTrail
from partita.stepfunctions.front.executions import record_of
from partita.stepfunctions.front.front import Front, Read
from partita.stepfunctions.front.map_run_records import (
    MapRun,
    child_status,
    children_in,
    find_run,
    runs_of,
)

_BOUNDS = ("maxConcurrency", "toleratedFailurePercentage", "toleratedFailureCount")
_NAMES = ("pending", "running", "succeeded", "failed", "timedOut", "aborted")

Size = Callable[[Any], int]
"""Returns how many items a child execution has, given its input."""


def list_map_runs(front: Front, request: Members) -> Answer:
    """List the runs of an execution."""
    arn = front.names.parse(request["executionArn"], arns.EXECUTION)
    return map_runs_to_api(front, request, runs_of(front, record_of(front.committed, arn)))


def map_runs_to_api(front: Front, request: Members, runs: Iterable[MapRun]) -> Answer:
    """Return one page of an execution's runs."""
    rows = [(run.started.id, run_to_api(run)) for run in runs]
    found, more = front.page("ListMapRuns", request, rows)
    return {"mapRuns": found, **more}


def run_to_api(run: MapRun) -> Members:
    """Return a run as lists show it."""
    item: Members = {
        "executionArn": run.execution_arn,
        "mapRunArn": run.arn,
        "stateMachineArn": run.arn.rpartition(":")[0].replace(":mapRun:", ":stateMachine:"),
        "startDate": run.started.at,
    }
    if run.is_open or run.stopped_at is None:
        return item
    return {**item, "stopDate": run.stopped_at}


def describe_map_run(front: Front, request: Members) -> Answer:
    """Return a run with how many of its executions and items stand how."""
    run = find_run(front, request["mapRunArn"])
    item = run_to_api(run)
    del item["stateMachineArn"]
    answer: Members = {
        **item,
        "status": run.status,
        **{name: run.started.details[name] for name in _BOUNDS},
        **run.recorder.changes.get(run.arn, {}),
        "executionCounts": _counts(front, run, None),
        "itemCounts": _counts(front, run, _items_in(run)),
    }
    if run.redriven:
        answer |= {"redriveCount": len(run.redriven), "redriveDate": run.redriven[-1].at}
    return answer


def _items_in(run: MapRun) -> Size:
    """Return what tells how many items a child execution has: one, or a batch."""
    children = sum(one.map_run == run.arn for one in run.recorder.children)
    if not run.pages and run.length <= children:
        return lambda _: 1

    def size(given: Any) -> int:
        items = given.get("Items") if isinstance(given, dict) else None
        return len(items) if isinstance(items, list) else 1

    return size


def _counts(front: Front, run: MapRun, size: Size | None) -> Members:
    """Return how many items stand how; without a size, how many executions."""
    counts: Counter[str] = Counter()
    for child in run.recorder.children:
        if child.map_run == run.arn:
            counts.update(_count(run, child, size))
    for page in run.pages:
        if page.result is not None:
            tallied = _tallied(page.result, is_of_items=size is not None)
            if page.is_waiting and run.is_open:
                tallied["pendingRedrive"] = tallied.pop("failed") + tallied.pop("aborted")
            counts.update(tallied)
        else:
            for one in children_in(front, page):
                counts.update(_count(run, one.told, size))
    known = sum(counts.values())
    total = max(known, 0 if size is None else run.length)
    counts["pending"] += total - known
    shown = {name: counts[name] for name in _NAMES}
    written = counts["succeeded"] if run.status == "SUCCEEDED" else 0
    answer = {**shown, "total": total, "resultsWritten": written}
    if run.redriven:
        answer |= {"failuresNotRedrivable": 0, "pendingRedrive": counts["pendingRedrive"]}
    return answer


def _count(run: MapRun, child: ChildTrail, size: Size | None) -> dict[str, int]:
    status = child_status(run, child)
    status = "pendingRedrive" if status == "PENDING_REDRIVE" else status.lower()
    return {status: 1 if size is None else size(child.trail.events[0].details["input"])}


def _tallied(result: PageResult, *, is_of_items: bool) -> dict[str, int]:
    tally = result.items if is_of_items else result.executions
    return {name: getattr(tally, name) for name in ("succeeded", "failed", "aborted", "pending")}


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
