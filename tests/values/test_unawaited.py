"""A workflow that forgets an `await` fails, and the error says where."""

from __future__ import annotations

import asyncio
import inspect
import sys
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any

import pytest

from partita import activity, continue_as_new, workflow
from partita.errors import NotAwaitedError, WorkflowFailedError
from tests.language.conftest import Stage

KEPT: list[Any] = []


@activity
async def charge(cents: int) -> int:
    return cents


@activity
def plain(cents: int) -> int:
    return cents


@workflow
async def child(cents: int) -> int:
    return cents


async def helper() -> int:
    return await charge(1)


async def forgets_activity() -> Any:
    charge(5)  # type: ignore[unused-coroutine]


async def forgets_child() -> Any:
    child(5)  # type: ignore[unused-coroutine]
    await charge(1)


async def forgets_sleep() -> Any:
    asyncio.sleep(5)  # type: ignore[unused-coroutine]


async def forgets_helper() -> Any:
    helper()  # type: ignore[unused-coroutine]
    await asyncio.sleep(0)


async def names_sleep() -> Any:
    pause = asyncio.sleep(5)
    return bool(pause)


async def names_helper() -> Any:
    found = [
        helper(),
    ]
    await charge(1)
    return len(found)


async def names_helper_elsewhere() -> Any:
    async def inner() -> None:
        pause = helper()
        assert pause

    await asyncio.gather(inner(), charge(1))


async def replaces_it() -> Any:
    pause = asyncio.sleep(5)
    pause = None  # type: ignore[assignment]
    return [pause]


async def forgets_a_wait() -> Any:
    pause = asyncio.wait_for(charge.submit(1), 5)
    return bool(pause)


async def keeps_it() -> Any:
    KEPT.append(charge(5))
    return await charge(1)


async def names_it() -> Any:
    found = charge(5)
    return len([found])


async def returns_it() -> Any:
    return charge(5)


async def returns_helper() -> Any:
    return helper()


async def forgets_in_a_task() -> Any:
    async def inner() -> None:
        charge(5)  # type: ignore[unused-coroutine]

    await asyncio.gather(inner(), charge(1))


FORGETFUL: dict[str, tuple[Callable[[], Coroutine[Any, Any, Any]], str]] = {
    "forgets_activity": (forgets_activity, "activity charge"),
    "forgets_child": (forgets_child, "workflow child"),
    "forgets_sleep": (forgets_sleep, "coroutine sleep"),
    "forgets_helper": (forgets_helper, "coroutine helper"),
    "names_sleep": (names_sleep, "coroutine sleep"),
    "names_helper": (names_helper, "coroutine helper"),
    "names_helper_elsewhere": (names_helper_elsewhere, "coroutine helper"),
    "replaces_it": (replaces_it, "coroutine sleep"),
    "forgets_a_wait": (forgets_a_wait, "coroutine wait_for"),
    "keeps_it": (keeps_it, "activity charge"),
    "names_it": (names_it, "activity charge"),
    "returns_it": (returns_it, "activity charge"),
    "returns_helper": (returns_helper, "coroutine helper"),
    "forgets_in_a_task": (forgets_in_a_task, "activity charge"),
}


@workflow
async def forgetful(name: str) -> Any:
    return await FORGETFUL[name][0]()


@pytest.mark.parametrize("name", FORGETFUL)
def test_a_forgotten_await_fails_the_workflow_and_is_named(name: str, stage: Stage) -> None:
    with pytest.raises(NotAwaitedError) as plainly:
        asyncio.run(forgetful(name))
    with pytest.raises(WorkflowFailedError) as caught:
        stage.run(forgetful, name)
    error = caught.value.__cause__
    assert isinstance(error, NotAwaitedError)
    assert str(error) == str(plainly.value)
    assert FORGETFUL[name][1] in str(error)
    if name != "returns_helper":
        assert str(error).startswith(f"{__file__}:{line_of(name)}: ")


