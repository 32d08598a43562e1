"""Lists and counts find what they are asked for by an index."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from partita.ports.matching import Match
from partita.ports.state import ExecutionFilter, Status
from partita.stores.postgres.store import PostgresStore
from partita.stores.sql.listing import FEW, STARTED
from partita.stores.sql.reads import SqlStore
from partita.stores.sqlite.store import SqliteStore
from partita.stores.sqlite.transaction import statement
from partita.testing.conformance.store_arrange import saved
from tests.postgres import server

ROWS = 5_000


def _id(*patterns: tuple[str, ...], negated: bool = False) -> Match:
    return Match(field="id", patterns=patterns, negated=negated)


FILTERS: dict[str, tuple[dict[str, Any], str]] = {
    "all": ({}, ""),
    "page": ({"before_run": 4_000}, ""),
    "id": ({"workflow_id": "w7"}, "executions_(by_workflow|by_id|open)"),
    "beginning of an id": ({"matches": (_id(("w7", "")),)}, "executions_by_(workflow|id)"),
    "pattern of an id": ({"matches": (_id(("w7", "1", "")),)}, "executions_by_(workflow|id)"),
    "other ids": ({"matches": (_id(("w7", ""), negated=True),)}, ""),
    "type": ({"type_name": "flow7"}, "executions_by_type"),
    "status": ({"statuses": (Status.FAILED,)}, "executions_by_status"),
    "statuses": ({"statuses": (Status.FAILED, Status.CANCELED)}, "executions_by_status"),
    "after": ({"started_after": 4_900.0}, "executions_by_(start|status|type)"),
    "before": ({"started_before": 90.0}, "executions_by_(start|status|type)"),
    "between": (
        {"started_after": 70.0, "started_before": 90.0},
        "executions_by_(start|status|type)",
    ),
    "status and time": (
        {"statuses": (Status.FAILED,), "started_after": 70.0},
        "executions_by_(start|status)",
    ),
    "type and time": (
        {"type_name": "flow7", "started_before": 90.0},
        "executions_by_(start|type)",
    ),
    "tag": ({"tag": "rare"}, "tag"),
    "tags": ({"matches": (Match(field="tag", patterns=(("rare",), ("ra", "e"))),)}, ""),
    "attribute": ({"attributes": (("a", 1),)}, "attributes"),
    "values of an attribute": (
        {"matches": (Match(field="attr.a", patterns=(("1",), ('"1"',))),)},
        "attributes",
    ),
    "waiting": (
        {"statuses": (Status.OPEN,), "matches": (Match(field="waiting", patterns=(("timer",),)),)},
        r"items|PRIMARY KEY \(run",
    ),
}
"""What is looked for, and what of its plan's indexes must be there; an empty text: any."""

COPY_SQLITE = f"""WITH RECURSIVE g (v) AS (SELECT 1 UNION ALL SELECT v + 1 FROM g WHERE v < {ROWS})
INSERT INTO executions
SELECT v + 1, iif(v % 2, 'd', 'other'), 'w' || v, 'r' || v, 'flow' || (v % 50),
iif(v % 40, 1, 2), v, iif(v % 100, '[]', '["rare"]'), execution, progress FROM executions, g
WHERE run = 1"""
COPY_POSTGRES = f"""INSERT INTO executions
SELECT v + 1000000, CASE v % 2 WHEN 1 THEN 'd' ELSE 'other' END,
'w' || v, 0, 'r' || v, 'flow' || (v % 50), CASE v % 40 WHEN 0 THEN 2 ELSE 1 END, 0, v,
CASE v % 100 WHEN 0 THEN ARRAY['rare'] ELSE '{{}}' END, execution, progress
FROM executions, generate_series(1, {ROWS}) v WHERE workflow_id = 'first'"""


class Anything:
    """What a statement returns that is not run."""

    run = 0

    def __init__(self, count: int) -> None:
        self.count = count
        self.execution = self
        self.started_at = 0.0

    def __int__(self) -> int:
        return self.count

    def __float__(self) -> float:
        return 4_000.0


