"""Activities as classes do what functions do, and name their ends, on every backend and without."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from partita import (
    Activity,
    ActivityFailedError,
    CancelledError,
    Middleware,
    Retry,
    activity_info,
    wait_signal,
    workflow,
)
from partita.authoring.results import Terminated
from partita.deciders import Aborted, Canceled, Completed, Failed, TimedOut
from partita.errors import InvalidOptionError, PartitaError
from partita.history import ActivityTaskFailed, ActivityTaskRescheduled, ActivityTaskScheduled
from tests.conftest import Rig, until
from tests.language.conftest import Stage
from tests.worker.jobs import Apart

ENDS = {
    "value": 7,
    "completed": Completed(7),
    "failed": Failed("NO", "no funds"),
    "failed without a word": Failed(),
    "aborted": Aborted("NEVER", "no account"),
    "canceled": Canceled("as you like"),
    "timed out": TimedOut("HEARTBEAT", "page 3"),
}
SEEN: dict[str, Any] = {
    "value": 7,
    "completed": 7,
    "failed": ["ActivityFailedError", "NO: no funds"],
    "failed without a word": ["ActivityFailedError", "Failure"],
    "aborted": ["ActivityFailedError", "NEVER: no account"],
    "canceled": ["CancelledError"],
    "timed out": ["ActivityFailedError", "TIMED_OUT_HEARTBEAT: page 3"],
}


class Ending(Activity):
    """End as it is told, by returning or by raising."""

    def execute(self, end: str, how: str) -> Any:
        found = ENDS[end]
        if how == "raised" and isinstance(found, Exception):
            raise found
        return found


class EndingAsync(Activity):
    async def execute(self, end: str, how: str) -> Any:
        await asyncio.sleep(0)
        found = ENDS[end]
        if how == "raised" and isinstance(found, Exception):
            raise found
        return found


@workflow
def ends(end: str, how: str) -> Any:
    return seen(lambda: Ending.call(end, how))


@workflow
def ends_by_a_future(end: str, how: str) -> Any:
    return seen(lambda: Ending.submit(end, how).result())


@workflow
async def ends_async(end: str, how: str) -> Any:
    try:
        return await EndingAsync.call(end, how)
    except CancelledError:
        return ["CancelledError"]
    except ActivityFailedError as error:
        return ["ActivityFailedError", str(error)]


def seen(call: Any) -> Any:
    try:
        return call()
    except CancelledError:
        return ["CancelledError"]
    except ActivityFailedError as error:
        return ["ActivityFailedError", str(error)]


@pytest.mark.parametrize("how", ["returned", "raised"])
@pytest.mark.parametrize("flow", [ends, ends_by_a_future, ends_async])
def test_an_end_is_the_same_returned_and_raised(stage: Stage, flow: Any, how: str) -> None:
    handles = {end: stage.start(flow, end, how) for end in ENDS}
    assert {end: handle.result(timeout=20) for end, handle in handles.items()} == SEEN


@pytest.mark.parametrize("how", ["returned", "raised"])
def test_an_end_is_the_same_in_plain_python(how: str) -> None:
    for end, expected in SEEN.items():
        assert ends(end, how) == expected
        assert ends_by_a_future(end, how) == expected
        assert asyncio.run(ends_async(end, how)) == expected


def test_outside_a_workflow_a_call_is_the_bare_function() -> None:
    for end, found in ENDS.items():
        assert Ending.call(end, "returned") == found
        assert asyncio.run(EndingAsync.call(end, "returned")) == found
    with pytest.raises(Aborted):
        Ending.call("aborted", "raised")


def test_who_is_terminated_did_not_fail() -> None:
    assert Terminated() == Terminated()
    with pytest.raises(Failed):
        raise Aborted("a kind of failure")


class Trying(Activity):
    retry = Retry(max_attempts=3, initial_interval=0)

    def execute(self, end: str, how: str) -> Any:
        ATTEMPTS.append(self)
        return Ending().execute(end, how)


ATTEMPTS: list[Trying] = []


@workflow
def tries(end: str, how: str) -> Any:
    return seen(lambda: Trying.call(end, how))


@pytest.mark.parametrize("how", ["returned", "raised"])
@pytest.mark.parametrize(
    ("end", "attempts"), [("failed", 3), ("aborted", 1), ("timed out", 1), ("canceled", 1)]
)
def test_what_failed_is_tried_again_and_nothing_else(
    stage: Stage, end: str, how: str, attempts: int
) -> None:
    ATTEMPTS.clear()
    handle = stage.start(tries, end, how)
    assert handle.result(timeout=20) == SEEN[end]
    assert len(ATTEMPTS) == len(set(map(id, ATTEMPTS))) == attempts  # an instance for each
    assert len(stage.find(handle, ActivityTaskRescheduled)) == attempts - 1
    ATTEMPTS.clear()
    assert tries(end, how) == SEEN[end]
    assert len(ATTEMPTS) == attempts


class Unwritable(Activity):
    def execute(self, how: str) -> Any:
        if how == "raised":
            raise Completed(object())
        return Completed(object())


@workflow
def unwritable(how: str) -> str:
    try:
        return str(Unwritable.call(how))
    except PartitaError as error:
        return error.code


@pytest.mark.parametrize("how", ["returned", "raised"])
def test_a_result_without_a_json_form_fails_however_it_is_told(stage: Stage, how: str) -> None:
    handle = stage.start(unwritable, how)
    assert handle.result(timeout=20) == "NOT_SERIALIZABLE"
    [failed] = stage.find(handle, ActivityTaskFailed)
    assert "\n" not in failed.reason


# -- in processes of their own -------------------------------------------------------------


@workflow
def apart(how: str) -> Any:
    return seen(lambda: Apart.call(how))


def test_a_class_may_run_in_a_process_of_its_own(memory_rig: Rig) -> None:
    expected = {
        "beat": {"page": 3},
        "failed": ["ActivityFailedError", "NO: attempt 2"],
        "aborted": ["ActivityFailedError", "NEVER: attempt 1"],
        "canceled": ["CancelledError"],
        "completed": [1, 2],
    }
    with memory_rig.worker(apart, Apart.definition):
        pid = memory_rig.client.start(apart, "").result(timeout=60)
        assert pid != os.getpid()
        handles = {how: memory_rig.client.start(apart, how) for how in expected}
        assert {how: one.result(timeout=60) for how, one in handles.items()} == expected


# -- heartbeats ----------------------------------------------------------------------------


class Pages(Activity):
    heartbeat_timeout = 60
    retry = 2

    def execute(self) -> Any:
        if self.info.attempt == 1:
            self.heartbeat({"page": self.input})
            raise OSError("again")
        assert self.info == activity_info()
        return self.info.last_heartbeat


@workflow
def reads(page: int) -> Any:
    return Pages.options(retry=Retry(max_attempts=2, initial_interval=0)).submit(page).result()


def test_what_a_heartbeat_said_reaches_the_next_attempt(stage: Stage) -> None:
    assert stage.run(reads, 3) == {"page": 3}
    assert reads(3) == {"page": 3}


class Endless(Activity):
    heartbeat_timeout = 2

    def execute(self) -> None:
        BEGUN.set()
        while True:
            self.heartbeat()
            threading.Event().wait(0.005)


BEGUN = threading.Event()


@workflow
def gives_up() -> str:
    future = Endless.submit()
    wait_signal("stop")
    assert future.cancel()
    try:
        future.result()
    except CancelledError:
        return "cancelled"
    return "ended"


def test_a_heartbeat_raises_once_the_activity_is_unwanted(stage: Stage) -> None:
    BEGUN.clear()
    handle = stage.start(gives_up)
    assert BEGUN.wait(20)
    handle.signal("stop")
    assert handle.result(timeout=20) == "cancelled"


# -- categories ----------------------------------------------------------------------------


class OnTheGpu(Activity):
    category = "gpu"

    def execute(self, x: int) -> int:
        return x * x


class OnASlowGpu(OnTheGpu):
    """Inherit the work, and take it elsewhere."""

    category = "slow"


class ByList(Activity):
    task_list = "gpu"

    def execute(self) -> str:
        return "done"


@workflow
def rendering() -> list[Any]:
    return [OnTheGpu.call(3), OnASlowGpu.call(4), ByList.call(), *OnTheGpu.map([1, 2]).result()]


def test_a_category_is_a_task_list(memory_rig: Rig) -> None:
    definitions = [one.definition for one in (OnTheGpu, OnASlowGpu, ByList)]
    with memory_rig.worker(rendering, *definitions, task_lists=("default", "gpu", "slow")):
        handle = memory_rig.client.start(rendering)
        assert handle.result(timeout=20) == [9, 16, "done", 1, 4]
    scheduled = [one for one in handle.history() if isinstance(one, ActivityTaskScheduled)]
    assert [(one.activity_type.name, one.task_list) for one in scheduled] == [
        ("OnTheGpu", "gpu"),
        ("OnASlowGpu", "slow"),
        ("ByList", "gpu"),
        ("OnTheGpu", "gpu"),
        ("OnTheGpu", "gpu"),
    ]
    assert rendering() == [9, 16, "done", 1, 4]


def test_a_category_waits_for_its_worker(memory_rig: Rig) -> None:
    with memory_rig.worker(rendering, OnTheGpu.definition):
        handle = memory_rig.client.start(rendering)
        until(lambda: memory_rig.kinds(handle.workflow_id)[-1] == "ActivityTaskScheduled")
        [waiting] = handle.describe().activities
        assert waiting.queue == "gpu"


# -- how they are written ------------------------------------------------------------------


def note(call: Any) -> None:
    NOTES.append(f"before {call.info.name}{call.args}")


@contextmanager
def around(call: Any) -> Iterator[None]:
    NOTES.append("in")
    yield
    NOTES.append("out")


NOTES: list[str] = []


class Surrounded(Activity, abstract=True):
    middleware = (Middleware(before=note, around=around),)
    start_to_close = 30


class Inner(Surrounded):
    name = "inner"
    version = "3"

    def execute(self, x: int, *, y: int = 2) -> int:
        return x + y


@workflow
def surrounded() -> int:
    return int(Inner.call(1, y=5))


def test_options_are_attributes_and_are_inherited(stage: Stage) -> None:
    NOTES.clear()
    assert stage.run(surrounded) == 6
    assert NOTES == ["before inner(1,)", "in", "out"]
    assert Inner.definition.key == "inner@3"
    assert Inner.definition.settings.start_to_close == 30
    assert not hasattr(Surrounded, "definition")


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({"categroy": "x"}, "did you mean category"),
        ({"start_to_close": -1}, "start_to_close=-1; give a positive number"),
        ({"category": "a", "task_list": "b"}, "category is a synonym of task_list"),
        ({"process": "yes"}, "process"),
        ({"retry": "often"}, "retry"),
    ],
)
def test_what_cannot_be_meant_is_refused_at_once(body: dict[str, Any], says: str) -> None:
    with pytest.raises(InvalidOptionError, match=says) as raised:
        type("Bad", (Activity,), {"execute": lambda self: None, **body})
    assert "\n" not in str(raised.value)


class Empty(Activity):
    """Forget to say what is to be done."""


@workflow
def calls_nothing() -> str:
    try:
        return str(Empty.call())
    except Exception as error:
        return f"{type(error).__name__}: {error}"


def test_one_without_work_says_so(stage: Stage) -> None:
    said = stage.run(calls_nothing)
    assert said == calls_nothing() == "NotImplementedError: Empty has no execute(); write one"
