"""JSONPath as Jayway and AWS read it."""

from __future__ import annotations

from typing import Any

import pytest

from partita.asl.failures import EvaluationFault, StateFailure
from partita.asl.path_reader import PathMissingError, PathSyntaxError
from partita.asl.paths import parse_path
from partita.asl.reference_paths import ReferencePath

BOOKS = [
    {"title": "Emma", "price": 8, "tags": ["old"]},
    {"title": "Dune", "price": 12.5, "tags": []},
    {"title": "Ulysses", "price": 9, "isbn": "1"},
]
STORE: dict[str, Any] = {
    "store": {"books": BOOKS, "a b": 1, "null": None},
    "max": 9,
    "n": [3, 1, 2],
}


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("$", STORE),
        ("$.max", 9),
        ("$['max']", 9),
        ('$["store"]["a b"]', 1),
        ("$.store.null", None),
        ("$.store.books[0].title", "Emma"),
        ("$.store.books[-1].title", "Ulysses"),
        ("$.n[1]", 1),
        ("$.n.length()", 3),
        ("$.n.max()", 3.0),
        ("$.n.sum()", 6.0),
        ("$.store.keys()", ["books", "a b", "null"]),
    ],
)
def test_a_definite_path_gives_the_value(path: str, value: Any) -> None:
    parsed = parse_path(path)
    assert parsed.definite
    assert parsed.find(STORE) == value


@pytest.mark.parametrize(
    ("path", "titles"),
    [
        ("$.store.books[*].title", ["Emma", "Dune", "Ulysses"]),
        ("$..title", ["Emma", "Dune", "Ulysses"]),
        ("$.store.books[0,2].title", ["Emma", "Ulysses"]),
        ("$.store.books[1:].title", ["Dune", "Ulysses"]),
        ("$.store.books[:-1].title", ["Emma", "Dune"]),
        ("$.store.books[9:].title", []),
        ("$.store.books[?(@.isbn)].title", ["Ulysses"]),
        ("$.store.books[?(@.price < 10)].title", ["Emma", "Ulysses"]),
        ("$.store.books[?(@.price <= $.max)].title", ["Emma", "Ulysses"]),
        ("$.store.books[?(@.price > 8 && @.price < 10)].title", ["Ulysses"]),
        ("$.store.books[?(@.title == 'Emma' || @.title == 'Dune')].title", ["Emma", "Dune"]),
        ("$.store.books[?(!(@.isbn))].title", ["Emma", "Dune"]),
        ("$.store.books[?(@.title =~ /e.*/i)].title", ["Emma"]),
        ("$.store.books[?(@.title in ['Dune', 'Emma'])].title", ["Emma", "Dune"]),
        ("$.store.books[?(@['title'] != 'Dune')].title", ["Emma", "Ulysses"]),
        ("$.store.books[?(@.tags empty true)].title", ["Dune"]),
        ("$.store.books[?(@.tags[0] == 'old')].title", ["Emma"]),
        ("$.nothing[*].title", []),
        ("$.nothing.at.all[1:]", []),
        ("$.max[?(@.x)]", []),
    ],
)
def test_an_indefinite_path_gives_a_list(path: str, titles: list[str]) -> None:
    parsed = parse_path(path)
    assert not parsed.definite
    assert parsed.find(STORE) == titles


def test_a_pattern_has_a_time_limit() -> None:
    path = parse_path("$[?(@ =~ /(a+)+b/)]")
    assert path.find(["aab", "b", 1]) == ["aab"]
    with pytest.raises(EvaluationFault, match="could not be evaluated"):
        path.find(["a" * 60])


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("$.a", "No results for path: $['a']"),
        ("$.store.a", "No results for path: $['store']['a']"),
        ("$.a.b", "Missing property in path $['a']"),
        ("$.n[7]", "Index out of bounds when evaluating path $['n'][7]"),
        ("$.max[0]", "Filter: [0] can only be applied to arrays. Current context is: $['max']"),
    ],
)
def test_a_definite_path_that_leads_nowhere_is_a_fault(path: str, message: str) -> None:
    with pytest.raises(PathMissingError) as raised:
        parse_path(path).find(STORE)
    assert str(raised.value) == message


@pytest.mark.parametrize(
    "path", ["", "a", "$.", "$a", "$[", "$['a", "$.a[b]", "$.a[?(@.x]", "$.a b"]
)
def test_what_is_no_path_is_refused(path: str) -> None:
    with pytest.raises(PathSyntaxError):
        parse_path(path)


def test_a_result_is_put_at_a_reference_path() -> None:
    before = {"a": {"b": 1}, "list": [1, 2]}
    assert ReferencePath("$.a.c.d").put(before, 2) == {**before, "a": {"b": 1, "c": {"d": 2}}}
    assert ReferencePath("$.list[1]").put(before, 9)["list"] == [1, 9]
    assert ReferencePath("$").put(before, 5) == 5
    assert ReferencePath("$['x']").put(None, 5) == {"x": 5}
    assert before == {"a": {"b": 1}, "list": [1, 2]}


def test_a_result_cannot_be_put_into_a_text() -> None:
    with pytest.raises(StateFailure):
        ReferencePath("$.a.b").put({"a": "text"}, 1)
    with pytest.raises(PathSyntaxError):
        ReferencePath("$.a[*]")
