"""What lies between an engine and PostgreSQL breaks, falls silent, and loses answers."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from partita.engine import Engine
from partita.errors import StoreUnavailableError
from partita.history import WorkflowExecution
from partita.stores.postgres.store import PostgresStore
from partita.testing.conformance import start
from partita.testing.conformance.store_arrange import saved
from tests.conftest import until
from tests.faults.proxy import Proxy
from tests.postgres import server


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    made = Proxy(server().socket)
    yield made
    made.close()


@pytest.fixture
def store(proxy: Proxy) -> Iterator[PostgresStore]:
    schema = server().url().partition("schema=")[2]
    made = PostgresStore(server().url_through(proxy.port, schema, answer_timeout="1"))
    yield made
    made.close()


def test_a_pool_of_broken_connections_is_no_obstacle(store: PostgresStore, proxy: Proxy) -> None:
    saved(store)
    together = Barrier(4)
    with ThreadPoolExecutor(4) as pool:
        for held in [pool.submit(store._pool.run, lambda _: together.wait()) for _ in range(4)]:
            held.result()  # each had a connection, as four clients do
        proxy.cut()
        found = list(pool.map(lambda _: store.find("d", "w", None), range(4)))
    assert None not in found


def test_a_connection_that_swallows_everything_is_given_up(
    store: PostgresStore, proxy: Proxy
) -> None:
    saved(store)
    proxy.silence()
    with pytest.raises(StoreUnavailableError, match="has not answered for 1 s"):
        saved(store, "swallowed")
    assert saved(store, "next").run > 0
    assert store.find("d", "swallowed", None) is None


def test_a_silent_pool_is_given_up(store: PostgresStore, proxy: Proxy) -> None:
    saved(store)
    assert store.find("d", "w", None) is not None
    proxy.silence()
    assert store.find("d", "w", None) is not None


def test_an_answer_that_is_lost_does_not_undo_a_start(store: PostgresStore, proxy: Proxy) -> None:
    """Whichever answer is lost: the start is acknowledged, or refused and then repeated."""
    engine = Engine(store)
    start(engine, "first")
    lost = True
    number = 0
    while lost:
        proxy.cut_instead_of_reply(number)
        done = None
        while done is None:
            try:
                done = start(engine, f"w{number}")
            except StoreUnavailableError:
                pass
        lost = proxy.has_cut()
        proxy.pass_all_replies()
        record = store.find("default", f"w{number}", None)
        assert record is not None
        assert record.execution.run_id == done.run_id
        number += 1
    assert number > 1, "no answer was lost"
    assert store.check() == []
    engine.close()


def test_a_signal_whose_answer_is_lost_is_recorded_once(store: PostgresStore, proxy: Proxy) -> None:
    """The engine looks over a new connection for what it has committed."""
    engine = Engine(store)
    execution = start(engine, "w")
    lost = True
    number = 0
    while lost:
        proxy.cut_instead_of_reply(number)
        signal(engine, execution, str(number))
        lost = proxy.has_cut()
        proxy.pass_all_replies()
        number += 1
    names = [
        event.signal_name
        for event in engine.history("default", execution)
        if hasattr(event, "signal_name")
    ]
    assert names == [str(one) for one in range(number)]
    assert number > 1, "no answer was lost"
    engine.close()


def signal(engine: Engine, execution: WorkflowExecution, name: str) -> None:
    """Send a signal until it is acknowledged; repeat it only if nothing was done."""
    while True:
        try:
            return engine.signal_workflow_execution("default", execution, name, None)
        except StoreUnavailableError as error:
            if "may or may not" in str(error):
                raise


def test_who_listens_over_a_broken_connection_listens_again(
    store: PostgresStore, proxy: Proxy
) -> None:
    schema = store.address.schema
    other = PostgresStore(server().url(schema))
    store.changed()
    proxy.cut()
    until(lambda: store.changed())
    saved(other)
    until(lambda: store.changed())
    other.close()
