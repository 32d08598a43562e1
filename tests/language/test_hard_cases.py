"""Cases that once went wrong: forks that forget, engines that die, limits that stall."""

from __future__ import annotations

import asyncio
import itertools
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import msgspec
import pytest

from partita import (
    Hooks,
    WaitTimeoutError,
    activity,
    chain,
    continue_as_new,
    group,
    lambda_function,
    query,
    random,
    side_effect,
    signals,
    spawn,
    task,
    update,
    wait_signal,
    workflow,
)
from partita.engine.transaction import EngineTransaction
from partita.errors import PartitaError, WorkflowFailedError
from partita.history import ActivityTaskCancelRequested, RequestCancelActivityTaskFailed
from partita.ports.service import ActivityAnswer
from partita.replay.messages import UpdateRequest
from partita.rules.commands import Signal
from tests.conftest import until
from tests.language.conftest import Gate, Stage

CALLS: list[Any] = []
GATE = Gate()
COUNT = itertools.count(1)
ENOUGH = threading.Event()


@pytest.fixture(autouse=True)
def clean() -> None:
    CALLS.clear()
    ENOUGH.clear()
    GATE.close()


@activity
def act(x: Any) -> Any:
    CALLS.append(x)
    return x


@activity
def bad(x: Any) -> Any:
    CALLS.append(("bad", x))
    raise ValueError(f"no {x}")


@activity(task_list="gpu")
def limited(x: int) -> int:
    CALLS.append(x)
    return x


@activity(task_list="gpu")
def gated(x: int) -> int:
    CALLS.append(x)
    GATE.wait()
    return x


@activity(task_list="by hand")
def by_hand(x: str) -> str:
    raise AssertionError("no worker serves this list")


@activity
async def endless(x: int) -> None:
    CALLS.append(x)
    await asyncio.sleep(60)


@activity
def fails_at_the_gate() -> None:
    GATE.wait()
    raise ValueError("no")


def answers(stage: Stage) -> bool:
    """Whether the engine's thread is alive; if not, put another in its place, to end the test."""
    pool = ThreadPoolExecutor(1)
    alive = pool.submit(stage.kept._scheduler.inbox.ask, lambda _: True)
    pool.shutdown(wait=False)
    try:
        return alive.result(3)
    except TimeoutError:
        core = stage.kept._scheduler
        core.inbox._thread = core._attachment = stage._worker = None
        core.inbox.ask(lambda _: None)
        return False


# -- 1: an heir of a fork is no fork ---------------------------------------------------------


@workflow
def one_signal_a_run(n: int) -> str:
    found: str = wait_signal("s", str)
    act(found)
    if n == 0:
        continue_as_new(1)
    return found


def test_the_next_run_of_a_fork_reuses_nothing(stage: Stage) -> None:
    first = stage.start(one_signal_a_run, 0, id="chain")
    stage.client.signal("chain", "s", "a")
    until(lambda: stage.client.describe("chain").info.run_id != first.run_id)
    stage.client.signal("chain", "s", "b")
    assert stage.client.result("chain", run_id=first.run_id, timeout=5) == "b"
    CALLS.clear()
    fork = stage.client.fork("chain", run_id=first.run_id, new_workflow_id="fork")
    until(lambda: stage.client.describe("fork").info.run_id != fork.run_id)
    stage.client.signal("fork", "s", "mine")
    assert fork.result(timeout=5) == "mine"  # not the "a" of the origin's first run, again
    assert CALLS == ["mine"]


# -- 2: a value that was drawn once ----------------------------------------------------------


@workflow
def charges_under_a_key() -> Any:
    key = side_effect(lambda: f"key {next(COUNT)}")
    act(key)
    return bad(1)


