"""One stage for the whole language: every test runs unchanged on each backend at hand.

A stage is an engine with a worker that knows every workflow and activity of the test's
module. `memory`, `sqlite` and `postgres` keep live runs; `replayed` never does, so that every
decision is made by replaying the whole history. `swf` speaks Amazon SWF's protocol to our own
endpoint over SQLite; what SWF cannot do is in `DEVIATIONS`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, cast

import pytest

from partita import WorkflowDefinition
from partita.client import Client, Handle
from partita.engine import Engine
from partita.history import AnyEvent, WorkflowExecution
from partita.ports.service import ExecutionInfo
from partita.ports.state import ExecutionFilter, Status
from partita.ports.store import Store
from partita.testing import Clock
from partita.testing.conformance import sound
from partita.testing.environment import defined_in
from partita.worker import Worker
from tests.conftest import new_store, until
from tests.language.deviations import DEVIATIONS
from tests.replay.conftest import ForgetfulWorker
from tests.soak import scaled
from tests.swf_backend.endpoint import Endpoint, PreparedSwfService

BACKENDS = ("memory", "sqlite", "postgres", "replayed", "swf")
TASK_LISTS = ("default", "gpu", "slow")


@pytest.fixture(autouse=True)
def deviation(request: pytest.FixtureRequest) -> None:
    """Expect of a test that it fails where SWF is known to differ, and of no other."""
    found = getattr(request.node, "callspec", None)
    test = f"{request.path.stem.removeprefix('test_')}.{request.node.originalname}"
    if found is not None and "swf" in found.params.values() and test in DEVIATIONS:
        known = DEVIATIONS[test]
        mark = pytest.mark.xfail(reason=known.why, raises=known.raised(), strict=True)
        request.node.add_marker(mark)


class Stage:
    """An engine, a client, and a worker for a module's definitions."""

    def __init__(self, store: Store, module: ModuleType, kind: type[Worker], **engine: Any) -> None:
        self.kept = Engine(store, **engine)
        self.engine = self.service()
        self.client = Client(self.engine)
        self.failures: list[str] = []
        self._kind = kind
        self._module = module
        self._worker: Worker | None = None

    def service(self) -> Engine:
        """Return what the test speaks to: the engine itself, or what stands before it."""
        return self.kept

    def open(self, *more: WorkflowDefinition[..., Any]) -> None:
        """Start the worker; `more` is what the module does not hold by name."""
        workflows, activities = defined_in([self._module])
        self._worker = self._kind(
            self.engine,
            workflows=[*workflows, *more],
            activities=activities,
            task_lists=TASK_LISTS,
            on_decision_failed=lambda _, error: self.failures.append(str(error)),
        )
        self._worker.start()

    def leave(self) -> None:
        """Stop the worker."""
        if self._worker is not None:
            self._worker.stop(grace=1.0)
            self._worker = None

    def close(self) -> None:
        """Stop everything; hold that the store and every history are sound."""
        self.leave()
        assert self.kept.store.check() == []
        for one in self.engine.list_executions(ExecutionFilter(limit=1000)).executions:
            execution = WorkflowExecution(one.workflow_id, one.run_id)
            sound(self.engine.history("default", execution))
        self.engine.close()

    def start(
        self, workflow: Any, *args: Any, id: str | None = None, **options: Any
    ) -> Handle[Any]:
        """Start an execution."""
        return self.client.start_with(workflow, args, workflow_id=id, **options)

    def run(self, workflow: Any, *args: Any, **options: Any) -> Any:
        """Start an execution and return its result."""
        return self.start(workflow, *args, **options).result(timeout=20)

    def kinds(self, handle: Handle[Any]) -> list[str]:
        """Return the names of an execution's events."""
        return [event.event_type for event in handle.history()]

    def find(self, handle: Handle[Any], kind: type[Any]) -> list[Any]:
        """Return an execution's events of one kind."""
        return [event for event in handle.history() if isinstance(event, kind)]

    def waits(self, handle: Handle[Any], ready: Callable[[list[AnyEvent]], Any]) -> None:
        """Wait until the history is as it should be, and no decision is open."""
        until(lambda: ready(handle.history()) and handle.describe().decision is None)

    def settled(self, handle: Handle[Any]) -> None:
        """Wait until the workflow has begun and waits for something."""
        self.waits(handle, lambda events: len(events) > 3)


def _store(kind: str, folder: Path) -> Store:
    return new_store({"replayed": "memory", "swf": "sqlite"}.get(kind, kind), folder)


def _kind(kind: str) -> type[Worker]:
    return ForgetfulWorker if kind == "replayed" else Worker


class SwfStage(Stage):
    """A stage whose engine is reached by Amazon SWF's protocol alone."""

    options: dict[str, Any] = {"pollers": scaled(1, soaking=4)}

    def service(self) -> Engine:
        self.endpoint = Endpoint(self.kept)
        return cast(Engine, PreparedSwfService(self.endpoint, **self.options))

    def close(self) -> None:
        super().close()
        self.endpoint.leave()
        self.kept.close()


@pytest.fixture(params=BACKENDS)
def stage(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Stage]:
    """A stage on every backend, with its worker running; no decision may fail."""
    make = SwfStage if request.param == "swf" else Stage
    made = make(_store(request.param, tmp_path), request.module, _kind(request.param))
    made.open()
    yield made
    made.close()
    assert made.failures == [] or request.node.get_closest_marker("xfail")


class ClockedStage(Stage):
    """A stage whose time stands still unless it is moved."""

    clock: Clock

    def advance(self, seconds: float) -> None:
        """Move the clock, and let the engine see it."""
        self.clock.advance(seconds)
        self.kept.poll_activity_task("nobody's", "nothing")


class ClockedSwfStage(SwfStage, ClockedStage):
    """A stage on Amazon SWF whose time stands still unless it is moved.

    A worker that is gone would keep what waits for it until the clock is moved.
    """

    options = {**SwfStage.options, "sticky": 0, "lease": 0}

    def advance(self, seconds: float) -> None:
        """Move the clock, and wait until all that this brings is decided."""
        super().advance(seconds)
        until(lambda: self.failures or not any(map(self._is_deciding, self._open())))

    def _open(self) -> tuple[ExecutionInfo, ...]:
        filter = ExecutionFilter(domain="tests", statuses=(Status.OPEN,), limit=1000)
        return self.kept.list_executions(filter).executions

    def _is_deciding(self, info: ExecutionInfo) -> bool:
        execution = WorkflowExecution(info.workflow_id, info.run_id)
        return self.kept.describe("tests", execution).decision is not None


@pytest.fixture(params=BACKENDS)
def clocked(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ClockedStage]:
    """A stage on every backend whose time is moved by hand."""
    clock = Clock()
    store, kind = _store(request.param, tmp_path), _kind(request.param)
    make = ClockedSwfStage if request.param == "swf" else ClockedStage
    made = make(store, request.module, kind, clock=clock)
    made.clock = clock
    made.open()
    yield made
    made.close()
    assert made.failures == [] or request.node.get_closest_marker("xfail")


class Gate:
    """Something that a test opens, and that activities wait for."""

    def __init__(self) -> None:
        self._event = threading.Event()

    def wait(self) -> None:
        """Wait until it is open."""
        assert self._event.wait(20), "the gate was not opened"

    def open(self) -> None:
        """Let everybody pass."""
        self._event.set()

    def close(self) -> None:
        """Let nobody pass."""
        self._event.clear()
