"""Copies of a SQLite file are whole, and so is what they are put in the place of, come what may."""

from __future__ import annotations

import os
import shlex
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from partita.engine import Engine, catalogue
from partita.engine.leases import new_worker
from partita.errors import (
    InvalidOptionError,
    StoreCorruptError,
    StoreInUseError,
    StoreUnavailableError,
)
from partita.operations.maintenance import restore, vacuum
from partita.ports.state import ExecutionFilter
from partita.ports.store import Store
from partita.stores.postgres.maintenance import PostgresMaintenance
from partita.stores.postgres.store import PostgresStore
from partita.stores.sqlite.maintenance import SqliteMaintenance, network_filesystem
from partita.stores.sqlite.store import SqliteStore
from partita.testing.conformance.arrange import start
from partita.testing.conformance.store_arrange import saved
from tests.postgres import binaries, server
from tests.stores.test_sqlite import change

ALL = ExecutionFilter(domain="d", limit=100_000)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "x.db"


@pytest.fixture
def store(path: Path) -> Iterator[SqliteStore]:
    made = SqliteStore(path)
    saved(made, "one")
    yield made
    made.close()


def ids(path: Path) -> list[str]:
    with closing(SqliteStore(path)) as store:
        assert store.check() == []
        return [record.execution.workflow_id for record in store.executions(ALL)]


def written(store: Store, path: Path) -> None:
    """Let go of the file, with one execution in it."""
    store.close()
    assert path.exists()


def test_a_copy_is_made_while_others_write(store: SqliteStore, path: Path) -> None:
    to, done = path.with_name("copy.db"), threading.Event()

    def write() -> None:
        number = 0
        while not done.is_set():
            saved(store, f"w{number}")
            number += 1

    thread = threading.Thread(target=write)
    thread.start()
    try:
        for _ in range(5):
            assert SqliteMaintenance(path).backup(to, overwrite=True) == to.stat().st_size
            copy = to.with_name("look.db")
            copy.write_bytes(to.read_bytes())  # to look at it makes a WAL
            assert "one" in ids(copy)
    finally:
        done.set()
        thread.join()
    assert sorted(file.name for file in path.parent.iterdir() if file.name.startswith("copy")) == [
        "copy.db"
    ]
    assert not list(path.parent.glob(".*"))


def test_a_copy_is_one_file_that_can_be_read_anywhere(store: SqliteStore, path: Path) -> None:
    to = path.with_name("copy.db")
    SqliteMaintenance(path).backup(to, overwrite=False)
    with closing(sqlite3.connect(f"file:{to}?mode=ro&immutable=1", uri=True)) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("delete",)
        assert connection.execute("SELECT count(*) FROM executions").fetchone() == (1,)


def test_nothing_is_overwritten_by_accident(store: SqliteStore, path: Path) -> None:
    to = path.with_name("copy.db")
    to.write_text("precious")
    with pytest.raises(InvalidOptionError, match="--force"):
        SqliteMaintenance(path).backup(to, overwrite=False)
    assert to.read_text() == "precious"
    with pytest.raises(InvalidOptionError, match="the database itself"):
        SqliteMaintenance(path).backup(path, overwrite=True)
    SqliteMaintenance(path).backup(to, overwrite=True)
    assert ids(to) == ["one"]


def test_a_damaged_file_is_not_copied(store: SqliteStore, path: Path) -> None:
    for number in range(50):
        saved(store, f"w{number}", tag_list=("x" * 500,))
    store.close()
    with path.open("r+b") as file:
        file.seek(4096 * 4)
        file.write(b"\xff" * 4096 * 8)
    to = path.with_name("copy.db")
    with pytest.raises(StoreCorruptError, match=f"^{path} is damaged, and is not copied: [^\n]+$"):
        SqliteMaintenance(path).backup(to, overwrite=False)
    sound = SqliteMaintenance(path.with_name("sound.db"))
    with pytest.raises(StoreCorruptError, match=f"^{path} is damaged, and is not copied: "):
        sound.restore(path, force=False)
    assert not sound.path.exists()
    assert not to.exists()
    assert not list(path.parent.glob(".copy*"))


def test_what_is_no_database_of_ours(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailableError, match="there is no database"):
        SqliteMaintenance(tmp_path / "none.db").survey()
    other = tmp_path / "other.db"
    with closing(sqlite3.connect(other)) as connection:
        connection.execute("CREATE TABLE theirs (a)")
        connection.commit()
    with pytest.raises(StoreCorruptError, match="not a database of Partita's"):
        SqliteMaintenance(other).backup(tmp_path / "copy.db", overwrite=False)
    assert [file.name for file in tmp_path.iterdir()] == ["other.db"]


