"""Lists of executions, in pages and by every filter at once."""

from __future__ import annotations

from typing import Any

import pytest

from partita.ports.state import ExecutionFilter, Status
from partita.ports.store import Store
from partita.rules import apply, decide
from partita.rules.commands import Terminate
from tests.stores.test_obligations import saved, write

LISTED: dict[str, tuple[dict[str, Any], list[str]]] = {
    "all of a domain": ({}, ["w4", "w3", "w2", "w1", "w0"]),
    "another domain": ({"domain": "other"}, ["w0"]),
    "a tag": ({"tag": "red"}, ["w4", "w2", "w0"]),
    "a part of a tag is no tag": ({"tag": "re"}, []),
    "a tag with a quote": ({"tag": 'say "hi"'}, ["w3"]),
    "a tag that is a pattern": ({"tag": "%"}, []),
    "open": ({"statuses": (Status.OPEN,)}, ["w4", "w3", "w2", "w1"]),
    "one of several statuses": (
        {"statuses": (Status.OPEN, Status.TERMINATED)},
        ["w4", "w3", "w2", "w1", "w0"],
    ),
    "a status that none has": ({"statuses": (Status.FAILED,)}, []),
    "several at once": (
        {"tag": "red", "statuses": (Status.OPEN,), "started_before": 4.0, "type_name": "flow"},
        ["w2"],
    ),
    "none of a type": ({"type_name": "flo"}, []),
    "from a moment on": ({"started_after": 3.0}, ["w4", "w3"]),
    "before a moment": ({"started_before": 1.0}, ["w0"]),
}


@pytest.fixture
def five(store: Store) -> Store:
    """A store with five executions in one domain, and one in another."""
    for number in range(5):
        tags = ("red", "even") if number % 2 == 0 else ('say "hi"',) if number == 3 else ()
        state = saved(store, f"w{number}", tag_list=tags, started_at=float(number))
        if number == 0:
            apply(state, decide(state, Terminate(), 2.0))
            write(store, state)
    saved(store, "w0", domain="other", started_at=9.0)
    return store


@pytest.mark.parametrize("name", LISTED)
def test_a_filter(five: Store, name: str) -> None:
    options, expected = LISTED[name]
    wanted = ExecutionFilter(**{"domain": "d", **options})
    assert [found.execution.workflow_id for found in five.executions(wanted)] == expected
    assert five.count_executions(wanted) == len(expected)


@pytest.mark.parametrize("limit", [1, 2, 5, 6])
def test_pages_hold_each_once(five: Store, limit: int) -> None:
    found: list[str] = []
    before: int | None = None
    while page := five.executions(ExecutionFilter(domain="d", limit=limit, before_run=before)):
        assert len(page) <= limit
        found += [record.execution.workflow_id for record in page]
        before = page[-1].run
    assert found == ["w4", "w3", "w2", "w1", "w0"]


def test_a_count_knows_no_limit(five: Store) -> None:
    assert five.count_executions(ExecutionFilter(domain="d", limit=1)) == 5


def test_a_page_of_none_is_empty(five: Store) -> None:
    assert five.executions(ExecutionFilter(domain="d", limit=0)) == []


def test_what_is_listed_is_what_is_found(five: Store) -> None:
    for record in five.executions(ExecutionFilter(domain="d")):
        execution = record.execution
        assert five.find("d", execution.workflow_id, execution.run_id) == record
