"""The stage of the language's tests, and one more backend: a service that is only polled."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from partita import WorkflowDefinition
from partita.stores.memory import MemoryStore
from partita.testing.environment import defined_in
from partita.worker import PollingWorker, Worker
from partita.worker.timing import Timing
from tests.language.conftest import BACKENDS, Stage, clocked
from tests.language.conftest import _kind as kind_of
from tests.language.conftest import _store as store_of

__all__ = ["clocked"]


class PolledStage(Stage):
    """A stage whose worker asks for task after task."""

    def open(self, *more: WorkflowDefinition[..., object]) -> None:
        workflows, activities = defined_in([self._module])
        self.polling = PollingWorker(
            self.engine,
            workflows=[*workflows, *more],
            activities=activities,
            slots=2,
            timing=Timing(poll_wait=0.05),  # every test waits for a poll that goes on when it ends
        )
        self.thread = threading.Thread(target=self.polling.run)
        self.thread.start()

    def leave(self) -> None:
        self.polling.stop()
        self.thread.join()


@pytest.fixture(params=[*BACKENDS, "polled"])
def stage(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Stage]:
    """A stage on every backend; no decision may fail."""
    if request.param == "polled":
        made: Stage = PolledStage(MemoryStore(), request.module, Worker)
    else:
        made = Stage(store_of(request.param, tmp_path), request.module, kind_of(request.param))
    made.open()
    yield made
    made.close()
    assert made.failures == []
