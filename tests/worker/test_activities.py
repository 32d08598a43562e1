"""A worker runs activities as their options say, and the history shows how."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

from partita import (
    ActivityInfo,
    CancelledError,
    Retry,
    activity,
    activity_info,
    heartbeat,
    workflow,
)
from partita import history as h
from partita.errors import SerializationError, WorkflowFailedError
from tests.conftest import Rig, until

INFOS: list[ActivityInfo] = []


@pytest.fixture(autouse=True)
def _empty() -> None:
    INFOS.clear()


class FlakyError(Exception):
    pass


class DeclinedError(Exception):
    pass


@activity(retry=Retry(max_attempts=3, initial_interval=0.02, backoff=2))
def flaky(succeeds_at: int) -> int:
    INFOS.append(activity_info())
    if activity_info().attempt < succeeds_at:
        raise FlakyError(f"attempt {activity_info().attempt}")
    return activity_info().attempt


@activity(retry=Retry(max_attempts=5, initial_interval=0, non_retryable=(DeclinedError,)))
def declined() -> None:
    INFOS.append(activity_info())
    raise DeclinedError("no")


@activity(retry=5)
def unserializable() -> Any:
    INFOS.append(activity_info())
    return object()


@workflow
def patient(succeeds_at: int) -> int:
    return flaky(succeeds_at)


@workflow
def final() -> None:
    declined()


@workflow
def returns_what_has_no_form() -> None:
    unserializable()


def of(kind: type[Any], events: list[h.AnyEvent]) -> list[Any]:
    return [event for event in events if isinstance(event, kind)]


def test_retries_with_backoff_are_in_the_history(rig: Rig) -> None:
    with rig.worker(patient, flaky):
        handle = rig.client.start(patient, 3)
        assert handle.result(timeout=20) == 3
    events = handle.history()
    again = of(h.ActivityTaskRescheduled, events)
    assert [event.attempt for event in again] == [1, 2]
    assert [event.backoff for event in again] == [0.02, 0.04]
    assert [event.cause for event in again] == [h.RescheduleCause.FAILED] * 2
    assert all(event.reason.endswith("FlakyError") for event in again)
    starts = of(h.ActivityTaskStarted, events)
    assert len(starts) == 3
    for event, start in zip(again, starts[1:], strict=True):
        assert start.event_timestamp >= event.event_timestamp + event.backoff
    assert len({info.idempotency_key for info in INFOS}) == 1
    assert [info.attempt for info in INFOS] == [1, 2, 3]
    assert {(i.workflow_id, i.run_id) for i in INFOS} == {(handle.workflow_id, handle.run_id)}


def test_last_attempt_fails_the_workflow_with_its_own_error(memory_rig: Rig) -> None:
    with memory_rig.worker(patient, flaky):
        handle = memory_rig.client.start(patient, 4)
        with pytest.raises(WorkflowFailedError) as caught:
            handle.result(timeout=20)
    assert repr(caught.value.__cause__) == "FlakyError('attempt 3')"
    assert len(of(h.ActivityTaskFailed, handle.history())) == 1


@pytest.mark.parametrize(
    ("flow", "step", "error"),
    [
        (final, declined, DeclinedError),
        (returns_what_has_no_form, unserializable, SerializationError),
    ],
)
def test_what_cannot_be_helped_is_tried_once(
    memory_rig: Rig, flow: Any, step: Any, error: type[Exception]
) -> None:
    with memory_rig.worker(flow, step):
        handle = memory_rig.client.start(flow)
        with pytest.raises(WorkflowFailedError) as caught:
            handle.result(timeout=20)
    assert isinstance(caught.value.__cause__, error)
    assert len(INFOS) == 1


# -- async ---------------------------------------------------------------------------------


@activity
async def meet(number: int) -> int:
    """Return once three have come together."""
    WAITING.append(number)
    while len(WAITING) < 3:
        await asyncio.sleep(0.001)
    return 10 * number


WAITING: list[int] = []


@activity(start_to_close=0.05)
async def never() -> None:
    await asyncio.Event().wait()


@workflow
def meeting() -> list[int]:
    return meet.map([1, 2, 3]).result(timeout=20)


@workflow
def waits_for_never() -> str:
    try:
        never.submit().result()
    except TimeoutError:
        return "late"
    return "in time"


def test_async_activities_run_together_on_one_loop(memory_rig: Rig) -> None:
    WAITING.clear()
    with memory_rig.worker(meeting, meet):
        assert memory_rig.client.start(meeting).result(timeout=20) == [10, 20, 30]


def test_async_activity_is_stopped_when_it_is_late(memory_rig: Rig) -> None:
    with memory_rig.worker(waits_for_never, never) as worker:
        assert memory_rig.client.start(waits_for_never).result(timeout=20) == "late"
        until(lambda: worker.free_slots() == 20)


# -- slots and task lists ------------------------------------------------------------------


class Crowd:
    """Counts who is inside."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.inside = self.most = 0


