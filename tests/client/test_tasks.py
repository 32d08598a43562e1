"""Activities that go on after their function are ended from outside, once, by their tokens."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from partita import Activity, Retry, activity, activity_info, errors, wait_signal, workflow
from partita import history as h
from partita.client import AsyncClient, Client, Handle
from partita.connect import connect
from partita.deciders import Canceled, Completed, Failed
from partita.ports.state import Status
from tests.client.later import asking, asking_in_a_process, asking_slowly
from tests.conftest import Rig, until
from tests.language.conftest import ClockedStage, Stage

LATER = Path(__file__).parent / "later.py"


@dataclass
class Receipt:
    cents: int


class DeclinedError(Exception):
    pass


class Tokens:
    """The tokens that activities have handed over, by their key."""

    def __init__(self) -> None:
        self._tokens: dict[str, list[str]] = {}

    def add(self, key: str) -> None:
        self._tokens.setdefault(key, []).append(activity_info().task_token)

    def take(self, key: str, number: int = 1) -> str:
        until(lambda: len(self._tokens.get(key, ())) >= number)
        return self._tokens[key][number - 1]

    def clear(self) -> None:
        self._tokens.clear()


TOKENS = Tokens()


@pytest.fixture(autouse=True)
def _forget() -> None:
    TOKENS.clear()


@activity(auto_complete=False)
def pay(key: str) -> Receipt:
    TOKENS.add(key)
    return Receipt(-1)  # which is nobody's result, on an engine


@activity(auto_complete=False)
async def pay_async(key: str) -> int:
    TOKENS.add(key)
    return -1


class Pay(Activity):
    auto_complete = False

    def execute(self, key: str) -> Any:
        TOKENS.add(key)
        match key:
            case "at once":
                return Completed(Receipt(7))
            case "failed":
                return Failed("NO", "at once")
            case "canceled":
                raise Canceled("at once")
            case "raises":
                raise DeclinedError("at once")
        return None


@activity(auto_complete=False, retry=Retry(max_attempts=2, initial_interval=0))
def pay_again(key: str) -> int:
    TOKENS.add(key)
    return -1


@activity(auto_complete=False, heartbeat=30, start_to_close=100)
def pay_in_time(key: str) -> int:
    TOKENS.add(key)
    return -1


@workflow
def paying(key: str) -> int:
    return pay(key).cents


@workflow
async def paying_async(key: str) -> int:
    return await pay_async(key)


@workflow
def paying_by_class(key: str) -> Any:
    try:
        return Pay.call(key)
    except (errors.ActivityFailedError, errors.CancelledError, DeclinedError) as error:
        return [type(error).__name__, str(error)]


@workflow
def paying_again(key: str) -> int:
    return pay_again(key)


@workflow
def paying_in_time(key: str) -> Any:
    try:
        return pay_in_time(key)
    except errors.ActivityTimedOutError as error:
        return [error.timeout_type, error.details]


@workflow
def changing_its_mind(key: str) -> Any:
    future = pay_in_time.submit(key)
    wait_signal("stop")
    future.cancel()
    try:
        return future.result()
    except errors.CancelledError:
        return "cancelled"


# -- ends ----------------------------------------------------------------------------------


@pytest.mark.parametrize(("flow", "result"), [(paying, Receipt(5)), (paying_async, 5)])
def test_the_result_is_given_later(stage: Stage, flow: Any, result: Any) -> None:
    handle = stage.start(flow, "k")
    token = TOKENS.take("k")
    stage.settled(handle)
    assert stage.find(handle, h.ActivityTaskCompleted) == []
    stage.client.tasks.complete(token, result)
    assert handle.result(timeout=20) == 5
    for again in (stage.client.tasks.complete, stage.client.tasks.cancel):
        with pytest.raises(errors.TaskLostError, match="no longer wanted"):
            again(token)
    assert len(stage.find(handle, h.ActivityTaskCompleted)) == 1


def test_a_failure_is_given_later(stage: Stage) -> None:
    handle = stage.start(paying, "k")
    stage.client.tasks.fail(TOKENS.take("k"), DeclinedError("no funds"))
    with pytest.raises(errors.WorkflowFailedError) as raised:
        handle.result(timeout=20)
    assert repr(raised.value.__cause__) == "DeclinedError('no funds')"
    handle = stage.start(paying_by_class, "r")
    stage.client.tasks.fail(TOKENS.take("r"), "DECLINED", "no funds")
    assert handle.result(timeout=20) == ["ActivityFailedError", "DECLINED: no funds"]


def test_a_failure_is_tried_again_by_the_retry_policy(stage: Stage) -> None:
    handle = stage.start(paying_again, "k")
    first = TOKENS.take("k")
    stage.client.tasks.fail(first, "BUSY")
    second = TOKENS.take("k", 2)
    assert first != second
    with pytest.raises(errors.TaskLostError):
        stage.client.tasks.complete(first, 1)
    stage.client.tasks.complete(second, 2)
    assert handle.result(timeout=20) == 2
    final = stage.start(paying_again, "final")
    stage.client.tasks.fail(TOKENS.take("final"), "NEVER", retryable=False)
    with pytest.raises(errors.WorkflowFailedError, match="NEVER"):
        final.result(timeout=20)
    assert stage.find(final, h.ActivityTaskRescheduled) == []


def test_a_cancel_request_is_obeyed_later(stage: Stage) -> None:
    handle = stage.start(changing_its_mind, "k")
    token = TOKENS.take("k")
    assert not stage.client.tasks.heartbeat(token, {"page": 1})
    handle.signal("stop")
    until(lambda: stage.client.tasks.heartbeat(token))
    stage.client.tasks.cancel(token, "as you like")
    assert handle.result(timeout=20) == "cancelled"
    [canceled] = stage.find(handle, h.ActivityTaskCanceled)
    assert canceled.details == "as you like"


def test_a_completion_may_come_before_the_cancel_request_is_heard_of(stage: Stage) -> None:
    """Whichever is first counts; the other is refused, and nothing happens twice."""
    handle = stage.start(changing_its_mind, "k")
    token = TOKENS.take("k")
    handle.signal("stop")
    until(lambda: stage.client.tasks.heartbeat(token))
    stage.client.tasks.complete(token, 3)
    with pytest.raises(errors.TaskLostError):
        stage.client.tasks.cancel(token)
    assert handle.result(timeout=20) in (3, "cancelled")
    ends = stage.find(handle, (h.ActivityTaskCompleted, h.ActivityTaskCanceled))  # type: ignore[arg-type]
    assert [type(one) for one in ends] == [h.ActivityTaskCompleted]


@pytest.mark.parametrize(
    ("key", "result"),
    [
        ("at once", Receipt(7)),
        ("failed", ["ActivityFailedError", "NO: at once"]),
        ("canceled", ["CancelledError", "activity Pay was cancelled: at once"]),
        ("raises", ["DeclinedError", "at once"]),
    ],
)
def test_a_function_that_names_the_end_itself_has_ended(
    stage: Stage, key: str, result: Any
) -> None:
    handle = stage.start(paying_by_class, key)
    found = handle.result(timeout=20)
    assert found == result or found[0] == result[0] == "CancelledError"
    with pytest.raises(errors.TaskLostError):
        stage.client.tasks.complete(TOKENS.take(key))


def test_the_end_may_come_before_the_function_has_returned(memory_rig: Rig) -> None:
    @activity(auto_complete=False)
    def hasty() -> int:
        memory_rig.client.tasks.complete(activity_info().task_token, 4)
        return -1

    @workflow
    def hurrying() -> int:
        return hasty()

    with memory_rig.worker(hurrying, hasty) as worker:
        assert memory_rig.client.start(hurrying).result(timeout=20) == 4
        until(lambda: worker.free_slots() == 20)


def test_in_plain_python_the_function_gives_the_result() -> None:
    assert paying("k") == -1
    assert asyncio.run(paying_async("k")) == -1
    assert paying_by_class("at once") == Receipt(7)


def test_an_activity_that_goes_on_takes_no_slot(memory_rig: Rig) -> None:
    with memory_rig.worker(paying, pay, slots=1):
        handles = {key: memory_rig.client.start(paying, key) for key in "abc"}
        tokens = {key: TOKENS.take(key) for key in "abc"}  # all began, with one slot
        for number, key in enumerate("cab"):
            memory_rig.client.tasks.complete(tokens[key], Receipt(number))
        assert [handles[key].result(timeout=20) for key in "cab"] == [0, 1, 2]


# -- timeouts ------------------------------------------------------------------------------


def test_a_heartbeat_timeout_applies_still(clocked: ClockedStage) -> None:
    handle = clocked.start(paying_in_time, "k")
    token = TOKENS.take("k")
    clocked.settled(handle)
    for number in range(3):  # kept alive for longer than the timeout
        clocked.advance(20)
        assert not clocked.client.tasks.heartbeat(token, number)
    clocked.advance(31)
    assert handle.result(timeout=20) == ["HEARTBEAT", "2"]
    for late in (clocked.client.tasks.complete, clocked.client.tasks.heartbeat):
        with pytest.raises(errors.TaskLostError):
            late(token, 1)
    assert len(clocked.find(handle, h.ActivityTaskTimedOut)) == 1


def test_a_start_to_close_timeout_applies_still(clocked: ClockedStage) -> None:
    handle = clocked.start(paying_in_time, "k")
    token = TOKENS.take("k")
    clocked.settled(handle)
    for _ in range(4):
        clocked.advance(24)
        clocked.client.tasks.heartbeat(token)
    clocked.advance(5)
    assert handle.result(timeout=20) == ["START_TO_CLOSE", None]
    with pytest.raises(errors.TaskLostError):
        clocked.client.tasks.complete(token, 1)


# -- what is refused -----------------------------------------------------------------------


def test_a_value_without_a_json_form_leaves_the_activity_open(stage: Stage) -> None:
    handle = stage.start(paying, "k")
    token = TOKENS.take("k")
    with pytest.raises(errors.SerializationError, match="the result of the activity"):
        stage.client.tasks.complete(token, object())
    with pytest.raises(errors.SerializationError, match="the heartbeat"):
        stage.client.tasks.heartbeat(token, object())
    stage.client.tasks.complete(token, Receipt(1))
    assert handle.result(timeout=20) == 1


def test_tokens_that_are_none(stage: Stage) -> None:
    tasks = stage.client.tasks
    for nonsense in (
        "",
        "x",
        "1:2:3",
        ":::",
        "1:abcdefgh:x:1",
        "9" * 99 + ":abcdefgh:1:1",
        None,
        7,
    ):
        for end in (tasks.complete, tasks.cancel, tasks.heartbeat):
            with pytest.raises(errors.InvalidTokenError, match="not a task token") as raised:
                end(nonsense)  # type: ignore[arg-type]
            assert "\n" not in str(raised.value)
            assert len(str(raised.value)) < 120
    handle = stage.start(paying, "k")
    token = TOKENS.take("k")
    run, run_id, started, id = token.split(":")
    others = (
        f"{int(run) + 99}:{run_id}:{started}:{id}",
        f"{run}:{'0' * 8}:{started}:{id}",
        f"{run}:{run_id}:{int(started) + 1}:{id}",
        f"{run}:{run_id}:0:{id}",
        f"{run}:{run_id}:{started}:{id}x",
        f"{run}:{run_id}:{started}:",  # as that of a decision task
    )
    before = stage.kinds(handle)
    for other in others:
        with pytest.raises(errors.TaskLostError):
            tasks.complete(other, Receipt(1))
    assert stage.kinds(handle) == before
    tasks.complete(token, Receipt(2))
    assert handle.result(timeout=20) == 2


def test_no_activity_outlives_its_workflow(stage: Stage) -> None:
    handle = stage.start(paying, "k")
    token = TOKENS.take("k")
    handle.terminate()
    with pytest.raises(errors.WorkflowTerminatedError):
        handle.result(timeout=20)
    for late in (stage.client.tasks.complete, stage.client.tasks.heartbeat):
        with pytest.raises(errors.TaskLostError):
            late(token)


def test_many_who_end_it_at_once_end_it_once(stage: Stage) -> None:
    handle = stage.start(paying, "k")
    token = TOKENS.take("k")
    ends: list[str] = []

    def end(number: int) -> None:
        try:
            if number % 2:
                stage.client.tasks.complete(token, Receipt(number))
            else:
                stage.client.tasks.fail(token, f"NO{number}")
            ends.append("taken")
        except errors.TaskLostError:
            ends.append("refused")

    threads = [threading.Thread(target=end, args=[number]) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(ends) == ["refused"] * 7 + ["taken"]
    until(lambda: handle.describe().info.status is not Status.OPEN)
    kinds = (h.ActivityTaskCompleted, h.ActivityTaskFailed)
    assert len(stage.find(handle, kinds)) == 1  # type: ignore[arg-type]


def test_the_client_for_asyncio_has_them_too(stage: Stage) -> None:
    async def end() -> list[Any]:
        client = AsyncClient(stage.client)
        unlisten = await client.listen(lambda _: None)
        handles = [await client.start(paying, key) for key in "abc"]
        tokens = [await asyncio.to_thread(TOKENS.take, key) for key in "abc"]
        assert not await client.tasks.heartbeat(tokens[0], {"page": 1})
        await client.tasks.complete(tokens[0], Receipt(1))
        await client.tasks.fail(tokens[1], ValueError("no"))
        await client.tasks.cancel(tokens[2])
        with pytest.raises(errors.TaskLostError):
            await client.tasks.complete(tokens[0])
        results: list[Any] = [await client.result(handles[0].workflow_id, timeout=20)]
        for handle in handles[1:]:
            try:
                await client.result(handle.workflow_id, timeout=20)
            except Exception as error:
                results.append(type(error).__name__)
        unlisten()
        return results

    assert asyncio.run(end())[:2] == [1, "WorkflowFailedError"]


# -- workers that end in between -----------------------------------------------------------


def test_it_outlives_its_worker(rig: Rig) -> None:
    with rig.worker(paying, pay):
        handle = rig.client.start(paying, "k")
        token = TOKENS.take("k")
    assert not rig.client.tasks.heartbeat(token)  # nobody works, and it is open
    rig.client.tasks.complete(token, Receipt(9))
    with rig.worker(paying, pay):
        assert handle.result(timeout=20) == 9
    assert len([one for one in handle.history() if isinstance(one, h.ActivityTaskStarted)]) == 1


def test_what_is_given_back_while_its_function_runs_has_a_new_token(rig: Rig) -> None:
    go = threading.Event()

    @activity(auto_complete=False)
    def stays() -> int:
        TOKENS.add("k")
        if activity_info().attempt == 1 and len(TOKENS._tokens["k"]) == 1:
            assert go.wait(20)
        return -1

    @workflow
    def staying() -> int:
        return stays()

    worker = rig.worker(staying, stays)
    worker.start()
    handle = rig.client.start(staying)
    first = TOKENS.take("k")
    worker.stop(grace=0)
    with pytest.raises(errors.TaskLostError):
        rig.client.tasks.complete(first, 1)
    with rig.worker(staying, stays):
        second = TOKENS.take("k", 2)
        go.set()  # the old function returns: which lets go of nothing
        rig.client.tasks.complete(second, 2)
        assert handle.result(timeout=20) == 2
    again = [one for one in handle.history() if isinstance(one, h.ActivityTaskRescheduled)]
    assert [one.cause for one in again] == [h.RescheduleCause.GIVEN_BACK]


def test_a_closed_client_says_so() -> None:
    rig_client = Client(connect("memory://"))
    rig_client.close()
    with pytest.raises(errors.StoreUnavailableError, match="closed"):
        rig_client.tasks.complete("1:abcdefgh:5:1")


class Shop:
    """A database with worker processes that serve `later.py`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.url = f"sqlite:///{folder}/partita.db"
        self.client = Client(connect(self.url))
        self._workers: list[subprocess.Popen[str]] = []

    def worker(self) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "partita", "--backend", self.url, "worker", str(LATER)]
        made = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        assert made.stderr is not None
        assert any("on task list default" in line for line in made.stderr)
        self._workers.append(made)
        return made

    def token(self, attempt: int = 1) -> str:
        path = self.folder / f"token-{attempt}"
        until(path.exists)
        return path.read_text()

    def owner(self, handle: Handle[Any]) -> str | None:
        return handle.describe().activities[0].owner

    def close(self) -> None:
        for one in self._workers:
            one.kill()
            one.wait()
            assert one.stderr is not None
            one.stderr.close()
        self.client.close()


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    made = Shop(tmp_path)
    yield made
    made.close()