def test_a_rerun_has_the_values_of_its_side_effects(stage: Stage) -> None:
    with pytest.raises(WorkflowFailedError):
        stage.run(charges_under_a_key, id="order")
    done = [call for call in CALLS if call != ("bad", 1)]
    with pytest.raises(WorkflowFailedError):
        stage.client.rerun("order").result(timeout=5)
    assert [call for call in CALLS if call != ("bad", 1)] == done  # charged once


# -- 3: no user code ends the engine's thread ------------------------------------------------


@workflow
def exits_in_a_query() -> None:
    query(lambda: sys.exit(3), name="leave")
    wait_signal("go")


@workflow(hooks=Hooks(on_task_failure=lambda _: sys.exit(4)))
def exits_in_a_hook() -> None:
    bad(1)


@workflow
def continues_in_a_callback(n: int = 0) -> int:
    if n == 0:
        act.submit(1).add_done_callback(lambda _: continue_as_new(1))
        wait_signal("never")
    return n


@workflow(hooks=Hooks(on_task_failure=lambda _: continue_as_new(1)))
def continues_in_a_hook(n: int = 0) -> int:
    if n == 0:
        bad(1)
    return n


@pytest.mark.parametrize(
    "flow", [exits_in_a_query, exits_in_a_hook, continues_in_a_callback, continues_in_a_hook]
)
def test_no_code_of_a_workflow_ends_the_engine(stage: Stage, flow: Any) -> None:
    pool = ThreadPoolExecutor(1)
    handle = stage.start(flow)
    if flow is exits_in_a_query:
        stage.settled(handle)
        pool.submit(handle.query, "leave")
    elif flow is not exits_in_a_hook:
        pool.submit(handle.result, 3)
    pool.shutdown(wait=False)
    threading.Event().wait(0.3)
    assert answers(stage)
    stage.failures.clear()


# -- 4: limits -------------------------------------------------------------------------------


@workflow
def ten_limited() -> int:
    return len(limited.map(range(10)).result())


@workflow
def four_gated() -> int:
    return len(gated.map(range(4)).result())


def test_a_list_with_both_limits_goes_on(stage: Stage) -> None:
    stage.client.set_limits("gpu", concurrency=2, per_second=1000)
    assert stage.start(ten_limited).result(timeout=5) == 10


@pytest.mark.parametrize("limits", [{"concurrency": 4}, {}])
def test_limits_that_are_raised_or_lifted_hold_at_once(
    stage: Stage, limits: dict[str, int]
) -> None:
    stage.client.set_limits("gpu", concurrency=1)
    handle = stage.start(four_gated)
    until(lambda: len(CALLS) == 1)
    stage.client.set_limits("gpu", **limits)
    try:
        until(lambda: len(CALLS) == 4, seconds=3)
    finally:
        GATE.open()
    assert handle.result(timeout=5) == 4


@pytest.mark.parametrize(
    "limits", [{"per_second": float("inf")}, {"per_second": 1, "burst": float("inf")}]
)
def test_no_limit_breaks_the_engine(stage: Stage, limits: dict[str, float]) -> None:
    try:
        with pytest.raises(PartitaError):
            stage.client.set_limits("gpu", **limits)  # type: ignore[arg-type]
        assert stage.run(ten_limited) == 10
    finally:
        stage.client.set_limits("gpu")


# -- 5: updates and continue_as_new ----------------------------------------------------------


@workflow
def counter(total: int = 0) -> int:
    state = [total]

    @update
    def add(x: int) -> int:
        state[0] += x
        return state[0]

    for message in signals("s", str):
        if message == "end":
            break
        continue_as_new(state[0])
    return state[0]


def test_an_update_that_comes_with_a_continue_as_new_is_done(stage: Stage) -> None:
    handle = stage.start(counter, id="counter")
    stage.settled(handle)
    request = msgspec.json.encode(UpdateRequest("u1", "[5]")).decode()

    def both(tx: EngineTransaction) -> None:
        state = tx.find("default", "counter")
        assert state is not None
        tx.do(state, Signal(signal_name="s", input='"again"'))
        tx.do(state, Signal(signal_name="$update:add", input=request))

    stage.engine._scheduler.inbox.ask(both)
    stage.client.signal("counter", "s", "end")
    assert handle.result(timeout=5) == 5


