"""What is PostgreSQL's own: URLs, the schema's migrations, faults, lost connections, news."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from typing import Any
from unittest.mock import Mock

import pytest
from psycopg.conninfo import conninfo_to_dict

from partita import errors
from partita.connect import connect
from partita.engine import Engine, catalogue
from partita.engine.leases import new_worker
from partita.history import WorkflowExecutionSignaled
from partita.ports.state import State
from partita.ports.store import News
from partita.rules import apply, decide
from partita.rules.commands import Terminate
from partita.stores.postgres import pool as postgres_pool
from partita.stores.postgres import schema as postgres_schema
from partita.stores.postgres.notifications import Listener
from partita.stores.postgres.schema import script
from partita.stores.postgres.store import PostgresStore
from partita.stores.postgres.transaction import PostgresTransaction
from partita.stores.postgres.url import Address
from partita.stores.sql import migrations
from partita.testing.conformance import start
from partita.testing.conformance.store_arrange import (
    activity,
    committed,
    ids,
    new_state,
    saved,
    write,
)
from tests.conftest import until
from tests.postgres import Server, server


@pytest.fixture
def url() -> str:
    return server().url()


@pytest.fixture
def one(url: str) -> Iterator[PostgresStore]:
    made = PostgresStore(url)
    yield made
    made.close()


@pytest.fixture
def other(one: PostgresStore, url: str) -> Iterator[PostgresStore]:
    """A second engine's store on the same schema."""
    made = PostgresStore(url)
    yield made
    made.close()


@pytest.fixture
def alone() -> Iterator[Server]:
    """A server of the test's own, to be stopped and started."""
    made = Server()
    yield made
    made.stop()


def change(url: str, *statements: str) -> None:
    schema = Address.of(url).schema
    with server().connect() as connection:
        connection.execute(f'SET search_path = "{schema}"'.encode())
        for statement in statements:
            connection.execute(statement.encode())


def read_again(store: PostgresStore, state: State) -> State:
    """The execution as another engine reads it."""
    with store.transaction() as transaction:
        record = transaction.record(state.run)
        assert record is not None
        return State(state.run, record.execution, record.progress, store.items)


def signalled(state: State) -> State:
    state.new_events = [
        WorkflowExecutionSignaled(event_id=3, event_timestamp=1.0, signal_name="s"),
    ]
    return state


# -- others write


def test_a_state_that_others_have_changed_is_not_written(
    one: PostgresStore, other: PostgresStore
) -> None:
    mine = saved(one)
    theirs = read_again(other, mine)
    apply(theirs, decide(theirs, Terminate(), 2.0))
    write(other, theirs)
    mine.put(activity("a"))
    with pytest.raises(errors.ConflictError), one.transaction() as transaction:
        transaction.write([signalled(mine)])
    assert one.items(mine.run) == []
    assert one.check() == []
    with one.transaction() as transaction:  # begins by locking, and so sees what is true
        assert transaction.seen == {mine.run: theirs.stored}


def test_what_was_read_must_still_be_so(one: PostgresStore, other: PostgresStore) -> None:
    read, mine = saved(one, "read"), saved(one, "mine")
    theirs = read_again(other, read)
    apply(theirs, decide(theirs, Terminate(), 2.0))
    write(other, theirs)
    with pytest.raises(errors.ConflictError), one.transaction() as transaction:
        transaction.rely_on([read])
    with pytest.raises(errors.ConflictError), one.transaction() as transaction:
        transaction.rely_on([read])
        transaction.write([signalled(mine)])
    assert len(one.events(mine.run, 0)) == 2
    with one.transaction() as transaction:
        transaction.rely_on([theirs, mine])
        transaction.write([])


def test_a_first_run_and_the_end_of_one_that_was_not_there(
    one: PostgresStore, other: PostgresStore
) -> None:
    with pytest.raises(errors.ConflictError), one.transaction() as transaction:
        assert transaction.find("d", "w", None) is None
        theirs = saved(other)
        record = transaction.record(theirs.run)  # taken from a queue meanwhile
        assert record is not None
        ended = State(theirs.run, record.execution, record.progress, transaction.items)
        apply(ended, decide(ended, Terminate(), 2.0))
        transaction.write([ended, new_state(transaction)])
    found = one.find("d", "w", None)
    assert found is not None
    assert found.run == theirs.run


