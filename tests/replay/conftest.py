"""Two workers that must come to the same: one that remembers its runs, one that never does."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from partita import WorkflowDefinition
from partita.authoring.definition import ActivityDefinition
from partita.client import Client
from partita.engine import Engine
from partita.stores.memory import MemoryStore
from partita.worker import Worker
from tests.conftest import Rig

MakeWorker = Callable[..., Worker]


class ForgetfulWorker(Worker):
    """A worker that has no live run when it is asked, so that every task replays all."""

    def seen(self, run_id: str) -> int:
        return 0


@pytest.fixture(params=[Worker, ForgetfulWorker], ids=["live", "replayed"])
def make_worker(request: pytest.FixtureRequest, memory_rig: Rig) -> MakeWorker:
    """Return workers that keep live runs, and in another run of the test, ones that do not."""
    kind: type[Worker] = request.param
    return lambda *definitions: worker(memory_rig, *definitions, kind=kind)


def worker(
    rig: Rig,
    *definitions: WorkflowDefinition[..., Any] | ActivityDefinition,
    kind: type[Worker] = Worker,
) -> Worker:
    """Return a worker of that kind that knows just these."""
    return kind(
        rig.engine,
        workflows=[found for found in definitions if isinstance(found, WorkflowDefinition)],
        activities=[found for found in definitions if isinstance(found, ActivityDefinition)],
        on_decision_failed=lambda _, error: rig.failures.append(str(error)),
    )


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


class ClockedRig(Rig):
    """A rig whose time stands still unless it is moved."""

    def __init__(self) -> None:
        super().__init__(MemoryStore())
        self.engine.close()
        self.clock = Clock()
        self.engine = Engine(MemoryStore(), clock=self.clock)
        self.client = Client(self.engine)

    def advance(self, seconds: float) -> None:
        """Move the clock, and let the engine see it."""
        self.clock.now += seconds
        self.engine.poll_activity_task("nobody's", "nothing")


@pytest.fixture
def clocked_rig() -> Iterator[ClockedRig]:
    """A rig whose time stands still unless it is moved."""
    made = ClockedRig()
    yield made
    made.engine.close()
