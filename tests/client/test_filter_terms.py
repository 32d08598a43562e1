"""Filters are read, written and read again; what cannot be read is pointed at."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from partita.client.filter_terms import FIELDS, STATUSES, TEXT, TIMES, WAITS, Term, parse, written
from partita.errors import InvalidFilterError
from tests.soak import scaled

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
PATTERNS = st.lists(TEXTS, min_size=1, max_size=3).map(tuple)
NAMES = st.one_of(
    st.sampled_from([one for one in FIELDS if one not in (*TIMES, "status", "waiting")]),
    TEXTS.filter(bool).map(lambda name: f"attr.{name}"),
)
SPANS = st.builds("{}{}".format, st.integers(0, 999), st.sampled_from("smhdw"))
MOMENTS = st.datetimes().map(lambda at: at.replace(year=2020).isoformat())


def _one_of(field: str, known: tuple[str, ...]) -> st.SearchStrategy[Term]:
    values = st.lists(st.sampled_from(known).map(lambda one: (one,)), min_size=1).map(tuple)
    return st.builds(Term, field=st.just(field), values=values, negated=st.booleans())


TERMS = st.one_of(
    st.builds(
        Term,
        field=NAMES,
        values=st.lists(PATTERNS, min_size=1, max_size=3).map(tuple),
        negated=st.booleans(),
    ),
    st.builds(
        Term,
        field=st.just(TEXT),
        values=TEXTS.filter(bool).map(lambda text: ((text,),)),
        negated=st.booleans(),
    ),
    st.builds(
        Term,
        field=st.sampled_from(TIMES),
        operator=st.sampled_from(["<", "<=", ">", ">="]),
        values=st.one_of(SPANS, MOMENTS).map(lambda text: ((text,),)),
        negated=st.booleans(),
    ),
    _one_of("status", STATUSES),
    _one_of("waiting", WAITS),
)


@settings(max_examples=scaled(200, 1_500), deadline=None)
@given(st.lists(TERMS, max_size=5).map(tuple))
def test_what_is_written_is_read_as_it_was(terms: tuple[Term, ...]) -> None:
    text = written(terms)
    assert parse(text) == terms
    assert written(parse(text)) == text


@settings(max_examples=scaled(200, 1_500), deadline=None)
@given(st.text(st.sampled_from('ab:,*"\\ <>=-.1hs\nstatus'), max_size=30))
def test_any_text_is_read_or_pointed_at(text: str) -> None:
    try:
        terms, error = parse(text), None
    except InvalidFilterError as caught:
        terms, error = (), caught
    if error is None:
        assert parse(written(terms)) == terms
        return
    line, carets = error.pointed().split("\n")
    assert carets.strip(" ") == "^" * max(1, error.end - error.start)
    assert 0 <= error.start <= error.end <= len(text) + 1
    assert len(line) == len(text)
    assert "\n" not in str(error)


READ = {
    "": (),
    "status:Failed,timed_out": (Term(field="status", values=(("failed",), ("timed_out",))),),
    "id:order-*": (Term(field="id", values=(("order-", ""),)),),
    'id:"a*b"': (Term(field="id", values=(("a*b",),)),),
    "id:a\\*b": (Term(field="id", values=(("a*b",),)),),
    'type:a" "b,c': (Term(field="type", values=(("a b",), ("c",))),),
    "attr.customer=42": (Term(field="attr.customer", values=(("42",),)),),
    'attr."two words":x': (Term(field="attr.two words", values=(("x",),)),),
    "-tag:eu": (Term(field="tag", values=(("eu",),), negated=True),),
    "started:>2h": (Term(field="started", operator=">", values=(("2h",),)),),
    "closed:<=2026-11-21T18:30": (
        Term(field="closed", operator="<=", values=(("2026-11-21T18:30",),)),
    ),
    '"free text" word': (
        Term(field=TEXT, values=(("free text",),)),
        Term(field=TEXT, values=(("word",),)),
    ),
}


@pytest.mark.parametrize("text", READ)
def test_terms(text: str) -> None:
    assert parse(text) == READ[text]


POINTED = {
    "status:faled type:x": ("       ^^^^^", "did you mean failed"),
    "tag:a stauts:failed": ("      ^^^^^^", "did you mean status"),
    "waiting:sig": ("        ^^^", "did you mean signal"),
    "colour:red": ("^^^^^^", "there are status, type, id"),
    "started:2h": ("        ^^", "needs < or >"),
    "started:>": ("        ^", "is no moment"),
    "closed:<soon": ("       ^^^^^", "'soon' is no moment"),
    "started:>99999999999d": ("        ^^^^^^^^^^^^^", "is no moment"),
    "type:": ("     ^", "type has no value"),
    "id:a,,b": ("     ^", "id has no value"),
    'tag:x "open': ("      ^", "not closed"),
    "a*b": ("^^^", "no wildcards"),
    "-": (" ^", "no wildcards"),
    "id:a\\": ("    ^", "followed by nothing"),
    'attr."x"': ("^^^^^^^^", "needs a value"),
}


@pytest.mark.parametrize("text", POINTED)
def test_what_cannot_be_read_is_pointed_at(text: str) -> None:
    carets, why = POINTED[text]
    with pytest.raises(InvalidFilterError) as caught:
        parse(text)
    assert caught.value.pointed() == f"{text}\n{carets}"
    assert why in str(caught.value)
