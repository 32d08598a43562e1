"""Every flipped bit of what is packed is seen, when it is read and by `check`."""

from __future__ import annotations

import random
import sqlite3
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from partita.errors import StoreCorruptError, StoreUnavailableError
from partita.ports.state import ExecutionFilter
from partita.stores.postgres.store import PostgresStore
from partita.stores.sql.records import MARK, pack, unpack_item
from partita.stores.sqlite import store as sqlite
from partita.stores.sqlite.faults import translated
from partita.stores.sqlite.maintenance import SqliteMaintenance, _damage
from partita.stores.sqlite.store import SqliteStore
from partita.testing.conformance.store_arrange import activity, saved
from tests.postgres import server
from tests.stores.test_sqlite import change

PLACES = ("executions.execution", "executions.progress", "items.body", "batches.events")


def test_every_single_bit_counts() -> None:
    item = activity("a")
    data = pack(item)
    assert data[:1] == MARK
    assert unpack_item(data) == item
    for bit in range(8 * len(data)):
        flipped = bytearray(data)
        flipped[bit // 8] ^= 1 << bit % 8
        with pytest.raises(msgspec.MsgspecError):
            unpack_item(bytes(flipped))


def test_rows_of_earlier_versions_are_read() -> None:
    item = activity("a")
    assert unpack_item(msgspec.msgpack.encode(item)) == item


@pytest.mark.parametrize("place", PLACES)
def test_sqlite_sees_flipped_bits(tmp_path: Path, place: str) -> None:
    table, column = place.split(".")
    for seed in range(4):
        with closing(SqliteStore(tmp_path / f"{seed}.db")) as store:
            state = saved(store)
            assert store.check() == []
            row = store._reader.execute(f"SELECT {column} FROM {table}").fetchone()[0]
            change(store.path, f"UPDATE {table} SET {column} = x'{flipped(row, seed).hex()}'")
            assert any("cannot be read" in line for line in store.check())
            with pytest.raises(StoreCorruptError, match="cannot be read"):
                store.executions(ExecutionFilter(domain="d"))
                store.items(state.run)
                store.events(state.run, 0)


@pytest.mark.parametrize("place", PLACES)
def test_postgres_sees_flipped_bits(place: str) -> None:
    table, column = place.split(".")
    with closing(PostgresStore(server().url())) as store:
        saved(store)
        name = store._statement(f"@{table}").decode()
        found = store._writer.execute(f"SELECT {column} FROM {name}".encode()).fetchone()
        assert found is not None
        update = f"UPDATE {name} SET {column} = %s".encode()
        store._writer.execute(update, (flipped(found[0], 1),))
        assert any("cannot be read" in line for line in store.check())


def flipped(data: bytes, seed: int) -> bytes:
    bit = random.Random(seed).randrange(8 * len(data))
    changed = bytearray(data)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE items SET queue = 'other'",
        "UPDATE items SET since = since + 1",
        "UPDATE items SET priority = 7",
        "UPDATE executions SET started_at = started_at + 1",
        "UPDATE executions SET type_name = 'other'",
        "UPDATE executions SET tags = '[\"x\"]'",
        "UPDATE executions SET workflow_id = 'x'",
    ],
)
def test_columns_that_repeat_something_are_compared(tmp_path: Path, statement: str) -> None:
    with closing(SqliteStore(tmp_path / "x.db")) as store:
        saved(store)
        change(store.path, statement)
        assert any("is not what the columns of its row say" in line for line in store.check())


def failing_disk(code: int = sqlite3.SQLITE_IOERR_READ) -> sqlite3.OperationalError:
    error = sqlite3.OperationalError("disk I/O error")
    error.sqlite_errorcode = code
    return error


@pytest.mark.parametrize(
    "code",
    [sqlite3.SQLITE_IOERR, sqlite3.SQLITE_IOERR_READ, sqlite3.SQLITE_IOERR_FSYNC],
)
def test_a_failing_disk_is_no_damage(tmp_path: Path, code: int) -> None:
    refused = pytest.raises(StoreUnavailableError, match="look at the disk")
    with refused, translated(tmp_path / "x.db"):
        raise failing_disk(code)


def test_a_check_that_cannot_read_finds_no_damage() -> None:
    class Broken:
        def execute(self, _: str) -> None:
            raise failing_disk()

    with pytest.raises(sqlite3.OperationalError, match="I/O"):
        list(_damage(Broken()))  # type: ignore[arg-type]


@pytest.mark.parametrize("has_header", [False, True])
def test_an_empty_file_is_no_damage(tmp_path: Path, has_header: bool) -> None:
    """As a first start leaves it that is killed before it has made its tables."""
    path = tmp_path / "x.db"
    path.touch()
    if has_header:
        change(path, "PRAGMA journal_mode = WAL")
    with pytest.raises(StoreUnavailableError, match="is empty; the first command"):
        SqliteMaintenance(path).survey()
    with closing(SqliteStore(path)) as store:
        assert store.check() == []


def test_the_wal_is_cut_when_a_reader_lets_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "WAL_LIMIT", 100_000)
    with closing(SqliteStore(tmp_path / "x.db")) as store:
        saved(store, "first")
        with closing(sqlite3.connect(store.path, isolation_level=None)) as reader:
            reader.execute("BEGIN")
            reader.execute("SELECT count(*) FROM executions").fetchone()
            for number in range(300):
                saved(store, f"w{number}", tag_list=("x" * 2_000,))
            look(store)
            assert store._wal.stat().st_size > 1_000_000
        look(store)
        assert store._wal.stat().st_size <= 100_000
        assert store.check() == []


def look(store: SqliteStore) -> None:
    """Do what the engine's thread does now and then, at once."""
    store._wal_looked_at = -sqlite.WAL_INTERVAL
    store.changed()
