"""`async def` workflows: asyncio as it is, on an event loop that a replay repeats."""

from __future__ import annotations

import asyncio
from asyncio import as_completed, gather, wait_for
from typing import Any

import pytest

from partita import (
    CancelledError,
    activity,
    query,
    signals,
    sleep,
    spawn,
    start_timer,
    update,
    workflow,
)
from partita.errors import UsageError, WorkflowCanceledError, WorkflowFailedError
from partita.history import ActivityTaskScheduled, TimerCanceled, TimerStarted
from partita.replay.replayer import Replayer
from tests.language.conftest import ClockedStage, Stage


class CarrierDownError(Exception):
    """No carrier takes it."""


@activity
async def fetch(x: int) -> int:
    return 10 * x


@activity
def double(x: int) -> int:
    return 2 * x


@activity
async def fails(text: str) -> int:
    raise CarrierDownError(text)


@activity(task_list="nobody's")
async def never() -> int:
    return 0


@workflow
async def gathering(n: int) -> list[int]:
    return list(await gather(*(fetch(i) for i in range(n))))


@workflow
def plainly(x: int) -> list[Any]:
    """Call what is async where nothing can be awaited."""

    def part() -> Any:
        return fetch(x + 1)

    first: Any = fetch(x)
    child: Any = gathering(2)
    beside = spawn(part)
    try:
        refused: Any = fails("no")
    except CarrierDownError as error:
        refused = str(error)
    return [first, child, beside.result(), refused]


@workflow
async def plainly_beside(x: int) -> Any:
    """Call what is async in a part that no event loop drives."""

    def part() -> Any:
        return fetch(x)

    return await spawn(part)


def test_sync_code_calls_what_is_async_and_gets_its_result(stage: Stage) -> None:
    expected = [30, [0, 10], 40, "no"]
    assert stage.run(plainly, 3) == plainly(3) == expected
    assert stage.run(plainly_beside, 3) == asyncio.run(plainly_beside(3)) == 30


def test_sync_code_does_so_where_an_event_loop_runs_outside(stage: Stage) -> None:
    handle = stage.start(plainly, 3)
    expected = handle.result(timeout=20)
    history = stage.client.export_history(handle.workflow_id)

    async def notebook() -> Any:
        code = Replayer([plainly, gathering])
        code.try_out(history.execution, history.workflow_type, history.events)
        return plainly(3)

    assert asyncio.run(notebook()) == expected


@workflow
async def grouping(n: int) -> list[int]:
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(fetch(i)) for i in range(n)]
    return [task.result() for task in tasks]


@workflow
async def completing(n: int) -> list[int]:
    return sorted([await one for one in as_completed([fetch(i) for i in range(n)])])


async def helper(x: int) -> int:
    await asyncio.sleep(0)
    return await fetch(x)


@workflow
async def completing_coroutines(n: int) -> list[int]:
    found = []
    for one in asyncio.as_completed([helper(i) for i in range(n)]):
        found.append(await one)
    return sorted(found)


@workflow
async def waiting(n: int) -> list[int]:
    tasks = [asyncio.create_task(helper(i)) for i in range(n)]
    done, pending = await asyncio.wait(tasks)
    assert not pending
    return sorted(task.result() for task in done)


@pytest.mark.parametrize(
    "flow", [gathering, grouping, completing, completing_coroutines, waiting], ids=lambda f: f.key
)
def test_many_at_once(flow: Any, stage: Stage) -> None:
    handle = stage.start(flow, 20)
    expected = [10 * i for i in range(20)]
    assert handle.result(timeout=20) == asyncio.run(flow(20)) == expected
    inputs = [event.input for event in stage.find(handle, ActivityTaskScheduled)]
    assert inputs == [f"[{i}]" for i in range(20)]


@workflow
async def timed() -> list[str]:
    said = []
    try:
        await wait_for(asyncio.Event().wait(), 0.01)
    except TimeoutError:
        said.append("wait_for")
    try:
        async with asyncio.timeout(0.01):
            await never()
    except TimeoutError:
        said.append("timeout")
    async with asyncio.timeout(60):
        await asyncio.sleep(0.001)
    said.append(str(await wait_for(fetch(1), 60)))
    return said


def test_deadlines(stage: Stage) -> None:
    handle = stage.start(timed)
    assert handle.result(timeout=20) == ["wait_for", "timeout", "10"]
    seconds = [round(event.start_to_fire, 3) for event in stage.find(handle, TimerStarted)]
    assert seconds == [0.01, 0.01, 0.001, 60.0, 60.0]
    assert len(stage.find(handle, TimerCanceled)) == 2


@workflow
async def month() -> float:
    loop = asyncio.get_running_loop()
    begun = loop.time()
    await asyncio.sleep(30 * 86400)
    return loop.time() - begun


def test_asyncio_sleep_is_durable(clocked: ClockedStage) -> None:
    handle = clocked.start(month)
    clocked.settled(handle)
    clocked.advance(30 * 86400)
    assert handle.result(timeout=20) == 30 * 86400


@workflow
async def plumbing() -> list[Any]:
    """Use an Event, a Queue, a Semaphore, a Lock and a Condition."""
    queue: asyncio.Queue[int] = asyncio.Queue(maxsize=2)
    opened, limit, order = asyncio.Event(), asyncio.Semaphore(2), []
    most = running = 0

    async def produce() -> None:
        for number in range(5):
            await queue.put(await fetch(number))
        opened.set()

    async def limited(number: int) -> None:
        nonlocal most, running
        async with limit:
            running += 1
            most = max(most, running)
            order.append(await fetch(number))
            running -= 1

    async with asyncio.TaskGroup() as group:
        group.create_task(produce())
        got = [await queue.get() for _ in range(5)]
        await opened.wait()
        for number in range(6):
            group.create_task(limited(number))
    return [got, sorted(order), most]