@workflow
def slow_updates(n: int = 0) -> int:
    gate = signals("gate")

    @update
    def slowly(x: int) -> int:
        gate.get()
        return x

    if n == 0:
        wait_signal("again")
        continue_as_new(1)
    wait_signal("end")
    return n


def test_an_update_that_runs_at_continue_as_new_is_answered(stage: Stage) -> None:
    handle = stage.start(slow_updates, id="slow")
    stage.settled(handle)
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(stage.client.update, "slow", "slowly", [7], timeout=5)
        stage.waits(handle, lambda events: any("$update" in str(event) for event in events))
        stage.client.signal("slow", "again")
        until(lambda: stage.client.describe("slow").info.run_id != handle.run_id)
        stage.client.signal("slow", "gate")
        try:
            assert answer.result() == 7
        except WaitTimeoutError:
            pytest.fail("nobody will ever answer it, and nobody says so")
        except PartitaError:
            pass  # refused: as good
        finally:
            stage.client.terminate("slow")


# -- 6: groups -------------------------------------------------------------------------------


@workflow
def breaks(n: int) -> None:
    group(*[task(endless, i) for i in range(n)], task(fails_at_the_gate), break_on_failure=True)()


def test_a_broken_group_cancels_each_part_once(stage: Stage) -> None:
    handle = stage.start(breaks, 30)
    until(lambda: len(CALLS) == 30)
    GATE.open()
    with pytest.raises(WorkflowFailedError):
        handle.result(timeout=10)
    asked = stage.find(handle, ActivityTaskCancelRequested)
    asked += stage.find(handle, RequestCancelActivityTaskFailed)
    assert len(asked) <= 30


# -- 7: wrong input is refused before it is stored -------------------------------------------


@pytest.mark.parametrize(
    "wrong",
    [
        {"tags": "abc"},
        {"tags": (1,)},
        {"task_list": 5},
        {"task_priority": "high"},
        {"search_attributes": {1: 2}},
        {"workflow_id": 5},
    ],
    ids=str,
)
def test_a_start_that_no_store_could_read_again_is_refused(
    stage: Stage, wrong: dict[str, Any]
) -> None:
    with pytest.raises(PartitaError):
        stage.client.start_with(counter, (), **wrong)
    assert stage.client.list().executions == ()


# -- 8: two forks of one event ---------------------------------------------------------------


@workflow
def fails_second() -> Any:
    act(1)
    return bad(2)


def test_forks_of_one_event_do_not_share_what_they_reuse(stage: Stage) -> None:
    with pytest.raises(WorkflowFailedError):
        stage.run(fails_second, id="source")
    last = stage.client.describe("source").info.event_count
    with pytest.raises(WorkflowFailedError):
        stage.client.fork("source", event_id=last, new_workflow_id="same").result(timeout=5)
    CALLS.clear()
    with pytest.raises(WorkflowFailedError):
        stage.client.fork("source", new_workflow_id="again").result(timeout=5)
    assert CALLS == [("bad", 2)]  # what failed is tried again


# -- 9: what is refused at once --------------------------------------------------------------

nothing = lambda_function("nothing")


@workflow
def refused_in_a_chain() -> list[Any]:
    return chain(task(nothing, 1), task(act, 2), break_on_failure=False, raises_on_failure=False)()


@workflow(hooks=Hooks(on_task_failure=lambda f: f.retry_now() if f.attempt < 3 else f.ignore()))
def refused_thrice() -> Any:
    return nothing.submit(1).result()


def test_a_chain_goes_on_after_what_was_refused(stage: Stage) -> None:
    assert stage.start(refused_in_a_chain).result(timeout=5) == [None, 2]


