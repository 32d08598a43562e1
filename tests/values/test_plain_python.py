"""In plain Python values and errors pass as on an engine, and nothing that ends early hangs."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis.errors import StopTest

import partita
from partita import Hooks, activity, group, task, workflow
from partita.errors import CancelledError, InvalidInputError, SerializationError
from partita.worker import Worker
from tests.conftest import Rig
from tests.language.conftest import Stage, stage

__all__ = ["stage"]

# -- values: the same in plain Python and on every backend ----------------------------------


@dataclasses.dataclass
class Point:
    x: int
    y: float


@activity
def echo(value: Any) -> Any:
    return value


@activity
def typed(pair: tuple[int, str], names: set[str], rates: dict[int, float]) -> list[Any]:
    return [type(pair).__name__, type(names).__name__, [type(key).__name__ for key in rates]]


@activity
def append(items: list[int]) -> list[int]:
    items.append(4)
    return items


@activity
def move(point: Point) -> Point:
    point.x += 1
    return point


@workflow
def untyped_values() -> list[str]:
    values = [(1, 2), [(1,), {"a": (2,)}], {"a": 1}, None, True, 1.5, "text"]
    return [repr(echo(value)) for value in values]


@workflow
def typed_values() -> list[Any]:
    return typed((1, "a"), {"x"}, {1: 2.0})


@workflow
def change_of_an_argument() -> list[Any]:
    items, point = [1, 2, 3], Point(1, 2.0)
    return [append(items), items, move(point).x, point.x]


@workflow
def change_after_submit() -> list[Any]:
    items = [1]
    future = echo.submit(items)
    items.append(2)
    return [future.result(), items]


@workflow
def kinds_of(value: Any) -> list[str]:
    return [type(value).__name__, type(value[0]).__name__]


@workflow
def child_values() -> list[list[str]]:
    return [kinds_of(([1],)), kinds_of.submit([(1,)]).result()]


@workflow
def side_effects() -> str:
    return repr(partita.side_effect(lambda: (1, [2])))


@workflow
def result_as_tuple() -> tuple[int, ...]:
    return [1, 2]  # type: ignore[return-value]


@activity
def bad_number(value: int) -> int:
    return value


@workflow
def misfit() -> str:
    try:
        return str(bad_number("four"))  # type: ignore[arg-type]
    except InvalidInputError as error:
        return str(error)


@workflow
def misfitting_future() -> str:
    return type(bad_number.submit(echo.submit("four")).exception()).__name__


WORKFLOWS = (
    untyped_values,
    typed_values,
    change_of_an_argument,
    change_after_submit,
    child_values,
    side_effects,
    result_as_tuple,
    misfit,
    misfitting_future,
)


@pytest.mark.parametrize("program", WORKFLOWS, ids=lambda program: program.__name__)
def test_a_value_is_the_same_in_plain_python(stage: Stage, program: Callable[[], Any]) -> None:
    here = program()
    there = stage.run(program)
    assert here == there
    assert repr(here) == repr(there)


@pytest.mark.parametrize("value", [object(), {object(): 1}, [print], lambda: None])
def test_a_value_without_a_json_form_is_refused(value: Any) -> None:
    @workflow
    def one() -> Any:
        return echo(value)

    with pytest.raises(SerializationError, match="arguments of activity echo cannot be stored"):
        one()


def test_without_carrying_the_very_objects_are_passed_on() -> None:
    value = (1, object())

    @workflow
    def shared() -> bool:
        return echo(value) is value and echo.submit(value).result() is value

    partita.carry_values(False)
    try:
        assert shared()
    finally:
        partita.carry_values(True)


# -- what ends the program or the test ends the call, wherever it is raised --------------------


class Stopped(pytest.fail.Exception):  # type: ignore[name-defined, misc]
    pass


@activity
def stop() -> None:
    raise Stopped("now")


@activity
async def stop_async() -> None:
    raise Stopped("now")


@activity
def fail_the_test() -> None:
    pytest.fail("as a test does")


@activity
def leave() -> None:
    raise SystemExit(3)


@workflow
def stopping_child() -> None:
    stop()


@workflow
async def stopping_async_child() -> None:
    await stop_async()


def called() -> None:
    stop()


def submitted() -> None:
    stop.submit().result()


def child_called() -> None:
    stopping_child()


def child_submitted() -> None:
    stopping_child.submit().result()


def async_child_submitted() -> None:
    stopping_async_child.submit().result()


def async_called() -> None:
    stop_async.submit().result()


def mapped() -> None:
    stop.starmap([(), ()]).result()


def within_a_time() -> None:
    with partita.timeout(20):
        stop()


WAYS = (
    called,
    submitted,
    child_called,
    child_submitted,
    async_child_submitted,
    async_called,
    mapped,
    within_a_time,
)


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_a_base_exception_ends_the_call(way: Callable[[], None]) -> None:
    with pytest.raises(Stopped, match="now"):
        workflow(name="one")(way)()


@pytest.mark.parametrize("child", [stop_async, stopping_async_child])
def test_a_base_exception_ends_an_await(child: Any) -> None:
    @workflow
    async def one() -> None:
        await asyncio.gather(child(), asyncio.sleep(60))

    with pytest.raises(Stopped, match="now"):
        asyncio.run(one())


def test_a_base_exception_in_a_group_ends_the_group() -> None:
    @workflow
    def one() -> None:
        group(task(stop), task(echo, 1)).submit().result()

    with pytest.raises(BaseExceptionGroup, match="1 of 2 parts") as caught:
        one()
    assert [type(error) for error in caught.value.exceptions] == [Stopped]


def test_ctrl_c_in_a_submitted_activity_ends_the_call() -> None:
    @activity
    def interrupted() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        workflow(name="one")(lambda: interrupted.submit().result())()


def test_a_failed_test_in_a_submitted_activity_fails_the_test() -> None:
    @workflow
    def one() -> None:
        fail_the_test.submit().result()

    with pytest.raises(pytest.fail.Exception, match="as a test does"):
        one()


def test_a_failure_hook_that_raises_ends_the_call() -> None:
    def judge(failure: Any) -> None:
        raise LookupError("the hook")

    @workflow(hooks=Hooks(on_task_failure=judge))
    def one() -> None:
        leave.submit().result()

    with pytest.raises(LookupError, match="the hook"):
        one()


# -- anything else that is no Exception is one where it leaves an activity or a child ----------


class Ended(BaseException):
    def __init__(self, code: int) -> None:
        super().__init__(f"ended by {code}")
        self.reason = code


ENDS: dict[str, Callable[[], BaseException]] = {
    "exit": lambda: SystemExit(3),
    "own": lambda: Ended(4),
    "generator": lambda: GeneratorExit("closed"),
    "group": lambda: BaseExceptionGroup("two", [Ended(1), ValueError("v")]),
    "bare": lambda: BaseException(1, (2,)),
    "cancelled": lambda: asyncio.CancelledError("by itself"),
}
FAILED: list[str] = []


@activity(retry=2)
def end(name: str) -> None:
    raise ENDS[name]()


@activity
async def end_async(name: str) -> None:
    raise ENDS[name]()


@workflow(hooks=Hooks(on_failure=lambda error: FAILED.append(type(error).__name__)))
def ending_child(name: str) -> None:
    raise ENDS[name]()


@workflow
async def ending_async_child(name: str) -> None:
    raise ENDS[name]()


@workflow
def grandparent(name: str) -> None:
    ending_child(name)


ENDING: tuple[Callable[[str], Any], ...] = (
    *(end, end_async, ending_child, ending_async_child, grandparent),
    lambda name: end.submit(name).result(),
    lambda name: ending_child.submit(name).result(),
    lambda name: group(task(end, name), task(ending_child, name)).submit().result(),
)


@workflow
def of_ends() -> list[Any]:
    return [[caught(way, name) for way in ENDING] for name in ENDS]


def caught(way: Callable[[str], Any], name: str) -> list[Any]:
    """Return what code sees of the Exception that a call raises; no other passes through it."""
    try:
        way(name)
    except Exception as error:
        return [
            [kind.__name__ for kind in type(error).__mro__],
            "" if isinstance(error, CancelledError) else str(error),
            getattr(error, "reason", None),
            [type(part).__name__ for part in getattr(error, "exceptions", ())],
        ]
    return []


def test_what_is_no_exception_is_one_for_the_caller(memory_rig: Rig) -> None:
    here = of_ends()
    assert [found[0][0][:2] for found in here[:2]] == [
        ["SystemExit", "ActivityFailedError"],
        ["Ended", "ActivityFailedError"],
    ]
    assert [found[2][0][1] for found in here[:2]] == ["WorkflowFailedError"] * 2
    workflows: list[Any] = [of_ends, ending_child, ending_async_child, grandparent]
    with Worker(memory_rig.engine, workflows=workflows, activities=[end, end_async]):
        assert memory_rig.client.start(of_ends).result(timeout=60) == here


@pytest.mark.parametrize("name", ["exit", "own", "group", "bare"])
def test_the_call_of_a_workflow_raises_what_its_code_raises(name: str) -> None:
    FAILED.clear()
    with pytest.raises(type(ENDS[name]())):
        ending_child(name)
    assert [type(ENDS[name]()).__name__] == FAILED


def test_a_test_that_hypothesis_ends_is_ended() -> None:
    @activity
    def unfit() -> None:
        raise StopTest(1)

    with pytest.raises(StopTest):
        workflow(name="one")(lambda: unfit.submit().result())()
