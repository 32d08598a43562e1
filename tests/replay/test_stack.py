"""Where a workflow's code waits is told from its history, frame by frame."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from partita import (
    WorkflowDefinition,
    activity,
    as_completed,
    sleep,
    spawn,
    timeout,
    update,
    wait_signal,
    wait_until,
    workflow,
)
from partita.errors import NonDeterminismError, UnknownTypeError
from partita.history import TimerStarted
from partita.history.document import load
from partita.replay.stacks import CodeStack, Wait, WorkflowStack
from partita.views.stacks import stack_of
from tests.conftest import Rig, until

LINES = Path(__file__).read_text().splitlines()


@activity(task_list="nobody's")
def far(x: int) -> int:
    return x


@activity(task_list="nobody's")
async def afar(x: int) -> int:
    return x


def between(x: int) -> int:
    return far(x)


@workflow(name="stacked")
def waiting() -> int:
    @update
    def ask(x: int) -> int:
        return between(x)

    def limited() -> None:
        with timeout(500):
            far.submit(5).result(timeout=60)

    def several() -> None:
        list(as_completed([far.submit(7), far.submit(8)]))

    spawn(limited)
    spawn(several)
    spawn(sleep, 1000)
    spawn(wait_until, lambda: False)
    spawn(wait_signal, "go")
    spawn(child)
    return between(1)


@workflow(name="stacked_child")
def child() -> int:
    wait_signal("never")
    return 3


@workflow
async def tasks() -> int:
    first = asyncio.create_task(pause())
    await asyncio.gather(first, event(), nested(), joined(first))
    return 1


async def pause() -> None:
    await asyncio.sleep(500)


async def event() -> None:
    await asyncio.Event().wait()


async def nested() -> int:
    return await afar(1)


async def joined(task: asyncio.Task[None]) -> None:
    await task


@workflow
async def blocking() -> int:
    return between(1)


def stack(rig: Rig, flow: WorkflowDefinition[[], Any]) -> WorkflowStack:
    """Run a workflow until it waits; tell where, with no worker alive."""
    with rig.worker(flow, child):
        handle = rig.client.start(flow)
        until(lambda: "DecisionTaskCompleted" in rig.kinds(handle.workflow_id))
    return rig.client.stack(handle.workflow_id, workflow=flow)


def sources(found: CodeStack) -> list[str]:
    for frame in found.frames:
        assert frame.file == __file__
        assert LINES[frame.line - 1].strip() == frame.source
    return [f"{frame.function}: {frame.source}" for frame in found.frames]


def test_every_strand_is_told_with_what_it_waits_for(memory_rig: Rig) -> None:
    found = stack(memory_rig, waiting)
    by_name = {one.name: one for one in found.stacks}
    assert next(iter(by_name)) == "workflow stacked"
    main = by_name["workflow stacked"]
    assert sources(main) == ["waiting: return between(1)", "between: return far(x)"]
    assert [wait.what for wait in main.waits_for] == ["activity far"]
    limited = by_name["part limited"].waits_for
    assert [wait.what for wait in limited] == [
        "activity far",
        "timer of 60.0 s",
        "timer of 500.0 s",
    ]
    assert [w.what for w in by_name["part several"].waits_for] == ["activity far"] * 2
    assert by_name["part wait_signal"].waits_for == (Wait("signal go"),)
    assert by_name["part wait_until"].waits_for == (Wait("a condition"),)
    (kid,) = by_name["part child"].waits_for
    assert kid.what == "workflow stacked_child"
    assert kid.id.startswith(found.execution.workflow_id + ":")


def test_a_timer_tells_when_it_fires(memory_rig: Rig) -> None:
    found = stack(memory_rig, waiting)
    (wait,) = next(one for one in found.stacks if one.name == "part sleep").waits_for
    events = memory_rig.events(found.execution.workflow_id)
    started = next(e for e in events if isinstance(e, TimerStarted) and e.timer_id == wait.id)
    assert wait.fires_at == started.event_timestamp + 1000


def test_an_update_handler_has_a_stack_of_its_own(memory_rig: Rig) -> None:
    with memory_rig.worker(waiting, child):
        handle = memory_rig.client.start(waiting)
        until(lambda: "DecisionTaskCompleted" in memory_rig.kinds(handle.workflow_id))
        before = memory_rig.kinds(handle.workflow_id).count("ActivityTaskScheduled")
        request = '{"id":"1","input":"[9]"}'
        memory_rig.engine.signal_workflow_execution(
            "default",
            handle._client.export_history(handle.workflow_id).execution,
            "$update:ask",
            request,
        )
        until(lambda: memory_rig.kinds(handle.workflow_id).count("ActivityTaskScheduled") > before)
    found = memory_rig.client.stack(handle.workflow_id)
    handler = next(one for one in found.stacks if one.name == "update ask")
    assert sources(handler)[-1] == "between: return far(x)"


def test_every_task_of_an_event_loop_is_told(memory_rig: Rig) -> None:
    found = stack(memory_rig, tasks)
    told = {sources(one)[-1]: [wait.what for wait in one.waits_for] for one in found.stacks}
    assert told == {
        "tasks: await asyncio.gather(first, event(), nested(), joined(first))": [
            "the end of several tasks"
        ],
        "pause: await asyncio.sleep(500)": ["timer of 500.0 s"],
        "event: await asyncio.Event().wait()": ["asyncio Event.wait"],
        "nested: return await afar(1)": ["activity afar"],
        "joined: await task": ["task Task-2"],
    }
    assert found.stacks[0].name == "workflow tasks"


def test_a_coroutine_that_blocks_is_told_whole(memory_rig: Rig) -> None:
    (found,) = stack(memory_rig, blocking).stacks
    assert sources(found) == ["blocking: return between(1)", "between: return far(x)"]
    assert found.waits_for == (Wait("activity far", "1"),)


def test_events_since_the_last_answer_are_counted(memory_rig: Rig) -> None:
    found = stack(memory_rig, waiting)
    assert found.undecided == 0
    memory_rig.client.signal(found.execution.workflow_id, "go")
    assert memory_rig.client.stack(found.execution.workflow_id).undecided == 1


def test_what_has_not_begun_or_is_closed_waits_nowhere(memory_rig: Rig) -> None:
    handle = memory_rig.client.start(waiting)
    assert memory_rig.client.stack(handle.workflow_id).stacks == ()
    handle.terminate()
    found = memory_rig.client.stack(handle.workflow_id)
    assert (found.status, found.stacks) == ("TERMINATED", ())


def test_an_exported_history_is_enough(memory_rig: Rig) -> None:
    found = stack(memory_rig, waiting)
    history = memory_rig.client.export_history(found.execution.workflow_id)
    assert stack_of(load(history.dump())) == found


def test_code_that_is_absent_or_changed_is_an_error(memory_rig: Rig) -> None:
    found = stack(memory_rig, waiting)
    history = memory_rig.client.export_history(found.execution.workflow_id)
    absent = load(history.dump().replace('"name":"stacked"', '"name":"nowhere"'))
    with pytest.raises(UnknownTypeError, match="--code FILE"):
        stack_of(absent)

    @workflow(name="stacked")
    def changed() -> int:
        return far(3)

    with pytest.raises(NonDeterminismError):
        stack_of(history, changed)