@pytest.mark.parametrize("flow", [asking, asking_in_a_process])
def test_it_outlives_a_worker_that_is_killed(shop: Shop, flow: Any) -> None:
    first = shop.worker()
    handle = shop.client.start_with(flow, [str(shop.folder)])
    token = shop.token()
    until(lambda: shop.owner(handle) is None)  # it was let go
    first.kill()
    first.wait()
    shop.worker()  # which takes over what the first one held, and this is not that
    shop.client.tasks.heartbeat(token)
    shop.client.tasks.complete(token, ["told", 1])
    assert handle.result(timeout=30) == ["told", 1]
    kinds = [type(one) for one in handle.history()]
    assert h.ActivityTaskRescheduled not in kinds


def test_a_worker_that_is_killed_before_it_lets_go_begins_it_anew(shop: Shop) -> None:
    first = shop.worker()
    handle = shop.client.start_with(asking_slowly, [str(shop.folder)])
    token = shop.token()
    first.kill()
    first.wait()
    shop.worker()
    again = shop.token(attempt=2)
    until(lambda: shop.owner(handle) is None)
    with pytest.raises(errors.TaskLostError):
        shop.client.tasks.complete(token, "late")
    shop.client.tasks.complete(again, "in time")
    assert handle.result(timeout=30) == "in time"
    [lost] = [one for one in handle.history() if isinstance(one, h.ActivityTaskRescheduled)]
    assert lost.cause is h.RescheduleCause.WORKER_LOST
