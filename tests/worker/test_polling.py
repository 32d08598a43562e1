"""A worker that polls: what it does not know, loses, cannot reach or cannot decide."""

from __future__ import annotations

import logging
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import pytest

from partita import Middleware, Retry, activity, activity_info, sleep, workflow
from partita import history as h
from partita.client import Client, Handle
from partita.deciders import Answer, CompleteProcess, Decider, Process, ScheduleActivity
from partita.engine import Engine
from partita.errors import StoreUnavailableError, WorkflowFailedError
from partita.ports.state import Status
from partita.stores.memory import MemoryStore
from partita.testing import Clock
from partita.worker import PollingWorker, Timing, Worker
from tests.conftest import Rig, until


@activity
def double(x: int) -> int:
    DONE[x] += 1
    return 2 * x


@activity(retry=Retry(max_attempts=2, initial_interval=0))
def rare(x: int) -> int:
    return x


@activity(start_to_close=10)
def hurried() -> int:
    return 1


@activity
async def greet(name: str) -> str:
    return f"hello {name}"


@activity
def large(size: int) -> str:
    return "x" * size


DONE: Counter[int] = Counter()
QUICK = Timing(report_again=0.01, poll_wait=0.01, poll_again=(0.01, 0.01), refused_again=0.01)


@pytest.fixture(autouse=True)
def _begin() -> None:
    DONE.clear()


@workflow
def doubling(x: int) -> int:
    return double(x)


@workflow
def asking_for_what_is_rare(x: int) -> int:
    return rare(x)


@workflow
def hurrying() -> int:
    return hurried()


@workflow
def greeting(name: str) -> str:
    return greet.submit(name).result()


@workflow
def storing(size: int) -> str:
    return large(size)


class Fragile(Decider[int]):
    """Break until it is mended."""

    broken = True

    def decide(self, process: Process[int]) -> Answer:
        if type(self).broken:
            raise LookupError("not yet")
        if not process.activities:
            return ScheduleActivity(double, process.input)
        done = process.activities[0]
        return CompleteProcess(done.value) if done.result else None


class Reached:
    """A service that can be out of reach, for some of what it does."""

    def __init__(self, service: Any) -> None:
        self._service = service
        self.down: dict[str, Exception] = {}  # by the name of what fails
        self.asked: Counter[str] = Counter()

    def was_asked(self, names: list[str], before: Counter[str]) -> bool:
        return all(self.asked[name] > before[name] + 2 for name in names)

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._service, name)

        def call(*args: Any, **options: Any) -> Any:
            self.asked[name] += 1
            if name in self.down:
                raise self.down[name]
            return found(*args, **options)

        return call


AWAY = StoreUnavailableError("the store of a test is out of reach")


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def engine(clock: Clock) -> Iterator[Engine]:
    made = Engine(MemoryStore(), clock=clock, payload_limit=1_000)
    yield made
    assert made.store.check() == []
    made.close()


def worker(service: Any, *activities: Any, workflows: Any = (doubling,)) -> PollingWorker:
    return PollingWorker(
        service, workflows=workflows, activities=activities or (double,), timing=QUICK
    )


@contextmanager
def running(worker: PollingWorker) -> Iterator[None]:
    """Run a worker on a thread, and hold that it ends when it is told to."""
    thread = threading.Thread(target=worker.run)
    thread.start()
    try:
        yield
    finally:
        worker.stop()
        thread.join(30)
        assert not thread.is_alive()


# -- what it does not know -----------------------------------------------------------------


def test_it_says_which_activities_it_has(engine: Engine) -> None:
    handle = Client(engine).start(doubling, 1)
    one = worker(engine, rare, greet)
    assert one.step()
    assert one.step()
    assert one.step()
    assert not one.step()
    with pytest.raises(WorkflowFailedError, match="UNKNOWN_TYPE") as raised:
        handle.result(timeout=1)
    assert f"double@1 is not known to {one.identity}; it has: greet@1, " in str(raised.value)
    assert "rare@1" in str(raised.value)


def test_another_worker_may_know_what_one_does_not(engine: Engine) -> None:
    handle = Client(engine).start(asking_for_what_is_rare, 5)
    ignorant = worker(engine, workflows=[asking_for_what_is_rare])
    assert ignorant.decide()
    assert ignorant.work()
    assert worker(engine, rare).work()
    assert ignorant.decide()
    assert handle.result(timeout=1) == 5
    [again] = [one for one in handle.history() if isinstance(one, h.ActivityTaskRescheduled)]
    assert again.reason == "UNKNOWN_TYPE"