def asked(store: SqlStore, ask: Callable[[], Any], count: int) -> list[tuple[str, Any]]:
    """Return the statements, with parameters, that a read would run, if conditions fit so many."""
    found: list[tuple[str, Any]] = []

    def note(_: object, text: str, parameters: Any = ()) -> list[Any]:
        found.append((text, parameters))
        return [4_000.0 if text == STARTED else Anything(count)]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(store, "_all", note)
        ask()
    return found


@pytest.fixture(scope="module")
def sqlite_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SqliteStore]:
    with closing(SqliteStore(tmp_path_factory.mktemp("many") / "x.db")) as store:
        saved(store, "first")
        store._writer.execute(COPY_SQLITE)
        yield store


@pytest.fixture
def postgres_store() -> Iterator[PostgresStore]:
    with closing(PostgresStore(server().url())) as store:
        saved(store, "first")
        schema = store._statement("@executions").decode()
        attributes = store._statement("@attributes").decode()
        store._writer.execute(COPY_POSTGRES.replace("executions", schema).encode())
        store._writer.execute(f"VACUUM ANALYZE {schema}".encode())
        store._writer.execute(f"ANALYZE {attributes}".encode())
        yield store


def counted_and_listed(store: SqlStore, name: str, count: int) -> list[tuple[str, Any]]:
    filter = ExecutionFilter(domain="d", **FILTERS[name][0])
    listed = asked(store, lambda: store.executions(filter), count)
    return listed + asked(store, lambda: store.count_executions(filter), count)


@pytest.mark.parametrize("count", [0, FEW + 1], ids=["few", "many"])
@pytest.mark.parametrize("name", FILTERS)
def test_sqlite_looks_each_filter_up_in_its_index(
    sqlite_store: SqliteStore, name: str, count: int
) -> None:
    plans = []
    for text, parameters in counted_and_listed(sqlite_store, name, count):
        explain = f"EXPLAIN QUERY PLAN {statement(text)}"
        rows = sqlite_store._reader.execute(explain, tuple(parameters)).fetchall()
        plans.append("\n".join(row[3] for row in rows))
        assert not re.search(r"SCAN (e|executions)\b(?! USING)", plans[-1])
        if count > FEW and "LIMIT" in text and "p LIMIT" not in text:
            assert "TEMP B-TREE" not in plans[-1]  # it is walked in order, and stops
    assert re.search(FILTERS[name][1], "\n".join(plans))


@pytest.mark.parametrize("count", [0, FEW + 1], ids=["few", "many"])
def test_postgres_looks_each_filter_up_in_its_index(
    postgres_store: PostgresStore, count: int
) -> None:
    connection = postgres_store._writer
    connection.execute("SET enable_seqscan = off")  # of so few rows it may be right
    for name, (_, index) in FILTERS.items():
        plans = []
        for text, parameters in counted_and_listed(postgres_store, name, count):
            explain = b"EXPLAIN " + postgres_store._statement(text)
            rows = connection.execute(explain, parameters).fetchall()
            plans.append("\n".join(row[0] for row in rows))
            assert "Seq Scan on executions" not in plans[-1], (name, plans[-1])
        assert re.search(f"{index}|executions_pkey", "\n".join(plans)), (name, plans)


def test_several_statuses_are_listed_newest_first(sqlite_store: SqliteStore) -> None:
    both = (Status.COMPLETED, Status.FAILED)
    filter = ExecutionFilter(domain="d", statuses=both, limit=50)
    runs = [record.run for record in sqlite_store.executions(filter)]
    assert len(runs) == 50
    assert len(set(runs)) == 50


def test_tags_of_removed_executions_are_removed(tmp_path: Path) -> None:
    with closing(SqliteStore(tmp_path / "x.db")) as store:
        state = saved(store, "tagged", tag_list=("a", "b", "a"))
        filter = ExecutionFilter(domain="d", tag="a")
        assert [record.run for record in store.executions(filter)] == [state.run]
        with store.transaction() as transaction:
            transaction.remove([state.run])
        assert store.executions(filter) == []
        assert store._reader.execute("SELECT count(*) FROM tags").fetchone() == (0,)