def test_event_queue_and_semaphore(stage: Stage) -> None:
    expected = [[0, 10, 20, 30, 40], [0, 10, 20, 30, 40, 50], 2]
    assert stage.run(plumbing) == asyncio.run(plumbing()) == expected


@workflow
async def mixed(x: int) -> list[Any]:
    """Use what sync workflows use, too."""
    future = double.submit(x)
    timer = start_timer(0.001)
    child = await child_flow(x)
    await timer
    found = [await future, double(x), child, await fetch.map([1, 2]), await child_flow.submit(5)]
    sleep(0.001)
    return found


@workflow
async def child_flow(x: int) -> int:
    return await fetch(x) + 1


def test_futures_children_and_sync_activities(stage: Stage) -> None:
    expected = [6, 6, 31, [10, 20], 51]
    assert stage.run(mixed, 3) == asyncio.run(mixed(3)) == expected


@workflow
async def listening() -> list[int]:
    found = []
    async for value in signals("n", int):
        found.append(value)
        if value == 0:
            return found
    return []


def test_signals_are_an_async_iterator(stage: Stage) -> None:
    handle = stage.start(listening)
    for value in (3, 2, 0):
        handle.signal("n", value)
    assert handle.result(timeout=20) == [3, 2, 0]


@workflow
async def asked() -> int:
    total = 0

    @query
    def current() -> int:
        return total

    @update
    def add(x: int) -> int:
        nonlocal total
        total += x
        return total

    await signals("stop").submit()
    return total


def test_queries_and_updates(stage: Stage) -> None:
    handle = stage.start(asked)
    assert handle.update("add", 4, timeout=20) == 4
    assert handle.query("current") == 4
    handle.signal("stop")
    assert handle.result(timeout=20) == 4


@workflow
async def catching() -> str:
    try:
        await gather(fetch(1), fails("storm"))
    except CarrierDownError as error:
        return f"caught {error}"
    return "arrived"


@workflow
async def raising() -> None:
    async with asyncio.TaskGroup() as group:
        group.create_task(fails("one"))
        group.create_task(never())


def test_exceptions_keep_their_type(stage: Stage) -> None:
    assert stage.run(catching) == asyncio.run(catching()) == "caught storm"
    with pytest.raises(WorkflowFailedError, match="unhandled errors in a TaskGroup"):
        stage.run(raising)


@workflow
async def cleaning() -> None:
    try:
        await never()
    finally:
        await fetch(99)


@workflow
async def refusing() -> str:
    try:
        await asyncio.sleep(3600)
    except asyncio.CancelledError:
        return f"no: {await fetch(1)}"
    return "slept"


def test_cancellation_is_asyncios_own(stage: Stage) -> None:
    handle = stage.start(cleaning)
    stage.settled(handle)
    handle.cancel()
    with pytest.raises(WorkflowCanceledError):
        handle.result(timeout=20)
    inputs = [event.input for event in stage.find(handle, ActivityTaskScheduled)]
    assert inputs == ["[]", "[99]"]
    other = stage.start(refusing)
    stage.settled(other)
    other.cancel()
    assert other.result(timeout=20) == "no: 10"


@workflow
async def giving_up() -> str:
    task = asyncio.create_task(helper_never())
    await asyncio.sleep(0.001)
    task.cancel()
    try:
        await task
    except asyncio.CancelledError:
        return "cancelled"
    return "done"


async def helper_never() -> int:
    return await never()


def test_cancelling_a_task_cancels_its_activity(stage: Stage) -> None:
    handle = stage.start(giving_up)
    assert handle.result(timeout=20) == "cancelled"
    assert "ActivityTaskCanceled" in stage.kinds(handle)


@workflow
async def outside(what: str) -> str:
    loop = asyncio.get_running_loop()
    try:
        if what == "thread":
            await asyncio.to_thread(double, 1)
        elif what == "socket":
            await asyncio.open_connection("127.0.0.1", 9)
        else:
            await asyncio.create_subprocess_exec("true")
    except UsageError as error:
        return error.code
    return str(loop)


@pytest.mark.parametrize("what", ["thread", "socket", "process"])
def test_what_a_replay_cannot_repeat_is_refused(what: str, stage: Stage) -> None:
    assert stage.run(outside, what) == "USAGE"


@workflow
async def stuck() -> None:
    await asyncio.Event().wait()


def test_a_wait_that_nothing_can_end_is_an_error(stage: Stage) -> None:
    with pytest.raises(WorkflowFailedError, match="DeadlockError"):
        stage.run(stuck)


def test_the_thread_is_left_without_an_event_loop(stage: Stage) -> None:
    handles = [stage.start(mixed, n) for n in range(10)] + [stage.start(gathering, 3)]
    for handle in handles:
        handle.result(timeout=20)
    assert issubclass(CancelledError, Exception)
    with pytest.raises(RuntimeError):
        asyncio.get_running_loop()


def test_a_replay_within_an_event_loop_leaves_that_loop_running(stage: Stage) -> None:
    waits, ends = stage.start(listening), stage.start(gathering, 3)
    ends.result(timeout=20)
    stage.settled(waits)
    histories = [stage.client.export_history(one.workflow_id) for one in (waits, ends)]

    async def replays() -> list[bool]:
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        found = []
        for history in histories:
            code = Replayer([gathering, listening])
            code.try_out(history.execution, history.workflow_type, history.events)
            found.append((asyncio.get_running_loop(), asyncio.current_task()) == (loop, task))
        await asyncio.sleep(0)
        return found

    assert asyncio.run(replays()) == [True, True]
