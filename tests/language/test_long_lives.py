"""Workflows that outlive their history, their code, and their failures."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from partita import (
    activity,
    continue_as_new,
    patched,
    random,
    side_effect,
    signals,
    sleep,
    wait,
    wait_signal,
    workflow,
    workflow_info,
)
from partita import history as h
from partita.authoring import runtime
from partita.errors import (
    ActivityTimedOutError,
    ExecutionAlreadyStartedError,
    UnknownForkPointError,
    WorkflowFailedError,
    WorkflowTerminatedError,
)
from partita.ports.state import Status
from tests.conftest import until
from tests.language.conftest import ClockedStage, Stage

DONE: list[str] = []
BROKEN: set[str] = set()


@pytest.fixture(autouse=True)
def _fresh() -> None:
    DONE.clear()
    BROKEN.clear()


@activity
def step(name: str) -> str:
    DONE.append(name)
    if name in BROKEN:
        raise ValueError(f"{name} is broken")
    return name.upper()


# -- continue as new -----------------------------------------------------------------------


@workflow
def countdown(left: int, said: list[str] | None = None) -> list[str]:
    said = [*(said or []), step(str(left))]
    if left:
        continue_as_new(left - 1, said=said)
    return said


def test_a_run_continues_as_new_until_it_is_done(stage: Stage) -> None:
    handle = stage.start(countdown, 3, id="c")
    assert handle.result(timeout=20) == countdown(3) == ["3", "2", "1", "0"]
    runs = stage.client.list(workflow_id="c").executions
    assert [info.status for info in runs] == [Status.COMPLETED] + [Status.CONTINUED_AS_NEW] * 3
    assert len(stage.find(handle, h.WorkflowExecutionContinuedAsNew)) == 1


@workflow
def stubborn(left: int) -> int:
    """Catch everything, also what ends a run."""
    try:
        if left:
            continue_as_new(left - 1)
    except BaseException:
        step("swallowed")
    return left


def test_code_that_catches_everything_continues_all_the_same(stage: Stage) -> None:
    assert stage.run(stubborn, 2) == 0
    assert DONE == []


@workflow(name="versioned", version="1")
def old_way(left: int) -> str:
    continue_as_new(left, version="2")


@workflow(name="versioned", version="2")
def new_way(left: int) -> str:
    return f"{workflow_info().version} {left} {workflow_info().continued_from is not None}"


def test_versions_live_side_by_side_and_a_run_goes_on_in_the_next(stage: Stage) -> None:
    assert stage.run(new_way, 1) == new_way(1) == "2 1 False"
    assert stage.run(old_way, 5) == "2 5 True"


@workflow
def with_options() -> list[Any]:
    info = workflow_info()
    if info.continued_from is None:
        continue_as_new(task_list="slow", tags=["later"])
    return [info.task_list, list(info.tags)]


def test_the_next_run_may_have_other_options(stage: Stage) -> None:
    assert stage.run(with_options) == ["slow", ["later"]]


@workflow
def long_life(steps: int) -> bool:
    for number in range(steps):
        step(str(number))
    return workflow_info().continue_as_new_suggested


def test_a_long_history_is_warned_of(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(runtime, "LONG_HISTORY", 40)
    monkeypatch.setattr("partita.replay.runtime.LONG_HISTORY", 40)
    with caplog.at_level(logging.WARNING):
        assert stage.run(long_life, 2) is False
        assert "continue_as_new" not in caplog.text
        assert stage.run(long_life, 10) is True
    assert caplog.text.count("let it continue_as_new") >= 1


# -- changes of the code -------------------------------------------------------------------


def before_the_change() -> list[str]:
    said = [step("pack")]
    wait_signal("go")
    return [*said, step("ship")]


def after_the_change() -> list[str]:
    said = [step("pack")]
    wait_signal("go")
    if patched("by-rail"):
        said.append(step("rail"))
    else:
        said.append(step("ship"))
    if patched("by-rail"):
        said.append("again")
    return said


def test_runs_begun_before_a_change_reach_it_in_the_new_way_unless_they_passed_it(
    stage: Stage,
) -> None:
    stage.leave()
    old = workflow(name="parcel")(before_the_change)
    new = workflow(name="parcel")(after_the_change)
    stage.open(old)
    behind = stage.start(old, id="behind")
    passed = stage.start(old, id="passed")
    stage.settled(behind)
    stage.settled(passed)
    passed.signal("go")
    assert passed.result(timeout=20) == ["PACK", "SHIP"]
    stage.leave()
    stage.open(new)
    behind.signal("go")
    assert behind.result(timeout=20) == ["PACK", "RAIL", "again"]
    markers = stage.find(behind, h.MarkerRecorded)
    assert [marker.marker_name for marker in markers] == ["patched by-rail"]
    assert after_the_change_in_plain_python() == ["PACK", "RAIL", "again"]


def after_the_change_in_plain_python() -> list[str]:
    said = [step("pack")]
    said.append(step("rail") if patched("by-rail") else step("ship"))
    return [*said, "again"]


def early_change() -> list[str]:
    return [step("rail") if patched("first") else step("ship"), wait_signal("go")]


def early_before() -> list[str]:
    return [step("ship"), wait_signal("go")]


def test_a_run_that_passed_the_change_keeps_to_the_old_way(stage: Stage) -> None:
    stage.leave()
    old = workflow(name="early")(early_before)
    new = workflow(name="early")(early_change)
    stage.open(old)
    handle = stage.start(old)
    stage.waits(handle, lambda events: any(isinstance(e, h.ActivityTaskCompleted) for e in events))
    stage.leave()
    stage.open(new)
    handle.signal("go", "gone")
    assert handle.result(timeout=20) == ["SHIP", "gone"]
    fresh = stage.start(new)
    fresh.signal("go", "gone")
    assert fresh.result(timeout=20) == ["RAIL", "gone"]


# -- forks, resets and repairs -------------------------------------------------------------


@workflow
def pipeline(names: list[str]) -> list[str]:
    chance = str(random().randrange(1000))
    said = [step(chance)]
    sleep(0.02)
    said += step.map(names).result()
    said.append(side_effect(lambda: "effect"))
    said.append(inner(names[0]))
    said.append(step("last"))
    return said


@workflow
def inner(name: str) -> str:
    return step(f"inner {name}")


NAMES = ["a", "b", "c"]


def test_a_failed_execution_is_repaired_with_what_it_has_done(stage: Stage) -> None:
    BROKEN.add("last")
    failed = stage.start(pipeline, NAMES, id="p")
    with pytest.raises(WorkflowFailedError, match="last is broken"):
        failed.result(timeout=20)
    before = len(DONE)
    assert before == 6
    BROKEN.clear()
    repaired = stage.client.rerun("p")
    result = repaired.result(timeout=20)
    assert DONE[before:] == ["last"]
    assert result[1:] == ["A", "B", "C", "effect", "INNER A", "LAST"]
    assert repaired.run_id != failed.run_id
    assert len(stage.find(repaired, h.TimerFired)) == 1
    assert result[0] == DONE[0]
    again = stage.client.rerun("p")  # of the repaired one: nothing is left to do
    assert again.result(timeout=20) == result
    assert len(DONE) == before + 1


def test_a_repair_that_was_ended_before_it_began_loses_nothing(stage: Stage) -> None:
    BROKEN.add("last")
    failed = stage.start(pipeline, NAMES, id="p")
    with pytest.raises(WorkflowFailedError):
        failed.result(timeout=20)
    before = len(DONE)
    stage.leave()
    for _ in range(2):
        stage.client.rerun("p").terminate()
    BROKEN.clear()
    repaired = stage.client.rerun("p")
    stage.open()
    result = repaired.result(timeout=20)
    assert DONE[before:] == ["last"]
    assert result[0] == DONE[0]


def test_one_of_a_group_that_failed_is_all_that_runs_again(stage: Stage) -> None:
    BROKEN.add("b")
    with pytest.raises(WorkflowFailedError):
        stage.run(pipeline, NAMES, id="p")
    until(lambda: len(DONE) == 4)
    BROKEN.clear()
    DONE.clear()
    stage.client.rerun("p").result(timeout=20)
    assert DONE[0] == "b"
    assert "a" not in DONE


def test_a_fork_at_an_event_goes_the_same_way_up_to_it(stage: Stage) -> None:
    source = stage.start(pipeline, NAMES, id="p")
    result = source.result(timeout=20)
    completed = stage.find(source, h.ActivityTaskCompleted)
    DONE.clear()
    fork = stage.client.fork("p", event_id=completed[1].event_id, new_workflow_id="q")
    assert fork.result(timeout=20) == result
    assert len(DONE) == 4  # of the three of the group, two; the child's; and the last
    assert source.describe().info.status is Status.COMPLETED
    DONE.clear()
    everything = stage.client.fork("p", event_id=1, new_workflow_id="r")
    assert everything.result(timeout=20) == result
    assert len(DONE) == 6


def test_a_fork_with_another_result(stage: Stage) -> None:
    source = stage.start(pipeline, NAMES, id="p")
    source.result(timeout=20)
    scheduled = stage.find(source, h.ActivityTaskScheduled)
    id = next(event.activity_id for event in scheduled if event.input == '["b"]')
    DONE.clear()
    fork = stage.client.fork("p", new_workflow_id="q", results={id: "another"})
    assert fork.result(timeout=20)[1:4] == ["A", "another", "C"]
    assert DONE == []


def test_a_fork_with_other_input_reuses_what_is_the_same(stage: Stage) -> None:
    stage.run(pipeline, NAMES, id="p")
    DONE.clear()
    fork = stage.client.fork("p", new_workflow_id="q", args=[["a", "x", "c"]])
    assert fork.result(timeout=20)[1:4] == ["A", "X", "C"]
    assert DONE == ["x"]


@workflow
def racing() -> list[str]:
    """Let the order of two signals decide."""
    futures = {name: waiter(name) for name in ("one", "two")}
    first = wait(futures.values(), return_when="FIRST_COMPLETED").done
    name = next(name for name, future in futures.items() if future in first)
    return [step(name), wait_signal("end")]


def waiter(name: str) -> Any:
    return signals(name).submit()


def test_a_reset_keeps_the_order_and_every_signal(stage: Stage) -> None:
    handle = stage.start(racing, id="r")
    stage.settled(handle)
    handle.signal("two")
    stage.waits(handle, lambda events: any(isinstance(e, h.ActivityTaskCompleted) for e in events))
    handle.signal("one")
    last = handle.history()[-1].event_id
    DONE.clear()
    reset = stage.client.fork("r", event_id=last)
    with pytest.raises(WorkflowTerminatedError, match="reset"):
        stage.client.result("r", run_id=handle.run_id, timeout=20)
    reset.signal("end", "over")
    assert reset.result(timeout=20) == ["TWO", "over"]
    assert DONE == []


def test_fork_points_that_are_not_there(stage: Stage) -> None:
    handle = stage.start(pipeline, NAMES, id="p")
    handle.result(timeout=20)
    before = handle.history()
    for event in (0, -1, len(before) + 1):
        with pytest.raises(UnknownForkPointError, match="has events 1 to") as caught:
            stage.client.fork("p", event_id=event)
        assert caught.value.exit_status == 2
    with pytest.raises(UnknownForkPointError, match="has no activity 'nonsense'"):
        stage.client.fork("p", results={"nonsense": 1})
    other = stage.start(racing, id="open")
    with pytest.raises(ExecutionAlreadyStartedError):
        stage.client.fork("p", new_workflow_id="open")
    assert handle.history() == before
    other.terminate()


@activity(task_list="nobody's", schedule_to_start=60)
def waited_for(x: int) -> int:
    return x


@workflow
def hurried(x: int) -> list[str]:
    said = [step("one")]
    try:
        waited_for(x)
    except ActivityTimedOutError as error:
        said.append(error.timeout_type)
    return said


def test_a_forks_own_activities_keep_their_timeouts(clocked: ClockedStage) -> None:
    handle = clocked.start(hurried, 1, id="h")
    clocked.waits(handle, lambda events: len(clocked.find(handle, h.ActivityTaskScheduled)) == 2)
    fork = clocked.client.fork("h", new_workflow_id="f")
    clocked.waits(fork, lambda events: len(clocked.find(fork, h.ActivityTaskScheduled)) == 2)
    assert DONE == ["one"]
    clocked.advance(61)
    assert fork.result(timeout=20) == handle.result(timeout=20) == ["ONE", "SCHEDULE_TO_START"]


@workflow
def sleepy() -> str:
    sleep(30 * 86400)
    return step("awake")


def test_a_repair_does_not_sleep_again(clocked: ClockedStage) -> None:
    BROKEN.add("awake")
    handle = clocked.start(sleepy, id="s")
    clocked.settled(handle)
    clocked.advance(30 * 86400)
    with pytest.raises(WorkflowFailedError):
        handle.result(timeout=20)
    BROKEN.clear()
    assert clocked.client.rerun("s").result(timeout=20) == "AWAKE"
