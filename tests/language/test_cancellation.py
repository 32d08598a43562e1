"""A cancel request reaches the workflow where it waits, and the activity while it runs."""

from __future__ import annotations

import asyncio
import os
import time
from contextlib import suppress
from pathlib import Path

import pytest

from partita import (
    CancelledError,
    activity,
    external,
    heartbeat,
    shield,
    sleep,
    spawn,
    start_timer,
    wait_signal,
    workflow,
)
from partita.errors import (
    ExecutionNotFoundError,
    WorkflowCanceledError,
    WorkflowTerminatedError,
)
from partita.history import ActivityTaskCanceled, ActivityTaskScheduled, WorkflowExecutionCanceled
from tests.conftest import until
from tests.language.conftest import Stage

ENDED: list[str] = []


@pytest.fixture(autouse=True)
def _nothing_ended() -> None:
    ENDED.clear()


@activity
def undo(what: str) -> str:
    ENDED.append(f"undone {what}")
    return what


@activity
def beating() -> str:
    """Heartbeat until somebody wants this to end."""
    try:
        for _ in range(2000):
            heartbeat()
            time.sleep(0.01)
    except CancelledError:
        ENDED.append("beating")
        raise
    return "nobody came"


@activity
async def dreaming() -> str:
    """Never heartbeat; run on the event loop."""
    try:
        await asyncio.sleep(60)
    except asyncio.CancelledError:
        ENDED.append("dreaming")
        raise
    return "nobody came"


@activity(process=True)
def digging(path: str) -> str:
    """Never heartbeat; run in a process of its own, which says which one it is."""
    Path(path).write_text(str(os.getpid()))
    time.sleep(60)
    return "nobody came"


@activity(task_list="nobody's")
def waiting() -> str:
    return "never begun"


# -- of the workflow -----------------------------------------------------------------------


@workflow
def obeys() -> None:
    wait_signal("never")


@workflow
def cleans_up() -> None:
    try:
        sleep(3600)
    finally:
        undo("room")


@workflow
def goes_on() -> str:
    try:
        sleep(3600)
    except CancelledError:
        return undo("nothing much")
    return "slept"


def test_the_workflow_sees_it_where_it_waits(stage: Stage) -> None:
    handle = stage.start(obeys)
    stage.settled(handle)
    handle.cancel()
    with pytest.raises(WorkflowCanceledError):
        handle.result(timeout=20)
    assert stage.kinds(handle)[-1] == "WorkflowExecutionCanceled"


def test_clean_up_may_call_activities(stage: Stage) -> None:
    handle = stage.start(cleans_up)
    stage.settled(handle)
    handle.cancel()
    with pytest.raises(WorkflowCanceledError):
        handle.result(timeout=20)
    assert ENDED == ["undone room"]


def test_a_workflow_may_refuse(stage: Stage) -> None:
    handle = stage.start(goes_on)
    stage.settled(handle)
    handle.cancel()
    with suppress(ExecutionNotFoundError):  # it may have ended by then
        handle.cancel()
    assert handle.result(timeout=20) == "nothing much"


@workflow
def guarded() -> str:
    try:
        with shield():
            wait_signal("go")
            undo("first")
            undo("second")
        sleep(3600)
    except CancelledError:
        return "cancelled later"
    return "not cancelled"


def test_a_shielded_block_is_whole(stage: Stage) -> None:
    handle = stage.start(guarded)
    stage.settled(handle)
    handle.cancel()
    handle.signal("go")
    assert handle.result(timeout=20) == "cancelled later"
    assert ENDED == ["undone first", "undone second"]


@workflow
def self_cancel(target: str) -> None:
    external(target).cancel().result()


def test_a_workflow_cancels_another(stage: Stage) -> None:
    handle = stage.start(obeys, id="other")
    stage.settled(handle)
    stage.run(self_cancel, "other")
    with pytest.raises(WorkflowCanceledError):
        handle.result(timeout=20)


@workflow
def cancels_nobody() -> str:
    try:
        external("nobody").cancel().result()
    except ExecutionNotFoundError as error:
        return error.code
    return "found"


def test_cancelling_nobody_is_an_error_at_the_caller(stage: Stage) -> None:
    assert stage.run(cancels_nobody) == cancels_nobody() == "EXECUTION_NOT_FOUND"


