"""What older workflow libraries got wrong: each fault in its shortest form, on every backend."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from partita import (
    CancelledError,
    Future,
    Hooks,
    WorkflowDefinition,
    activity,
    as_completed,
    chain,
    continue_as_new,
    group,
    signals,
    sleep,
    wait,
    wait_signal,
    workflow,
    workflow_info,
)
from partita import history as h
from partita.ports.state import Status
from tests.conftest import until
from tests.language.conftest import ClockedStage, Stage

DONE: list[Any] = []


@activity
def step(what: Any) -> Any:
    DONE.append(what)
    return what


@activity
def clean(what: str) -> None:
    DONE.append(what)


@activity(task_list="by hand")
def by_hand() -> str:
    raise AssertionError("no worker serves this list")


@activity
async def asked(what: str) -> str:
    return what


@pytest.fixture(autouse=True)
def _fresh() -> None:
    DONE.clear()


# -- suspending was an exception, so that code could swallow it ------------------------------


@workflow
def catches_exceptions() -> list[Any]:
    found = []
    for number in range(3):
        try:
            found.append(step(number))
            sleep(0)
            found.append(wait_signal("go", int))
        except Exception as error:
            found.append(repr(error))
    return found


@workflow
def catches_everything() -> list[Any]:
    found = []
    for number in range(3):
        try:
            found.append(step.submit(number).result())
            sleep(0)
            found.append(wait_signal("go", int))
        except BaseException as error:
            found.append(repr(error))
            raise
    return found


@workflow
def catches_without_a_word() -> list[Any]:
    found: list[Any] = []
    while len(found) < 6:
        try:
            found.append(step(len(found) // 2))
            sleep(0)
            found.append(wait_signal("go", int))
        except:  # noqa: E722
            found.append("swallowed")
    return found


@workflow
async def catches_in_a_coroutine() -> list[Any]:
    found: list[Any] = []
    for number in range(3):
        try:
            found.append(int(await asked(str(number))))
            await asyncio.sleep(0)
            found.append(await signals("go", int).submit())
        except BaseException as error:
            found.append(repr(error))
            raise
    return found


@pytest.mark.parametrize(
    "flow",
    [catches_exceptions, catches_everything, catches_without_a_word, catches_in_a_coroutine],
    ids=lambda flow: flow.workflow_type.name,
)
def test_suspending_can_be_swallowed_by_no_except(flow: Any, stage: Stage) -> None:
    handle = stage.start(flow)
    for number in (7, 8, 9):
        handle.signal("go", number)
    assert handle.result(timeout=20) == [0, 7, 1, 8, 2, 9]
    assert stage.find(handle, h.DecisionTaskFailed) == []


# -- `finally` ran at every wait -------------------------------------------------------------


@workflow
def tidies() -> str:
    try:
        try:
            step("one")
            wait_signal("go")
        finally:
            clean("inner")
        return str(step("two"))
    finally:
        clean("outer")


def test_finally_runs_once_and_not_at_each_wait(stage: Stage) -> None:
    handle = stage.start(tidies)
    stage.waits(handle, lambda _: DONE == ["one"])
    handle.signal("go")
    assert handle.result(timeout=20) == "two"
    assert DONE == ["one", "inner", "two", "outer"]


# -- edited code was given another call's result ---------------------------------------------


def version(body: Callable[[], Any], **options: Any) -> WorkflowDefinition[[], Any]:
    """Return a workflow of always the same name, whatever it does."""
    return workflow(name="edited", **options)(body)


def original() -> list[Any]:
    return [step("a"), step("b"), wait_signal("go", str), step("c")]


def other_arguments() -> list[Any]:
    return [step("a"), step("z"), wait_signal("go", str), step("c")]


def swapped() -> list[Any]:
    return [step("b"), step("a"), wait_signal("go", str), step("c")]


def inserted() -> list[Any]:
    return [step("a"), step("new"), step("b"), wait_signal("go", str), step("c")]


def left_out() -> list[Any]:
    return [step("a"), wait_signal("go", str), step("c")]


def mend(stage: ClockedStage, *flows: WorkflowDefinition[..., Any]) -> None:
    """Have another worker go on, with this code."""
    stage.leave()
    stage.failures.clear()
    stage.open(*flows)
    stage.advance(60)


@pytest.mark.parametrize("body", [other_arguments, swapped, inserted, left_out])
def test_edited_code_gets_no_other_calls_result(
    body: Callable[[], Any], clocked: ClockedStage
) -> None:
    stage = clocked
    mend(stage, version(original))
    handle = stage.start(version(original))
    stage.waits(handle, lambda _: DONE == ["a", "b"])
    mend(stage, version(body))
    handle.signal("go", "on")
    until(lambda: stage.failures)
    line = body.__code__.co_firstlineno + 1
    assert f"{__file__}:{line}" in stage.failures[0]
    assert handle.describe().info.status is Status.OPEN
    assert stage.find(handle, h.DecisionTaskFailed)[0].cause == "NON_DETERMINISM"
    mend(stage, version(original))
    assert handle.result(timeout=20) == ["a", "b", "on", "c"]
    assert DONE == ["a", "b", "c"]


# -- a fault of the decider lost what came meanwhile -----------------------------------------


def hears() -> list[Any]:
    found = [wait_signal("go", str), step("a")]
    try:
        wait_signal("go", str, timeout=30)
    except TimeoutError:
        return found
    return [*found, "twice"]


def _broken() -> None:
    raise ZeroDivisionError("a broken hook")


def returns_no_json() -> Any:
    wait_signal("go", str)
    step.submit("never")
    return object()


FAULTS = {
    "before": lambda: version(hears, hooks=Hooks(before_replay=_broken)),
    "after": lambda: version(hears, hooks=Hooks(after_replay=_broken)),
    "result": lambda: version(returns_no_json),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_faulty_decider_loses_no_event_and_decides_nothing(
    fault: str, clocked: ClockedStage
) -> None:
    stage = clocked
    mend(stage, version(hears))
    handle = stage.start(version(hears))
    stage.settled(handle)
    mend(stage, FAULTS[fault]())
    before = len(handle.history())
    handle.signal("go", "on")
    until(lambda: stage.failures)
    assert handle.describe().info.status is Status.OPEN
    assert set(stage.kinds(handle)[before:]) <= {
        "WorkflowExecutionSignaled",
        "DecisionTaskScheduled",
        "DecisionTaskStarted",
        "DecisionTaskFailed",
    }
    mend(stage, version(hears))
    until(lambda: "TimerStarted" in stage.kinds(handle))
    stage.advance(31)
    assert handle.result(timeout=20) == ["on", "a"]
    assert DONE == ["a"]
    assert len(stage.find(handle, h.WorkflowExecutionSignaled)) == 1


# -- a cancel request and a completion in one turn made two closing decisions ----------------


@workflow
def gives_in() -> str:
    return by_hand()


@workflow
def answers_all_the_same() -> str:
    try:
        return by_hand()
    except CancelledError:
        return "cancelled"


CLOSINGS = {"WorkflowExecutionCompleted", "WorkflowExecutionCanceled"}


@pytest.mark.parametrize("cancel_first", [True, False])
@pytest.mark.parametrize("flow", [gives_in, answers_all_the_same], ids=["gives in", "answers"])
def test_a_cancel_request_and_a_result_in_one_turn_close_it_once(
    flow: Any, cancel_first: bool, stage: Stage
) -> None:
    handle = stage.start(flow)
    stage.settled(handle)
    stage.leave()
    task = stage.engine.poll_activity_task("default", "by hand")
    assert task is not None
    if cancel_first:
        handle.cancel()
    stage.engine.complete_activity(task.token, '"result"')
    if not cancel_first:
        handle.cancel()
    stage.open()
    execution = h.WorkflowExecution(handle.workflow_id, handle.run_id)
    assert stage.engine.wait_closed("default", execution, 20) is not None
    kinds = stage.kinds(handle)
    assert kinds.count("DecisionTaskCompleted") == 2
    assert [kind for kind in kinds if kind in CLOSINGS] == [kinds[-1]]
    assert not [kind for kind in kinds if kind.endswith("WorkflowExecutionFailed")]


# -- ids of children collided ----------------------------------------------------------------


@workflow
def leaf(run: str) -> str:
    return str(wait_signal("go", str)) + run


@workflow
def sows(left: int) -> None:
    leaf.options(child_policy="ABANDON").submit(str(left))
    if left:
        sleep(0)
        continue_as_new(left - 1)


def test_children_of_the_next_run_have_ids_of_their_own(stage: Stage) -> None:
    handle = stage.start(sows, 2, id="sower")
    handle.result(timeout=20)
    runs = stage.client.list(workflow_id="sower").executions
    ids = [
        event.workflow_id
        for run in runs
        for event in stage.client.history("sower", run_id=run.run_id)
        if isinstance(event, h.StartChildWorkflowExecutionInitiated)
    ]
    assert len(set(ids)) == len(ids) == len(runs) == 3
    assert {stage.client.describe(id).info.status for id in ids} == {Status.OPEN}


# -- waiting for nothing took for ever -------------------------------------------------------


NOTHING: list[Future[Any]] = []


@workflow
def waits_for_nothing() -> list[Any]:
    return [
        [*map(len, wait(NOTHING))],
        [*map(len, wait(NOTHING, timeout=0))],
        [*map(len, wait(NOTHING, timeout=3600))],
        list(as_completed(NOTHING)),
        list(as_completed(NOTHING, timeout=3600)),
        group([])(),
        group([]).submit().result(timeout=3600),
        chain([])(),
        step.map([]).result(),
        step.map([]).result(timeout=3600),
    ]


def test_waiting_for_nothing_is_over_at_once(clocked: ClockedStage) -> None:
    handle = clocked.start(waits_for_nothing)
    assert handle.result(timeout=20) == waits_for_nothing()
    assert clocked.kinds(handle).count("DecisionTaskScheduled") == 1
    assert clocked.find(handle, h.ActivityTaskScheduled) == []


@workflow
async def gathers_nothing() -> list[Any]:
    found: list[Any] = [await asyncio.gather(), await step_map_nothing()]
    async with asyncio.TaskGroup():
        pass
    return found


async def step_map_nothing() -> list[Any]:
    return list(await asked.map([]))


def test_a_coroutine_that_gathers_nothing_goes_on(clocked: ClockedStage) -> None:
    assert clocked.run(gathers_nothing) == [[], []]


# -- two deciders held one execution ---------------------------------------------------------


@workflow
def idle() -> str:
    return str(wait_signal("never")) + workflow_info().workflow_id


def test_no_two_pollers_hold_decision_tasks_of_one_execution(stage: Stage) -> None:
    stage.leave()
    handles = [stage.start(idle) for _ in range(5)]

    def poll(_: int) -> str | None:
        task = stage.engine.poll_decision_task("default", "default")
        for handle in handles:
            handle.signal("again")
        return None if task is None else task.workflow_execution.workflow_id

    with ThreadPoolExecutor(8) as pool:
        taken = Counter(pool.map(poll, range(24)))
    del taken[None]
    assert taken == Counter(handle.workflow_id for handle in handles)


# -- what was closed could not be read any more ----------------------------------------------


def test_closed_runs_stay_readable(stage: Stage) -> None:
    first = stage.start(waits_for_nothing, id="again")
    result = first.result(timeout=20)
    history = first.history()
    second = stage.start(waits_for_nothing, id="again", reuse_policy="allow")
    second.result(timeout=20)
    stage.leave()
    assert first.run_id != second.run_id
    assert first.history() == history
    assert first.result(timeout=0) == result
    assert stage.client.result("again", run_id=first.run_id, timeout=0) == result
    assert first.describe().info.status is Status.COMPLETED
