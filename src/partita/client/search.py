"""Find executions by filters and by times, on any service.

A service filters by what it can, which is planned here; by the rest, its pages are filtered here:
first by what they say of an execution, then by what has to be asked of each.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import islice

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from partita.client.filter_terms import TEXT, Term, written
from partita.client.spans import UNITS, moment_of
from partita.client.standing_terms import ASKED, holds
from partita.ports.capabilities import SupportsMatches, supports
from partita.ports.matching import ATTRIBUTE, Match, Pattern
from partita.ports.requests import check_filter, is_wanted
from partita.ports.service import ExecutionInfo, Service
from partita.ports.state import ExecutionFilter, Status

_PAGE = 1_000
"""Executions that are read at a time where all are needed."""

CLOSED = tuple(status for status in Status if status is not Status.OPEN)
_IMPLIED: dict[str, Collection[Status]] = {
    "waiting": (Status.OPEN,),
    "closed": CLOSED,
    "error": tuple(one for one in Status if one.name not in ("COMPLETED", "CONTINUED_AS_NEW")),
}
"""The statuses that executions have for which a term can hold."""


class Search(Struct, frozen=True, kw_only=True):
    """A filter of executions; moments are seconds since the epoch."""

    filter: ExecutionFilter
    closed_after: float | None = None  # at this moment or later
    closed_before: float | None = None
    rest: tuple[Term, ...] = ()  # by which the service cannot filter
    impossible: bool = False  # no execution can pass

    @property
    def is_filtered_here(self) -> bool:
        """Whether the service's pages are filtered once more."""
        by_end = self.closed_after is not None or self.closed_before is not None
        return by_end or bool(self.rest)


def plan(service: Service, base: Search, terms: Iterable[Term], now: float) -> Search:
    """Return what finds executions that pass a search and, in addition, these terms."""
    fields = service.match_fields() if supports(service, SupportsMatches) else frozenset()
    for term in terms:
        base = _with(base, term, fields, now)
    return base


def _with(search: Search, term: Term, fields: Collection[str], now: float) -> Search:
    filter = search.filter
    if term.field in _IMPLIED and (term.field == "closed" or not term.negated):
        search = among(search, _IMPLIED[term.field])
        filter = search.filter
    if term.field == "started":
        return replace(search, filter=_started(filter, term, now))
    if term.field == "closed":
        return _closed(search, term, now)
    if term.field == "status":
        named = {Status[one[0].upper()] for one in term.values}
        return among(search, set(Status) - named if term.negated else named)
    exact = _exact(term)
    if term.field == "id" and exact is not None and filter.workflow_id is None:
        return replace(search, filter=replace(filter, workflow_id=exact))
    if term.field == "type" and exact is not None and filter.type_name is None:
        return replace(search, filter=replace(filter, type_name=exact))
    if term.field == "tag" and exact is not None and filter.tag is None:
        return replace(search, filter=replace(filter, tag=exact))
    name = ATTRIBUTE if term.field.startswith(ATTRIBUTE) else term.field
    if name in fields and "signal" not in (one[0] for one in term.values):
        more = (
            *filter.matches,
            Match(field=term.field, patterns=_patterns(term), negated=term.negated),
        )
        return replace(search, filter=replace(filter, matches=more))
    if name == ATTRIBUTE and exact is not None:  # what cannot filter by attributes says so
        value = msgspec.json.decode(exact) if _is_plain_json(exact) else exact
        pair = (term.field.removeprefix(ATTRIBUTE), value)
        return replace(search, filter=replace(filter, attributes=(*filter.attributes, pair)))
    return replace(search, rest=(*search.rest, term))


def _exact(term: Term) -> str | None:
    if term.negated or len(term.values) != 1 or len(term.values[0]) != 1:
        return None
    return term.values[0][0]


def _patterns(term: Term) -> tuple[Pattern, ...]:
    """Return the patterns of a term's values; those of attributes are of their JSON."""
    if not term.field.startswith(ATTRIBUTE):
        return term.values
    return tuple(one for value in term.values for one in json_patterns(value))


def json_patterns(value: Pattern) -> Iterator[Pattern]:
    """Yield what the JSON of an attribute may be: the text, and the number or word of that form."""
    first, *more = (msgspec.json.encode(part).decode()[1:-1] for part in value)
    texts = ['"' + first, *more]
    texts[-1] += '"'
    yield tuple(texts)
    if value == ("",):
        return
    if len(value) > 1 or _is_plain_json(value[0]):
        yield value


@lru_cache(maxsize=64)
def _is_plain_json(text: str) -> bool:
    try:
        return not isinstance(msgspec.json.decode(text), str)
    except msgspec.DecodeError:
        return False


def among(search: Search, statuses: Collection[Status]) -> Search:
    """Return what finds those that have one of these statuses as well."""
    had = search.filter.statuses or tuple(Status)
    both = tuple(one for one in had if one in statuses)
    if len(both) == len(Status):
        both = ()
    elif not both:
        return replace(search, impossible=True)
    return replace(search, filter=replace(search.filter, statuses=both))


