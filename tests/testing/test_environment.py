"""Time in an environment: it stands still by itself, and is skipped while the test waits."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from partita import (
    ActivityTimedOutError,
    Retry,
    WaitTimeoutError,
    activity,
    continue_as_new,
    now,
    query,
    signals,
    sleep,
    update,
    wait_signal,
    workflow,
)
from partita.errors import (
    DecisionTaskFailedError,
    InvalidOptionError,
    WorkflowFailedError,
)
from partita.stores.memory import MemoryStore
from partita.stores.sqlite.store import SqliteStore
from partita.testing import Environment

DAY = 86_400.0
START = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture
def env() -> Iterator[Environment]:
    with Environment(start=START, patience=0.05, workflows=FLOWS, activities=ACTIVITIES) as made:
        yield made


@activity
def what_time() -> datetime:
    return now()


@activity(retry=Retry(max_attempts=5, initial_interval=3600, max_interval=1e6))
def flaky(box: str) -> int:
    tries[box] = tries.get(box, 0) + 1
    if tries[box] < 4:
        raise ConnectionError("no")
    return tries[box]


@activity(start_to_close=2.0)
def hang(box: str) -> None:
    gates[box].wait(60)


@activity
async def breathe() -> str:
    await asyncio.sleep(0)
    return "ah"


tries: dict[str, int] = {}
gates: dict[str, threading.Event] = {}


@workflow
def month() -> list[datetime]:
    begun = now()
    sleep(timedelta(days=30))
    return [begun, what_time(), now()]


@workflow
def stubborn(box: str) -> int:
    return flaky(box)


@workflow
def ask(days: float) -> str:
    try:
        return wait_signal("answer", str, timeout=days * DAY)
    except WaitTimeoutError:
        return "nobody"


@workflow
def listen() -> str:
    return wait_signal("answer", str)


@workflow
def hung(box: str) -> str:
    try:
        hang(box)
    except ActivityTimedOutError:
        return "timed out"
    return "done"


@workflow
async def asleep() -> str:
    await asyncio.sleep(DAY)
    return await breathe()


@workflow
def runs(left: int) -> int:
    sleep(DAY)
    if left:
        continue_as_new(left - 1)
    return left


@workflow
def answering() -> str:
    said: list[str] = []

    @update
    def hear(word: str) -> int:
        sleep(DAY)
        said.append(word)
        return len(said)

    query(lambda: said, name="said")
    return "".join(signals("end", str).get() for _ in range(1)) + said[0]


@workflow
def broken() -> Any:
    sleep(1)
    return object()


@workflow
def elsewhere() -> None:
    what_time.options(task_list="gpu")()


@workflow
def parent() -> str:
    return listen()


FLOWS: list[Any] = [
    *(month, stubborn, ask, listen, hung, asleep, runs, answering, broken, elsewhere, parent)
]
ACTIVITIES: list[Any] = [what_time, flaky, hang, breathe]


def test_a_month_passes_at_once_and_for_all(env: Environment) -> None:
    end = START + timedelta(days=30)
    assert env.run(month) == [START, end, end]
    assert env.now() == end


def test_backoffs_are_skipped(env: Environment) -> None:
    tries.clear()
    assert env.run(stubborn, "x") == 4
    assert env.now() == START + timedelta(hours=1 + 2 + 4)


def test_a_signal_is_never_overtaken_by_a_timeout(env: Environment) -> None:
    for _ in range(20):
        handle = env.start(ask, 30)
        handle.signal("answer", "yes")
        assert handle.result() == "yes"
    assert env.now() == START


def test_what_is_not_waited_for_is_not_overtaken(env: Environment) -> None:
    for number in range(20):
        first, second = env.start(ask, 30), env.start(month)
        assert env.start(ask, 1).result() == "nobody"
        first.signal("answer", f"{number}")
        second.result()
        assert first.result() == f"{number}"


def test_a_timeout_comes_when_nobody_answers(env: Environment) -> None:
    assert env.run(ask, 30) == "nobody"
    assert env.now() == START + timedelta(days=30)


def test_sleep_does_what_is_due_meanwhile(env: Environment) -> None:
    handle = env.start(ask, 3)
    env.sleep(timedelta(days=2))
    handle.signal("answer", "in time")
    late = env.start(ask, 1)
    env.sleep(2 * DAY)
    late_detail = late.describe()
    assert late_detail.info.closed_at == (START + timedelta(days=3)).timestamp()
    assert (handle.result(), late.result()) == ("in time", "nobody")
    assert env.now() == START + timedelta(days=4)


def test_advance_is_one_step(env: Environment) -> None:
    handle = env.start(month)
    env.sleep(1)
    env.advance(timedelta(days=40))
    begun, did, ended = handle.result()
    assert (begun, did, ended) == (START, *[START + timedelta(days=40, seconds=1)] * 2)


def test_async_workflows_sleep_too(env: Environment) -> None:
    assert env.run(asleep) == "ah"
    assert env.now() == START + timedelta(days=1)


def test_result_timeouts_are_by_the_clock_through_all_runs(env: Environment) -> None:
    handle: Any = env.start(runs, 5)
    with pytest.raises(WaitTimeoutError, match=r"not done within 259200\.0 s; it goes on"):
        handle.result(timeout=3 * DAY)
    assert env.now() == START + timedelta(days=3)
    assert handle.result(timeout=3 * DAY) == 0


def test_updates_are_waited_for(env: Environment) -> None:
    handle = env.start(answering)
    assert handle.update("hear", "you") == 1
    with pytest.raises(WaitTimeoutError):
        handle.update("hear", "too", timeout=60)
    assert handle.query("said") == ["you"]
    handle.signal("end", "thank ")
    assert handle.result() == "thank you"


def test_a_wait_for_what_will_not_come_says_so(env: Environment) -> None:
    with pytest.raises(WaitTimeoutError) as caught:
        env.run(listen)
    message = str(caught.value)
    assert "test_environment.py:" in message
    assert "for signal 'answer', for what will not come" in message
    assert "send the signal" in message
    assert "\n" not in message


def test_a_task_list_that_nobody_serves_is_named(env: Environment) -> None:
    with pytest.raises(WaitTimeoutError, match="activity what_time in task list 'gpu'"):
        env.run(elsewhere)
    handle: Any = env.client.start_with(month, task_list="far")
    with pytest.raises(WaitTimeoutError, match=r"a decider of workflow month@1 in task list 'far'"):
        handle.result()


def test_a_child_that_waits_is_found(env: Environment) -> None:
    with pytest.raises(WaitTimeoutError, match="for what will not come"):
        env.run(parent)


def test_another_thread_may_send_what_is_waited_for() -> None:
    with Environment(workflows=[listen], activities=[], patience=20) as env:
        handle = env.start(listen)
        threading.Timer(0.02, handle.signal, ["answer", "late"]).start()
        assert handle.result() == "late"


def test_broken_code_is_told_of_at_once(env: Environment) -> None:
    with pytest.raises(DecisionTaskFailedError, match="cannot go on; mend the workflow's code"):
        env.run(broken)
    assert env.engine.failures == []


def test_an_activity_that_hangs_runs_into_its_timeout(env: Environment) -> None:
    gates["x"] = threading.Event()
    try:
        assert env.run(hung, "x") == "timed out"
    finally:
        gates["x"].set()


def test_time_stands_still_while_an_activity_runs(env: Environment) -> None:
    gates["y"] = threading.Event()
    threading.Timer(0.05, gates["y"].set).start()
    other = env.start(ask, 1)
    assert env.run(hung, "y") == "done"
    assert env.now() == START
    other.terminate()


def test_only_what_is_given_is_served() -> None:
    with (
        Environment(workflows=[parent], activities=[], patience=0.01) as env,
        pytest.raises(WorkflowFailedError, match="WORKFLOW_TYPE_DOES_NOT_EXIST"),
    ):
        env.run(parent)


def test_a_schedule_fires_day_after_day(env: Environment) -> None:
    env.client.schedules.create("daily", "0 3 * * *", month, overlap="allow_all")
    env.sleep(timedelta(days=10))
    assert env.client.schedules.get("daily").state.started == 10


def test_limits_are_waited_for(env: Environment) -> None:
    env.client.set_limits("default", per_second=1 / 3600)
    handles = [env.start(asleep) for _ in range(4)]
    assert [handle.result() for handle in handles] == ["ah"] * 4
    assert env.now() == START + timedelta(days=1, hours=3)


def test_sqlite_can_be_reopened(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    with Environment(store=SqliteStore(path), workflows=FLOWS, activities=ACTIVITIES) as env:
        env.run(month)
        env.client.start_with(ask, (30,), workflow_id="kept")
        env.sleep(DAY)
        left_at = env.now()
    with Environment(url=f"sqlite:///{path}", workflows=FLOWS, activities=ACTIVITIES) as env:
        assert left_at - timedelta(days=1) <= env.now()
        env.client.signal("kept", "answer", "still there")
        assert env.client.result("kept") == "still there"


def test_options_that_cannot_be_meant() -> None:
    with pytest.raises(InvalidOptionError, match="a store or a url, not both"):
        Environment(store=MemoryStore(), url="memory://")
    with pytest.raises(InvalidOptionError, match="no backend for"):
        Environment(url="nowhere://x")
    with (
        Environment(workflows=[], activities=[]) as env,
        pytest.raises(InvalidOptionError, match="sleep=-1"),
    ):
        env.sleep(-1)
