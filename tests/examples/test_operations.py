"""What docs/operations.md tells operators to say does what it says."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from partita.cli import main
from partita.engine import Engine
from partita.errors import StoreUnavailableError
from partita.operations.doctor import examine
from partita.operations.prune import prune, set_retention
from partita.ports.capabilities import PruneRequest
from partita.ports.state import ExecutionFilter
from partita.stores.postgres.maintenance import PostgresMaintenance
from partita.stores.postgres.store import PostgresStore
from partita.testing.conformance.arrange import start
from tests.examples.test_docs import ROOT, blocks, check_console, run_here, save
from tests.postgres import Server

PAGE = (ROOT / "docs/operations.md").read_text("utf-8")
BLOCKS = blocks(PAGE)


def test_the_shell_prints_what_is_shown(tmp_path: Path) -> None:
    for language, text in BLOCKS:
        if language == "python":
            save(text, tmp_path)
    assert check_console(PAGE, tmp_path, run_here) == 16


@pytest.fixture
def alone() -> Iterator[Server]:
    """A server of the test's own: roles belong to all of it."""
    made = Server("fsync=off")
    yield made
    made.stop()


def test_the_roles_are_enough_and_not_more(alone: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    grants, narrowed = (text for language, text in BLOCKS if language == "sql")
    owner, worker = (
        f"postgresql://partita_{role}@/postgres?host={alone.folder}" for role in ("owner", "worker")
    )
    with alone.connect() as connection:
        connection.execute(grants.encode())
    with pytest.raises(StoreUnavailableError, match="has no tables yet"):
        PostgresStore(worker)
    assert main(["db", "migrate", "--backend", owner]) == 0
    with alone.connect() as connection:
        connection.execute(narrowed.encode())
    with closing(Engine(PostgresStore(worker))) as engine:
        execution = start(engine, "w")
        engine.terminate_workflow_execution("default", execution, None)
        set_retention(engine, "default", 3600)
        assert engine.apply_retentions() == 0
        for _ in prune(engine, PruneRequest(closed_before=4e9)):
            pass
        assert engine.list_executions(ExecutionFilter()).executions == ()
        assert engine.store.check() == []
    report = examine(PostgresMaintenance(worker), lambda: Engine(PostgresStore(worker)))
    assert {finding.check for finding in report.findings} <= {"durability"}
    with psycopg.connect(worker, autocommit=True) as connection:
        for statement in (
            b"CREATE TABLE partita.mine (a int)",
            b"CREATE TABLE public.mine (a int)",
            b"CREATE SCHEMA mine",
            b"DROP TABLE partita.items",
            b"TRUNCATE partita.items",
            b"ALTER TABLE partita.items ADD COLUMN a int",
            b"UPDATE partita.migrations SET checksum = ''",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(statement)
    assert any("bytes before" in line for line in PostgresMaintenance(owner).vacuum(whole=False))
