"""What is SQLite's own: the file, its schema, its faults, and other processes."""

from __future__ import annotations

import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from partita.engine import catalogue
from partita.errors import (
    SchemaTooNewError,
    StoreCorruptError,
    StoreFullError,
    StoreUnavailableError,
)
from partita.ports.catalogue import WorkerRecord
from partita.ports.store import News
from partita.stores.sql import migrations
from partita.stores.sqlite import schema
from partita.stores.sqlite import store as sqlite
from partita.stores.sqlite.store import SqliteStore
from partita.testing.conformance.store_arrange import saved
from tests.conftest import until


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "x.db"


def change(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path)) as connection:
        for statement in statements:
            connection.execute(statement)
        connection.commit()


def pragma(store: SqliteStore, name: str) -> object:
    return store._writer.execute(f"PRAGMA {name}").fetchone()[0]


def test_commits_are_durable(path: Path) -> None:
    store = SqliteStore(path)
    assert pragma(store, "journal_mode") == "wal"
    assert pragma(store, "synchronous") == 2  # FULL
    store.close()


def test_opening_again_migrates_nothing_and_loses_nothing(path: Path) -> None:
    store = SqliteStore(path)
    state = saved(store)
    store.close()
    again = SqliteStore(path)
    assert again.open_among([state.run]) == {state.run}
    applied = again._all(tuple, "SELECT number, checksum FROM migrations")
    assert applied == [(found.number, found.checksum) for found in migrations.migrations("sqlite")]
    again.close()


def test_a_migration_is_all_or_nothing(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = migrations.migrations("sqlite")[0]
    broken = migrations.Migration(2, "broken", "CREATE TABLE half (a); CREATE TABLE half (a);")
    monkeypatch.setattr(schema, "migrations", lambda _: [first, broken])
    with pytest.raises(StoreUnavailableError):
        SqliteStore(path)
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT count(*) FROM sqlite_schema").fetchone() == (0,)


def test_a_changed_script_is_noticed(path: Path) -> None:
    SqliteStore(path).close()
    change(path, "UPDATE migrations SET checksum = 'x'")
    with pytest.raises(StoreCorruptError, match="another script for migration 1"):
        SqliteStore(path)


def test_a_newer_schema_is_left_alone(path: Path) -> None:
    SqliteStore(path).close()
    change(path, "INSERT INTO migrations VALUES (99, 'future', 'x', 0)")
    with pytest.raises(SchemaTooNewError, match=r"schema 99, this Partita knows up to \d"):
        SqliteStore(path)


def test_another_programs_database_is_left_alone(path: Path) -> None:
    change(path, "CREATE TABLE theirs (a)")
    before = path.read_bytes()
    with pytest.raises(StoreCorruptError, match="another program"):
        SqliteStore(path)
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT name FROM sqlite_schema").fetchall() == [("theirs",)]
    assert before == path.read_bytes()  # not even its journal mode


def test_a_file_that_is_no_database(path: Path) -> None:
    path.write_text("no database at all " * 100)
    with pytest.raises(StoreCorruptError, match="is damaged or is not a database"):
        SqliteStore(path)


def test_a_folder_that_cannot_be_made(path: Path) -> None:
    path.write_text("")
    with pytest.raises(StoreUnavailableError, match="cannot make the folder"):
        SqliteStore(path / "below" / "x.db")


def test_check_finds_orphans_and_gaps(path: Path) -> None:
    store = SqliteStore(path)
    state = saved(store)
    assert store.check() == []
    change(path, "UPDATE items SET run = 99", "DELETE FROM batches")
    assert store.check() == [
        "items of run 99, which is closed or unknown: 1",
        f"history of run {state.run}: 0 events, not 1 to 2",
        f"the open decision task of run {state.run}: it has none",
        f"run {state.run} is open, but nothing in it is, and no decider has ever seen it",
    ]
    store.close()


def test_two_processes_see_each_other(path: Path) -> None:
    one, other = SqliteStore(path), SqliteStore(path)
    one.changed()
    with one.transaction() as transaction:
        pass
    assert not one.changed()
    state = saved(other)
    assert one.changed()
    assert not one.changed()
    with one.transaction() as transaction:
        assert transaction.foreign
        assert transaction.record(state.run) is not None
        assert transaction.new_run() > state.run
    with one.transaction() as transaction:
        assert not transaction.foreign
    one.close()
    other.close()


def test_a_full_disk_changes_nothing(path: Path) -> None:
    store = SqliteStore(path)
    state = saved(store)
    pages = pragma(store, "page_count")
    store._writer.execute(f"PRAGMA max_page_count={pages}")
    with pytest.raises(StoreFullError, match="no room left"):
        for number in range(1000):
            saved(store, f"more-{number}", tag_list=("x" * 500,))
    held = store._all(tuple, "SELECT count(*) FROM executions")[0][0]
    assert store.check() == []
    store._writer.execute("PRAGMA max_page_count=100000")
    last = saved(store, "last")
    assert last.run == held + 1
    assert store.open_among([state.run]) == {state.run}
    store.close()


def test_looks_come_sooner_while_others_write(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "BUSY", 1e9)
    one, other = SqliteStore(tmp_path / "x.db"), SqliteStore(tmp_path / "x.db")
    one.changed()
    one._news_at = -1e10
    assert one.changed() is News.NOTHING
    assert one.glance == sqlite.GLANCE
    with other.transaction() as transaction:
        catalogue.add_types(transaction, "d", ["flow@1"])
    assert one.changed() is News.ALL
    assert one.glance == sqlite.BUSY_GLANCE
    one.close()
    other.close()


def test_who_writes_all_the_time_lets_others_in(tmp_path: Path) -> None:
    """A lock is not handed on by turns: who comes back at once mostly has it again."""
    busy, other = SqliteStore(tmp_path / "x.db"), SqliteStore(tmp_path / "x.db")
    stopped = threading.Event()

    def write(store: SqliteStore, id: str) -> None:
        record = WorkerRecord(id=id, machine="m", pid=1, born="", lease_until=1.0)
        with store.transaction() as transaction:
            catalogue.put_worker(transaction, record)
            stopped.wait(0.05 if store is busy else 0.0)

    def write_on() -> None:
        while not stopped.is_set():
            write(busy, "busy")

    with ThreadPoolExecutor(1) as pool:
        writing = pool.submit(write_on)
        try:
            until(lambda: catalogue.workers(busy))
            for number in range(5):
                write(other, f"{number}")  # raises if it cannot for ten seconds
        finally:
            stopped.set()
        writing.result(20)
    assert {worker.id for worker in catalogue.workers(other)} == {"busy", *"01234"}
    other.close()
    busy.close()
