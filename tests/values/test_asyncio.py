"""asyncio in a workflow does what it does under `asyncio.run`, order and ends included.

Each program is run bare by `asyncio.run`, as a workflow in plain Python, and on every stage.
"""

from __future__ import annotations

import asyncio
import contextvars
import sys
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine
from contextlib import aclosing, asynccontextmanager, suppress
from typing import Any

import pytest

from partita import activity, workflow
from partita.errors import UsageError, WorkflowFailedError
from tests.language.conftest import Stage

Program = Callable[[list[Any]], Coroutine[Any, Any, None]]

PROGRAMS: dict[str, Program] = {}


def program(function: Program) -> Program:
    """Add a program; it notes what happens."""
    PROGRAMS[function.__name__] = function
    return function


@activity
async def ten(x: int) -> int:
    return 10 * x


@activity
async def fails(text: str) -> int:
    raise LookupError(text)


@workflow
async def perform(name: str) -> list[Any]:
    notes: list[Any] = []
    await PROGRAMS[name](notes)
    return notes


async def bare(name: str) -> list[Any]:
    notes: list[Any] = []
    await PROGRAMS[name](notes)
    return notes


async def after(steps: int, result: Any = None) -> Any:
    """Return a result after so many turns of the loop."""
    for _ in range(steps):
        await asyncio.sleep(0)
    return result


async def after_a_while() -> Any:
    await asyncio.sleep(99)


async def broken(text: str, steps: int = 0) -> None:
    await after(steps)
    raise LookupError(text)


def names(tasks: Any) -> list[str]:
    return [task.get_name() for task in tasks]


def made(*steps: int) -> list[asyncio.Task[Any]]:
    """Return tasks that end after so many turns, named after their place."""
    return [asyncio.create_task(after(n, n), name=str(i)) for i, n in enumerate(steps)]


# -- waits ---------------------------------------------------------------------------------


@program
async def wait_for_all(notes: list[Any]) -> None:
    done, left = await asyncio.wait(made(3, 1, 2))
    notes += [sorted(names(done)), names(left)]


@program
async def wait_for_first(notes: list[Any]) -> None:
    done, left = await asyncio.wait(made(5, 1, 7), return_when=asyncio.FIRST_COMPLETED)
    notes += [names(done), sorted(names(left))]
    done, left = await asyncio.wait(left, return_when=asyncio.FIRST_COMPLETED)
    notes += [names(done), names(left)]


@program
async def wait_for_exception(notes: list[Any]) -> None:
    tasks = [*made(9, 1), asyncio.create_task(broken("no", 3), name="broken")]
    done, left = await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
    notes += [sorted(names(done)), names(left), [repr(task.exception()) for task in tasks[2:]]]


@program
async def wait_without_time(notes: list[Any]) -> None:
    done, left = await asyncio.wait(made(0, 2, 90), timeout=0)
    notes += [sorted(names(done)), sorted(names(left))]


@program
async def wait_with_time(notes: list[Any]) -> None:
    done, left = await asyncio.wait(
        [*made(1), asyncio.create_task(asyncio.sleep(99))], timeout=0.01
    )
    notes += [names(done), len(left)]


@program
async def wait_until_none_is_left(notes: list[Any]) -> None:
    left = set(made(4, 2, 12, 8))
    while left:
        done, left = await asyncio.wait(left, return_when=asyncio.FIRST_COMPLETED)
        notes.append((sorted(names(done)), len(left)))


@program
async def completed(notes: list[Any]) -> None:
    notes += [await one for one in asyncio.as_completed([after(3, 3), after(1, 1), after(2, 2)])]


@program
async def completed_too_late(notes: list[Any]) -> None:
    with suppress(TimeoutError):
        for one in asyncio.as_completed([after(1, "a"), after_a_while()], timeout=0.01):
            notes.append(await one)
        notes.append("not late")


@program
async def gathered(notes: list[Any]) -> None:
    notes += await asyncio.gather(after(2, "x"), after(1, "y"), ten(3))
    notes += map(repr, await asyncio.gather(after(1, 1), broken("no"), return_exceptions=True))
    notes += await asyncio.gather()
    same = asyncio.ensure_future(after(1, "same"))
    notes += await asyncio.gather(same, same)


