"""Chains, groups and what is built from a result; nothing is ever swapped or begun twice."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from partita import (
    CancelledError,
    FuncGroup,
    activity,
    chain,
    group,
    sleep,
    spawn,
    start_timer,
    task,
    workflow,
)
from partita.errors import (
    DeadlockError,
    InvalidInputError,
    InvalidOptionError,
    PartitaError,
    WorkflowCanceledError,
    WorkflowFailedError,
)
from partita.history import ActivityTaskScheduled
from partita.stores.memory import MemoryStore
from partita.worker import Worker
from tests.language.conftest import Stage

RUNNING: list[int] = []
MOST: list[int] = []


@pytest.fixture(autouse=True)
def _idle() -> None:
    RUNNING.clear()
    MOST.clear()


class BadError(ValueError):
    """It is bad."""


@activity
def same(x: int, before: int = 0) -> int:
    return x + before


@activity
def bad(x: int) -> int:
    raise BadError(x)


@activity
def busy(x: int) -> int:
    RUNNING.append(x)
    MOST.append(len(RUNNING))
    time.sleep(0.005)
    RUNNING.remove(x)
    return x


@workflow
def child(x: int) -> int:
    return same(x) * 100


# -- the shapes ----------------------------------------------------------------------------


@workflow
def interleaved() -> Any:
    return group(chain((same, 1), (same, 2)), chain((same, 3), (same, 4)))()


def test_interleaved_chains_keep_their_results_apart(stage: Stage) -> None:
    handle = stage.start(interleaved)
    assert handle.result(timeout=20) == interleaved() == [[1, 2], [3, 4]]
    scheduled = stage.find(handle, ActivityTaskScheduled)
    assert {event.activity_id: event.input for event in scheduled} == {
        "1.0.0": "[1]",
        "1.1.0": "[3]",
        "1.0.1": "[2]",
        "1.1.1": "[4]",
    }


@workflow
def passing_on() -> Any:
    return chain((same, 1), (same, 2), (same, 3), send_result=True)()


@workflow
def all_kinds() -> Any:
    shape = group(task(same, 1, before=2), same_one, child_task(), FuncGroup(later, 2), later)
    shape.append(same, 9)
    shape.append((same, 8))
    return shape()


@activity
def same_one() -> int:
    return 1


def child_task() -> Any:
    return task(child, 3)


def later(n: int = 1) -> Any:
    """Build a group from a result, with a call of its own."""
    return group(task(same, i) for i in range(same(n)))


@workflow
def deferred() -> Any:
    return chain(
        (same, 3), FuncGroup(lambda n: group((same, i) for i in range(n))), send_result=True
    )()


@workflow
def empty() -> Any:
    return [group()(), chain()(), chain(group(), (same, 1))()]


@pytest.mark.parametrize(
    ("flow", "expected"),
    [
        (passing_on, [1, 3, 6]),
        (all_kinds, [3, 1, 300, [0, 1], [0], 9, 8]),
        (deferred, [3, [0, 1, 2]]),
        (empty, [[], [], [[], 1]]),
    ],
    ids=["send_result", "all kinds", "deferred", "empty"],
)
def test_shapes(flow: Any, expected: Any, stage: Stage) -> None:
    assert stage.run(flow) == flow() == expected


@workflow
def windowed(count: int, at_a_time: int) -> Any:
    return group([task(busy, i) for i in range(count)], max_parallel=at_a_time)()


def test_max_parallel(stage: Stage) -> None:
    assert stage.run(windowed, 12, 3) == list(range(12))
    assert max(MOST) <= 3
    MOST.clear()
    assert windowed(12, 3) == list(range(12))
    assert max(MOST) <= 3


@workflow
def wide(count: int) -> int:
    return len(group([task(same, i) for i in range(count)], max_parallel=50)())


def test_submitting_is_not_quadratic(request: pytest.FixtureRequest) -> None:
    def calls(count: int) -> int:
        """Count the calls that a decision over a group of that width makes."""
        seen = 0

        def note(frame: Any, event: str, _: Any) -> None:
            nonlocal seen
            seen += event == "call" and "partita" in frame.f_code.co_filename

        threading.setprofile(note)
        stage = Stage(MemoryStore(), request.module, Worker)
        try:
            stage.open()
            assert stage.start(wide, count).result(timeout=60) == count
        finally:
            threading.setprofile(None)
            stage.close()
        return seen

    assert calls(800) < 2.5 * calls(400)


# -- failures ------------------------------------------------------------------------------


def outcome(shape: Any) -> Any:
    """Return a shape's results, or the names and messages of its errors."""
    try:
        return shape()
    except ExceptionGroup as errors:
        return told(errors)


