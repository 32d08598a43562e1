"""A file goes to the newest schema step by step, by whoever opens it first."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from partita.errors import StoreError
from partita.stores.sql import migrations
from partita.stores.sqlite import schema
from partita.stores.sqlite.store import SqliteStore
from partita.testing.conformance.store_arrange import saved

LAST = len(migrations.migrations("sqlite"))
NEXT = migrations.Migration(
    LAST + 1,
    "next",
    "-- A comment; with a semicolon.\n"
    "CREATE TABLE extra (a TEXT DEFAULT 'x;y');\n"
    "CREATE TRIGGER watch AFTER INSERT ON extra BEGIN\n"
    "    DELETE FROM extra WHERE a = 'gone';\n"
    "END;\n",
)
BROKEN = migrations.Migration(
    LAST + 2,
    "broken",
    "CREATE TABLE half (a); UPDATE executions SET status = 9; CREATE TABLE half (a);",
)


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A file of the schema that is the newest today, with an execution in it."""
    store = SqliteStore(tmp_path / "x.db")
    saved(store)
    store.close()
    return store.path


@pytest.fixture
def scripts(monkeypatch: pytest.MonkeyPatch) -> list[migrations.Migration]:
    """The scripts there are; a test adds its own."""
    known = migrations.migrations("sqlite")
    monkeypatch.setattr(schema, "migrations", lambda _: list(known))
    return known


def rows(path: Path, sql: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(sql).fetchall()


def tables(path: Path) -> set[object]:
    return {name for (name,) in rows(path, "SELECT name FROM sqlite_schema WHERE type = 'table'")}


def test_the_scripts_are_numbered_from_one_without_gaps() -> None:
    found = migrations.migrations("sqlite")
    assert [script.number for script in found] == list(range(1, len(found) + 1))
    assert all(script.sql.strip() for script in found)


def test_an_old_file_is_brought_up_and_keeps_what_it_holds(
    old: Path, scripts: list[migrations.Migration]
) -> None:
    scripts.append(NEXT)
    store = SqliteStore(old)
    assert store.find("d", "w", None) is not None
    assert store.check() == []
    store.close()
    assert rows(old, "SELECT number, name, checksum FROM migrations") == [
        (script.number, script.name, script.checksum) for script in scripts
    ]
    assert "extra" in tables(old)
    SqliteStore(old).close()
    assert len(rows(old, "SELECT 1 FROM migrations")) == LAST + 1


def test_a_script_that_breaks_leaves_the_old_file_as_it_was(
    old: Path, scripts: list[migrations.Migration]
) -> None:
    before = tables(old)
    scripts += [NEXT, BROKEN]
    with pytest.raises(StoreError):
        SqliteStore(old)
    assert tables(old) == before
    assert rows(old, "SELECT count(*) FROM migrations") == [(LAST,)]
    assert rows(old, "SELECT status FROM executions") == [(0,)]
    del scripts[LAST:]
    store = SqliteStore(old)
    assert store.find("d", "w", None) is not None
    store.close()


def test_many_processes_may_open_a_new_file_at_once(tmp_path: Path) -> None:
    code = (
        "import sys; from partita.stores.sqlite.store import SqliteStore; SqliteStore(sys.argv[1])"
    )
    for number in range(3):
        command = [sys.executable, "-W", "ignore", "-c", code, str(tmp_path / f"{number}.db")]
        opening = [subprocess.Popen(command, stderr=subprocess.PIPE) for _ in range(6)]
        assert [process.communicate()[1] for process in opening] == [b""] * 6


def test_many_may_open_a_new_file_at_once(tmp_path: Path) -> None:
    def opened(number: int) -> int:
        store = SqliteStore(tmp_path / "x.db")
        run = saved(store, f"w{number}").run
        store.close()
        return run

    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(opened, range(16))) == list(range(1, 17))
    scripts = len(migrations.migrations("sqlite"))
    assert len(rows(tmp_path / "x.db", "SELECT 1 FROM migrations")) == scripts
