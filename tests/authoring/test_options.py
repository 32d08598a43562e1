"""Decorators say what they are given, refuse what cannot be meant, and register once."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest

from partita import (
    Activity,
    ActivityFunction,
    AsyncActivityFunction,
    ChildPolicy,
    Hooks,
    Retry,
    Workflow,
    WorkflowDefinition,
    activity,
    sleep,
    workflow,
)
from partita.authoring.definition import ActivityDefinition
from partita.authoring.registry import known
from partita.client import Client
from partita.engine import Engine
from partita.errors import DuplicateTypeError, InvalidOptionError
from partita.history import ActivityType, RetryPolicy, WorkflowType
from partita.stores.memory import MemoryStore
from partita.worker import Worker


def plain(x: int) -> int:
    """Say something."""
    return x


def held() -> Iterator[None]:
    yield


def generator(x: int) -> Iterator[int]:
    yield x


async def coroutine(x: int) -> int:
    return x


def test_decorators_without_options() -> None:
    step, flow = activity(plain), workflow(plain)
    assert isinstance(step, ActivityFunction)
    assert isinstance(activity(coroutine), AsyncActivityFunction)
    assert isinstance(flow, WorkflowDefinition)
    assert step.activity_type == ActivityType("plain", "1")
    assert flow.workflow_type == WorkflowType("plain", "1")
    assert (step.__doc__, flow.__doc__) == ("Say something.", "Say something.")
    assert repr(step) == "<activity plain@1>"
    assert repr(flow) == "<workflow plain@1>"


def test_every_option_of_an_activity() -> None:
    step = activity(
        name="ship",
        version="2",
        task_list="dock",
        task_priority=3,
        schedule_to_start=1,
        start_to_close=2.5,
        schedule_to_close=timedelta(minutes=1),
        heartbeat=0.5,
        retry=Retry(max_attempts=4, initial_interval=0.1, backoff=3, max_interval=9),
        process=True,
    )(plain)
    assert step.key == "ship@2"
    assert step(3) == 3
    options = step.settings
    assert (options.task_list, options.task_priority, options.process) == ("dock", 3, True)
    assert (options.schedule_to_start, options.start_to_close) == (1.0, 2.5)
    assert (options.schedule_to_close, options.heartbeat) == (60.0, 0.5)
    assert options.retry_policy == RetryPolicy(4, 0.1, 3, 9)


def test_retry_as_a_number_and_without_end() -> None:
    assert activity(retry=7)(plain).settings.retry_policy == RetryPolicy(7)
    assert activity(retry=0)(plain).settings.retry_policy == RetryPolicy(0)
    assert activity(plain).settings.retry_policy is None
    named = Retry(non_retryable=(ValueError, "shop.Declined")).policy()
    assert named.non_retryable == ("ValueError", "shop.Declined")


def test_errors_that_are_final_as_a_class_or_in_any_collection() -> None:
    assert Retry(non_retryable=ValueError) == Retry(non_retryable=[ValueError])
    assert Retry(non_retryable=ValueError).policy().non_retryable == ("ValueError",)
    named = Retry(non_retryable=("builtins.KeyError", "shop.Declined")).policy()
    assert named.non_retryable == ("KeyError", "shop.Declined")
    assert named.is_final("KeyError")


NOT_ERROR_TYPES: tuple[Any, ...] = (
    *("ValueError", b"x", (3,), ("",), (" ",), 3, None, int, (int,), (None,)),
    *((ValueError("one"),), ((ValueError, KeyError),)),
)


@pytest.mark.parametrize("given", NOT_ERROR_TYPES, ids=repr)
def test_errors_that_are_final_are_classes_and_names(given: Any) -> None:
    with pytest.raises(InvalidOptionError, match="give a tuple of exception classes and of names"):
        Retry(non_retryable=given)


NOT_POLICIES: tuple[Any, ...] = ({"max_attempts": 2}, "3", 2.5, True, Retry, (3,), -1)


@pytest.mark.parametrize("given", NOT_POLICIES, ids=repr)
def test_retry_is_a_policy_or_a_number(given: Any) -> None:
    with pytest.raises(InvalidOptionError):
        activity(retry=given)


@pytest.mark.parametrize("given", [3, {}, {"on_failure": print}, None, Hooks], ids=repr)
def test_hooks_are_hooks(given: Any) -> None:
    with pytest.raises(InvalidOptionError, match="hooks="):
        workflow(hooks=given)


def test_every_option_of_a_workflow() -> None:
    flow = workflow(
        name="order",
        version="3",
        task_list="orders",
        task_priority=1,
        execution_start_to_close=timedelta(days=1),
        task_start_to_close=10,
        child_policy=ChildPolicy.ABANDON,
        tags=("a", "b"),
    )(plain)
    assert flow.key == "order@3"
    assert flow(3) == 3
    options = flow.settings
    assert (options.task_list, options.task_priority) == ("orders", 1)
    assert (options.execution_start_to_close, options.task_start_to_close) == (86400.0, 10.0)
    assert (options.child_policy, options.tag_list) == (ChildPolicy.ABANDON, ("a", "b"))


TIMES = ("schedule_to_start", "start_to_close", "schedule_to_close", "heartbeat")
BAD_TIMES: tuple[Any, ...] = (0, -1, float("inf"), float("nan"), "soon", True, timedelta(0))


@pytest.mark.parametrize("option", TIMES)
@pytest.mark.parametrize("value", BAD_TIMES, ids=repr)
def test_times_of_an_activity_are_positive_seconds(option: str, value: Any) -> None:
    options: dict[str, Any] = {option: value}
    with pytest.raises(InvalidOptionError, match=option):
        activity(**options)


BAD_NAMES: tuple[Any, ...] = ("", 3, ["dock"])
BAD_PRIORITIES: tuple[Any, ...] = ("high", 1.5, True, 2**31, -(2**31) - 1)
BAD = [("task_list", name) for name in BAD_NAMES] + [
    ("task_priority", priority) for priority in BAD_PRIORITIES
]


@pytest.mark.parametrize(("option", "value"), BAD, ids=repr)
def test_where_work_goes_and_how_soon(option: str, value: Any) -> None:
    given: dict[str, Any] = {option: value}
    client = Client(Engine(MemoryStore()))
    ways: list[Callable[[], object]] = [
        lambda: activity(**given),
        lambda: activity(plain).options(**given),
        lambda: workflow(**given),
        lambda: workflow(plain).options(**given),
        lambda: type("Step", (Activity,), given),
        lambda: type("Flow", (Workflow,), given),
        lambda: client.start_with(workflow(plain), (1,), **given),
    ]
    for way in ways:
        with pytest.raises(InvalidOptionError, match=option):
            way()


@pytest.mark.parametrize("option", ["execution_start_to_close", "task_start_to_close"])
def test_times_of_a_workflow_are_positive_seconds(option: str) -> None:
    options: dict[str, Any] = {option: -1}
    with pytest.raises(InvalidOptionError, match=option):
        workflow(**options)


@pytest.mark.parametrize(
    "make",
    [
        lambda: Retry(max_attempts=-1),
        lambda: Retry(max_attempts="3"),  # type: ignore[arg-type]
        lambda: Retry(max_attempts=2.5),  # type: ignore[arg-type]
        lambda: Retry(initial_interval=None),  # type: ignore[arg-type]
        lambda: Retry(max_interval=float("nan")),
        lambda: Retry(initial_interval=-0.1),
        lambda: Retry(max_interval=-1),
        lambda: Retry(backoff=0.5),
        lambda: activity(retry=-1),
        lambda: activity(3),  # type: ignore[call-overload]
        lambda: workflow(generator),
        lambda: workflow(3),  # type: ignore[call-overload]
        lambda: workflow(type("Callable", (), {"__call__": lambda self: 1})()),
        lambda: sleep(-1),
        lambda: sleep(float("nan")),
        lambda: sleep(float("inf")),
    ],
)
def test_what_cannot_be_meant_is_refused(make: Callable[[], object]) -> None:
    with pytest.raises(InvalidOptionError) as caught:
        make()
    assert str(caught.value).count("\n") == 0


def one() -> ActivityFunction[[int], int]:
    @activity(name="claimed")
    def first(x: int) -> int:
        return x

    return first


def other() -> ActivityFunction[[int], int]:
    @activity(name="claimed")
    def second(x: int) -> int:
        return x

    return second


def serve(*definitions: ActivityDefinition | WorkflowDefinition[..., Any]) -> None:
    engine = Engine(MemoryStore())
    try:
        Worker(
            engine,
            workflows=[found for found in definitions if isinstance(found, WorkflowDefinition)],
            activities=[found for found in definitions if isinstance(found, ActivityDefinition)],
        )
    finally:
        engine.close()


def test_two_that_claim_one_type_are_refused_and_both_places_named() -> None:
    with pytest.raises(DuplicateTypeError) as caught:
        serve(one(), other())
    for made in (one(), other()):
        assert f"{__file__}:{made.function.__code__.co_firstlineno}" in str(caught.value)

    def another() -> None: ...

    flows: list[WorkflowDefinition[..., Any]] = [
        workflow(name="claimed")(plain),
        workflow(name="claimed")(another),
    ]
    with pytest.raises(DuplicateTypeError, match=r"claimed@1 is defined at .* and at "):
        serve(*flows)


def test_two_that_one_decorator_made_are_two() -> None:
    def first() -> None: ...
    def second() -> None: ...

    made = [activity(name="claimed")(contextmanager(held)()(f)) for f in (first, second)]
    assert set(map(id, made)) <= set(map(id, known(ActivityDefinition)))
    with pytest.raises(DuplicateTypeError, match=rf"claimed@1 is defined at {__file__}:\d+ and"):
        serve(*made)


def test_versions_and_kinds_do_not_clash() -> None:
    serve(one(), activity(name="claimed", version="2")(plain), workflow(name="claimed")(plain))


def test_definition_from_the_same_place_takes_the_place_of_the_older() -> None:
    first, second = one(), one()
    assert second in known(ActivityDefinition)
    assert first not in known(ActivityDefinition)


def test_import_is_light() -> None:
    heavy = ("asyncio", "sqlite3", "click", "rich", "boto3", "psycopg", "starlette", "uvicorn")
    code = f"import partita, sys; print([m for m in {heavy!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_a_worker_imports_little_before_it_needs_it() -> None:
    heavy = ("asyncio", "importlib.metadata", "rich", "boto3", "psycopg", "starlette", "uvicorn")
    code = f"import partita.cli.worker, sys; print([m for m in {heavy!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
