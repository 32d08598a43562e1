"""A doctor finds each thing that can be wrong, says how to mend it, and changes nothing."""

from __future__ import annotations

import os
import re
import sqlite3
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
import pytest
from msgspec.structs import replace

from partita.connect import connect, maintenance
from partita.engine import Engine, catalogue
from partita.engine.leases import new_worker
from partita.errors import InvalidOptionError
from partita.operations import doctor
from partita.operations.doctor import Finding, examine
from partita.ports.store import Store
from partita.rules import apply, decide
from partita.rules.commands import FailDecisionTask, StartDecisionTask
from partita.stores.maintenance import Lock, Survey
from partita.stores.memory import MemoryStore
from partita.stores.postgres import maintenance as postgres_maintenance
from partita.stores.postgres.store import PostgresStore
from partita.stores.postgres.url import Address
from partita.stores.sql import migrations
from partita.stores.sqlite import maintenance as sqlite_maintenance
from partita.stores.sqlite.store import SqliteStore
from partita.testing.conformance.arrange import started
from partita.testing.conformance.store_arrange import activity, saved, write
from tests.conftest import new_store
from tests.postgres import server
from tests.stores import test_postgres, test_sqlite

Change = Callable[..., None]


class Place:
    """A database of some kind, and what a doctor finds there."""

    def __init__(self, kind: str, folder: Path) -> None:
        self.path = folder / "x.db"
        self.kind = kind
        self.url = server().url() if kind == "postgres" else f"sqlite:///{self.path}"

    def store(self) -> Store:
        return SqliteStore(self.path) if self.kind == "sqlite" else PostgresStore(self.url)

    def change(self, *statements: str) -> None:
        if self.kind == "sqlite":
            test_sqlite.change(self.path, *statements)
        else:
            test_postgres.change(self.url, *statements)

    def found(self, check: str) -> list[Finding]:
        report = examine(maintenance(self.url), lambda: connect(self.url))
        for finding in report.findings:
            assert finding.what
            assert finding.why
            assert finding.mend
        return [finding for finding in report.findings if finding.check == check]

    def only(self, check: str) -> Finding:
        (finding,) = self.found(check)
        return finding