def _bounds(term: Term, now: float) -> tuple[float | None, float | None]:
    """Return the first moment, and the one after the last, that a term of time names.

    A span is compared by its length: `>2h` is longer ago. To negate a time is to turn it round.
    """
    text = term.values[0][0]
    operator = term.operator
    if term.negated:
        operator = {"<": ">=", "<=": ">", ">": "<=", ">=": "<"}[operator]
    if text[-1:] in UNITS:
        operator = operator.translate(str.maketrans("<>", "><"))
    moment = moment_of(text, now)
    if operator in ("<=", ">"):
        moment = math.nextafter(moment, math.inf)
    return (None, moment) if operator[0] == "<" else (moment, None)


def _latest(one: float | None, other: float | None) -> float | None:
    return max((at for at in (one, other) if at is not None), default=None)


def _earliest(one: float | None, other: float | None) -> float | None:
    return min((at for at in (one, other) if at is not None), default=None)


def _started(filter: ExecutionFilter, term: Term, now: float) -> ExecutionFilter:
    since, before = _bounds(term, now)
    return replace(
        filter,
        started_after=_latest(filter.started_after, since),
        started_before=_earliest(filter.started_before, before),
    )


def _closed(search: Search, term: Term, now: float) -> Search:
    since, before = _bounds(term, now)
    return replace(
        search,
        closed_after=_latest(search.closed_after, since),
        closed_before=_earliest(search.closed_before, before),
    )


def find(service: Service, search: Search) -> list[ExecutionInfo]:
    """Return at most as many executions as the filter's limit, newest first."""
    check_filter(search.filter)
    if search.impossible:
        return []
    if not search.is_filtered_here:
        return list(service.list_executions(search.filter).executions)
    return list(islice(every(service, search), search.filter.limit))


def count(service: Service, search: Search) -> int:
    """Count executions; the filter's limit says nothing."""
    if search.impossible:
        return 0
    if not search.is_filtered_here:
        return service.count_executions(search.filter)
    return sum(1 for _ in every(service, search))


def every(service: Service, search: Search) -> Iterator[ExecutionInfo]:
    """Yield all that pass, newest start first, whatever the filter's limit is."""
    wanted: ExecutionFilter | None = None if search.impossible else _narrowed(search)
    quick = [term for term in search.rest if term.field not in ASKED]
    slow = [term for term in search.rest if term.field in ASKED]
    while wanted is not None:
        page = service.list_executions(wanted)
        for info in page.executions:
            if (
                is_wanted(info, wanted)
                and _fits(info, search)
                and all(_passes(info, term) for term in quick)
                and all(holds(service, wanted.domain, info, term) for term in slow)
            ):
                yield info
        more = page.next_page
        wanted = None if more is None else replace(wanted, before_run=more)


def _narrowed(search: Search) -> ExecutionFilter | None:
    """Return what a service can filter by: closed, and begun before the latest end, if by ends."""
    filter = replace(search.filter, limit=_PAGE)
    if search.closed_after is None and search.closed_before is None:
        return filter
    statuses = tuple(one for one in filter.statuses or CLOSED if one is not Status.OPEN)
    if not statuses:
        return None
    before = _earliest(filter.started_before, search.closed_before)
    return replace(filter, statuses=statuses, started_before=before)


def _fits(info: ExecutionInfo, search: Search) -> bool:
    if search.closed_after is None and search.closed_before is None:
        return True
    closed = info.closed_at
    return (
        closed is not None
        and (search.closed_after is None or closed >= search.closed_after)
        and (search.closed_before is None or closed < search.closed_before)
    )


_VALUES: dict[str, Callable[[ExecutionInfo], Sequence[str]]] = {
    "id": lambda info: (info.workflow_id,),
    "run": lambda info: (info.run_id,),
    "type": lambda info: (info.workflow_type.name,),
    "version": lambda info: (info.workflow_type.version,),
    "list": lambda info: (info.task_list,),
    "tag": lambda info: info.tag_list,
}


def _passes(info: ExecutionInfo, term: Term) -> bool:
    """Whether a term holds, by what a list says of an execution."""
    if term.field == TEXT:
        return _mentions(info, term.values[0][0]) is not term.negated
    match = Match(field=term.field, patterns=_patterns(term), negated=term.negated)
    if term.field.startswith(ATTRIBUTE):
        name = term.field.removeprefix(ATTRIBUTE)
        found = info.search_attributes
        return match.fits([msgspec.json.encode(found[name]).decode()] if name in found else [])
    return match.fits(_VALUES[term.field](info))


def _mentions(info: ExecutionInfo, text: str) -> bool:
    """Whether a text is somewhere in what a list says of an execution, in any case."""
    attributes = [msgspec.json.encode(one).decode() for one in info.search_attributes.values()]
    names = (info.workflow_id, info.run_id, info.workflow_type.name, *info.tag_list, *attributes)
    return any(text.casefold() in one.casefold() for one in names)


def said(search: Search) -> str | None:
    """Return by which terms the service cannot filter, for people; None if it filters by all."""
    return written(search.rest) if search.rest else None
