"""Workers log what happens to executions: one line each, few of them, and it costs little."""

from __future__ import annotations

import cProfile
import logging
import pstats
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from partita import Retry, activity, workflow
from partita.client import Client
from partita.connect import connect
from partita.engine import Engine, notifier
from partita.errors import InvalidOptionError, WorkflowFailedError
from partita.ports.notices import Notice
from partita.ports.service import Service
from partita.server.local import swf_endpoint
from partita.stores.memory import MemoryStore
from partita.worker import Worker
from partita.worker.execution_log import limit
from partita.worker.line_limit import LineLimit
from partita.worker.timing import Timing
from tests.conftest import new_store, until
from tests.swf_backend import endpoint  # noqa: F401 - for its effect


@pytest.fixture(autouse=True)
def _fresh_limit() -> None:
    """Forget what other tests have logged in this second."""
    limit.flush()


@activity(retry=Retry(max_attempts=2, initial_interval=0.001))
def charge(cents: int) -> int:
    raise ValueError(f"no\nmoney for {cents}")


@activity
def add(x: int) -> int:
    return x + 1


@workflow
def pay(cents: int) -> int:
    return charge(cents)


@workflow
def count_up(steps: int) -> int:
    x = 0
    for _ in range(steps):
        x = add(x)
    return x


def _worker(service: Service) -> Worker:
    return Worker(
        service,
        workflows=[pay, count_up],
        activities=[charge, add],
        logs_messages=True,
        timing=Timing(short_activity=0),  # the engine's thread stays the same
    )


class _Polled:
    """A service without notices, so that a worker polls it."""

    def __init__(self, service: Engine) -> None:
        self._service = service

    def __getattr__(self, name: str) -> Any:
        if name in ("attach", "listen", "on_commit"):
            raise AttributeError(name)
        return getattr(self._service, name)


@pytest.fixture(params=["memory", "postgres", "polled", "swf"])
def client(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Client]:
    kind: str = request.param
    if kind == "swf":
        with (
            swf_endpoint(poll_seconds=1) as address,
            Client(connect(f"swf://us-east-1/tests?endpoint={address}")) as client,
            _worker(client.service),
        ):
            yield client
        return
    engine = Engine(new_store(kind, tmp_path))
    with Client(engine) as client, _worker(_Polled(engine) if kind == "polled" else engine):
        yield client