def test_a_folder_that_is_not_there(store: SqliteStore, path: Path) -> None:
    to = path.with_name("none") / "copy.db"
    with pytest.raises(InvalidOptionError, match=f"there is no folder {to.parent} for copy.db"):
        SqliteMaintenance(path).backup(to, overwrite=False)


def test_a_folder_that_takes_no_file(store: SqliteStore, path: Path) -> None:
    with pytest.raises(StoreUnavailableError, match=r"^cannot write /proc/copy.db \("):
        SqliteMaintenance(path).backup(Path("/proc/copy.db"), overwrite=False)


# -- putting back


def test_what_is_no_backup_is_named_and_left(store: SqliteStore, path: Path) -> None:
    text, other = path.with_name("flow.py"), path.with_name("other.db")
    text.write_text("import partita\n")
    with closing(sqlite3.connect(other)) as connection:
        connection.execute("CREATE TABLE theirs (a)")
    for copy, error, says in (
        (
            path.with_name("nope.db"),
            StoreUnavailableError,
            "^there is no file {}; name a file",
        ),
        (text, StoreCorruptError, "^{} is not a SQLite database; name a file that `partita db"),
        (other, StoreCorruptError, "^{} is not a database of Partita's; name a file that `partita"),
    ):
        with pytest.raises(error, match=says.format(copy)) as caught:
            SqliteMaintenance(path).restore(copy, force=True)
        assert "--backend" not in str(caught.value)
    assert SqliteMaintenance(path).survey().schema


@pytest.fixture
def copy(store: SqliteStore, path: Path) -> Path:
    """A copy; the database has gone on since, and nobody has it open."""
    to = path.with_name("copy.db")
    SqliteMaintenance(path).backup(to, overwrite=False)
    saved(store, "two")
    store.close()
    return to


def test_a_copy_is_put_back(copy: Path, path: Path) -> None:
    restore(SqliteMaintenance(path), copy, force=False)
    assert ids(path) == ["one"]
    path.unlink()
    restore(SqliteMaintenance(path), copy, force=False)
    assert ids(path) == ["one"]
    assert not list(path.parent.glob(".*"))


def test_in_the_place_of_a_file_that_cannot_be_read(copy: Path, path: Path) -> None:
    path.write_bytes(b"no database" * 1000)
    restore(SqliteMaintenance(path), copy, force=False)
    assert ids(path) == ["one"]
    assert path.with_name("x.db.damaged").read_bytes() == b"no database" * 1000


