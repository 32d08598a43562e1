"""`is_replaying`: whether code only repeats what its history has recorded."""

from __future__ import annotations

from typing import Any

import partita
from partita import activity, query, sleep, wait_signal, workflow
from tests.language.conftest import Stage

SEEN: list[tuple[str, bool]] = []


@activity
def step(text: str) -> str:
    SEEN.append((f"in {text}", partita.is_replaying()))
    return text


def note(where: str) -> None:
    SEEN.append((where, partita.is_replaying()))


@workflow
def stepping() -> str:
    note("begun")
    step("one")
    note("after one")
    future = step.submit("two")
    note("submitted")
    future.result()
    sleep(0.001)
    note("slept")
    return "done"


@workflow
def asked() -> str:
    @query
    def is_it() -> bool:
        return partita.is_replaying()

    note("waits")
    text: str = wait_signal("go", str)
    note("goes on")
    return text


async def _parts() -> str:
    note("async")
    return await astep("x")


@activity
async def astep(text: str) -> str:
    note(f"in {text}")
    return text


@workflow
async def with_await() -> str:
    found = await _parts()
    note("awaited")
    return found


def test_every_line_runs_once_that_is_no_replay(stage: Stage) -> None:
    for flow, lines in (
        (stepping, ["begun", "in one", "after one", "submitted", "in two", "slept"]),
        (with_await, ["async", "in x", "awaited"]),
    ):
        SEEN.clear()
        stage.run(flow)
        assert sorted(where for where, again in SEEN if not again) == sorted(lines)
        assert {where for where, again in SEEN if again} <= {
            one for one in lines if not one.startswith("in ")
        }


def test_a_replay_says_so(stage: Stage) -> None:
    """A worker that comes later repeats what the first has done."""
    SEEN.clear()
    handle = stage.start(asked)
    stage.settled(handle)
    assert SEEN == [("waits", False)]
    stage.leave()
    stage.open()
    handle.signal("go", "now")
    assert handle.result(timeout=20) == "now"
    assert (SEEN[0], SEEN[-1]) == (("waits", False), ("goes on", False))
    assert set(SEEN[1:-1]) == {("waits", True)}


def test_a_query_is_no_replay(stage: Stage) -> None:
    handle: Any = stage.start(asked)
    stage.settled(handle)
    assert handle.query("is_it") is False
    handle.signal("go", "now")
    handle.result(timeout=20)


def test_in_plain_python_and_outside_nothing_is_replayed() -> None:
    SEEN.clear()
    assert stepping() == "done"
    assert partita.is_replaying() is False
    assert [again for _, again in SEEN] == [False] * 6
