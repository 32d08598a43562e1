"""An exception that refuses to be changed passes through all that a workflow is made of."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Callable
from typing import Any, Never

import pytest

from partita import Middleware, activity, group, shield, spawn, task, timeout, workflow
from partita.authoring.context_managers import context_manager
from partita.authoring.failure import describe, rebuild
from partita.history.failure import Failure
from tests.conftest import Rig
from tests.replay.conftest import MakeWorker, make_worker

__all__ = ["make_worker"]


@dataclasses.dataclass(frozen=True)
class Frozen(Exception):
    code: int


@dataclasses.dataclass(frozen=True, slots=True)
class FrozenSlots(Exception):
    code: int


class Unset(ExceptionGroup[Exception]):
    def __setattr__(self, name: str, value: Any) -> Never:
        raise TypeError("it does not change")


class Hidden(LookupError):
    @property
    def __cause__(self) -> Any:  # type: ignore[override]
        raise RuntimeError("not to be read")

    __traceback__ = __context__ = __cause__


MAKERS: dict[str, Callable[[], Exception]] = {
    "frozen": lambda: Frozen(3),
    "slots": lambda: FrozenSlots(3),
    "unset": lambda: Unset("some", [Frozen(4)]),
    "hidden": lambda: Hidden("x"),
}


@activity(middleware=(Middleware(before=lambda _: None),))
def fail(name: str) -> None:
    raise MAKERS[name]()


@workflow
def child(name: str) -> None:
    fail(name)


@workflow
async def async_child(name: str) -> None:
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(fail_async(name))


@activity
async def fail_async(name: str) -> None:
    raise MAKERS[name]()


def within_a_time(name: str) -> None:
    with timeout(60):
        fail(name)


def shielded(name: str) -> None:
    with shield():
        fail(name)


def while_handling(name: str) -> None:
    try:
        raise KeyError("first")
    except KeyError:
        fail(name)


WAYS: tuple[Callable[[str], Any], ...] = (
    fail,
    lambda name: fail.submit(name).result(),
    child,
    lambda name: child.submit(name).result(),
    async_child,
    within_a_time,
    shielded,
    while_handling,
    lambda name: group(task(fail, name), task(child, name)).submit().result(),
    lambda name: spawn(lambda: fail(name)).result(),
)


def caught(way: Callable[[str], Any], name: str) -> str:
    try:
        way(name)
    except Exception as error:
        return repr(error)
    return "nothing"


@workflow
def of_all_ways() -> list[list[str]]:
    return [[caught(way, name) for way in WAYS] for name in MAKERS]


def test_they_pass_unchanged(memory_rig: Rig, make_worker: MakeWorker) -> None:
    here = of_all_ways()
    for found, make in zip(here, MAKERS.values(), strict=True):
        assert found[:4] == [repr(make())] * 4
        assert set(found[5:8]) == {repr(make())}
        assert all(repr(make()) in one for one in found)
    with make_worker(of_all_ways, child, async_child, fail, fail_async):
        assert memory_rig.client.start(of_all_ways).result(timeout=60) == here


@pytest.mark.parametrize("name", MAKERS)
def test_the_call_itself_raises_them(name: str) -> None:
    kind = type(MAKERS[name]())
    with pytest.raises(kind):
        child(name)
    with pytest.raises(ExceptionGroup) as several:
        asyncio.run(async_child(name))
    assert type(several.value.exceptions[0]) is kind


def test_one_of_form_1_gets_its_note() -> None:
    failure = Failure(type="Frozen", module=__name__, args=[3], traceback="there")
    found = rebuild(failure, (fail.function,))
    assert repr(found) == "Frozen(code=3)"
    assert found.__notes__ == ["Where it was raised:\nthere"]
    assert repr(rebuild(describe(Frozen(3)))) == "Frozen(code=3)"


# -- the context managers that they pass through ----------------------------------------------


@context_manager
def block(*, swallows: bool = False) -> Any:
    try:
        yield 7
    except LookupError:
        if not swallows:
            raise


@pytest.mark.parametrize("error", [KeyError("k"), StopIteration(1), ValueError("v"), Frozen(1)])
def test_a_block_raises_what_its_body_raises(error: Exception) -> None:
    with pytest.raises(type(error)) as found, block() as value:
        assert value == 7
        raise error
    assert found.value is error


def test_a_block_may_swallow_and_may_raise_another() -> None:
    with block(swallows=True):
        raise KeyError("gone")

    @context_manager
    def other() -> Any:
        try:
            yield
        except KeyError as error:
            raise ValueError("other") from error

    with pytest.raises(ValueError, match="other"), other():
        raise KeyError("one")
