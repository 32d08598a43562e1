"""Remove closed executions of a service on request, into an archive first if one is given."""

from __future__ import annotations

import time
from collections.abc import Iterator

from msgspec import Struct

from partita.authoring.options import Seconds, seconds
from partita.client.execution_client import exported
from partita.client.spans import UNITS as UNITS
from partita.client.spans import read_span as read_span
from partita.errors import InvalidOptionError
from partita.history import WorkflowExecution
from partita.operations.archive import Archive
from partita.ports.capabilities import Prunable, PruneRequest, Pruning, supports
from partita.ports.service import ExecutionInfo, Service, title_of

SHORTEST_RETENTION = 60.0
"""Seconds. Whoever waits for a result must find the execution that has it."""


class Pruned(Struct, frozen=True):
    """What became of some executions that go together."""

    infos: tuple[ExecutionInfo, ...]
    removed: int  # fewer: others needed them, or had removed them, by then


def prune(
    service: Service, request: PruneRequest, *, archive: Archive | None = None, dry: bool = False
) -> Iterator[Pruned]:
    """Remove what the request names and may go, some at a time, and tell of it.

    With an archive, each history is on the disk there before it is removed. A `dry` run only
    tells. It can be stopped at any moment: what was told of is done.

    Raises:
        InvalidOptionError: nothing can be removed from this service.
    """
    pruning = pruning_of(service)
    after: tuple[float, int] | None = (0.0, 0)
    gone: set[int] = set()
    while after is not None:
        began = time.monotonic()
        page = pruning.prunable(request, after, gone)
        found = [one for group in page.groups for one in group]
        if dry:
            gone.update(one.key for one in found)
        elif found:
            if archive is not None:
                archive.append(exported(service, request.domain, _exactly(one)) for one in found)
            removed = pruning.prune(request, [one.key for one in found])
        if found:
            yield Pruned(tuple(one.info for one in found), 0 if dry else removed)
        after = page.next
        if not dry:
            time.sleep(time.monotonic() - began)  # others want to write, too


def _exactly(one: Prunable) -> WorkflowExecution:
    return WorkflowExecution(one.info.workflow_id, one.info.run_id)


def pruning_of(service: Service) -> Pruning:
    """Return the service as one from which executions can be removed.

    Raises:
        InvalidOptionError: it is none.
    """
    if not supports(service, Pruning):
        raise InvalidOptionError(
            f"{title_of(service)} removes closed executions by its own rules; "
            "only those in a database of Partita's can be pruned"
        )
    return service


def set_retention(service: Service, domain: str, span: Seconds | None) -> None:
    """Set how long a domain keeps closed executions; None keeps them for ever.

    Raises:
        InvalidOptionError: it is no span of time, or too short to be meant.
    """
    length = seconds("retention", span)
    if length is not None and length < SHORTEST_RETENTION:
        raise InvalidOptionError(
            f"a retention of {length:g} s: whoever waits for a result would not find it; "
            f"give {SHORTEST_RETENTION:g} s or more"
        )
    pruning_of(service).set_retention(domain, length)


def span_text(seconds: float) -> str:
    """Return a span as `read_span` takes it, in the largest unit that leaves no fraction."""
    whole = [unit for unit in "dhm" if seconds and seconds % UNITS[unit] == 0]
    unit = whole[0] if whole else "s"
    return f"{seconds / UNITS[unit]:.12g}{unit}"