def test_two_first_runs_of_one_id(one: PostgresStore, other: PostgresStore) -> None:
    with pytest.raises(errors.ConflictError), one.transaction() as transaction:
        assert transaction.find("d", "w", None) is None
        state = saved(other)
        apply(state, decide(state, Terminate(), 2.0))
        write(other, state)  # closed again, but it was there
        transaction.write([new_state(transaction)])
    found = one.find("d", "w", None)
    assert found is not None
    assert found.run == state.run
    assert saved(one).run > state.run


def test_what_one_holds_others_pass_by(one: PostgresStore, other: PostgresStore) -> None:
    first, second = saved(one, "first"), saved(one, "second")
    for state in (first, second):
        items = (activity(id, queue="q", since=float(state.run), due=1.0) for id in "ab")
        write(one, state, *items)

    def queued(transaction: PostgresTransaction, limit: int) -> list[int]:
        return [run for run, _ in transaction.queued("activity", "d", ["q"], None, limit)]

    with one.transaction() as mine:
        assert queued(mine, 1) == [first.run]
        with other.transaction() as theirs:
            assert queued(theirs, 9) == [second.run] * 2
            assert theirs.skipped
            assert [run for run, _ in theirs.due(5.0, 9)] == [second.run] * 2
            assert theirs.seen == {second.run: second.stored}
    with other.transaction() as theirs:
        assert len(queued(theirs, 9)) == 4
        assert not theirs.skipped


def test_nothing_is_given_to_a_worker_that_is_off_the_record(
    one: PostgresStore, other: PostgresStore
) -> None:
    worker, state = new_worker(5.0), saved(one)
    with one.transaction() as transaction:
        catalogue.put_worker(transaction, worker)
    with other.transaction() as transaction:
        assert catalogue.drop_worker(transaction, worker)
    state.put(activity("a", owner=worker.id))
    with pytest.raises(errors.ConflictError), one.transaction() as transaction:
        catalogue.require_worker(transaction, worker.id)
        transaction.write([state])
    assert ids([(0, item) for item in one.items(state.run) if item.kind == "activity"]) == []


def test_news_of_others_and_none_of_oneself(one: PostgresStore, other: PostgresStore) -> None:
    rung = threading.Event()
    other.on_change(rung.set)
    assert other.changed() is News.ALL  # whatever was before
    one.changed()
    state = saved(one)
    assert rung.wait(20)
    assert other.changed() is News.WORK
    assert other.changed() is News.NOTHING
    apply(state, decide(state, Terminate(), 2.0))
    write(one, state)
    until(lambda: News.CLOSED in other.changed())
    assert one.changed() is News.NOTHING


def test_without_listening_everything_may_have_changed(url: str) -> None:
    store = PostgresStore(f"{url}&listen=no&prepare=no")
    assert store.changed() is News.ALL
    assert store.glance is not None
    assert store.glance < 1
    state = saved(store)
    write(store, state, *(activity(str(number)) for number in range(9)))
    assert len(store.items(state.run)) == 10
    assert store._writer.execute("SELECT count(*) FROM pg_prepared_statements").fetchone() == (0,)
    store.close()


# -- the server goes away


def test_a_server_that_comes_back_is_used_again(alone: Server) -> None:
    url = alone.url("s")
    store = PostgresStore(url)
    state = saved(store)
    alone.halt("immediate")
    with pytest.raises(errors.StoreUnavailableError, match="check that the server runs"):
        saved(store, "lost")
    alone.start()
    assert store.find("d", "w", None) is not None
    assert saved(store, "next").run > state.run
    assert store.find("d", "lost", None) is None
    until(lambda: News.ALL in store.changed())  # it listens again, and may have missed something
    assert store.check() == []
    store.close()


@pytest.mark.parametrize("mode", ["fast", "immediate"])
def test_what_is_written_first_after_a_restart_is_not_refused(alone: Server, mode: str) -> None:
    store = PostgresStore(alone.url("s"))
    state = saved(store)
    alone.halt(mode)
    alone.start()
    assert saved(store, "next").run > state.run
    store.close()


