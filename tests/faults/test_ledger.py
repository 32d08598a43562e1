"""The checker is checked: each fault that is planted here must be found."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from zlib import crc32

import pytest

from partita.client import Client
from partita.engine import Engine
from partita.errors import WaitTimeoutError
from partita.ports.state import State
from partita.ports.store import Store
from partita.stores.postgres.store import PostgresStore
from partita.stores.sql.records import MARK
from partita.stores.sqlite.store import SqliteStore
from partita.worker import Worker
from tests.faults.flow import effect, order, part
from tests.faults.ledger import Told, faults, orphans
from tests.postgres import server


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "x.db"


def played(
    store: Store, ledger: Path, monkeypatch: pytest.MonkeyPatch, timeout: float = 20.0
) -> Told:
    """Play one order in this process, and return what its client was told."""
    monkeypatch.setenv("LEDGER", str(ledger))
    engine = Engine(store)
    client = Client(engine)
    told = Told()
    with Worker(engine, workflows=[order, part], activities=[effect]):
        handle = client.start_with(order, ("w", 2), workflow_id="w")
        told.starts["w"] = handle.run_id
        for value in ("a", "b"):
            handle.signal("go", value)
            told.signals.append(("w", value))
        try:
            handle.result(timeout=timeout)
        except WaitTimeoutError:
            pass
    engine.close()
    return told


def found(path: Path, ledger: Path, told: Told) -> str:
    """Return what the checker says of a file."""
    engine = Engine(SqliteStore(path))
    try:
        return "\n".join(faults(engine, ledger, told))
    finally:
        engine.close()


def change(path: Path, statement: str, *parameters: Any) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(statement, parameters)


def test_a_sound_store_has_no_faults(
    path: Path, ledger: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = played(SqliteStore(path), ledger, monkeypatch)
    assert len(ledger.read_text().splitlines()) == 5
    assert found(path, ledger, told) == ""


class Forgetful(SqliteStore):
    """A store that acknowledges the first commit with such an event, and does not make it."""

    def __init__(self, path: Path, event_type: str) -> None:
        super().__init__(path)
        self._drops: str | None = event_type

    @contextmanager
    def transaction(self) -> Iterator[Any]:
        with super().transaction() as transaction:
            write = transaction.write

            def forgetful(states: Iterable[State]) -> None:
                states = list(states)
                kinds = {event.event_type for state in states for event in state.new_events}
                if self._drops in kinds:
                    self._drops = None
                else:
                    write(states)

            transaction.write = forgetful  # type: ignore[method-assign]
            yield transaction


DROPPED = {
    "WorkflowExecutionSignaled": "were acknowledged, not ['b']",
    "ActivityTaskCompleted": "ids are not 1 to",
    "WorkflowExecutionCompleted": "history of run 1",
}


@pytest.mark.parametrize("event_type", DROPPED)
def test_a_store_that_drops_a_commit_is_found_out(
    path: Path, ledger: Path, monkeypatch: pytest.MonkeyPatch, event_type: str
) -> None:
    told = played(Forgetful(path, event_type), ledger, monkeypatch, timeout=1.0)
    assert DROPPED[event_type] in found(path, ledger, told)


PLANTED = {
    "DELETE FROM executions": "w: 0 runs, not the one that was acknowledged",
    "INSERT INTO items SELECT 1, 'timer', 't', '', '', NULL, 0, 0, NULL, NULL, x'80', NULL": (
        "items of a closed or unknown run: 1"
    ),
    "INSERT INTO attributes VALUES (99, 'a', '1')": "attributes of an unknown run: 1",
    "INSERT INTO batches VALUES (99, 1, x'90')": "batches of an unknown run: 1",
    "DELETE FROM batches WHERE run = 1": "executions without a history: 1",
    "DELETE FROM batches WHERE run = 1 AND first_event_id = 1": "ids are not 1 to",
}


@pytest.mark.parametrize("statement", PLANTED)
def test_wrong_rows_are_found(
    path: Path, ledger: Path, monkeypatch: pytest.MonkeyPatch, statement: str
) -> None:
    told = played(SqliteStore(path), ledger, monkeypatch)
    change(path, statement)
    assert PLANTED[statement] in found(path, ledger, told)


def test_what_was_acknowledged_and_is_not_there_is_found(
    path: Path, ledger: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = played(SqliteStore(path), ledger, monkeypatch)
    told.signals.append(("w", "c"))
    assert "signals ['a', 'b', 'c'] were acknowledged, not ['a', 'b']" in found(path, ledger, told)
    told.signals = [("w", "a")]
    assert "signals ['a'] were acknowledged, not ['a', 'b']" in found(path, ledger, told)
    told.starts["x"] = "r"
    assert "x: 0 runs" in found(path, ledger, told)


def test_a_step_that_ran_too_often_is_found(
    path: Path, ledger: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = played(SqliteStore(path), ledger, monkeypatch)
    run_id, step, token, result, begun = ledger.read_text().splitlines()[0].split()
    sound = ledger.read_text()
    first, run, _, rest = token.split(":", 3)

    def with_line(*line: str) -> str:
        ledger.write_text(sound + " ".join(line) + "\n")
        return found(path, ledger, told)

    assert f"task {token} was run twice" in with_line(run_id, step, token, result, begun)
    other = f"{first}:{run}:1:{rest}"
    assert "ran without being recorded" in with_line(run_id, step, other, "x", begun)
    assert "which is not here" in with_line("r", step, other, "x", begun)
    late = str(float(begun) + 3600)
    assert "ran again after its result was recorded" in with_line(run_id, step, other, "x", late)


def test_a_result_of_nobody_is_found(
    path: Path, ledger: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = played(SqliteStore(path), ledger, monkeypatch)
    result = ledger.read_text().split()[3]
    with closing(sqlite3.connect(path)) as connection:
        rows = connection.execute("SELECT run, first_event_id, events FROM batches").fetchall()
    for run, first, packed in rows:
        if result.encode() in packed:
            body = packed[5:].replace(result.encode(), b"f" * 32)
            forged = MARK + crc32(body).to_bytes(4, "big") + body
            where = "WHERE run = ? AND first_event_id = ?"
            change(path, f"UPDATE batches SET events = ? {where}", forged, run, first)
    assert "is of no attempt that was started" in found(path, ledger, told)


def test_orphans_are_found_in_postgres() -> None:
    url = server().url()
    store = PostgresStore(url)
    engine = Engine(store)
    assert orphans(engine) == []
    with server().connect() as connection:
        schema = store.address.schema
        connection.execute(f"INSERT INTO {schema}.batches VALUES (9, 1, '')".encode())
        connection.execute(f"INSERT INTO {schema}.attributes VALUES (9, 'a', '')".encode())
    assert orphans(engine) == ["batches of an unknown run: 1", "attributes of an unknown run: 1"]
    engine.close()
