"""Outside an engine a workflow is ordinary Python: it can be called, debugged and tested."""

from __future__ import annotations

import concurrent.futures
import threading
import time
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from partita import (
    CancelledError,
    Future,
    Retry,
    WaitTimeoutError,
    WorkflowDefinition,
    activity,
    activity_info,
    as_completed,
    heartbeat,
    now,
    random,
    side_effect,
    sleep,
    uuid4,
    wait,
    workflow,
)
from partita.errors import InvalidOptionError

OPEN = threading.Event()


@pytest.fixture(autouse=True)
def _closed() -> None:
    OPEN.clear()


@activity
def double(x: int) -> int:
    return 2 * x


@activity
def add(x: int, y: int = 100) -> int:
    return x + y


@activity
def total(numbers: list[int], more: dict[str, int]) -> int:
    return sum(numbers) + sum(more.values())


@activity
def fail(text: str) -> int:
    raise ValueError(text)


@activity
def gate(x: int) -> int:
    """Wait until the test opens the gate."""
    assert OPEN.wait(20)
    return x


@activity
async def later(x: int) -> int:
    return x + 1


# -- calls ---------------------------------------------------------------------------------


def test_an_activity_is_the_function_it_was_made_of() -> None:
    assert double(4) == 8
    assert vars(double)["__name__"] == "double"
    assert add(1) == 101
    assert add(1, y=2) == 3
    with pytest.raises(ValueError, match="bad"):
        fail("bad")


async def twice(x: int) -> int:
    return await later(await later(x))


def test_an_async_activity_is_awaited() -> None:
    import asyncio

    assert asyncio.run(twice(1)) == 3
    assert later.submit(1).result(timeout=20) == 2
    assert later.map([1, 2]).result(timeout=20) == [2, 3]


@workflow
def quickstart(x: int) -> int:
    return double(add(x, 1))


def test_a_workflow_is_called() -> None:
    assert quickstart(4) == 10
    with pytest.raises(TypeError):
        quickstart()  # type: ignore[call-arg]


@workflow
def outer(x: int) -> int:
    return quickstart(x) + 1


def test_a_workflow_inside_a_workflow_is_a_part_of_it() -> None:
    assert outer(4) == 11


# -- futures -------------------------------------------------------------------------------


def test_submit_runs_on_another_thread() -> None:
    future = gate.submit(3)
    assert not future.done()
    OPEN.set()
    assert future.result(timeout=20) == 3
    assert future.done()
    assert future.exception() is None
    assert not future.cancelled()


def test_futures_as_arguments_also_inside_lists_and_dicts() -> None:
    first = gate.submit(1)
    sum_of = add.submit(first, double.submit(2))
    whole = total.submit([first, sum_of], more={"a": first, "b": 4})  # type: ignore[list-item,dict-item]
    named = add.submit(x=first, y=sum_of)  # type: ignore[call-overload]
    assert not whole.done()
    OPEN.set()
    assert sum_of.result(timeout=20) == 5
    assert whole.result(timeout=20) == 1 + 5 + 1 + 4
    assert named.result(timeout=20) == 6


def test_failed_argument_fails_what_needs_it() -> None:
    future = add.submit(fail.submit("first"), 1)
    with pytest.raises(ValueError, match="first"):
        future.result(timeout=20)
    assert isinstance(future.exception(), ValueError)


def test_map_and_starmap_are_in_order() -> None:
    assert double.map(range(50)).result(timeout=20) == [2 * x for x in range(50)]
    assert add.starmap([(1, 2), (3,), [4, 5]]).result(timeout=20) == [3, 103, 9]
    assert double.map([]).result() == []
    assert double.map(double.map([1, 2])).result(timeout=20) == [4, 8]


def test_first_error_in_order_is_raised_by_map() -> None:
    with pytest.raises(ValueError, match="a"):
        fail.map(["a", "b"]).result(timeout=20)


def test_result_with_a_timeout() -> None:
    future = gate.submit(1)
    with pytest.raises(WaitTimeoutError) as caught:
        future.result(timeout=0.01)
    assert isinstance(caught.value, TimeoutError)
    with pytest.raises(WaitTimeoutError):
        future.exception(timeout=0.01)
    with pytest.raises(WaitTimeoutError):
        gate.map([1, 2]).result(timeout=0.01)
    OPEN.set()
    assert future.result(timeout=20) == 1


def test_cancel() -> None:
    future = gate.submit(1)
    assert future.cancel()
    assert future.cancelled()
    with pytest.raises(CancelledError) as caught:
        future.result()
    assert isinstance(caught.value, concurrent.futures.CancelledError)
    OPEN.set()
    done = double.submit(1)
    assert done.result(timeout=20) == 2
    assert not done.cancel()


def test_callbacks_run_once_when_it_is_done() -> None:
    called: list[Future[int]] = []
    future = gate.submit(1)
    future.add_done_callback(called.append)
    assert called == []
    OPEN.set()
    future.result(timeout=20)
    future.add_done_callback(called.append)  # at once
    assert called == [future, future]


def test_wait_for_all() -> None:
    futures = [double.submit(1), fail.submit("x")]
    done, not_done = wait(futures, timeout=20)
    assert (done, not_done) == (set(futures), set())


def test_wait_for_the_first() -> None:
    stuck, quick = gate.submit(1), double.submit(1)
    done, not_done = wait([stuck, quick], timeout=20, return_when="FIRST_COMPLETED")
    assert (done, not_done) == ({quick}, {stuck})
    OPEN.set()