def line_of(name: str) -> int:
    """Return the number of the line of a function that makes the coroutine."""
    lines, first = inspect.getsourcelines(FORGETFUL[name][0])
    parts = ("charge(5)", "child(5)", "sleep(5)", "helper()", "wait_for(")
    return first + next(i for i, line in enumerate(lines) if i and any(p in line for p in parts))


@workflow
def without_a_loop() -> int:
    """Make a coroutine where none can be awaited."""
    helper()  # type: ignore[unused-coroutine]
    return 1


def test_so_it_is_in_a_sync_workflow(stage: Stage) -> None:
    with pytest.raises(NotAwaitedError, match="coroutine helper"):
        without_a_loop()
    with pytest.raises(WorkflowFailedError, match="NotAwaitedError"):
        stage.run(without_a_loop)


@workflow
async def careful() -> list[Any]:
    """Make coroutines that end without having begun, on purpose."""
    task = asyncio.create_task(charge(1))
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    closed = charge(2)
    closed.close()
    with suppress(TimeoutError):
        await asyncio.wait_for(charge(3), 0)
    late = charge(4)
    asyncio.create_task(charge(7)).add_done_callback(KEPT.append)  # it is cancelled at the end
    return [await charge(5), await late, plain(6)]


@workflow
async def leaves_a_task() -> int:
    """End while a task has not begun yet; it is cancelled, which is no mistake."""
    KEPT.append(asyncio.create_task(charge(7)))
    KEPT.append(asyncio.ensure_future(child(7)))
    return 1


def test_a_task_that_has_not_begun_is_not_forgotten(stage: Stage) -> None:
    assert stage.run(leaves_a_task) == asyncio.run(leaves_a_task()) == 1


@workflow
async def goes_on(rounds: int) -> int:
    """Forget a call in the first of several runs."""
    if rounds:
        charge(5)  # type: ignore[unused-coroutine]
        continue_as_new(rounds - 1)
    return rounds


def test_a_run_that_continues_as_new_forgets_none_either(stage: Stage) -> None:
    with pytest.raises(NotAwaitedError, match="activity charge"):
        asyncio.run(goes_on(1))
    with pytest.raises(WorkflowFailedError, match="activity charge"):
        stage.run(goes_on, 1)


def test_what_was_closed_or_cancelled_is_not_forgotten(stage: Stage) -> None:
    assert stage.run(careful) == asyncio.run(careful()) == [5, 4, 6]


@workflow
async def fails_before() -> None:
    pending = charge(1)
    raise LookupError(str(bool(pending)))


def test_the_workflows_own_error_comes_first(stage: Stage) -> None:
    with pytest.raises(WorkflowFailedError) as caught:
        stage.run(fails_before)
    assert isinstance(caught.value.__cause__, LookupError)


@activity
def returns_coroutine(cents: int) -> Any:
    return charge(cents)


@activity
async def returns_other() -> Any:
    return helper()


@workflow
def tells(what: str) -> str:
    calls: dict[str, Any] = {
        "sync": lambda: returns_coroutine(5),
        "submitted": lambda: returns_coroutine.submit(5).result(),
        "async": returns_other,
    }
    try:
        calls[what]()
    except NotAwaitedError as error:
        return str(error)
    return "accepted"


@pytest.mark.parametrize("what", ["sync", "submitted", "async"])
def test_an_activity_that_returns_a_coroutine_fails(what: str, stage: Stage) -> None:
    found = stage.run(tells, what)
    assert found == tells(what)
    assert found.startswith("activity returns_")
    assert "which nobody awaits" in found


def test_other_code_is_warned_by_python_as_ever() -> None:
    with pytest.warns(RuntimeWarning, match="coroutine 'helper' was never awaited"):
        helper()  # type: ignore[unused-coroutine]


def test_the_thread_is_as_before() -> None:
    before = sys.get_coroutine_origin_tracking_depth()
    asyncio.run(careful())
    with suppress(NotAwaitedError):
        asyncio.run(forgetful("names_sleep"))
    assert sys.get_coroutine_origin_tracking_depth() == before
