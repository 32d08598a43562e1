"""A worker on Amazon SWF: what SWF bounds, what it bills, and how it stops."""

from __future__ import annotations

import random
import threading
from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from partita import (
    Retry,
    activity,
    activity_info,
    heartbeat,
    side_effect,
    signals,
    sleep,
    update,
    workflow,
)
from partita import history as h
from partita.client import Client
from partita.errors import PayloadTooLargeError, WorkflowFailedError
from partita.ports.service import Bounds, DecisionTask
from partita.swf.backend.decision_tasks import DecisionTasks
from partita.swf.backend.service import SwfService
from partita.worker.poller import Poller
from tests.conftest import until
from tests.swf_backend.conftest import Connect, worker
from tests.swf_backend.endpoint import Endpoint

GATE = threading.Event()
TRIES: list[int] = []


@activity
def double(n: int) -> int:
    return 2 * n


@workflow
def many(n: int) -> int:
    return sum(double.map(range(n)).result())


@workflow
def noted(n: int) -> list[int]:
    found = [side_effect(partial(int, at)) for at in range(n)]
    return [*found, *double.map(range(n)).result()]


@workflow
def echo(text: str) -> str:
    sleep(1)
    return text


@activity(retry=Retry(max_attempts=3, initial_interval=0))
def stubborn() -> list[Any]:
    info = activity_info()
    TRIES.append(info.attempt)
    heartbeat({"attempt": info.attempt})
    if info.attempt < 3:
        raise ValueError("not yet")
    return [info.attempt, info.last_heartbeat]


@workflow
def tries() -> list[Any]:
    return stubborn()


@activity
def gated() -> str:
    assert GATE.wait(20)
    return "through"


@workflow
def passes() -> str:
    return gated()


@workflow
def listens(n: int) -> list[Any]:
    @update
    def add(x: int) -> int:
        return x + 1

    channel = signals("s")
    return [channel.get() for _ in range(n)]


@workflow(task_start_to_close=1)
def hurried() -> Any:
    return signals("s").get()


@pytest.fixture(autouse=True)
def _clean() -> None:
    GATE.clear()
    TRIES.clear()


def history_of_engine(endpoint: Endpoint, workflow_id: str) -> list[str]:
    events = endpoint.engine.history("tests", h.WorkflowExecution(workflow_id, ""))
    return [event.event_type for event in events]


@pytest.mark.parametrize("sticky", [5, 0])
def test_more_decisions_than_one_answer_holds(
    connect: Connect, monkeypatch: pytest.MonkeyPatch, sticky: int
) -> None:
    monkeypatch.setattr(SwfService, "bounds", Bounds(decisions=4, activities=6))
    service = connect(sticky=sticky)
    client = Client(service)
    with worker(service, many, noted, double):
        assert client.start(many, 20).result(timeout=60) == 380
        handle = client.start(noted, 9)
        assert handle.result(timeout=60) == [*range(9), *range(0, 18, 2)]
    names = [one.marker_name for one in handle.history() if isinstance(one, h.MarkerRecorded)]
    assert "$more" in names
    open_now = most = 0
    for event in handle.history():
        open_now += isinstance(event, h.ActivityTaskScheduled)
        open_now -= event.event_type == "ActivityTaskCompleted"
        most = max(most, open_now)
    assert most <= 6


def test_no_answer_has_more_than_a_hundred_decisions(service: SwfService, client: Client) -> None:
    with worker(service, many, double, slots=50):
        handle = client.start(many, 150)
        assert handle.result(timeout=60) == 150 * 149
    answers = Counter(
        getattr(event, "decision_task_completed_event_id", 0) for event in handle.history()
    )
    del answers[0]
    assert max(answers.values()) == 100  # 99, and the marker that says that there is more


def test_nothing_is_spent_on_bookkeeping(
    service: SwfService, client: Client, endpoint: Endpoint
) -> None:
    with worker(service, tries, stubborn, many, double):
        handle = client.start_with(tries, workflow_id="t")
        assert handle.result(timeout=20) == [3, {"attempt": 2}]
        client.start_with(many, [120], workflow_id="m").result(timeout=60)
    assert TRIES == [1, 2, 3]
    for id in ("t", "m"):
        kinds = history_of_engine(endpoint, id)
        assert not {"TimerStarted", "MarkerRecorded", "WorkflowExecutionSignaled"} & set(kinds)
    events = handle.history()
    assert sum(isinstance(one, h.ActivityTaskScheduled) for one in events) == 1
    again = [one for one in events if isinstance(one, h.ActivityTaskRescheduled)]
    assert [(one.attempt, one.backoff, one.reason) for one in again] == [
        (1, 0.0, "ValueError"),
        (2, 0.0, "ValueError"),
    ]


def test_a_live_run_is_fed_only_what_is_new(
    service: SwfService, client: Client, calls: Counter[str]
) -> None:
    with worker(service, listens):
        handle = client.start_with(listens, [60], workflow_id="l")
        until(lambda: handle.describe().decision is None)
        before = calls["get_workflow_execution_history"]
        live = service.decision_tasks._live
        until(lambda: live)
        history = next(iter(live.values()))
        for number in range(60):
            handle.signal("s", number)
        assert service.wait_closed("default", handle_of(handle), 60) is not None
        assert calls["get_workflow_execution_history"] - before < 10
        assert history.last_swf_id > 60
    assert handle.result(timeout=5) == list(range(60))