def test_a_workflow_that_it_does_not_know_waits_for_one_who_does(
    engine: Engine, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    handle = Client(engine).start(doubling, 4)
    ignorant, able = worker(engine, workflows=[greeting]), worker(engine)
    assert ignorant.decide()
    [failed] = [one for one in handle.history() if isinstance(one, h.DecisionTaskFailed)]
    assert (failed.cause, "it has:" in failed.message) == ("UNKNOWN_TYPE", True)
    assert not able.decide()  # at once it would only be broken again
    clock.advance(1)
    while able.step():
        pass
    assert handle.result(timeout=1) == 8
    assert "doubling@1 is not known to this worker" in caplog.text


# -- what it loses -------------------------------------------------------------------------


def test_a_decision_that_comes_too_late_is_dropped(
    engine: Engine, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    handle = Client(engine).start_with(doubling.options(task_start_to_close=5), [3])
    slow, quick = worker(engine), worker(engine)
    task = engine.poll_decision_task("default", "default")
    assert task is not None
    clock.advance(6)
    slow._decisions.answer(task)
    kinds = [type(one) for one in handle.history()]
    assert (h.DecisionTaskTimedOut in kinds, h.DecisionTaskCompleted in kinds) == (True, False)
    while quick.step():
        pass
    assert handle.result(timeout=1) == 6
    assert slow._host.seen(handle.run_id) == 0  # it keeps nothing of what it lost


def test_a_result_that_comes_too_late_is_dropped(engine: Engine, clock: Clock) -> None:
    handle = Client(engine).start(hurrying)
    one = worker(engine, hurried, workflows=[hurrying])
    assert one.decide()
    task = engine.poll_activity_task("default", "default")
    assert task is not None
    clock.advance(11)
    one._run(task)
    one._reports.send()
    while one.step():
        pass
    with pytest.raises(WorkflowFailedError, match="START_TO_CLOSE"):
        handle.result(timeout=1)
    kinds = [type(event) for event in handle.history()]
    assert (h.ActivityTaskTimedOut in kinds, h.ActivityTaskCompleted in kinds) == (True, False)


def test_workers_side_by_side_do_each_task_once(memory_rig: Rig) -> None:
    handles = [memory_rig.client.start(doubling, number) for number in range(30)]
    with running(worker(memory_rig.engine)), running(worker(memory_rig.engine)):
        assert [one.result(timeout=30) for one in handles] == [2 * n for n in range(30)]
    assert dict.fromkeys(range(30), 1) == DONE


# -- what it cannot reach ------------------------------------------------------------------


def test_steps_raise_while_the_service_is_away(engine: Engine) -> None:
    service = Reached(engine)
    one = worker(service)
    for name in ("poll_decision_task", "poll_activity_task"):
        service.down = {name: AWAY}
        with pytest.raises(StoreUnavailableError):
            one.step()
    service.down = {}
    assert not one.step()


def test_a_result_is_kept_until_it_can_be_reported(engine: Engine) -> None:
    """An activity that was done is not done again because of the service."""
    service = Reached(engine)
    handle = Client(engine).start(doubling, 7)
    one = worker(service)
    assert one.decide()
    service.down = {"complete_activity": AWAY}
    for _ in range(3):
        with pytest.raises(StoreUnavailableError):
            one.work()
    assert DONE == {7: 1}
    service.down = {}
    while one.step():
        pass
    assert not one.work()  # which reports what was left
    while one.step():
        pass
    assert handle.result(timeout=1) == 14
    assert DONE == {7: 1}


def test_a_decision_that_could_not_be_stored_is_made_again(engine: Engine, clock: Clock) -> None:
    service = Reached(engine)
    handle = Client(engine).start_with(doubling.options(task_start_to_close=5), [7])
    one = worker(service)
    service.down = {"complete_decision": AWAY}
    with pytest.raises(StoreUnavailableError):
        one.decide()
    service.down = {}
    clock.advance(6)
    while one.step():
        pass
    assert handle.result(timeout=1) == 14
    assert len([one for one in handle.history() if isinstance(one, h.DecisionTaskTimedOut)]) == 1


def test_a_worker_outlives_the_absence_of_its_service(
    memory_rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    service = Reached(memory_rig.engine)
    with running(worker(service)):
        for down in (
            {"poll_decision_task": AWAY, "poll_activity_task": AWAY},
            {"complete_activity": AWAY},
            {"poll_activity_task": OSError("what nobody has foreseen")},
        ):
            service.down = dict(down)
            handle = memory_rig.client.start(doubling, 9)
            before = service.asked.copy()
            until(partial(service.was_asked, list(down), before))
            service.down = {}
            assert handle.result(timeout=20) == 18
    assert "Reached cannot be used, trying again: " in caplog.text
    assert "Reached can be used again" in caplog.text
    assert "a poll failed" in caplog.text


def test_what_is_left_when_it_stops_is_reported_or_said(
    memory_rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    service = Reached(memory_rig.engine)
    service.down = {"complete_activity": AWAY}
    handle = memory_rig.client.start(doubling, 9)
    with running(worker(service)):
        until(lambda: service.asked["complete_activity"] > 1)
    assert "1 results could not be stored" in caplog.text
    assert handle.describe().info.status is Status.OPEN


def test_it_stops_while_a_poll_waits(memory_rig: Rig) -> None:
    service, timing = Reached(memory_rig.engine), Timing(poll_wait=0.2)
    waiting = PollingWorker(service, workflows=[doubling], activities=[double], timing=timing)
    with running(waiting):  # which holds that it ends
        until(lambda: service.asked["poll_decision_task"] and service.asked["poll_activity_task"])


def test_what_runs_when_it_is_stopped_is_finished(memory_rig: Rig) -> None:
    begun, go = threading.Event(), threading.Event()

    @activity
    def waits() -> str:
        begun.set()
        assert go.wait(20)
        return "finished"

    @workflow
    def waiting() -> str:
        return waits()

    handle = memory_rig.client.start(waiting)
    one = worker(memory_rig.engine, waits, workflows=[waiting])
    with running(one):
        assert begun.wait(20)
        one.stop()
        go.set()
    [done] = [one for one in handle.history() if isinstance(one, h.ActivityTaskCompleted)]
    assert done.result == '"finished"'


# -- what it cannot decide -----------------------------------------------------------------


def test_a_decider_that_raises_is_asked_again_when_it_is_mended(
    engine: Engine, clock: Clock, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(Fragile, "broken", True)
    client = Client(engine)
    handle: Handle[Any] = client.start_with(Fragile, [4])
    other = client.start(doubling, 1)
    one = worker(engine, workflows=[Fragile, doubling])
    while one.step():
        pass
    assert other.result(timeout=1) == 2  # one that is broken keeps nobody else
    [failed] = [one for one in handle.history() if isinstance(one, h.DecisionTaskFailed)]
    assert failed.cause == "DECIDER_FAILED"
    assert "test_polling.py" in failed.message
    assert "LookupError: not yet" in failed.message
    assert "LookupError: not yet [DECIDER_FAILED]" in caplog.text
    for _ in range(3):  # the same fault again is no news for the history
        clock.advance(60)
        assert one.step()
    monkeypatch.setattr(Fragile, "broken", False)
    clock.advance(600)
    while one.step():
        pass
    assert handle.result(timeout=1) == 8
    assert len([one for one in handle.history() if isinstance(one, h.DecisionTaskFailed)]) == 1


class Leaving(Decider[None]):
    def decide(self, process: Process[None]) -> Answer:
        sys.exit(3)


class Interrupted(Decider[None]):
    def decide(self, process: Process[None]) -> Answer:
        raise KeyboardInterrupt


@pytest.mark.parametrize("form", [Leaving, Interrupted])
def test_a_decider_that_wants_to_end_the_process_fails_its_task(engine: Engine, form: Any) -> None:
    handle: Any = Client(engine).start_with(form, [None])
    assert worker(engine, workflows=[form]).step()
    [failed] = [one for one in handle.history() if isinstance(one, h.DecisionTaskFailed)]
    assert failed.cause == "DECIDER_FAILED"


def test_a_decision_that_is_refused_fails_its_task(
    engine: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    handle: Any = Client(engine).start_with(Twofold, [None])
    assert worker(engine, workflows=[Twofold]).step()
    [failed] = [one for one in handle.history() if isinstance(one, h.DecisionTaskFailed)]
    assert failed.cause == "DECISION_REFUSED"
    assert "must be the last" in failed.message


class Twofold(Decider[None]):
    def decide(self, process: Process[None]) -> Answer:
        return [CompleteProcess(1), CompleteProcess(2)]


# -- activities ----------------------------------------------------------------------------


def test_a_result_that_the_service_does_not_take_is_a_failure(engine: Engine) -> None:
    handle = Client(engine).start(storing, 2_000)
    one = worker(engine, large, workflows=[storing])
    while one.step():
        pass
    with pytest.raises(WorkflowFailedError, match="over the limit of 1,000"):
        handle.result(timeout=1)


def test_so_it_is_for_a_worker_that_is_attached() -> None:
    engine = Engine(MemoryStore(), payload_limit=1_000)
    with Worker(engine, workflows=[storing], activities=[large]):
        handle = Client(engine).start(storing, 2_000)
        with pytest.raises(WorkflowFailedError, match="over the limit of 1,000"):
            handle.result(timeout=20)
    engine.close()


def test_async_activities_and_what_they_know(engine: Engine) -> None:
    infos = []

    @activity(middleware=[Middleware(before=lambda call: infos.append(call.info))])
    async def tell() -> str:
        infos.append(activity_info())
        return "told"

    @workflow
    def telling() -> str:
        sleep(0.001)
        return tell.submit().result()

    handle = Client(engine).start(telling)
    one = worker(engine, tell, workflows=[telling])
    assert one.step()
    engine._scheduler._clock.advance(1)  # type: ignore[attr-defined]
    while one.step():
        pass
    assert handle.result(timeout=1) == "told"
    assert infos[0] == infos[1]
    assert infos[0].run_id == handle.run_id
