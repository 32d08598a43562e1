"""`ActivityMonitor`: heartbeats of activities are heard, in plain Python and on every backend."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from partita import Activity, activity, activity_info, continue_as_new, heartbeat, workflow
from partita.errors import CancelledError, InvalidOptionError
from partita.notices import ActivityMonitor
from tests.conftest import until
from tests.language.conftest import Stage


@activity
def counting(upto: int) -> int:
    for number in range(upto):
        heartbeat({"at": number})
    return upto


@activity
async def awaiting(text: str) -> str:
    heartbeat(text)
    await asyncio.sleep(0)
    return text


class Counting(Activity):
    heartbeat_timeout = 30

    def execute(self, upto: int) -> int:
        self.heartbeat()
        self.heartbeat((upto, "é"))
        return upto


@activity(retry=2)
def shaky() -> str:
    heartbeat(f"attempt {activity_info().attempt}")
    if activity_info().attempt == 1:
        raise ValueError("not yet")
    return "done"


@activity(retry=2)
def silent() -> str:
    return "nothing to say"


@workflow
def all_of_them() -> list[Any]:
    futures = [counting.submit(1), Counting.submit(2), shaky.submit(), silent.submit()]
    return [future.result() for future in futures]


@workflow
async def asynchronous() -> str:
    return await awaiting("here")


@workflow
def parent(left: int) -> int:
    if left:
        continue_as_new(left - 1)
    return len(all_of_them())


class Heard:
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.all: list[tuple[str, Any]] = []

    def __call__(self, info: Any, details: Any) -> None:
        self.all.append((info.name, details))

    def of(self, name: str) -> list[Any]:
        return [details for one, details in self.all if one == name]


def test_heartbeats_are_heard_on_every_backend(stage: Stage) -> None:
    heard = Heard()
    stop = stage.client.listen(ActivityMonitor(heard))
    assert stage.run(all_of_them) == [1, 2, "done", "nothing to say"]
    assert stage.run(asynchronous) == "here"
    stop()
    assert heard.of("counting") == [{"at": 0}]
    assert heard.of("Counting")[0] is None  # further ones within a second may be left out
    assert set(heard.of("shaky")) == {"attempt 1", "attempt 2"}
    assert heard.of("awaiting") == ["here"]
    assert heard.of("silent") == []


def test_what_a_monitor_raises_is_logged(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    def broken(info: Any, details: Any) -> None:
        raise ValueError("no")

    stop = stage.client.listen(ActivityMonitor(broken))
    assert stage.run(all_of_them)[0] == 1
    stop()
    until(lambda: "a listener broke on activity_heartbeat" in caplog.text)


# -- plain Python --------------------------------------------------------------------------


def test_in_plain_python_the_calls_of_a_block_are_heard() -> None:
    heard, outer = Heard(), Heard()
    with ActivityMonitor(outer), ActivityMonitor(heard) as monitor:
        assert all_of_them() == [1, 2, "done", "nothing to say"]
        assert asyncio.run(asynchronous()) == "here"
    assert sorted(map(str, heard.all)) == sorted(map(str, outer.all))
    assert heard.of("Counting") == [None, (2, "é")]
    assert heard.of("shaky") == ["attempt 1", "attempt 2"]
    assert heard.of("awaiting") == ["here"]
    counting(3)
    assert heard.of("counting") == [{"at": 0}]
    with monitor:  # a child, of a run that continues another
        assert parent(1) == 4
    assert heard.of("counting") == [{"at": 0}] * 2
    assert heard.of("Counting")[2:] == [None, (2, "é")]
    with monitor, monitor:  # a second time, and inside itself
        Counting.call(1)
    assert heard.of("local") == [None, None, (1, "é"), (1, "é")]  # it is called by itself


def test_what_it_raises_is_raised_in_the_activity() -> None:
    def stop(info: Any, details: Any) -> None:
        raise CancelledError(f"{details} is enough")

    with ActivityMonitor(stop), pytest.raises(CancelledError, match="is enough"):
        counting(3)


async def _async(info: Any, details: Any) -> None: ...


@pytest.mark.parametrize("heard", [None, 3, "print", Heard, _async])
def test_what_cannot_hear_is_refused(heard: Any) -> None:
    with pytest.raises(InvalidOptionError):
        ActivityMonitor(heard)