def test_terminate_asks_nobody(stage: Stage) -> None:
    handle = stage.start(cleans_up)
    stage.settled(handle)
    handle.terminate("enough")
    with pytest.raises(WorkflowTerminatedError, match="enough"):
        handle.result(timeout=20)
    assert ENDED == []


# -- of activities -------------------------------------------------------------------------


@workflow
def stops(which: str, path: str) -> str:
    """Cancel a running activity once it has begun."""
    begin = {
        "beating": beating.submit,
        "dreaming": dreaming.submit,
        "digging": lambda: digging.submit(path),
        "waiting": waiting.submit,
    }[which]
    future = begin()
    wait_signal("stop")
    future.cancel()
    try:
        return future.result()
    except CancelledError:
        return "cancelled"


@pytest.mark.parametrize("which", ["beating", "dreaming", "digging", "waiting"])
def test_cancelling_a_future_ends_the_activity(which: str, stage: Stage, tmp_path: Path) -> None:
    path = tmp_path / "pid"
    handle = stage.start(stops, which, str(path))
    if which == "digging":
        until(lambda: path.exists() and path.read_text())
    else:
        stage.settled(handle)
    begun = time.monotonic()
    handle.signal("stop")
    assert handle.result(timeout=20) == "cancelled"
    assert time.monotonic() - begun < 10
    assert len(stage.find(handle, ActivityTaskCanceled)) == 1
    if which in ("beating", "dreaming"):
        until(lambda: [which] == ENDED)
    if which == "digging":
        pid = int(path.read_text())
        until(lambda: not Path(f"/proc/{pid}").exists())


@workflow
def gives_up() -> str:
    future = beating.submit()
    sleep(0.05)
    future.cancel()
    try:
        return future.result()
    except CancelledError:
        return "cancelled"


def test_a_heartbeat_hears_of_it_in_plain_python_too(stage: Stage) -> None:
    assert stage.run(gives_up) == "cancelled"
    until(lambda: ENDED == ["beating"])
    assert gives_up() == "cancelled"
    until(lambda: ENDED == ["beating"] * 2)


@workflow
def calls(which: str, path: str) -> str:
    return beating() if which == "beating" else digging(path)


@pytest.mark.parametrize("which", ["beating", "digging"])
def test_cancelling_a_workflow_ends_the_call_it_is_in(
    which: str, stage: Stage, tmp_path: Path
) -> None:
    path = tmp_path / "pid"
    handle = stage.start(calls, which, str(path))
    until(lambda: "ActivityTaskStarted" in stage.kinds(handle))
    if which == "digging":
        until(lambda: path.exists() and path.read_text())
    handle.cancel()
    with pytest.raises(WorkflowCanceledError):
        handle.result(timeout=20)
    if which == "digging":
        pid = int(path.read_text())
        until(lambda: not Path(f"/proc/{pid}").exists())
    else:
        until(lambda: ENDED == ["beating"])


def test_terminating_a_workflow_ends_its_activities(stage: Stage) -> None:
    handle = stage.start(calls, "beating", "")
    until(lambda: "ActivityTaskStarted" in stage.kinds(handle))
    handle.terminate()
    until(lambda: ENDED == ["beating"])


# -- of futures ----------------------------------------------------------------------------


@workflow
def branches() -> list[str]:
    """Cancel a part of the workflow's own code, a timer, and what waits for its argument."""
    said: list[str] = []

    def part() -> None:
        try:
            sleep(3600)
        except CancelledError:
            said.append("part")
            raise

    futures = [spawn(part), start_timer(3600), undo.submit(waiting.submit())]
    sleep(0.01)
    for future in futures:
        future.cancel()
    for future in futures:
        try:
            future.result()
        except CancelledError:
            said.append("future")
    return said


def test_whatever_a_future_stands_for_can_be_cancelled(stage: Stage) -> None:
    handle = stage.start(branches)
    assert handle.result(timeout=20) == ["part", "future", "future", "future"]
    assert len(stage.find(handle, ActivityTaskScheduled)) == 1
    assert stage.find(handle, WorkflowExecutionCanceled) == []


@workflow
def too_late() -> list[bool]:
    future = undo.submit("x")
    future.result()
    return [future.cancel(), future.cancelled()]


def test_what_is_done_cannot_be_cancelled(stage: Stage) -> None:
    assert stage.run(too_late) == too_late() == [False, False]