def test_reading_fails_at_once_and_works_at_once(
    alone: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However long it was gone: each read tries once to connect, and nobody else does."""
    store = PostgresStore(alone.url("s"))
    saved(store)
    assert store.find("d", "w", None) is not None
    alone.halt("immediate")
    connect = Mock(wraps=store._pool._connect)
    monkeypatch.setattr(store._pool, "_connect", connect)
    for number in range(1, 4):
        with pytest.raises(errors.StoreUnavailableError, match="check that the server runs"):
            store.find("d", "w", None)
        assert connect.call_count == number
    alone.start()
    assert store.find("d", "w", None) is not None
    assert store.find("d", "w", None) is not None
    assert connect.call_count == 4  # and what was made is kept
    store.close()
    with pytest.raises(errors.StoreUnavailableError, match="closed"):
        store.find("d", "w", None)


def test_reads_wait_for_a_connection_but_not_for_ever(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = PostgresStore(f"{url}&pool_size=1")
    saved(store)
    held, release = threading.Event(), threading.Event()

    def hold(_: Any) -> None:
        held.set()
        release.wait()

    with ThreadPoolExecutor(2) as pool:
        holder = pool.submit(store._pool.run, hold)
        held.wait()
        with monkeypatch.context() as patch:
            patch.setattr(postgres_pool, "CONNECTION_WAIT_SECONDS", 0.01)
            with pytest.raises(errors.StoreUnavailableError, match="pool_size=N"):
                store.find("d", "w", None)
        waiter = pool.submit(store.find, "d", "w", None)
        release.set()
        holder.result()
        assert waiter.result() is not None
    store.close()


def test_an_engine_goes_on_when_the_server_is_back(alone: Server) -> None:
    engine = Engine(PostgresStore(alone.url("s")))
    start(engine, "before")
    alone.halt("immediate")
    with pytest.raises(errors.StoreUnavailableError):
        start(engine, "lost")
    alone.start()
    start(engine, "after")
    until(lambda: engine.store.find("default", "after", None))
    assert engine.store.find("default", "before", None) is not None
    engine.close()


def test_who_is_closed_while_it_connects_anew_leaves_no_connection(
    one: PostgresStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    news, inside, release = one._news, threading.Event(), threading.Event()
    assert isinstance(news, Listener)
    connect = news._connect

    def slowly() -> Any:
        inside.set()
        release.wait()
        return connect()

    monkeypatch.setattr(news, "_connect", slowly)
    with server().connect() as connection:
        pid = news._connection.info.backend_pid
        connection.execute("SELECT pg_terminate_backend(%s, 5000)", (pid,))
    assert inside.wait(20)
    with ThreadPoolExecutor(1) as pool:
        closing = pool.submit(one.close)
        until(lambda: news._closed)
        release.set()
        closing.result()
    assert news._connection.closed


@pytest.mark.parametrize("committed_first", [True, False])
def test_a_connection_that_breaks_during_the_commit(
    one: PostgresStore, monkeypatch: pytest.MonkeyPatch, committed_first: bool
) -> None:
    state = saved(one)
    state.put(activity("a"))

    def cut(transaction: Any, commit: Any, *given: Any, **more: Any) -> None:
        if committed_first:
            commit(transaction, *given, **more)
        with server().connect() as connection:
            pid = one._writer.info.backend_pid
            connection.execute("SELECT pg_terminate_backend(%s, 5000)", (pid,))
        one._writer.execute("SELECT 1")

    real = PostgresTransaction.commit
    said: Any = nullcontext()
    if not committed_first:
        said = pytest.raises(errors.StoreUnavailableError, match="may or may not have been done")
    with monkeypatch.context() as patch:
        patch.setattr(PostgresTransaction, "commit", lambda t, *a, **k: cut(t, real, *a, **k))
        with said, one.transaction() as transaction:
            transaction.write([signalled(state)])
    assert len(one.events(state.run, 0)) == (3 if committed_first else 2)
    assert len(one.items(state.run)) == (2 if committed_first else 1)
    if not committed_first:
        write(one, state)
    assert len(one.events(state.run, 0)) == 3


# -- the schema


def test_commits_are_durable_whatever_the_servers_default(url: str) -> None:
    store = PostgresStore(url)
    assert not store._durable  # the suite's server is fast; so every commit asks for more
    seen = []
    with store.transaction() as transaction:
        catalogue.put_worker(transaction, new_worker(5.0))
        execute = store._writer.execute
        commit = transaction._send

        def send() -> None:
            seen.append(execute("SELECT current_setting('synchronous_commit')"))
            commit()

        transaction._send = send  # type: ignore[method-assign]
    assert [cursor.fetchone() for cursor in seen] == [("on",)]
    store.close()


def test_opening_again_migrates_nothing_and_loses_nothing(url: str) -> None:
    store = PostgresStore(url)
    state = saved(store)
    store.close()
    again = PostgresStore(url)
    assert again.open_among([state.run]) == {state.run}
    applied = again._all(tuple, "SELECT number, checksum FROM @migrations ORDER BY number")
    scripts = migrations.migrations("postgres")
    assert applied == [(found.number, found.checksum) for found in scripts]
    again.close()


def test_a_newer_schema_is_left_alone(one: PostgresStore, url: str) -> None:
    change(url, "INSERT INTO migrations VALUES (99, 'future', 'x', 0)")
    with pytest.raises(
        errors.SchemaTooNewError, match=r"has schema 99, this Partita knows up to \d"
    ):
        PostgresStore(url)


def test_a_changed_script_is_noticed(one: PostgresStore, url: str) -> None:
    change(url, "UPDATE migrations SET checksum = 'x'")
    with pytest.raises(errors.StoreCorruptError, match="another script for migration 1"):
        PostgresStore(url)


def test_a_script_that_breaks_leaves_nothing(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    known = migrations.migrations("postgres")
    broken = migrations.Migration(len(known) + 1, "broken", "CREATE TABLE @runs (a int)")
    with monkeypatch.context() as patch:
        patch.setattr(postgres_schema, "migrations", lambda _: [*known, broken])
        with pytest.raises(errors.StoreUnavailableError, match="already exists"):
            PostgresStore(url)
    store = PostgresStore(url)
    assert store.check() == []
    store.close()


def test_an_older_schema_is_brought_up(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    store = PostgresStore(url)
    state = saved(store)
    store.close()
    known = migrations.migrations("postgres")
    more = migrations.Migration(len(known) + 1, "next", "CREATE TABLE @extra (a int); SELECT 1")
    monkeypatch.setattr(postgres_schema, "migrations", lambda _: [*known, more])
    again = PostgresStore(url)
    assert again.open_among([state.run]) == {state.run}
    assert again._all(tuple, "SELECT count(*) FROM @extra") == [(0,)]
    again.close()


def test_many_may_open_a_new_schema_at_once(url: str) -> None:
    def opened(number: int) -> int:
        store = PostgresStore(url)
        run = saved(store, f"w{number}").run
        store.close()
        return run

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(opened, range(12)))) == 12


def test_the_printed_script_makes_what_is_needed() -> None:
    url = server().url(schema='a "quoted" & odd name'.replace("&", "%26"))
    schema = Address.of(url).schema
    with server().connect() as connection:
        connection.execute(script(schema).encode())
    store = PostgresStore(url)
    assert saved(store).run == 1
    assert store.check() == []
    store.close()


def test_a_role_with_few_rights_is_enough(url: str) -> None:
    PostgresStore(url).close()
    schema = Address.of(url).schema
    change(
        url,
        f"CREATE ROLE {schema}_worker LOGIN",
        f"GRANT USAGE ON SCHEMA {schema} TO {schema}_worker",
        f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {schema} TO {schema}_worker",
        f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA {schema} TO {schema}_worker",
    )
    store = PostgresStore(url.replace("partita@", f"{schema}_worker@"))
    assert store.open_among([saved(store).run])
    store.close()


def test_a_role_that_may_not_bring_the_tables_up_says_who_may(url: str) -> None:
    PostgresStore(url).close()
    schema = Address.of(url).schema
    last = len(migrations.migrations("postgres"))
    change(
        url,
        f"CREATE ROLE {schema}_reader LOGIN",
        f"GRANT USAGE ON SCHEMA {schema} TO {schema}_reader",
        f"GRANT SELECT ON ALL TABLES IN SCHEMA {schema} TO {schema}_reader",
        f"DELETE FROM migrations WHERE number = {last}",
    )
    with pytest.raises(errors.StoreUnavailableError, match="db migrate` as the schema's owner"):
        PostgresStore(url.replace("partita@", f"{schema}_reader@"))


@pytest.mark.parametrize("is_made", [True, False])
def test_a_role_that_may_not_make_the_tables_says_who_may(url: str, is_made: bool) -> None:
    schema = Address.of(url).schema
    with server().connect() as connection:
        connection.execute(f"CREATE ROLE {schema}_early LOGIN".encode())
        if is_made:
            connection.execute(f"CREATE SCHEMA {schema}".encode())
            connection.execute(f"GRANT USAGE ON SCHEMA {schema} TO {schema}_early".encode())
    said = r"has no tables yet, .*; run `partita db migrate` as the schema's owner first$"
    with pytest.raises(errors.StoreUnavailableError, match=said):
        PostgresStore(url.replace("partita@", f"{schema}_early@"))


def test_what_the_server_refuses_is_said_without_the_statement(url: str) -> None:
    PostgresStore(url).close()
    schema = Address.of(url).schema
    change(
        url,
        f"CREATE ROLE {schema}_blind LOGIN",
        f"GRANT USAGE ON SCHEMA {schema} TO {schema}_blind",
    )
    with pytest.raises(
        errors.StoreUnavailableError, match=r"permission denied for .*; grant"
    ) as error:
        PostgresStore(url.replace("partita@", f"{schema}_blind@"))
    assert "^" not in str(error.value)


def test_check_finds_orphans_gaps_and_wrong_revisions(one: PostgresStore, url: str) -> None:
    state = saved(one)
    assert one.check() == []
    change(
        url,
        "UPDATE items SET run = 99",
        "DELETE FROM batches",
        "UPDATE executions SET revision = 9",
    )
    assert one.check() == [
        "items of run 99, which is closed or unknown: 1",
        f"history of run {state.run}: 0 events, not 1 to 2",
        f"the open decision task of run {state.run}: it has none",
        f"run {state.run} is open, but nothing in it is, and no decider has ever seen it",
        f"run {state.run} is at revision 1, its row at 9",
    ]


def test_check_looks_at_indexes_if_it_can(one: PostgresStore, url: str) -> None:
    saved(one)
    with server().connect() as connection:
        connection.execute("CREATE EXTENSION IF NOT EXISTS amcheck")
    assert one.check() == []


def test_a_row_that_cannot_be_read(one: PostgresStore, url: str) -> None:
    state = committed(saved(one))
    change(url, "UPDATE executions SET progress = 'no msgpack'")
    with pytest.raises(errors.StoreCorruptError, match="holds a row that cannot be read"):
        one.find("d", "w", None)
    with pytest.raises(errors.StoreCorruptError), one.transaction() as transaction:
        transaction.record(state.run)


def test_a_start_that_postgres_cannot_store_is_refused_alone(url: str) -> None:
    engine = Engine(PostgresStore(url))
    with pytest.raises(errors.InvalidOptionError, match="NUL"):
        start(engine, "a\0b")
    start(engine, "next")
    engine.close()


def test_text_that_postgres_cannot_store(one: PostgresStore) -> None:
    for text in ("a\0b", "a\ud800b"):
        with pytest.raises(errors.InvalidInputError, match="cannot store"):
            saved(one, text)
    assert saved(one).run > 0


# -- URLs


def test_the_options_of_a_url() -> None:
    address = Address.of(
        "postgresql://me:secret@db.example:6432/things?schema=s&pool_size=9&prepare=no"
        "&listen_url=postgresql%3A%2F%2Fdb%2Fthings&connect_timeout=3"
    )
    assert (address.schema, address.pool_size, address.prepare_threshold) == ("s", 9, None)
    assert address.listen_conninfo == "postgresql://db/things"
    conninfo = conninfo_to_dict(address.conninfo)
    given = ("dbname", "application_name", "connect_timeout", "keepalives_idle")
    assert [conninfo[name] for name in given] == ["things", "partita", "3", "10"]
    assert "schema" not in address.conninfo
    assert address.where == "schema s of database things on db.example"
    assert Address.of("postgresql:///x?listen=no").listen_conninfo is None


@pytest.mark.parametrize(
    "query",
    [
        "pool_size=0",
        "pool_size=x",
        "schema=",
        "prepare=maybe",
        "listen=1",
        "answer_timeout=0",
        "nonsense=1",
    ],
)
def test_a_wrong_option(query: str) -> None:
    with pytest.raises(errors.InvalidOptionError) as error:
        connect(f"postgresql://me:secret@h/d?{query}")
    assert "secret" not in str(error.value)
    assert query.partition("=")[0] in str(error.value)


def test_a_server_that_is_not_there(url: str) -> None:
    with pytest.raises(errors.StoreUnavailableError, match="nowhere") as error:
        PostgresStore("postgresql://me:secret@/d?host=/nowhere")
    assert "secret" not in str(error.value)
    with pytest.raises(errors.StoreUnavailableError, match='database "missing" does not exist'):
        PostgresStore(url.replace("/postgres?", "/missing?"))


def test_a_driver_that_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "partita.stores.postgres.store")
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(errors.InvalidOptionError, match=r"pip install 'partita\[postgres\]'"):
        connect("postgresql://h/d")