def test_attempts_and_failures_are_logged_with_their_places(
    client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(WorkflowFailedError):
        client.start_with(pay, [7], workflow_id="order-7").result(timeout=30)
    until(lambda: "order-7 failed" in caplog.text)
    lines = [one.getMessage() for one in caplog.records if one.name == "partita.executions"]
    failed, again, ended = lines
    what = "failed: ValueError: no money for 7 (test_execution_log.py:"
    assert failed.startswith(f"execution order-7: attempt 1 of 2 of charge {what}")
    assert "in charge); next try in 0.0 s" in failed
    assert again.startswith(f"execution order-7: attempt 2 of 2 of charge {what}")
    assert again.endswith("no further try")
    assert ended.startswith(f"execution order-7 {what}")


def test_messages_are_left_out_unless_the_worker_is_told_to_log_them(
    caplog: pytest.LogCaptureFixture,
) -> None:
    quiet = Worker(engine := Engine(MemoryStore()), workflows=[pay], activities=[charge])
    with Client(engine) as client, quiet, pytest.raises(WorkflowFailedError):
        client.start(pay, 7).result(timeout=30)
    assert "attempt 2 of 2 of charge failed: ValueError (test_execution_log.py:" in caplog.text
    assert "no money" not in caplog.text


@pytest.fixture
def at_info(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Log starts and completions, too; workers ask for the level as they begin."""
    with caplog.at_level(logging.INFO, "partita.executions"):
        yield


@pytest.mark.usefixtures("at_info")
def test_starts_and_completions_are_logged_at_info(
    client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    client.start_with(count_up, [2], workflow_id="c").result(timeout=30)
    until(lambda: "execution c completed" in caplog.text)
    assert caplog.text.count("execution c started: count_up@1") == 1
    assert caplog.text.count("execution c") == 2


class _Clock:
    def __init__(self) -> None:
        self.now = 0.0
        self.calls: list[Callable[[], None]] = []

    def __call__(self) -> float:
        return self.now

    def later(self, _seconds: float, function: Callable[[], None]) -> None:
        self.calls.append(function)

    def second(self) -> None:
        self.now += 1.0
        while self.calls:
            self.calls.pop()()


def test_ten_thousand_failures_are_twenty_lines_a_second_and_a_count(
    caplog: pytest.LogCaptureFixture,
) -> None:
    log, clock = logging.getLogger("partita.test_limit"), _Clock()
    limit = LineLimit(log, clock=clock, later=clock.later)
    log.addFilter(limit)
    written = []
    for second in range(10):
        for number in range(1_000):
            log.warning("failure %d", second * 1_000 + number)
        clock.second()
        written.append([one.getMessage() for one in caplog.records])
        caplog.clear()
    log.removeFilter(limit)
    assert [len(lines) for lines in written] == [21] * 10
    assert all("980 more such lines" in lines[-1] for lines in written)
    log.warning("calm")
    assert caplog.records[-1].getMessage() == "calm"


def test_the_log_of_a_real_storm_is_short(caplog: pytest.LogCaptureFixture) -> None:
    begun = time.monotonic()
    with Client(Engine(MemoryStore())) as client, _worker(client.service):
        handles = [client.start(pay, n) for n in range(300)]
        for handle in handles:
            with pytest.raises(WorkflowFailedError):
                handle.result(timeout=60)
    lines = [one for one in caplog.records if one.name == "partita.executions"]
    seconds = time.monotonic() - begun
    assert 20 <= len(lines) <= 21 * (seconds + 2)


def test_a_listener_gets_what_it_wants_alone() -> None:
    heard: list[str] = []

    class Ends:
        wants = frozenset({"process_completed"})

        def __call__(self, notice: Notice) -> None:
            heard.append(notice.name)

    with Client(Engine(MemoryStore())) as client, _worker(client.service):
        client.listen(Ends())
        client.start(count_up, 3).result(timeout=30)
        until(lambda: len(heard) > 0)
    assert heard == ["process_completed"]


def test_a_listener_cannot_want_what_never_happens() -> None:
    class Misspelt:
        wants = frozenset({"proces_completed"})

        def __call__(self, notice: Notice) -> None: ...

    wrong = pytest.raises(InvalidOptionError, match="did you mean process_completed")
    with Client(Engine(MemoryStore())) as client, wrong:
        client.listen(Misspelt())


def test_a_listener_of_ends_costs_no_python_call_per_step() -> None:
    """A step's transactions make the same calls of Python functions with the log as without."""
    steps = 200
    without, with_log = (_calls(steps, is_logged) for is_logged in (False, True))
    assert without > 5 * steps
    assert with_log - without < 0.2 * steps


def _calls(steps: int, is_logged: bool) -> int:
    """Return the calls of Python functions about notices and changes that so many steps make."""
    profile = cProfile.Profile()
    engine = Engine(MemoryStore())
    with Client(engine) as client:
        worker = _worker(engine)
        worker.start()
        if not is_logged:
            worker._stop_log()
        client.start(count_up, 1).result(timeout=30)
        engine._scheduler.inbox.ask(lambda _: profile.enable())
        client.start(count_up, steps).result(timeout=60)
        engine._scheduler.inbox.ask(lambda _: profile.disable())
        worker.stop()
    counted = pstats.Stats(profile).stats  # type: ignore[attr-defined]
    ours = (notifier.__file__, "transaction.py")
    return sum(
        row[1]
        for (file, _, name), row in counted.items()
        if file.endswith(ours) and name != "<lambda>"
    )
