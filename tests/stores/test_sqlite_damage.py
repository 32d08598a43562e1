"""What SQLite finds broken is said as an error of ours, with the file's name."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from partita.errors import StoreCorruptError
from partita.ports.state import ExecutionFilter
from partita.stores.sqlite.maintenance import SqliteMaintenance
from partita.stores.sqlite.store import SqliteStore
from partita.testing.conformance.store_arrange import saved
from tests.stores.test_sqlite import change

UNREADABLE = "x'c1'"  # the one byte that MessagePack never begins with

READS: dict[str, Callable[[SqliteStore, int], Any]] = {
    "find": lambda store, run: store.find("d", "w", None),
    "executions": lambda store, run: store.executions(ExecutionFilter(domain="d")),
    "items": lambda store, run: store.items(run),
    "events": lambda store, run: store.events(run, 0),
}


@pytest.mark.parametrize("name", READS)
def test_a_row_that_cannot_be_read(name: str, tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "x.db")
    run = saved(store).run
    READS[name](store, run)
    change(
        store.path,
        f"UPDATE executions SET progress = {UNREADABLE}",
        f"UPDATE items SET body = {UNREADABLE}",
        f"UPDATE batches SET events = {UNREADABLE}",
    )
    with pytest.raises(StoreCorruptError, match=r"x\.db holds a row that cannot be read"):
        READS[name](store, run)
    store.close()


def test_a_row_that_cannot_be_read_in_a_transaction(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "x.db")
    run = saved(store).run
    change(store.path, f"UPDATE executions SET progress = {UNREADABLE}")
    refused = pytest.raises(StoreCorruptError, match="cannot be read")
    with refused, store.transaction() as transaction:
        transaction.record(run)
    store.close()


@pytest.mark.parametrize("column", ["executions SET progress", "batches SET events"])
def test_check_goes_on_after_a_row_that_cannot_be_read(column: str, tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "x.db")
    bad, gap = saved(store), saved(store, "gap")
    change(
        store.path,
        f"UPDATE {column} = {UNREADABLE} WHERE run = {bad.run}",
        f"DELETE FROM batches WHERE run = {gap.run}",
    )
    first, second = store.check()
    assert first.startswith(f"history of run {bad.run}: ")
    assert "cannot be read" in first
    assert second == f"history of run {gap.run}: 0 events, not 1 to 2"
    store.close()


def test_check_finds_events_told_twice(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "x.db")
    state = saved(store)
    change(
        store.path,
        f"INSERT INTO batches SELECT run, 9, events FROM batches WHERE run = {state.run}",
    )
    assert store.check() == [f"history of run {state.run}: 4 events, not 1 to 2"]
    store.close()


def overwrite(path: Path, offset: int, length: int) -> None:
    """Make a part of a file unreadable."""
    with path.open("r+b") as file:
        file.seek(offset)
        file.write(b"\xff" * length)


def test_a_file_with_overwritten_pages(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    store = SqliteStore(path)
    for number in range(50):
        saved(store, f"w{number}", tag_list=("x" * 500,))
    store.close()
    overwrite(path, 4096, 8 * 4096)
    with pytest.raises(StoreCorruptError, match="restore a backup"):
        again = SqliteStore(path)
        try:
            assert again.executions(ExecutionFilter(domain="d")) == []
        finally:
            again.close()


def test_the_tables_that_are_damaged_are_named(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    with closing(SqliteStore(path)) as store:
        saved(store)
    with closing(sqlite3.connect(path)) as connection:
        (page,) = connection.execute(
            "SELECT rootpage FROM sqlite_schema WHERE name = 'batches'"
        ).fetchone()
    assert SqliteMaintenance(path).damage() == []
    overwrite(path, (page - 1) * 4096, 4096)
    assert any(line.startswith("table batches: ") for line in SqliteMaintenance(path).damage())
    (tmp_path / "diary").write_text("a long one, so that it is no empty file")
    assert SqliteMaintenance(tmp_path / "diary").damage() == ["file is not a database"]