def test_a_run_that_dies_between_its_poll_and_its_decision_is_read_again(
    service: SwfService, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    dropped: list[str] = []
    poll = DecisionTasks.poll

    def polled(self: DecisionTasks, *given: Any, **more: Any) -> DecisionTask | None:
        task, poller = poll(self, *given, **more), serving._service
        assert isinstance(poller, Poller)
        if task is not None and task.events[0].event_id > 1 and not dropped:
            dropped.append(task.workflow_execution.run_id)
            poller._decider.call(partial(serving.forget, dropped[0]))
        return task

    monkeypatch.setattr(DecisionTasks, "poll", polled)
    serving = worker(service, tries, stubborn)
    with serving:
        handle = client.start(tries)
        assert handle.result(timeout=30)[0] == 3
    assert dropped == [handle.run_id]


def test_what_a_task_that_timed_out_was_told_is_told_again(
    service: SwfService, client: Client
) -> None:
    """Its successor comes before its late answer is refused: no decider has acted on the news."""
    handle = client.start(hurried)

    def poll(seen: int) -> Any:
        domain = service.domain("default")
        return service.decision_tasks.poll(domain, "default", "me", lambda _: seen)

    first = poll(0)
    service.decision_tasks.complete(first.token, [], keep=True)
    handle.signal("s", 0)
    late = poll(first.started_event_id)
    assert late.events[0].event_id > 1
    successor = poll(late.started_event_id)
    assert successor.events[0].event_id == 1
    assert successor.previous_started_event_id == first.started_event_id


def handle_of(handle: Any) -> Any:
    return h.WorkflowExecution(handle.workflow_id, handle.run_id)


def test_a_history_of_many_pages(
    service: SwfService, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("history_reader", "decision_tasks"):
        monkeypatch.setattr(f"partita.swf.backend.{module}.PAGE", 10)
    handle = client.start(listens, 40)
    for number in range(40):
        handle.signal("s", number)
    with worker(service, listens):
        assert handle.result(timeout=30) == list(range(40))
    other = SwfService(service.address)
    assert [one.event_id for one in handle.history()] == list(range(1, len(handle.history()) + 1))
    assert Client(other).history(handle.workflow_id) == handle.history()
    other.close()


def test_large_payloads_are_moved_to_a_folder(connect: Connect, tmp_path: Path) -> None:
    service = connect(large=f"file://{tmp_path}/large")
    text = random.Random(1).randbytes(50_000).hex()
    with worker(service, echo):
        assert Client(service).start(echo, text).result(timeout=30) == text
    assert list((tmp_path / "large").iterdir())
    with pytest.raises(PayloadTooLargeError, match="large="):
        Client(connect()).start(echo, text)


def test_a_result_that_is_too_large_fails_its_decision_and_not_the_worker(
    service: SwfService, client: Client
) -> None:
    failures: list[str] = []
    text = random.Random(1).randbytes(50_000).hex()

    @workflow
    def grows() -> str:
        return text

    with worker(service, grows, on_decision_failed=lambda _, e: failures.append(str(e))):
        client.start_with(grows, workflow_id="g")
        until(lambda: failures)
    assert "the result of CompleteWorkflowExecution is 1" in failures[0]


def test_a_stopping_worker_gives_back_what_it_has_not_finished(
    service: SwfService, connect: Connect
) -> None:
    client = Client(service)
    first = worker(service, passes, gated, identity="first")
    first.start()
    handle = client.start_with(passes, workflow_id="p")
    until(lambda: any(isinstance(one, h.ActivityTaskStarted) for one in handle.history()))
    first.stop(grace=0.0)
    GATE.set()
    other = connect()
    with worker(other, passes, gated, identity="second"):
        assert handle.result(timeout=30) == "through"
    events = handle.history()
    started = [one.identity for one in events if isinstance(one, h.ActivityTaskStarted)]
    *before, last = started  # the first may be given it again as it goes, and gives it back again
    assert (set(before), last) == ({"first"}, "second")
    back = [one for one in events if isinstance(one, h.ActivityTaskRescheduled)]
    assert [(one.cause.value, one.attempt) for one in back] == [("GIVEN_BACK", 1)] * len(before)


def test_a_worker_that_waits_for_tasks_stops_at_once_and_takes_none_with_it(
    service: SwfService, connect: Connect
) -> None:
    for _ in range(5):
        idle = worker(service, passes, gated, many, double)
        idle.start()
        handle = Client(service).start(many, 3)
        idle.stop()
        with worker(connect(), many, double):
            assert handle.result(timeout=30) == 6


def test_failures_keep_their_type(service: SwfService, client: Client) -> None:
    @workflow
    def fails() -> None:
        raise KeyError("key")

    with worker(service, fails), pytest.raises(WorkflowFailedError) as raised:
        client.start_with(fails).result(timeout=20)
    assert isinstance(raised.value.__cause__, KeyError)


def test_updates_and_queries(service: SwfService, client: Client) -> None:
    with worker(service, listens):
        handle = client.start(listens, 1)
        assert handle.update("add", 1, timeout=20) == 2
        handle.signal("s", "x")
        assert handle.result(timeout=20) == ["x"]
