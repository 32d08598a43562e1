"""Clocks are set, forward and back: leases, limits and those who wait must bear it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from partita.engine import Engine, catalogue
from partita.engine.leases import Leases, new_worker
from partita.engine.rate_limits import filled
from partita.engine.timing import Timing
from partita.errors import StoreUnavailableError
from partita.ports.catalogue import LimitRecord
from partita.stores.memory import MemoryStore
from partita.stores.sqlite.store import SqliteStore
from partita.testing import Clock
from partita.testing.conformance import start
from tests.conftest import until
from tests.engine.test_engine import SilentHost

HOUR = 3600.0


def test_a_lease_is_renewed_although_the_clock_was_set_back() -> None:
    clock = Clock()
    engine = Engine(MemoryStore(), clock=clock, timing=Timing(lease=10.0))
    engine.attach(SilentHost())
    clock.advance(-HOUR)
    engine.wake()
    until(lambda: catalogue.workers(engine.store)[0].lease_until == clock() + 10.0)
    engine.close()


def test_the_dead_are_found_although_the_clock_was_set_back() -> None:
    clock = Clock()
    engine = Engine(MemoryStore(), clock=clock, timing=Timing(lease=10.0))
    engine.attach(SilentHost())
    dead = replace(new_worker(clock() + 5.0), id="dead", born="long ago")
    with engine.store.transaction() as transaction:
        catalogue.put_worker(transaction, dead)
    clock.advance(-HOUR)
    engine.wake()
    until(lambda: dead not in catalogue.workers(engine.store))
    engine.close()


def test_a_lease_is_counted_by_a_clock_that_nobody_sets() -> None:
    steady, wall = Clock(5.0), Clock(1000.0)
    leases = Leases(steady)
    worker = replace(new_worker(wall() + 10.0), machine="elsewhere")
    assert leases.dead([worker], wall()) == []
    wall.advance(HOUR)
    assert leases.dead([worker], wall()) == []
    steady.advance(9.0)
    renewed = replace(worker, lease_until=wall() + 10.0)
    assert leases.dead([renewed], wall()) == []
    wall.advance(-HOUR)
    steady.advance(9.0)
    assert leases.dead([renewed], wall()) == []
    steady.advance(1.0)
    assert leases.dead([renewed], wall()) == [renewed]
    assert leases.dead([replace(worker, lease_until=wall() - 1.0)], wall()) != []


def test_a_bucket_that_was_filled_in_the_future_is_full() -> None:
    limit = LimitRecord(
        domain="d", task_list="q", per_second=1.0, burst=5.0, tokens=1.0, filled_at=1000.0
    )
    assert filled(limit, 1002.0) == 3.0
    assert filled(limit, 999.0) == 1.0
    assert filled(limit, 1000.0 - HOUR) == 5.0


def test_who_waits_hears_of_the_end_although_the_store_was_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = (Engine(SqliteStore(tmp_path / "x.db")) for _ in range(2))
    execution = start(one, "w")
    failures = ["away", "away"]
    ask = one.store.open_among

    def open_among(runs: Any) -> set[int]:
        if failures:
            raise StoreUnavailableError(failures.pop())
        return ask(runs)

    monkeypatch.setattr(one.store, "open_among", open_among)

    def end() -> None:
        until(lambda: one._scheduler.waiters._closings)
        other.terminate_workflow_execution("default", execution, None)

    with ThreadPoolExecutor(1) as pool:
        ended = pool.submit(end)
        info = one.wait_closed("default", execution, 20.0)
        ended.result()
    assert info is not None
    assert failures == []
    one.close()
    other.close()
