"""What a worker runs: threads, coroutines, processes; retries, heartbeats, task lists."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from pathlib import Path

import pytest

from partita import (
    ActivityFailedError,
    ActivityTimedOutError,
    CancelledError,
    Retry,
    activity,
    activity_info,
    heartbeat,
    sleep,
    workflow,
)
from partita.authoring.definition import ActivityDefinition
from partita.errors import InvalidOptionError
from partita.stores.sqlite.store import SqliteStore
from partita.worker import Worker
from partita.worker.thread_pool import ThreadPool
from tests.conftest import Rig, until


class BoomError(Exception):
    pass


@activity(retry=Retry(max_attempts=3, initial_interval=0.02, backoff=2.0))
def third_time_lucky() -> int:
    if activity_info().attempt < 3:
        raise BoomError(activity_info().attempt)
    return activity_info().attempt


@activity(retry=Retry(max_attempts=5, initial_interval=0.02, non_retryable=(BoomError,)))
def hopeless() -> None:
    raise BoomError("final")


@activity
async def from_a_coroutine(x: int) -> str:
    await asyncio.sleep(0.01)
    return f"{x} on {threading.current_thread().name}"


@activity(start_to_close=0.1)
async def too_slow_a_coroutine() -> None:
    await asyncio.sleep(30)


@activity(process=True)
def from_a_process(x: int) -> tuple[int, int]:
    print("this must not disturb anybody")
    return os.getpid(), x + 1


@activity(process=True, start_to_close=1.5)
def stuck_in_a_process() -> None:
    while True:
        pass


@activity(process=True, retry=Retry(max_attempts=2, initial_interval=0.02))
def dies_once() -> int:
    if activity_info().attempt == 1:
        os._exit(7)
    return activity_info().attempt


@activity(heartbeat=30, retry=Retry(max_attempts=2, initial_interval=0.02))
def goes_on_from_its_heartbeat() -> int:
    last = activity_info().last_heartbeat
    if last is None:
        heartbeat({"done": 41})
        raise BoomError
    return int(last["done"]) + 1


@activity
def runs_until_cancelled(begun: str) -> str:
    Path(begun).touch()
    while True:
        heartbeat()
        time.sleep(0.01)


@activity(process=True)
def runs_in_a_process_until_cancelled(begun: str) -> str:
    Path(begun).touch()
    while True:
        heartbeat()
        time.sleep(0.01)


@workflow
def retries() -> int:
    return third_time_lucky()


@workflow
def gives_up() -> str:
    try:
        hopeless()
    except BoomError as error:
        return str(error)
    return ""


@workflow
def awaits() -> str:
    return from_a_coroutine.submit(4).result()


@workflow
def times_out() -> str:
    try:
        too_slow_a_coroutine.submit().result()
    except TimeoutError as error:
        return type(error).__name__
    return ""


@workflow
def forks() -> list[tuple[int, int]]:
    return [from_a_process(1), from_a_process(2)]


@workflow
def is_stuck() -> str:
    try:
        stuck_in_a_process()
    except ActivityTimedOutError as error:
        return error.timeout_type
    return ""


@workflow
def dies() -> int:
    return dies_once()


@workflow
def beats() -> int:
    return goes_on_from_its_heartbeat()


@workflow
def cancels(begun: str, process: bool) -> str:
    run = runs_in_a_process_until_cancelled if process else runs_until_cancelled
    future = run.submit(begun)
    while not Path(begun).exists():  # looking is not deterministic, but nothing depends on it
        sleep(0.05)
    assert future.cancel()
    try:
        return future.result()
    except CancelledError:
        return "cancelled"


ALL: list[ActivityDefinition] = [
    third_time_lucky,
    hopeless,
    from_a_coroutine,
    too_slow_a_coroutine,
    from_a_process,
    stuck_in_a_process,
    dies_once,
    goes_on_from_its_heartbeat,
    runs_until_cancelled,
    runs_in_a_process_until_cancelled,
]


def test_retries_are_in_the_history(rig: Rig) -> None:
    with rig.worker(retries, *ALL):
        handle = rig.client.start(retries)
        assert handle.result(timeout=20) == 3
    again = [event for event in handle.history() if event.event_type == "ActivityTaskRescheduled"]
    assert [getattr(event, "attempt", 0) for event in again] == [1, 2]
    assert [getattr(event, "backoff", 0) for event in again] == [0.02, 0.04]
    assert "test_running.BoomError" in getattr(again[0], "reason", "")


def test_what_is_final_is_not_tried_again(memory_rig: Rig) -> None:
    with memory_rig.worker(gives_up, *ALL):
        handle = memory_rig.client.start(gives_up)
        assert handle.result(timeout=20) == "final"
    assert "ActivityTaskRescheduled" not in memory_rig.kinds(handle.workflow_id)


def test_coroutines_run_on_one_loop(memory_rig: Rig) -> None:
    with memory_rig.worker(awaits, times_out, *ALL):
        assert memory_rig.client.start(awaits).result(timeout=20) == "4 on partita-async"
        assert memory_rig.client.start(times_out).result(timeout=20) in (
            "TimeoutError",
            "ActivityTimedOutError",
        )


def test_a_process_of_its_own(memory_rig: Rig) -> None:
    with memory_rig.worker(forks, *ALL):
        (pid, one), (same, two) = memory_rig.client.start(forks).result(timeout=30)
    assert (one, two) == (2, 3)
    assert pid == same != os.getpid()
    until(lambda: not Path(f"/proc/{pid}").exists())


def test_a_stuck_process_is_killed(memory_rig: Rig) -> None:
    with memory_rig.worker(is_stuck, *ALL):
        assert memory_rig.client.start(is_stuck).result(timeout=30) == "START_TO_CLOSE"
        until(lambda: memory_rig.engine._scheduler._attachment.host.free_slots() == 20)  # type: ignore[union-attr]


def test_a_process_that_dies_is_a_failure_to_retry(memory_rig: Rig) -> None:
    with memory_rig.worker(dies, *ALL):
        handle = memory_rig.client.start(dies)
        assert handle.result(timeout=30) == 2
    failed = next(e for e in handle.history() if e.event_type == "ActivityTaskRescheduled")
    assert "exit status 7" in getattr(failed, "details", "")


def test_heartbeat_details_reach_the_next_attempt(rig: Rig) -> None:
    with rig.worker(beats, *ALL):
        assert rig.client.start(beats).result(timeout=20) == 42


@pytest.mark.parametrize("process", [False, True])
def test_cancelling_reaches_a_running_activity(
    memory_rig: Rig, tmp_path: Path, process: bool
) -> None:
    with memory_rig.worker(cancels, *ALL):
        handle = memory_rig.client.start(cancels, str(tmp_path / "begun"), process)
        assert handle.result(timeout=30) == "cancelled"
    assert "ActivityTaskCanceled" in memory_rig.kinds(handle.workflow_id)


@activity
def returns_nonsense() -> object:
    return object()


@workflow
def trusting() -> str:
    try:
        returns_nonsense()
    except (TypeError, ActivityFailedError) as error:
        return str(error)
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return ""


def test_a_result_that_cannot_be_stored_fails_the_activity_at_once(memory_rig: Rig) -> None:
    with memory_rig.worker(trusting, returns_nonsense):
        said = memory_rig.client.start(trusting).result(timeout=20)
    assert said.startswith("SerializationError: the result of activity returns_nonsense")


@activity
def where() -> str:
    return threading.current_thread().name


@activity(task_list="gpu")
def on_the_gpu() -> str:
    return "gpu"


@workflow
def routed() -> list[str]:
    return [where(), on_the_gpu()]


def test_a_worker_serves_its_own_task_lists_and_types_only(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    plain, gpu = Rig(SqliteStore(path)), Rig(SqliteStore(path))
    with plain.worker(routed, where, on_the_gpu):
        handle = plain.client.start(routed)
        until(lambda: any(item.queue == "gpu" for item in handle.describe().activities))
        with gpu.worker(on_the_gpu, task_lists=["gpu"]):
            assert handle.result(timeout=20)[1] == "gpu"
    plain.engine.close()
    gpu.engine.close()


def test_a_worker_leaves_alone_what_it_does_not_know(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    ignorant, knowing = Rig(SqliteStore(path)), Rig(SqliteStore(path))
    with ignorant.worker(retries), knowing.worker(third_time_lucky):
        assert knowing.client.start(retries).result(timeout=20) == 3
    ignorant.engine.close()
    knowing.engine.close()


def test_a_result_waits_for_room_on_the_disk(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "x.db")
    rig = Rig(store)
    begun, go_on = threading.Event(), threading.Event()

    @activity(name="gated")
    def gated() -> str:
        begun.set()
        go_on.wait(20)
        return "x" * 100_000

    @workflow(name="waits_for_room")
    def waits_for_room() -> int:
        return len(gated())

    with rig.worker(waits_for_room, gated):
        handle = rig.client.start(waits_for_room)
        assert begun.wait(20)
        with store._lock:
            store._writer.execute("PRAGMA max_page_count=1")
        go_on.set()
        until(lambda: rig.engine._scheduler._agenda.retry_at > 0)
        with store._lock:
            store._writer.execute("PRAGMA max_page_count=1000000")
        assert handle.result(timeout=30) == 100_000
    rig.engine.close()


def test_a_service_that_cannot_serve_a_worker_is_refused() -> None:
    with pytest.raises(InvalidOptionError, match="cannot serve a worker"):
        Worker(object())  # type: ignore[arg-type]


def test_threads_run_everything_and_block_nobody() -> None:
    threads = ThreadPool(8, "test")
    done: list[int] = []
    gate, together = threading.Event(), threading.Barrier(5)
    threads.submit([lambda: done.append(together.wait(20)) for _ in range(4)])
    together.wait(20)  # four calls that block have a thread each
    for number in range(2000):
        threads.submit([lambda number=number: done.append(number)])  # type: ignore[misc]
    until(lambda: len(done) == 2004)

    def block() -> None:
        gate.wait(20)

    threads.submit([block] * 20)
    assert sum(t.name.startswith("test-") for t in threading.enumerate()) <= 8
    gate.set()
    threads.close()
    until(lambda: not any(t.name.startswith("test-") for t in threading.enumerate()))


def test_an_activity_that_nobody_has_is_named_once(
    memory_rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    @workflow
    def hides(number: int) -> int:
        @activity
        def hidden(number: int) -> int:
            return number

        return hidden(number) + hidden(number)

    with memory_rig.worker(hides):
        handle = memory_rig.client.start_with(hides, (1,), workflow_id="w")
        until(lambda: "ActivityTaskScheduled" in memory_rig.kinds("w"))
        handle.terminate()
    said = [line for line in caplog.messages if "does not have" in line]
    assert said == [
        "execution w asks for activity hidden@1, which this worker does not have; it waits for "
        "another that has it (an activity must be defined at the top of a file)"
    ]
