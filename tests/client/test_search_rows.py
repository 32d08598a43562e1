"""What filters find in a database is what a naive filter finds of the same executions."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from partita.client.filter_terms import Term, written
from partita.client.search import Search, count, find, plan
from partita.engine import Engine
from partita.engine.reads import info_of
from partita.ports.matching import Match, Pattern
from partita.ports.service import ExecutionInfo
from partita.ports.state import ExecutionFilter, OpenTimer, Status
from partita.ports.store import Record, Store
from partita.rules import apply, decide
from partita.rules.commands import Terminate
from partita.stores.sql import reads
from partita.testing.conformance.store_arrange import activity, committed, new_state
from tests.conftest import STORES, new_store
from tests.soak import scaled

NOW = 1_700_000_000.0
IDS = ("order-1", "order-2", "order-10", "order_1", "Order-1", "o*1", "o[1", "o\\1", "ö%1", "a b")
TYPES = ("checkout", "check", "ship")
TAGS = ("eu", "us", "e", "e*u", "e%u")
VALUES = (1, 1.5, "1", "eu", 'q"', "", True, None, [1], 10)
"""What random executions are made of: what patterns could mistake for something else."""

MISSING = object()
KINDS = ("activity", "timer", "child", "decision", "lambda")
Made = tuple[ExecutionInfo, frozenset[str]]


def _filled(store: Store) -> list[Made]:
    """Write executions of all sorts; return them, with the kinds of what is open in each."""
    ids = itertools.cycle(IDS)
    types, tags = itertools.cycle(TYPES), itertools.cycle(itertools.combinations(TAGS, 2))
    values = itertools.cycle(VALUES)
    made = []
    for number in range(60):
        domain = "elsewhere" if number % 13 == 12 else "d"
        started_at = NOW - (number * 37 % 60) * 3600.0
        with store.transaction() as transaction:
            state = new_state(
                transaction,
                next(ids) + (str(number // 10) if number >= 10 else ""),
                domain=domain,
                type_name=next(types),
                tag_list=next(tags) if number % 3 else (),
                started_at=started_at,
            )
            attributes = {"size": next(values), "x y": number % 4} if number % 2 else {}
            state.progress = replace(state.progress, search_attributes=attributes)
            state.reindex = True
            if number % 4 == 1:
                state.put(activity("a", queue="q"))
            if number % 4 == 2:
                state.put(OpenTimer(id="t", started_event_id=3, due=NOW))
            if number % 5 == 0:
                apply(state, decide(state, Terminate(), started_at + number * 60))
            transaction.write([state])
        committed(state)
        if domain == "d":
            made.append(
                (
                    info_of(Record(state.run, state.execution, state.progress)),
                    frozenset(item.kind for item in store.items(state.run)),
                )
            )
    return made


@pytest.fixture(params=STORES, scope="module")
def filled(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Engine, list[Made]]]:
    store = new_store(request.param, tmp_path_factory.mktemp("rows"))
    with closing(Engine(store)) as engine:
        yield engine, _filled(store)


# -- the naive filter


def _like(pattern: Pattern, value: str) -> bool:
    """Whether a text is made of these parts, with any texts between them."""
    first, *rest = pattern
    if not rest:
        return value == first
    if not value.startswith(first):
        return False
    value = value[len(first) :]
    return any(_like(tuple(rest), value[at:]) for at in range(len(value) + 1))


def _texts(value: Any) -> list[str]:
    """Return how the value of an attribute may be written in a filter."""
    return [value] if isinstance(value, str) else [msgspec.json.encode(value).decode()]


SPANS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
COMPARED: dict[str, Callable[[float, float], bool]] = {
    "<": lambda age, span: age < span,
    "<=": lambda age, span: age <= span,
    ">": lambda age, span: age > span,
    ">=": lambda age, span: age >= span,
}


def _is_aged(at: float | None, term: Term) -> bool:
    if at is None:
        return False
    text = term.values[0][0]
    return COMPARED[term.operator](NOW - at, float(text[:-1]) * SPANS[text[-1]]) is not term.negated


def naive(made: Made, term: Term) -> bool:
    info, kinds = made
    if term.field == "started":
        return _is_aged(info.started_at, term)
    if term.field == "closed":
        return _is_aged(info.closed_at, term)
    if term.field == "text":
        every = [info.workflow_id, info.run_id, info.workflow_type.name, *info.tag_list]
        every += [msgspec.json.encode(one).decode() for one in info.search_attributes.values()]
        return any(term.values[0][0].lower() in one.lower() for one in every) is not term.negated
    name = term.field.removeprefix("attr.")
    attribute = info.search_attributes.get(name, MISSING)
    values = {
        "id": [info.workflow_id],
        "run": [info.run_id],
        "type": [info.workflow_type.name],
        "tag": list(info.tag_list),
        "status": [info.status.name.lower()],
        "waiting": sorted(kinds),
        "list": [info.task_list],
    }.get(term.field, [] if attribute is MISSING else _texts(attribute))
    found = any(_like(pattern, value) for pattern in term.values for value in values)
    return found is not term.negated


# -- random filters


def _pieces(texts: tuple[str, ...]) -> st.SearchStrategy[Pattern]:
    whole = st.sampled_from(texts).map(lambda text: (text,))
    cut = st.builds(
        lambda text, at, more: (text[:at], *(("",) if more else (text[at + 1 :],))),
        st.sampled_from(texts),
        st.integers(0, 6),
        st.booleans(),
    )
    return st.one_of(whole, cut)


def _terms(field: str, patterns: st.SearchStrategy[Pattern]) -> st.SearchStrategy[Term]:
    values = st.lists(patterns, min_size=1, max_size=3).map(tuple)
    return st.builds(Term, field=st.just(field), values=values, negated=st.booleans())


def _aged(field: str) -> st.SearchStrategy[Term]:
    spans = st.builds(lambda n, unit: ((f"{n}{unit}",),), st.integers(0, 70), st.sampled_from("mh"))
    operator = st.sampled_from(sorted(COMPARED))
    return st.builds(
        Term, field=st.just(field), values=spans, operator=operator, negated=st.booleans()
    )


ATTRIBUTES = ("1", "1.5", "eu", 'q"', "", "true", "null", "[1]", "10")
TERMS = st.one_of(
    _terms("id", _pieces(tuple(IDS) + tuple(f"{one}3" for one in IDS))),
    _terms("run", _pieces(tuple(f"run-of-{one}" for one in IDS))),
    _terms("type", _pieces(TYPES)),
    _terms("tag", _pieces(TAGS)),
    _terms("list", _pieces(("default",))),
    _terms("attr.size", st.sampled_from(ATTRIBUTES).map(lambda text: (text,))),
    _terms("attr.x y", _pieces(("0", "3"))),
    _terms("status", st.sampled_from(list(Status)).map(lambda one: (one.name.lower(),))),
    _terms("waiting", st.sampled_from(KINDS).map(lambda kind: (kind,))),
    _aged("started"),
    _aged("closed"),
    st.builds(Term, field=st.just("text"), values=st.just((("RD",),)), negated=st.booleans()),
)


@settings(
    max_examples=scaled(120, 1_500),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.lists(TERMS, min_size=1, max_size=3).map(tuple), st.sampled_from([0, 5, 2_000]))
def test_the_rows_of_a_filter(
    filled: tuple[Engine, list[Made]], terms: tuple[Term, ...], few: int
) -> None:
    engine, everything = filled
    wanted = [made for made in everything if all(naive(made, term) for term in terms)]
    search = plan(engine, Search(filter=ExecutionFilter(domain="d", limit=1_000)), terms, NOW)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reads, "FEW", few)
        found = find(engine, search)
        assert count(engine, search) == len(wanted), written(terms)
    names = [(info.started_at, info.run_id) for info in found]
    assert sorted(names) == sorted((info.started_at, info.run_id) for info, _ in wanted), written(
        terms
    )
    assert [at for at, _ in names] == sorted((at for at, _ in names), reverse=True)


def test_pages_of_a_filter_hold_each_once(filled: tuple[Engine, list[Made]]) -> None:
    engine, everything = filled
    terms = (Term(field="id", values=(("", "1", ""),)), Term(field="status", values=(("open",),)))
    search = plan(engine, Search(filter=ExecutionFilter(domain="d", limit=3)), terms, NOW)
    wanted = [
        info.run_id for info, kinds in everything if all(naive((info, kinds), t) for t in terms)
    ]
    found: list[str] = []
    filter: ExecutionFilter | None = search.filter
    while filter is not None:
        page = engine.list_executions(filter)
        found += [info.run_id for info in page.executions]
        filter = None if page.next_page is None else replace(filter, before_run=page.next_page)
    assert sorted(found) == sorted(wanted)
    assert len(wanted) > 3


def test_patterns_of_many_wildcards_take_no_longer() -> None:
    match = Match(field="id", patterns=(("", *["a"] * 40, "b"),))
    assert not match.fits(["a" * 500])
    assert match.fits(["a" * 500 + "b"])


@settings(max_examples=scaled(300, 20_000), deadline=None)
@given(st.lists(st.text("ab*", max_size=3), min_size=1, max_size=4).map(tuple), st.text("ab*"))
def test_patterns_fit_what_a_naive_filter_says(pattern: Pattern, value: str) -> None:
    assert Match(field="id", patterns=(pattern,)).fits([value]) is _like(pattern, value)
