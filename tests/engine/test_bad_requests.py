"""A request that cannot be done is refused alone; what shares its transaction is not."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from partita.engine import Engine
from partita.errors import InvalidTokenError, PartitaError, TaskLostError
from partita.history import WorkflowExecution
from partita.ports.service import ActivityAnswer
from partita.stores.sqlite.store import SqliteStore
from partita.testing.conformance import DOMAIN, activity_task, charge, kinds, started
from tests.conftest import until

UNSTORABLE = "\ud800"  # half of a character: text that UTF-8 cannot hold


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    made = Engine(SqliteStore(tmp_path / "x.db"))
    yield made
    assert made.store.check() == []
    made.close()


@pytest.mark.parametrize("digits", [25, 5000])
def test_numbers_that_no_token_holds(engine: Engine, digits: int) -> None:
    started(engine, charge())
    token = activity_task(engine).token
    run, run_id, event, id = token.split(":")
    for bad in (f"{'9' * digits}:{run_id}:{event}:{id}", f"{run}:{run_id}:{'9' * digits}:{id}"):
        with pytest.raises(InvalidTokenError):
            engine.complete_activity(bad, None)
        with pytest.raises(InvalidTokenError):
            engine.heartbeat_activity(bad, None)
        with pytest.raises(InvalidTokenError):
            engine.complete_decision(bad, [])
    engine.complete_activity(token, None)


class Held:
    """Keeps the engine's thread busy, so that what is asked meanwhile shares a transaction."""

    def __init__(self, engine: Engine) -> None:
        self._go, begun = threading.Event(), threading.Event()

        def wait(_: object) -> None:
            begun.set()
            self._go.wait(20)

        engine._scheduler.inbox.post(wait, lambda error: None)
        until(begun.is_set)

    def let_go(self) -> None:
        self._go.set()


def test_a_result_outlives_the_bad_request_beside_it(
    engine: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    execution = started(engine, charge())
    token = activity_task(engine).token
    heard: dict[str, PartitaError] = {}

    def report(name: str, token: str) -> None:
        answer = ActivityAnswer(token=token, outcome="completed", result="1")
        engine.report(answer, partial(heard.__setitem__, name))

    held = Held(engine)
    report("nonsense", "nonsense")
    signal(engine, execution, UNSTORABLE, partial(heard.__setitem__, "signal"))
    report("first", token)
    report("second", token)
    with caplog.at_level(logging.CRITICAL, "partita.engine"):
        held.let_go()
        until(lambda: "second" in heard and "signal" in heard)
    assert isinstance(heard["nonsense"], InvalidTokenError)
    assert "UnicodeEncodeError" in str(heard["signal"])
    assert "first" not in heard
    assert isinstance(heard["second"], TaskLostError)
    assert kinds(engine, execution).count("ActivityTaskCompleted") == 1
    assert "WorkflowExecutionSignaled" not in kinds(engine, execution)


def signal(
    engine: Engine,
    execution: WorkflowExecution,
    input: str,
    failed: Callable[[PartitaError], None],
) -> None:
    """Signal without waiting, as another thread would."""

    def send() -> None:
        try:
            engine.signal_workflow_execution(DOMAIN, execution, "s", input)
        except PartitaError as error:
            failed(error)

    inbox = engine._scheduler.inbox._queue
    waiting = inbox.qsize()
    threading.Thread(target=send, daemon=True).start()
    until(lambda: inbox.qsize() > waiting)
