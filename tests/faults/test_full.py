"""The disk is full for a while: who asks is told so, nothing is lost, and then all goes on."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest

from partita.client import Client
from partita.connect import connect
from partita.engine import Engine
from partita.errors import PartitaError, StoreFullError, StoreUnavailableError
from partita.stores.sqlite.store import SqliteStore
from partita.testing.conformance import start
from tests.faults.fleet import Fleet, pause
from tests.faults.load import Load, judged
from tests.postgres import Server, limit_files

MEGABYTE = 1 << 20


@contextmanager
def no_room(limit: Callable[[int], None], size: int) -> Iterator[None]:
    """Let no file become longer than a size for a while."""
    try:
        limit(size)
        yield
    finally:
        limit(-1)


def outcome(work: Callable[[], object]) -> type[Exception] | None:
    """Return what a request was told: an error's class, or that it is done."""
    try:
        work()
    except PartitaError as error:
        return type(error)
    return None


def test_all_who_wait_for_one_transaction_hear_that_the_file_is_full(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "x.db")
    engine = Engine(store)
    start(engine, "before")
    pages = store._writer.execute("PRAGMA page_count").fetchone()[0]
    engine._scheduler.inbox.ask(
        lambda _: store._writer.execute(f"PRAGMA max_page_count={pages + 4}")
    )
    big = [partial(start, engine, f"w{number}", input="x" * 20_000) for number in range(12)]
    with ThreadPoolExecutor(12) as pool:
        told = list(pool.map(outcome, big))
    assert StoreFullError in told
    assert set(told) <= {None, StoreFullError}
    for number, one in enumerate(told):
        assert (store.find("default", f"w{number}", None) is None) == (one is not None)
    engine._scheduler.inbox.ask(lambda _: store._writer.execute("PRAGMA max_page_count=1000000"))
    assert [outcome(one) for one in big] == [None] * 12
    assert store.check() == []
    engine.close()


def test_workers_have_no_room_for_a_while(ledger: Path, tmp_path: Path, scale: int) -> None:
    """Their write-ahead log may not grow; the clients' may, and so work piles up."""
    url = f"sqlite:///{tmp_path}/partita.db"
    with Fleet(url, ledger) as fleet, Load(url) as load:
        load.wait_for_workers(2)

        def limit(size: int) -> None:
            for worker in fleet.workers:
                limit_files(worker.pid, size)

        for _ in range(scale):
            pause(0.5)
            with no_room(limit, MEGABYTE // 4):  # more than the ledger takes
                pause(1.0)
        load.finish()
    assert "disk" in ledger.with_suffix(".log").read_text()
    assert judged(url, ledger, load.told) == []


@pytest.fixture
def small() -> Iterator[Server]:
    """A server with small segments of its log, so that tables can be longer than those."""
    made = Server(initdb=("--wal-segsize=1",))
    yield made
    made.stop()


@pytest.mark.timeout(300)
def test_postgres_has_no_room_for_a_while(small: Server, ledger: Path) -> None:
    url = small.url()
    with Fleet(url, ledger), Load(url) as load:
        load.wait_for_workers(2)
        client = Client(connect(url))
        with no_room(small.limit_files, 2 * MEGABYTE):
            told = fill(client)
        assert set(told) <= {StoreFullError, StoreUnavailableError}
        start(client.service, "after", input="[1]")
        client.close()
        load.finish()
    assert judged(url, ledger, load.told) == []


def fill(client: Client) -> list[type[Exception]]:
    """Start what takes much room until that is refused three times; return the refusals."""
    told: list[type[Exception]] = []
    number = 0
    while len(told) < 3:
        payload = os.urandom(50_000).hex()
        said = outcome(partial(start, client.service, f"big-{number}", input=f'"{payload}"'))
        told += [] if said is None else [said]
        number += 1
        assert number < 500, "it was never full"
    return told
