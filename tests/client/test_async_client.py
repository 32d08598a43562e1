"""The client for asyncio: waits without threads, typed handles, schedules, events as they come."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, assert_type

import pytest

from partita import activity, continue_as_new, errors, query, signals, update, wait_signal, workflow
from partita.client import AsyncClient, Client
from partita.client.async_client import AsyncSchedules, AsyncTasks
from partita.client.async_handle import AsyncHandle
from partita.client.client import Tasks
from partita.client.handle import Handle
from partita.client.schedules import Schedules
from partita.connect import connect
from partita.engine import Engine
from partita.engine.timing import Timing
from partita.ports.capabilities import SupportsClosings, supports
from partita.server.local import swf_endpoint
from partita.stores.sqlite.store import SqliteStore
from partita.testing import Environment
from partita.worker import Worker
from tests.conftest import STORES, new_store
from tests.swf_backend import endpoint  # noqa: F401 - for its effect
from tests.third_party.shelf import ShelfService

MANY = 1_000


@activity
def double(number: int) -> int:
    return 2 * number


@workflow
def approval(number: int) -> int:
    @update
    def raise_by(more: int) -> int:
        nonlocal number
        number += more
        return number

    @query
    def asked() -> int:
        return number

    return number if wait_signal("approve", bool) else -1


@workflow
def rounds(number: int) -> int:
    signals("go", int).get()
    if number:
        continue_as_new(number - 1)
    return double(21)


@workflow
def failing() -> None:
    raise ValueError("no")


FLOWS: list[Any] = [approval, rounds, failing]


@pytest.fixture(params=STORES)
def client(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Client]:
    engine = Engine(new_store(request.param, tmp_path))
    with Client(engine) as made, Worker(engine, workflows=FLOWS, activities=[double]):
        yield made


def client_threads() -> list[str]:
    return [one.name for one in threading.enumerate() if "partita-client" in one.name]


def test_a_thousand_wait_in_one_process(client: Client) -> None:
    async def use() -> None:
        awaited = AsyncClient(client)
        starts = [awaited.start_with(approval, (n,), workflow_id=f"w{n}") for n in range(MANY)]
        handles = await asyncio.gather(*starts)
        results = [asyncio.create_task(handle.result()) for handle in handles]
        updates = await asyncio.gather(*[one.update("raise_by", 5) for one in handles])
        assert updates == [n + 5 for n in range(MANY)]
        assert not any(one.done() for one in results)
        assert len(client_threads()) <= 32
        await asyncio.gather(*[handle.signal("approve", True) for handle in handles])
        assert await asyncio.gather(*results) == [n + 5 for n in range(MANY)]

    asyncio.run(use())


def test_a_pending_result_keeps_no_other_call_back(client: Client) -> None:
    async def use() -> None:
        awaited = AsyncClient(client)
        handle = await awaited.start(approval, 1)
        waiting = [asyncio.create_task(handle.result()) for _ in range(100)]
        await asyncio.sleep(0)
        assert await handle.query("asked") == 1
        await handle.signal("approve", False)
        assert set(await asyncio.gather(*waiting)) == {-1}

    asyncio.run(use())


def test_results_follow_runs_that_continue_as_new(client: Client) -> None:
    async def use() -> None:
        awaited = AsyncClient(client)
        handle = await awaited.start_with(rounds, (2,), workflow_id="r")
        assert_type(handle, AsyncHandle[int])
        assert_type(awaited.handle("r", workflow=rounds), AsyncHandle[int])
        assert_type(client.handle("r", workflow=rounds), Handle[int])
        by_id = [awaited.handle("r", workflow=rounds).result(), awaited.result("r", timeout=60)]
        waiting = [asyncio.create_task(one) for one in (handle.result(), *by_id)]
        for _ in range(3):
            await awaited.signal("r", "go", 1)
        assert await asyncio.gather(*waiting) == [42, 42, 42]

    asyncio.run(use())


def test_ends_that_are_no_results(client: Client) -> None:
    async def use() -> None:
        awaited = AsyncClient(client)
        with pytest.raises(errors.WorkflowFailedError) as failed:
            await (await awaited.start(failing)).result(timeout=60)
        assert isinstance(failed.value.__cause__, ValueError)
        handle = await awaited.start(approval, 1)
        with pytest.raises(errors.WaitTimeoutError, match="was not done within 0"):
            await handle.result(timeout=0.01)
        with pytest.raises(errors.UnknownTypeError):
            await handle.update("nothing", timeout=60)
        waiting = asyncio.create_task(handle.result())
        await handle.terminate("enough")
        with pytest.raises(errors.WorkflowTerminatedError, match="enough"):
            await waiting
        with pytest.raises(errors.ExecutionNotFoundError):
            await handle.update("raise_by", 1)
        with pytest.raises(errors.ExecutionNotFoundError):
            await awaited.result("nobody")

    asyncio.run(use())


def test_a_wait_that_is_cancelled_leaves_nothing(client: Client) -> None:
    async def use() -> None:
        handle = await AsyncClient(client).start(approval, 1)
        waiting = asyncio.create_task(handle.result())
        await asyncio.sleep(0.05)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        await handle.signal("approve", True)
        assert await handle.result(timeout=60) == 1

    asyncio.run(use())


def test_a_loop_that_has_ended_does_no_harm(client: Client) -> None:
    async def leave() -> str:
        handle = await AsyncClient(client).start(approval, 1)
        asyncio.create_task(handle.result())  # noqa: RUF006  # it is cancelled with the loop
        await asyncio.sleep(0.05)
        return handle.workflow_id

    id = asyncio.run(leave())
    client.signal(id, "approve", True)
    assert client.result(id, timeout=60) == 1


def test_events_come_as_they_are_recorded(client: Client) -> None:
    async def use() -> None:
        handle = await AsyncClient(client).start(approval, 1)
        seen: list[str] = []
        async for event in handle.follow():
            seen.append(event.event_type)
            if seen[-1] == "DecisionTaskCompleted" and "WorkflowExecutionSignaled" not in seen:
                await handle.signal("approve", True)
        assert seen[-1] == "WorkflowExecutionCompleted"
        assert seen == [event.event_type for event in await handle.history()]
        rest = [event.event_id async for event in handle.follow(after=3)]
        assert rest == list(range(4, len(seen) + 1))

    asyncio.run(use())


def test_handles_and_schedules_are_awaited(client: Client) -> None:
    async def use() -> None:
        awaited = AsyncClient(client)
        handle = await awaited.start_with(approval, (1,), workflow_id="a")
        assert repr(handle) == f"<AsyncHandle 'a' of approval@1, run {handle.run_id}>"
        assert (await handle.describe()).info.workflow_id == "a"
        await handle.cancel()
        with pytest.raises(errors.WorkflowCanceledError):
            await handle.result(timeout=60)
        again = await awaited.rerun("a")
        assert again.run_id != handle.run_id
        await awaited.schedules.create("nightly", "0 3 * * *", approval, (1,))
        assert [one.id for one in await awaited.schedules.list()] == ["nightly"]
        await awaited.schedules.delete("nightly")

    asyncio.run(use())


@pytest.mark.parametrize(
    ("awaited", "sync"),
    [
        (AsyncClient, Client),
        (AsyncHandle, Handle),
        (AsyncSchedules, Schedules),
        (AsyncTasks, Tasks),
    ],
)
def test_no_method_is_left_out(awaited: type, sync: type) -> None:
    internal = {"ended", "late"}  # with which waits are made
    named = {name for name in dir(sync) if callable(getattr(sync, name)) and name[0] != "_"}
    assert named - internal <= set(dir(awaited))


def test_a_closed_client_says_so() -> None:
    async def use() -> None:
        async with AsyncClient(Client(connect("memory://"))) as awaited:
            handle = await awaited.start(approval, 1)
            waiting = asyncio.create_task(handle.result())
            await asyncio.sleep(0.05)
        await awaited.close()
        for call in (waiting, handle.signal("approve", True), awaited.start(approval, 1)):
            with pytest.raises(errors.StoreUnavailableError, match="this client is closed"):
                await call

    asyncio.run(use())
    wrong: Any = "sqlite:///x.db"
    with pytest.raises(errors.InvalidOptionError, match=r"is no Client; give one, such as Client"):
        AsyncClient(wrong)


def test_a_schedule_is_changed_and_previewed(client: Client) -> None:
    async def use() -> None:
        schedules = AsyncClient(client).schedules
        await schedules.create("nightly", "0 3 * * *", approval, (1,))
        changed = await schedules.update("nightly", cron="0 4 * * *")
        assert changed.spec.cron == ("0 4 * * *",)
        assert len(await schedules.preview("nightly", 3)) == 3

    asyncio.run(use())


def test_ends_in_another_process_are_seen(tmp_path: Path) -> None:
    def engine() -> Engine:
        return Engine(SqliteStore(str(tmp_path / "x.db")), timing=Timing())

    here, elsewhere = Client(engine()), engine()

    async def use() -> None:
        awaited = AsyncClient(here)
        handle = await awaited.start(approval, 1)
        waiting = asyncio.create_task(handle.result(timeout=60))
        assert await handle.update("raise_by", 1, timeout=60) == 2
        await handle.signal("approve", True)
        assert await waiting == 2
        await awaited.close()

    with Worker(elsewhere, workflows=FLOWS, activities=[double]):
        asyncio.run(use())
    elsewhere.close()


def test_a_service_that_tells_of_no_ends_is_asked() -> None:
    service = ShelfService()
    assert not supports(service, SupportsClosings)

    async def use() -> None:
        async with AsyncClient(Client(service)) as awaited:
            handle = await awaited.start(rounds, 0)
            waiting = asyncio.create_task(handle.result(timeout=60))
            await handle.signal("go", 1)
            assert await waiting == 42

    with Worker(service, workflows=FLOWS, activities=[double]):
        asyncio.run(use())


def test_waits_on_amazon_swf_cost_no_thread_each() -> None:
    async def use(client: Client) -> None:
        awaited = AsyncClient(client)
        handles = [await awaited.start_with(approval, (n,), workflow_id=f"w{n}") for n in range(40)]
        waiting = [asyncio.create_task(handle.result(timeout=60)) for handle in handles]
        assert await handles[0].update("raise_by", 1, timeout=60) == 1
        await asyncio.gather(*[handle.signal("approve", True) for handle in handles])
        assert await asyncio.gather(*waiting) == [1, *range(1, 40)]
        assert len(client_threads()) <= 32
        with pytest.raises(errors.ExecutionNotFoundError):
            await awaited.result("nobody")
        await awaited.close()

    with (
        swf_endpoint(poll_seconds=1) as address,
        Client(connect(f"swf://us-east-1/tests?endpoint={address}")) as client,
        Worker(client.service, workflows=FLOWS, activities=[double]),
    ):
        asyncio.run(use(client))


def test_time_is_skipped_in_tests() -> None:
    with Environment(workflows=FLOWS, activities=[double]) as env:

        async def use() -> None:
            handle = await AsyncClient(env.client).start(failing)
            with pytest.raises(errors.WorkflowFailedError):
                await handle.result(timeout=60)

        asyncio.run(use())