@program
async def gathered_with_failure(notes: list[Any]) -> None:
    slow = asyncio.create_task(after(9, "slow"))
    with suppress(LookupError):
        await asyncio.gather(slow, broken("no", 2))
    notes += [slow.done(), await slow]


@program
async def gathered_and_cancelled(notes: list[Any]) -> None:
    outer = asyncio.gather(*(asyncio.ensure_future(asyncio.sleep(99)) for _ in range(2)))
    await after(1)
    notes.append(outer.cancel("enough"))
    try:
        await outer
    except asyncio.CancelledError as error:
        notes.append(error.args)


@program
async def limits(notes: list[Any]) -> None:
    notes.append(await asyncio.wait_for(after(2, "in time"), 99))
    for seconds in (0, -1, 0.001):
        with suppress(TimeoutError):
            await asyncio.wait_for(asyncio.sleep(99), seconds)
            notes.append("not late")
    notes.append(await asyncio.wait_for(after(3, "no limit"), None))
    async with asyncio.timeout(99) as limit:
        limit.reschedule(None)
    notes.append(limit.expired())
    with suppress(TimeoutError):
        async with asyncio.timeout(0.001):
            async with asyncio.timeout(99):
                await asyncio.sleep(99)
    notes.append("out")


@program
async def shielded(notes: list[Any]) -> None:
    inner = asyncio.create_task(after(5, "inner"))
    outer = asyncio.create_task(wait_shielded(inner))
    await after(1)
    outer.cancel()
    await asyncio.gather(outer, return_exceptions=True)
    notes += [outer.cancelled(), inner.done(), await inner]


async def wait_shielded(inner: asyncio.Task[Any]) -> None:
    await asyncio.shield(inner)


# -- order ---------------------------------------------------------------------------------


@program
async def callbacks(notes: list[Any]) -> None:
    loop = asyncio.get_running_loop()
    loop.call_soon(notes.append, "soon 1")
    loop.call_later(0, notes.append, "later 0")
    loop.call_at(loop.time(), notes.append, "at now")
    loop.call_later(0.01, notes.append, "later 0.01")
    loop.call_soon(notes.append, "soon 2")
    loop.call_soon_threadsafe(notes.append, "soon 3")
    loop.call_later(0.005, notes.append, "later 0.005")
    dropped = loop.call_later(0, notes.append, "never")
    dropped.cancel()
    notes.append(dropped.cancelled())
    await asyncio.sleep(0)
    notes.append("turned")
    await asyncio.sleep(0.02)


@program
async def turns(notes: list[Any]) -> None:
    async def count(name: str) -> None:
        for i in range(3):
            notes.append(f"{name}{i}")
            await asyncio.sleep(0)

    async with asyncio.TaskGroup() as group:
        for name in "abc":
            group.create_task(count(name))
        notes.append("made")
    notes.append("over")


@program
async def sleepers(notes: list[Any]) -> None:
    async def sleep(seconds: float) -> None:
        await asyncio.sleep(seconds)
        notes.append(seconds)

    await asyncio.gather(*map(sleep, (0.03, 0.01, 0, -1, 0.02)))


@program
async def callbacks_of_tasks(notes: list[Any]) -> None:
    task = asyncio.create_task(after(1, 7))
    task.add_done_callback(lambda done: notes.append(("first", done.result())))
    task.add_done_callback(lambda done: notes.append(("second", done.result())))
    task.add_done_callback(notes.append)
    notes.append(task.remove_done_callback(notes.append))
    notes.append(await task)
    await asyncio.sleep(0)
    late = asyncio.get_running_loop().create_future()
    late.set_result(1)
    late.add_done_callback(lambda _: notes.append("late"))
    notes.append("before")
    await after(1)


@program
async def named(notes: list[Any]) -> None:
    task = asyncio.create_task(after(1), name="mine")
    other = asyncio.create_task(after(1))
    other.set_name("other")
    current = asyncio.current_task()
    assert current is not None
    notes += [task.get_name(), other.get_name(), current in asyncio.all_tasks()]
    notes.append(len(asyncio.all_tasks()))
    await asyncio.gather(task, other)
    notes.append(len(asyncio.all_tasks()))


LEVEL: contextvars.ContextVar[str] = contextvars.ContextVar("level", default="none")


