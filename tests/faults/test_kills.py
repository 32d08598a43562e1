"""Workers are killed at random moments, and so is PostgreSQL, while clients start and signal."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from tests.faults.fleet import Fleet, pause
from tests.faults.load import Load, judged
from tests.postgres import Server


@pytest.mark.timeout(1200)
def test_workers_are_killed(url: str, ledger: Path, chance: Random, scale: int) -> None:
    with Fleet(url, ledger) as fleet, Load(url) as load:
        for _ in range(5 * scale):
            pause(chance.uniform(0.2, 1.0))
            fleet.replace(chance.randrange(2))
        load.finish()
    assert judged(url, ledger, load.told) == []


@pytest.mark.timeout(1200)
def test_the_server_is_killed(durable: Server, ledger: Path, chance: Random, scale: int) -> None:
    url = durable.url()
    with Fleet(url, ledger), Load(url) as load:
        load.wait_for_workers(2)
        for _ in range(3 * scale):
            pause(chance.uniform(0.3, 1.5))
            durable.halt("immediate")
            pause(chance.uniform(0.0, 0.5))
            durable.start()
        load.finish()
    assert judged(url, ledger, load.told) == []