def told(error: BaseException) -> Any:
    if isinstance(error, BaseExceptionGroup):
        return [error.message, *(told(one) for one in error.exceptions)]
    return f"{type(error).__name__} {error}"


@workflow
def gathers() -> Any:
    return outcome(group((same, 1), (bad, 2), (bad, 3)))


@workflow
def breaks_off() -> Any:
    return outcome(chain((same, 1), (bad, 2), (same, 3)))


@workflow
def goes_on() -> Any:
    return outcome(chain((same, 1), (bad, 2), (same, 3), break_on_failure=False))


@workflow
def quiet() -> Any:
    return outcome(group((same, 1), (bad, 2), raises_on_failure=False))


@workflow
def quiet_chain() -> Any:
    return outcome(chain((bad, 1), (same, 2), raises_on_failure=False, break_on_failure=False))


@workflow
def nested() -> Any:
    return outcome(group(chain((same, 1), (bad, 2)), group((bad, 3), (same, 4))))


@workflow
def bubbles() -> Any:
    inner = group((bad, 1), raises_on_failure=False, bubbles_exception_on_failure=True)
    return outcome(chain(inner, (same, 2)))


@workflow
def contained() -> Any:
    inner = group((bad, 1), (same, 5), raises_on_failure=False)
    return outcome(chain(inner, (same, 2)))


@pytest.mark.parametrize(
    ("flow", "expected"),
    [
        (gathers, ["2 of 3 parts of a group failed", "BadError 2", "BadError 3"]),
        (breaks_off, ["1 of 3 parts of a chain failed", "BadError 2"]),
        (goes_on, ["1 of 3 parts of a chain failed", "BadError 2"]),
        (quiet, [1, None]),
        (quiet_chain, [None, 2]),
        (contained, [[None, 5], 2]),
        (
            bubbles,
            ["1 of 2 parts of a chain failed", ["1 of 1 parts of a group failed", "BadError 1"]],
        ),
    ],
    ids=lambda value: value.key if hasattr(value, "key") else "",
)
def test_error_policies(flow: Any, expected: Any, stage: Stage) -> None:
    assert sorted(map(str, stage.run(flow))) == sorted(map(str, expected))
    assert sorted(map(str, flow())) == sorted(map(str, expected))


def test_all_exceptions_are_gathered_with_their_types(stage: Stage) -> None:
    found = stage.run(nested)
    assert found[0] == "2 of 2 parts of a group failed"
    inner = sorted(found[1:])
    assert inner == [
        ["1 of 2 parts of a chain failed", "BadError 2"],
        ["1 of 2 parts of a group failed", "BadError 3"],
    ]


@workflow
def uncaught() -> Any:
    return group((bad, 1))()


def test_an_uncaught_group_fails_the_workflow(stage: Stage) -> None:
    with pytest.raises(WorkflowFailedError, match="1 of 1 parts of a group failed"):
        stage.run(uncaught)


@activity(task_list="nobody's")
def never(x: int) -> int:
    return x


@workflow
def first_failure_ends_it() -> Any:
    return outcome(group((never, 1), (bad, 2), (never, 3), break_on_failure=True))


