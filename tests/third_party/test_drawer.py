"""A store that others wrote passes the public checks, and carries a whole engine."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from partita import activity, signals, sleep, workflow
from partita.client import Client
from partita.connect import connect
from partita.engine import Engine
from partita.errors import StoreUnavailableError
from partita.ports.service import Service
from partita.store import Store
from partita.testing import Clock
from partita.testing.conformance import CHECKS, STORE_CHECKS
from partita.worker import Worker
from tests.third_party.drawer import DrawerStore


@activity
def add(total: int, number: int) -> int:
    return total + number


@workflow
def collecting(count: int) -> int:
    total = 0
    for _ in range(count):
        total = add(total, signals("number", int).get())
    sleep(0.01)
    return total


def worker(service: Service) -> Worker:
    return Worker(service, workflows=[collecting], activities=[add])


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "drawer.json"


@pytest.fixture
def store(path: Path) -> Iterator[Store]:
    made = DrawerStore(path)
    yield made
    made.close()


@pytest.mark.parametrize("name", STORE_CHECKS)
def test_an_obligation_of_stores(store: Store, name: str) -> None:
    STORE_CHECKS[name](store)


@pytest.mark.parametrize("name", CHECKS)
def test_an_engine_on_it_is_a_service(path: Path, name: str) -> None:
    clock = Clock()
    engine = Engine(DrawerStore(path), clock=clock)
    CHECKS[name](engine, clock)
    engine.close()


@pytest.fixture
def url(path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The URL of a store that a distribution has registered, as if pip had installed it."""
    info = path.parent / "drawer-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: drawer\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[partita.stores]\ndrawer = tests.third_party.drawer:open_drawer\n"
    )
    monkeypatch.syspath_prepend(path.parent)
    return f"drawer://{path}"


def test_what_is_open_goes_on_when_it_is_opened_again(url: str) -> None:
    with Client(connect(url)) as client, worker(client.service):
        handle = client.start_with(collecting, (3,), workflow_id="w")
        handle.signal("number", 1)
        handle.signal("number", 20)
    with Client(connect(url)) as client, worker(client.service):
        client.signal("w", "number", 300)
        assert client.result("w", workflow=collecting, timeout=20) == 321


KILLED = """
import os, sys
from partita.client import Client
from partita.connect import connect
from tests.third_party.test_drawer import collecting
client = Client(connect(sys.argv[1]))
client.start_with(collecting, (0,), workflow_id="w")
os.kill(os.getpid(), 9)
"""


def test_what_was_acknowledged_outlives_a_kill(url: str, path: Path) -> None:
    search = f"import sys; sys.path.insert(0, {str(path.parent)!r})\n"
    command = [sys.executable, "-c", search + KILLED, url]
    assert subprocess.run(command, check=False, timeout=60).returncode == -9
    with Client(connect(url)) as client, worker(client.service):
        assert client.result("w", workflow=collecting, timeout=20) == 0


def test_two_processes_cannot_have_it_open(store: Store, path: Path) -> None:
    with pytest.raises(StoreUnavailableError, match="another process has"):
        DrawerStore(path)