def test_wait_for_the_first_error() -> None:
    stuck, quick, failed = gate.submit(1), double.submit(1), fail.submit("x")
    quick.result(timeout=20)
    done, not_done = wait([stuck, quick, failed], timeout=20, return_when="FIRST_EXCEPTION")
    assert (done, not_done) == ({quick, failed}, {stuck})
    OPEN.set()


def test_wait_with_a_timeout_returns_what_there_is() -> None:
    stuck, quick = gate.submit(1), double.submit(1)
    quick.result(timeout=20)
    done, not_done = wait([stuck, quick], timeout=0.01)
    assert (done, not_done) == ({quick}, {stuck})
    OPEN.set()
    assert wait([]) == (set(), set())


def test_as_completed_yields_each_once_as_it_is_done() -> None:
    stuck, quick = gate.submit(1), double.submit(1)
    found = as_completed([stuck, quick, quick], timeout=20)
    assert next(found) is quick
    OPEN.set()
    assert next(found) is stuck
    assert list(found) == []


def test_as_completed_with_a_timeout() -> None:
    with pytest.raises(WaitTimeoutError):
        list(as_completed([gate.submit(1)], timeout=0.01))
    OPEN.set()


@pytest.mark.parametrize("size", [1, 500])
def test_no_completion_is_missed(size: int) -> None:
    for _ in range(5):
        assert sum(1 for _ in as_completed(double.map(range(size)), timeout=20)) == size
        assert len(wait(double.map(range(size)), timeout=20).done) == size


def test_repr_of_a_future_says_what_it_waits_for() -> None:
    future = gate.submit(1)
    assert repr(future) == "<Future activity gate pending>"
    OPEN.set()
    future.result(timeout=20)
    assert repr(future) == "<Future activity gate done>"


# -- retries -------------------------------------------------------------------------------


class FlakyError(Exception):
    pass


class FinalError(Exception):
    pass


ATTEMPTS: list[int] = []


@activity(
    retry=Retry(max_attempts=3, initial_interval=0.001, non_retryable=(FinalError, "KeyError"))
)
def flaky(error: str, succeeds_at: int = 99) -> int:
    attempt = activity_info().attempt
    ATTEMPTS.append(attempt)
    if attempt < succeeds_at:
        raise {"flaky": FlakyError, "final": FinalError, "key": KeyError}[error](attempt)
    return attempt


@workflow
def patient(error: str, succeeds_at: int) -> int:
    return flaky(error, succeeds_at)


@workflow
def patient_by_submit(error: str, succeeds_at: int) -> int:
    return flaky.submit(error, succeeds_at).result(timeout=20)


@pytest.mark.parametrize("flow", [patient, patient_by_submit])
@pytest.mark.parametrize(
    ("error", "kind", "attempts"),
    [("flaky", FlakyError, 3), ("final", FinalError, 1), ("key", KeyError, 1)],
)
def test_retry_policy_is_kept(
    flow: WorkflowDefinition[[str, int], int],
    error: str,
    kind: type[Exception],
    attempts: int,
) -> None:
    ATTEMPTS.clear()
    with pytest.raises(kind):
        flow(error, 99)
    assert list(range(1, attempts + 1)) == ATTEMPTS
    assert flow("flaky", 2) == 2


# -- what a workflow asks for --------------------------------------------------------------


def test_time_chance_and_effects() -> None:
    before = datetime.now(UTC)
    assert before <= now() <= datetime.now(UTC)
    assert isinstance(uuid4(), UUID)
    assert uuid4() != uuid4()
    assert uuid4().version == 4
    assert 0 <= random().random() < 1
    assert side_effect(lambda: [1]) == [1]


def test_sleep_sleeps() -> None:
    begun = time.monotonic()
    sleep(0.02)
    sleep(timedelta(milliseconds=20))
    sleep(0)
    assert time.monotonic() - begun >= 0.04


def test_activity_info_and_heartbeat_outside_an_engine() -> None:
    info = activity_info()
    assert (info.workflow_id, info.attempt, info.last_heartbeat) == ("local", 1, None)
    assert info.idempotency_key == "local:local"
    heartbeat({"page": 1})


@activity
def introduce() -> str:
    heartbeat("alive")
    return activity_info().name


@workflow
def introduces() -> str:
    return introduce()


def test_activity_info_in_a_plain_workflow() -> None:
    assert introduces() == "introduce"
    assert introduce.submit().result(timeout=20) == "introduce"


def test_a_callback_that_raises_is_logged_before_and_after_the_end(
    caplog: pytest.LogCaptureFixture,
) -> None:
    called = []

    def raising(future: Future[int]) -> None:
        called.append(future.done())
        raise LookupError("from a callback")

    @workflow
    def one() -> int:
        future = double.submit(2)
        future.add_done_callback(raising)
        value = future.result()
        future.add_done_callback(raising)
        return value

    assert one() == 4
    assert called == [True, True]
    assert caplog.text.count("LookupError: from a callback") == 2


def test_a_time_limit_is_checked_of_what_is_done_too() -> None:
    @workflow
    def one() -> int:
        future = double.submit(2)
        value = future.result()
        for limited in (
            lambda: future.result(timeout=-1),
            lambda: future.exception(timeout=-1),
            lambda: wait([future], timeout=-1),
            lambda: list(as_completed([future], timeout=-1)),
        ):
            with pytest.raises(InvalidOptionError):
                limited()
        return value

    assert one() == 4
