"""A durable store of each kind that processes can share, and a seed that a failure names."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.postgres import Server
from tests.soak import scaled

SCALE = scaled(1, soaking=20)


@pytest.fixture
def scale() -> int:
    """How many times as much is done under `make soak`."""
    return SCALE


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    """The file that steps append to."""
    return tmp_path / "ledger"


@pytest.fixture
def chance() -> random.Random:
    """What decides when a fault strikes; pytest shows the seed of a test that fails."""
    seed = int(os.environ.get("FAULT_SEED") or random.SystemRandom().randrange(1 << 32))
    print(f"to see it again: FAULT_SEED={seed}")
    return random.Random(seed)


@pytest.fixture(scope="module")
def durable() -> Iterator[Server]:
    """A server of the module's own, durable as by default."""
    made = Server()
    yield made
    made.stop()


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A new store of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/partita.db"
    found: str = request.getfixturevalue("durable").url()
    return found
