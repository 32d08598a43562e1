"""Operations that list and count executions, and what waits in task lists.

Source: Amazon SWF API Reference (2012-01-25), ListOpenWorkflowExecutions and its neighbours.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import partial
from typing import Any

from msgspec.structs import replace

from partita.aws.faults import ValidationFault
from partita.aws.json_protocol import Answer
from partita.aws.shapes import Members
from partita.ports.state import ExecutionFilter, Status
from partita.ports.store import Record
from partita.swf.front.catalogue import domain_of
from partita.swf.front.front import Front, Read
from partita.swf.wire_format import info_to_swf

CHUNK = 1_000
"""Executions that are read at a time."""

COUNT_LIMIT = 100_000
"""Executions beyond which a count is cut off."""

_FILTERS = ("executionFilter", "typeFilter", "tagFilter", "closeStatusFilter")


def _check_filters(request: Members) -> str:
    """Return which moment a request filters by.

    Raises:
        ValidationFault: the filters contradict each other.
    """
    named = [member for member in _FILTERS if member in request]
    if len(named) > 1:
        raise ValidationFault(f"give only one of {', '.join(named)}")
    if ("startTimeFilter" in request) == ("closeTimeFilter" in request):
        raise ValidationFault("give either startTimeFilter or closeTimeFilter")
    return "startTimeFilter" if "startTimeFilter" in request else "closeTimeFilter"


def _filter(request: Members, statuses: tuple[Status, ...]) -> ExecutionFilter:
    """Return what a service can filter by."""
    wanted = ExecutionFilter(domain=request["domain"], statuses=statuses, limit=CHUNK)
    if "startTimeFilter" in request:
        latest = request["startTimeFilter"].get("latestDate")
        wanted = replace(
            wanted,
            started_after=request["startTimeFilter"]["oldestDate"],
            started_before=None if latest is None else math.nextafter(latest, math.inf),
        )
    if "executionFilter" in request:
        wanted = replace(wanted, workflow_id=request["executionFilter"]["workflowId"])
    if "typeFilter" in request:
        wanted = replace(wanted, type_name=request["typeFilter"]["name"])
    if "tagFilter" in request:
        wanted = replace(wanted, tag=request["tagFilter"]["tag"])
    if "closeStatusFilter" in request:
        wanted = replace(wanted, statuses=(Status[request["closeStatusFilter"]["status"]],))
    return wanted


def _matches(record: Record, request: Members) -> bool:
    """Whether an execution matches what a service cannot filter by."""
    version = request.get("typeFilter", {}).get("version")
    if version is not None and record.execution.workflow_type.version != version:
        return False
    between = request.get("closeTimeFilter")
    closed = record.progress.closed_at
    if between is None or closed is None:
        return between is None
    return bool(between["oldestDate"] <= closed <= between.get("latestDate", math.inf))


def _find(front: Front, request: Members, statuses: tuple[Status, ...]) -> Iterator[Record]:
    """Yield the executions that a request means, newest start first."""
    filter = _filter(request, statuses)
    while True:
        records = front.committed.executions(filter)
        yield from (record for record in records if _matches(record, request))
        if len(records) < CHUNK:
            return
        filter = replace(filter, before_run=records[-1].run)


def _list(
    front: Front, request: Members, *, operation: str, statuses: tuple[Status, ...]
) -> Answer:
    by_close = _check_filters(request) == "closeTimeFilter"
    domain_of(front.committed, request["domain"])
    backwards = not request.get("reverseOrder")  # SWF's own order is the newest first

    def key(record: Record) -> list[Any]:
        closed = record.progress.closed_at
        return [closed if by_close else record.execution.started_at, record.run]

    found = sorted(_find(front, request, statuses), key=key, reverse=backwards)
    rows = [(key(record), record) for record in found]
    records, more = front.pager.page(operation, request, rows, backwards=backwards)
    infos = [info_to_swf(record.execution, record.progress) for record in records]
    return {"executionInfos": infos, **more}


def _count(front: Front, request: Members, *, statuses: tuple[Status, ...]) -> Answer:
    _check_filters(request)
    domain_of(front.committed, request["domain"])
    if "closeTimeFilter" not in request and "version" not in request.get("typeFilter", {}):
        count = front.committed.count_executions(_filter(request, statuses))
    else:
        count = sum(1 for _ in _find(front, request, statuses))
    return {"count": min(count, COUNT_LIMIT), "truncated": count > COUNT_LIMIT}


def _count_pending(front: Front, request: Members, *, kind: str) -> Answer:
    domain_of(front.committed, request["domain"])
    queue = (kind, request["taskList"]["name"])
    backlogs = front.committed.backlogs(request["domain"])
    count = sum(one.count for one in backlogs if (one.kind, one.task_list) == queue)
    return {"count": count, "truncated": False}


_OPEN = (Status.OPEN,)
_CLOSED = tuple(status for status in Status if status is not Status.OPEN)


def _listing(operation: str, statuses: tuple[Status, ...]) -> Read:
    return partial(_list, operation=operation, statuses=statuses)


READS: dict[str, Read] = {
    "ListOpenWorkflowExecutions": _listing("ListOpenWorkflowExecutions", _OPEN),
    "ListClosedWorkflowExecutions": _listing("ListClosedWorkflowExecutions", _CLOSED),
    "CountOpenWorkflowExecutions": partial(_count, statuses=_OPEN),
    "CountClosedWorkflowExecutions": partial(_count, statuses=_CLOSED),
    "CountPendingActivityTasks": partial(_count_pending, kind="activity"),
    "CountPendingDecisionTasks": partial(_count_pending, kind="decision"),
}
