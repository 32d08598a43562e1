"""Fixtures that many folders share: an engine on every store, and a rig to run workflows on it."""

from __future__ import annotations

import os
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from partita import WorkflowDefinition
from partita.authoring.definition import ActivityDefinition
from partita.client import Client
from partita.engine import Engine
from partita.history import AnyEvent
from partita.ports.store import Store
from partita.stores.memory import MemoryStore
from partita.stores.postgres.store import PostgresStore
from partita.stores.sqlite.store import SqliteStore
from partita.worker import Worker
from tests import fast, rotation
from tests.postgres import schemas

STORES = ("memory", "sqlite", "postgres")
SHARED_MEMORY = Path("/dev/shm")
ROOM = 2 << 30
"""Bytes that must be free in shared memory for the tests' files to be put there."""

pytest_plugins = ["pytester"]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add what `make test-fast` gives."""
    parser.addoption("--fast", action="store_true", help="leave out databases and processes")


def pytest_configure(config: pytest.Config) -> None:
    """Settle the rotation, and keep files in memory: half of the time would go to fsync."""
    rotation.settle(config)
    is_chosen = "TMPDIR" in os.environ or "PARTITA_SOAK" in os.environ
    if not is_chosen and os.access(SHARED_MEMORY, os.W_OK):
        if shutil.disk_usage(SHARED_MEMORY).free > ROOM:
            os.environ["TMPDIR"] = str(SHARED_MEMORY)
            tempfile.tempdir = None


def pytest_report_header() -> str:
    """Say how to repeat this run's choice of databases."""
    return f"{rotation.VARIABLE}={os.environ[rotation.VARIABLE]}, files in {tempfile.gettempdir()}"


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what another rotation runs, and with --fast what takes long."""
    out = rotation.left_out(items, os.environ[rotation.VARIABLE])
    if config.getoption("--fast"):
        out |= fast.left_out(items)
    if out:
        config.hook.pytest_deselected(items=[item for item in items if item in out])
        items[:] = [item for item in items if item not in out]


class BorrowedStore(PostgresStore):
    """A store whose schema others use after it."""

    is_closed = False

    def close(self) -> None:
        super().close()
        if not self.is_closed:
            self.is_closed = True
            schemas().release(self.address.schema)


def new_store(kind: str, folder: Path) -> Store:
    """Return a new store of a kind."""
    if kind == "sqlite":
        return SqliteStore(folder / "x.db")
    return BorrowedStore(schemas().url()) if kind == "postgres" else MemoryStore()


@pytest.fixture(params=STORES)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """Every store, new."""
    made = new_store(request.param, tmp_path)
    yield made
    made.close()


FIRST_DELAY = 1.0
"""Seconds until a decision that failed once is tried again."""


class RunningClock:
    """The time of day, or later: a test may skip what it would wait for."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def __call__(self) -> float:
        return time.time() + self.ahead


class Rig:
    """An engine, a client, and workers for whatever a test defines."""

    def __init__(self, store: Store) -> None:
        self.time = RunningClock()
        self.engine = Engine(store, clock=self.time)
        self.client = Client(self.engine)
        self.failures: list[str] = []

    def worker(
        self,
        *definitions: WorkflowDefinition[..., Any] | ActivityDefinition,
        cache_bytes: int = 1 << 28,
        slots: int = 20,
        task_lists: Iterable[str] = ("default",),
    ) -> Worker:
        """Return a worker that knows just these; use it in a `with` block."""
        return Worker(
            self.engine,
            workflows=[found for found in definitions if isinstance(found, WorkflowDefinition)],
            activities=[found for found in definitions if isinstance(found, ActivityDefinition)],
            cache_bytes=cache_bytes,
            slots=slots,
            task_lists=tuple(task_lists),
            on_decision_failed=lambda _, error: self.failures.append(str(error)),
        )

    def skip(self, seconds: float) -> None:
        """Set the clock ahead, and let the engine see it."""
        self.time.ahead += seconds
        self.engine.poll_activity_task("nobody's", "nothing")

    def events(self, workflow_id: str) -> list[AnyEvent]:
        """Return an execution's history."""
        return self.client.history(workflow_id)

    def kinds(self, workflow_id: str) -> list[str]:
        """Return the names of an execution's events."""
        return [event.event_type for event in self.events(workflow_id)]


@pytest.fixture
def rig(store: Store) -> Iterator[Rig]:
    """A rig on every store."""
    made = Rig(store)
    yield made
    made.engine.close()


@pytest.fixture
def memory_rig() -> Iterator[Rig]:
    """A rig on memory alone, for what does not depend on the store."""
    made = Rig(MemoryStore())
    yield made
    made.engine.close()


def until(ready: Callable[[], Any], seconds: float = 20.0) -> None:
    """Wait until `ready()` is true; fail after a time that no sound machine needs."""
    deadline = time.monotonic() + seconds
    while not ready():
        assert time.monotonic() < deadline, "it did not happen in time"
        threading.Event().wait(0.005)