@program
async def contexts(notes: list[Any]) -> None:
    async def read(change: str) -> None:
        notes.append(LEVEL.get())
        LEVEL.set(change)
        await ten(1)
        notes.append(LEVEL.get())

    LEVEL.set("main")
    await asyncio.create_task(read("task"))
    await read("called")
    own = contextvars.copy_context()
    own.run(LEVEL.set, "own")
    await asyncio.create_task(read("in own"), context=own)
    asyncio.get_running_loop().call_soon(lambda: notes.append(LEVEL.get()), context=own)
    await after(1)
    notes += [LEVEL.get(), own[LEVEL]]


# -- cancellation --------------------------------------------------------------------------


@program
async def messages(notes: list[Any]) -> None:
    async def stubborn() -> str:
        try:
            await asyncio.sleep(99)
        except asyncio.CancelledError as error:
            notes.append(error.args)
            task = asyncio.current_task()
            assert task is not None
            notes.extend([task.cancelling(), task.uncancel(), task.cancelling()])
        return "stayed"

    task = asyncio.create_task(stubborn())
    await after(1)
    notes += [task.cancel("why"), task.cancelled(), await task, task.cancelled(), task.cancel()]


@program
async def cancelled_before_it_began(notes: list[Any]) -> None:
    task = asyncio.create_task(ten(1))
    task.cancel("early")
    try:
        await task
    except asyncio.CancelledError as error:
        notes.append(error.args)
    notes.append(task.cancelled())


@program
async def cancelled_twice(notes: list[Any]) -> None:
    async def slow_to_end() -> None:
        try:
            await asyncio.sleep(99)
        finally:
            notes.append("ending")
            try:
                await asyncio.sleep(99)
            finally:
                notes.append("ended")

    task = asyncio.create_task(slow_to_end())
    for text in ("one", "two"):
        await after(2)
        task.cancel(text)
    notes.append(await asyncio.gather(task, return_exceptions=True))
    notes[-1] = [repr(error) for error in notes[-1]]


@program
async def group_with_failure(notes: list[Any]) -> None:
    async def sleeper(name: str) -> None:
        try:
            await asyncio.sleep(99)
        except asyncio.CancelledError:
            notes.append(name)
            raise

    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(sleeper("a"))
            group.create_task(broken("no", 2))
    except* LookupError as errors:
        notes.append([repr(error) for error in errors.exceptions])
    task = asyncio.current_task()
    assert task is not None
    notes.append(task.cancelling())


@program
async def failing_activity_in_a_group(notes: list[Any]) -> None:
    with suppress(BaseExceptionGroup):
        async with asyncio.TaskGroup() as group:
            other = group.create_task(asyncio.sleep(99))
            group.create_task(fails("no"))
    notes.append(other.cancelled())


@program
async def left_at_the_end(notes: list[Any]) -> None:
    """Leave a task behind, which is cancelled and can still call activities."""
    KEPT.clear()

    async def tidy() -> None:
        try:
            await asyncio.sleep(99)
        finally:
            KEPT.append(await ten(4))

    task = asyncio.create_task(tidy())
    await after(1)
    notes.append(task.done())


KEPT: list[Any] = []


# -- what tasks share ----------------------------------------------------------------------


@program
async def queues(notes: list[Any]) -> None:
    queue: asyncio.Queue[int] = asyncio.Queue(2)

    async def produce() -> None:
        for number in range(5):
            await queue.put(number)
            notes.append(f"put {number}")

    async def consume() -> None:
        while True:
            notes.append(f"got {await queue.get()}")
            queue.task_done()

    consumer = asyncio.create_task(consume())
    await produce()
    await queue.join()
    consumer.cancel()
    heap: asyncio.PriorityQueue[int] = asyncio.PriorityQueue()
    for number in (3, 1, 2):
        heap.put_nowait(number)
    notes += [heap.get_nowait() for _ in range(3)]
    with suppress(asyncio.QueueEmpty):
        heap.get_nowait()


@program
async def locks(notes: list[Any]) -> None:
    lock, limit, event = asyncio.Lock(), asyncio.Semaphore(2), asyncio.Event()

    async def locked(name: str) -> None:
        async with lock:
            notes.append(name)
            await after(2)

    async def limited(name: str) -> None:
        async with limit:
            notes.append(name)
            await after(1)

    async def waiting(name: str) -> None:
        await event.wait()
        notes.append(name)

    waiters = [asyncio.create_task(waiting(name)) for name in "xy"]
    await asyncio.gather(*map(locked, "abc"), *map(limited, "defg"))
    event.set()
    await asyncio.gather(*waiters)


