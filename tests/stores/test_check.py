"""`check` finds every way in which the copies that a database keeps can disagree."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from msgspec.structs import replace

from partita.engine import Engine
from partita.ports.state import OpenTimer
from partita.ports.store import Store
from partita.stores.memory import MemoryStore
from partita.stores.postgres.store import PostgresStore
from partita.stores.sqlite.store import SqliteStore
from partita.testing.conformance.arrange import started
from partita.testing.conformance.store_arrange import activity, saved, write
from tests.postgres import server
from tests.stores import test_postgres, test_sqlite

Change = Callable[..., None]

FAULTS = {
    "DELETE FROM items WHERE kind = 'activity'": "run 1 counts open activities: 1, but has 0",
    "DELETE FROM items WHERE kind = 'timer'": "run 1 counts open timers: 1, but has 0",
    "DELETE FROM items WHERE kind = 'decision'": "the open decision task of run 1: it has none",
    "UPDATE items SET run = 7 WHERE kind = 'timer'": (
        "items of run 7, which is closed or unknown: 1"
    ),
    "UPDATE batches SET run = 7": "batches of run 7, which is unknown: 1",
    "INSERT INTO attributes VALUES (7, 'a', '1')": "attributes of run 7, which is unknown: 1",
    "INSERT INTO attributes VALUES (1, 'a', '1')": (
        "search attributes of run 1 are not what lists look up"
    ),
    "INSERT INTO catalogue VALUES ('limit', 'd', 'list', '{')": (
        "entry limit 'd' 'list' of the catalogue cannot be read: Input data was truncated"
    ),
    "UPDATE executions SET status = 3": "run 1 has status 0, its row 3",
    "DELETE FROM items": "run 1 is open, but nothing in it is, and no decider has ever seen it",
}


@pytest.fixture(params=["sqlite", "postgres"])
def damaged(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Store, Change]]:
    """A store with one execution, and what changes its tables behind its back."""
    url = server().url()
    sqlite = request.param == "sqlite"
    store: Store = SqliteStore(tmp_path / "x.db") if sqlite else PostgresStore(url)
    state = saved(store)
    state.progress = replace(state.progress, open_activities=1, open_timers=1)
    write(store, state, activity("a"), OpenTimer(id="t", started_event_id=3, due=9.0))
    where = tmp_path / "x.db" if sqlite else url
    change = test_sqlite.change if sqlite else test_postgres.change
    with closing(store):
        yield store, lambda *statements: change(where, *statements)  # type: ignore[arg-type]


@pytest.mark.parametrize("statement", FAULTS)
def test_a_fault_is_found(damaged: tuple[Store, Change], statement: str) -> None:
    store, change = damaged
    assert store.check() == []
    change(statement)
    assert FAULTS[statement] in store.check()


def test_memory_is_looked_at_too() -> None:
    store = MemoryStore()
    state = saved(store)
    assert store.check() == []
    state.drop(("decision", ""))
    write(store, state)
    assert len(store.check()) == 2


def test_an_execution_that_waits_for_a_signal_has_nothing_open(store: Store) -> None:
    engine = Engine(store)
    started(engine)
    assert store.items(1) == []
    assert store.check() == []
    engine.close()
