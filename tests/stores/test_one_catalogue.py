"""What older databases keep in tables of its own kind moves into the catalogue, unchanged."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from partita.engine import catalogue
from partita.ports.catalogue import Answer, LimitRecord, Question, Retention, WorkerRecord
from partita.ports.store import Store
from partita.stores.maintenance import Maintenance
from partita.stores.postgres import schema as postgres_schema
from partita.stores.postgres.maintenance import PostgresMaintenance
from partita.stores.postgres.store import PostgresStore
from partita.stores.sql.migrations import migrations
from partita.stores.sqlite import schema as sqlite_schema
from partita.stores.sqlite.maintenance import SqliteMaintenance
from partita.stores.sqlite.store import SqliteStore
from partita.testing.conformance.store_arrange import saved
from tests.postgres import server
from tests.stores import test_postgres, test_sqlite

ODD = """it's "odd" \\ \t日本"""
BEFORE = {"sqlite": 4, "postgres": 3}  # scripts before the one that moves everything
WORKER = WorkerRecord(id="me", machine=ODD, pid=7, born="", lease_until=1796075549.123456)
LIMIT = LimitRecord(domain="d", task_list=ODD, concurrency=2)
RATE = LimitRecord(domain="d", task_list="r", per_second=0.1, burst=3.0, tokens=2.5, filled_at=9.5)
KEPT = Retention(domain="d", seconds=60.0, next_at=1.5)
OPEN = Question(id="q1", domain="d", run=1, type_key="w@1", name=ODD, input=None, asked_at=1.5)
DONE = Question(
    id="q2",
    domain="d",
    run=1,
    type_key="w@1",
    name="n",
    input='["é"]',
    asked_at=2.5,
    answer=Answer(code="X", message=ODD),
)
OLD = (
    "INSERT INTO workers VALUES ('me', '{odd}', 7, '', 1796075549.123456)",
    "INSERT INTO types VALUES ('d', 'w@1'), ('d', 'w@2'), ('other', 'w@1')",
    "INSERT INTO limits VALUES ('d', '{odd}', 2, NULL, 1, 0, 0), "
    "('d', 'r', NULL, 0.1, 3, 2.5, 9.5)",
    "INSERT INTO retentions VALUES ('d', 60, 1.5)",
    "INSERT INTO questions (id, domain, run, type_key, name, input, asked_at, answer) VALUES "
    "('q1', 'd', 1, 'w@1', '{odd}', NULL, 1.5, NULL), ('q2', 'd', 1, 'w@1', 'n', '[\"é\"]', 2.5, "
    """'{{"result": null, "code": "X", "message": "it''s \\"odd\\" \\\\ \\t日本"}}')""",
)


class Old:
    """A database of the schema before, filled by its own statements."""

    def __init__(self, kind: str, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self._is_file = kind == "sqlite"
        self._where: Any = folder / "x.db" if self._is_file else server().url()
        module = sqlite_schema if self._is_file else postgres_schema
        scripts = migrations(kind)[: BEFORE[kind]]
        with patch.context() as patched:
            patched.setattr(module, "migrations", lambda _: scripts)
            with closing(self.open()) as store:
                saved(store)
        change: Callable[..., None] = test_sqlite.change if self._is_file else test_postgres.change
        change(self._where, *(text.format(odd=ODD.replace("'", "''")) for text in OLD))

    def open(self) -> Store:
        return SqliteStore(self._where) if self._is_file else PostgresStore(self._where)

    def maintenance(self) -> Maintenance:
        return SqliteMaintenance(self._where) if self._is_file else PostgresMaintenance(self._where)


@pytest.fixture(params=["sqlite", "postgres"])
def old(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Old:
    return Old(request.param, tmp_path, monkeypatch)


def test_everything_is_found_in_the_catalogue(old: Old) -> None:
    with closing(old.open()) as store:
        assert catalogue.workers(store) == [WORKER]
        assert catalogue.limits(store, "d") == {ODD: LIMIT, "r": RATE}
        assert catalogue.retentions(store) == [KEPT]
        assert catalogue.questions(store, "d") == [OPEN, DONE]
        known = [("d", "w@1"), ("d", "w@2"), ("other", "w@1"), ("other", "w@2")]
        assert [catalogue.has_type(store, *key) for key in known] == [True, True, True, False]
        assert store.check() == []


def test_what_was_moved_can_be_changed(old: Old) -> None:
    with closing(old.open()) as store:
        with store.transaction() as transaction:
            assert catalogue.claim_retention(transaction, KEPT, 99.0)
            locked = catalogue.lock_limit(transaction, "d", "r")
            assert locked is not None
            catalogue.use_limit(transaction, replace(RATE, tokens=0.5), locked[1])
            assert catalogue.take_answer(transaction, "d", "q2") == DONE.answer
            catalogue.answer(transaction, "d", "q1", Answer(result="1"))
            catalogue.add_types(transaction, "other", ["w@1", "w@2"])
            assert catalogue.drop_worker(transaction, WORKER)
        assert catalogue.workers(store) == []
        assert [one.next_at for one in catalogue.retentions(store)] == [99.0]
        assert [one.id for one in catalogue.questions(store, "d")] == ["q1"]


def test_workers_of_the_old_schema_are_seen_from_outside(old: Old) -> None:
    maintenance = old.maintenance()
    before = maintenance.survey()
    assert before.workers == (WORKER,)
    assert maintenance.workers() == [WORKER]
    old.open().close()
    after = maintenance.survey()
    assert after.workers == (WORKER,)
    assert after.schema == after.known > (before.schema or 0)
