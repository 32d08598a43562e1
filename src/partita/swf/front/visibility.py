"""Operations that list and count executions, and what waits in task lists.

Source: Amazon SWF API Reference (2012-01-25), ListOpenWorkflowExecutions and its neighbours.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from msgspec.structs import replace

from partita.aws.faults import ValidationFault
from partita.ports.state import ExecutionFilter, Status
from partita.ports.store import Record
from partita.swf.front.catalogue import domain_of
from partita.swf.front.infos import info_to_swf
from partita.swf.front.operations import Answer, Front, Given, looks
from partita.swf.front.paging import page

CLOSED = tuple(status for status in Status if status is not Status.OPEN)

_CHUNK = 1_000
"""Executions that are read at a time."""

_TOO_MANY = 100_000
"""Executions beyond which a count is cut off."""


def _only_one(given: Given, *members: str) -> None:
    named = [member for member in members if member in given]
    if len(named) > 1:
        raise ValidationFault(f"give only one of {', '.join(named)}")


def _by_time(given: Given) -> tuple[str, Given]:
    """Return which moment a request filters by, and the filter."""
    if ("startTimeFilter" in given) == ("closeTimeFilter" in given):
        raise ValidationFault("give either startTimeFilter or closeTimeFilter")
    member = "startTimeFilter" if "startTimeFilter" in given else "closeTimeFilter"
    return member, given[member]


def _wanted(given: Given, statuses: tuple[Status, ...]) -> ExecutionFilter:
    """Return what a store can filter by."""
    member, between = _by_time(given)
    wanted = ExecutionFilter(domain=given["domain"], statuses=statuses, limit=_CHUNK)
    if member == "startTimeFilter":
        latest = between.get("latestDate")
        wanted = replace(
            wanted,
            started_after=between["oldestDate"],
            started_before=None if latest is None else math.nextafter(latest, math.inf),
        )
    if "executionFilter" in given:
        wanted = replace(wanted, workflow_id=given["executionFilter"]["workflowId"])
    if "typeFilter" in given:
        wanted = replace(wanted, type_name=given["typeFilter"]["name"])
    if "tagFilter" in given:
        wanted = replace(wanted, tag=given["tagFilter"]["tag"])
    if "closeStatusFilter" in given:
        wanted = replace(wanted, statuses=(Status[given["closeStatusFilter"]["status"]],))
    return wanted


def _fits(record: Record, given: Given) -> bool:
    """Whether an execution fits what a store cannot filter by."""
    version = given.get("typeFilter", {}).get("version")
    if version is not None and record.execution.workflow_type.version != version:
        return False
    between = given.get("closeTimeFilter")
    closed = record.progress.closed_at
    if between is None or closed is None:
        return between is None
    return bool(between["oldestDate"] <= closed <= between.get("latestDate", math.inf))


def _found(front: Front, given: Given, statuses: tuple[Status, ...]) -> Iterator[Record]:
    """Yield the executions that a request means, newest start first."""
    filter = _wanted(given, statuses)
    while True:
        records = front.committed.executions(filter)
        yield from (record for record in records if _fits(record, given))
        if len(records) < _CHUNK:
            return
        filter = replace(filter, before_run=records[-1].run)


def _list(front: Front, operation: str, given: Given, statuses: tuple[Status, ...]) -> Given:
    domain_of(front.committed, given["domain"])
    by_close = _by_time(given)[0] == "closeTimeFilter"
    backwards = not given.get("reverseOrder")  # SWF's own order is the newest first

    def key(record: Record) -> list[Any]:
        closed = record.progress.closed_at
        return [closed if by_close else record.execution.started_at, record.run]

    found = sorted(_found(front, given, statuses), key=key, reverse=backwards)
    rows = [(key(record), record) for record in found]
    records, more = page(front, operation, given, rows, backwards=backwards)
    infos = [info_to_swf(record.execution, record.progress) for record in records]
    return {"executionInfos": infos, **more}


def _count(front: Front, given: Given, statuses: tuple[Status, ...]) -> Given:
    domain_of(front.committed, given["domain"])
    if "closeTimeFilter" not in given and "version" not in given.get("typeFilter", {}):
        count = front.committed.count_executions(_wanted(given, statuses))
    else:
        count = sum(1 for _ in _found(front, given, statuses))
    return {"count": min(count, _TOO_MANY), "truncated": count > _TOO_MANY}


@looks("ListOpenWorkflowExecutions")
def list_open_workflow_executions(front: Front, given: Given) -> Answer:
    """List open executions."""
    _only_one(given, "executionFilter", "typeFilter", "tagFilter")
    return _list(front, "ListOpenWorkflowExecutions", given, (Status.OPEN,))


@looks("ListClosedWorkflowExecutions")
def list_closed_workflow_executions(front: Front, given: Given) -> Answer:
    """List closed executions."""
    _only_one(given, "executionFilter", "typeFilter", "tagFilter", "closeStatusFilter")
    return _list(front, "ListClosedWorkflowExecutions", given, CLOSED)


@looks("CountOpenWorkflowExecutions")
def count_open_workflow_executions(front: Front, given: Given) -> Answer:
    """Count open executions."""
    _only_one(given, "executionFilter", "typeFilter", "tagFilter")
    return _count(front, given, (Status.OPEN,))


@looks("CountClosedWorkflowExecutions")
def count_closed_workflow_executions(front: Front, given: Given) -> Answer:
    """Count closed executions."""
    _only_one(given, "executionFilter", "typeFilter", "tagFilter", "closeStatusFilter")
    return _count(front, given, CLOSED)


def _pending(front: Front, kind: str, given: Given) -> Answer:
    domain_of(front.committed, given["domain"])
    count = front.committed.count_queued(kind, given["domain"], given["taskList"]["name"])
    return {"count": count, "truncated": False}


@looks("CountPendingActivityTasks")
def count_pending_activity_tasks(front: Front, given: Given) -> Answer:
    """Count the activities that wait in a task list."""
    return _pending(front, "activity", given)


@looks("CountPendingDecisionTasks")
def count_pending_decision_tasks(front: Front, given: Given) -> Answer:
    """Count the decision tasks that wait in a task list."""
    return _pending(front, "decision", given)
