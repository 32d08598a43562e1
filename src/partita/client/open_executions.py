"""Find whether living workers take what an open execution waits for."""

from __future__ import annotations

from partita import history as h
from partita.ports.capabilities import SupportsWorkerRecords, supports
from partita.ports.service import ExecutionDetail, Service
from partita.ports.state import Status
from partita.views.serving import NOBODY, unserved


def why_unserved(service: Service, domain: str, execution: h.WorkflowExecution) -> str | None:
    """Return why no living worker takes what an open execution waits for, now or later.

    None if one may, or if the service does not tell.
    """
    detail = service.describe(domain, execution)
    if detail.info.status is not Status.OPEN or not supports(service, SupportsWorkerRecords):
        return None
    workers = service.living_workers()
    return unserved(detail, workers) or (None if workers else NOBODY)


def abandoned(service: Service, detail: ExecutionDetail) -> set[str]:
    """Return the ids of activities that are recorded as running on workers that are gone."""
    if not supports(service, SupportsWorkerRecords):
        return set()
    alive = {worker.id for worker in service.living_workers()}
    return {one.id for one in detail.activities if one.owner and one.owner not in alive}