CROWD = Crowd()


@activity
def enter(number: int) -> int:
    with CROWD.lock:
        CROWD.inside += 1
        CROWD.most = max(CROWD.most, CROWD.inside)
    threading.Event().wait(0.005)
    with CROWD.lock:
        CROWD.inside -= 1
    return number


@workflow
def crowd(size: int) -> int:
    return sum(enter.map(range(size)).result())


def test_no_more_activities_than_slots(rig: Rig) -> None:
    CROWD.most = 0
    with rig.worker(crowd, enter, slots=3):
        assert rig.client.start(crowd, 20).result(timeout=20) == 190
    assert CROWD.most == 3


@activity(task_list="gpu")
def render() -> str:
    return threading.current_thread().name


@workflow
def film() -> str:
    return render()


def test_activity_waits_for_a_worker_of_its_task_list(memory_rig: Rig) -> None:
    with memory_rig.worker(film, render):
        handle = memory_rig.client.start(film)
        until(lambda: memory_rig.kinds(handle.workflow_id)[-1] == "ActivityTaskScheduled")
    with memory_rig.worker(film, render, task_lists=("default", "gpu")):
        assert handle.result(timeout=20).startswith("partita-activity")


# -- heartbeats ----------------------------------------------------------------------------


@activity(heartbeat=60, retry=Retry(max_attempts=2, initial_interval=0))
def pages() -> Any:
    info = activity_info()
    if info.attempt == 1:
        heartbeat({"page": 3})
        raise FlakyError("again")
    return info.last_heartbeat


@workflow
def reads() -> Any:
    return pages()


def test_details_of_a_heartbeat_reach_the_next_attempt(rig: Rig) -> None:
    with rig.worker(reads, pages):
        assert rig.client.start(reads).result(timeout=20) == {"page": 3}


RELEASE = threading.Event()


@activity(heartbeat=0.1, retry=Retry(max_attempts=50, initial_interval=0))
def silent() -> int:
    if activity_info().attempt == 1:
        RELEASE.wait(20)
    return activity_info().attempt


@workflow
def listens() -> int:
    return silent()


def test_silence_is_a_heartbeat_timeout_and_the_late_result_is_not_used(memory_rig: Rig) -> None:
    RELEASE.clear()
    with memory_rig.worker(listens, silent) as worker:
        handle = memory_rig.client.start(listens)
        attempt = handle.result(timeout=20)
        RELEASE.set()
        until(lambda: worker.free_slots() == 20)
    assert attempt > 1
    again = of(h.ActivityTaskRescheduled, handle.history())[0]
    assert (again.cause, again.reason) == (h.RescheduleCause.TIMED_OUT, "HEARTBEAT")


BEGUN, ENDED = threading.Event(), threading.Event()


@activity(heartbeat=2)
def beats() -> None:
    BEGUN.set()
    try:
        while True:
            heartbeat()
            threading.Event().wait(0.005)
    except CancelledError:
        ENDED.set()
        raise


@activity
def begun() -> bool:
    return BEGUN.wait(20)


@workflow
def gives_up() -> str:
    future = beats.submit()
    begun()
    assert future.cancel()
    try:
        future.result()
    except CancelledError:
        return "cancelled"
    return "not cancelled"


def test_cancel_reaches_a_running_activity_by_its_heartbeat(memory_rig: Rig) -> None:
    BEGUN.clear()
    ENDED.clear()
    with memory_rig.worker(gives_up, beats, begun):
        handle = memory_rig.client.start(gives_up)
        assert handle.result(timeout=20) == "cancelled"
        assert ENDED.wait(20)
    kinds = memory_rig.kinds(handle.workflow_id)
    assert kinds.index("ActivityTaskCancelRequested") < kinds.index("ActivityTaskCanceled")


@workflow
def left_alone() -> None:
    beats()


def test_terminating_ends_an_activity_that_beats(memory_rig: Rig) -> None:
    BEGUN.clear()
    ENDED.clear()
    with memory_rig.worker(left_alone, beats):
        handle = memory_rig.client.start(left_alone)
        assert BEGUN.wait(20)
        handle.terminate()
        assert ENDED.wait(20)
