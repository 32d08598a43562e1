"""List and count executions: Amazon SWF applies one filter, we apply the others.

SWF lists what is open and what is closed separately, each from the newest start, and takes
one filter besides the times. The narrowest is given to it. Lists are lazy: a page is asked for
when it is needed.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Any

from msgspec.structs import replace

from partita.errors import ServiceError, UnsupportedError
from partita.history import WorkflowExecution, WorkflowType
from partita.ports.requests import is_wanted
from partita.ports.service import ExecutionInfo, ExecutionPage
from partita.ports.state import ExecutionFilter, Status
from partita.swf.backend.calls import Call, DomainNotFoundError
from partita.swf.backend.ids import escaped, unescaped
from partita.swf.wire_format import info_from_swf

PAGE = 1000

_PER_MILLISECOND = 10_000
"""Executions that may have been started in one millisecond."""


class ExecutionLists:
    """The executions of one region."""

    def __init__(self, call: Call) -> None:
        self._call = call

    def page(self, filter: ExecutionFilter) -> ExecutionPage:
        """Return one page of a list, newest first.

        Raises:
            UnsupportedError: SWF has no search attributes.
        """
        found: list[ExecutionInfo] = []
        more = False
        for info in _from(self.every(filter), filter.before_run):
            if len(found) == filter.limit:
                more = True
                break
            found.append(info)
        next_page = _place(found, filter.before_run) if more else None
        return ExecutionPage(executions=tuple(found), next_page=next_page)

    def count(self, filter: ExecutionFilter) -> int:
        """Count executions, by listing them where SWF cannot count them."""
        if not filter.attributes and not filter.statuses:
            asked = (filter.workflow_id, filter.tag, filter.type_name)
            if sum(one is not None for one in asked) <= 1:
                counts = [self._counted(kind, filter) for kind in ("open", "closed")]
                if None not in counts:
                    return sum(count or 0 for count in counts)
        return sum(1 for _ in self.every(filter))

    def _counted(self, kind: str, filter: ExecutionFilter) -> int | None:
        """Return SWF's own count; None if it has none."""
        try:
            answer = self._call(
                f"count_{kind}_workflow_executions",
                domain=filter.domain,
                startTimeFilter=_times(filter),
                **_narrowest(filter),
            )
        except DomainNotFoundError:
            return 0
        except ServiceError:
            return None
        return None if answer.get("truncated") else int(answer["count"])

    def newest(self, domain: str, workflow_id: str) -> ExecutionInfo | None:
        """Return the newest run of a workflow id, open or closed."""
        filter = ExecutionFilter(domain=domain, workflow_id=workflow_id)
        return next(self.every(filter), None)

    def every(self, filter: ExecutionFilter) -> Iterator[ExecutionInfo]:
        """Yield all executions that pass a filter, newest first."""
        if filter.attributes:
            raise UnsupportedError(
                "Amazon SWF cannot find executions by search attributes; give them tags instead"
            )
        kinds = []
        if not filter.statuses or Status.OPEN in filter.statuses:
            kinds.append(self._open(filter))
        if not filter.statuses or set(filter.statuses) != {Status.OPEN}:
            kinds.append(self._closed(filter))
        merged = heapq.merge(*kinds, key=_newest_first)
        return (info for info in merged if is_wanted(info, filter))

    def _open(self, filter: ExecutionFilter) -> Iterator[ExecutionInfo]:
        return self._pages(
            "list_open_workflow_executions",
            domain=filter.domain,
            startTimeFilter=_times(filter),
            **_narrowest(filter),
        )

    def _closed(self, filter: ExecutionFilter) -> Iterator[ExecutionInfo]:
        narrowest = _narrowest(filter)
        if not narrowest and len(filter.statuses) == 1:
            narrowest = {"closeStatusFilter": {"status": filter.statuses[0].name}}
        return self._pages(
            "list_closed_workflow_executions",
            domain=filter.domain,
            startTimeFilter=_times(filter),
            **narrowest,
        )

    def _pages(self, operation: str, **members: Any) -> Iterator[ExecutionInfo]:
        pages = self._call.pages(operation, "executionInfos", maximumPageSize=PAGE, **members)
        with suppress(DomainNotFoundError):
            for page in pages:
                # each page is sorted, as Amazon's are and moto's are not
                yield from sorted(map(plain_info, page), key=_newest_first)


def plain_info(raw: dict[str, Any]) -> ExecutionInfo:
    """Read one line of a list, with our ids and names."""
    info = info_from_swf(raw)
    kind, parent = info.workflow_type, info.parent
    if parent is not None:
        parent = WorkflowExecution(unescaped(parent.workflow_id), parent.run_id)
    return replace(
        info,
        workflow_id=unescaped(info.workflow_id),
        workflow_type=WorkflowType(unescaped(kind.name), unescaped(kind.version)),
        parent=parent,
    )


def _newest_first(info: ExecutionInfo) -> float:
    return -info.started_at


def _times(filter: ExecutionFilter) -> dict[str, float]:
    times = {"oldestDate": filter.started_after or 0.0}
    if filter.started_before is not None:
        times["latestDate"] = filter.started_before
    return times


def _narrowest(filter: ExecutionFilter) -> dict[str, Any]:
    if filter.workflow_id is not None:
        return {"executionFilter": {"workflowId": escaped(filter.workflow_id)}}
    if filter.tag is not None:
        return {"tagFilter": {"tag": filter.tag}}
    if filter.type_name is not None:
        return {"typeFilter": {"name": escaped(filter.type_name)}}
    return {}


def _milliseconds(info: ExecutionInfo) -> int:
    return round(info.started_at * 1000)


def _from(infos: Iterable[ExecutionInfo], place: int | None) -> Iterator[ExecutionInfo]:
    """Yield what the pages before have not shown; see `_place`."""
    if place is None:
        yield from infos
        return
    moment, shown = divmod(place, _PER_MILLISECOND)
    for info in infos:
        when = _milliseconds(info)
        if when > moment:
            continue
        if when == moment and shown:
            shown -= 1
            continue
        yield info


def _place(found: list[ExecutionInfo], before: int | None) -> int | None:
    """Return where the next page begins: a millisecond, and how many of it were shown."""
    if not found:
        return before
    moment = _milliseconds(found[-1])
    shown = sum(1 for info in found if _milliseconds(info) == moment)
    if before is not None and before // _PER_MILLISECOND == moment:
        shown += before % _PER_MILLISECOND
    return moment * _PER_MILLISECOND + shown
