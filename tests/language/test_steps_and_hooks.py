"""Named steps, failure hooks, workflow hooks, middleware, idempotent calls, classes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import msgspec
import pytest

from partita import (
    CancelledError,
    Hooks,
    Middleware,
    Retry,
    Steps,
    TaskFailure,
    Workflow,
    activity,
    child_workflow,
    lambda_function,
    query,
    remote_activity,
    side_effect,
    update,
    use_middleware,
    wait_signal,
    workflow,
)
from partita.authoring.middleware import ActivityCall, remove_middleware
from partita.errors import (
    ActivityAbortedError,
    InvalidOptionError,
    WorkflowCanceledError,
    WorkflowFailedError,
)
from partita.history import ActivityTaskScheduled, MarkerRecorded, WorkflowExecutionStarted
from partita.ports.state import Status
from partita.stores.memory import MemoryStore
from partita.worker import Worker
from tests.conftest import until
from tests.language.conftest import Stage

SAID: list[str] = []


@pytest.fixture(autouse=True)
def _silence() -> None:
    SAID.clear()


@activity
def say(text: str) -> str:
    SAID.append(text)
    return text


@activity
def fail(text: str) -> str:
    SAID.append(text)
    raise ValueError(text)


@activity
def exists(path: str) -> bool:
    return path == "there"


# -- steps ---------------------------------------------------------------------------------


def steps_of(skip: list[str], force: list[str]) -> Steps:
    """Return a small build: two that are up to date, one that is not, one at the end."""
    steps = Steps(skip=skip, force=force)
    steps.add("load", lambda: say("load"), done=lambda: exists("there"))
    steps.add("clean", lambda: say("clean"), after=["load"], done=lambda: exists("there"))
    steps.add("train", lambda: say("train"), after=["clean"], done=lambda: exists("no"))
    steps.add("report", lambda: say("report"), after=["train", "load"])
    return steps


@workflow
def build(skip: list[str], force: list[str]) -> dict[str, Any]:
    return steps_of(skip, force).run()


@pytest.mark.parametrize(
    ("skip", "force", "done"),
    [
        ([], [], ["train", "report"]),
        ([], ["load"], ["load", "clean", "train", "report"]),
        (["train"], [], ["report"]),
        (["train", "report"], ["clean"], ["clean"]),
    ],
    ids=["as needed", "forced", "skipped", "both"],
)
def test_steps(skip: list[str], force: list[str], done: list[str], stage: Stage) -> None:
    handle = stage.start(build, skip, force)
    result = handle.result(timeout=20)
    assert done == SAID
    assert [name for name, value in result.items() if value is not None] == done
    SAID.clear()
    assert build(skip, force) == result
    markers = [m for m in stage.find(handle, MarkerRecorded) if m.marker_name == "$step"]
    told = {m["step"]: m["outcome"] for m in (msgspec.json.decode(m.details) for m in markers)}
    assert [name for name in ("load", "clean", "train", "report") if told[name] == "run"] == done


@workflow
def broken_build() -> dict[str, Any]:
    steps = Steps()
    steps.add("a", lambda: fail("a"))
    steps.add("b", lambda: say("b"), after=["a"])
    steps.add("c", lambda: say("c"))
    return steps.run()


def test_what_comes_after_a_failed_step_is_not_run(stage: Stage) -> None:
    with pytest.raises(WorkflowFailedError, match="1 of 3 steps failed"):
        stage.run(broken_build)
    assert sorted(SAID) == ["a", "c"]
    with pytest.raises(ExceptionGroup):
        broken_build()


@workflow
def side_by_side() -> int:
    steps = Steps()
    for name in "abc":
        steps.add(name, lambda name=name: wait_signal(name))  # type: ignore[misc]
    return len(steps.run())


def test_steps_run_side_by_side(stage: Stage) -> None:
    handle = stage.start(side_by_side)
    for name in "cba":
        handle.signal(name)
    assert handle.result(timeout=20) == 3


def test_steps_that_cannot_be() -> None:
    steps = Steps(skip=["nonsense"])
    steps.add("a", list)
    with pytest.raises(InvalidOptionError, match="there is no step 'nonsense'; there are: a"):
        steps.run()
    with pytest.raises(InvalidOptionError, match="two steps 'a'"):
        steps.add("a", list)
    circle = Steps()
    circle.add("a", list, after=["b"])
    circle.add("b", list, after=["a"])
    with pytest.raises(InvalidOptionError, match="wait for each other: a, b"):
        circle.run()


# -- the failure hook ----------------------------------------------------------------------

VERDICTS: dict[str, Callable[[TaskFailure], Any]] = {
    "retry now": lambda failure: failure.retry_now() if failure.attempt < 3 else None,
    "retry later": lambda failure: failure.retry_later(0.005) if failure.attempt < 3 else None,
    "ignore": lambda failure: failure.ignore(),
    "replace": lambda failure: failure.replace(f"{failure.name} {failure.args[0]}"),
    "nothing": lambda _: None,
    "cancel": lambda failure: failure.cancel(),
    "abort": lambda failure: failure.abort(),
}


def hooked(which: str) -> Any:
    def body() -> Any:
        try:
            return fail("x")
        except ValueError:
            return "caught"
        except CancelledError:
            return "cancelled"

    name = f"hooked {which}"
    return workflow(name=name, hooks=Hooks(on_task_failure=VERDICTS[which]))(body)


HOOKED = {which: hooked(which) for which in VERDICTS}
_globals = globals()
for _which, _flow in HOOKED.items():
    _globals["hooked_" + _which.replace(" ", "_")] = _flow


@pytest.mark.parametrize(
    ("which", "result", "times"),
    [
        ("retry now", "caught", 3),
        ("retry later", "caught", 3),
        ("ignore", None, 1),
        ("replace", "fail x", 1),
        ("nothing", "caught", 1),
    ],
)
def test_a_failure_hook_decides(which: str, result: Any, times: int, stage: Stage) -> None:
    assert stage.run(HOOKED[which]) == result
    assert ["x"] * times == SAID
    SAID.clear()
    assert HOOKED[which]() == result
    assert ["x"] * times == SAID


def test_a_failure_hook_ends_the_workflow(stage: Stage) -> None:
    with pytest.raises(WorkflowFailedError) as caught:
        stage.run(HOOKED["abort"])
    assert isinstance(caught.value.__cause__, ValueError)
    with pytest.raises(ValueError, match="x"):
        HOOKED["abort"]()


@workflow(hooks=Hooks(on_task_failure=lambda failure: failure.cancel()))
def cancelled_by_hook() -> None:
    fail.submit("x")
    wait_signal("never")


def test_a_failure_hook_cancels_the_workflow(stage: Stage) -> None:
    with pytest.raises(WorkflowCanceledError):
        stage.run(cancelled_by_hook)
    with pytest.raises(CancelledError):
        cancelled_by_hook()


# -- workflow hooks ------------------------------------------------------------------------

TOLD: list[str] = []


@workflow(
    hooks=Hooks(
        before_replay=lambda: TOLD.append("before"),
        after_replay=lambda: TOLD.append("after"),
        on_completed=lambda result: say(f"completed {result}"),
        on_failure=lambda error: say(f"failed {error}"),
    )
)
def watched(good: bool) -> str:
    return say("good") if good else fail("bad")


def test_workflow_hooks(stage: Stage) -> None:
    TOLD.clear()
    handle = stage.start(watched, True)
    assert handle.result(timeout=20) == "good"
    assert SAID == ["good", "completed good"]
    assert ["before", "after"] * stage.kinds(handle).count("DecisionTaskCompleted") == TOLD
    with pytest.raises(WorkflowFailedError):
        stage.run(watched, False)
    assert SAID[2:] == ["bad", "failed bad"]
    SAID.clear()
    TOLD.clear()
    assert watched(True) == "good"
    assert (SAID, TOLD) == (["good", "completed good"], ["before", "after"])


@workflow(hooks=Hooks(before_replay=lambda: say("no")))
def meddling() -> None:
    """Have a hook that decides, which it must not."""


def test_a_replay_hook_may_decide_nothing(memory_stage: Stage) -> None:
    handle = memory_stage.start(meddling)
    until(lambda: memory_stage.failures)
    assert handle.describe().info.status is Status.OPEN
    assert "may only look" in memory_stage.failures[0]
    memory_stage.failures.clear()


@pytest.fixture
def memory_stage(request: pytest.FixtureRequest) -> Iterator[Stage]:
    made = Stage(MemoryStore(), request.module, Worker)
    made.open()
    yield made
    made.close()


# -- middleware ----------------------------------------------------------------------------


@contextmanager
def around(call: ActivityCall) -> Iterator[None]:
    SAID.append(f"enter {call.info.name} {call.args} {call.info.attempt}")
    try:
        yield
    finally:
        SAID.append("leave")


OWN = Middleware(
    before=lambda call: SAID.append(f"before {call.info.name}"),
    around=around,
    after=lambda _, result: SAID.append(f"after {result}"),
)


@activity(middleware=[OWN])
def wrapped(x: int) -> int:
    SAID.append("run")
    return x


@activity(middleware=[OWN])
async def wrapped_async(x: int) -> int:
    SAID.append("run")
    return x


@activity(middleware=[OWN], retry=Retry(max_attempts=2, initial_interval=0.001))
def wrapped_badly(x: int) -> int:
    raise ValueError(x)


@workflow
def uses(which: str) -> int:
    if which == "async":
        return wrapped_async.submit(4).result()
    return (wrapped if which == "sync" else wrapped_badly)(4)


@pytest.mark.parametrize("which", ["sync", "async"])
def test_middleware(which: str, stage: Stage) -> None:
    name = {"sync": "wrapped", "async": "wrapped_async"}[which]
    expected = [f"before {name}", f"enter {name} (4,) 1", "run", "after 4", "leave"]
    assert stage.run(uses, which) == 4
    assert expected == SAID
    SAID.clear()
    assert uses(which) == 4
    assert expected == SAID


def test_middleware_surrounds_every_attempt(stage: Stage) -> None:
    with pytest.raises(WorkflowFailedError):
        stage.run(uses, "bad")
    name = "wrapped_badly"
    attempts = [[f"before {name}", f"enter {name} (4,) {n}", "leave"] for n in (1, 2)]
    assert attempts[0] + attempts[1] == SAID


def test_middleware_for_all(stage: Stage) -> None:
    def refuse(call: ActivityCall) -> None:
        if call.args == ("secret",):
            raise PermissionError("not this")

    installed = use_middleware(before=refuse)
    try:
        with pytest.raises(WorkflowFailedError, match="PermissionError"):
            stage.run(speaking, "secret")
        assert stage.run(speaking, "open") == "open"
    finally:
        remove_middleware(installed)
    assert SAID == ["open"]


@workflow
def speaking(text: str) -> str:
    return say(text)


# -- idempotent calls ----------------------------------------------------------------------


@activity(idempotent=True)
def once(x: int, y: int = 0) -> int:
    SAID.append(f"{x} {y}")
    return x + y


def both() -> int:
    """Give the call a future as its argument: it is the same call once that is done."""
    return once.submit(once.submit(1)).result()


@workflow
def repeats() -> list[int]:
    first = once.submit(1)
    return [first.result(), once(1), once.submit(1, 0).result(), both(), once(2)]


def test_the_same_call_is_done_once_per_run(stage: Stage) -> None:
    assert stage.run(repeats) == [1, 1, 1, 1, 2]
    assert SAID == ["1 0", "1 0", "2 0"] or SAID == ["1 0", "2 0"]
    in_engine = list(SAID)
    SAID.clear()
    assert repeats() == [1, 1, 1, 1, 2]
    assert in_engine == SAID
    stage.run(repeats)
    assert len(SAID) == 2 * len(in_engine)


# -- classes -------------------------------------------------------------------------------


class Greeting(Workflow):
    """Everything in class form."""

    name = "greet"
    version = "2"
    task_list = "slow"
    tags = ("polite",)
    execution_start_to_close = 3600.0
    child_policy = "ABANDON"
    speak = remote_activity("say", local=say)
    ask = child_workflow("speaking", local=speaking)
    shout = lambda_function("shout", local=lambda text: text.upper())

    def __init__(self) -> None:
        self.heard: list[str] = []

    def run(self, who: str, wait: bool = False) -> list[Any]:
        self.heard.append(self.submit(self.speak, f"hello {who}").result())
        self.heard += self.map(say, ["a", "b"]).result()
        self.heard += self.starmap(say, [("c",)]).result()
        self.heard.append(self.submit(self.ask, "child").result())
        chance = self.invoke_once(lambda x: x + 1, 41)
        if wait:
            wait_signal("go")
        return [*self.heard, chance, self.info.version]

    def on_completed(self, result: Any) -> None:
        say(f"{len(result)} things")

    @query
    def so_far(self) -> list[str]:
        return self.heard

    @update
    def add(self, text: str) -> int:
        self.heard.append(say(text))
        return len(self.heard)


EXPECTED = ["hello you", "a", "b", "c", "child", 42, "2"]


def test_a_class_is_a_workflow(stage: Stage) -> None:
    handle = stage.start(Greeting, "you")
    assert handle.result(timeout=20) == Greeting.call("you") == EXPECTED
    assert SAID.count("7 things") == 2
    begun = stage.find(handle, WorkflowExecutionStarted)[0]
    assert (begun.workflow_type.name, begun.workflow_type.version) == ("greet", "2")
    assert (begun.task_list, begun.tag_list, begun.child_policy) == ("slow", ("polite",), "ABANDON")
    assert begun.execution_start_to_close == 3600


def test_its_methods_answer(stage: Stage) -> None:
    handle = stage.start(Greeting, "you", True)
    until(lambda: len(handle.query("so_far")) == 5)
    assert handle.update("add", "more", timeout=20) == 6
    assert handle.query("so_far")[-1] == "more"
    other = stage.start(Greeting, "them", True)
    other.signal("go")
    assert other.result(timeout=20)[0] == "hello them"
    handle.signal("go")
    assert handle.result(timeout=20)[5] == "more"


class Outer(Workflow):
    """A class with a class as its child, and a hook."""

    def run(self) -> list[Any]:
        future = Greeting.begin("you")
        again = Greeting.options(task_list="gpu").submit("you")
        return [future.result() == again.result() == EXPECTED, fail("x")]

    def on_task_failure(self, failure: TaskFailure) -> Any:
        return failure.replace("mended")


def test_classes_are_children_and_have_hooks(stage: Stage) -> None:
    assert stage.run(Outer) == Outer.call() == [True, "mended"]


class Waiting(Workflow):
    """An async class."""

    async def run(self, text: str) -> str:
        said: str = await self.submit(say, text)
        return said


def test_an_async_class(stage: Stage) -> None:
    assert stage.run(Waiting, "x") == asyncio.run(Waiting.call("x")) == "x"


@workflow
def uses_lambda() -> str:
    try:
        return str(lambda_function("far").submit({"a": 1}).result())
    except ActivityAbortedError as error:
        return error.code


def test_a_lambda_function_is_asked_for(stage: Stage) -> None:
    handle = stage.start(uses_lambda)
    assert handle.result(timeout=20) == "ACTIVITY_ABORTED"
    assert "ScheduleLambdaFunctionFailed" in stage.kinds(handle)


SHOUT = lambda_function("shout", local=lambda text: text.upper())


@workflow
def shouts() -> list[str]:
    return [SHOUT("a"), SHOUT.submit("b").result(), *SHOUT.map(["c"]).result()]


def test_a_lambda_functions_stand_in_runs_where_aws_is_not(stage: Stage) -> None:
    handle = stage.start(shouts)
    assert handle.result(timeout=20) == shouts() == ["A", "B", "C"]
    names = {event.activity_type.name for event in stage.find(handle, ActivityTaskScheduled)}
    assert names == {"lambda:shout"}


def test_misspelt_options_are_refused() -> None:
    with pytest.raises(InvalidOptionError, match="unknown option task_lst; did you mean task_list"):
        type("Bad", (Workflow,), {"task_lst": "x", "run": lambda self: None})
    with pytest.raises(InvalidOptionError, match="unknown option retries"):

        class Worse(Workflow, retries=3):
            pass

    with pytest.raises(InvalidOptionError, match="child_policy='KEEP'"):
        type("Worst", (Workflow,), {"child_policy": "KEEP", "run": lambda self: None})
    for misspelt in (
        lambda: activity(task_lst="x"),  # type: ignore[call-overload]
        lambda: workflow(tag=("x",)),  # type: ignore[call-overload]
        lambda: say.options(start_to_clse=3),  # type: ignore[call-arg]
        lambda: speaking.options(tag="x"),  # type: ignore[call-arg]
        lambda: remote_activity("x", start_to_clse=3),
        lambda: Hooks(on_complete=print),  # type: ignore[call-arg]
        lambda: Retry(max_attempt=3),  # type: ignore[call-arg]
        lambda: Steps(skipped=["x"]),  # type: ignore[call-arg]
    ):
        with pytest.raises(TypeError):
            misspelt()


@workflow
def remembers() -> list[int]:
    calls: list[int] = []
    value = side_effect(lambda: calls.append(1) or 7)  # type: ignore[func-returns-value]
    wait_signal("go")
    return [value, len(calls)]


def test_side_effects_happen_once(stage: Stage) -> None:
    handle = stage.start(remembers)
    stage.settled(handle)
    handle.signal("go")
    assert handle.result(timeout=20)[0] == 7
