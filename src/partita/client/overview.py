"""Look at all executions of a domain: how many there are, what fails, what stands still.

One look costs a bounded number of requests, however many executions there are.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence
from itertools import islice

from msgspec import Struct
from msgspec.structs import replace

from partita.client.execution_client import ExecutionClient
from partita.client.search import Search, count, every, find
from partita.errors import PartitaError
from partita.history import WorkflowExecution
from partita.ports.capabilities import SupportsWorkerRecords, supports
from partita.ports.catalogue import WorkerRecord
from partita.ports.service import ExecutionInfo
from partita.ports.state import ExecutionFilter, Status
from partita.views.standing import reason
from partita.views.trouble import trouble_of

NEWEST = 200
"""Executions that are counted by type."""

OPEN, FEW_OPEN = 50, 10
"""Open executions that are looked at for trouble; where requests are limited, fewer."""

FAILING = 10
"""Failed executions that are listed with their reasons."""

MOST_FILTERED = 10_000
"""Executions that are counted, the newest, where the service cannot filter by what is asked."""

_FAILED = (Status.FAILED, Status.TIMED_OUT)


class Row(Struct, frozen=True):
    """One execution of an overview."""

    info: ExecutionInfo
    note: str = ""  # what fails or stands still
    is_stuck: bool = False


class Overview(Struct, frozen=True, kw_only=True):
    """All executions of a domain at one moment."""

    at: float
    counts: dict[Status, int]
    types: dict[str, dict[Status, int]]  # of the newest
    rows: list[Row]  # what stands still first, then what failed, then the newest others
    per_second: float | None = None  # executions that have closed since the look before
    is_cut: bool = False  # whether there are more than the newest that were counted

    @property
    def closed(self) -> int:
        """How many are closed."""
        return sum(count for status, count in self.counts.items() if status is not Status.OPEN)


class Overviews:
    """Looks at one domain again and again; keeps what cannot change any more."""

    def __init__(
        self,
        client: ExecutionClient,
        open_limit: int = OPEN,
        wanted: Callable[[], Search] | None = None,
    ) -> None:
        """`wanted` returns which executions are looked at now; None: all of the domain."""
        self._client = client
        every_one = Search(filter=ExecutionFilter(domain=client.domain))
        self._wanted = wanted or (lambda: every_one)
        self._search = every_one
        self._matching: list[ExecutionInfo] | None = None  # if they are filtered here
        self._open_limit = open_limit
        self._service = client.service
        self._reasons: dict[str, str] = {}  # by run id
        self._before: Overview | None = None

    def look(self) -> Overview:
        """Return how executions stand now."""
        self._search = self._wanted()
        self._matching = None
        if self._search.is_filtered_here:
            self._matching = list(islice(every(self._service, self._search), MOST_FILTERED))
        counts = {status: self._count(status) for status in Status}
        newest = self._list(NEWEST)
        rows = self._rows(newest)
        found = Overview(
            at=time.time(),
            counts=counts,
            types=_by_type(newest),
            rows=rows,
            is_cut=self._matching is not None and len(self._matching) == MOST_FILTERED,
        )
        before, self._before = self._before, found
        if before is None or found.at <= before.at:
            return found
        rate = max(0.0, (found.closed - before.closed) / (found.at - before.at))
        return replace(found, per_second=rate)

    def _rows(self, newest: Sequence[ExecutionInfo]) -> list[Row]:
        workers = None
        if supports(self._service, SupportsWorkerRecords):
            workers = self._service.living_workers()
        open_ones = [
            self._open(info, workers) for info in self._list(self._open_limit, Status.OPEN)
        ]
        stuck = [row for row in open_ones if row.is_stuck]
        failed = [Row(info, self._reason(info)) for info in self._list(FAILING, *_FAILED)]
        rows = {row.info.run_id: row for row in (*stuck, *failed, *open_ones)}
        for info in newest:
            rows.setdefault(info.run_id, Row(info))
        return list(rows.values())

    def _open(self, info: ExecutionInfo, workers: list[WorkerRecord] | None) -> Row:
        try:
            detail = self._service.describe(self._client.domain, _execution(info))
        except PartitaError:  # it has ended since, and was removed
            return Row(info)
        trouble = trouble_of(detail, workers)
        return Row(info, trouble or "", trouble is not None)

    def _reason(self, info: ExecutionInfo) -> str:
        if info.run_id not in self._reasons:
            try:
                history = self._service.history(
                    self._client.domain, _execution(info), after=max(0, info.event_count - 1)
                )
            except PartitaError:
                return ""
            self._reasons[info.run_id] = reason(history) or ""
        return self._reasons[info.run_id]

    def _count(self, status: Status) -> int:
        if self._matching is not None:
            return sum(info.status is status for info in self._matching)
        return count(self._service, self._among([status]))

    def _list(self, limit: int, *statuses: Status) -> list[ExecutionInfo]:
        if self._matching is not None:
            found = (info for info in self._matching if not statuses or info.status in statuses)
            return list(islice(found, limit))
        return find(self._service, self._among(statuses, limit))

    def _among(self, statuses: Collection[Status], limit: int = 1) -> Search:
        """Return the search among executions of some statuses; empty: of any."""
        search = self._search
        had = search.filter.statuses
        both = tuple(one for one in had or statuses if not statuses or one in statuses)
        return replace(
            search,
            filter=replace(search.filter, statuses=both, limit=limit),
            impossible=search.impossible or (bool(statuses) and not both),
        )


def _execution(info: ExecutionInfo) -> WorkflowExecution:
    return WorkflowExecution(info.workflow_id, info.run_id)


def _by_type(infos: Sequence[ExecutionInfo]) -> dict[str, dict[Status, int]]:
    found: dict[str, dict[Status, int]] = {}
    for info in infos:
        counts = found.setdefault(info.workflow_type.name, {})
        counts[info.status] = counts.get(info.status, 0) + 1
    return found
