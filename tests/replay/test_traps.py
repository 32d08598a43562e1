"""Traps that workflow code can set without meaning to, each of which was once fallen into."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from partita import (
    CancelledError,
    Retry,
    WaitTimeoutError,
    activity,
    side_effect,
    wait,
    workflow,
)
from partita.history import ActivityTaskScheduled
from tests.conftest import Rig, until
from tests.replay.conftest import ForgetfulWorker, worker


@activity(name="trap_note")
def note(text: str) -> str:
    return text


@activity(name="trap_double")
def double(x: int) -> int:
    return 2 * x


@activity(name="trap_gone", task_list="elsewhere")
def gone() -> int:
    return 1


@activity(name="trap_transfer")
def transfer(giver: str, taker: str) -> str:
    return f"{giver} to {taker}"


@activity(name="trap_count")
def count(numbers: set[int]) -> int:
    return len(numbers)


def forgetful(
    rig: Rig, flow: Any, *activities: Any, runs: int = 1, timeout: float = 20
) -> list[Any]:
    """Run a workflow, some times, with a worker that replays every task from the start."""
    with worker(rig, flow, *activities, kind=ForgetfulWorker):
        handles = [rig.client.start(flow) for _ in range(runs)]
        return [handle.result(timeout=timeout) for handle in handles]


@workflow(name="trap_sets")
def iterates_over_sets() -> int:
    left, noted = set(double.map(range(12))), 0
    while left:
        done, left = wait(left, return_when="FIRST_COMPLETED")
        for future in done:
            note(str(future.result()))
            noted += 1
    return noted


def test_sets_of_futures_have_one_order(memory_rig: Rig) -> None:
    assert forgetful(memory_rig, iterates_over_sets, note, double, runs=10) == [12] * 10
    assert memory_rig.failures == []


def test_swapped_arguments_are_noticed(memory_rig: Rig) -> None:
    order = ["a", "b"]

    @workflow(name="trap_swapped")
    def swapped() -> int:
        transfer(*order)
        order.reverse()
        return double(1)

    with pytest.raises(WaitTimeoutError):
        forgetful(memory_rig, swapped, transfer, double, timeout=0.5)
    assert '["b","a"]' in memory_rig.failures[0]
    assert '["a","b"]' in memory_rig.failures[0]


def test_a_set_as_an_argument_has_no_order(memory_rig: Rig) -> None:
    numbers = [0, 8]  # their hashes collide, so the set's order is that of insertion
    assert list({0, 8}) != list({8, 0})

    @workflow(name="trap_shuffled")
    def shuffled() -> int:
        numbers.reverse()
        return count(set(numbers)) + double(1)

    assert forgetful(memory_rig, shuffled, count, double) == [4]
    assert memory_rig.failures == []


def test_what_a_callback_asks_for_is_durable(memory_rig: Rig) -> None:
    @workflow(name="trap_callback")
    def calls_back() -> int:
        future = double.submit(2)
        future.add_done_callback(lambda done: note.submit(f"called back with {done.result()}"))
        result = future.result()
        note("a")
        return result

    assert forgetful(memory_rig, calls_back, note, double) == [4]
    workflow_id = memory_rig.client.list().executions[0].workflow_id
    inputs = [
        event.input
        for event in memory_rig.events(workflow_id)
        if isinstance(event, ActivityTaskScheduled)
    ]
    assert inputs == ["[2]", '["called back with 4"]', '["a"]']


def test_a_callback_that_raises_harms_nobody(memory_rig: Rig) -> None:
    @workflow(name="trap_raising_callback")
    def raises_back() -> int:
        future = double.submit(2)
        future.add_done_callback(lambda _: 1 / 0)
        return future.result(timeout=10)

    assert forgetful(memory_rig, raises_back, double) == [4]
    assert raises_back() == 4
    assert memory_rig.failures == []


def test_a_loop_that_catches_everything_can_be_left(memory_rig: Rig) -> None:
    give_up = threading.Event()

    @workflow(name="trap_catch_all")
    def catches_all() -> int:
        while not give_up.is_set():
            try:
                return gone()
            except BaseException:
                pass
        return 0

    timer = threading.Timer(20, give_up.set)  # so that a failure does not hang
    timer.start()
    with memory_rig.worker(catches_all):
        handle = memory_rig.client.start(catches_all)
        until(lambda: "ActivityTaskScheduled" in memory_rig.kinds(handle.workflow_id))
    assert not give_up.is_set()
    timer.cancel()


def test_a_side_effect_that_raises_is_remembered(memory_rig: Rig) -> None:
    calls: list[int] = []

    def fails() -> int:
        calls.append(1)
        raise ValueError("once")

    @workflow(name="trap_side_effect")
    def tries() -> str:
        try:
            side_effect(fails)
        except ValueError as error:
            note(str(error))
        return note("done")

    assert forgetful(memory_rig, tries, note) == ["done"]
    assert calls == [1]
    assert memory_rig.failures == []


def test_a_cancelled_wait_leaves_no_timer(memory_rig: Rig) -> None:
    @workflow(name="trap_cancelled_wait")
    def waits() -> int:
        try:
            gone.submit().result(timeout=3600)
        except CancelledError:
            gone.submit().result()
        return 1

    with memory_rig.worker(waits):
        handle = memory_rig.client.start(waits)
        until(lambda: "TimerStarted" in memory_rig.kinds(handle.workflow_id))
        handle.cancel()
        until(lambda: memory_rig.kinds(handle.workflow_id).count("ActivityTaskScheduled") == 2)
        assert handle.describe().timers == ()


class UnspeakableError(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no message")


@activity(name="trap_unspeakable")
def unspeakable() -> None:
    raise UnspeakableError


@workflow(name="trap_says_nothing")
def says_nothing() -> None:
    unspeakable()


@workflow(name="trap_surrogate")
def surrogate() -> None:
    raise ValueError("\udce9")


@pytest.mark.parametrize(("flow", "said"), [(says_nothing, "cannot be had"), (surrogate, "udce9")])
def test_exceptions_that_cannot_be_written_down_are_failures(
    memory_rig: Rig, flow: Any, said: str
) -> None:
    with pytest.raises(Exception, match=said):
        forgetful(memory_rig, flow, unspeakable)


class DeclinedError(Exception):
    pass


def test_plain_python_and_the_engine_agree_on_what_is_final() -> None:
    calls: list[int] = []
    full_name = f"{DeclinedError.__module__}.{DeclinedError.__qualname__}"

    @activity(name="trap_final", retry=Retry(3, initial_interval=0, non_retryable=(full_name,)))
    def declines() -> None:
        calls.append(1)
        raise DeclinedError

    @workflow(name="trap_plain")
    def plain() -> None:
        declines()

    with pytest.raises(DeclinedError):
        plain()
    assert calls == [1]
