"""A worker to which the system gives no thread, or no memory, for a while loses no activity."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

import pytest

from partita import activity, workflow
from partita.client import Client
from partita.engine import Engine
from partita.engine.task_polls import TaskPolls
from partita.engine.timing import Timing
from partita.errors import ConflictError, StoreError, StoreUnavailableError
from partita.stores.memory import MemoryStore
from partita.telemetry.health import checks_for
from partita.worker import Worker
from partita.worker.activity_runs import ActivityRuns
from partita.worker.heartbeats import Heartbeats
from tests.conftest import until


@activity
def double(number: int) -> int:
    return 2 * number


@activity
async def double_async(number: int) -> int:
    return 2 * number


@workflow
def doubling(number: int) -> int:
    doubled = double_async.submit(number)
    return sum(double.map(range(number)).result()) + doubled.result()


gate = threading.Event()


@activity
def held(number: int) -> int:
    assert gate.wait(60)
    return number


@workflow
def waiting(number: int) -> int:
    return held(number)


@pytest.fixture
def engine() -> Iterator[Engine]:
    made = Engine(MemoryStore(), timing=Timing(lease=0.6, reap_interval=0.05))
    yield made
    made.close()


def worker(engine: Engine) -> Worker:
    return Worker(engine, workflows=[doubling, waiting], activities=[double, double_async, held])


class Failures:
    """A function that fails at first."""

    def __init__(self, function: Callable[..., None], error: Exception, times: int) -> None:
        self.left = times
        self._function = function
        self._error = error

    def __call__(self, *args: object) -> None:
        if self.left:
            self.left -= 1
            raise self._error
        self._function(*args)


def refuse_threads(patch: pytest.MonkeyPatch, *names: str) -> threading.Event:
    """Let threads of these names be refused until the event is set."""
    start, over = threading.Thread.start, threading.Event()

    def try_to_start(thread: threading.Thread) -> None:
        if thread.name.startswith(names) and not over.is_set():
            raise RuntimeError("can't start new thread")
        start(thread)

    patch.setattr(threading.Thread, "start", try_to_start)
    return over


def test_activities_run_once_there_are_threads_again(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    over = refuse_threads(monkeypatch, "partita-activity", "partita-async")
    with worker(engine) as made:
        handle = Client(engine).start(doubling, 10)
        is_ready = checks_for(engine, made)[1]["worker"]
        until(lambda: is_ready() == "activities wait because no thread can be started")
        over.set()
        assert handle.result(timeout=60) == 110
        assert is_ready() is None
        assert made.tasks_given_back == 0


def test_a_result_is_reported_until_it_is_stored(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    report = Failures(TaskPolls._answer, MemoryError(), times=3)
    monkeypatch.setattr(TaskPolls, "_answer", lambda *args: report(*args))
    with worker(engine) as made:
        assert Client(engine).start(doubling, 1).result(timeout=60) == 2
        assert (report.left, made.tasks_given_back) == (0, 0)


def test_a_result_is_reported_later_if_no_timer_can_be_started(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    report = Failures(TaskPolls._answer, MemoryError(), times=1)
    monkeypatch.setattr(TaskPolls, "_answer", lambda *args: report(*args))
    refuse_threads(monkeypatch, "Thread-")  # what `threading.Timer` names its own
    with worker(engine) as made:
        assert Client(engine).start(doubling, 1).result(timeout=60) == 2
        assert made.tasks_given_back == 0


@pytest.mark.parametrize(("kind", "name"), [(ActivityRuns, "start"), (Heartbeats, "flush")])
def test_what_does_not_run_is_given_back(
    kind: type[object], name: str, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    method = Failures(getattr(kind, name), MemoryError(), times=1)
    monkeypatch.setattr(kind, name, lambda *args: method(*args))
    with worker(engine) as made:
        assert Client(engine).start(doubling, 3).result(timeout=60) == 12
        assert (method.left, made.tasks_given_back > 0) == (0, True)


class Contested(MemoryStore):
    """A store whose next transactions fail, or do not, as a plan says.

    It also says whether an activity has just ended, and its report will be in the next one.
    """

    plan: list[tuple[bool, StoreError | None]]

    def __init__(self) -> None:
        super().__init__()
        self.plan = []

    @contextmanager
    def transaction(self) -> Iterator[MemoryStore]:
        """Fail if it is planned: for want of the lock at once, because of a conflict at the end."""
        error = self.plan[0][1] if self.plan else None
        if error is LOCKED:
            self.plan.pop(0)
            raise LOCKED
        with super().transaction() as begun:
            yield begun
            if self.plan:
                self.plan.pop(0)
            if error is not None:
                raise error


CONFLICT = ConflictError("it was changed by somebody else")
LOCKED = StoreUnavailableError("another process held the lock")


@pytest.mark.parametrize(
    "plan",
    [
        [(True, CONFLICT), (True, None)],
        [(True, CONFLICT), (True, CONFLICT), (True, None)],
        [(True, None), (False, LOCKED), (True, None)],
        [(True, None), (False, CONFLICT), (False, LOCKED), (False, None), (True, None)],
    ],
)
def test_a_look_counts_only_if_no_transaction_has_failed_since(
    plan: list[tuple[bool, StoreError | None]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What has ended while a transaction is made is reported by the next one, and not stray."""
    store, holds = Contested(), Worker.holds

    def has_just_ended(made: Worker, token: str) -> bool:
        return holds(made, token) and not (store.plan and store.plan[0][0])

    monkeypatch.setattr(Worker, "holds", has_just_ended)
    gate.clear()
    engine = Engine(store, timing=Timing(lease=0.003))  # looks at every transaction
    with closing(engine), worker(engine) as made:
        handle = Client(engine).start(waiting, 1)
        until(lambda: made.running_activities)
        store.plan = [*plan]
        until(lambda: not store.plan)
        gate.set()
        assert handle.result(timeout=60) == 1
        assert made.tasks_given_back == 0
