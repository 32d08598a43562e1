"""Two workers that must come to the same: one that remembers its runs, one that never does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from partita import Workflow
from partita.authoring.activity import Definition
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
    rig: Rig, *definitions: Workflow[..., Any] | Definition, kind: type[Worker] = Worker
) -> Worker:
    """Return a worker of that kind that knows just these."""
    return kind(
        rig.engine,
        workflows=[found for found in definitions if isinstance(found, Workflow)],
        activities=[found for found in definitions if isinstance(found, Definition)],
        on_decision_failed=lambda _, error: rig.failures.append(str(error)),
    )