@program
async def conditions(notes: list[Any]) -> None:
    condition, ready = asyncio.Condition(), []

    async def wait(name: str) -> None:
        async with condition:
            await condition.wait_for(lambda: name in ready)
            notes.append(name)

    tasks = [asyncio.create_task(wait(name)) for name in "abc"]
    for name in "bca":
        await after(1)
        async with condition:
            ready.append(name)
            condition.notify_all()
    await asyncio.gather(*tasks)


@program
async def barriers(notes: list[Any]) -> None:
    barrier = asyncio.Barrier(3)

    async def meet(name: str, steps: int) -> None:
        await after(steps)
        notes.append(f"{name} came")
        async with barrier as place:
            notes.append(f"{name} is {place}")

    await asyncio.gather(meet("a", 3), meet("b", 1), meet("c", 2))
    notes.append(barrier.broken)


# -- asynchronous generators ---------------------------------------------------------------


async def counting(notes: list[Any], upto: int = 9) -> AsyncGenerator[int, None]:
    """Yield results of activities; call one at the end, too."""
    try:
        for number in range(upto):
            yield await ten(number)
    finally:
        notes.append(f"closed {await ten(99)}")


@program
async def generator_to_its_end(notes: list[Any]) -> None:
    notes += [value async for value in counting(notes, 3)]


@program
async def generator_left_by_break(notes: list[Any]) -> None:
    async for value in counting(notes):
        notes.append(value)
        if value == 20:
            break
    notes.append("after")
    await asyncio.sleep(0.05)
    notes.append("later")


@program
async def generator_closed_by_hand(notes: list[Any]) -> None:
    generator = counting(notes)
    notes.append(await anext(generator))
    await generator.aclose()
    notes.append([value async for value in generator])


@program
async def generator_in_a_block(notes: list[Any]) -> None:
    async with aclosing(counting(notes)) as values:
        async for value in values:
            notes.append(value)
            break
    notes.append("after")


@program
async def generator_thrown_into(notes: list[Any]) -> None:
    generator: Any = counting(notes)
    notes.append(await anext(generator))
    with suppress(LookupError):
        await generator.athrow(LookupError("no"))
    notes.append("after")


@program
async def generator_in_a_cancelled_task(notes: list[Any]) -> None:
    async def consume() -> None:
        async for _ in counting(notes):
            await asyncio.sleep(99)

    task = asyncio.create_task(consume())
    await asyncio.sleep(0.1)
    task.cancel()
    ended = await asyncio.gather(task, return_exceptions=True)
    await asyncio.sleep(0.1)
    notes.append([repr(error) for error in ended])


@program
async def generator_sent_to(notes: list[Any]) -> None:
    async def echo() -> Any:
        found = None
        while True:
            found = yield found

    generator = echo()
    notes += [await generator.asend(None), await generator.asend(1), await generator.asend(2)]


@program
async def generator_as_a_block(notes: list[Any]) -> None:
    @asynccontextmanager
    async def block() -> AsyncIterator[str]:
        notes.append(await ten(1))
        try:
            yield "inside"
        finally:
            notes.append(await ten(2))

    async with block() as found:
        notes.append(found)


@program
async def generators_nested(notes: list[Any]) -> None:
    async def outer() -> AsyncIterator[int]:
        try:
            async for value in counting(notes):
                yield value + 1
        finally:
            notes.append("outer")

    async for value in outer():
        notes.append(value)
        break
    await asyncio.sleep(0.1)


@program
async def generator_left_at_the_end(notes: list[Any]) -> None:
    """Leave a generator that has begun; it is closed when the run ends, and may await then."""
    KEPT.clear()
    KEEPERS.append(counting(KEPT))
    notes.append(await anext(KEEPERS[-1]))


KEEPERS: list[Any] = []


# -- ends ----------------------------------------------------------------------------------


@program
async def left_while_it_takes_turns(notes: list[Any]) -> None:
    """Leave tasks behind that never wait; the run ends all the same."""
    KEPT.clear()

    async def tick(name: str) -> None:
        try:
            while True:
                await asyncio.sleep(0)
        except asyncio.CancelledError:
            KEPT.append(name)
            raise

    KEEPERS.append([asyncio.create_task(tick(name)) for name in "a"])
    await after(2)
    notes.append("over")