def test_not_in_the_place_of_another_programs(copy: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.db"
    with closing(sqlite3.connect(other)) as connection:
        connection.execute("CREATE TABLE theirs (a)")
        connection.commit()
    with pytest.raises(StoreCorruptError, match="another program"):
        restore(SqliteMaintenance(other), copy, force=True)
    with closing(sqlite3.connect(other)) as connection:
        assert connection.execute("SELECT count(*) FROM theirs").fetchone() == (0,)


def test_not_while_others_have_it_open(copy: Path, path: Path) -> None:
    with closing(SqliteStore(path)) as other:
        with pytest.raises(StoreInUseError, match="open"):
            restore(SqliteMaintenance(path), copy, force=False)
        assert len(other.executions(ALL)) == 2
        restore(SqliteMaintenance(path), copy, force=True)
        assert len(other.executions(ALL)) == 1  # whoever has it open sees what is there now
        assert saved(other, "three").run == 2


def test_not_while_workers_are_alive(copy: Path, path: Path) -> None:
    with closing(SqliteStore(path)) as store, store.transaction() as transaction:
        catalogue.put_worker(transaction, new_worker(4e9))
    with pytest.raises(StoreInUseError, match=f"processes {os.getpid()}"):
        restore(SqliteMaintenance(path), copy, force=False)
    assert len(ids(path)) == 2


def test_a_copy_that_is_not_sound_is_not_put_back(copy: Path, path: Path) -> None:
    change(copy, "DELETE FROM batches")
    with pytest.raises(StoreCorruptError, match=r"copy\.db is not sound: history of run 1"):
        restore(SqliteMaintenance(path), copy, force=False)
    copy.write_text("nothing")
    with pytest.raises(StoreCorruptError):
        restore(SqliteMaintenance(path), copy, force=False)
    assert len(ids(path)) == 2
    assert not list(path.parent.glob(".*"))


DIE = """
import os, signal, sqlite3, sys
from pathlib import Path
from partita.stores.sqlite.maintenance import SqliteMaintenance
path, copy, statement = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]

def audit(event, arguments):
    if event == statement:
        os.kill(os.getpid(), signal.SIGKILL)

sys.addaudithook(audit)
SqliteMaintenance(path).restore(copy, force=False)
"""


@pytest.mark.parametrize("step", ["os.link", "os.rename", "os.remove", "os.fsync"])
def test_who_dies_while_putting_back_leaves_one_or_the_other(
    copy: Path, path: Path, step: str
) -> None:
    path.write_bytes(b"no database" * 1000)
    command = [sys.executable, "-c", DIE, str(path), str(copy), step]
    died = subprocess.run(command, check=False).returncode
    assert died in (0, -signal.SIGKILL)
    damaged = path.with_name("x.db.damaged")
    assert any(file.exists() for file in (path, damaged))
    restore(SqliteMaintenance(path), copy, force=False)
    assert ids(path) == ["one"]


# -- room


def test_vacuum_gives_room_back(store: SqliteStore, path: Path) -> None:
    for number in range(200):
        saved(store, f"w{number}", tag_list=("x" * 2000,))
    with store.transaction() as transaction:
        runs = [record.run for record in transaction.hold(range(2, 300))]
        transaction.remove(runs)
    with store.transaction() as transaction:
        catalogue.put_worker(transaction, new_worker(4e9))
    size = path.stat().st_size
    said = vacuum(SqliteMaintenance(path), force=False)
    assert any("workers use it" in line for line in said)
    assert path.stat().st_size >= size
    vacuum(SqliteMaintenance(path), force=True)
    assert path.stat().st_size < 200_000
    assert [record.execution.workflow_id for record in store.executions(ALL)] == ["one"]
    assert saved(store, "next").run == 202
    assert store.check() == []


def test_vacuum_of_a_schema() -> None:
    url = server().url()
    with closing(PostgresStore(url)) as store:
        saved(store)
        (said,) = vacuum(PostgresMaintenance(url), force=False)
        assert "bytes before" in said
        assert store.check() == []


def test_a_schema_is_copied_by_the_command_that_is_named(tmp_path: Path) -> None:
    url = server().url(schema="Odd%20%22name%22")
    with closing(PostgresStore(url)) as store:
        saved(store)
    dump = tmp_path / "dump"

    def run(line: str) -> None:
        program, *words = shlex.split(line)
        done = subprocess.run([binaries() / program, *words], check=False, capture_output=True)
        assert done.returncode == 0, done.stderr

    maintenance = PostgresMaintenance(url)
    run(maintenance.backup_command(dump))
    with server().connect() as connection:
        connection.execute(b'DROP SCHEMA "Odd ""name""" CASCADE')
    run(maintenance.restore_command(dump))
    with pytest.raises(InvalidOptionError, match="run: pg_dump"):
        maintenance.backup(dump, overwrite=False)
    with pytest.raises(InvalidOptionError, match="run: pg_restore"):
        restore(maintenance, dump, force=False)
    with closing(PostgresStore(url)) as store:
        assert store.check() == []
        assert [record.execution.workflow_id for record in store.executions(ALL)] == ["w"]


# -- where a file is


def test_network_file_systems_are_known(tmp_path: Path) -> None:
    mounts = tmp_path / "mounts"
    mounts.write_text(
        "/dev/sda / ext4 rw 0 0\n"
        f"server:/x {tmp_path}/far nfs4 rw 0 0\n"
        f"server:/y {tmp_path}/with\\040space cifs rw 0 0\n"
        f"/dev/sdb {tmp_path}/far/near ext4 rw 0 0\n"
    )

    def kind(name: str) -> str | None:
        return network_filesystem(tmp_path / name / "x.db", mounts)

    assert kind(".") is None
    assert kind("far") == kind("far/deeper") == "nfs4"
    assert kind("farther") is None
    assert kind("far/near") is None
    assert kind("with space") == "cifs"
    assert network_filesystem(tmp_path / "x.db", tmp_path / "none") is None


def test_surveys_tell_what_durability_rests_on(path: Path, store: SqliteStore) -> None:
    found = SqliteMaintenance(path).survey()
    assert found.schema == found.known
    assert found.settings["journal_mode"] == "wal"
    assert found.doubts == ()
    theirs = PostgresMaintenance(server().url()).survey()
    assert (theirs.schema, theirs.size) == (None, 0)
    assert theirs.ahead is not None
    assert abs(theirs.ahead) < 60
    assert len(theirs.doubts) == 2  # the suite's server is fast, not durable


def test_a_start_is_in_the_copy_once_it_is_acknowledged(tmp_path: Path) -> None:
    engine = Engine(SqliteStore(tmp_path / "y.db"))
    start(engine, "w")
    SqliteMaintenance(tmp_path / "y.db").backup(tmp_path / "copy.db", overwrite=False)
    engine.close()
    with closing(SqliteStore(tmp_path / "copy.db")) as copied:
        assert copied.find("default", "w", None) is not None
