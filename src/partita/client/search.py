"""Find executions by the times at which they began and ended, on any service.

Services filter by everything but the end; by that, their pages are filtered here.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from msgspec import Struct
from msgspec.structs import replace

from partita.ports.service import ExecutionInfo, Service
from partita.ports.state import ExecutionFilter, Status

_PAGE = 1_000
"""Executions that are read at a time where all are needed."""

_CLOSED = tuple(status for status in Status if status is not Status.OPEN)


class Search(Struct, frozen=True, kw_only=True):
    """A filter of executions; moments are seconds since the epoch."""

    filter: ExecutionFilter
    closed_after: float | None = None  # at this moment or later
    closed_before: float | None = None

    @property
    def by_end(self) -> bool:
        """Whether it filters by the end."""
        return self.closed_after is not None or self.closed_before is not None


def find(service: Service, search: Search) -> list[ExecutionInfo]:
    """Return at most as many executions as the filter's limit, newest first."""
    if not search.by_end:
        return list(service.list_executions(search.filter).executions)
    return list(islice(_ended(service, search), search.filter.limit))


def count(service: Service, search: Search) -> int:
    """Count executions; the filter's limit says nothing."""
    if not search.by_end:
        return service.count_executions(search.filter)
    return sum(1 for _ in _ended(service, search))


def _ended(service: Service, search: Search) -> Iterator[ExecutionInfo]:
    """Yield what has ended in time, newest start first."""
    wanted: ExecutionFilter | None = _narrowed(search)
    while wanted is not None:
        page = service.list_executions(wanted)
        yield from (info for info in page.executions if _fits(info, search))
        more = page.next_page
        wanted = None if more is None else replace(wanted, before_run=more)


def _narrowed(search: Search) -> ExecutionFilter | None:
    """Return what a service can filter by: closed, and begun before the latest end."""
    filter = search.filter
    statuses = tuple(one for one in filter.statuses or _CLOSED if one is not Status.OPEN)
    if not statuses:
        return None
    limits = [at for at in (filter.started_before, search.closed_before) if at is not None]
    before = min(limits) if limits else None
    return replace(filter, statuses=statuses, started_before=before, limit=_PAGE)


def _fits(info: ExecutionInfo, search: Search) -> bool:
    closed = info.closed_at
    return (
        closed is not None
        and (search.closed_after is None or closed >= search.closed_after)
        and (search.closed_before is None or closed < search.closed_before)
    )