@program
async def nested_groups(notes: list[Any]) -> None:
    with suppress(ExceptionGroup):
        async with asyncio.TaskGroup() as outer:
            first = outer.create_task(asyncio.sleep(99))
            async with asyncio.TaskGroup() as inner:
                second = inner.create_task(asyncio.sleep(99))
                inner.create_task(broken("no", 2))
    notes += [first.cancelled(), second.cancelled()]


@program
async def two_readers_of_a_generator(notes: list[Any]) -> None:
    async def slow() -> AsyncGenerator[int, None]:
        for number in range(3):
            await asyncio.sleep(0)
            yield number

    generator = slow()
    found = await asyncio.gather(anext(generator), anext(generator), return_exceptions=True)
    notes.append([repr(one) for one in found])
    await generator.aclose()


@program
async def error_while_a_generator_is_closed(notes: list[Any]) -> None:
    async def fragile() -> AsyncIterator[int]:
        try:
            yield 1
        finally:
            raise LookupError("in finally")

    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: notes.append(repr(context["exception"])))
    async for value in fragile():
        notes.append(value)
        break
    await asyncio.sleep(0.01)


@program
async def lock_whose_waiter_is_cancelled(notes: list[Any]) -> None:
    lock = asyncio.Lock()

    async def hold(number: int) -> None:
        async with lock:
            notes.append(number)
            await after(1)

    await lock.acquire()
    tasks = [asyncio.create_task(hold(number)) for number in range(4)]
    await after(1)
    tasks[1].cancel()
    lock.release()
    await asyncio.gather(*tasks, return_exceptions=True)
    notes += [tasks[1].cancelled(), lock.locked()]


@program
async def futures_by_hand(notes: list[Any]) -> None:
    loop = asyncio.get_running_loop()
    value, error, dropped = (loop.create_future() for _ in range(3))
    loop.call_later(0.001, value.set_result, 5)
    error.set_exception(LookupError("no"))
    dropped.cancel("why")
    for future in (value, error, dropped):
        try:
            notes.append(await future)
        except (LookupError, asyncio.CancelledError) as caught:
            notes.append(repr(caught))


# -- the loop ------------------------------------------------------------------------------


@program
async def the_loop(notes: list[Any]) -> None:
    loop = asyncio.get_running_loop()
    notes += [loop.is_running(), loop.is_closed(), loop is asyncio.get_event_loop()]
    ending = after(1)
    attempts: list[Callable[[], Any]] = [
        lambda: loop.run_until_complete(ending),
        lambda: asyncio.run(ending),
        loop.run_forever,
    ]
    for attempt in attempts:
        try:
            attempt()
        except RuntimeError as error:
            notes.append(str(error))
    await ending


