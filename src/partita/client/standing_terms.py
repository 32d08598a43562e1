"""Test terms about how an execution stands, for which the service is asked of each."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from partita import history as h
from partita.client.declared import waits_of_code
from partita.client.filter_terms import Term
from partita.errors import ExecutionNotFoundError
from partita.history.failure import Failure
from partita.ports.matching import ITEMS, Match
from partita.ports.service import ExecutionDetail, ExecutionInfo, Service
from partita.ports.state import Status
from partita.views.standing import reason

ASKED = ("error", "waiting")


def holds(service: Service, domain: str, info: ExecutionInfo, term: Term) -> bool:
    """Whether such a term holds; what was removed meanwhile passes none."""
    execution = h.WorkflowExecution(info.workflow_id, info.run_id)
    try:
        values = _VALUES[term.field](service, domain, info, execution)
    except ExecutionNotFoundError:
        return False
    return Match(field=term.field, patterns=term.values, negated=term.negated).fits(values)


def _errors(
    service: Service, domain: str, info: ExecutionInfo, execution: h.WorkflowExecution
) -> Collection[str]:
    """Return the names of the errors of an execution: why it ended, or what fails in it."""
    if info.status is Status.OPEN:
        return set(_failing(service.describe(domain, execution)))
    last = service.history(domain, execution, after=max(0, info.event_count - 1))
    return set(_ended_by(last[-1:]))


def _ended_by(last: list[h.AnyEvent]) -> Iterator[str]:
    match last:
        case [h.WorkflowExecutionFailed(details=details, reason=kind)]:
            yield from _names(Failure.load(details, kind))
        case [h.WorkflowExecutionTimedOut()]:
            yield "TimeoutError"
        case _:
            yield from filter(None, [reason(last)])


def _failing(detail: ExecutionDetail) -> Iterator[str]:
    for one in detail.activities:
        if one.failure is not None or one.reason is not None:
            yield from _names(Failure.load(one.failure, one.reason))
    if detail.decision is not None and detail.decision.failure is not None:
        yield detail.decision.failure.partition(":")[0]


def _names(failure: Failure) -> Iterator[str]:
    """Yield the names, with modules and without, of an error's class, its bases and its causes."""
    for one in (failure, *failure.others):
        for name in (f"{one.module}.{one.type}", one.type, *one.bases):
            yield name
            yield name.rpartition(".")[2]


def _waits(
    service: Service, domain: str, info: ExecutionInfo, execution: h.WorkflowExecution
) -> Collection[str]:
    """Return what an open execution waits for, of `filter_terms.WAITS`."""
    if info.status is not Status.OPEN:
        return ()
    detail = service.describe(domain, execution)
    open_items = {
        "activity": bool(detail.activities),
        "timer": bool(detail.timers),
        "child": bool(detail.open_children),
        "decision": detail.decision is not None,
    }
    found = {name for name in ITEMS if open_items.get(name)}
    if detail.decision is None and (not found or _waits_for_signal(service, domain, execution)):
        found.add("signal")
    return found


def _waits_for_signal(service: Service, domain: str, execution: h.WorkflowExecution) -> bool:
    """Whether a worker says so; where something is open, code may wait for a signal as well."""
    told = waits_of_code(service, domain, execution)
    return any(one.startswith("signal ") for one in told or ())


_VALUES = {"error": _errors, "waiting": _waits}
