"""A worker step by step, for a time, or on the task lists of its own classes: on every backend."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from partita import Workflow, activity, workflow
from partita.client import Client, Handle
from partita.deciders import Answer, CompleteProcess, Decider, Process, ScheduleActivity
from partita.engine import Engine
from partita.errors import InvalidOptionError
from partita.worker import PollingWorker, Worker
from tests.conftest import new_store, until
from tests.swf_backend.endpoint import Endpoint, PreparedSwfService


@activity
def double(x: int) -> int:
    return 2 * x


@workflow
def doubling(x: int) -> int:
    return double(double(x))


class Doubling(Decider[int]):
    task_list = "deciders"

    def decide(self, process: Process[int]) -> Answer:
        if not process.activities:
            return double
        if process.unfinished_activities():
            return None
        return CompleteProcess(process.activities[0].value)


class Flow(Workflow):
    task_list = "flows"

    def run(self, x: int) -> int:
        return x + 1


@workflow(task_list="functions")
def function(x: int) -> int:
    return x + 2


@workflow
def common(x: int) -> int:
    return x + 3


class Elsewhere(Decider[int]):
    """Its activity has another list, which is another worker's."""

    task_list = "deciders"

    def decide(self, process: Process[int]) -> Answer:
        return None if process.activities else ScheduleActivity(double, 1, category="actors")


@pytest.fixture(params=["memory", "sqlite", "postgres", "swf"])
def service(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Any]:
    kind = "sqlite" if request.param == "swf" else request.param
    engine = Engine(new_store(kind, tmp_path))
    if request.param != "swf":
        yield engine
        engine.close()
        return
    endpoint = Endpoint(engine)
    made = PreparedSwfService(endpoint)
    yield made
    made.close()
    endpoint.close()
    engine.close()


def test_a_worker_does_one_task_at_each_step(service: Any) -> None:
    handle = Client(service).start(doubling, 4)
    one = PollingWorker(service, workflows=[doubling], activities=[double])
    assert [one.step() for _ in range(6)] == [True] * 5 + [False]
    assert handle.result(timeout=5) == 16


def test_who_decides_and_who_acts_step_apart(service: Any) -> None:
    handle: Handle[Any] = Client(service).start_with(Doubling, [4])
    decider = PollingWorker(service, workflows=[Doubling], activities=[double], acts=False)
    actor = PollingWorker(
        service, workflows=[], activities=[double], decides=False, task_list="deciders"
    )
    assert [actor.step(), decider.step(), decider.step()] == [False, True, False]
    assert [actor.step(), actor.step(), decider.step()] == [True, False, True]
    assert handle.result(timeout=5) == 8


def test_a_worker_polls_for_a_time(service: Any) -> None:
    handles = [Client(service).start(doubling, x) for x in range(3)]
    one = PollingWorker(service, workflows=[doubling], activities=[double])
    done = 0
    while done < 15:  # a loaded machine may need more than one such time
        done += one.poll(max_time=1.0)
    assert done == 15
    assert [handle.result(timeout=5) for handle in handles] == [0, 4, 8]
    begun = time.monotonic()
    assert one.poll(max_time=timedelta(seconds=0.2)) == 0
    assert time.monotonic() - begun >= 0.2


def test_a_poll_ends_when_it_is_told_to(service: Any) -> None:
    one = PollingWorker(service, workflows=[doubling], activities=[double])
    thread = threading.Thread(target=one.poll)
    thread.start()
    one.stop()
    thread.join(30)
    assert not thread.is_alive()


@pytest.mark.parametrize("max_time", [0, -1, float("nan"), float("inf"), 1e30, "10", True])
def test_a_time_that_is_none_is_refused(max_time: Any) -> None:
    with Client(Engine(new_store("memory", Path()))) as client:
        one = PollingWorker(client.service, workflows=[doubling], activities=[double])
        for poll in (one.poll, Worker(client.service, workflows=[], activities=[]).run):
            with pytest.raises(InvalidOptionError, match="max_time="):
                poll(max_time=max_time)


def test_a_worker_runs_for_a_time(service: Any) -> None:
    handle = Client(service).start(doubling, 1)
    worker = Worker(service, workflows=[doubling], activities=[double])
    worker.run(max_time=30, is_over=lambda: not handle.status().is_open)
    assert handle.result(timeout=5) == 4
    begun = time.monotonic()
    Worker(service, workflows=[doubling], activities=[double]).run(max_time=0.1)
    assert time.monotonic() - begun >= 0.1


# -- a decider's own task lists ------------------------------------------------------------


@pytest.mark.parametrize(
    ("workflows", "lists"),
    [
        ([Doubling], ("deciders",)),
        ([Flow, function], ("flows", "functions")),
        ([Flow, Doubling, Elsewhere, common], ("flows", "deciders", "default")),
        ([doubling, common], ("default",)),
        ([], ("default",)),
    ],
)
def test_a_decider_serves_the_lists_that_its_classes_name(
    workflows: list[Any], lists: tuple[str, ...]
) -> None:
    with Client(Engine(new_store("memory", Path()))) as client:
        options: dict[str, Any] = {"workflows": workflows, "activities": []}
        assert Worker(client.service, acts=False, **options).task_lists == lists
        assert Worker(client.service, **options).task_lists == ("default",)
        given = Worker(client.service, acts=False, task_lists=["other"], **options)
        assert list(given.task_lists) == ["other"]


def test_a_decider_needs_no_task_list(service: Any) -> None:
    client = Client(service)
    started: dict[Any, int] = {Flow: 1, function: 2, common: 3}
    workflows: list[Any] = [Doubling, *started]
    with Worker(service, workflows=workflows, activities=[double], acts=False):
        for kind, more in started.items():
            done: Any = client.start_with(kind, [10])
            assert done.result(timeout=20) == 10 + more
        waiting: Any = client.start_with(Doubling, [4])
        until(lambda: waiting.describe().activities)
        assert waiting.describe().activities[0].task_list == "deciders"  # its execution's


def test_what_others_serve_is_left_to_them(service: Any) -> None:
    client = Client(service)
    handle: Any = client.start_with(Elsewhere, [4])
    one = PollingWorker(service, workflows=[Elsewhere], activities=[double], acts=False)
    assert [one.step(), one.step()] == [True, False]
    actor = PollingWorker(
        service, workflows=[], activities=[double], decides=False, task_list="actors"
    )
    assert [actor.step(), actor.step()] == [True, False]
    handle.terminate()