def test_a_hook_may_retry_what_was_refused(stage: Stage) -> None:
    assert stage.start(refused_thrice).result(timeout=5) is None


# -- 10: a run without waits ------------------------------------------------------------------


@workflow
def hot(n: int) -> int:
    if ENOUGH.is_set():
        return n
    return continue_as_new(n + 1)


@workflow
def cool() -> int:
    return 1


def test_a_workflow_that_never_waits_does_not_stop_the_others(stage: Stage) -> None:
    with ThreadPoolExecutor(2) as pool:
        pool.submit(stage.start, hot, 0)
        threading.Event().wait(0.2)
        other = pool.submit(stage.run, cool)
        try:
            assert other.result(30) == 1
        finally:
            ENOUGH.set()


# -- and more ---------------------------------------------------------------------------------


@workflow
def two_strands() -> list[str]:
    def part(name: str) -> str:
        return str(act(by_hand(name) + "!"))

    parts = [spawn(part, name) for name in ("one", "two")]
    return [one.result() for one in parts]


def test_a_fork_goes_the_way_of_results_that_came_together(stage: Stage) -> None:
    handle = stage.start(two_strands, id="pair")
    taken = {}
    for _ in range(2):
        found = stage.engine.poll_activity_task("default", "by hand", wait=5)
        assert found is not None
        taken[found.activity_id] = found

    def both(tx: EngineTransaction) -> None:
        for id in sorted(taken, reverse=True):
            result = (taken[id].input or "")[1:-1]
            answer = ActivityAnswer(token=taken[id].token, outcome="completed", result=result)
            stage.engine._answer(tx, answer)

    stage.engine._scheduler.inbox.ask(both)
    assert handle.result(timeout=5) == ["one!", "two!"]
    CALLS.clear()
    assert stage.client.fork("pair", new_workflow_id="fork").result(timeout=5) == ["one!", "two!"]
    assert CALLS == []


@workflow
def sums() -> list[int]:
    got: list[int] = []

    @update
    def add(x: int) -> int:
        got.append(act(x))
        return len(got)

    wait_signal("end")
    return got


def test_a_fork_has_the_updates_of_its_origin(stage: Stage) -> None:
    handle = stage.start(sums, id="sums")
    stage.settled(handle)
    assert [stage.client.update("sums", "add", [x], timeout=5) for x in (4, 5)] == [1, 2]
    handle.signal("end")
    assert handle.result(timeout=5) == [4, 5]
    CALLS.clear()
    assert stage.client.fork("sums", new_workflow_id="fork").result(timeout=5) == [4, 5]
    assert CALLS == []


@workflow
def draws() -> list[float]:
    numbers = random()
    query(lambda: random().random(), name="peek")
    wait_signal("go")
    return [act(numbers.random()), act(numbers.random())]


def test_a_query_draws_no_number_of_the_workflow(stage: Stage) -> None:
    plain, asked = (stage.start(draws) for _ in range(2))
    stage.settled(asked)
    before = len(stage.failures)
    try:
        asked.query("peek")
    except PartitaError:
        pass  # refused: as good
    for handle in (plain, asked):
        handle.signal("go")
    drawn = asked.result(timeout=5)
    fork = stage.client.fork(asked.workflow_id, new_workflow_id="fork")
    assert fork.result(timeout=5) == drawn
    assert len(stage.failures) == before


@workflow
def job() -> None:
    act("job")
    wait_signal("fin")


def test_a_schedule_that_is_triggered_twice_in_a_second_starts_twice(stage: Stage) -> None:
    stage.client.schedules.create("twice", "0 0 1 1 *", job)
    stage.client.schedules.trigger("twice")
    stage.client.schedules.trigger("twice")
    until(lambda: stage.client.schedules.get("twice").state.started == 2)
    until(lambda: len(CALLS) == 2, seconds=2)
    assert len(stage.client.schedules.get("twice").state.running) == 2
