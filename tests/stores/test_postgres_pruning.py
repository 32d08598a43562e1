"""Engines that remove what others are about to need: one of the two does it again."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing

import pytest

from partita.engine import Engine, catalogue
from partita.errors import ConflictError
from partita.operations.prune import prune
from partita.ports.capabilities import PruneRequest
from partita.ports.service import ReusePolicy
from partita.stores.postgres.store import PostgresStore
from partita.stores.postgres.transaction import PostgresTransaction
from partita.testing.conformance.arrange import start
from partita.testing.conformance.store_arrange import ended, new_state, saved
from partita.testing.conformance.store_removal import remove
from tests.postgres import server


@pytest.fixture
def url() -> str:
    return server().url()


@pytest.fixture
def one(url: str) -> Iterator[PostgresStore]:
    with closing(PostgresStore(url)) as made:
        yield made


@pytest.fixture
def other(one: PostgresStore, url: str) -> Iterator[PostgresStore]:
    with closing(PostgresStore(url)) as made:
        yield made


def held(transaction: PostgresTransaction, *runs: int) -> list[int]:
    return [record.run for record in transaction.hold(runs)]


def test_a_run_does_not_follow_one_that_has_gone(one: PostgresStore, other: PostgresStore) -> None:
    last = ended(one, "w")
    with pytest.raises(ConflictError), one.transaction() as transaction:
        assert transaction.find("d", "w", None) is not None
        state = new_state(transaction, "w")
        remove(other, last.run)
        transaction.write([state])
    assert one.find("d", "w", None) is None
    assert saved(one).run > last.run
    assert one.check() == []


def test_what_is_followed_is_not_held(one: PostgresStore, other: PostgresStore) -> None:
    """While a run that follows it is being written, nobody removes it."""
    last = ended(one, "w")
    with one.transaction() as mine:
        mine.find("d", "w", None)
        mine.write([new_state(mine, "w")])
        catalogue.workers(mine)  # sends what is to be written
        with other.transaction() as theirs:
            assert held(theirs, last.run) == []
    with other.transaction() as theirs:
        assert held(theirs, last.run) == [last.run]


def test_nobody_relies_on_what_has_gone(one: PostgresStore, other: PostgresStore) -> None:
    origin = ended(one, "origin")
    with pytest.raises(ConflictError), one.transaction() as transaction:
        transaction.rely_on([origin])
        state = new_state(transaction, "fork")
        remove(other, origin.run)
        transaction.write([state])
    assert one.find("d", "fork", None) is None


def test_what_one_holds_others_cannot(one: PostgresStore, other: PostgresStore) -> None:
    first, second = ended(one, "first"), ended(one, "second")
    with one.transaction() as mine:
        assert held(mine, first.run) == [first.run]
        with other.transaction() as theirs:
            assert held(theirs, first.run, second.run) == [second.run]


def test_starts_and_prunes_race(url: str) -> None:
    """Ids are used again and again while two engines remove what is closed."""
    engines = [Engine(PostgresStore(url)) for _ in range(4)]
    done = threading.Event()
    started: list[str] = []

    def begin(engine: Engine) -> None:
        for number in range(60):
            run = start(engine, f"w{number % 3}", reuse_policy=ReusePolicy.TERMINATE_EXISTING)
            started.append(run.run_id)

    def clear(engine: Engine) -> None:
        while not done.is_set():
            for _ in prune(engine, PruneRequest(closed_before=4e9)):
                pass

    begins = [threading.Thread(target=begin, args=(engine,)) for engine in engines[:2]]
    clears = [threading.Thread(target=clear, args=(engine,)) for engine in engines[2:]]
    for thread in (*begins, *clears):
        thread.start()
    for thread in begins:
        thread.join()
    done.set()
    for thread in clears:
        thread.join()
    store = engines[0].store
    assert store.check() == []
    assert len(set(started)) == 120
    for number in range(3):
        found = store.find("default", f"w{number}", None)
        assert found is not None
        assert found.progress.status.name == "OPEN"
    for engine in engines:
        engine.close()