@pytest.fixture(params=["sqlite", "postgres"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    return Place(str(request.param), tmp_path)


@pytest.fixture
def opened(place: Place) -> Iterator[Store]:
    store = place.store()
    yield store
    store.close()


def now() -> float:
    """The time; asked in each test, for the suite may take long."""
    return time.time()


def checks(place: Place) -> set[str]:
    report = examine(maintenance(place.url), lambda: connect(place.url))
    return {finding.check for finding in report.findings} - {"durability"}  # the suite's server


def test_a_sound_database(place: Place, opened: Store) -> None:
    assert checks(place) == set()
    report = examine(maintenance(place.url), lambda: connect(place.url))
    assert report.facts["schema"].startswith(f"{len(_scripts(place))} of")


def _scripts(place: Place) -> list[migrations.Migration]:
    return migrations.migrations(place.kind)


def test_what_waits_and_nobody_takes(place: Place, opened: Store) -> None:
    state = saved(opened)
    write(opened, state, activity("a", queue="gpu", since=now() - 100), activity("b", queue="new"))
    write(opened, state, activity("b", queue="new", since=now() + 1000))
    found = [finding.what for finding in place.found("task list")]
    assert any(
        "activities of task list gpu in domain d: 1 wait, the first for 1" in f for f in found
    )
    assert any(what.startswith("decision tasks of task list default") for what in found)
    assert not any("list new" in what for what in found)
    assert place.found("task list")[0].why == "no worker is alive"
    with opened.transaction() as transaction:
        catalogue.put_worker(transaction, new_worker(now() + 1000))
    assert "workers are alive, but none takes them" in place.found("task list")[0].why
    assert "--task-list gpu" in place.found("task list")[0].mend


def test_what_is_overdue(place: Place, opened: Store) -> None:
    state = saved(opened)
    write(opened, state, activity("a", due=now() - 500), activity("b", due=now() - 5))
    finding = place.only("overdue")
    assert finding.what.startswith("activities whose timeout, or next attempt, has come: 1, by up")
    assert "'w'" in finding.what


def test_a_decision_that_fails_again_and_again(place: Place, opened: Store) -> None:
    state = saved(opened)
    for _ in range(doctor.FAILURES):
        assert place.found("stuck") == []
        apply(state, decide(state, StartDecisionTask(), now()))
        started = state.progress.last_event_id
        failed = FailDecisionTask(started_event_id=started, cause="BROKEN", message="no such\nname")
        apply(state, decide(state, failed, now()))
        item = state.get("decision", "")
        assert item is not None
        state.put(replace(item, queue="default", due=None))
        write(opened, state)
    finding = place.only("stuck")
    assert "execution 'w' (flow) cannot go on: BROKEN: no such name" in finding.what
    assert finding.code == "DECISION_FAILS"


def test_code_that_does_not_come_back(place: Place, opened: Store) -> None:
    worker = new_worker(now() + 1000)
    with opened.transaction() as transaction:
        catalogue.put_worker(transaction, worker)
    held(opened, "long", worker.id, now() - doctor.STUCK_AFTER_SECONDS - 40)
    held(opened, "short", worker.id, now() - doctor.STUCK_AFTER_SECONDS / 2)
    finding = place.only("stuck")
    assert finding.what.startswith("execution 'long' (flow) has been deciding for 1")
    assert finding.what.endswith(" s on worker 7@here")
    assert finding.code == "DECIDING"
    assert "does nothing else meanwhile" in finding.why
    with opened.transaction() as transaction:  # and then it dies: the living put that back
        catalogue.put_worker(transaction, replace(worker, lease_until=now() - 5))
    assert place.found("stuck") == []


def held(store: Store, workflow_id: str, owner: str, since: float) -> None:
    """Have a decision task taken at some moment."""
    state = saved(store, workflow_id)
    apply(state, decide(state, StartDecisionTask(identity="7@here", owner=owner), since))
    write(store, state)


def test_an_activity_that_fails_again_and_again(place: Place, opened: Store) -> None:
    state = saved(opened)
    write(opened, state, activity("a", attempt=50, reason="ValueError"))
    assert place.only("activity").what.endswith("is in attempt 50: ValueError")


def test_nothing_open_at_all(place: Place, opened: Store) -> None:
    for number in range(7):
        saved(opened, f"w{number}")
    place.change("DELETE FROM items")
    assert place.only("stuck").what.endswith("'w0', 'w1', 'w2', 'w3', 'w4' and 2 more")


def test_what_waits_for_a_signal_is_not_stuck(place: Place, opened: Store) -> None:
    engine = Engine(opened)
    started(engine)
    assert len(opened.overview(now()).bare) == 1
    assert checks(place) == set()
    engine._scheduler.inbox.close()  # the store is closed by its fixture


def test_workers_that_are_gone(place: Place, opened: Store) -> None:
    gone = replace(new_worker(now() - 30), pid=1234567)
    with opened.transaction() as transaction:
        catalogue.put_worker(transaction, gone)
    what = place.only("lease").what
    assert "processes 1234567), the last lease ended 3" in what
    assert what.endswith(" s ago")
    gone = replace(new_worker(now() + 5000), pid=1234567, born="0")
    with opened.transaction() as transaction:
        catalogue.put_worker(transaction, gone)
    assert "the last lease ends in " in place.only("lease").what
    with opened.transaction() as transaction:
        catalogue.put_worker(transaction, new_worker(now() + 1000))
    assert place.found("lease") == []


def test_something_from_the_future(place: Place, opened: Store) -> None:
    saved(opened, started_at=now() + 5000)
    assert "s from now" in place.only("clock").what


# -- the tables


def test_there_is_nothing_yet(place: Place) -> None:
    assert checks(place) == ({"connection"} if place.kind == "sqlite" else {"schema"})
    assert not place.path.exists()
    assert checks(place) == ({"connection"} if place.kind == "sqlite" else {"schema"})


def test_an_older_schema_is_left_as_it_is(place: Place, opened: Store) -> None:
    last = len(_scripts(place))
    place.change(f"DELETE FROM migrations WHERE number = {last}")
    for _ in range(2):
        assert f"of schema {last - 1}, this Partita's are of {last}" in place.only("schema").what


def test_a_newer_schema(place: Place, opened: Store) -> None:
    place.change("INSERT INTO migrations VALUES (99, 'future', 'x', 0)")
    finding = place.only("schema")
    assert "of schema 99" in finding.what
    assert finding.mend == "upgrade Partita here"


def test_nobody_answers() -> None:
    url = "postgresql://me:secret@/x?host=/nowhere"
    report = examine(maintenance(url), lambda: connect(url))
    (finding,) = report.findings
    assert finding.check == "connection"
    assert "secret" not in str(report)
    assert finding.mend.startswith("check that the server runs")


def test_another_programs_file(tmp_path: Path) -> None:
    (tmp_path / "x.db").write_text("a diary, and a long one, so that it is no empty file")
    assert checks(Place("sqlite", tmp_path)) == {"connection"}


def test_there_is_no_database_to_look_at() -> None:
    with pytest.raises(InvalidOptionError, match="memory://"):
        maintenance("memory://")


# -- what surrounds it


class Patient:
    """A database that stands as a test says."""

    def __init__(self, **survey: Any) -> None:
        self.said = Survey(where="here", versions={}, schema=1, known=1, **survey)

    def damage(self) -> list[str]:
        return []

    def long_locks(self) -> list[Lock]:
        return []

    def survey(self) -> Survey:
        return self.said


def of_patient(**survey: Any) -> list[Finding]:
    patient: Any = Patient(**survey)
    return examine(patient, lambda: Engine(MemoryStore())).findings


def test_clocks_that_differ() -> None:
    assert of_patient(ahead=doctor.SKEW - 0.1) == []
    assert "60.0 s ahead of" in of_patient(ahead=60.0)[0].what
    assert "60.0 s behind" in of_patient(ahead=-60.0)[0].what


def test_little_room() -> None:
    assert of_patient(free=1 << 40, size=1) == []
    assert of_patient(free=1 << 20, size=1)[0].check == "disk"
    assert of_patient(free=1 << 30, size=1 << 40)[0].check == "disk"


def test_settings_that_lose_data() -> None:
    assert of_patient(doubts=(("fsync is off", "set it"),))[0].mend == "set it"


def test_memory_has_an_overview_as_others(tmp_path: Path) -> None:
    """Every store says the same of the same executions."""
    said = []
    for kind in ("memory", "sqlite", "postgres"):
        with closing(new_store(kind, tmp_path)) as store:
            state, other = saved(store), saved(store, "other", started_at=7.0)
            write(store, state, activity("a", queue="q", since=3.0), activity("b", due=4.0))
            other.drop(("decision", ""))
            write(store, other)
            said.append(store.overview(5.0))
    assert said[0] == said[1] == said[2]
    assert said[0].latest == 7.0
    assert [record.execution.workflow_id for record in said[0].bare] == ["other"]


@contextmanager
def locked(place: Place) -> Iterator[None]:
    """Hold a lock for writing, as a transaction that does not end."""
    if place.kind == "sqlite":
        with closing(sqlite3.connect(place.path, isolation_level=None)) as holder:
            holder.execute("BEGIN IMMEDIATE")
            yield
    else:
        address = Address.of(place.url)
        table = f'LOCK TABLE "{address.schema}".executions IN ACCESS EXCLUSIVE MODE'
        with psycopg.connect(address.conninfo) as other:
            other.execute(table.encode())
            yield


def test_a_lock_that_is_not_given_up(
    place: Place, opened: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    for kind in (sqlite_maintenance, postgres_maintenance):
        monkeypatch.setattr(kind, "long_locks", partial(kind.long_locks, seconds=0))
    with locked(place):
        finding = place.only("lock")
        assert checks(place) == {"lock"}
    assert "has kept others from writing for" in finding.what
    holder = re.search(r"process (\d+)", finding.what)
    assert holder is not None
    assert holder[1] in finding.mend
    if place.kind == "sqlite":
        assert int(holder[1]) == os.getpid()
    assert checks(place) == set()


def test_many_short_locks_are_none(place: Place, opened: Store) -> None:
    ended = threading.Event()

    def commit_all_the_time() -> None:
        with closing(place.store()) as store:
            while not ended.is_set():
                saved(store, uuid.uuid4().hex)

    busy = threading.Thread(target=commit_all_the_time)
    busy.start()
    try:
        assert maintenance(place.url).long_locks() == []
    finally:
        ended.set()
        busy.join()