def test_break_on_failure_of_a_group_cancels_what_runs(stage: Stage) -> None:
    handle = stage.start(first_failure_ends_it)
    found = handle.result(timeout=20)
    assert "BadError 2" in found
    assert stage.kinds(handle).count("ActivityTaskCanceled") == 2


@workflow
def cancelled() -> str:
    future = group((never, 1), (never, 2)).submit()
    sleep(0.001)
    future.cancel()
    try:
        future.result()
    except CancelledError:
        return "cancelled"
    return "done"


@workflow
def caught_up_in() -> None:
    group((never, 1), (never, 2))()


def test_cancelling_a_shape_cancels_its_parts(stage: Stage) -> None:
    handle = stage.start(cancelled)
    assert handle.result(timeout=20) == "cancelled"
    assert stage.kinds(handle).count("ActivityTaskCanceled") == 2
    other = stage.start(caught_up_in)
    stage.settled(other)
    other.cancel()
    with pytest.raises(WorkflowCanceledError):
        other.result(timeout=20)
    assert stage.kinds(other).count("ActivityTaskCanceled") == 2


# -- what cannot be ------------------------------------------------------------------------


def faulty() -> Iterator[Any]:
    yield task(same, 1)
    yield task(same, 2)
    raise RuntimeError("the list ends here")


def circle() -> Any:
    shape = group((same, 1))
    shape.append(chain(shape))
    return shape.submit()


def waits_for_itself() -> Any:
    futures: list[Any] = []
    futures.append(spawn(lambda: futures[0].result()))
    return futures[0].result()


def wait_for_each_other() -> Any:
    futures: list[Any] = []
    futures.append(spawn(lambda: futures[1].result()))
    futures.append(spawn(lambda: futures[0].result()))
    return futures[0].result()


def contains_itself() -> Any:
    arguments: list[Any] = []
    arguments.append(arguments)
    return same.submit(arguments)  # type: ignore[call-overload]


MISTAKES: dict[str, Any] = {
    "failing generator": lambda: group(faulty()),
    "circle": circle,
    "not a part": lambda: group(3),
    "no activity": lambda: task(len, "x"),
    "no width": lambda: group((same, 1), max_parallel=0),
    "argument in itself": contains_itself,
}


@workflow
def mistaken(which: str) -> str:
    try:
        MISTAKES[which]()
    except PartitaError as error:
        return f"{error.code}: {error}"
    return "accepted"


@pytest.mark.parametrize("which", sorted(MISTAKES))
def test_a_mistake_is_an_error_where_it_is_made(which: str, stage: Stage) -> None:
    handle = stage.start(mistaken, which)
    said = handle.result(timeout=20)
    assert said == mistaken(which)
    assert said.startswith(("INVALID_INPUT: ", "INVALID_OPTION: "))
    assert stage.find(handle, ActivityTaskScheduled) == []
    assert InvalidInputError.exit_status == InvalidOptionError.exit_status == 2


def test_a_failing_generator_says_how_far_it_came() -> None:
    with pytest.raises(InvalidInputError, match=r"after 2 of them RuntimeError: the list ends"):
        group(faulty())


@workflow
def knots(which: str) -> Any:
    return {"itself": waits_for_itself, "each other": wait_for_each_other}[which]()


@pytest.mark.parametrize("which", ["itself", "each other"])
def test_a_cycle_of_futures_is_found(which: str, stage: Stage) -> None:
    with pytest.raises(WorkflowFailedError, match="nothing can bring about") as caught:
        stage.run(knots, which)
    assert isinstance(caught.value.__cause__, DeadlockError)
    assert caught.value.__cause__.code == "DEADLOCK"


@workflow
def no_deadlock() -> int:
    timer = start_timer(0.005)
    return spawn(lambda: timer.result() or same(4)).result()


def test_what_can_still_go_on_is_no_deadlock(stage: Stage) -> None:
    assert stage.run(no_deadlock) == no_deadlock() == 4
