"""Lists and counts find what they are asked for by an index."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from partita.ports.state import ExecutionFilter, Status
from partita.stores.postgres.store import PostgresStore
from partita.stores.sql.reads import SqlStore
from partita.stores.sqlite.store import SqliteStore
from partita.stores.sqlite.transaction import statement
from partita.testing.conformance.store_arrange import saved
from tests.postgres import server

ROWS = 5_000

FILTERS: dict[str, tuple[dict[str, Any], str]] = {
    "all": ({}, "executions_by_domain"),
    "page": ({"before_run": 4_000}, "executions_by_domain"),
    "id": ({"workflow_id": "w7"}, "executions_by_workflow"),
    "type": ({"type_name": "flow7"}, "executions_by_type"),
    "status": ({"statuses": (Status.FAILED,)}, "executions_by_status"),
    "statuses": ({"statuses": (Status.FAILED, Status.CANCELED)}, "executions_by_status"),
    "after": ({"started_after": 4_900.0}, "executions_by_start"),
    "before": ({"started_before": 90.0}, "executions_by_start"),
    "tag": ({"tag": "rare"}, "tag"),
    "attribute": ({"attributes": (("a", 1),)}, "attributes"),
}
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

    def __int__(self) -> int:
        return 0


def asked(store: SqlStore, ask: Callable[[], Any]) -> list[tuple[str, Any]]:
    """Return the statements, with parameters, that a read would run."""
    found: list[tuple[str, Any]] = []

    def note(_: object, text: str, parameters: Any = ()) -> list[Any]:
        found.append((text, parameters))
        return [Anything()]

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


def counted_and_listed(store: SqlStore, name: str) -> list[tuple[str, Any]]:
    filter = ExecutionFilter(domain="d", **FILTERS[name][0])
    listed = asked(store, lambda: store.executions(filter))
    return listed + asked(store, lambda: store.count_executions(filter))


@pytest.mark.parametrize("name", FILTERS)
def test_sqlite_looks_each_filter_up_in_its_index(sqlite_store: SqliteStore, name: str) -> None:
    for text, parameters in counted_and_listed(sqlite_store, name):
        explain = f"EXPLAIN QUERY PLAN {statement(text)}"
        rows = sqlite_store._reader.execute(explain, tuple(parameters)).fetchall()
        plan = "\n".join(row[3] for row in rows)
        assert FILTERS[name][1] in plan
        assert "SCAN executions" not in plan


def test_postgres_looks_each_filter_up_in_its_index(postgres_store: PostgresStore) -> None:
    connection = postgres_store._writer
    connection.execute("SET enable_seqscan = off")  # of so few rows it may be right
    for name, (_, index) in FILTERS.items():
        for text, parameters in counted_and_listed(postgres_store, name):
            explain = b"EXPLAIN " + postgres_store._statement(text)
            plan = "\n".join(row[0] for row in connection.execute(explain, parameters).fetchall())
            right = {index, "executions_pkey", *(["executions_by_"] if name == "all" else [])}
            assert any(one in plan for one in right), (name, plan)
            assert "Seq Scan on executions" not in plan, (name, plan)


def test_several_statuses_are_listed_newest_first(sqlite_store: SqliteStore) -> None:
    both = (Status.COMPLETED, Status.FAILED)
    filter = ExecutionFilter(domain="d", statuses=both, limit=50)
    runs = [record.run for record in sqlite_store.executions(filter)]
    assert runs == sorted(runs, reverse=True)
    assert len(runs) == 50


def test_tags_of_removed_executions_are_removed(tmp_path: Path) -> None:
    with closing(SqliteStore(tmp_path / "x.db")) as store:
        state = saved(store, "tagged", tag_list=("a", "b", "a"))
        filter = ExecutionFilter(domain="d", tag="a")
        assert [record.run for record in store.executions(filter)] == [state.run]
        with store.transaction() as transaction:
            transaction.remove([state.run])
        assert store.executions(filter) == []
        assert store._reader.execute("SELECT count(*) FROM tags").fetchone() == (0,)
