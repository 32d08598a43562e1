"""What no list can be asked for is one clear line, on every store and for every number."""

from __future__ import annotations

from contextlib import closing
from typing import Any

import pytest

from partita.client import Client
from partita.engine import Engine
from partita.errors import InvalidOptionError
from partita.ports.matching import Match
from partita.ports.state import ExecutionFilter
from partita.ports.store import Store
from tests.cli.conftest import Partita, folder, partita  # noqa: F401  # fixtures

MISTAKES: dict[str, dict[str, Any]] = {
    "a huge limit": {"limit": 2**70},
    "a negative limit": {"limit": -1},
    "half a limit": {"limit": 1.5},
    "a limit as text": {"limit": "5"},
    "no limit": {"limit": None},
    "a huge page": {"before_run": 2**70},
    "a page as text": {"before_run": "x"},
    "a moment that is none": {"started_after": float("nan")},
    "a moment as text": {"started_before": "x"},
    "a status as text": {"status": "FAILED"},
    "a status that is none": {"status": 99},
    "a tag that is a number": {"tag": 5},
    "a tag of surrogates": {"tag": "\ud800"},
    "a long type": {"type_name": "x" * 5_000},
    "an id with NUL": {"workflow_id": "a\0"},
    "an attribute with NUL": {"search_attributes": {"a\0": 1}},
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_list_that_cannot_be(store: Store, name: str) -> None:
    with closing(Engine(store)) as engine:
        client = Client(engine)
        with pytest.raises(InvalidOptionError) as caught:
            client.list(**MISTAKES[name])
        assert "\n" not in str(caught.value)
        assert client.list().executions == ()  # the engine goes on


def test_a_match_of_surrogates(store: Store) -> None:
    match = Match(field="id", patterns=(("\ud800", ""),))
    with closing(Engine(store)) as engine:
        for ask in (engine.list_executions, engine.count_executions):
            with pytest.raises(InvalidOptionError):
                ask(ExecutionFilter(matches=(match,)))


@pytest.mark.parametrize("field", ["id", "tag", "attr.a", "type", "status", "waiting"])
def test_as_many_values_as_may_be(store: Store, field: str) -> None:
    values = {"status": "FAILED", "waiting": "timer"}

    def matches(count: int) -> tuple[Match, ...]:
        patterns = [(values.get(field, f"{number}"),) for number in range(count)]
        single = [Match(field=field, patterns=(one,)) for one in patterns[:100]]
        return (*single, Match(field=field, patterns=tuple(patterns[100:])))

    with closing(Engine(store)) as engine:
        assert engine.count_executions(ExecutionFilter(matches=matches(500))) == 0
        assert engine.list_executions(ExecutionFilter(matches=matches(500))).executions == ()
        with pytest.raises(InvalidOptionError, match="501 values"):
            engine.list_executions(ExecutionFilter(matches=matches(501)))


HUGE, LONG = str(2**70), "9" * 400
NUMBERS = {
    "list --limit": (HUGE, "-1", "0", "1e3", "nan", "", LONG),
    "show x --limit": (HUGE, "-1", "0", "1e3", "nan", "", LONG),
    "worker flow.py --processes": (HUGE, "-1", "0", "1e3", "nan", "", LONG),
    "worker flow.py --slots": (HUGE, "-1", "0", "1e3", "nan", "", LONG),
    "serve --insecure-local --poll-seconds": (HUGE, "-1", "nan", "inf", "", LONG),
    "serve --insecure-local --port": (HUGE, "-1", "65536", "nan", "", LONG),
    "query x q --timeout": ("-1", "nan", ""),
}


@pytest.mark.parametrize(
    ("command", "number"),
    [(command, number) for command, numbers in NUMBERS.items() for number in numbers],
)
def test_numbers_of_the_command_line(
    partita: Partita,  # noqa: F811
    command: str,
    number: str,
) -> None:
    said = partita(*command.split(), number)
    assert said.status in (2, 3), said
    assert said.err.splitlines()[-1].startswith("partita: "), said
    assert "Traceback" not in said.err
