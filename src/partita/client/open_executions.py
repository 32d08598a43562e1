"""Find why an execution is still open: code that fails in it, or in a child that it waits for."""

from __future__ import annotations

from itertools import islice

from partita import errors
from partita import history as h
from partita.history.references import Kind
from partita.history.timeline import Timeline
from partita.ports.capabilities import SupportsWorkerRecords, supports
from partita.ports.service import ExecutionDetail, Service
from partita.ports.state import Status
from partita.views.serving import unserved

_MAX_EVENTS = 10_000  # of a history that is read for its children
_MAX_GENERATIONS = 5
_MAX_CHILDREN = 20  # of one execution that are asked


def why_unserved(service: Service, domain: str, execution: h.WorkflowExecution) -> str | None:
    """Return why no living worker takes what an open execution waits for, now or later.

    None if one may, or if the service does not tell.
    """
    detail = service.describe(domain, execution)
    if detail.info.status is not Status.OPEN or not supports(service, SupportsWorkerRecords):
        return None
    workers = service.living_workers()
    return unserved(detail, workers) or (None if workers else NOBODY)


NOBODY = "no worker of Partita is alive; start one: partita worker FILE"
"""What is said where no task waits at the moment: others may poll, who leave no record."""


def _why_untaken(service: Service, domain: str, execution: h.WorkflowExecution) -> str | None:
    """Return why no living worker takes a task that waits now."""
    detail = service.describe(domain, execution)
    workers = service.living_workers() if supports(service, SupportsWorkerRecords) else None
    return None if workers is None else unserved(detail, workers)


def abandoned(service: Service, detail: ExecutionDetail) -> set[str]:
    """Return the ids of activities that are recorded as running on workers that are gone."""
    if not supports(service, SupportsWorkerRecords):
        return set()
    alive = {worker.id for worker in service.living_workers()}
    return {one.id for one in detail.activities if one.owner and one.owner not in alive}


def why_open(service: Service, domain: str, execution: h.WorkflowExecution) -> str:
    """Return how an open execution goes on, or why it cannot, as the end of a sentence."""
    found = _failing(service, domain, execution, _MAX_GENERATIONS)
    if found is None:
        nobody = _why_untaken(service, domain, execution)
        return "; it goes on" if nobody is None else f": {nobody}"
    id, failure = found
    whose = "its decider" if id == execution.workflow_id else f"the decider of its child {id!r}"
    return f": {whose} fails, and is tried again ({failure}); mend the code"


def _failing(
    service: Service, domain: str, execution: h.WorkflowExecution, generations: int
) -> tuple[str, str] | None:
    """Return the id of an execution whose decision fails, itself or a descendant, and the error."""
    detail = service.describe(domain, execution)
    if detail.decision is not None and detail.decision.failure:
        return execution.workflow_id, " ".join(detail.decision.failure.split())
    is_long = detail.info.event_count > _MAX_EVENTS
    if not detail.open_children or is_long or not generations:
        return None
    children = Timeline(service.history(domain, execution)).open(Kind.CHILD)
    for child in islice(children, _MAX_CHILDREN):
        if child.started is None:
            continue
        try:
            found = _failing(service, domain, child.started.workflow_execution, generations - 1)
        except errors.UsageError:  # it has ended since, and is pruned
            continue
        if found is not None:
            return found
    return None
