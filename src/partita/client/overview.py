"""Look at all executions of a domain: how many there are, what fails, what stands still.

One look costs a bounded number of requests, however many executions there are.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

from msgspec import Struct
from msgspec.structs import replace

from partita.client.execution_client import ExecutionClient
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
        wanted: ExecutionFilter | None = None,
    ) -> None:
        """`wanted` says which executions are looked at; its statuses and limit say nothing."""
        self._client = client
        self._wanted = wanted or ExecutionFilter(domain=client.domain)
        self._open_limit = open_limit
        self._service = client.service
        self._reasons: dict[str, str] = {}  # by run id
        self._before: Overview | None = None

    def look(self) -> Overview:
        """Return how executions stand now."""
        counts = {status: self._count(status) for status in Status}
        newest = self._list(NEWEST)
        rows = self._rows(newest)
        found = Overview(at=time.time(), counts=counts, types=_by_type(newest), rows=rows)
        before, self._before = self._before, found
        if before is None or found.at <= before.at:
            return found
        rate = max(0.0, (found.closed - before.closed) / (found.at - before.at))
        return Overview(at=found.at, counts=counts, types=found.types, rows=rows, per_second=rate)

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
        return self._service.count_executions(self._filter(status))

    def _list(self, limit: int, *statuses: Status) -> tuple[ExecutionInfo, ...]:
        return self._service.list_executions(self._filter(*statuses, limit=limit)).executions

    def _filter(self, *statuses: Status, limit: int = 1) -> ExecutionFilter:
        return replace(self._wanted, statuses=statuses, limit=limit)


def _execution(info: ExecutionInfo) -> WorkflowExecution:
    return WorkflowExecution(info.workflow_id, info.run_id)


def _by_type(infos: Sequence[ExecutionInfo]) -> dict[str, dict[Status, int]]:
    found: dict[str, dict[Status, int]] = {}
    for info in infos:
        counts = found.setdefault(info.workflow_type.name, {})
        counts[info.status] = counts.get(info.status, 0) + 1
    return found
