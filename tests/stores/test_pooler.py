"""Behind a pooler in transaction mode everything holds that holds without one."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from partita import activity, workflow
from partita.client import Client
from partita.engine import Engine
from partita.stores.postgres.store import PostgresStore
from partita.testing.conformance import STORE_CHECKS
from partita.testing.conformance.store_arrange import saved
from partita.worker import Worker
from tests.pooler import POOLERS, SERVERS, PgBouncer, Pooler
from tests.postgres import server


@pytest.fixture(params=POOLERS)
def pooler(request: pytest.FixtureRequest) -> Iterator[Pooler | PgBouncer]:
    folder = Path(tempfile.mkdtemp(prefix="partita-pooler-"))  # a socket's path must be short
    made = POOLERS[request.param](folder, server().folder)
    yield made
    made.close()
    shutil.rmtree(folder)


def schema() -> str:
    return server().url().partition("schema=")[2]


@pytest.fixture
def pooled(pooler: Pooler | PgBouncer) -> Iterator[PostgresStore]:
    made = PostgresStore(pooler.url(schema(), listen="no"))
    yield made
    made.close()
    assert pooler.transactions > 0


@pytest.mark.parametrize("name", STORE_CHECKS)
def test_an_obligation(pooled: PostgresStore, name: str) -> None:
    STORE_CHECKS[name](pooled)


@activity
def add(x: int, y: int) -> int:
    return x + y


@workflow
def total(numbers: list[int]) -> int:
    found = 0
    for number in numbers:
        found = add(found, number)
    return found


@pytest.mark.parametrize("listens", [True, False])
def test_engines_share_a_schema_behind_it(pooler: Pooler | PgBouncer, listens: bool) -> None:
    """Two workers and a client, more connections than the pooler has itself."""
    name = schema()
    direct = server().url(name).replace("&", "%26").replace("=", "%3D").replace("?", "%3F")
    more = {"listen_url": direct.partition("%26schema")[0]} if listens else {"listen": "no"}
    engines = [Engine(PostgresStore(pooler.url(name, **more))) for _ in range(3)]
    workers = [Worker(engine, workflows=[total], activities=[add]) for engine in engines[:2]]
    with workers[0], workers[1]:
        client = Client(engines[2])
        handles = [client.start(total, list(range(number))) for number in range(20)]
        results = [handle.result(timeout=60) for handle in handles]
    assert results == [sum(range(number)) for number in range(20)]
    assert engines[2].store.check() == []
    for engine in engines:
        engine.close()


def test_many_make_the_tables_at_once(pooler: Pooler | PgBouncer) -> None:
    url = pooler.url(schema(), listen="no")

    def opened(number: int) -> int:
        with closing(PostgresStore(url)) as store:
            return saved(store, f"w{number}").run

    with ThreadPoolExecutor(6) as pool:
        assert len(set(pool.map(opened, range(12)))) == 12


def test_nothing_is_left_in_a_session(pooler: Pooler | PgBouncer) -> None:
    """No prepared statement, lock, setting or LISTEN stays behind in the server's connections."""
    with closing(PostgresStore(pooler.url(schema(), listen="no"))) as store:
        for number in range(20):
            saved(store, f"w{number}")
        left = store._all(tuple, "SELECT count(*) FROM pg_prepared_statements")
        assert left == [(0,)]
        for _ in range(SERVERS):
            found = store._all(
                tuple,
                "SELECT (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'), "
                "(SELECT count(*) FROM pg_listening_channels()), "
                "current_setting('idle_in_transaction_session_timeout')",
            )
            assert found == [(0, 0, "0")]