@program
async def errors_that_nobody_retrieves(notes: list[Any]) -> None:
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: notes.append(repr(context["exception"])))
    loop.call_soon(lambda: 1 // 0)
    await after(1)
    task = asyncio.create_task(broken("lost"))
    await after(2)
    del task
    notes.append(loop.get_exception_handler() is None)
    await after(1)


@pytest.mark.parametrize("name", PROGRAMS)
def test_asyncio_does_what_it_does_under_asyncio_run(name: str, stage: Stage) -> None:
    expected = as_json(asyncio.run(bare(name)))
    kept = list(KEPT)
    assert as_json(asyncio.run(perform(name))) == expected
    assert as_json(stage.run(perform, name)) == expected
    assert kept == KEPT


def as_json(value: Any) -> Any:
    """Return a value with lists for tuples."""
    return [as_json(item) for item in value] if isinstance(value, (list, tuple)) else value


@workflow
async def order_of_waits() -> list[list[str]]:
    """Iterate over what `asyncio.wait` gives; the tasks' numbers are in no simple order."""
    [await asyncio.create_task(after(0)) for _ in range(29)]
    tasks = made(2, 0, 1, 0, 2, 0, 1, 9, 9, 9)
    tasks.reverse()
    done, left = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    found = [names(done), names(left)]
    more, left = await asyncio.wait(left, timeout=0.01)
    return [*found, names(done | more), names(set(tasks) and left), names(more - done)]


def test_the_sets_of_wait_keep_the_order_in_which_tasks_were_given(stage: Stage) -> None:
    expected = asyncio.run(order_of_waits())
    assert [] not in expected[:2]
    assert all(found == sorted(found, reverse=True) for found in expected[:2])
    assert stage.run(order_of_waits) == expected


@workflow
async def unavailable(what: str) -> str:
    loop = asyncio.get_running_loop()
    attempts: dict[str, Callable[[], Any]] = {
        "task factory": lambda: loop.set_task_factory(None),
        "executor": lambda: loop.set_default_executor(None),  # type: ignore[arg-type]
        "stop": loop.stop,
        "signal handler": lambda: loop.add_signal_handler(1, print),
    }
    try:
        attempts[what]()
    except UsageError as error:
        return str(error)
    return "done"


@pytest.mark.parametrize("what", ["task factory", "executor", "stop", "signal handler"])
def test_what_a_workflow_cannot_do_with_its_loop_is_refused(what: str, stage: Stage) -> None:
    assert "a workflow cannot use" in stage.run(unavailable, what)


def test_a_workflow_leaves_no_hooks_behind(stage: Stage) -> None:
    before = sys.get_asyncgen_hooks()
    stage.run(perform, "generator_left_by_break")
    assert sys.get_asyncgen_hooks() == before


@activity
def runs_a_loop(x: int) -> list[Any]:
    """Do what is refused where an event loop runs."""

    async def inside() -> list[Any]:
        found = [value async for value in numbers(x)]
        task = asyncio.current_task()
        assert task is not None
        return [*found, await asyncio.create_task(after(1, "task")), task.cancelling()]

    return asyncio.run(inside())


async def numbers(x: int) -> AsyncIterator[int]:
    for number in range(x):
        yield number


@activity
def has_no_loop() -> str:
    with suppress(RuntimeError):
        return repr(asyncio.get_running_loop())
    with asyncio.Runner() as runner:
        return str(runner.run(after(1, "runner")))


@workflow
async def calls_them() -> list[Any]:
    task = asyncio.current_task()
    found = [runs_a_loop(3), has_no_loop(), await runs_a_loop.submit(1), await ten(1)]
    return [*found, task is asyncio.current_task(), runs_a_loop(0)]


def test_a_sync_activity_of_an_async_workflow_may_run_a_loop_of_its_own(stage: Stage) -> None:
    expected = [[0, 1, 2, "task", 0], "runner", [0, "task", 0], 10, True, ["task", 0]]
    assert asyncio.run(calls_them()) == expected
    assert stage.run(calls_them) == expected


@workflow
def calls_it_without_a_loop() -> list[Any]:
    return [runs_a_loop(1), has_no_loop()]


async def called_in_a_notebook() -> list[Any]:
    """Call a sync workflow where an event loop runs, as in a cell of a notebook."""
    return calls_it_without_a_loop()


def test_so_may_one_of_a_sync_workflow_that_is_called_in_a_notebook(stage: Stage) -> None:
    expected = [[0, "task", 0], "runner"]
    assert asyncio.run(called_in_a_notebook()) == expected
    assert stage.run(calls_it_without_a_loop) == expected


@workflow
async def default_names() -> list[str]:
    found = [asyncio.current_task(), *(asyncio.create_task(after(1)) for _ in range(3))]
    await asyncio.gather(*map(ten, range(2)))
    return names([*found, asyncio.create_task(after(0))])


def test_tasks_are_named_as_in_a_new_process(stage: Stage) -> None:
    assert stage.run(default_names) == ["Task-1", "Task-2", "Task-3", "Task-4", "Task-7"]


@workflow
async def polls(pause: float) -> str:
    """Ask again and again, instead of waiting."""
    task = asyncio.create_task(ten(1))
    try:
        while not task.done():
            await asyncio.sleep(pause)
    finally:
        task.cancel()
    return "done"


def test_polling_that_lets_no_time_pass_is_an_error_and_no_hang(stage: Stage) -> None:
    with pytest.raises(WorkflowFailedError, match="turns without waiting") as caught:
        stage.run(polls, 0.0)
    assert isinstance(caught.value.__cause__, UsageError)
    assert asyncio.run(polls(0.0)) == stage.run(polls, 0.001) == "done"
